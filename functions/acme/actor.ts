/**
 * What the ACME layer asks of the one actor per CA directory, {@link CaObject}: plain data both ways, errors as Outcome.
 */
import { z } from 'zod';
import type { Outcome } from '../../shared/errors.ts';
import { type Authority, bucketSchema } from '../config/configuration.ts';
import type { OrderToAdmit } from './ledger.ts';
import type { Directory } from './resources.ts';
import type { Route } from './transport.ts';

/** The caller's snapshot of its configuration; the actor keeps none of its own. */
export interface AuthorityRequest {
  authority: Authority;
  /** Clusters whose relays may carry requests when `egress` is `auto`, in order of preference. */
  clusters: string[];
}

export interface OpenRequest extends AuthorityRequest {
  /** An account URL that the CA has just disowned: look the account up again by its key. */
  disowned?: string;
  /** False: an account that is not there is not registered, `acme_account_not_registered`. */
  register?: boolean;
  /** A person asks: a stopped account is tried again at once. */
  insist?: boolean;
  /** Who asks, so that a refusal can name a moment of its own to come back. */
  caller?: string;
}

export interface DirectoryAnswer {
  directory: Directory;
  /** The route that worked last. */
  route: Route;
}

export interface OpenAnswer extends DirectoryAnswer {
  accountUrl: string;
  /** Name of the account key in the SecretStore. */
  keyName: string;
  /** The account is stopped and this caller is the one that tries it: a success is to be observed as `account-works`. */
  probe?: boolean;
}

/** What CAA records say of a CA (RFC 8659 §4.2, RFC 8657 §3). */
export interface AuthorityIdentity {
  /** As its directory (RFC 8555 §7.1.1) or the configuration names it; empty when neither does. */
  identities: string[];
  /** Null while no account is registered. */
  accountUrl: string | null;
}

export interface RolloverRequest extends AuthorityRequest {
  /** Names this rollover: the same again answers what the first did. `[a-z0-9-]{1,64}`. */
  request: string;
}

export interface RolloverAnswer {
  accountUrl: string;
  /** Name of the account's new key in the SecretStore. */
  keyName: string;
}

/** Usually the name of a certificate. */
export const callerSchema = z.string().min(1).max(200);

const names = z.array(z.string().max(253)).min(1).max(100);
const url = z.url().max(2_048);

/** What a session learned that later sessions of every certificate should know. */
export const observationSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('route'),
    route: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('direct') }),
      z.strictObject({ kind: z.literal('relay'), cluster: z.string().max(63) }),
    ]),
  }),
  z.strictObject({
    kind: z.literal('refusal'),
    /** `authority`, `account`, `domain:<name>`, `set:<names>`, `failures:<name>`. */
    scope: z.string().max(4_000),
    class: z.enum(['limit', 'overload']),
    /** Unix milliseconds. */
    until: z.number().int().nonnegative(),
    detail: z.string().max(500),
  }),
  z.strictObject({
    kind: z.literal('account-refused'),
    code: z.string().max(64),
    message: z.string().max(1_000),
    hint: z.string().max(1_000).nullable(),
    /** What of the CA's configuration was refused. */
    configuration: z.string().max(4_000),
  }),
  /** The CA has taken something that our account signed. */
  z.strictObject({ kind: z.literal('account-works') }),
  /** The CA certainly has no order of this attempt. */
  z.strictObject({ kind: z.literal('unplaced'), attempt: z.string().max(200) }),
  z.strictObject({ kind: z.literal('order-invalid'), order: url, names }),
  z.strictObject({ kind: z.literal('issued'), names }),
  z.strictObject({
    kind: z.literal('validation-failed'),
    failures: z
      .array(z.strictObject({ authorization: url, name: z.string().max(255) }))
      .min(1)
      .max(100),
    bucket: bucketSchema,
  }),
  /** A URL of the directory leads nowhere. */
  z.strictObject({ kind: z.literal('directory-moved') }),
]);
export type Observation = z.infer<typeof observationSchema>;

export interface CaActor {
  /** A place among those that issue at once, before the first question of an order: null, or Unix ms at which to come back. */
  enter(caller: string): Promise<Outcome<number | null>>;
  /** Gives the place back; whoever has none may call it as well. */
  leave(caller: string): Promise<Outcome<null>>;
  /** The registered account, registering it first when there is none. Throws through the Outcome: `acme_*`, `secret_*`. */
  open(request: OpenRequest): Promise<Outcome<OpenAnswer>>;
  /** The directory alone; `fresh` bypasses the cache. Registers nothing. */
  directory(request: AuthorityRequest & { fresh?: boolean }): Promise<Outcome<DirectoryAnswer>>;
  /** How CAA records know the CA and our account there; registers nothing. */
  identity(request: AuthorityRequest): Promise<Outcome<AuthorityIdentity>>;
  /**
   * Enters an order into the ledger before it is sent; refused with `acme_breaker_open` while a limit holds for these names,
   * with `acme_limit_predicted` when the CA would refuse it.
   */
  admit(order: OrderToAdmit): Promise<Outcome<null>>;
  observe(observation: Observation): Promise<Outcome<null>>;
  /**
   * Gives the account a new key (RFC 8555 §7.3.5). Safe to repeat. `acme_rollover_not_offered`, `acme_rollover_unsettled`
   * (retryable: the CA could not be asked which key it knows), `acme_account_not_registered`.
   */
  rollover(request: RolloverRequest): Promise<Outcome<RolloverAnswer>>;
}
