/**
 * One DNS zone at its vendor (DESIGN §3), named `<provider>:<zone id>`: the ledger of everything we write there, the one
 * writer, and the janitor that removes what crashes left behind. It never touches what is not in its ledger.
 *
 * A vendor that changes single records is written to while the caller waits; one that replaces whole zones by the alarm.
 */
import { DurableObject } from 'cloudflare:workers';
import { z } from 'zod';
import { DAY, MINUTE } from '../../shared/clock.ts';
import { settle, toPerennialError, type Outcome } from '../../shared/errors.ts';
import type { Environment } from '../environment.ts';
import { once } from '../storage/operations.ts';
import type { Restoration } from '../../shared/backup/restoration.ts';
import { audit, toOwned } from './audit.ts';
import { TABLE_PROVIDERS } from './create-provider.ts';
import { DnsError } from './dns-error.ts';
import { DEAD_MAN_MS, nextJanitorRun } from './janitor.ts';
import { Ledger } from './ledger.ts';
import type { ZoneDependencies } from './wiring.ts';
import { dumpZone, restoreZone } from './zone-backup.ts';
import { zoneDumpSchema, type ZoneDump } from './zone-dump.ts';
import { connectZone, type ZoneParts } from './zone-parts.ts';
import {
  cleanUpRequestSchema,
  declareRequestSchema,
  examineRequestSchema,
  presentedSchema,
  presentRequestSchema,
  type AuditedRecord,
  type CleanUpRequest,
  type DeclaredPlan,
  type DeclareRequest,
  type Examination,
  type ExamineRequest,
  type OwnedRecord,
  type Presented,
  type PresentRequest,
  type RestorePreview,
  type SnapshotSummary,
  type ZoneAdministration,
  type ZoneHealth,
  type ZonePort,
} from './zone-requests.ts';

/** A challenge record that nobody cleaned up is removed after this long: no authorization stays pending longer. */
const CHALLENGE_LIFETIME_MS = 3 * DAY;
/** Rows the janitor takes on in one run. */
const JANITOR_BATCH = 100;
/** Rows a listing shows. */
const MAX_LISTED = 1_000;

/** Refusals that say nothing about the zone. */
const ABOUT_A_NAME: ReadonlySet<string> = new Set(['dns_name_too_long', 'dns_name_is_alias']);

export class ZoneObject extends DurableObject<Environment> implements ZonePort, ZoneAdministration {
  readonly #ledger: Ledger;
  #parts: ZoneParts | undefined;
  /** What the vendor of single records asked for when it failed last; lost with this life of the object. */
  #retryAt: number | null = null;

  constructor(state: DurableObjectState, env: Environment) {
    super(state, env);
    this.#ledger = new Ledger(state.storage);
  }

  /** Overridden by composition and by tests. */
  protected dependencies(): ZoneDependencies {
    throw new DnsError('dns_vendor_removed', 'This zone has no connection to its vendor.');
  }

  present(request: PresentRequest): Promise<Outcome<Presented>> {
    return settle(async () => {
      const { vendor, zone, owner, operation, records } = readRequest(presentRequestSchema, request);
      const now = this.#now();
      const want = () => {
        this.#ledger.use(vendor, zone, now);
        return records.map((record) => this.#ledger.want(owner, { type: 'TXT', ...record }, now, now + CHALLENGE_LIFETIME_MS).id);
      };
      if (TABLE_PROVIDERS.has(vendor.provider)) return this.#scheduled(() => this.#connected().table.publish(operation, want));
      // Null is what an earlier release remembered.
      const presented = await once(this.#ledger.sql, `present ${operation}`, now, presentedSchema.nullable(), async () => {
        const entries = want();
        await this.#janitorBy(now + CHALLENGE_LIFETIME_MS);
        await this.#commit(entries);
        this.#refuseWithdrawn(entries);
        return { retryAt: null };
      });
      return presented ?? { retryAt: null };
    });
  }

  cleanUp(request: CleanUpRequest): Promise<Outcome<null>> {
    return settle(async () => {
      const { owner, operation } = readRequest(cleanUpRequestSchema, request);
      return once(this.#ledger.sql, `clean-up ${operation}`, this.#now(), z.null(), async () => {
        const entries = this.#ledger.release(owner);
        if (entries.length === 0) return null;
        await this.#janitorBy(this.#now() + DEAD_MAN_MS);
        if (this.#isTable()) await this.#scheduled(() => this.#connected().table.tidy());
        else await this.#commit(entries.map(({ id }) => id));
        return null;
      });
    });
  }

