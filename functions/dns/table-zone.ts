/** A zone at a vendor that replaces it as a whole, as the ZoneObject uses it: calls note what is wanted, the alarm does it. */
import { SECOND } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import { MAX_HOSTS, type HostTable } from '../../shared/namecheap/host-table.ts';
import { DnsError } from './dns-error.ts';
import type { Ledger } from './ledger.ts';
import { DECLARED } from './ledger-entry.ts';
import type { ListedRecord } from './provider.ts';
import type { CallPurpose } from './table-budget.ts';
import { TableCalls } from './table-calls.ts';
import { restoreCommand, stoppedError, zoneName, type RaiseEvent, type TableContext } from './table-context.ts';
import { examineTable, SPARE_ROWS } from './table-examine.ts';
import { listedRecords } from './table-plan.ts';
import { look, readNow, survey } from './table-reading.ts';
import { previewRestore, release, restore, summaryOf } from './table-restore.ts';
import { gather, isBelieved, nextStep, surveyDue } from './table-step.ts';
import { TableStore } from './table-store.ts';
import { TableWriter } from './table-writer.ts';
import type { ZoneDependencies } from './wiring.ts';
import type { Examination, ExamineRequest, PlannedRecord, Presented, RestorePreview, SnapshotSummary, ZoneHealth } from './zone-requests.ts';

/** When somebody who waits should ask again: after the next step, as long as it takes with a vendor of the slower kind. */
const ASK_AGAIN_MS = { written: SECOND, planned: 4 * SECOND } as const;
/** A wait that people are told about, milliseconds. */
const WORTH_TELLING_MS = 10 * SECOND;
const MAX_SHOWN_LINES = 310;
const MAX_LINE_LENGTH = 3_000;

export class TableZone {
  readonly #context: TableContext;
  readonly #writer: TableWriter;
  /** Looks under way: whoever comes meanwhile looks with them. */
  #reading: Promise<HostTable> | null = null;
  #surveying: Promise<void> | null = null;

  constructor(ledger: Ledger, dependencies: ZoneDependencies, raise: RaiseEvent) {
    const { clock, nameServers } = dependencies;
    const calls = new TableCalls(ledger, dependencies);
    this.#context = { ledger, store: new TableStore(ledger), calls, clock, holder: crypto.randomUUID(), raise, nameServers };
    this.#writer = new TableWriter(this.#context);
  }

