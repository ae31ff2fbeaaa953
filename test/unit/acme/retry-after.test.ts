import { assert as check, integer, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from '../../../functions/acme/retry-after.ts';
import { DAY } from '../../../shared/clock.ts';

const now = Date.parse('2031-01-01T00:00:00Z');

describe('Retry-After', () => {
  it.each([
    ['120', now + 120_000],
    [' 0 ', now],
    ['Wed, 01 Jan 2031 01:00:00 GMT', now + 3_600_000],
    ['Wednesday, 01-Jan-31 01:00:00 GMT', now + 3_600_000],
    ['Tue, 31 Dec 2030 23:00:00 GMT', now],
    ['9999999999', now + 8 * DAY],
    ['Fri, 31 Dec 2099 23:59:59 GMT', now + 8 * DAY],
  ])('reads %j', (header, at) => {
    expect(parseRetryAfter(header, now)).toBe(at);
  });

  it.each([null, '', '-5', '1.5', '1e9', 'soon', '2031-01-01', 'Wed', '99999999999', 'Wed, 45 Foo 2031'])('ignores %j', (header) => {
    expect(parseRetryAfter(header, now)).toBeNull();
  });

  it('never leaves the span from now to eight days ahead, whatever a CA sends', () => {
    check(
      property(string(), integer({ min: 0, max: 4e12 }), (header, at) => {
        const parsed = parseRetryAfter(header, at);
        expect(parsed === null || (parsed >= at && parsed <= at + 8 * DAY)).toBe(true);
      }),
    );
  });
});
