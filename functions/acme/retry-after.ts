/** Retry-After (RFC 9110 §10.2.3): seconds or an HTTP date, from a server that may send neither. */
import { DAY, SECOND } from '../../shared/clock.ts';

/** No public CA limit refills slower than a week; anything beyond is a mistake that must not park a certificate. */
const LONGEST_MS = 8 * DAY;

/**
 * Unix milliseconds before which a retry is pointless, at most eight days ahead; null when the header is absent or
 * nonsense. A moment in the past becomes `now`.
 */
export function parseRetryAfter(header: string | null, now: number): number | null {
  const text = header?.trim() ?? '';
  if (text === '' || text.length > 64) return null;
  const at = /^\d{1,10}$/.test(text) ? now + Number(text) * SECOND : httpDate(text);
  if (at === null) return null;
  return Math.min(Math.max(at, now), now + LONGEST_MS);
}

/** Only the shapes of RFC 9110 §5.6.7, all of which start with a day name: `Date.parse` alone would take "-5" or "2". */
function httpDate(text: string): number | null {
  if (!/^(Mon|Tues?|Wed(nes)?|Thu(rs)?|Fri|Sat(ur)?|Sun)(day)?,? /.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}
