/**
 * One CA directory (DESIGN §3), named by its URL: the account, the directory, the route, the ledger of orders, the
 * breakers. Thin: the logic is {@link AuthorityRecord}, the rows are {@link createAuthorityStorage}.
 */
import { DurableObject } from 'cloudflare:workers';
import { type Outcome, settle } from '../../shared/errors.ts';
import { certificateWaker, relays, secretStore } from '../composition.ts';
import type { Limits } from '../config/configuration.ts';
import type { Environment } from '../environment.ts';
import type { Restoration } from '../../shared/backup/restoration.ts';
import {
  type AuthorityIdentity,
  type AuthorityRequest,
  type CaActor,
  callerSchema,
  type DirectoryAnswer,
  type Observation,
  observationSchema,
  type OpenAnswer,
  type OpenRequest,
  type RolloverAnswer,
  type RolloverRequest,
} from './actor.ts';
import { authorityStatus, type AuthorityStatus } from './authority-status.ts';
import { AuthorityRecord } from './authority.ts';
import { dumpAuthority, restoreAuthority } from './authority-backup.ts';
import { type AuthorityDump, authorityDumpSchema } from './authority-dump.ts';
import type { AuthorityState } from './authority-state.ts';
import { createAuthorityStorage } from './authority-storage.ts';
import type { OrderToAdmit } from './ledger.ts';

export class CaObject extends DurableObject<Environment> implements CaActor {
  readonly #state: AuthorityState;
  #record: AuthorityRecord | null = null;

  constructor(context: DurableObjectState, environment: Environment) {
    super(context, environment);
    this.#state = createAuthorityStorage(context.storage);
  }

  enter(caller: string): Promise<Outcome<number | null>> {
    return settle(async () => {
      const { askAgainAt, called } = this.#authority().enter(callerSchema.parse(caller));
      await this.#call(called);
      return askAgainAt;
    });
  }

  leave(caller: string): Promise<Outcome<null>> {
    return settle(async () => {
      await this.#call(this.#authority().leave(callerSchema.parse(caller)));
      return null;
    });
  }

  open(request: OpenRequest): Promise<Outcome<OpenAnswer>> {
    return settle(() => this.#authority().open(request));
  }

  directory(request: AuthorityRequest & { fresh?: boolean }): Promise<Outcome<DirectoryAnswer>> {
    return settle(() => this.#authority().directory(request));
  }

  /** Asks the CA for its directory, and for the account of a stored key, at most. */
  identity(request: AuthorityRequest): Promise<Outcome<AuthorityIdentity>> {
    return settle(() => this.#authority().identity(request));
  }

  /** The release before names neither attempt nor limits: each of its calls is an attempt of its own, which nothing but breakers refuses. */
  admit(order: Pick<OrderToAdmit, 'names' | 'replaces'> & Partial<OrderToAdmit>): Promise<Outcome<null>> {
    return settle(() => {
      this.#authority().admit({ attempt: crypto.randomUUID(), inWindow: false, emergency: false, renewal: false, limits: null, caller: null, ...order });
      return null;
    });
  }

  observe(observation: Observation): Promise<Outcome<null>> {
    return settle(() => {
      this.#authority().observe(observationSchema.parse(observation));
      return null;
    });
  }

  /** RFC 8555 §7.3.5. Safe to repeat with the same `request`. */
  rollover(request: RolloverRequest): Promise<Outcome<RolloverAnswer>> {
    return settle(() => this.#authority().rollover(request));
  }

  /** For a backup: the account and the ledger. */
  dump(): Promise<Outcome<AuthorityDump>> {
    return settle(() => dumpAuthority(this.ctx.storage, this.#state));
  }

  /** Brings a backup's account and ledger back, beside what is here. Idempotent. */
  restoreDump(dump: AuthorityDump, keyIsSame: boolean, dryRun: boolean): Promise<Outcome<Restoration>> {
    return settle(() => restoreAuthority(this.ctx.storage, this.#state, authorityDumpSchema.parse(dump), { now: Date.now(), keyIsSame, dryRun }));
  }

  /** What is known here, for people; nobody else is asked. @param limits of this CA, from the configuration. */
  status(limits: Limits | null): Promise<Outcome<AuthorityStatus>> {
    return settle(() => authorityStatus(this.#state, limits, Date.now()));
  }

  /** Tells those who waited for a place that they have one. Best effort: one that is not reached asks again by itself. */
  async #call(callers: readonly string[]): Promise<void> {
    const certificates = certificateWaker(this.env);
    await Promise.allSettled(callers.map((caller) => certificates.wake(caller, 'alarm')));
  }

  /** Made on first use: an invalid configuration must fail a call with its reason, not the object's constructor. */
  #authority(): AuthorityRecord {
    this.#record ??= new AuthorityRecord(this.#state, {
      clock: () => Date.now(),
      fetch: (input, init) => fetch(input, init),
      relayEgress: (cluster, request) => relays(this.env, null).egress(cluster, request),
      secrets: secretStore(this.env),
    });
    return this.#record;
  }
}
