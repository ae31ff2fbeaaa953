/** The budget of calls of one account: what is granted, when again, and that no window ever holds too much. */
import { array, assert, boolean, constantFrom, integer, oneof, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../../shared/clock.ts';
import { budgetSchema, budgetStatus, close, EMPTY_BUDGET, spend, VENDOR_LIMITS, type Budget } from '../../../functions/dns/account/budget.ts';
import { CALL_PURPOSES, type CallPurpose } from '../../../functions/dns/table-budget.ts';

const LIMITS = VENDOR_LIMITS.namecheap;
const NOW = Date.UTC(2026, 10, 21);
const allowed = (limit: number, purpose: CallPurpose) => Math.floor(limit * LIMITS.share[purpose]);

/** Spends until it is refused. */
function exhaust(budget: Budget, purpose: CallPurpose, now: number, calls = 1): { budget: Budget; granted: number; retryAt: number } {
  for (let granted = 0; ; granted += calls) {
    const outcome = spend(budget, LIMITS, { calls, purpose }, now);
    if (!outcome.grant.granted) return { budget, granted, retryAt: outcome.grant.retryAt };
    budget = outcome.budget;
  }
}

/** As if so many calls had been made in the grain that holds `at`. */
function spentBefore(windowMs: number, calls: number, at: number): Budget {
  const grain = windowMs / 12;
  return { ...EMPTY_BUDGET, spent: [{ windowMs, start: Math.floor(at / grain) * grain, calls }] };
}

describe('what is granted', () => {
  it.each(CALL_PURPOSES)('for %s: its share of a minute, and then no more until calls of that minute are over', (purpose) => {
    const { budget, granted, retryAt } = exhaust(EMPTY_BUDGET, purpose, NOW);
    expect(granted).toBe(allowed(20, purpose));
    expect(retryAt).toBe(NOW + MINUTE + 5 * SECOND);
    expect(spend(budget, LIMITS, { calls: 1, purpose }, retryAt - 1).grant).toEqual({ granted: false, retryAt });
    expect(spend(budget, LIMITS, { calls: 1, purpose }, retryAt).grant).toEqual({ granted: true });
  });

  it('lets challenges go on where records wait, and records where clean-ups wait', () => {
    const cleanUps = exhaust(EMPTY_BUDGET, 'clean-up', NOW);
    const records = exhaust(cleanUps.budget, 'records', NOW);
    const challenges = exhaust(records.budget, 'challenge', NOW);
    expect([cleanUps.granted, records.granted, challenges.granted]).toEqual([10, 2, 4]);
  });

  it('leaves a part of every limit to the tools of the user', () => {
    for (const { calls } of LIMITS.windows) for (const purpose of CALL_PURPOSES) expect(allowed(calls, purpose)).toBeLessThanOrEqual(calls * 0.8);
  });

  it.each([
    [HOUR, 700],
    [DAY, 8_000],
  ])('keeps the limit of %d ms as well', (windowMs, limit) => {
    for (const purpose of CALL_PURPOSES) {
      const least = spentBefore(windowMs, allowed(limit, purpose), NOW - windowMs / 2);
      const refused = spend(least, LIMITS, { calls: 1, purpose }, NOW).grant;
      expect(refused).toEqual({ granted: false, retryAt: (least.spent[0]?.start ?? 0) + windowMs + windowMs / 12 });
      expect(spend(spentBefore(windowMs, allowed(limit, purpose) - 1, NOW - windowMs / 2), LIMITS, { calls: 1, purpose }, NOW).grant.granted).toBe(true);
    }
  });

  it('gives all calls of a question or none', () => {
    const { budget } = exhaust(EMPTY_BUDGET, 'challenge', NOW, 5);
    expect(spend(budget, LIMITS, { calls: 2, purpose: 'challenge' }, NOW)).toMatchObject({ grant: { granted: false }, budget: { spent: budget.spent } });
    expect(spend(budget, LIMITS, { calls: 1, purpose: 'challenge' }, NOW).grant.granted).toBe(true);
  });

  it('refuses for good what no empty account could grant', () => {
    expect(() => spend(EMPTY_BUDGET, LIMITS, { calls: 11, purpose: 'clean-up' }, NOW)).toThrow('11 calls at once');
    expect(spend(EMPTY_BUDGET, LIMITS, { calls: 16, purpose: 'challenge' }, NOW).grant.granted).toBe(true);
  });

  it('forgets nothing when the clock goes back', () => {
    const { budget } = exhaust(EMPTY_BUDGET, 'challenge', NOW);
    expect(spend(budget, LIMITS, { calls: 1, purpose: 'challenge' }, NOW - DAY).grant.granted).toBe(false);
    expect(budgetStatus(budget, LIMITS, NOW - DAY).windows[0]).toMatchObject({ used: 16 });
  });
});

describe('when the vendor itself says "too many"', () => {
  const asked = { calls: 1, purpose: 'challenge' as const };

  it('nobody asks before the time it named, and at least for a minute', () => {
    for (const [retryAt, until] of [
      [NOW + 10 * MINUTE, NOW + 10 * MINUTE],
      [NOW, NOW + MINUTE],
      [NOW + 10 * DAY, NOW + DAY],
    ] as const) {
      const closed = close(EMPTY_BUDGET, retryAt, NOW);
      for (const purpose of CALL_PURPOSES) expect(spend(closed, LIMITS, { calls: 1, purpose }, until - 1).grant).toEqual({ granted: false, retryAt: until });
      expect(spend(closed, LIMITS, asked, until).grant.granted).toBe(true);
    }
  });

  it('waits twice as long each time that waiting did not help, up to an hour, and begins anew after a quiet time', () => {
    let now = NOW;
    let budget: Budget = EMPTY_BUDGET;
    const waits: number[] = [];
    for (let strike = 0; strike < 8; strike += 1) {
      budget = close(budget, now, now);
      waits.push(((budget.closedUntil ?? 0) - now) / MINUTE);
      now = (budget.closedUntil ?? 0) + SECOND;
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    budget = close(budget, 0, now + 3 * HOUR);
    expect(budget.closedUntil).toBe(now + 3 * HOUR + MINUTE);
  });

  it('counts one refusal that several zones meet as one, and never opens early', () => {
    let budget = close(EMPTY_BUDGET, NOW + 5 * MINUTE, NOW);
    for (let zone = 0; zone < 5; zone += 1) budget = close(budget, NOW + MINUTE, NOW + zone * SECOND);
    expect(budget).toMatchObject({ closedUntil: NOW + 5 * MINUTE, strikes: 1 });
  });
});

it('tells people what is used of what, and until when the vendor is closed', () => {
  const { budget } = spend(EMPTY_BUDGET, LIMITS, { calls: 7, purpose: 'challenge' }, NOW);
  expect(budgetStatus(close(budget, NOW + HOUR, NOW), LIMITS, NOW + SECOND)).toEqual({
    windows: [
      { windowMs: MINUTE, used: 7, allowed: 16, limit: 20 },
      { windowMs: HOUR, used: 7, allowed: 560, limit: 700 },
      { windowMs: DAY, used: 7, allowed: 6_400, limit: 8_000 },
    ],
    closedUntil: NOW + HOUR,
  });
  expect(budgetStatus(budget, LIMITS, NOW + 2 * DAY)).toMatchObject({ windows: [{ used: 0 }, { used: 0 }, { used: 0 }], closedUntil: null });
});

describe('for any sequence of questions', () => {
  const step = record({
    // Mostly close together, sometimes hours apart.
    after: oneof({ weight: 6, arbitrary: integer({ min: 0, max: 3 * SECOND }) }, { weight: 2, arbitrary: integer({ min: 0, max: 3 * HOUR }) }),
    calls: integer({ min: 1, max: 10 }),
    purpose: constantFrom(...CALL_PURPOSES),
    refused: boolean(),
  });
  const small = {
    windows: [
      { windowMs: MINUTE, calls: 20 },
      { windowMs: HOUR, calls: 60 },
      { windowMs: DAY, calls: 200 },
    ],
    share: LIMITS.share,
  };

  it('no window of any length that the vendor counts holds more calls than allowed, wherever it begins', () => {
    assert(
      property(array(step, { maxLength: 250 }), (steps) => {
        const granted: { at: number; calls: number; purpose: CallPurpose }[] = [];
        let budget: Budget = EMPTY_BUDGET;
        let now = NOW;
        for (const { after, calls, purpose } of steps) {
          now += after;
          const outcome = spend(budget, small, { calls, purpose }, now);
          budget = budgetSchema.parse(JSON.parse(JSON.stringify(outcome.budget)));
          if (outcome.grant.granted) granted.push({ at: now, calls, purpose });
          else expect(outcome.grant.retryAt).toBeGreaterThan(now);
        }
        for (const { windowMs, calls: limit } of small.windows) {
          for (const [index, last] of granted.entries()) {
            // Every window ends, without loss of generality, with a call.
            const inside = granted.slice(0, index + 1).filter(({ at }) => at > last.at - windowMs);
            const total = inside.reduce((sum, { calls }) => sum + calls, 0);
            expect(total).toBeLessThanOrEqual(Math.floor(limit * small.share[last.purpose]));
          }
        }
        expect(budget.spent.length).toBeLessThanOrEqual(small.windows.length * 14);
      }),
      { numRuns: 300, seed: 20_261_121 },
    );
  });

  it('what was refused is granted at the time it was told, when nobody asked in between', () => {
    assert(
      property(array(step, { minLength: 20, maxLength: 120 }), (steps) => {
        let budget: Budget = EMPTY_BUDGET;
        let now = NOW;
        for (const { after, calls, purpose, refused } of steps) {
          now += after;
          if (refused) budget = close(budget, now, now);
          const outcome = spend(budget, small, { calls, purpose }, now);
          budget = outcome.budget;
          if (outcome.grant.granted) continue;
          const { retryAt } = outcome.grant;
          expect(spend(budget, small, { calls, purpose }, retryAt).grant.granted).toBe(true);
          expect(spend(budget, small, { calls, purpose }, retryAt - 1).grant.granted).toBe(false);
        }
      }),
      { numRuns: 200, seed: 20_261_121 },
    );
  });
});
