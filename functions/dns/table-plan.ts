/**
 * The ledger's wishes as a change of a host list: pure. What one record cannot have does not keep the others from
 * theirs.
 */
import type { ErrorData } from '../../shared/errors.ts';
import { planHosts, type HostPlan } from '../../shared/namecheap/change-plan.ts';
import { difference, recordIdentity } from '../../shared/namecheap/comparison.ts';
import type { HostRow, HostTable } from '../../shared/namecheap/host-table.ts';
import { toRecord, toRow } from '../../shared/namecheap/records.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import { toDnsError } from './namecheap/failures.ts';
import type { ListedRecord } from './provider.ts';
import { identities } from './table-verdict.ts';
import { planChange, type ZonePlan } from './zone-plan.ts';

/** Seconds: the least the vendor takes, so that resolvers forget soon. */
const CHALLENGE_TTL = 60;

export interface TablePlan {
  /** What is to be written; equal to what is there when `changed` is false. */
  write: HostTable;
  changed: boolean;
  /** Rows that a record is added for. */
  adding: number[];
  /** Rows that are settled as the list stands. */
  present: ZonePlan['present'];
  released: number[];
  /** Rows that the list cannot take. */
  refusals: { entry: number; error: ErrorData }[];
}

/**
 * @param entries the rows to bring in line. @param related every row about the same names, these included.
 * @throws PerennialError `namecheap_plan_unsafe`: a bug, and nothing may be written.
 */
export function planTable(before: HostTable, entries: readonly LedgerEntry[], related: readonly LedgerEntry[]): TablePlan {
  const rows = new Map(before.rows.flatMap((row) => listedRow(row, before.domain)));
  const { add, remove, present, released } = planChange(entries, related, [...rows.keys()]);
  const removed = remove.flatMap(({ listed }) => rows.get(listed) ?? []);

  const wishes = add.map(({ record, ttl, entries: ids }) => ({ record: { ...record, ttl: ttl ?? CHALLENGE_TTL }, entries: ids }));
  const { plan, accepted, refusals } = planTogether(before, wishes, removed) ?? planOneByOne(before, wishes, removed);
  const write = withTtls(
    plan,
    accepted.map(({ row }) => row),
    removed,
  );
  return {
    write,
    changed: difference(before, write).lines.length > 0,
    adding: accepted.flatMap((other) => other.entries),
    present,
    released,
    refusals,
  };
}

interface Wish {
  record: Parameters<typeof toRow>[0];
  entries: readonly number[];
}
interface Planned {
  plan: HostPlan;
  accepted: { row: HostRow; entries: readonly number[] }[];
  refusals: TablePlan['refusals'];
}

function planTogether(before: HostTable, wishes: readonly Wish[], remove: readonly HostRow[]): Planned | null {
  try {
    const accepted = wishes.map(({ record, entries }) => ({ row: toRow(record, before.domain), entries }));
    return { plan: planHosts(before, { add: accepted.map(({ row }) => row), remove }), accepted, refusals: [] };
  } catch {
    return null;
  }
}

/** Finds out which wish it is that cannot be had. Removals can always be. */
function planOneByOne(before: HostTable, wishes: readonly Wish[], remove: readonly HostRow[]): Planned {
  const planned: Planned = { plan: planHosts(before, { add: [], remove }), accepted: [], refusals: [] };
  for (const { record, entries } of wishes) {
    try {
      const row = toRow(record, before.domain);
      planned.plan = planHosts(before, { add: [...planned.accepted.map((other) => other.row), row], remove });
      planned.accepted.push({ row, entries });
    } catch (thrown) {
      const error = toDnsError(thrown).toData();
      planned.refusals.push(...entries.map((entry) => ({ entry, error })));
    }
  }
  return planned;
}

/** Records of a list as the ledger names them. */
export function listedRecords(table: HostTable): ListedRecord[] {
  return table.rows.flatMap((row) => listedRow(row, table.domain).map(([listed]) => listed));
}

/** Whether a row of a list is one that the ledger has written and still answers for. */
export function answeredFor(entries: readonly LedgerEntry[], domain: string): (row: HostRow) => boolean {
  const ours = entries.filter(({ state, sentAt, found }) => state !== 'removed' && sentAt !== null && !found);
  return identities(ours.flatMap((entry) => rowOf(entry, domain)));
}

/** A record in the host list's terms; none for one that the list cannot hold. */
export function rowOf({ type, name, value, ttl }: Pick<LedgerEntry, 'type' | 'name' | 'value' | 'ttl'>, domain: string): HostRow[] {
  try {
    return [toRow({ type, name, value, ttl: ttl ?? CHALLENGE_TTL }, domain)];
  } catch {
    return [];
  }
}

function listedRow(row: HostRow, domain: string): [ListedRecord, HostRow][] {
  const record = toRecord(row, domain);
  return record === null ? [] : [[{ ...record, id: null, comment: null }, row]];
}

/** A record of ours with another TTL is one to remove and one to add: in a list that is one row rewritten. */
function withTtls({ table }: HostPlan, added: readonly HostRow[], removed: readonly HostRow[]): HostTable {
  const wanted = new Map(added.map((row) => [recordIdentity(row), row.ttl]));
  const outdated = new Set(removed.map(recordIdentity));
  const rows = table.rows.map((row) => {
    const ttl = outdated.has(recordIdentity(row)) ? wanted.get(recordIdentity(row)) : undefined;
    return ttl === undefined ? row : { ...row, ttl };
  });
  return { ...table, rows };
}
