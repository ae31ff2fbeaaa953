import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retryTime } from '../../../functions/certificates/backoff.ts';
import { survivedOutage } from '../../../functions/certificates/outage.ts';
import { latestRenewal } from '../../../functions/certificates/renewal.ts';
import { DAY, HOUR } from '../../../shared/clock.ts';

describe('the outage of its only CA that a certificate survives', () => {
  it.each([
    [90, 28.2],
    [64, 20],
    [47, 14.7],
    [45, 14.1],
    [6.7, 3.2],
  ])('when it lives %d days is %d days', (lifetime, survived) => {
    expect(survivedOutage(lifetime * DAY) / DAY).toBeCloseTo(survived, 1);
  });

  it('is shorter than a week for a certificate that lives six days, by arithmetic', () => {
    expect(survivedOutage(160 * HOUR)).toBeLessThan(7 * DAY);
    expect(survivedOutage(45 * DAY)).toBeGreaterThan(7 * DAY);
  });

  it('leaves time for a try after it, however the waits of the tries fall', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 400, noNaN: true }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.constantFrom('overload' as const, 'protocol' as const, 'relay' as const),
        (days, random, failureClass) => {
          const lifetime = Math.round(days * DAY);
          const begins = latestRenewal({ notBefore: 0, notAfter: lifetime });
          const ends = begins + survivedOutage(lifetime);
          let now = begins;
          for (let count = 1; now < ends; count += 1)
            now = retryTime({
              class: failureClass,
              count,
              now,
              retryAt: undefined,
              lifeLeft: lifetime - now,
              emergency: lifetime - now <= lifetime / 20,
              random,
            });
          expect(now).toBeLessThan(lifetime);
          // Half of the hour that a renewal may take is left at least.
          expect(lifetime - now).toBeGreaterThan(HOUR / 2);
        },
      ),
    );
  });
});
