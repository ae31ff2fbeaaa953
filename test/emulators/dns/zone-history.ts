/**
 * One zone over time. A name server that publishes `delay` milliseconds late sees, at every name, the newest version
 * that is at least so old: propagation without timers, exact under an injected clock. Versions are kept per name, so
 * that a change costs the same in a zone with ten names and in one with ten thousand.
 */
import type { Clock } from '../../../shared/clock.ts';
import { isWithin, normalizeName, upTo } from './names.ts';
import { recordKey, toRecord, type RecordInput, type SoaData, type ZoneRecord } from './records.ts';
import { ZoneView } from './zone-view.ts';

export interface ZoneSpec {
  name: string;
  /** Host names of the zone's NS set; the first is the SOA's MNAME. */
  nameservers: readonly string[];
  /** Seconds a resolver may cache a negative answer. Cloudflare's zones say 1800, Namecheap's 3601. */
  negativeTtl?: number;
  records?: readonly RecordInput[];
}

/** What is visible since `at` (Unix milliseconds; minus infinity for what has been there always). */
interface Version<T> {
  at: number;
  value: T;
}

interface NodeState {
  records: readonly ZoneRecord[];
  /** Records at this name and below. A node with none does not exist; one with only some below is an empty non-terminal. */
  subtree: number;
}

interface Node {
  /** Records with who put them there, so that one publisher replaces its own and nobody else's. */
  published: Map<string, { source: string; record: ZoneRecord }>;
  versions: Version<NodeState>[];
}

export interface ZoneChange {
  add?: readonly RecordInput[];
  remove?: readonly RecordInput[];
}

const DEFAULT_NEGATIVE_TTL_SECONDS = 1_800;
const NS_TTL_SECONDS = 86_400;
const ALWAYS = Number.NEGATIVE_INFINITY;

export class ZoneHistory {
  readonly name: string;
  readonly nameservers: readonly string[];
  readonly #clock: Clock;
  readonly #negativeTtl: number;
  readonly #longestDelay: () => number;
  readonly #nodes = new Map<string, Node>();
  #serials: Version<number>[] = [{ at: ALWAYS, value: 1 }];

  /** `longestDelay` (milliseconds) tells how long a superseded version may still be asked for. */
  constructor(spec: ZoneSpec, clock: Clock, longestDelay: () => number) {
    this.name = normalizeName(spec.name);
    this.nameservers = spec.nameservers.map(normalizeName);
    this.#clock = clock;
    this.#negativeTtl = spec.negativeTtl ?? DEFAULT_NEGATIVE_TTL_SECONDS;
    this.#longestDelay = longestDelay;
    const apexNs = this.nameservers.map((host) => ({ name: this.name, ttl: NS_TTL_SECONDS, type: 'NS' as const, data: host }));
    // What a zone is born with has been there always: delays apply to changes only.
    this.#commit(
      'initial',
      [...apexNs, ...(spec.records ?? [])].map((input) => this.#checked(input)),
      [],
      ALWAYS,
    );
  }

