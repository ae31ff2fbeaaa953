import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { windowed } from '../../../functions/certificates/phases/ari.ts';
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { ari, NOW } from './states.ts';

const suggestion = { start: NOW + 10 * DAY, end: NOW + 12 * DAY, explanationUrl: null, retryAt: NOW + 6 * HOUR };

describe('the window that a CA suggests (RFC 9773 §4.2)', () => {
  it('gets one time inside it, drawn evenly', () => {
    expect(windowed(ari(), suggestion, NOW, 0).selectedAt).toBe(suggestion.start);
    expect(windowed(ari(), suggestion, NOW, 0.5).selectedAt).toBe(NOW + 11 * DAY);
    expect(windowed(ari(), suggestion, NOW, 0.999_999).selectedAt).toBeLessThan(suggestion.end);
  });

  it('keeps that time as long as the window stays', () => {
    const first = windowed(ari(), suggestion, NOW, 0.2);
    expect(windowed(first, { ...suggestion, retryAt: NOW + DAY }, NOW + HOUR, 0.9).selectedAt).toBe(first.selectedAt);
  });

  it('draws again when the window moves', () => {
    const first = windowed(ari(), suggestion, NOW, 0.2);
    const moved = { ...suggestion, start: NOW - 2 * HOUR, end: NOW - HOUR, explanationUrl: 'https://ca.test/incident' };
    expect(windowed(first, moved, NOW, 0.5)).toMatchObject({
      start: moved.start,
      end: moved.end,
      selectedAt: NOW - 1.5 * HOUR,
      explanationUrl: 'https://ca.test/incident',
    });
  });

  it('is asked for again after what the CA says, between a minute and a day', () => {
    expect(windowed(ari(), suggestion, NOW, 0).nextCheckAt).toBe(NOW + 6 * HOUR);
    expect(windowed(ari(), { ...suggestion, retryAt: 0 }, NOW, 0).nextCheckAt).toBe(NOW + MINUTE);
    expect(windowed(ari(), { ...suggestion, retryAt: NOW + 30 * DAY }, NOW, 0).nextCheckAt).toBe(NOW + DAY);
  });

  it('clears earlier failures', () => {
    expect(windowed(ari({ failures: 3 }), suggestion, NOW, 0).failures).toBe(0);
  });

  it('always holds the selected time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 90 * DAY }),
        fc.integer({ min: 1, max: 10 * DAY }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (offset, width, dice) => {
          const start = NOW + offset;
          const { selectedAt } = windowed(ari(), { ...suggestion, start, end: start + width }, NOW, dice);
          expect(selectedAt).toBeGreaterThanOrEqual(start);
          expect(selectedAt).toBeLessThan(start + width);
        },
      ),
    );
  });
});
