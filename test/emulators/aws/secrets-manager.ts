/**
 * AWS Secrets Manager, the actions the product uses, as strict as the service: JSON 1.1 with X-Amz-Target, Signature
 * Version 4 verified, the service's own error names, version stages, client request tokens, deletion with a window.
 *
 * A function from Request to Response, so that it runs inside workerd as well as behind {@link listen}.
 */
import { z } from 'zod';
import { type AwsCredentials, verifySignature } from './signature.ts';

export interface Fault {
  /** Action it strikes, once, e.g. `PutSecretValue`. */
  action: string;
  /** An error answer instead of the work, or the work done and its answer lost. */
  with: { status: number; type: string } | 'lost reply';
}

interface Version {
  value: string;
  stages: string[];
}

interface StoredSecret {
  versions: Map<string, Version>;
  deletedAt: number | null;
}

class Refusal extends Error {
  readonly type: string;
  readonly status: number;
  constructor(type: string, message: string, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

const secretName = z
  .string()
  .min(1)
  .max(512)
  .regex(/^[A-Za-z0-9/_+=.@-]+$/);
const secretId = z.object({ SecretId: z.string().min(1).max(2_048) });
const token = z.string().min(32).max(64);
const value = z.string().min(1);
const inputs = {
  GetSecretValue: secretId,
  DescribeSecret: secretId,
  RestoreSecret: secretId,
  PutSecretValue: secretId.extend({ SecretString: value, ClientRequestToken: token }),
  CreateSecret: z.object({ Name: secretName, SecretString: value, ClientRequestToken: token, Description: z.string().max(2_048).optional() }),
  DeleteSecret: secretId.extend({ RecoveryWindowInDays: z.number().int().min(7).max(30).optional(), ForceDeleteWithoutRecovery: z.boolean().optional() }),
  ListSecrets: z.object({
    Filters: z
      .array(z.object({ Key: z.literal('name'), Values: z.array(z.string().max(512)).max(10) }))
      .max(10)
      .optional(),
    MaxResults: z.number().int().min(1).max(100).optional(),
    NextToken: z.string().optional(),
  }),
};
const MAX_BYTES = 65_536;

export class SecretsManager {
  readonly #secrets = new Map<string, StoredSecret>();
  readonly #credentials: AwsCredentials;
  readonly #clock: () => number;
  /** Faults to come, the first that matches an action strikes. */
  readonly faults: Fault[] = [];
  /** Actions that were authorised, in order. */
  readonly calls: string[] = [];

  constructor(credentials: AwsCredentials, clock: () => number = Date.now) {
    this.#credentials = credentials;
    this.#clock = clock;
  }

  /** Rejects where the network would: the reply is lost. */
  readonly fetch = async (request: Request): Promise<Response> => {
    try {
      const body = await request.text();
      const action = this.#admit(request, body);
      const fault = this.#takeFault(action);
      if (fault !== null && fault.with !== 'lost reply') throw new Refusal(fault.with.type, 'Injected.', fault.with.status);
      const answer = this.#run(action, body);
      if (fault !== null) return await Promise.reject(new TypeError('the connection was closed before the reply'));
      return reply(200, answer);
    } catch (thrown) {
      if (thrown instanceof Refusal) return reply(thrown.status, { __type: thrown.type, Message: thrown.message });
      throw thrown;
    }
  };

  /** Every value ever stored, for tests that look for leaks. */
  versionsOf(id: string): number {
    return this.#secrets.get(id)?.versions.size ?? 0;
  }

  #admit(request: Request, body: string): string {
    if (request.method !== 'POST' || new URL(request.url).pathname !== '/') throw new Refusal('UnknownOperationException', '', 404);
    const refused = verifySignature(request, body, this.#credentials, this.#clock());
    if (refused !== null) throw new Refusal(refused.type, refused.message);
    if (request.headers.get('content-type') !== 'application/x-amz-json-1.1') throw new Refusal('SerializationException', 'Unsupported content type.');
    const action = /^secretsmanager\.(\w+)$/.exec(request.headers.get('x-amz-target') ?? '')?.[1] ?? '';
    if (!Object.hasOwn(inputs, action)) throw new Refusal('UnknownOperationException', '');
    this.calls.push(action);
    return action;
  }

  #takeFault(action: string): Fault | null {
    const position = this.faults.findIndex((fault) => fault.action === action);
    return position === -1 ? null : (this.faults.splice(position, 1)[0] ?? null);
  }

  #run(action: string, body: string): object {
    switch (action) {
      case 'GetSecretValue':
        return this.#getSecretValue(input(inputs.GetSecretValue, body).SecretId);
      case 'PutSecretValue':
        return this.#putSecretValue(input(inputs.PutSecretValue, body));
      case 'CreateSecret':
        return this.#createSecret(input(inputs.CreateSecret, body));
      case 'DeleteSecret':
        return this.#deleteSecret(input(inputs.DeleteSecret, body));
      case 'RestoreSecret':
        return this.#restoreSecret(input(inputs.RestoreSecret, body).SecretId);
      case 'ListSecrets':
        return this.#listSecrets(input(inputs.ListSecrets, body));
      default:
        return this.#describeSecret(input(inputs.DescribeSecret, body).SecretId);
    }
  }

