/** When the janitor of a zone comes back: a pure function of what the ledger still holds. */
import { HOUR, MINUTE } from '../../shared/clock.ts';

/** The alarm of a run that dies before it sets the real one; one that comes due during a run waits for its end (measured). */
export const DEAD_MAN_MS = MINUTE;
/** Rows that are being removed belong to a call under way; the janitor takes over when it has come to nothing. */
const FIRST_RETRY_MS = MINUTE;
const LONGEST_RETRY_MS = HOUR;

/**
 * @param failures attempts that failed in a row: the wait doubles with each. @param retryAt what the vendor asked for.
 * @returns Unix ms, or null when nothing is left to do.
 */
export function nextJanitorRun(now: number, outlook: { removing: number; nextExpiry: number | null }, failures: number, retryAt: number | null): number | null {
  const backoff = Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures, 10), LONGEST_RETRY_MS);
  const retry = outlook.removing > 0 ? Math.max(now + backoff, retryAt ?? 0) : null;
  const expiry = outlook.nextExpiry === null ? null : Math.max(outlook.nextExpiry, failures > 0 ? now + backoff : now);
  if (retry === null) return expiry;
  return expiry === null ? retry : Math.min(retry, expiry);
}