  /** Replaces everything that `source` has published. No new serial when nothing changes. */
  replace(source: string, inputs: readonly RecordInput[]): void {
    const next = inputs.map((input) => this.#checked(input));
    const keys = new Set(next.map(recordKey));
    const published = [...this.#nodes.values()].flatMap((node) => [...node.published.values()]);
    const gone = published.filter((entry) => entry.source === source && !keys.has(recordKey(entry.record)));
    this.#commit(
      source,
      next,
      gone.map(({ record }) => record),
    );
  }

  /** Removes and adds records of `source` in one version; removing what is not there is no error. */
  change(source: string, change: ZoneChange): void {
    this.#commit(
      source,
      (change.add ?? []).map((input) => this.#checked(input)),
      (change.remove ?? []).map((input) => this.#checked(input)),
    );
  }

  /** Removes the record with this owner, type and data, whoever published it; tells whether there was one. */
  remove(input: RecordInput): boolean {
    const record = this.#checked(input);
    const entries = [...(this.#nodes.get(record.name)?.published.values() ?? [])].filter((entry) => recordKey(entry.record) === recordKey(record));
    for (const { source } of entries) this.#commit(source, [], [record]);
    return entries.length > 0;
  }

  /** The zone as a server shows it that publishes `delayMs` late. */
  view(delayMs: number): ZoneView {
    const serial = this.#visible(this.#serials, delayMs) ?? 1;
    return new ZoneView(this.name, this.#soa(serial), (name) => this.#recordsAt(name, delayMs));
  }

  /** All records that such a server shows, without the SOA. */
  records(delayMs: number): ZoneRecord[] {
    return [...this.#nodes.keys()].flatMap((name) => this.#recordsAt(name, delayMs) ?? []);
  }

  #recordsAt(name: string, delayMs: number): readonly ZoneRecord[] | undefined {
    const state = this.#visible(this.#nodes.get(name)?.versions ?? [], delayMs);
    return state === undefined || state.subtree === 0 ? undefined : state.records;
  }

  #visible<T>(versions: readonly Version<T>[], delayMs: number): T | undefined {
    const now = this.#clock();
    return versions.findLast(({ at }) => at === ALWAYS || at + delayMs <= now)?.value;
  }

  #commit(source: string, add: readonly ZoneRecord[], remove: readonly ZoneRecord[], at = this.#clock()): void {
    const changed = new Set<string>();
    for (const record of remove) {
      if (this.#nodes.get(record.name)?.published.delete(`${source} ${recordKey(record)}`) === true) changed.add(record.name);
    }
    for (const record of add) {
      const { published } = this.#node(record.name);
      const key = `${source} ${recordKey(record)}`;
      if (published.get(key)?.record.ttl !== record.ttl) changed.add(record.name);
      published.set(key, { source, record });
    }
    if (changed.size === 0) return;
    for (const name of changed) this.#advance(name, at);
    this.#push(this.#serials, { at, value: (this.#serials.at(-1)?.value ?? 0) + (at === ALWAYS ? 0 : 1) });
  }

  /** Gives a changed name a new version, and its ancestors their new count. */
  #advance(name: string, at: number): void {
    const { published } = this.#node(name);
    const records = [...new Map([...published.values()].map(({ record }) => [recordKey(record), record])).values()];
    const delta = records.length - (this.#node(name).versions.at(-1)?.value.records.length ?? 0);
    for (const owner of upTo(name, this.name)) {
      const node = this.#node(owner);
      const last = node.versions.at(-1)?.value ?? { records: [], subtree: 0 };
      if (owner !== name && delta === 0) break;
      this.#push(node.versions, { at, value: { records: owner === name ? records : last.records, subtree: last.subtree + delta } });
      if (node.versions.length === 1 && node.versions[0]?.value.subtree === 0) this.#nodes.delete(owner);
    }
  }

  /** Appends a version and drops those whose successor even the slowest server already shows. */
  #push<T>(versions: Version<T>[], version: Version<T>): void {
    versions.push(version);
    const horizon = this.#clock() - this.#longestDelay();
    const oldestNeeded = versions.findLastIndex(({ at }) => at <= horizon);
    if (oldestNeeded <= 0) return;
    versions.splice(0, oldestNeeded);
    const oldest = versions[0];
    if (oldest !== undefined) versions[0] = { at: ALWAYS, value: oldest.value };
  }

  #node(name: string): Node {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const created: Node = { published: new Map(), versions: [] };
    this.#nodes.set(name, created);
    return created;
  }

  #checked(input: RecordInput): ZoneRecord {
    const record = toRecord(input);
    if (!isWithin(record.name, this.name)) throw new RangeError(`${record.name} is outside of the zone ${this.name}.`);
    return record;
  }

  #soa(serial: number): ZoneRecord {
    const data: SoaData = {
      mname: this.nameservers[0] ?? this.name,
      rname: `hostmaster.${this.name}`,
      serial,
      refresh: 10_000,
      retry: 2_400,
      expire: 604_800,
      minimum: this.#negativeTtl,
    };
    return { name: this.name, ttl: this.#negativeTtl, type: 'SOA', data };
  }
}
