/** The watchdog of the certificates' alarms: whom an hourly sweep wakes. Pure. */
import { MINUTE } from '../../shared/clock.ts';

/** One invocation wakes at most so many: each is a call to another object. */
export const SWEEP_LIMIT = 500;
/** An alarm this late has been lost; local and deployed alarms fire within seconds. */
export const OVERDUE_MS = 2 * MINUTE;

export interface SweepCandidate {
  name: string;
  /** Unix ms of the certificate's own next step, or null. */
  wakeAt: number | null;
  /** Unix ms at which it reported or was swept last; 0 never. */
  touchedAt: number;
}

/**
 * What is overdue, longest first, then the least recently touched. One that was woken since it became overdue waits for its
 * turn among the others: many that are stuck must not keep the rest from ever being looked at.
 */
export function selectForSweep(candidates: readonly SweepCandidate[], now: number, limit = SWEEP_LIMIT): string[] {
  const unique = [...new Map(candidates.map((candidate) => [candidate.name, candidate])).values()];
  const isOverdue = ({ wakeAt, touchedAt }: SweepCandidate) => wakeAt !== null && wakeAt < now - OVERDUE_MS && touchedAt <= wakeAt + OVERDUE_MS;
  const overdue = unique.filter(isOverdue).sort((a, b) => (a.wakeAt ?? 0) - (b.wakeAt ?? 0));
  const late = new Set(overdue);
  const idle = unique.filter((candidate) => !late.has(candidate)).sort((a, b) => a.touchedAt - b.touchedAt);
  return [...overdue, ...idle].slice(0, limit).map(({ name }) => name);
}
