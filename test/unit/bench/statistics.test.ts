import { array, assert as check, double, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resultOf, type Figure } from '../../bench/figure.ts';
import { percentile, summarize } from '../../bench/statistics.ts';

describe('a percentile', () => {
  it('is the measured value at the nearest rank', () => {
    const samples = [15, 20, 35, 40, 50];
    expect([0.05, 0.3, 0.4, 0.5, 1].map((share) => percentile(samples, share))).toEqual([15, 20, 20, 35, 50]);
  });

  it('is always one of the samples, never less than a smaller share has, and has its share of them at or below it', () => {
    check(
      property(
        array(double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 50 }),
        double({ min: 0.01, max: 1, noNaN: true }),
        double({ min: 0.01, max: 1, noNaN: true }),
        (samples, one, other) => {
          const value = percentile(samples, one);
          expect(samples).toContain(value);
          expect(samples.filter((sample) => sample <= value).length).toBeGreaterThanOrEqual(one * samples.length - 1e-9);
          expect(percentile(samples, Math.min(one, other))).toBeLessThanOrEqual(percentile(samples, Math.max(one, other)));
        },
      ),
    );
  });

  it('refuses to be made of nothing, or of a share that is none', () => {
    expect(() => percentile([], 0.5)).toThrow(RangeError);
    for (const share of [0, -1, 1.01, Number.NaN]) expect(() => percentile([1], share)).toThrow(RangeError);
  });

  it('leaves the samples in the order they were measured', () => {
    const samples = [3, 1, 2];
    percentile(samples, 0.5);
    expect(samples).toEqual([3, 1, 2]);
  });
});

describe('a summary', () => {
  it('names the least, the middle, the ninety-fifth and the worst', () => {
    const samples = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(summarize(samples)).toEqual({ count: 100, min: 1, p50: 50, p95: 95, max: 100 });
  });

  it('does not hide a measurement that failed', () => {
    expect(() => summarize([1, Number.NaN])).toThrow(RangeError);
    expect(() => summarize([1, Number.POSITIVE_INFINITY])).toThrow(RangeError);
  });
});

describe('a budget', () => {
  const figure = (budget: Figure['budget']): Figure => ({ what: 'due to issued', unit: 'ms', samples: [100, 200, 900], budget });

  it('is kept by the statistic it names, and by no other', () => {
    expect(resultOf('issue', figure({ of: 'p50', most: 500 })).ok).toBe(true);
    expect(resultOf('issue', figure({ of: 'p95', most: 500 })).ok).toBe(false);
    expect(resultOf('issue', figure({ of: 'max', most: 500 })).ok).toBe(false);
  });

  it('is kept when it is met exactly', () => {
    expect(resultOf('issue', figure({ of: 'max', most: 900 })).ok).toBe(true);
  });

  it('is no verdict where there is none', () => {
    expect(resultOf('issue', figure(null))).toMatchObject({ scenario: 'issue', ok: null, count: 3, p50: 200 });
  });

  it('cannot be judged without a measurement', () => {
    expect(() => resultOf('issue', { ...figure(null), samples: [] })).toThrow(RangeError);
  });
});
