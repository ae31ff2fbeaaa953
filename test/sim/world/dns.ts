/** The zones as their authoritative servers show them: each server learns of a change after a lag of its own. */
import type { Random } from '../random.ts';

export type RecordType = 'A' | 'AAAA' | 'CAA' | 'CNAME' | 'TXT';

export interface ZoneRecord {
  id: string;
  type: RecordType;
  name: string;
  value: string;
  comment: string;
  ttl: number;
  /** Somebody else wrote it: nobody of ours may touch it. */
  foreign: boolean;
  /** Per server: Unix ms from when and until when it is served. */
  seenFrom: number[];
  seenUntil: number[] | null;
}

export interface SimulatedZone {
  id: string;
  name: string;
  vendor: string;
  servers: string[];
  records: ZoneRecord[];
}

export interface ServerAnswer {
  status: 'answer' | 'nodata' | 'nxdomain';
  values: string[];
  cname: string | null;
}

export class SimulatedDns {
  readonly zones: SimulatedZone[] = [];
  readonly #random: Random;
  readonly #clock: () => number;
  /** Longest lag of one server, ms. */
  lagMs = 5_000;
  #ids = 0;

  constructor(random: Random, clock: () => number) {
    this.#random = random;
    this.#clock = clock;
  }

  addZone(name: string, vendor: string): SimulatedZone {
    const id = (this.zones.length + 1).toString(16).padStart(32, 'a');
    const servers = [1, 2, 3].slice(0, this.#random.between(2, 3)).map((number) => `ns${number}.${vendor}.test`);
    const zone = { id, name, vendor, servers, records: [] };
    this.zones.push(zone);
    return zone;
  }

  zoneOf(name: string): SimulatedZone | undefined {
    const holding = this.zones.filter((zone) => name === zone.name || name.endsWith(`.${zone.name}`));
    return holding.toSorted((a, b) => b.name.length - a.name.length)[0];
  }

  present(zone: SimulatedZone): ZoneRecord[] {
    return zone.records.filter(({ seenUntil }) => seenUntil === null);
  }

  add(zone: SimulatedZone, record: Pick<ZoneRecord, 'type' | 'name' | 'value' | 'comment' | 'ttl' | 'foreign'>, at = this.#clock()): ZoneRecord {
    const added = { ...record, id: `record-${(this.#ids += 1)}`, seenFrom: this.#lags(zone, at), seenUntil: null };
    zone.records.push(added);
    return added;
  }

  remove(zone: SimulatedZone, record: ZoneRecord): void {
    record.seenUntil = this.#lags(zone, this.#clock());
    const now = this.#clock();
    zone.records = zone.records.filter(({ seenUntil }) => seenUntil === null || seenUntil.some((until) => until > now));
  }

  /** What one server says at this moment, without following an alias. */
  ask(zone: SimulatedZone, server: number, name: string, type: string): ServerAnswer {
    const now = this.#clock();
    const served = zone.records.filter(({ seenFrom, seenUntil }) => (seenFrom[server] ?? 0) <= now && (seenUntil === null || (seenUntil[server] ?? 0) > now));
    const here = served.filter((record) => record.name === name);
    if (name === zone.name && type === 'NS') return { status: 'answer', values: zone.servers, cname: null };
    if (name === zone.name && type === 'SOA') return { status: 'answer', values: ['1'], cname: null };
    const alias = here.find((record) => record.type === 'CNAME');
    if (alias !== undefined && type !== 'CNAME') return { status: 'answer', values: [], cname: alias.value };
    const values = here.filter((record) => record.type === type).map((record) => record.value);
    if (values.length > 0) return { status: 'answer', values, cname: null };
    const exists = name === zone.name || here.length > 0 || served.some((record) => record.name.endsWith(`.${name}`));
    return { status: exists ? 'nodata' : 'nxdomain', values: [], cname: null };
  }

  /** TXT values that a validator sees: one server of each zone on the way is asked. */
  txt(name: string): string[] {
    let at = name;
    for (let hop = 0; hop < 8; hop += 1) {
      const zone = this.zoneOf(at);
      if (zone === undefined) return [];
      const { values, cname } = this.ask(zone, this.#random.between(0, zone.servers.length - 1), at, 'TXT');
      if (cname === null) return values;
      at = cname;
    }
    return [];
  }

  #lags(zone: SimulatedZone, at: number): number[] {
    return zone.servers.map(() => at + this.#random.between(0, this.lagMs));
  }
}
