/** The AWS store over HTTP, as Node runs it. Inside workerd: test/worker/secrets-aws.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AwsStoreOptions, createAwsStore } from '../../../functions/secrets/aws-store.ts';
import { Secret } from '../../../functions/secrets/secret.ts';
import { describeSecretStore } from '../../contracts/secret-store.ts';
import { listen } from '../../emulators/aws/listener.ts';
import { SecretsManager } from '../../emulators/aws/secrets-manager.ts';

const credentials = { region: 'eu-central-1', accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const service = new SecretsManager(credentials);
let listener: Awaited<ReturnType<typeof listen>>;
beforeAll(async () => {
  listener = await listen(service);
});
afterAll(() => listener.close());

let prefixes = 0;
function store(changes: Partial<AwsStoreOptions> = {}) {
  prefixes += 1;
  return createAwsStore({
    region: credentials.region,
    prefix: `perennial-${prefixes}/`,
    endpoint: listener.url,
    accessKeyId: credentials.accessKeyId,
    secretAccessKey: new Secret(credentials.secretAccessKey),
    fetch,
    ...changes,
  });
}

describeSecretStore('AWS Secrets Manager over HTTP', () => Promise.resolve(store()));

describe('the AWS store', () => {
  const failureOf = (work: Promise<unknown>) =>
    work.then(
      () => null,
      (error: unknown) => error,
    );

  it('writes no second version when the reply to a write was lost', async () => {
    const prefix = 'lost-reply/';
    const lossy = store({ prefix });
    service.faults.push({ action: 'CreateSecret', with: 'lost reply' });
    expect(await failureOf(lossy.put('token', new Secret('one')))).toMatchObject({ code: 'secret_store_unavailable', retryable: true });
    await lossy.put('token', new Secret('one'));
    service.faults.push({ action: 'PutSecretValue', with: 'lost reply' });
    expect(await failureOf(lossy.put('token', new Secret('two')))).toMatchObject({ retryable: true });
    await lossy.put('token', new Secret('two'));
    expect(service.versionsOf(`${prefix}token`)).toBe(2);
    expect((await lossy.get('token')).reveal()).toBe('two');
  });

  it('asks once and leaves the retry to its caller', async () => {
    const before = service.calls.length;
    service.faults.push({ action: 'GetSecretValue', with: { status: 400, type: 'ThrottlingException' } });
    expect(await failureOf(store().get('token'))).toMatchObject({ code: 'secret_store_unavailable', retryable: true });
    service.faults.push({ action: 'GetSecretValue', with: { status: 500, type: 'InternalServiceError' } });
    expect(await failureOf(store().get('token'))).toMatchObject({ code: 'secret_store_unavailable', retryable: true });
    expect(service.calls.length - before).toBe(2);
  });

  it.each([
    ['an unknown access key', { accessKeyId: 'AKIDOTHER' }],
    ['a wrong secret access key', { secretAccessKey: new Secret('another') }],
    ['another region', { region: 'us-east-1' }],
  ])('reports %s as denied, without quoting it', async (_what, change) => {
    const failure = await failureOf(store(change).put('token', new Secret('value-to-hide')));
    expect(failure).toMatchObject({ code: 'secret_store_denied', retryable: false });
    expect(JSON.stringify([failure, String(failure)])).not.toMatch(/value-to-hide|wJalr|another/);
  });

  it('says which Worker secrets are missing', async () => {
    expect(await failureOf(store({ accessKeyId: undefined }).get('token'))).toMatchObject({ code: 'secret_key_missing' });
  });

  it('reports an endpoint that does not answer as unavailable', async () => {
    expect(await failureOf(store({ endpoint: 'http://127.0.0.1:9' }).get('token'))).toMatchObject({ code: 'secret_store_unavailable', retryable: true });
  });

  it('lists beyond one page and only its own prefix', async () => {
    const prefix = 'paged/';
    const many = store({ prefix });
    for (let index = 0; index < 101; index += 1) await many.put(`token-${index}`, new Secret('value'));
    await store({ prefix: 'paged-elsewhere/' }).put('other', new Secret('value'));
    expect(await many.list()).toHaveLength(101);
  });
});
