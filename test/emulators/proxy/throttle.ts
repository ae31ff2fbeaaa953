/**
 * `providers.providersThrottleDuration` (pkg/provider/aggregator): the first change passes at once, those that come
 * within the duration after it are coalesced, and only the newest of them passes when it is over.
 */
export class Throttle<T> {
  #timer: NodeJS.Timeout | undefined;
  #newest: { value: T } | undefined;
  readonly #durationMs: number;
  readonly #pass: (value: T) => void;

  constructor(durationMs: number, pass: (value: T) => void) {
    this.#durationMs = durationMs;
    this.#pass = pass;
  }

  offer(value: T): void {
    if (this.#timer !== undefined) {
      this.#newest = { value };
      return;
    }
    this.#pass(value);
    this.#timer = setTimeout(() => this.#over(), this.#durationMs);
  }

  /** Forgets what waits and lets the next change pass at once. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#newest = undefined;
  }

  #over(): void {
    this.#timer = undefined;
    const waiting = this.#newest;
    this.#newest = undefined;
    if (waiting !== undefined) this.offer(waiting.value);
  }
}
