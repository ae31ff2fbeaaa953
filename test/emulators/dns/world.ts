/**
 * All of DNS as the emulator knows it: zones, who serves them and how late, faults, and the log of questions.
 * Servers and resolvers read from here; the vendor emulators publish into it; tests change it directly.
 */
import type { Clock } from '../../../shared/clock.ts';
import { Faults } from './faults.ts';
import { closestApex, normalizeName } from './names.ts';
import { QueryLog } from './query-log.ts';
import type { RecordInput, ZoneRecord } from './records.ts';
import { ZoneHistory, type ZoneSpec } from './zone-history.ts';
import type { ZoneView } from './zone-view.ts';

export interface NameserverSpec {
  /** Host name as it stands in NS sets, such as `ns1.test-dns.example`. */
  name: string;
  /** Zones it serves; by default those whose NS set names it. Set it to make a server lame. */
  zones?: readonly string[];
  /** How long after a change this server shows it, in milliseconds; `Infinity` never. */
  delayMs?: number;
}

interface Nameserver {
  zones: ReadonlySet<string> | undefined;
  delayMs: number;
}

export class DnsWorld {
  readonly clock: Clock;
  readonly faults = new Faults();
  readonly queries = new QueryLog();
  /**
   * Which of a zone's name servers resolvers happen to ask. The slowest hurts whoever asks too early; the fastest is
   * for tests in which one server never catches up.
   */
  resolversAsk: 'slowest' | 'fastest' = 'slowest';
  readonly #zones = new Map<string, ZoneHistory>();
  readonly #nameservers = new Map<string, Nameserver>();
  readonly #bogus = new Set<string>();

  constructor(clock: Clock = Date.now) {
    this.clock = clock;
  }

  addZone(spec: ZoneSpec): void {
    const zone = new ZoneHistory(spec, this.clock, () => this.#longestDelay());
    if (this.#zones.has(zone.name)) throw new Error(`The zone ${zone.name} exists already.`);
    this.#zones.set(zone.name, zone);
  }

  removeZone(name: string): void {
    this.#zones.delete(normalizeName(name));
  }

  addNameserver(spec: NameserverSpec): void {
    const zones = spec.zones === undefined ? undefined : new Set(spec.zones.map(normalizeName));
    this.#nameservers.set(normalizeName(spec.name), { zones, delayMs: spec.delayMs ?? 0 });
  }

  /** A zone whose signatures do not validate: resolvers answer SERVFAIL unless the question says not to check. */
  setBogus(zone: string, bogus: boolean): void {
    const { name } = this.#zone(zone);
    if (bogus) this.#bogus.add(name);
    else this.#bogus.delete(name);
  }

  isBogus(zone: string): boolean {
    return this.#bogus.has(normalizeName(zone));
  }

  /** Changes how late a server publishes, in milliseconds. */
  setDelay(nameserver: string, delayMs: number): void {
    const known = this.#nameservers.get(normalizeName(nameserver));
    if (known === undefined) throw new Error(`There is no name server ${nameserver}.`);
    known.delayMs = delayMs;
  }

  /** Adds a record to the closest zone that holds its name. */
  add(record: RecordInput): void {
    this.#zoneOf(record.name).change('direct', { add: [record] });
  }

  /** Removes a record by owner, type and data; false when there was none. */
  remove(record: RecordInput): boolean {
    return this.#zoneOf(record.name).remove(record);
  }

  /** Replaces what `source` (a vendor emulator, for instance) has in a zone, and leaves everything else alone. */
  publish(zone: string, source: string, records: readonly RecordInput[]): void {
    this.#zone(zone).replace(source, records);
  }

  /** Adds and removes records of `source` in one version of the zone. */
  change(zone: string, source: string, change: { add?: readonly RecordInput[]; remove?: readonly RecordInput[] }): void {
    this.#zone(zone).change(source, change);
  }

  /** The records of a zone, as `server` shows them, or as they are when no server is named. Without the SOA. */
  snapshot(zone: string, server?: string): readonly ZoneRecord[] {
    return this.#zone(zone).records(server === undefined ? 0 : this.#delayOf(server));
  }

  get zoneNames(): string[] {
    return [...this.#zones.keys()];
  }

  /** The zones that a name server answers for. */
  zonesServedBy(nameserver: string): string[] {
    const name = normalizeName(nameserver);
    const listed = this.#nameservers.get(name)?.zones;
    return [...this.#zones.values()]
      .filter((zone) => (listed === undefined ? zone.nameservers.includes(name) : listed.has(zone.name)))
      .map((zone) => zone.name);
  }

  /** A zone as a name server shows it now. */
  viewAt(zone: string, nameserver: string): ZoneView {
    return this.#zone(zone).view(this.#delayOf(nameserver));
  }

  /** A zone as a resolver with an empty cache sees it now; without delay where no name server is emulated. */
  viewForResolvers(zone: string): ZoneView {
    const delays = [...this.#nameservers].filter(([name]) => this.zonesServedBy(name).includes(zone)).map(([, { delayMs }]) => delayMs);
    if (delays.length === 0) return this.#zone(zone).view(0);
    return this.#zone(zone).view(this.resolversAsk === 'slowest' ? Math.max(...delays) : Math.min(...delays));
  }

  #zone(name: string): ZoneHistory {
    const zone = this.#zones.get(normalizeName(name));
    if (zone === undefined) throw new Error(`There is no zone ${name}.`);
    return zone;
  }

  #zoneOf(name: string): ZoneHistory {
    const apex = closestApex(normalizeName(name), this.#zones.keys());
    if (apex === undefined) throw new Error(`No zone holds ${name}.`);
    return this.#zone(apex);
  }

  #delayOf(nameserver: string): number {
    return this.#nameservers.get(normalizeName(nameserver))?.delayMs ?? 0;
  }

  #longestDelay(): number {
    return Math.max(0, ...[...this.#nameservers.values()].map(({ delayMs }) => delayMs));
  }
}
