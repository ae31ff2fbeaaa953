/** The AWS store as it runs in production: AWS's SDK inside workerd, every request signed and its signature verified. */
import { describe, expect, it } from 'vitest';
import { createSecretStore } from '../../functions/secrets/create-store.ts';
import { Secret } from '../../functions/secrets/secret.ts';
import { describeSecretStore } from '../contracts/secret-store.ts';
import { SecretsManager } from '../emulators/aws/secrets-manager.ts';

const credentials = { region: 'eu-central-1', accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };

function storeOver(service: SecretsManager, changes: { awsSecretAccessKey?: string } = {}) {
  return createSecretStore(
    { store: 'aws', region: credentials.region, prefix: 'perennial/', endpoint: null },
    {
      clock: Date.now,
      fetch: (input, init) => service.fetch(new Request(input, init)),
      actor: () => {
        throw new Error('the sealed store is not in use');
      },
      awsAccessKeyId: credentials.accessKeyId,
      awsSecretAccessKey: credentials.secretAccessKey,
      ...changes,
    },
  );
}

describeSecretStore('AWS Secrets Manager through the SDK in workerd', () => Promise.resolve(storeOver(new SecretsManager(credentials))));

describe('the AWS store in workerd', () => {
  it('reads once a minute and keeps its own prefix', async () => {
    const service = new SecretsManager(credentials);
    const store = storeOver(service);
    await store.put('token', new Secret('value'));
    service.calls.length = 0;
    await store.get('token');
    await store.get('token');
    expect(service.calls).toEqual(['GetSecretValue']);
    expect(service.versionsOf('perennial/token')).toBe(1);
  });

  it('is refused with a wrong key', async () => {
    const store = storeOver(new SecretsManager(credentials), { awsSecretAccessKey: 'wrong' });
    await expect(store.get('token')).rejects.toMatchObject({ code: 'secret_store_denied' });
  });
});
