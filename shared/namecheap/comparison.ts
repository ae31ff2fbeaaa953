/**
 * When two host lists are the same, and exactly how they differ. Rows are a multiset: the vendor sorts them anew.
 *
 * What the vendor changes by itself does not count: case of host names (RFC 4343), one trailing dot and case of targets,
 * quotes of CAA values, TTL 1799 ("automatic") for 1800, the preference of rows that are no MX.
 */
import { canonicalAddress, parseCaa } from './values.ts';
import type { HostRow, HostTable } from './host-table.ts';

export interface TableDifference {
  /** Rows of `after` that `before` lacks, and the reverse. */
  added: HostRow[];
  removed: HostRow[];
  emailType: { before: HostTable['emailType']; after: HostTable['emailType'] } | null;
  /** For people, removals first: `- www CNAME parkingpage.namecheap.com. 1800`, `+ @ MX aspmx.l.google.com. 1 3600`. */
  lines: string[];
}

/** Types whose address is a host name. */
const TARGETS: ReadonlySet<HostRow['type']> = new Set(['CNAME', 'ALIAS', 'NS', 'MX']);
const AUTOMATIC_TTL = 1_800;

/** Identity of a row in DNS: name, type and value, whatever its TTL. */
export function recordIdentity({ name, type, address }: Pick<HostRow, 'name' | 'type' | 'address'>): string {
  return JSON.stringify([name.toLowerCase(), type, comparable(type, address)]);
}

/** Two rows with the same key are the same to the vendor. */
export function rowKey(row: HostRow): string {
  return JSON.stringify([
    row.name.toLowerCase(),
    row.type,
    comparable(row.type, row.address),
    row.type === 'MX' ? row.mxPref : null,
    row.ttl === 1_799 || row.ttl === 0 ? AUTOMATIC_TTL : row.ttl,
  ]);
}

/** Same domain, mail routing and rows. */
export function sameTable(a: HostTable, b: HostTable): boolean {
  return a.domain === b.domain && difference(a, b).lines.length === 0;
}

/** What has to be done to `before` to get `after`; `lines` is empty when nothing. */
export function difference(before: HostTable, after: HostTable): TableDifference {
  return describe(before, after, surplus(after.rows, before.rows), surplus(before.rows, after.rows));
}

/**
 * How the list that was read after a write differs from what was written. Beside what {@link difference} passes over, one
 * thing is the vendor's own doing: it puts its parking rows into a list that became empty.
 */
export function differenceAfterWrite(written: HostTable, read: HostTable): TableDifference {
  const appeared = surplus(read.rows, written.rows);
  const added = written.rows.length === 0 ? appeared.filter((row) => !isParking(row, written.domain)) : appeared;
  return describe(written, read, added, surplus(written.rows, read.rows));
}

/** One of the two rows that a domain has which nobody ever edited. */
export function isParking({ name, type, address }: HostRow, domain: string): boolean {
  if (type === 'CNAME') return name.toLowerCase() === 'www' && comparable(type, address) === 'parkingpage.namecheap.com';
  return type === 'URL' && name === '@' && new RegExp(`^https?://(www\\.)?${domain.replaceAll('.', '\\.')}/?$`, 'i').test(address);
}

/** A row for people: name, type, value, preference of an MX, TTL. */
export function describeRow({ name, type, address, mxPref, ttl }: HostRow): string {
  return [name, type, address, ...(type === 'MX' ? [mxPref] : []), ttl].join(' ');
}

function describe(before: HostTable, after: HostTable, added: HostRow[], removed: HostRow[]): TableDifference {
  const emailType = before.emailType === after.emailType ? null : { before: before.emailType, after: after.emailType };
  const lines = [
    ...(emailType === null ? [] : [`- EmailType ${emailType.before}`, `+ EmailType ${emailType.after}`]),
    ...removed.map((row) => `- ${describeRow(row)}`),
    ...added.map((row) => `+ ${describeRow(row)}`),
  ];
  return { added, removed, emailType, lines };
}

/** Rows of `here` that have no partner in `there`; each partner counts once. */
function surplus(here: readonly HostRow[], there: readonly HostRow[]): HostRow[] {
  const partners = new Map<string, number>();
  for (const row of there) partners.set(rowKey(row), (partners.get(rowKey(row)) ?? 0) + 1);
  return here.filter((row) => {
    const key = rowKey(row);
    const left = partners.get(key) ?? 0;
    if (left > 0) partners.set(key, left - 1);
    return left === 0;
  });
}

function comparable(type: HostRow['type'], address: string): string {
  if (TARGETS.has(type)) return address.toLowerCase().replace(/\.$/, '');
  if (type === 'AAAA') return canonicalAddress(address);
  return type === 'CAA' ? (parseCaa(address) ?? address) : address;
}
