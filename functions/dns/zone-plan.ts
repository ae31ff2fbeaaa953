/**
 * Decides what a change of a zone has to do, from the ledger and what the vendor lists: a pure function.
 *
 * Invariant: a record is removed only when the ledger proves that we wrote it and nobody of ours wants it any more. A
 * record of exactly our value that was there before is somebody else's: it serves the challenge, and stays.
 */
import type { LedgerEntry } from './ledger-entry.ts';
import { ownershipComment, recordKey, type DnsRecord, type ListedRecord } from './provider.ts';

export interface ZonePlan {
  /** Records to create, each with the rows that want it; the first row's owner signs it. `ttl`: seconds, null for the least. */
  add: { record: DnsRecord; owner: string; ttl: number | null; entries: number[] }[];
  /** Records to delete, each with the rows that are settled by it: none when the record is created anew in the same change. */
  remove: { listed: ListedRecord; entries: number[] }[];
  /** Wanted rows whose record exists. */
  present: { entry: number; recordId: string | null; found: boolean }[];
  /** Rows that are settled without touching the vendor. */
  released: number[];
}

/**
 * @param entries the rows of this change. @param related every row about the same names, these included.
 * @param listed what the vendor holds at these names.
 */
export function planChange(entries: readonly LedgerEntry[], related: readonly LedgerEntry[], listed: readonly ListedRecord[]): ZonePlan {
  const plan: ZonePlan = { add: [], remove: [], present: [], released: [] };
  const relatedByKey = Map.groupBy(related, recordKey);
  const listedByKey = Map.groupBy(listed, recordKey);
  for (const [key, rows] of Map.groupBy(entries, recordKey)) {
    const siblings = relatedByKey.get(key) ?? [];
    const there = listedByKey.get(key) ?? [];
    const ours = there.find((record) => isOurs(record, siblings));

    const wanted = rows.filter(isWanted);
    const [first] = wanted;
    if (first !== undefined) {
      const existing = ours ?? there[0];
      const outdated = ours !== undefined && wanted.some(({ ttl }) => !isTtl(ours.ttl, ttl));
      if (existing === undefined || outdated) {
        if (outdated) plan.remove.push({ listed: ours, entries: [] });
        const ttl = siblings.find((row) => isWanted(row) && row.ttl !== null)?.ttl ?? null;
        plan.add.push({ record: { type: first.type, name: first.name, value: first.value }, owner: first.owner, ttl, entries: wanted.map(({ id }) => id) });
      } else {
        plan.present.push(...wanted.map(({ id }) => ({ entry: id, recordId: ours?.id ?? null, found: ours === undefined })));
      }
    }

    const released = rows.filter(({ state }) => state === 'removing').map(({ id }) => id);
    if (released.length === 0) continue;
    const heirs = siblings.filter(isWanted);
    if (ours !== undefined && heirs.length === 0) {
      plan.remove.push({ listed: ours, entries: released });
    } else {
      plan.released.push(...released);
      // The proof goes on to those who still want the record: the row that carried it may be used anew.
      if (ours !== undefined) plan.present.push(...heirs.map(({ id }) => ({ entry: id, recordId: ours.id, found: false })));
    }
  }
  return plan;
}

/**
 * Proof that we wrote a record: its id, or, when the reply that names the id was lost, that a request for it left and the
 * record carries our mark. Where the vendor keeps no comments, that the request left must do.
 */
export function isOurs(record: ListedRecord, siblings: readonly LedgerEntry[]): boolean {
  return siblings.some((row) => {
    if (record.id !== null && row.recordId === record.id) return true;
    if (row.sentAt === null || row.found) return false;
    return record.comment === null ? row.state !== 'removed' : record.comment === ownershipComment(row.owner);
  });
}

/** What one vendor calls "automatic" comes back as 1799 and means 1800. */
const AUTOMATIC_TTL = [1_799, 1_800];

/** Whether a listed TTL is the one that is wanted; one that nobody names cannot be wrong. */
export function isTtl(listed: number | null, wanted: number | null): boolean {
  return listed === null || wanted === null || listed === wanted || (AUTOMATIC_TTL.includes(listed) && AUTOMATIC_TTL.includes(wanted));
}

function isWanted({ state }: LedgerEntry): boolean {
  return state === 'wanted' || state === 'written';
}
