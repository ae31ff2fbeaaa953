/**
 * What the ACME layer asks of the one actor per CA directory, {@link CaObject}: plain data both ways, errors as Outcome.
 */
import { z } from 'zod';
import type { Outcome } from '../../shared/errors.ts';
import type { Authority } from '../config/configuration.ts';
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
}

/** What CAA records say of a CA (RFC 8659 §4.2, RFC 8657 §3). */
export interface AuthorityIdentity {
  /** As its directory (RFC 8555 §7.1.1) or the configuration names it; empty when neither does. */
  identities: string[];
  /** Null while no account is registered. */
  accountUrl: string | null;
}

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
]);
export type Observation = z.infer<typeof observationSchema>;

export interface CaActor {
  /** The registered account, registering it first when there is none. Throws through the Outcome: `acme_*`, `secret_*`. */
  open(request: OpenRequest): Promise<Outcome<OpenAnswer>>;
  /** The directory alone; `fresh` bypasses the cache. */
  directory(request: AuthorityRequest & { fresh?: boolean }): Promise<Outcome<DirectoryAnswer>>;
  /** How CAA records know the CA and our account there; registers nothing. */
  identity(request: AuthorityRequest): Promise<Outcome<AuthorityIdentity>>;
  /** Enters an order into the ledger before it is sent; refused with `acme_breaker_open` while a limit holds for these names. */
  admit(order: { names: string[]; replaces: boolean }): Promise<Outcome<null>>;
  observe(observation: Observation): Promise<Outcome<null>>;
}