  /**
   * Notes what `operation` wants, once, and tells how far it is. @param want puts it into the ledger and returns the rows.
   * @throws DnsError once for each failure there was since this operation asked last; asking again lets it be tried again.
   */
  publish(operation: string, want: () => number[]): Presented {
    const { store, clock } = this.#context;
    if (store.stopped() !== null) throw stoppedError(this.#context);
    const known = store.publication(operation);
    if (known !== null) return this.#report(operation, known);
    const publication = { entries: want(), told: clock() };
    store.setPublication(operation, publication, clock());
    this.queue(publication.entries);
    return this.#report(operation, publication);
  }

  /** Rows that are wanted anew, or are to be brought in line although they count as written. */
  queue(entries: readonly number[]): void {
    if (entries.length === 0) return;
    const { store, clock, ledger } = this.#context;
    const { queue, refusals, pause } = store.progress();
    const correcting = ledger.entries(entries).filter(({ state, ttl }) => state === 'written' && ttl !== null);
    store.update({
      queue: [...new Set([...queue, ...correcting.map(({ id }) => id)])],
      refusals: refusals.filter(({ entry }) => !entries.includes(entry)),
      pause: pause === null || pause.error === null ? pause : null,
    });
    if (this.#writer.scene().pending > 0) store.setGathering(gather(store.gathering(), 'urgent', clock()));
  }

  /** Rows were given up: they go with the next write. */
  tidy(): void {
    const { ledger, store, clock } = this.#context;
    ledger.dropUnsent(clock());
    if (ledger.outlook().removing > 0) store.setGathering(gather(store.gathering(), 'cleanUp', clock()));
  }

  run(): Promise<void> {
    this.#context.ledger.dropUnsent(this.#context.clock());
    return this.#writer.run();
  }

  /** Unix ms of the next run; null when there is nothing to do. */
  next(): number | null {
    return this.#writer.next();
  }

  /** Why a declared record was not written when it was tried last, as sentences; null when nothing is known against it. */
  refusalOf({ type, name, value }: Pick<PlannedRecord, 'type' | 'name' | 'value'>): string | null {
    const { ledger, store } = this.#context;
    const rows = ledger.entriesOfNames([name]).filter((row) => row.owner === DECLARED && row.type === type && row.value === value);
    const refusal = store.progress().refusals.find(({ entry }) => rows.some(({ id }) => id === entry));
    return refusal === undefined ? null : [refusal.error.message, ...(refusal.error.hint === undefined ? [] : [refusal.error.hint])].join(' ');
  }

  isStopped(): boolean {
    return this.#context.store.stopped() !== null;
  }

  /** @throws DnsError with what stands in the way. */
  async examine({ records }: Pick<ExamineRequest, 'records'>): Promise<Examination> {
    const { store, clock } = this.#context;
    if (store.stopped() !== null) throw stoppedError(this.#context);
    const attempt = store.attempt();
    if (attempt === null && surveyDue(store.progress(), clock())) await this.#surveyTogether();
    const { pending } = this.#writer.scene();
    examineTable(attempt?.write ?? (await this.#roomyTable(records.length + pending)), records, attempt === null ? pending : 0);
    return { nameServers: store.progress().survey?.nameServers ?? null };
  }

  /** The records of the zone as the vendor shows them now, whether that can be or not. */
  async look(): Promise<ListedRecord[]> {
    return listedRecords((await look(this.#context)).table);
  }

  /** The records of the zone as they are now, to act on. */
  async list(purpose: CallPurpose): Promise<ListedRecord[]> {
    return listedRecords(await this.#readTogether(purpose));
  }

  snapshots(): SnapshotSummary[] {
    return this.#context.store.snapshots().map(summaryOf);
  }

  async previewRestore(id: number): Promise<RestorePreview> {
    const { snapshot, digest, lines } = await previewRestore(this.#context, id);
    return { snapshot, digest, lines };
  }

  restore(id: number, digest: string): Promise<void> {
    return restore(this.#context, id, digest);
  }

  release(): void {
    release(this.#context);
  }

  health(): Pick<ZoneHealth, 'stopped' | 'waiting'> {
    const { store, clock } = this.#context;
    const stopped = store.stopped();
    return {
      stopped:
        stopped === null
          ? null
          : {
              at: stopped.at,
              message: stopped.message,
              lines: stopped.lines.slice(0, MAX_SHOWN_LINES).map((line) => line.slice(0, MAX_LINE_LENGTH)),
              command: restoreCommand(zoneName(this.#context), stopped.snapshot),
            },
      waiting: this.#waiting(clock()),
    };
  }

  #waiting(now: number): ZoneHealth['waiting'] {
    const scene = this.#writer.scene();
    const step = nextStep(scene, now);
    if (step.do !== 'wait' || step.until < now + WORTH_TELLING_MS || scene.pending === 0) return null;
    if (scene.attempt !== null) return { until: step.until, reason: 'A change was sent, and it is read back before the next one.' };
    return { until: step.until, reason: scene.progress.pause?.reason ?? 'Changes are gathered, to go out together.' };
  }

  /** @throws DnsError what keeps these rows from being published. */
  #report(operation: string, { entries, told }: { entries: number[]; told: number }): Presented {
    const { store, ledger, clock } = this.#context;
    const rows = ledger.entries(entries);
    const withdrawn = rows.find(({ state }) => state === 'removing' || state === 'removed');
    if (withdrawn !== undefined || rows.length < entries.length)
      throw new DnsError('dns_withdrawn', `${withdrawn?.name ?? 'A record'} was cleaned up while it was being published.`, { retryable: true });
    const { refusals, pause, queue } = store.progress();
    const refusal = refusals.find(({ entry }) => entries.includes(entry));
    if (refusal !== undefined) {
      // The list may have room by now: whoever comes again learns what came of another look.
      store.outdate();
      this.queue(entries);
      throw PerennialError.fromData(refusal.error);
    }
    if (rows.every(({ id, state }) => state === 'written' && !queue.includes(id))) return { retryAt: null };
    if (pause !== null && pause.error !== null) {
      if (pause.at >= told) {
        store.setPublication(operation, { entries, told: pause.at + 1 }, clock());
        throw PerennialError.fromData(pause.error);
      }
      // Whoever was told and comes again has waited for as long as it thinks right.
      store.update({ pause: null });
      const attempt = store.attempt();
      if (attempt !== null && attempt.failures > 0) store.setAttempt({ ...attempt, readAt: clock() });
    }
    return { retryAt: this.#askAgainAt(clock()) };
  }

  #askAgainAt(now: number): number {
    const { attempt } = this.#writer.scene();
    if (attempt !== null) return Math.max(attempt.readAt, now) + ASK_AGAIN_MS.written;
    return Math.max(this.#writer.next() ?? now, now) + ASK_AGAIN_MS.planned;
  }

  /** The believed list, unless it is nearly full: then it is read anew. */
  async #roomyTable(rows: number): Promise<HostTable> {
    const { store, clock } = this.#context;
    const known = store.known();
    if (isBelieved(known, store.progress(), clock()) && known.table.rows.length + rows + SPARE_ROWS <= MAX_HOSTS) return known.table;
    return this.#readTogether('challenge');
  }

  #readTogether(purpose: CallPurpose): Promise<HostTable> {
    this.#reading ??= readNow(this.#context, purpose).finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  #surveyTogether(): Promise<void> {
    this.#surveying ??= survey(this.#context, 'challenge').finally(() => {
      this.#surveying = null;
    });
    return this.#surveying;
  }
}
