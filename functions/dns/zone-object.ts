/**
 * One DNS zone at its vendor (DESIGN §3), named `<provider>:<zone id>`: the ledger of everything we write there, the one
 * writer, and the janitor that removes what crashes left behind. It never touches what is not in its ledger.
 */
import { DurableObject } from 'cloudflare:workers';
import { z } from 'zod';
import { DAY, MINUTE } from '../../shared/clock.ts';
import { settle, toPerennialError, type Outcome } from '../../shared/errors.ts';
import type { Environment } from '../environment.ts';
import { once } from '../storage/operations.ts';
import { DnsError } from './dns-error.ts';
import { DEAD_MAN_MS, nextJanitorRun } from './janitor.ts';
import { Ledger } from './ledger.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import type { ZoneDependencies } from './wiring.ts';
import {
  cleanUpRequestSchema,
  presentRequestSchema,
  type CleanUpRequest,
  type OwnedRecord,
  type PresentRequest,
  type ZoneHealth,
  type ZonePort,
} from './zone-requests.ts';
import { ZoneWriter } from './zone-writer.ts';

/** A challenge record that nobody cleaned up is removed after this long: no authorization stays pending longer. */
const CHALLENGE_LIFETIME_MS = 3 * DAY;
/** Rows the janitor takes on in one run. */
const JANITOR_BATCH = 100;
/** Rows a listing shows. */
const MAX_LISTED = 1_000;

export class ZoneObject extends DurableObject<Environment> implements ZonePort {
  readonly #ledger: Ledger;
  #parts: { dependencies: ZoneDependencies; writer: ZoneWriter } | undefined;

  constructor(state: DurableObjectState, env: Environment) {
    super(state, env);
    this.#ledger = new Ledger(state.storage);
  }

  /** Overridden by composition and by tests. */
  protected dependencies(): ZoneDependencies {
    throw new DnsError('dns_vendor_removed', 'This zone has no connection to its vendor.');
  }

  present(request: PresentRequest): Promise<Outcome<null>> {
    return settle(async () => {
      const { vendor, zone, owner, operation, records } = readRequest(presentRequestSchema, request);
      return once(this.#ledger.sql, `present ${operation}`, this.#now(), z.null(), async () => {
        const now = this.#now();
        this.#ledger.use(vendor, zone, now);
        const entries = records.map((record) => this.#ledger.want(owner, { type: 'TXT', ...record }, now, now + CHALLENGE_LIFETIME_MS));
        await this.#janitorBy(now + CHALLENGE_LIFETIME_MS);
        await this.#commit(entries.map(({ id }) => id));
        this.#refuseWithdrawn(entries.map(({ id }) => id));
        return null;
      });
    });
  }

  cleanUp(request: CleanUpRequest): Promise<Outcome<null>> {
    return settle(async () => {
      const { owner, operation } = readRequest(cleanUpRequestSchema, request);
      return once(this.#ledger.sql, `clean-up ${operation}`, this.#now(), z.null(), async () => {
        const entries = this.#ledger.release(owner);
        if (entries.length === 0) return null;
        await this.#janitorBy(this.#now() + DEAD_MAN_MS);
        await this.#commit(entries.map(({ id }) => id));
        return null;
      });
    });
  }

  /** Null while the zone has never been used. */
  health(): Promise<Outcome<ZoneHealth | null>> {
    return settle(() => {
      const state = this.#ledger.zone();
      if (state === null) return null;
      const { live, removing } = this.#ledger.outlook();
      const { zone, lastSuccessAt, lastError } = state;
      return { provider: this.#ledger.vendors()[0]?.provider ?? '', stopped: null, waiting: null, declared: null, zoneId: zone.id, zoneName: zone.name, vendors: this.#ledger.vendors().map(({ name }) => name), lastSuccessAt, lastError, live, removing };
    });
  }

  /** What we believe we own in this zone. */
  owned(): Promise<Outcome<OwnedRecord[]>> {
    return settle(() => this.#ledger.live(MAX_LISTED).map(toOwned));
  }

  /** The janitor. Never throws: an alarm that throws is dropped for good after seven runs (measured). */
  override async alarm(): Promise<void> {
    try {
      await this.ctx.storage.setAlarm(this.#now() + DEAD_MAN_MS);
      this.#ledger.expire(this.#now());
      await this.#commit(this.#ledger.removing(JANITOR_BATCH).map(({ id }) => id));
    } catch (thrown) {
      console.warn(JSON.stringify({ event: 'zone_janitor_failed', code: toPerennialError(thrown).code }));
      // The failure is in the zone's health, and #commit has set the next run; at worst the dead-man alarm comes.
    }
  }

  /** Commits and leaves the janitor's next run, whatever happens. */
  async #commit(entries: readonly number[]): Promise<void> {
    let retryAt: number | null = null;
    try {
      const failures = await this.#connected().writer.commit(entries);
      const [failure] = entries.flatMap((entry) => failures.get(entry) ?? []);
      if (failure !== undefined) throw failure;
      if (entries.length > 0) this.#ledger.noteSuccess(this.#now());
    } catch (thrown) {
      const error = toPerennialError(thrown);
      retryAt = error.retryAt ?? null;
      this.#ledger.noteFailure(error.toData(), this.#now());
      throw thrown;
    } finally {
      await this.#scheduleJanitor(retryAt);
    }
  }

  #refuseWithdrawn(ids: readonly number[]): void {
    const withdrawn = this.#ledger.entries(ids).find(({ state }) => state !== 'written');
    if (withdrawn !== undefined) throw new DnsError('dns_withdrawn', `${withdrawn.name} was cleaned up while it was being published.`, { retryable: true });
  }

  /** Makes sure that the janitor comes at `time` at the latest, even if this life of the object ends now. */
  async #janitorBy(time: number): Promise<void> {
    const planned = await this.ctx.storage.getAlarm();
    if (planned === null || planned > time) await this.ctx.storage.setAlarm(time);
  }

  async #scheduleJanitor(retryAt: number | null): Promise<void> {
    const next = nextJanitorRun(this.#now(), this.#ledger.outlook(), this.#ledger.zone()?.failures ?? 0, retryAt);
    const planned = await this.ctx.storage.getAlarm();
    if (next === null) await this.ctx.storage.deleteAlarm();
    else if (planned === null || Math.abs(planned - next) > MINUTE) await this.ctx.storage.setAlarm(next);
  }

  /** The platform's time stands in while there are no dependencies (an invalid configuration): the janitor must go on. */
  #now(): number {
    try {
      return this.#connected().dependencies.clock();
    } catch {
      return Date.now();
    }
  }

  #connected(): { dependencies: ZoneDependencies; writer: ZoneWriter } {
    if (this.#parts === undefined) {
      const dependencies = this.dependencies();
      this.#parts = { dependencies, writer: new ZoneWriter(this.#ledger, dependencies) };
    }
    return this.#parts;
  }
}

function toOwned({ owner, name, type, value, state, recordId, found, createdAt, expiresAt }: LedgerEntry): OwnedRecord {
  return { owner, name, type, value, state, recordId, found, createdAt, expiresAt };
}

function readRequest<S extends z.ZodType>(schema: S, request: unknown): z.infer<S> {
  const parsed = schema.safeParse(request);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new DnsError('dns_refused', `The request is malformed at ${issue?.path.join('.') ?? 'its root'}.`, { cause: parsed.error });
}
