/**
 * Carries changes of one zone to its vendor, one at a time: what arrives while a write is under way goes out together
 * as the next one (group commit).
 *
 * Invariants: a row is in the ledger before its request leaves; an intent is stored before any write, and whoever finds
 * one of somebody else waits until it cannot take effect any more, then reads the zone before acting (DESIGN §3).
 */
import { SECOND, type Clock } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import type { DnsVendor } from '../config/configuration.ts';
import { DnsError } from './dns-error.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import { ownershipComment, recordKey, type ChangeResult, type ListedRecord, type RecordProvider, type Zone } from './provider.ts';
import type { ZoneDependencies } from './wiring.ts';
import { isOurs, planChange, type ZonePlan } from './zone-plan.ts';

/** Time a write has to take effect, in milliseconds. */
const WRITE_TIME_MS = 30 * SECOND;
/** How long after its deadline an intent still counts (DESIGN §3). */
const INTENT_MARGIN_MS = 30 * SECOND;
/** Rows of one write; Cloudflare's Free plan takes 200 operations in a batch. */
const MAX_GROUP = 200;
/** Seconds: the least every plan allows, so that resolvers forget soon. */
const CHALLENGE_TTL = 60;

/** Holder of an intent whose request got no reply: nobody's, so that everybody waits. */
const IN_DOUBT = 'in doubt';

/** Errors by row; a row that is missing has been settled. */
export type Failures = ReadonlyMap<number, DnsError>;

/** What becomes of somebody who waits: it is to write for all, or somebody has written for it. */
type Turn = { kind: 'lead' } | { kind: 'written'; failures: Failures };

interface Waiting {
  entries: readonly number[];
  resolve(turn: Turn): void;
  reject(reason: unknown): void;
}

export class ZoneWriter {
  readonly #ledger: Ledger;
  readonly #provider: (vendor: DnsVendor) => RecordProvider;
  readonly #clock: Clock;
  /** This life of the object: an intent with another holder was left by a predecessor. */
  readonly #holder = crypto.randomUUID();
  readonly #waiting: Waiting[] = [];
  #writing = false;
  /** The vendor's rate limit, as long as it lasts: asking again would only prolong it. */
  #limit: DnsError | null = null;