  examine(request: ExamineRequest): Promise<Outcome<Examination>> {
    return settle(async () => {
      const { vendor, zone, records } = readRequest(examineRequestSchema, request);
      this.#ledger.use(vendor, zone, this.#now());
      return this.#scheduled(async () => {
        try {
          return await this.#examine(vendor, zone, records);
        } catch (thrown) {
          const error = toPerennialError(thrown);
          // People look at the zone when a certificate waits for it; what is wrong with one name is the certificate's alone.
          if (!ABOUT_A_NAME.has(error.code)) this.#ledger.noteRefusal(error.toData(), this.#now());
          throw thrown;
        }
      });
    });
  }

  async #examine(vendor: ExamineRequest['vendor'], zone: ExamineRequest['zone'], records: ExamineRequest['records']): Promise<Examination> {
    const { table, dependencies } = this.#connected();
    if (TABLE_PROVIDERS.has(vendor.provider)) return table.examine({ records });
    const provider = dependencies.provider(vendor);
    if (provider.kind !== 'records') return { nameServers: null };
    if (!this.#hasWritten()) await provider.check(zone);
    return { nameServers: await provider.nameServers(zone) };
  }

  declare(request: DeclareRequest): Promise<Outcome<null>> {
    return settle(async () => {
      const declaration = readRequest(declareRequestSchema, request);
      await this.#scheduled(() => this.#connected().declared.declare(declaration));
      return null;
    });
  }

  /** Null while the zone has never been used. */
  health(): Promise<Outcome<ZoneHealth | null>> {
    return settle(() => this.#health());
  }

  audit(): Promise<Outcome<AuditedRecord[]>> {
    return settle(async () => {
      const entries = this.#ledger.live(MAX_LISTED);
      return entries.length === 0 ? [] : audit(entries, await this.#connected().listAbout(entries));
    });
  }

  plan(): Promise<Outcome<DeclaredPlan | null>> {
    return settle(() =>
      this.#scheduled(async () => {
        const { plan, table } = this.#connected();
        const planned = await plan();
        if (planned === null) return null;
        return { ...planned, records: planned.records.map((record) => ({ ...record, why: record.why ?? table.refusalOf(record) })) };
      }),
    );
  }

  approve(digest: string): Promise<Outcome<null>> {
    return settle(async () => {
      const { declared, plan } = this.#connected();
      const planned = await plan();
      if (planned === null) throw new DnsError('dns_zone_changed', 'Nothing is declared in this zone any more.');
      declared.approve(digest, planned);
      await this.#enact(planned);
      return null;
    });
  }

  snapshots(): Promise<Outcome<SnapshotSummary[]>> {
    return settle(() => (this.#isTable() ? this.#connected().table.snapshots() : []));
  }

  previewRestore(snapshot: number): Promise<Outcome<RestorePreview>> {
    return settle(() => this.#wholeZone().previewRestore(snapshot));
  }

  restore(snapshot: number, digest: string): Promise<Outcome<null>> {
    return settle(async () => {
      await this.#scheduled(() => this.#wholeZone().restore(snapshot, digest));
      return null;
    });
  }

  release(): Promise<Outcome<null>> {
    return settle(async () => {
      if (this.#isTable()) await this.#scheduled(() => this.#connected().table.release());
      return null;
    });
  }

  /** For a backup; null while the zone has never been used. */
  dump(): Promise<Outcome<ZoneDump | null>> {
    return settle(() => dumpZone(this.#ledger));
  }

  /** Brings a backup's rows back, beside what is here; the janitor looks after them from now on. Idempotent. */
  restoreDump(dump: ZoneDump, dryRun: boolean): Promise<Outcome<Restoration>> {
    return settle(() => {
      const known = readRequest(zoneDumpSchema, dump);
      return dryRun ? restoreZone(this.#ledger, known, this.#now(), true) : this.#scheduled(() => restoreZone(this.#ledger, known, this.#now(), false));
    });
  }

  /** What we believe we own in this zone. */
  owned(): Promise<Outcome<OwnedRecord[]>> {
    return settle(() => this.#ledger.live(MAX_LISTED).map(toOwned));
  }

  /** The janitor, and whatever is due. Never throws: an alarm that throws is dropped for good after seven runs (measured). */
  override async alarm(): Promise<void> {
    try {
      await this.ctx.storage.setAlarm(this.#now() + DEAD_MAN_MS);
      this.#ledger.expire(this.#now());
      const { table, dependencies, outbox } = this.#connected();
      await this.#reconcile();
      if (this.#isTable()) await table.run();
      // A failure is in the zone's health, and waits for its next run.
      else await this.#commit(this.#ledger.removing(JANITOR_BATCH).map(({ id }) => id)).catch(logFailure);
      await outbox.deliver(this.#health(), dependencies.report);
      await this.#schedule();
    } catch (thrown) {
      // At worst the dead-man alarm comes.
      logFailure(thrown);
    }
  }

  /** Compares the declared records with the zone, when it is time, and carries out what is approved. */
  async #reconcile(): Promise<void> {
    const { declared, plan } = this.#connected();
    if (this.#isStopped() || (declared.nextCheck() ?? Infinity) > this.#now()) return;
    try {
      const planned = await plan();
      if (planned?.approved === true) await this.#enact(planned);
    } catch (thrown) {
      this.#ledger.noteFailure(toPerennialError(thrown).toData(), this.#now());
      logFailure(thrown);
    }
  }

  async #enact(plan: DeclaredPlan): Promise<void> {
    const { declared, table } = this.#connected();
    const entries = declared.enact(plan);
    if (this.#isTable()) await this.#scheduled(() => table.queue(entries));
    else if (entries.length > 0) await this.#commit(entries);
  }

  /** Commits to a vendor of single records, and leaves the janitor's next run, whatever happens. */
  async #commit(entries: readonly number[]): Promise<void> {
    try {
      const failures = await this.#connected().writer.commit(entries);
      const [failure] = entries.flatMap((entry) => failures.get(entry) ?? []);
      if (failure !== undefined) throw failure;
      if (entries.length > 0) this.#ledger.noteSuccess(this.#now());
      this.#retryAt = null;
    } catch (thrown) {
      const error = toPerennialError(thrown);
      this.#retryAt = error.retryAt ?? null;
      // That a predecessor's write is waited for says nothing of the vendor, and its end is known: it must not add to the backoff.
      if (error.code !== 'dns_zone_busy') this.#ledger.noteFailure(error.toData(), this.#now());
      throw thrown;
    } finally {
      await this.#schedule();
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

  /** Does it, and sets the alarm for what follows from it, also when it fails. */
  async #scheduled<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      await this.#schedule();
    }
  }

  async #schedule(): Promise<void> {
    const next = this.#nextRun();
    const planned = await this.ctx.storage.getAlarm();
    // One that comes a little early costs less than setting another.
    if (next === null) await this.ctx.storage.deleteAlarm();
    else if (planned === null || planned > next || planned < next - MINUTE) await this.ctx.storage.setAlarm(next);
  }

  #nextRun(): number | null {
    const now = this.#now();
    const outlook = this.#ledger.outlook();
    const isTable = this.#isTable();
    const janitor = isTable
      ? nextJanitorRun(now, { ...outlook, removing: 0 }, 0, null)
      : nextJanitorRun(now, outlook, this.#ledger.zone()?.failures ?? 0, this.#retryAt);
    const { table, declared, outbox } = this.#wired() ?? {};
    const times = [
      janitor,
      isTable ? (table?.next() ?? null) : null,
      this.#isStopped() ? null : (declared?.nextCheck() ?? null),
      outbox?.due(this.#health()) ?? null,
    ];
    const due = times.filter((time) => time !== null);
    return due.length === 0 ? null : Math.max(now, Math.min(...due));
  }

  #health(): ZoneHealth | null {
    const state = this.#ledger.zone();
    if (state === null) return null;
    const { live, removing } = this.#ledger.outlook();
    const { zone, lastSuccessAt, lastError } = state;
    const vendors = this.#ledger.vendors();
    const { table, declared } = this.#wired() ?? {};
    return {
      provider: vendors[0]?.provider ?? '',
      zoneId: zone.id,
      zoneName: zone.name,
      vendors: vendors.map(({ name }) => name),
      lastSuccessAt,
      lastError,
      live,
      removing,
      ...((this.#isTable() ? table?.health() : undefined) ?? { stopped: null, waiting: null }),
      declared: declared?.summary() ?? null,
    };
  }

  /** The last attempt went well: what the credentials may do need not be asked. */
  #hasWritten(): boolean {
    const { lastSuccessAt = null, lastError = null } = this.#ledger.zone() ?? {};
    return lastSuccessAt !== null && lastSuccessAt >= (lastError?.at ?? 0);
  }

  #isTable(): boolean {
    const [vendor] = this.#ledger.vendors();
    return vendor !== undefined && TABLE_PROVIDERS.has(vendor.provider);
  }

  #isStopped(): boolean {
    return this.#isTable() && this.#wired()?.table.isStopped() === true;
  }

  #wholeZone(): ZoneParts['table'] {
    if (this.#isTable()) return this.#connected().table;
    throw new DnsError('dns_refused', 'The vendor of this zone changes single records: there is no whole zone to restore.', {
      hint: 'Only records in the ledger are ever changed here; `npm run dns -- records` lists them.',
    });
  }

  /** The platform's time stands in while there are no dependencies (an invalid configuration): the janitor must go on. */
  #now(): number {
    return this.#wired()?.dependencies.clock() ?? Date.now();
  }

  /** What can be said without dependencies is said. */
  #wired(): ZoneParts | undefined {
    try {
      return this.#connected();
    } catch {
      return undefined;
    }
  }

  #connected(): ZoneParts {
    this.#parts ??= connectZone(this.#ledger, this.dependencies());
    return this.#parts;
  }
}

function logFailure(thrown: unknown): void {
  console.warn(JSON.stringify({ event: 'zone_janitor_failed', code: toPerennialError(thrown).code }));
}

function readRequest<S extends z.ZodType>(schema: S, request: unknown): z.infer<S> {
  const parsed = schema.safeParse(request);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new DnsError('dns_refused', `The request is malformed at ${issue?.path.join('.') ?? 'its root'}.`, { cause: parsed.error });
}