  #existing(id: string): StoredSecret {
    const found = this.#secrets.get(id);
    if (found === undefined) throw new Refusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    return found;
  }

  #usable(id: string): StoredSecret {
    const found = this.#existing(id);
    if (found.deletedAt !== null)
      throw new Refusal('InvalidRequestException', "You can't perform this operation on the secret because it was marked for deletion.");
    return found;
  }

  #getSecretValue(id: string): object {
    for (const [version, { value: text, stages }] of this.#usable(id).versions) {
      if (stages.includes('AWSCURRENT')) return { ARN: arn(id), Name: id, VersionId: version, SecretString: text, VersionStages: stages };
    }
    throw new Refusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT");
  }

  #putSecretValue(wanted: z.infer<typeof inputs.PutSecretValue>): object {
    const secret = this.#usable(wanted.SecretId);
    checkSize(wanted.SecretString);
    const known = secret.versions.get(wanted.ClientRequestToken);
    if (known !== undefined && known.value !== wanted.SecretString) {
      throw new Refusal('ResourceExistsException', 'You provided a ClientRequestToken that is already used by another version with different content.');
    }
    // A known token with the same content is ignored: no stage moves.
    if (known === undefined) addVersion(secret, wanted.ClientRequestToken, wanted.SecretString);
    return { ARN: arn(wanted.SecretId), Name: wanted.SecretId, VersionId: wanted.ClientRequestToken };
  }

  #createSecret(wanted: z.infer<typeof inputs.CreateSecret>): object {
    checkSize(wanted.SecretString);
    const present = this.#secrets.get(wanted.Name);
    if (present?.deletedAt != null)
      throw new Refusal('InvalidRequestException', "You can't create this secret because a secret with this name is already scheduled for deletion.");
    if (present !== undefined && present.versions.get(wanted.ClientRequestToken)?.value !== wanted.SecretString) {
      throw new Refusal('ResourceExistsException', `The operation failed because the secret ${wanted.Name} already exists.`);
    }
    if (present === undefined) {
      const created: StoredSecret = { versions: new Map(), deletedAt: null };
      addVersion(created, wanted.ClientRequestToken, wanted.SecretString);
      this.#secrets.set(wanted.Name, created);
    }
    return { ARN: arn(wanted.Name), Name: wanted.Name, VersionId: wanted.ClientRequestToken };
  }

  #deleteSecret(wanted: z.infer<typeof inputs.DeleteSecret>): object {
    if (wanted.ForceDeleteWithoutRecovery === true && wanted.RecoveryWindowInDays !== undefined) {
      throw new Refusal('InvalidParameterException', "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.");
    }
    const secret = this.#existing(wanted.SecretId);
    if (wanted.ForceDeleteWithoutRecovery === true) this.#secrets.delete(wanted.SecretId);
    else if (secret.deletedAt === null) secret.deletedAt = this.#clock();
    else throw new Refusal('InvalidRequestException', "You can't perform this operation on the secret because it was marked for deletion.");
    return { ARN: arn(wanted.SecretId), Name: wanted.SecretId, DeletionDate: this.#clock() / 1_000 };
  }

  #restoreSecret(id: string): object {
    this.#existing(id).deletedAt = null;
    return { ARN: arn(id), Name: id };
  }

  #describeSecret(id: string): object {
    const secret = this.#existing(id);
    return {
      ARN: arn(id),
      Name: id,
      VersionIdsToStages: Object.fromEntries([...secret.versions].map(([version, { stages }]) => [version, stages])),
      ...(secret.deletedAt === null ? {} : { DeletedDate: secret.deletedAt / 1_000 }),
    };
  }

  #listSecrets(wanted: z.infer<typeof inputs.ListSecrets>): object {
    const prefixes = wanted.Filters?.flatMap((filter) => filter.Values) ?? [''];
    const names = [...this.#secrets]
      .filter(([name, { deletedAt }]) => deletedAt === null && prefixes.some((prefix) => name.startsWith(prefix)))
      .map(([name]) => name);
    const start = wanted.NextToken === undefined ? 0 : Number(wanted.NextToken);
    if (!Number.isInteger(start)) throw new Refusal('InvalidNextTokenException', 'The NextToken value is invalid.');
    const end = start + (wanted.MaxResults ?? 100);
    return { SecretList: names.slice(start, end).map((name) => ({ ARN: arn(name), Name: name })), ...(end < names.length ? { NextToken: String(end) } : {}) };
  }
}

function input<S extends z.ZodType>(schema: S, body: string): z.infer<S> {
  const parsed = schema.safeParse(JSON.parse(body));
  if (!parsed.success) throw new Refusal('ValidationException', `1 validation error detected: ${parsed.error.issues[0]?.path.join('.') ?? ''}`);
  return parsed.data;
}

/** The version becomes current, the one before it previous; any older one loses its labels. */
function addVersion(secret: StoredSecret, id: string, text: string): void {
  for (const version of secret.versions.values()) version.stages = version.stages.includes('AWSCURRENT') ? ['AWSPREVIOUS'] : [];
  secret.versions.set(id, { value: text, stages: ['AWSCURRENT'] });
}

function checkSize(text: string): void {
  if (new TextEncoder().encode(text).byteLength > MAX_BYTES)
    throw new Refusal('InvalidParameterException', `You've exceeded the size limit of ${MAX_BYTES} bytes.`);
}

function arn(name: string): string {
  return `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${name}-AbCdEf`;
}

function reply(status: number, body: object): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': crypto.randomUUID() } });
}
