import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BackoffInput, countFailure, FAILURE_POLICIES, givenUp, retryTime } from '../../../functions/certificates/backoff.ts';
import type { FailureClass } from '../../../functions/certificates/ports.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../../shared/clock.ts';
import { NOW } from './states.ts';

const CLASSES: FailureClass[] = [
  'protocol',
  'overload',
  'limit',
  'paused',
  'state',
  'replaces',
  'validation',
  'account',
  'permanent',
  'dns',
  'relay',
  'nomad',
  'traefik',
  'internal',
];
const PATIENT: FailureClass[] = ['limit', 'paused', 'validation'];

function wait(input: Partial<BackoffInput>): number {
  return retryTime({ class: 'overload', count: 1, now: NOW, retryAt: undefined, lifeLeft: null, random: 0, ...input }) - NOW;
}

describe('the next try after a failure', () => {
  it('waits longer the more often it failed, and the last step repeats', () => {
    expect([1, 2, 3, 4, 5, 99].map((count) => wait({ count }))).toEqual([MINUTE, 10 * MINUTE, 100 * MINUTE, 6 * HOUR, 6 * HOUR, 6 * HOUR]);
  });

  it('never undercuts what the failing part asked for', () => {
    expect(wait({ retryAt: NOW + 3 * HOUR })).toBe(3 * HOUR);
    expect(wait({ retryAt: NOW + SECOND })).toBe(MINUTE);
  });

  it('comes sooner the less life the served certificate has left', () => {
    expect(wait({ count: 4, lifeLeft: 10 * HOUR })).toBe(HOUR);
    expect(wait({ count: 4, lifeLeft: HOUR })).toBe(6 * MINUTE);
    expect(wait({ count: 4, lifeLeft: 0 })).toBe(MINUTE);
  });

  it('keeps its pace where haste would burn a limit of the CA', () => {
    for (const patient of PATIENT) expect(wait({ class: patient, count: 9, lifeLeft: HOUR })).toBeGreaterThanOrEqual(HOUR);
    expect(wait({ class: 'validation', lifeLeft: MINUTE })).toBe(15 * MINUTE);
  });

  it('comes hourly at least in the last twentieth of the lifetime, but for the patient', () => {
    for (const failureClass of CLASSES) {
      const longest = wait({ class: failureClass, count: 99, lifeLeft: 90 * DAY, emergency: true, random: 0.9 });
      if (PATIENT.includes(failureClass)) expect(longest).toBeGreaterThan(HOUR);
      else expect(longest).toBeLessThanOrEqual(HOUR);
    }
    expect(wait({ count: 4, emergency: true, retryAt: NOW + 3 * HOUR })).toBe(3 * HOUR);
  });

  it('is always in the future, at most a quarter later than its step, and never further away than a day and a quarter', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CLASSES),
        fc.integer({ min: 1, max: 50 }),
        fc.option(fc.integer({ min: 0, max: 90 * DAY }), { nil: null }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failureClass, count, lifeLeft, random) => {
          const input = { class: failureClass, count, lifeLeft };
          const plain = wait(input);
          const jittered = wait({ ...input, random });
          expect(plain).toBeGreaterThanOrEqual(SECOND);
          expect(jittered).toBeGreaterThanOrEqual(plain);
          expect(jittered).toBeLessThanOrEqual(Math.ceil(plain * 1.25));
          expect(jittered).toBeLessThanOrEqual(1.25 * DAY);
        },
      ),
    );
  });

  it('does not shrink with the number of failures', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CLASSES),
        fc.integer({ min: 1, max: 20 }),
        fc.option(fc.integer({ min: 0, max: 90 * DAY }), { nil: null }),
        (failureClass, count, lifeLeft) => {
          expect(wait({ class: failureClass, count: count + 1, lifeLeft })).toBeGreaterThanOrEqual(wait({ class: failureClass, count, lifeLeft }));
        },
      ),
    );
  });
});

describe('giving up', () => {
  const after = (failureClass: FailureClass, count: number, emergency = false) => givenUp({ class: failureClass, count, emergency });

  it.each<[FailureClass, number, { attention: boolean; stopped: boolean }]>([
    ['paused', 1, { attention: true, stopped: true }],
    ['permanent', 1, { attention: true, stopped: false }],
    ['permanent', 4, { attention: true, stopped: true }],
    ['account', 1, { attention: true, stopped: false }],
    ['account', 99, { attention: true, stopped: false }],
    ['validation', 2, { attention: false, stopped: false }],
    ['validation', 3, { attention: true, stopped: false }],
    ['validation', 30, { attention: true, stopped: true }],
    ['overload', 6, { attention: false, stopped: false }],
    ['overload', 99, { attention: true, stopped: false }],
  ])('of %s after %i failures', (failureClass, count, expected) => {
    expect(after(failureClass, count)).toEqual(expected);
  });

  it('never ends what heals by itself, and asks for a person after about a day of it', () => {
    for (const failureClass of ['overload', 'protocol', 'state', 'replaces', 'dns', 'relay', 'nomad', 'traefik', 'internal'] as const) {
      expect(after(failureClass, 10_000)).toEqual({ attention: true, stopped: false });
      const { attentionAfter } = FAILURE_POLICIES[failureClass];
      let spent = 0;
      for (let count = 1; count < attentionAfter; count += 1) spent += wait({ class: failureClass, count });
      expect(spent / HOUR, failureClass).toBeGreaterThan(18);
      expect(spent / HOUR, failureClass).toBeLessThan(30);
    }
  });

  it('asks for a person after a few failures when little life is left', () => {
    for (const failureClass of CLASSES) {
      expect(after(failureClass, 3, true).attention, failureClass).toBe(true);
      expect(after(failureClass, 3, true).stopped).toBe(after(failureClass, 3).stopped);
    }
  });

  it('goes by failures of one class; those of another only keep the wait from starting all over', () => {
    const count = (before: FailureClass, times: number, then: FailureClass) => countFailure({ class: before, count: times }, then);
    expect(countFailure(null, 'overload')).toBe(1);
    expect(count('overload', 3, 'overload')).toBe(4);
    expect(count('relay', 50, 'dns')).toBe(6);
    expect(after('permanent', count('relay', 50, 'permanent'))).toEqual({ attention: true, stopped: false });
    expect(count('overload', 50, 'validation')).toBe(1);
  });

  it('says of every class what a person can do', () => {
    for (const failureClass of CLASSES) expect(FAILURE_POLICIES[failureClass].advice).toMatch(/^[A-Z].*\.$/);
  });
});
