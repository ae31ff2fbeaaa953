/**
 * One immutable version of a zone and the lookup inside it: RFC 1034 §4.3.2 with RFC 4592 (wildcards), RFC 2308
 * (NXDOMAIN against NODATA) and RFC 8020 (an empty non-terminal exists). Pure: no clock, no network.
 */
import { parentOf, upTo } from './names.ts';
import type { ZoneRecord } from './records.ts';

export type Lookup =
  | { kind: 'answer'; records: ZoneRecord[] }
  | { kind: 'cname'; record: ZoneRecord; target: string }
  /** The name belongs to a delegated zone: its NS records, and glue as far as this zone holds it. */
  | { kind: 'referral'; cut: string; nameservers: ZoneRecord[]; glue: ZoneRecord[] }
  | { kind: 'nodata' }
  | { kind: 'nxdomain' };

export class ZoneView {
  readonly apex: string;
  readonly soa: ZoneRecord;
  readonly #byName = new Map<string, ZoneRecord[]>();

  /** `records` includes the apex NS set; all names must be normalised and inside the zone. */
  constructor(apex: string, soa: ZoneRecord, records: readonly ZoneRecord[]) {
    this.apex = apex;
    this.soa = soa;
    this.#byName.set(apex, [soa]);
    for (const record of records) {
      // Every ancestor exists too, even without records of its own: an empty non-terminal answers NODATA and stops
      // the wildcard above it.
      for (const name of upTo(record.name, apex)) {
        if (!this.#byName.has(name)) this.#byName.set(name, []);
      }
      this.#byName.get(record.name)?.push(record);
    }
  }

  /** Looks up a normalised name inside this zone; `type` is a mnemonic such as `TXT`, or `ANY`. */
  lookup(name: string, type: string): Lookup {
    const cut = this.#delegationAbove(name);
    if (cut !== undefined) return cut;
    const exact = this.#byName.get(name);
    if (exact !== undefined) return select(exact, type);
    const wildcard = this.#byName.get(`*.${this.#closestEncloser(name)}`);
    if (wildcard === undefined) return { kind: 'nxdomain' };
    return select(wildcard.map((record) => ({ ...record, name })), type);
  }

  /** The topmost delegation on the way from the apex down to the name. */
  #delegationAbove(name: string): Lookup | undefined {
    let topmost: { cut: string; nameservers: ZoneRecord[] } | undefined;
    for (const ancestor of upTo(name, this.apex)) {
      if (ancestor === this.apex) break;
      const nameservers = this.#of(ancestor, 'NS');
      if (nameservers.length > 0) topmost = { cut: ancestor, nameservers };
    }
    if (topmost === undefined) return undefined;
    const hosts = topmost.nameservers.flatMap((record) => (record.type === 'NS' ? [record.data] : []));
    const glue = hosts.flatMap((host) => [...this.#of(host, 'A'), ...this.#of(host, 'AAAA')]);
    return { kind: 'referral', ...topmost, glue };
  }

  #closestEncloser(name: string): string {
    let candidate = parentOf(name);
    while (candidate !== undefined && !this.#byName.has(candidate)) candidate = parentOf(candidate);
    return candidate ?? this.apex;
  }

  #of(name: string, type: string): ZoneRecord[] {
    return (this.#byName.get(name) ?? []).filter((record) => record.type === type);
  }
}

function select(records: readonly ZoneRecord[], type: string): Lookup {
  const matching = type === 'ANY' ? [...records] : records.filter((record) => record.type === type);
  if (matching.length > 0) return { kind: 'answer', records: matching };
  for (const record of records) {
    if (record.type === 'CNAME') return { kind: 'cname', record, target: record.data };
  }
  return { kind: 'nodata' };
}
