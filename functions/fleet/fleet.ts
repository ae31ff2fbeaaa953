/**
 * The deployment as a whole (DESIGN §3): which configuration is in force, what every certificate last said, what outside
 * callers asked for. Decisions live in `promotion.ts`, `sweep.ts` and `progress.ts`; this puts them into one transaction
 * with what they change, and hands calls to certificates over to the work queue.
 */
import { DAY, HOUR, SECOND, type Clock } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import type { CertificateReport, CertificateView } from '../certificates/ports.ts';
import type { WakeReason } from '../certificates/state.ts';
import { configurationSchema, type Configuration } from '../config/configuration.ts';
import { zoneReportSchema, type ZoneReport } from '../dns/zone-report.ts';
import { migrate } from '../storage/schema.ts';
import { actionRequestSchema, Admission, type ActionRequest, type StoredOperation } from './admission.ts';
import { Configurations, type Promotion } from './configurations.ts';
import { EventLog, type LoggedEvent } from './events.ts';
import type { CertificatesPort, RecordsPort } from './ports.ts';
import { progressOf, type Progress } from './progress.ts';
import { decidePromotion, planPromotion, type PromotionDecision } from './promotion.ts';
import { Registry, type CertificateSummary, type ListQuery, type Tally } from './registry.ts';
import { certificateReportSchema } from './reports.ts';
import { RelayBundles } from './relay-bundles.ts';
import { MIGRATIONS } from './schema.ts';
import { selectForSweep, SWEEP_LIMIT } from './sweep.ts';
import { WorkQueue } from './work.ts';
import { zoneName, Zones, type ReportedZone } from './zones.ts';

const PRUNE_INTERVAL_MS = 6 * HOUR;
/** Between two slices of calls, ms: thousands that a configuration brings would all ask their relay within a second. */
const SLICE_PAUSE_MS = 5 * SECOND;
/** Longer than any certificate leaves a zone alone. */
const KEEP_UNUSED_ZONES_MS = 180 * DAY;
/** A wake that is lost is made up for by the next sweep; no use in waiting for more of them at once. */
const SWEEP_PARALLEL = 50;
const WAKE_OF: Readonly<Record<ActionRequest['action'], WakeReason>> = { renew: 'renew', force: 'force', redeliver: 'redeliver', reload: 'redeliver' };

export interface FleetStatus {
  /** Null before the first promotion. */
  configuration: Promotion | null;
  tally: Tally;
  /** Calls to certificates that are still to be made. */
  pending: number;
  events: LoggedEvent[];
  /** Soonest next steps. */
  upcoming: CertificateView[];
}

export interface OperationStatus extends StoredOperation {
  done: boolean;
  progress: Progress[];
}

export class Fleet {
  readonly #storage: DurableObjectStorage;
  readonly #certificates: CertificatesPort;
  readonly #records: RecordsPort;
  readonly #clock: Clock;
  readonly #registry: Registry;
  readonly #zones: Zones;
  readonly #events: EventLog;
  readonly #configurations: Configurations;
  readonly #admission: Admission;
  readonly #work: WorkQueue;
  readonly bundles: RelayBundles;

  constructor({
    storage,
    certificates,
    records,
    clock,
  }: {
    storage: DurableObjectStorage;
    certificates: CertificatesPort;
    records: RecordsPort;
    clock: Clock;
  }) {
    migrate(storage, MIGRATIONS);
    this.#storage = storage;
    this.#certificates = certificates;
    this.#records = records;
    this.#clock = clock;
    this.#registry = new Registry(storage);
    this.#zones = new Zones(storage.sql);
    this.#events = new EventLog(storage.sql);
    this.#configurations = new Configurations(storage.sql);
    this.#admission = new Admission(storage.sql);
    this.#work = new WorkQueue(storage.sql, certificates, (generation) => this.#tellRecords(generation));
    this.bundles = new RelayBundles(storage.sql);
  }

