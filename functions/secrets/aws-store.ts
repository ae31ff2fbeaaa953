/**
 * The SecretStore in AWS Secrets Manager under one prefix, through AWS's own SDK over the injected fetch.
 *
 * The SDK is loaded at the first use: it would cost every start of the Worker, and most deployments do without.
 * Credentials are given explicitly and nothing is retried here: backoff belongs to the caller, who persists it.
 */
import { SECOND } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import { createAwsHttpHandler } from './aws-http-handler.ts';
import { Secret } from './secret.ts';
import { checkName, checkValue, notFound, secretNameSchema, type SecretStore } from './store.ts';

/** A removed secret can be restored for this many days, the shortest window AWS has. */
const RECOVERY_DAYS = 7;
const DEADLINE_MS = 10 * SECOND;

export interface AwsStoreOptions {
  region: string;
  /** Comes before every name, e.g. `perennial/`. */
  prefix: string;
  /** Another endpoint than AWS's own for the region, or null. */
  endpoint: string | null;
  accessKeyId: string | undefined;
  secretAccessKey: Secret | undefined;
  fetch: typeof globalThis.fetch;
}

type Sdk = typeof import('@aws-sdk/client-secrets-manager');

export function createAwsStore(options: AwsStoreOptions): SecretStore {
  const { prefix } = options;
  let loading: Promise<{ sdk: Sdk; client: InstanceType<Sdk['SecretsManagerClient']> }> | null = null;
  const load = () => {
    loading ??= connect(options);
    return loading;
  };

  /** The current version, or null when there is none or it is marked for deletion. */
  async function current(name: string): Promise<{ value: string; version: string } | null> {
    const { sdk, client } = await load();
    try {
      const { SecretString: value, VersionId: version } = await client.send(new sdk.GetSecretValueCommand({ SecretId: `${prefix}${name}` }));
      if (value === undefined || version === undefined) throw unavailable('AWS Secrets Manager answered without a value.');
      return { value, version };
    } catch (thrown) {
      if (isNamed(thrown, 'ResourceNotFoundException') || isMarkedForDeletion(thrown)) return null;
      throw translated(thrown);
    }
  }

  async function write(name: string, value: string, base: string): Promise<void> {
    const { sdk, client } = await load();
    const id = `${prefix}${name}`;
    const token = await requestToken(options, name, value, base);
    const update = () => client.send(new sdk.PutSecretValueCommand({ SecretId: id, SecretString: value, ClientRequestToken: token }));
    try {
      await update();
    } catch (thrown) {
      if (isMarkedForDeletion(thrown)) {
        await client.send(new sdk.RestoreSecretCommand({ SecretId: id }));
        await update();
        return;
      }
      if (!isNamed(thrown, 'ResourceNotFoundException')) throw thrown;
      await client.send(new sdk.CreateSecretCommand({ Name: id, SecretString: value, ClientRequestToken: token, Description: 'Written by Perennial' }));
    }
  }

  return {
    async put(name, secret) {
      checkName(name);
      checkValue(secret);
      const before = await current(name);
      if (before?.value === secret.reveal()) return;
      try {
        await write(name, secret.reveal(), before?.version ?? 'none');
      } catch (thrown) {
        throw translated(thrown);
      }
    },
    async get(name) {
      checkName(name);
      const found = await current(name);
      if (found === null) throw notFound(name);
      return new Secret(found.value);
    },
    async has(name) {
      checkName(name);
      return (await current(name)) !== null;
    },
    async list() {
      const { sdk, client } = await load();
      const names: string[] = [];
      let token: string | undefined;
      try {
        do {
          const page = await client.send(
            new sdk.ListSecretsCommand({ Filters: [{ Key: 'name', Values: [prefix] }], MaxResults: 100, ...(token === undefined ? {} : { NextToken: token }) }),
          );
          for (const { Name: id } of page.SecretList ?? []) {
            // Others may keep secrets below the same prefix.
            if (id?.startsWith(prefix) === true && secretNameSchema.safeParse(id.slice(prefix.length)).success) names.push(id.slice(prefix.length));
          }
          token = page.NextToken;
        } while (token !== undefined);
      } catch (thrown) {
        throw translated(thrown);
      }
      return names.toSorted();
    },
    async remove(name) {
      checkName(name);
      const { sdk, client } = await load();
      try {
        await client.send(new sdk.DeleteSecretCommand({ SecretId: `${prefix}${name}`, RecoveryWindowInDays: RECOVERY_DAYS }));
      } catch (thrown) {
        if (!isNamed(thrown, 'ResourceNotFoundException') && !isMarkedForDeletion(thrown)) throw translated(thrown);
      }
    },
  };
}

