/**
 * Plans a change of a host list: every row of others verbatim, ours added and removed. A pure function.
 *
 * Invariants, checked at the end and thrown upon rather than trusted: the rows that are not ours are the same multiset
 * before and after, in the same spelling; no more rows go than were named; mail routing stays; the list becomes empty only
 * when everything in it was ours.
 */
import { recordIdentity, sameTable } from './comparison.ts';
import { namecheapError } from './failures.ts';
import { type HostRow, hostRowSchema, type HostTable, MAX_HOSTS } from './host-table.ts';
import { rowProblem } from './host-list.ts';

export interface HostChange {
  add: readonly HostRow[];
  /** Rows that the ledger proves to be ours: exactly this name, type and value goes, whatever its TTL. */
  remove: readonly HostRow[];
}

export interface HostPlan {
  table: HostTable;
  /** False when the list is as wanted already: nothing is to be written. */
  changed: boolean;
  added: HostRow[];
  /** As they stand in the list. */
  removed: HostRow[];
  /** Wanted rows whose name, type and value stand there already, as they stand there. */
  found: HostRow[];
}

/**
 * What is in `add` stays even when it is in `remove` too.
 * @throws PerennialError `namecheap_zone_full`, `namecheap_name_is_alias`, `namecheap_record_refused` (a row that the
 *   vendor would not keep), `namecheap_plan_unsafe` (an invariant does not hold: a bug, and nothing is written).
 */
export function planHosts(before: HostTable, { add, remove }: HostChange): HostPlan {
  const wanted = new Map(add.map((row) => [recordIdentity(row), row]));
  const unwanted = new Set(remove.map(recordIdentity).filter((identity) => !wanted.has(identity)));
  const standing = before.rows.map((row) => ({ row, identity: recordIdentity(row) }));
  const there = new Set(standing.map(({ identity }) => identity));
  const removed = standing.filter(({ identity }) => unwanted.has(identity)).map(({ row }) => row);
  const kept = standing.filter(({ identity }) => !unwanted.has(identity)).map(({ row }) => row);
  const found = standing.filter(({ identity }) => wanted.has(identity)).map(({ row }) => row);
  const added = [...wanted].filter(([identity]) => !there.has(identity)).map(([, row]) => row);
  for (const row of added) requireWritable(row, before.domain);
  const rows = [...kept, ...added];
  // Less rows than before always fit, also into a list that is over the limit for a reason of the vendor's.
  if (added.length > 0 && rows.length > MAX_HOSTS) throw full(before, added.length);
  requireNoAlias(added, rows, before.domain);
  requireNoRedirect(added, rows, before.domain);
  const plan: HostPlan = { table: { ...before, rows }, changed: added.length + removed.length > 0, added, removed, found };
  requireSafe(before, plan, unwanted);
  return plan;
}

function requireWritable(row: HostRow, domain: string): void {
  const valid = hostRowSchema.safeParse(row).success;
  const problem = valid ? rowProblem(row, domain) : 'it is not a row that the vendor takes';
  if (problem !== null)
    throw namecheapError('namecheap_record_refused', `The ${row.type} record ${row.name} cannot be written to ${domain}: ${problem}.`, {
      details: { name: row.name, type: row.type },
    });
}

function full(before: HostTable, count: number): Error {
  return namecheapError('namecheap_zone_full', `${before.domain} holds ${before.rows.length} of ${MAX_HOSTS} records; ${count} more do not fit.`, {
    hint: 'Remove records that are not needed any more, or delegate _acme-challenge of the names by CNAME into another zone.',
    details: { rows: before.rows.length, adding: count },
  });
}

/** RFC 1034 §3.6.2: nothing else stands where a CNAME stands. */
function requireNoAlias(added: readonly HostRow[], rows: readonly HostRow[], domain: string): void {
  const counts = new Map<string, { all: number; aliases: number }>();
  for (const { name, type } of rows) {
    const key = name.toLowerCase();
    const count = counts.get(key) ?? { all: 0, aliases: 0 };
    counts.set(key, { all: count.all + 1, aliases: count.aliases + (type === 'CNAME' ? 1 : 0) });
  }
  for (const { name, type } of added) {
    const count = counts.get(name.toLowerCase());
    if (count === undefined || count.aliases === 0 || count.all === 1) continue;
    const why = type === 'CNAME' ? 'other records stand there already' : 'a CNAME stands there';
    throw namecheapError('namecheap_name_is_alias', `A ${type} record cannot be added at ${name} of ${domain}: ${why}.`, {
      hint: type === 'TXT' ? 'A CNAME at _acme-challenge delegates it: configure the vendor of the zone that it leads to.' : 'Remove one of the two.',
      details: { name, type },
    });
  }
}

/** Served by addresses of the vendor's: an address beside one of them would send some visitors elsewhere. */
const REDIRECTS: ReadonlySet<HostRow['type']> = new Set(['URL', 'URL301', 'FRAME', 'ALIAS']);

function requireNoRedirect(added: readonly HostRow[], rows: readonly HostRow[], domain: string): void {
  for (const { name, type } of added) {
    if (type !== 'A' && type !== 'AAAA') continue;
    const other = rows.find((row) => REDIRECTS.has(row.type) && row.name.toLowerCase() === name.toLowerCase());
    if (other === undefined) continue;
    throw namecheapError(
      'namecheap_record_refused',
      `${type} ${name} cannot be added to ${domain}: ${other.type} stands there, which answers with other addresses.`,
      {
        hint: 'Remove one of the two.',
        details: { name, type },
      },
    );
  }
}

/** The last look before a list goes out, by other means than it was made with. */
function requireSafe(before: HostTable, { table, added, removed }: HostPlan, unwanted: ReadonlySet<string>): void {
  const ours = new Set(added.map(recordIdentity));
  const othersBefore = before.rows.filter((row) => !unwanted.has(recordIdentity(row)));
  const othersAfter = table.rows.filter((row) => !ours.has(recordIdentity(row)));
  const verbatim = spelling(othersBefore) === spelling(othersAfter);
  const emptied = table.rows.length === 0 && removed.length !== before.rows.length;
  const lost = table.rows.length < before.rows.length - removed.length || removed.some((row) => !unwanted.has(recordIdentity(row)));
  const same = sameTable({ ...before, rows: [] }, { ...table, rows: [] });
  if (!verbatim || emptied || lost || !same)
    throw namecheapError('namecheap_plan_unsafe', `The planned change of ${before.domain} would touch records that are not ours; nothing is written.`, {
      hint: 'This is an error of Perennial. Please report it.',
    });
}

function spelling(rows: readonly HostRow[]): string {
  return rows
    .map(({ name, type, address, mxPref, ttl }) => JSON.stringify([name, type, address, mxPref, ttl]))
    .toSorted()
    .join('\n');
}