  /** A running bundle says which configuration it carries. `promote` asks for the configuration itself. */
  offer(hash: string): PromotionDecision {
    const now = this.#clock();
    const decision = decidePromotion(hash, this.#configurations.sightings(hash), now);
    // A straggler's sighting must not delay its own roll-back, but the one in force proves that it still runs.
    if (decision.decision === 'in-force') this.#configurations.saw(hash, now);
    return decision;
  }

  /** Puts a configuration into force, unless a newer one is. The calls to certificates follow by alarm, in slices. */
  async promote(hash: string, offered: Configuration): Promise<PromotionDecision> {
    const configuration = configurationSchema.parse(offered);
    const now = this.#clock();
    const decision = this.#storage.transactionSync((): PromotionDecision => {
      const decided = decidePromotion(hash, this.#configurations.sightings(hash), now);
      if (decided.decision === 'promote') this.#enforce(hash, configuration, now);
      if (decided.decision !== 'superseded') this.#configurations.saw(hash, now);
      return decided;
    });
    await this.#schedule();
    return decision;
  }

  configurationInForce(): Configuration | null {
    return this.#configurations.lastGood();
  }

  promotionInForce(): Promotion | null {
    return this.#configurations.inForce();
  }

  /** Certificates that are not retired, behind `after`, in order. */
  certificateNames(after: string, limit: number): string[] {
    return this.#registry.namesAfter(after, limit);
  }

  /** Of these names, those of the configuration in force. */
  configured(names: readonly string[]): string[] {
    return this.#configurations.lists(names);
  }