async function connect(options: AwsStoreOptions) {
  const { accessKeyId, secretAccessKey, region, endpoint } = options;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new PerennialError('secret_key_missing', 'The Worker secrets AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set.', {
      hint: 'Set both with: npx wrangler secret put AWS_ACCESS_KEY_ID (and AWS_SECRET_ACCESS_KEY), of a user who may use this prefix only.',
    });
  }
  const sdk = await import('@aws-sdk/client-secrets-manager');
  const client = new sdk.SecretsManagerClient({
    region,
    ...(endpoint === null ? {} : { endpoint }),
    credentials: { accessKeyId, secretAccessKey: secretAccessKey.reveal() },
    maxAttempts: 1,
    requestHandler: createAwsHttpHandler(options.fetch, DEADLINE_MS),
  });
  return { sdk, client };
}

/**
 * Makes a repeated write harmless (AWS ignores a known token with the same content). It depends on the version that is
 * replaced, so that going back to an older value is a new write; and it is keyed, because AWS logs it.
 */
async function requestToken(options: AwsStoreOptions, name: string, value: string, base: string): Promise<string> {
  const encoder = new TextEncoder();
  const key = await crypto.subtle.importKey('raw', encoder.encode(options.secretAccessKey?.reveal() ?? ''), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const tag = new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(JSON.stringify([options.prefix, name, base, value]))));
  return Array.from(tag, (octet) => octet.toString(16).padStart(2, '0')).join('');
}

function isNamed(thrown: unknown, name: string): thrown is Error {
  return thrown instanceof Error && thrown.name === name;
}

/** AWS has no error of its own for it. */
function isMarkedForDeletion(thrown: unknown): boolean {
  return isNamed(thrown, 'InvalidRequestException') && /marked (for|as) delet|scheduled for deletion/i.test(thrown.message);
}

const DENIED = new Set([
  'AccessDeniedException',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'ExpiredTokenException',
  'IncompleteSignature',
  'MissingAuthenticationTokenException',
  'InvalidClientTokenId',
  'OptInRequired',
  'DecryptionFailure',
]);
const REFUSED = new Set([
  'InvalidParameterException',
  'InvalidRequestException',
  'ValidationException',
  'LimitExceededException',
  'ResourceExistsException',
  'EncryptionFailure',
  'MalformedPolicyDocumentException',
]);

/** By name only: messages of the SDK may quote the request. */
function translated(thrown: unknown): PerennialError {
  if (thrown instanceof PerennialError) return thrown;
  const name = thrown instanceof Error ? thrown.name : 'unknown';
  if (DENIED.has(name)) {
    return new PerennialError('secret_store_denied', `AWS Secrets Manager refuses the credentials (${name}).`, {
      hint: 'Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, the region, and that the policy allows the prefix.',
    });
  }
  if (REFUSED.has(name)) return new PerennialError('secret_store_refused', `AWS Secrets Manager refuses the request (${name}).`);
  return unavailable(`AWS Secrets Manager cannot be used right now (${name.slice(0, 80)}).`);
}

function unavailable(message: string): PerennialError {
  return new PerennialError('secret_store_unavailable', message, { retryable: true });
}
