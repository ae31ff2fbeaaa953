import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { windowed } from '../../../functions/certificates/phases/ari.ts';
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { ari, NOW } from './states.ts';

const suggestion = { start: NOW + 10 * DAY, end: NOW + 12 * DAY, explanationUrl: null, retryAt: NOW + 6 * HOUR };

describe('the window that a CA suggests (RFC 9773 §4.2)', () => {
  it('gets one time inside it, drawn evenly, an hour before its end at the latest', () => {
    expect(windowed(ari(), suggestion, NOW, 0).selectedAt).toBe(suggestion.start);
    expect(windowed(ari(), suggestion, NOW, 0.5).selectedAt).toBe(NOW + 11 * DAY - HOUR / 2);
    expect(windowed(ari(), suggestion, NOW, 0.999_999).selectedAt).toBeLessThan(suggestion.end - HOUR);
  });

  it('of a certificate that lives six days leaves a quarter of its three hours for the order', () => {
    const short = { ...suggestion, end: suggestion.start + 3.2 * HOUR };
    expect(windowed(ari(), short, NOW, 0.999_999).selectedAt).toBeLessThan(short.end - 47 * MINUTE);
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
      selectedAt: NOW - 2 * HOUR + 22.5 * MINUTE,
      explanationUrl: 'https://ca.test/incident',
    });
  });

  it('is remembered as an incident when it came as past, until one lies ahead again', () => {
    const past = (ago: number) => ({ ...suggestion, start: NOW - ago, end: NOW - ago + HOUR });
    const first = windowed(windowed(ari(), suggestion, NOW, 0), past(3 * HOUR), NOW, 0);
    expect(first.alertedFor).toBe(NOW - 3 * HOUR);
    // Let's Encrypt moves it along with every question.
    expect(windowed(first, past(2 * HOUR), NOW, 0).alertedFor).toBe(NOW - 3 * HOUR);
    expect(windowed(first, suggestion, NOW, 0).alertedFor).toBeNull();
  });

  it('is no incident when it has gone by since it was drawn', () => {
    const drawn = windowed(ari(), suggestion, NOW, 0);
    expect(windowed(drawn, suggestion, suggestion.end + HOUR, 0).alertedFor).toBeNull();
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
