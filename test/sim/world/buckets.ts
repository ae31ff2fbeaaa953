/** Boulder's token buckets (GCRA): a capacity at once, one more every so often. */
export interface BucketSize {
  capacity: number;
  refillMs: number;
}

export class Buckets {
  /** When the bucket would be full again, Unix ms. */
  readonly #fullAt = new Map<string, number>();

  /** Unix ms at which one token is there, at most `now` if it is. */
  readyAt(key: string, { capacity, refillMs }: BucketSize, now: number): number {
    return Math.max(this.#fullAt.get(key) ?? 0, now) - (capacity - 1) * refillMs;
  }

  spend(key: string, { refillMs }: BucketSize, now: number): void {
    this.#fullAt.set(key, Math.max(this.#fullAt.get(key) ?? 0, now) + refillMs);
  }
}
