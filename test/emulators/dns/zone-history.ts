/**
 * The versions of one zone over time. A name server that publishes `delay` milliseconds late answers from the newest
 * version that is at least so old: propagation without timers, exact under an injected clock.
 */
import type { Clock } from '../../../shared/clock.ts';
import { isWithin, normalizeName } from './names.ts';
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

interface Published {
  source: string;
  record: ZoneRecord;
}

interface Version {
  /** Unix milliseconds of the change. */
  at: number;
  serial: number;
  records: readonly ZoneRecord[];
  view: ZoneView | undefined;
}

const DEFAULT_NEGATIVE_TTL_SECONDS = 1_800;
const NS_TTL_SECONDS = 86_400;

export class ZoneHistory {
  readonly name: string;
  readonly nameservers: readonly string[];
  readonly #clock: Clock;
  readonly #negativeTtl: number;
  readonly #longestDelay: () => number;
  /** Records with who put them there, so that one publisher replaces its own and nobody else's. */
  readonly #current = new Map<string, Published>();
  #versions: Version[] = [];

  /** `longestDelay` (milliseconds) tells how long a superseded version may still be asked for. */
  constructor(spec: ZoneSpec, clock: Clock, longestDelay: () => number) {
    this.name = normalizeName(spec.name);
    this.nameservers = spec.nameservers.map(normalizeName);
    this.#clock = clock;
    this.#negativeTtl = spec.negativeTtl ?? DEFAULT_NEGATIVE_TTL_SECONDS;
    this.#longestDelay = longestDelay;
    const apexNs = this.nameservers.map((host) => ({ name: this.name, ttl: NS_TTL_SECONDS, type: 'NS' as const, data: host }));
    this.replace('apex', apexNs);
    // What a zone is born with has been there always: delays apply to changes only.
    this.replace('initial', spec.records ?? []);
    this.#versions = this.#versions.slice(-1).map((version) => ({ ...version, at: Number.NEGATIVE_INFINITY }));
  }

  /** Replaces everything that `source` has published. No new version when nothing changes. */
  replace(source: string, inputs: readonly RecordInput[]): void {
    const next = this.#keyed(source, inputs);
    const gone = [...this.#current].filter(([key, entry]) => entry.source === source && !next.has(key));
    this.#commit(gone.map(([key]) => key), next);
  }

  /** Adds and removes records of `source` in one version; removing what is not there is no error. */
  change(source: string, change: { add?: readonly RecordInput[]; remove?: readonly RecordInput[] }): void {
    this.#commit([...this.#keyed(source, change.remove ?? []).keys()], this.#keyed(source, change.add ?? []));
  }

  /** Removes the record with this owner, type and data, whoever published it; tells whether there was one. */
  remove(input: RecordInput): boolean {
    const wanted = recordKey(this.#checked(input));
    const keys = [...this.#current].filter(([, entry]) => recordKey(entry.record) === wanted).map(([key]) => key);
    this.#commit(keys, new Map());
    return keys.length > 0;
  }

  /** The zone as a server shows it that publishes `delayMs` late. */
  view(delayMs: number): ZoneView {
    const version = this.#at(delayMs);
    version.view ??= new ZoneView(this.name, this.#soa(version.serial), version.records);
    return version.view;
  }

  records(delayMs: number): readonly ZoneRecord[] {
    return this.#at(delayMs).records;
  }

  #at(delayMs: number): Version {
    const now = this.#clock();
    const visible = this.#versions.findLast((version) => version.at === Number.NEGATIVE_INFINITY || version.at + delayMs <= now);
    const version = visible ?? this.#versions[0];
    if (version === undefined) throw new Error(`The zone ${this.name} has no version.`);
    return version;
  }

  #keyed(source: string, inputs: readonly RecordInput[]): Map<string, Published> {
    return new Map(inputs.map((input) => {
      const record = this.#checked(input);
      return [`${source} ${recordKey(record)}`, { source, record }];
    }));
  }

  #commit(remove: readonly string[], add: ReadonlyMap<string, Published>): void {
    let changed = false;
    for (const key of remove) changed = this.#current.delete(key) || changed;
    for (const [key, entry] of add) {
      if (this.#current.get(key)?.record.ttl === entry.record.ttl) continue;
      this.#current.set(key, entry);
      changed = true;
    }
    if (!changed && this.#versions.length > 0) return;
    const records = new Map([...this.#current.values()].map(({ record }) => [recordKey(record), record]));
    const serial = (this.#versions.at(-1)?.serial ?? 0) + 1;
    this.#versions.push({ at: this.#clock(), serial, records: [...records.values()], view: undefined });
    this.#forgetOldVersions();
  }

  /** Drops versions whose successor even the slowest server already shows. */
  #forgetOldVersions(): void {
    const horizon = this.#clock() - this.#longestDelay();
    const oldestNeeded = this.#versions.findLastIndex((version) => version.at <= horizon);
    if (oldestNeeded > 0) this.#versions.splice(0, oldestNeeded);
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