  constructor(ledger: Ledger, dependencies: ZoneDependencies) {
    this.#ledger = ledger;
    this.#provider = (vendor) => {
      const provider = dependencies.provider(vendor);
      if (provider.kind === 'records') return provider;
      throw new DnsError('dns_refused', `[dns.${vendor.name}] changes whole zones only.`);
    };
    this.#clock = dependencies.clock;
  }

  /**
   * Brings the vendor in line with these rows. @throws DnsError when the whole write failed; the rows stay as they are
   * and a repetition reads the zone first.
   */
  async commit(entries: readonly number[]): Promise<Failures> {
    const failures = await Promise.all(slices(this.#ledger.entries(entries)).map((slice) => this.#enqueue(slice)));
    return new Map(failures.flatMap((each) => [...each]));
  }

  /** Whoever finds nobody writing, or is next, writes for everybody who has come by then, once, and hands over to the next. */
  async #enqueue(entries: readonly number[]): Promise<Failures> {
    if (this.#writing) {
      const turn = await new Promise<Turn>((resolve, reject) => this.#waiting.push({ entries, resolve, reject }));
      if (turn.kind === 'written') return turn.failures;
    }
    this.#writing = true;
    const others = this.#waiting.splice(0, this.#roomBeside(entries.length));
    try {
      const failures = await this.#write([entries, ...others.map((other) => other.entries)].flat());
      for (const other of others) other.resolve({ kind: 'written', failures });
      return failures;
    } catch (thrown) {
      for (const other of others) other.reject(thrown);
      throw thrown;
    } finally {
      this.#handOver();
    }
  }

  /** Each write is made by another caller: one that wrote for all who keep coming would exceed what one invocation may ask. */
  #handOver(): void {
    const next = this.#waiting.shift();
    this.#writing = next !== undefined;
    next?.resolve({ kind: 'lead' });
  }

  /** How many of those who wait fit into one write with so many rows. */
  #roomBeside(rows: number): number {
    let size = rows;
    const end = this.#waiting.findIndex(({ entries }) => {
      size += entries.length;
      return size > MAX_GROUP;
    });
    return end === -1 ? this.#waiting.length : end;
  }

  async #write(ids: readonly number[]): Promise<Failures> {
    if (this.#limit !== null && (this.#limit.retryAt ?? 0) > this.#clock()) throw this.#limit;
    this.#refuseForeignIntent();
    const zone = this.#ledger.zone()?.zone;
    const entries = this.#ledger.entries(ids).filter(({ state }) => state !== 'removed');
    if (zone === undefined || entries.length === 0) return new Map();
    return this.#throughVendor(async (provider) => {
      const names = [...new Set(entries.map(({ name }) => name))];
      const listed = await listAll(provider, zone, entries);
      // Read anew: rows may have changed hands while the vendor was asked. No await from here to the intent.
      const plan = planChange(this.#ledger.entries(ids), this.#ledger.entriesOfNames(names), listed);
      this.#settleUntouched(plan);
      return plan.add.length + plan.remove.length === 0 ? new Map() : this.#execute(provider, zone, plan);
    });
  }

  async #execute(provider: RecordProvider, zone: Zone, plan: ZonePlan): Promise<Failures> {
    const intent = { id: crypto.randomUUID(), holder: this.#holder, deadline: this.#clock() + WRITE_TIME_MS };
    this.#ledger.setIntent(intent);
    this.#ledger.markSent(
      plan.add.flatMap(({ entries }) => entries),
      this.#clock(),
    );
    try {
      const add = plan.add.map(({ record, owner, ttl }) => ({ ...record, ttl: ttl ?? CHALLENGE_TTL, comment: ownershipComment(owner) }));
      const result = await provider.apply(zone, { add, remove: plan.remove.map(({ listed }) => listed) }, intent.deadline);
      this.#ledger.clearIntent(intent.id);
      return this.#settle(plan, result);
    } catch (thrown) {
      // Without a reply the request may still be travelling: the intent stays, for us as for a successor.
      if (mayTakeEffect(thrown)) this.#ledger.setIntent({ ...intent, holder: IN_DOUBT });
      else this.#ledger.clearIntent(intent.id);
      throw thrown;
    }
  }

  #refuseForeignIntent(): void {
    const intent = this.#ledger.intent();
    if (intent === null || intent.holder === this.#holder) return;
    const over = intent.deadline + INTENT_MARGIN_MS;
    if (this.#clock() < over) {
      throw new DnsError('dns_zone_busy', 'An earlier change of this zone may still take effect.', { retryable: true, retryAt: over });
    }
    this.#ledger.clearIntent(intent.id);
  }

  #settleUntouched(plan: ZonePlan): void {
    for (const { entry, recordId, found } of plan.present) this.#ledger.markPresent(entry, recordId, found, this.#clock());
    this.#ledger.markRemoved(plan.released, this.#clock());
  }

  #settle(plan: ZonePlan, { added, refused }: ChangeResult): Failures {
    const failures = new Map<number, DnsError>();
    const refusals = new Map(refused.map(({ record, error }) => [recordKey(record), error]));
    const created = new Map(added.map((record) => [recordKey(record), record]));
    for (const { record, entries } of plan.add) {
      const listed = created.get(recordKey(record));
      const error = refusals.get(recordKey(record)) ?? new DnsError('dns_vendor_failed', `The vendor said nothing about ${record.name}.`, { retryable: true });
      for (const entry of entries) {
        if (listed === undefined) failures.set(entry, error);
        else this.#markAdded(entry, listed);
      }
    }
    for (const { listed, entries } of plan.remove) {
      const error = refusals.get(recordKey(listed));
      if (error === undefined) this.#ledger.markRemoved(entries, this.#clock());
      else for (const entry of entries) failures.set(entry, error);
    }
    return failures;
  }

  /** The vendor may answer "exists already" with a record that somebody else has written a moment before. */
  #markAdded(entry: number, listed: ListedRecord): void {
    const found = !isOurs(
      listed,
      this.#ledger.entriesOfNames([listed.name]).filter((row) => recordKey(row) === recordKey(listed)),
    );
    this.#ledger.markPresent(entry, found ? null : listed.id, found, this.#clock());
  }

  /** Any block that reaches the zone will do: when one has lost its permission, the next is tried, last used first. */
  async #throughVendor<T>(work: (provider: RecordProvider) => Promise<T>): Promise<T> {
    let failure: unknown;
    for (const vendor of this.#ledger.vendors()) {
      try {
        return await work(this.#provider(vendor));
      } catch (thrown) {
        failure ??= thrown;
        if (thrown instanceof DnsError && thrown.code === 'dns_rate_limited') this.#limit = thrown;
        if (!(thrown instanceof DnsError && (thrown.code === 'dns_unauthorized' || thrown.code === 'dns_forbidden'))) throw thrown;
      }
    }
    throw failure ?? new DnsError('dns_vendor_removed', 'No credentials are known for this zone.');
  }
}

/** Ids of these rows in groups that one write can take; what belongs to one name stays together, so that it changes at once. */
function slices(entries: readonly LedgerEntry[]): number[][] {
  const byName = Map.groupBy(entries, ({ name }) => name);
  const groups: number[][] = [];
  for (const rows of byName.values()) {
    const ids = rows.map(({ id }) => id);
    const last = groups.at(-1);
    if (last !== undefined && last.length + ids.length <= MAX_GROUP) last.push(...ids);
    else groups.push(ids);
  }
  return groups;
}

/** What stands at the names of these rows, asked once for each type of record. */
async function listAll(provider: RecordProvider, zone: Zone, entries: readonly LedgerEntry[]): Promise<ListedRecord[]> {
  const types = new Set(entries.map(({ type }) => type));
  const lists = [...types].map((type) => {
    const names = new Set(entries.filter((entry) => entry.type === type).map(({ name }) => name));
    return provider.list(zone, { type, names: [...names] });
  });
  return (await Promise.all(lists)).flat();
}

/** Everything but a typed error that says otherwise: an unknown throw may have come after the request had left. */
function mayTakeEffect(thrown: unknown): boolean {
  return thrown instanceof DnsError ? thrown.inDoubt : !(thrown instanceof PerennialError);
}
