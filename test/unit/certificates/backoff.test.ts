import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BackoffInput, retryTime } from '../../../functions/certificates/backoff.ts';
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
const PATIENT: FailureClass[] = ['limit', 'paused', 'validation', 'account'];

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
