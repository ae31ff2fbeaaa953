/** Points at which a renewal can be struck: an outside call, which of its kind it is within the renewal, and the side. */
import type { Call, Side } from './calls.ts';

export interface Point {
  part: Call['part'];
  label: string;
  /** The first, second, … call of this kind in a renewal; null for calls that belong to no single certificate. */
  nth: number | null;
  side: Side;
}

export function nameOf({ part, label, nth, side }: Point): string {
  return `${part} ${label}${nth === null ? '' : ` #${nth}`} ${side}`;
}

/** Share of the recorded renewals in which a call must have been made to count as a point: polls vary. */
const USUAL = 0.5;

export interface SeenCall {
  part: Call['part'];
  label: string;
  nth: number | null;
  /** Renewals in which it was seen. */
  renewals: number;
}

/** Both sides of every usual call, in the order in which they were first seen. */
export function pointsOf(seen: readonly SeenCall[], renewals: number): Point[] {
  return seen
    .filter((call) => call.nth === null || call.renewals >= renewals * USUAL)
    .flatMap(({ part, label, nth }) => [
      { part, label, nth, side: 'before' as const },
      { part, label, nth, side: 'after' as const },
    ]);
}
