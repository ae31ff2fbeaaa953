/**
 * What belongs to strangers in a zone at Namecheap. Rows are compared by rules written down here once more, so that a
 * mistake in the product's own comparison cannot hide itself.
 */
import type { Change, HostList } from '../emulators/namecheap/domain.ts';
import type { HostInput } from '../emulators/namecheap/host.ts';

export type Identity = Pick<HostInput, 'name' | 'type' | 'address'>;

const TARGETS: ReadonlySet<string> = new Set(['CNAME', 'ALIAS', 'NS', 'MX']);
const AUTOMATIC = 1_799;
const DEFAULT_TTL = 1_800;

/** Name, type and value: what DNS answers with. */
export function identity({ name, type, address }: Identity): string {
  return JSON.stringify([name.toLowerCase(), type, said(type, address)]);
}

/** The whole row. "Automatic" is 1799 or 1800, and only MX rows have a preference. */
export function whole(row: HostInput): string {
  const ttl = row.ttl === undefined || row.ttl === AUTOMATIC ? DEFAULT_TTL : row.ttl;
  return `${identity(row)} ${ttl} ${row.type === 'MX' ? (row.mxPref ?? 10) : ''}`;
}

function said(type: string, address: string): string {
  if (TARGETS.has(type)) return address.toLowerCase().replace(/\.$/, '');
  return type === 'CAA' ? address.replace(/^(\S+) (\S+) "?(.*?)"?$/s, '$1 $2 $3') : address;
}

function isParking({ name, type, address }: Identity): boolean {
  return (
    (name === 'www' && type === 'CNAME' && address === 'parkingpage.namecheap.com.') || (name === '@' && type === 'URL' && address.startsWith('http://www.'))
  );
}

export class Strangers {
  #rows: Map<string, HostInput>;

  constructor(rows: readonly HostInput[]) {
    this.#rows = new Map(rows.map((row) => [whole(row), row]));
  }

  /** In no particular order. */
  get rows(): HostInput[] {
    return [...this.#rows.values()];
  }

  has(record: Identity): boolean {
    return this.rows.some((row) => identity(row) === identity(record));
  }

  add(row: HostInput): void {
    this.#rows.set(whole(row), row);
  }

  remove(row: HostInput): void {
    this.#rows.delete(whole(row));
  }

  /** What a write of ours did to them, in sentences; none when nothing. @param isOurs whether we ever asked for a record. */
  harmedBy({ before, after }: Pick<Change, 'before' | 'after'>, isOurs: (record: Identity) => boolean): string[] {
    const routing = before.emailType === after.emailType ? [] : [`EmailType went from ${before.emailType} to ${after.emailType}.`];
    return [...routing, ...this.missingIn(after, isOurs)];
  }

  /** What is not as it should be in a list. Parking rows in a list that became empty are the vendor's own doing, and noted. */
  missingIn({ hosts }: HostList, isOurs: (record: Identity) => boolean): string[] {
    const left = new Map<string, HostInput>(hosts.map((row) => [whole(row), row]));
    const doubled = hosts.length === left.size ? [] : ['A row stands there twice.'];
    const lost: string[] = [];
    for (const [key, row] of this.#rows) {
      if (!left.delete(key)) lost.push(`${row.name} ${row.type} ${row.address} is lost or changed.`);
    }
    const parked = this.#rows.size === 0 && hosts.every(isParking);
    if (parked) for (const row of hosts) this.add(row);
    const strange = parked ? [] : [...left.values()].filter((row) => !isOurs(row)).map((row) => `${row.name} ${row.type} ${row.address} came from nowhere.`);
    return [...doubled, ...lost, ...strange];
  }
}
