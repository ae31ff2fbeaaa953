/**
 * Times as people read them: always UTC, always with the distance from now. Pure; every function takes Unix milliseconds.
 */
import { DAY, HOUR, MINUTE, SECOND } from '../../../shared/clock.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const two = (value: number): string => String(value).padStart(2, '0');

/** `21 Nov 2026`. */
export function utcDate(at: number): string {
  const date = new Date(at);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()] ?? ''} ${date.getUTCFullYear()}`;
}

/** `01:07`. */
export function utcClock(at: number): string {
  const date = new Date(at);
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

/** `Sat 21 Nov`. */
export function utcWeekday(at: number): string {
  const date = new Date(at);
  return `${WEEKDAYS[date.getUTCDay()] ?? ''} ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()] ?? ''}`;
}

/** `21 Nov 2026, 01:07 UTC`. */
export function utcMinute(at: number): string {
  return `${utcDate(at)}, ${utcClock(at)} UTC`;
}

/** Value of a `datetime` attribute. */
export function iso(at: number): string {
  return new Date(at).toISOString();
}

const counted = (value: number, unit: string): string => `${value} ${unit}${value === 1 ? '' : 's'}`;

/** A length of time in at most two units: `40 ms`, `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `31 days`. Negative lengths count as 0. */
export function duration(ms: number): string {
  const length = Math.max(0, ms);
  if (length < 100) return `${Math.round(length)} ms`;
  if (length < 9_950) return `${(length / SECOND).toFixed(1)} s`;
  if (length < MINUTE) return `${Math.floor(length / SECOND)} s`;
  if (length < HOUR) return withRest(Math.floor(length / MINUTE), 'min', Math.floor((length % MINUTE) / SECOND), 's');
  if (length < 2 * DAY) return withRest(Math.floor(length / HOUR), 'h', Math.floor((length % HOUR) / MINUTE), 'min');
  return counted(Math.floor(length / DAY), 'day');
}

function withRest(value: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${value} ${unit}` : `${value} ${unit} ${rest} ${restUnit}`;
}

/** The distance in one unit, as short as a sentence allows: `12 s`, `3 min`, `5 h`, `31 days`. */
function distance(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  return counted(Math.floor(ms / DAY), 'day');
}

/** `in 31 days`, `3 min ago`, `now` within two seconds. */
export function relative(now: number, at: number): string {
  const gap = at - now;
  if (Math.abs(gap) < 2 * SECOND) return 'now';
  return gap > 0 ? `in ${distance(gap)}` : `${distance(-gap)} ago`;
}
