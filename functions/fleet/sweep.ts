/** The watchdog of the certificates' alarms: whom an hourly sweep wakes. Pure. */
import { HOUR, MINUTE } from '../../shared/clock.ts';

/** One invocation wakes at most so many: each is a call to another object. */
export const SWEEP_LIMIT = 500;
/** An alarm this late has been lost; local and deployed alarms fire within seconds. */
export const OVERDUE_MS = 2 * MINUTE;
/**
 * A certificate that reported, or was swept, this lately is left in peace: a lost alarm shows as overdue, and waking everybody
 * every hour would spend the Free plan's rows on nothing. What is left over are those whose last report was lost as well.
 */
const UNTOUCHED_MS = 20 * HOUR;

export interface SweepCandidate {
  name: string;
  /** Unix ms of the certificate's own next step, or null. */
  wakeAt: number | null;
  /** Unix ms at which it reported or was swept last; 0 never. */
  touchedAt: number;
}

/**
 * What is overdue, longest first; then, the least recently touched first, what was woken since it became overdue, which waits
 * for its turn so that many that are stuck keep nobody from being looked at, and what nobody has heard of for most of a day.
 */
export function selectForSweep(candidates: readonly SweepCandidate[], now: number, limit = SWEEP_LIMIT): string[] {
  const unique = [...new Map(candidates.map((candidate) => [candidate.name, candidate])).values()];
  const isLate = ({ wakeAt }: SweepCandidate) => wakeAt !== null && wakeAt < now - OVERDUE_MS;
  const overdue = unique
    .filter((candidate) => isLate(candidate) && candidate.touchedAt <= (candidate.wakeAt ?? 0) + OVERDUE_MS)
    .sort((a, b) => (a.wakeAt ?? 0) - (b.wakeAt ?? 0));
  const first = new Set(overdue);
  const others = unique
    .filter((candidate) => !first.has(candidate) && (isLate(candidate) || candidate.touchedAt <= now - UNTOUCHED_MS))
    .sort((a, b) => a.touchedAt - b.touchedAt);
  return [...overdue, ...others].slice(0, limit).map(({ name }) => name);
}
