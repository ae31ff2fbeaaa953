/**
 * What a list means that was read back after a write, or before the next one: pure decisions.
 *
 * Rows of ours may be missing because the vendor still shows the list before, or because somebody wrote over them: that is
 * mended by another write. A row of somebody else's that is missing or different is never mended by us: people are called.
 */
import { SECOND } from '../../shared/clock.ts';
import { difference, differenceAfterWrite, isParking, recordIdentity, rowKey } from '../../shared/namecheap/comparison.ts';
import type { HostRow, HostTable } from '../../shared/namecheap/host-table.ts';
import type { Attempt } from './table-state.ts';

/** Waits before a list is read back once more, milliseconds; then it is taken for the truth. */
const AGAIN_MS = [3 * SECOND, 10 * SECOND] as const;
/** Fewer records than this say nothing by getting fewer, unless all are gone. */
const FEW = 6;

export type Verdict =
  /** Everything is there, and nothing of others has changed. */
  | { is: 'as-planned' }
  /** Nothing of it is to be seen, and it may still take effect. */
  | { is: 'travelling' }
  /** Not what it should be, which may pass. `seen`: a row that we added stands there, so the write did take effect. */
  | { is: 'unclear'; readAt: number; seen: boolean }
  /** It did not take effect and cannot any more. */
  | { is: 'without-effect' }
  /** Something of ours is not as planned; others' is untouched. */
  | { is: 'incomplete' }
  /** Others' records differ from what was written. */
  | { is: 'foreign-change'; lines: string[] };

/** @param isOurs whether the ledger answers for a row, whatever its TTL. */
export function judgeWrite(attempt: Attempt, read: HostTable, isOurs: (row: HostRow) => boolean, now: number): Verdict {
  const planned = difference(attempt.before, attempt.write);
  const found = differenceAfterWrite(attempt.write, read);
  const added = new Set(planned.added.map(rowKey));
  const removed = new Set(planned.removed.map(rowKey));
  const missing = found.removed.filter((row) => added.has(rowKey(row)));
  const left = found.added.filter((row) => removed.has(rowKey(row)));
  // A restored list is nobody's but the zone's: every row of it counts.
  const lost = found.removed.filter((row) => attempt.kind === 'restore' || (!added.has(rowKey(row)) && !isOurs(row)));
  const seen = missing.length < planned.added.length;
  const foreign = lost.length > 0 || found.emailType !== null;
  const ours = missing.length + left.length > 0 || found.removed.some(isOurs);

  if (!foreign && !ours) {
    // A list that is short by the vendor's fault looks the same: without its word, what is gone was looked for twice.
    const isProven = attempt.acknowledged || planned.removed.length === 0 || attempt.reads > 0;
    return isProven ? { is: 'as-planned' } : { is: 'unclear', readAt: now + AGAIN_MS[0], seen };
  }
  const landed = attempt.acknowledged || missing.length + left.length < planned.added.length + planned.removed.length;
  if (!landed && now < attempt.over) return { is: 'travelling' };
  // A vendor that shows the list before does so once: what is decided on was seen twice.
  if (!landed) return attempt.reads === 0 ? { is: 'unclear', readAt: now + AGAIN_MS[0], seen } : { is: 'without-effect' };
  const again = AGAIN_MS[attempt.reads];
  if (again !== undefined) return { is: 'unclear', readAt: now + again, seen };
  if (difference(attempt.before, read).lines.length === 0) return { is: 'without-effect' };
  return foreign ? { is: 'foreign-change', lines: found.lines } : { is: 'incomplete' };
}

/**
 * Whether a list is read a second time before it is believed: it holds half of the last one or less, or lacks a record that
 * we wrote and saw there. Without a last one, when it is empty. @param isOurs as above.
 */
export function isDoubtful(last: HostTable | null, read: HostTable, isOurs: (row: HostRow) => boolean): boolean {
  if (last === null) return read.rows.length === 0;
  if (last.rows.length > 0 && read.rows.length * 2 <= last.rows.length) return true;
  const there = identities(read.rows);
  return last.rows.some((row) => isOurs(row) && !there(row));
}

/**
 * Whether so much of others' is gone that people are asked whether it was them. @param isOurs as above: what we remove
 * ourselves does not count, and neither do parking rows.
 */
export function isCollapsed(last: HostTable, read: HostTable, isOurs: (row: HostRow) => boolean): boolean {
  const foreign = (table: HostTable) => table.rows.filter((row) => !isOurs(row) && !isParking(row, table.domain)).length;
  const [before, now] = [foreign(last), foreign(read)];
  return now < before && (now === 0 || (before >= FEW && now * 2 <= before));
}

/** Identity of what a ledger row stands for, as {@link recordIdentity} of a host row. */
export function identities(rows: readonly HostRow[]): (row: HostRow) => boolean {
  const known = new Set(rows.map(recordIdentity));
  return (row) => known.has(recordIdentity(row));
}
