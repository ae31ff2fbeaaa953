/** What a handful of measurements says: order statistics only, because a mean hides the one slow run. Pure. */

export interface Summary {
  count: number;
  min: number;
  p50: number;
  p95: number;
  max: number;
}

/**
 * Nearest-rank percentile: always a value that was measured, never one in between.
 * @param share in (0, 1]. Throws a RangeError without samples or with a share outside of that.
 */
export function percentile(samples: readonly number[], share: number): number {
  if (!(share > 0 && share <= 1)) throw new RangeError(`A percentile's share lies in (0, 1], and not at ${share}.`);
  const sorted = samples.toSorted((one, other) => one - other);
  const value = sorted[Math.ceil(share * sorted.length) - 1];
  if (value === undefined) throw new RangeError('There is no percentile of nothing.');
  return value;
}

/** Throws a RangeError without samples, and when one of them is no finite number. */
export function summarize(samples: readonly number[]): Summary {
  if (!samples.every(Number.isFinite)) throw new RangeError('A measurement is no finite number.');
  return { count: samples.length, min: Math.min(...samples), p50: percentile(samples, 0.5), p95: percentile(samples, 0.95), max: percentile(samples, 1) };
}