  /** A backup knows this generation: if it is a later one, the configuration in force goes out again under a number above it. */
  async raise(generation: number): Promise<void> {
    if (this.#storage.transactionSync(() => this.#catchUp(generation))) await this.#schedule();
  }

  /** Something that a person did to the whole deployment. */
  note(kind: string, message: string): void {
    this.#events.add({ at: this.#clock(), certificate: null, kind, message }, null);
  }

  /** FleetPort.report: may be repeated, and may arrive out of order. */
  async report(received: CertificateReport): Promise<void> {
    const report = certificateReportSchema.parse(received);
    const overtaken = this.#storage.transactionSync(() => {
      const known = this.#registry.take(report);
      const news = report.events.filter(({ sequence }) => sequence > known);
      for (const { at, kind, message, severity, sequence } of news) this.#events.add({ at, certificate: report.name, kind, message, severity }, sequence);
      if (news.length > 0) this.#events.prune();
      return this.#catchUp(report.view.generation);
    });
    if (overtaken) await this.#schedule();
  }

  /** What a zone sends by its outbox: may be repeated, and may arrive out of order; its events count either way. */
  zoneReport(received: ZoneReport): void {
    const report = zoneReportSchema.parse(received);
    this.#storage.transactionSync(() => {
      this.#zones.take(report);
      for (const { sequence, ...event } of report.events) this.#events.addOfZone({ ...event, zone: zoneName(report) }, sequence);
      this.#events.prune();
    });
  }

  zones(): ReportedZone[] {
    return this.#zones.list();
  }

  status(limits: { events: number; upcoming: number }): FleetStatus {
    return {
      configuration: this.#configurations.inForce(),
      tally: this.#registry.tally(),
      pending: this.#work.size(),
      events: this.#events.latest(limits.events),
      upcoming: this.#registry.upcoming(limits.upcoming),
    };
  }

  list(query: ListQuery): { rows: CertificateSummary[]; total: number } {
    return this.#registry.list(query);
  }

  /** The same page as {@link list}, with the full view of every row. */
  page(query: ListQuery): { views: CertificateView[]; total: number } {
    const { rows, total } = this.#registry.list(query);
    return { views: rows.map(({ name }) => this.#registry.view(name)).filter((view) => view !== null), total };
  }

  certificate(name: string): CertificateView | null {
    return this.#registry.view(name);
  }

  /**
   * Wakes what is overdue plus the least recently touched, at most {@link SWEEP_LIMIT} of them: half of the calls that the
   * platform lets one invocation make. Who cannot be reached is tried again by the work queue, and takes its turn like all.
   * @returns how many were woken.
   */
  async sweep(): Promise<{ woken: number; failed: number }> {
    const now = this.#clock();
    const names = selectForSweep(this.#registry.sweepCandidates(SWEEP_LIMIT, now), now);
    await this.#tellRecordsAgain();
    let failed = 0;
    for (let start = 0; start < names.length; start += SWEEP_PARALLEL) {
      await Promise.all(
        names.slice(start, start + SWEEP_PARALLEL).map(async (name) => {
          try {
            await this.#certificates.wake(name, 'sweep');
          } catch {
            failed += 1;
            this.#work.wakeLater(name, 'sweep', now);
          }
          this.#registry.touch(name, now);
        }),
      );
    }
    if (failed > 0) await this.#schedule();
    return { woken: names.length - failed, failed };
  }

  /** Accepts an action of a person or a webhook: all its certificates or none. Throws what `Admission.accept` throws, and `certificate_unknown`. */
  async act(received: ActionRequest): Promise<{ operation: StoredOperation; repeated: boolean }> {
    const request = actionRequestSchema.parse(received);
    const now = this.#clock();
    const accepted = this.#storage.transactionSync(() => {
      for (const name of request.certificates) {
        if (!this.#registry.has(name))
          throw new PerennialError('certificate_unknown', `There is no certificate ${JSON.stringify(name)} in the configuration in force.`);
      }
      const result = this.#admission.accept(request, crypto.randomUUID(), now);
      if (!result.repeated) {
        for (const name of request.certificates) {
          this.#work.wake(name, WAKE_OF[request.action]);
          this.#events.add(
            { at: now, certificate: name, kind: `asked-${request.action}`, message: `${who(request.caller)} asked to ${ASKED[request.action]}.` },
            null,
          );
        }
      }
      return result;
    });
    if (!accepted.repeated) await this.#work.run(now);
    await this.#schedule();
    return accepted;
  }

  operation(id: string): OperationStatus | null {
    const operation = this.#admission.operation(id);
    if (operation === null) return null;
    const progress = operation.certificates.flatMap((name) => {
      const view = this.#registry.view(name);
      return view === null ? [] : [progressOf(view, operation, this.#registry.reportedAt(name))];
    });
    return { ...operation, progress, done: progress.every(({ status }) => status === 'done') };
  }

  beginSignIn(client: string): void {
    this.#admission.beginSignIn(client, this.#clock());
  }

  signedIn(client: string): void {
    this.#admission.signedIn(client);
    this.#events.add({ at: this.#clock(), certificate: null, kind: 'sign-in', message: 'An administrator signed in.' }, null);
  }

  /** Makes the calls that are due and forgets what is old. Never throws: a thrown alarm is dropped for good in the end. */
  async alarm(): Promise<void> {
    const now = this.#clock();
    await this.#storage.setAlarm(now + 60 * SECOND);
    try {
      await this.#work.run(now);
      this.#prune(now);
    } catch (thrown) {
      console.error(JSON.stringify({ event: 'fleet-alarm-failed', error: thrown instanceof Error ? thrown.name : 'unknown' }));
      return;
    }
    await this.#storage.setAlarm(Math.max(this.#nextAlarm(this.#clock()), now + SLICE_PAUSE_MS));
  }

  #enforce(hash: string, configuration: Configuration, now: number): void {
    const generation = (this.#configurations.inForce()?.generation ?? 0) + 1;
    const plan = planPromotion(this.#configurations.specifications(), configuration.certificates, this.#registry.names());
    const next = new Map(configuration.certificates.map((spec) => [spec.name, spec]));
    const declaredBefore = this.#declaresRecords();
    this.#configurations.put(configuration, { generation, hash, at: now });
    if (declaredBefore || configuration.records.length > 0) this.#work.declare(generation);
    for (const name of [...plan.added, ...plan.changed, ...plan.adopted.map(({ to }) => to)]) {
      const spec = next.get(name);
      if (spec !== undefined) this.#registry.expect(spec, generation);
      this.#work.assign(name, 'apply', generation);
    }
    for (const name of plan.retired) this.#retire(name, { generation, shown: true, now });
    for (const { from } of plan.adopted) this.#retire(from, { generation, shown: false, now });
    const log = (certificate: string, kind: string, message: string) => this.#events.add({ at: now, certificate, kind, message }, null);
    for (const name of plan.retired) log(name, 'retired', 'It is no longer configured; it is not renewed any more, and its variable stays as it is.');
    for (const { from, to } of plan.adopted) log(to, 'renamed', `It was named ${from}; what is served is adopted, nothing is ordered.`);
    const counts = `${plan.added.length} added, ${plan.changed.length} changed, ${plan.retired.length} retired, ${plan.adopted.length} renamed, ${plan.unchanged.length} unchanged`;
    this.#events.add(
      { at: now, certificate: null, kind: 'configuration', message: `Configuration ${hash.slice(0, 12)} is in force as generation ${generation}: ${counts}.` },
      null,
    );
  }

  /**
   * Somebody knows a generation that this fleet never gave out: the fleet lost its state. What is older than they
   * know is ignored, so the configuration in force goes out again under a number above it.
   */
  #catchUp(seen: number): boolean {
    const inForce = this.#configurations.inForce();
    if (inForce === null || seen <= inForce.generation) return false;
    const generation = seen + 1;
    this.#configurations.renumber({ ...inForce, generation });
    for (const { name } of this.#configurations.specifications()) this.#work.assign(name, 'apply', generation);
    if (this.#declaresRecords()) this.#work.declare(generation);
    return true;
  }

  /** Whoever keeps the declared records, or a zone of theirs, may have lost what it was told. */
  async #tellRecordsAgain(): Promise<void> {
    const generation = this.#configurations.inForce()?.generation;
    if (generation === undefined || !this.#declaresRecords()) return;
    this.#work.declare(generation);
    await this.#schedule();
  }

  #declaresRecords(): boolean {
    return (this.#configurations.lastGood()?.records.length ?? 0) > 0;
  }

  async #tellRecords(generation: number): Promise<void> {
    const configuration = this.#configurations.lastGood();
    if (configuration === null) return;
    this.#catchUp(await this.#records.declare(configuration, generation));
  }

  #retire(name: string, { generation, shown, now }: { generation: number; shown: boolean; now: number }): void {
    this.#registry.retire(name, shown, now);
    this.#work.assign(name, 'retire', generation);
  }

  /** Sets the alarm, unless it is set for earlier. */
  async #schedule(): Promise<void> {
    const next = this.#nextAlarm(this.#clock());
    const set = await this.#storage.getAlarm();
    if (set === null || set > next) await this.#storage.setAlarm(next);
  }

  #nextAlarm(now: number): number {
    return Math.max(now, Math.min(this.#work.nextAt() ?? Number.POSITIVE_INFINITY, now + PRUNE_INTERVAL_MS));
  }

  #prune(now: number): void {
    this.#registry.forgetExpired(now, DAY);
    this.#admission.prune(now);
    this.#configurations.prune(now);
    this.bundles.prune(now);
    this.#zones.forgetUnused(now - KEEP_UNUSED_ZONES_MS);
    this.#events.prune();
  }
}

const ASKED: Readonly<Record<ActionRequest['action'], string>> = {
  renew: 'renew it if due',
  force: 'renew it now',
  reload: 'deliver it again and reload the proxy',
  redeliver: 'deliver it again',
};

function who(caller: string): string {
  return caller.startsWith('webhook:') ? `The webhook ${caller.slice('webhook:'.length)}` : 'An administrator';
}
