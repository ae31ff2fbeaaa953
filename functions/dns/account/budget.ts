/**
 * How many calls an account at a vendor may still make: a pure decision over sliding windows.
 *
 * Calls are counted in twelve grains to a window, and a grain counts whole as long as any call in it may be inside the
 * window. So the count is never too low, and no window of that length, wherever it begins, holds more calls than allowed.
 */
import { z } from 'zod';
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { DnsError } from '../dns-error.ts';
import type { CallPurpose, Grant } from '../table-budget.ts';

const GRAINS = 12;
/** A vendor that says "too many" again soon after it opened is counting a longer window: the wait doubles up to an hour. */
const FIRST_WAIT_MS = MINUTE;
const LONGEST_WAIT_MS = HOUR;
const STRIKE_MEMORY_MS = 2 * HOUR;
/** No limit of a vendor is longer; a later time is not believed. */
const LONGEST_CLOSURE_MS = DAY;

export interface VendorLimits {
  /** What the vendor allows, in calls within any window of that many milliseconds. */
  windows: readonly { windowMs: number; calls: number }[];
  /**
   * The part of each limit up to which calls of a purpose may use it. The rest stays for more urgent ones, and what nobody
   * here may use for the user's other tools.
   */
  share: Readonly<Record<CallPurpose, number>>;
}

/** Vendors that count calls per account. Namecheap: support's figures; retries count as well. */
export const VENDOR_LIMITS = {
  namecheap: {
    windows: [
      { windowMs: MINUTE, calls: 20 },
      { windowMs: HOUR, calls: 700 },
      { windowMs: DAY, calls: 8_000 },
    ],
    share: { challenge: 0.8, records: 0.6, 'clean-up': 0.5 },
  },
} as const satisfies Record<string, VendorLimits>;

const timestamp = z.number().int().nonnegative();

export const budgetSchema = z.object({
  /** Calls by window and grain; `start` is the grain's first millisecond. */
  spent: z.array(z.object({ windowMs: z.number().int().positive(), start: timestamp, calls: z.number().int().positive() })).max(200),
  /** Nobody asks before this; null when the vendor is open. */
  closedUntil: timestamp.nullable(),
  /** Times in a row that the vendor said "too many". */
  strikes: z.number().int().nonnegative(),
});
export type Budget = z.infer<typeof budgetSchema>;

export const EMPTY_BUDGET: Budget = { spent: [], closedUntil: null, strikes: 0 };

/** @throws DnsError `dns_refused` when so many calls at once can never be granted. */
export function spend(budget: Budget, limits: VendorLimits, asked: { calls: number; purpose: CallPurpose }, time: number): { grant: Grant; budget: Budget } {
  const { calls, purpose } = asked;
  const now = notBefore(budget, time);
  const spent = budget.spent.filter((grain) => countsUntil(grain) > now);
  let retryAt = budget.closedUntil ?? 0;
  for (const { windowMs, calls: limit } of limits.windows) {
    const allowed = Math.floor(limit * limits.share[purpose]);
    if (calls > allowed)
      throw new DnsError('dns_refused', `${calls} calls at once are more than the ${allowed} that ${purpose} may make of an account's budget.`);
    const grains = spent.filter((grain) => grain.windowMs === windowMs).sort((a, b) => a.start - b.start);
    let used = sum(grains);
    for (const grain of grains) {
      if (used + calls <= allowed) break;
      used -= grain.calls;
      retryAt = Math.max(retryAt, countsUntil(grain));
    }
  }
  if (retryAt > now) return { grant: { granted: false, retryAt }, budget: { ...budget, spent } };
  return { grant: { granted: true }, budget: { ...budget, spent: limits.windows.reduce((known, { windowMs }) => count(known, windowMs, calls, now), spent) } };
}

/** The vendor said "too many": it is left alone until `retryAt`, and for longer each time that this did not help. */
export function close(budget: Budget, retryAt: number, now: number): Budget {
  const { closedUntil, strikes } = budget;
  // Several zones may meet the same refusal; only one that comes after the wait is another one.
  const again = closedUntil !== null && now < closedUntil ? strikes : closedUntil !== null && now < closedUntil + STRIKE_MEMORY_MS ? strikes + 1 : 1;
  const wait = Math.min(FIRST_WAIT_MS * 2 ** Math.min(again - 1, 10), LONGEST_WAIT_MS);
  const until = Math.min(Math.max(retryAt, now + wait), now + LONGEST_CLOSURE_MS);
  return { ...budget, closedUntil: Math.max(until, closedUntil ?? 0), strikes: again };
}

/** What people see of an account's budget. */
export interface BudgetStatus {
  /** `used` counts ours only; `allowed` is what is ours to use of the vendor's `limit`. */
  windows: { windowMs: number; used: number; allowed: number; limit: number }[];
  /** Unix ms until which the vendor refuses every call; null when it does not. */
  closedUntil: number | null;
}

export function budgetStatus(budget: Budget, limits: VendorLimits, time: number): BudgetStatus {
  const now = notBefore(budget, time);
  return {
    windows: limits.windows.map(({ windowMs, calls: limit }) => ({
      windowMs,
      used: sum(budget.spent.filter((grain) => grain.windowMs === windowMs && countsUntil(grain) > now)),
      allowed: Math.floor(limit * Math.max(...Object.values(limits.share))),
      limit,
    })),
    closedUntil: budget.closedUntil !== null && budget.closedUntil > now ? budget.closedUntil : null,
  };
}

type Grain = Budget['spent'][number];

/** The first millisecond at which no call of the grain can be inside the window any more. */
function countsUntil({ windowMs, start }: Grain): number {
  return start + windowMs / GRAINS + windowMs;
}

function count(spent: readonly Grain[], windowMs: number, calls: number, now: number): Grain[] {
  const length = windowMs / GRAINS;
  const start = Math.floor(now / length) * length;
  const known = spent.find((grain) => grain.windowMs === windowMs && grain.start === start);
  return [...spent.filter((grain) => grain !== known), { windowMs, start, calls: calls + (known?.calls ?? 0) }];
}

/** A clock that went back must not forget what was spent after the time it shows. */
function notBefore(budget: Budget, time: number): number {
  return Math.max(time, ...budget.spent.map(({ start }) => start));
}

function sum(grains: readonly Grain[]): number {
  return grains.reduce((total, { calls }) => total + calls, 0);
}
