/**
 * Token buckets as one number each, the way Boulder keeps them (GCRA): the theoretical arrival time `tat`, in Unix
 * milliseconds, at which the bucket is full again. Pure.
 */
import type { Bucket } from '../config/configuration.ts';

/** When a request may take a token and leave `reserve` behind; `now` or earlier means at once. @param tat null: full. */
export function availableAt({ capacity, refillMs }: Bucket, tat: number | null, now: number, reserve = 0): number {
  return Math.max(tat ?? now, now) + refillMs - (capacity - reserve) * refillMs;
}

/** The bucket after one token was taken. */
export function taken({ refillMs }: Bucket, tat: number | null, now: number): number {
  return Math.max(tat ?? now, now) + refillMs;
}

/** The bucket after one token was given back. */
export function givenBack(refillMs: number, tat: number): number {
  return tat - refillMs;
}
