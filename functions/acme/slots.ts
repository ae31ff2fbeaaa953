/**
 * Who may come back when: callers that were refused for the same reason get moments of their own, so that they do not all
 * knock at once when the reason ends. A caller that asks again keeps its moment.
 */
import { SECOND } from '../../shared/clock.ts';
import type { Bucket } from '../config/configuration.ts';

/** Between two callers of a CA that was merely busy, ms. */
export const OVERLOAD_SPACING_MS = 250;
/** Between two callers where nobody knows how fast the limit refills, ms. */
export const UNKNOWN_SPACING_MS = SECOND;

export interface SlotState {
  slot(scope: string, caller: string): number | null;
  /** The last moment given out in this scope, null when none is later than `after`. */
  lastSlot(scope: string, after: number): number | null;
  saveSlot(scope: string, caller: string, at: number): void;
}

/** Unix ms for this caller: not before `from`, and at least `spacing` after everybody who asked before. */
export function slotFor(state: SlotState, request: { scope: string; caller: string | null; from: number; spacing: number; now: number }): number {
  const { scope, caller, from, spacing, now } = request;
  if (caller === null) return from;
  const kept = state.slot(scope, caller);
  if (kept !== null && kept > now && kept >= from) return kept;
  const last = state.lastSlot(scope, Math.max(from - 1, now));
  const at = last === null ? from : last + spacing;
  state.saveSlot(scope, caller, at);
  return at;
}

export function spacingOf(bucket: Bucket | null): number {
  return bucket === null ? UNKNOWN_SPACING_MS : bucket.refillMs;
}
