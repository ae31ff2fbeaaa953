/**
 * The lookup inside one zone as it stands: RFC 1034 §4.3.2 with RFC 4592 (wildcards), RFC 2308
 * (NXDOMAIN against NODATA) and RFC 8020 (an empty non-terminal exists). No clock, no network.
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

/** The records at a name; none at an empty non-terminal; `undefined` where the name does not exist. */
export type RecordsAt = (name: string) => readonly ZoneRecord[] | undefined;

export class ZoneView {
  readonly apex: string;
  readonly soa: ZoneRecord;
  readonly #recordsAt: RecordsAt;

  constructor(apex: string, soa: ZoneRecord, recordsAt: RecordsAt) {
    this.apex = apex;
    this.soa = soa;
    this.#recordsAt = (name) => (name === apex ? [soa, ...(recordsAt(name) ?? [])] : recordsAt(name));
  }

  /** Looks up a normalised name inside this zone; `type` is a mnemonic such as `TXT`, or `ANY`. */
  lookup(name: string, type: string): Lookup {
    const cut = this.#delegationAbove(name);
    if (cut !== undefined) return cut;
    const exact = this.#recordsAt(name);
    if (exact !== undefined) return select(exact, type);
    const wildcard = this.#recordsAt(`*.${this.#closestEncloser(name)}`);
    if (wildcard === undefined) return { kind: 'nxdomain' };
    return select(
      wildcard.map((record) => ({ ...record, name })),
      type,
    );
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
    while (candidate !== undefined && this.#recordsAt(candidate) === undefined) candidate = parentOf(candidate);
    return candidate ?? this.apex;
  }

  #of(name: string, type: string): ZoneRecord[] {
    return (this.#recordsAt(name) ?? []).filter((record) => record.type === type);
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
