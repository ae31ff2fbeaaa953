/** Cloudflare's API limit: a fixed window per user; who exceeds it is blocked for a whole window. */
import type { Clock } from '../../../shared/clock.ts';
import { ApiFailure } from './failure.ts';

export interface RateLimitOptions {
  requests: number;
  windowMs: number;
}

export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #clock: Clock;
  #windowEnds = 0;
  #used = 0;
  #blockedUntil = 0;

  constructor(options: RateLimitOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Counts a request. Returns the headers every answer carries. @throws ApiFailure 429 with `retry-after`. */
  take(): Record<string, string> {
    const now = this.#clock();
    const { requests, windowMs } = this.#options;
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + windowMs;
      this.#used = 0;
    }
    this.#used += 1;
    if (this.#used > requests && now >= this.#blockedUntil) this.#blockedUntil = now + windowMs;
    if (now < this.#blockedUntil) throw tooManyRequests(Math.ceil((this.#blockedUntil - now) / 1_000), this.#options);
    return headers(requests - this.#used, Math.ceil((this.#windowEnds - now) / 1_000), this.#options);
  }
}

export function tooManyRequests(retryAfterSeconds: number, options: RateLimitOptions): ApiFailure {
  const message = `More than ${options.requests} requests per ${options.windowMs / 1_000} seconds reached. Please wait and consider throttling your request speed`;
  return new ApiFailure(429, [{ code: 971, message }], { 'retry-after': String(retryAfterSeconds), ...headers(0, retryAfterSeconds, options) });
}

function headers(remaining: number, seconds: number, { requests, windowMs }: RateLimitOptions): Record<string, string> {
  return { ratelimit: `"default";r=${remaining};t=${seconds}`, 'ratelimit-policy': `"default";q=${requests};w=${windowMs / 1_000}` };
}
