/**
 * The vendor's rate limit as its answers tell it: `Ratelimit: "default";r=50;t=30` (requests left, seconds until there are
 * more; draft-ietf-httpapi-ratelimit-headers) and Retry-After of a 429. Whoever exceeds the limit is shut out for five
 * minutes, the user's other tools with them, so nothing is sent once it is used up.
 */
import { MINUTE, SECOND } from '../../../shared/clock.ts';
import { DnsError } from '../dns-error.ts';

/** A rate limit lasts until the end of the vendor's five-minute window when it names no time. */
const RATE_LIMIT_MS = 5 * MINUTE;
/** No window of the vendor is longer; a longer wait is not believed. */
const LONGEST_WAIT_MS = 60 * MINUTE;

export class RequestRate {
  #left = Number.POSITIVE_INFINITY;
  /** Unix ms at which {@link #left} says nothing any more. */
  #renewsAt = 0;
  #underWay = 0;

  /** Counts a request that is about to leave. @throws DnsError `dns_rate_limited` with `retryAt` when none may. */
  begin(now: number): void {
    if (now < this.#renewsAt && this.#left - this.#underWay <= 0) {
      throw new DnsError('dns_rate_limited', 'The rate of requests that Cloudflare allows is used up; nothing was sent.', {
        retryable: true,
        retryAt: this.#renewsAt,
      });
    }
    this.#underWay += 1;
  }

  /** The request has ended. @param answer null when there was none. */
  end(answer: { status: number; headers: Headers } | null, now: number): void {
    this.#underWay -= 1;
    if (answer === null) return;
    if (answer.status === 429) {
      this.#left = 0;
      this.#renewsAt = limitedUntil(answer.headers.get('retry-after'), now);
      return;
    }
    const scarcest = policies(answer.headers.get('ratelimit')).sort((a, b) => a.left - b.left || b.waitMs - a.waitMs)[0];
    // An answer from before a refusal must not open again what the refusal closed.
    if (scarcest === undefined || (this.#left === 0 && now < this.#renewsAt)) return;
    this.#left = scarcest.left;
    this.#renewsAt = now + scarcest.waitMs;
  }
}

/** The rates of several tokens by their secret references: blocks of one token share its limit. */
export class RequestRates {
  readonly #rates = new Map<string, RequestRate>();

  of(token: string): RequestRate {
    const known = this.#rates.get(token) ?? new RequestRate();
    this.#rates.set(token, known);
    return known;
  }
}

/** A fetch that keeps within `rate`. */
export function ratedFetch(fetch: typeof globalThis.fetch, rate: RequestRate, clock: () => number): typeof globalThis.fetch {
  return async (input: RequestInfo | URL, init?: RequestInit) => {
    rate.begin(clock());
    let answer: Response | null = null;
    try {
      answer = await fetch(input, init);
      return answer;
    } finally {
      rate.end(answer, clock());
    }
  };
}

/** Every policy of the header that can be read; one that cannot be read limits nothing. */
function policies(header: string | null): { left: number; waitMs: number }[] {
  return (header ?? '').split(',').flatMap((item) => {
    const left = /;\s*r=(\d{1,9})(?:\s*;|\s*$)/.exec(item)?.[1];
    const seconds = /;\s*t=(\d{1,9})(?:\s*;|\s*$)/.exec(item)?.[1];
    return left === undefined || seconds === undefined ? [] : [{ left: Number(left), waitMs: Math.min(Number(seconds) * SECOND, LONGEST_WAIT_MS) }];
  });
}

/** When a refused request may be made again, from its Retry-After (RFC 9110 §10.2.3): a number of seconds or a date. */
export function limitedUntil(header: string | null, now: number): number {
  const date = header === null ? Number.NaN : /^\d{1,6}$/.test(header) ? now + Number(header) * SECOND : Date.parse(header);
  return Number.isNaN(date) ? now + RATE_LIMIT_MS : Math.min(Math.max(now, date), now + LONGEST_WAIT_MS);
}
