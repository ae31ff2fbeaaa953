/** When to dial again: exponential with full jitter, so that many relays do not return in step. Pure. */

const BASE_MS = 300;
const CAP_MS = 30_000;
/** After a refusal that trying again cannot heal, milliseconds; somebody has to change a configuration first. */
const REFUSED_MS = 60_000;
/** Even full jitter leaves the edge a moment. */
const FLOOR_MS = 50;

/** @param failures in a row before this wait, from 0; @param random in [0, 1) */
export function reconnectDelay(failures: number, random: number): number {
  return Math.max(FLOOR_MS, Math.round(Math.min(CAP_MS, BASE_MS * 2 ** Math.min(failures, 20)) * random));
}

/** Between half and the whole of the slow retry. */
export function refusedDelay(random: number): number {
  return Math.round(REFUSED_MS * (0.5 + random / 2));
}
