/** Faults on demand for the next requests. */

export type ApiFault = {
  /** How many requests it hits; one by default. */
  times?: number;
  method?: string;
  /** Part of the path, such as `/dns_records/batch`. */
  path?: string;
} &
  /** A page instead of the API's answer, never applied; under 200 from a proxy, under 403 from a firewall. */
  (
    | { kind: 'html'; status?: 200 | 403 | 500 | 502 | 503 | 520 | 522 | 525 }
    /** A failure under status 200, not applied. */
    | { kind: 'unsuccessful' }
    /** Applied, then answered with a body that is cut off. */
    | { kind: 'truncated' }
    /** Never answered and never applied. */
    | { kind: 'timeout' }
    /** As for a token that lost its permission. */
    | { kind: 'forbidden' }
    | { kind: 'rate-limited'; retryAfterSeconds?: number }
    /** Applied, then the connection is cut. */
    | { kind: 'reply-lost' }
    | { kind: 'slow'; delayMs: number }
  );

export class ApiFaults {
  #queue: { fault: ApiFault; left: number }[] = [];

  next(fault: ApiFault): void {
    this.#queue.push({ fault, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#queue = [];
  }

  /** The first pending fault for this request, counted as used once. */
  take(method: string, path: string): ApiFault | undefined {
    const entry = this.#queue.find(
      ({ fault }) => (fault.method === undefined || fault.method === method) && (fault.path === undefined || path.includes(fault.path)),
    );
    if (entry === undefined) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) this.#queue = this.#queue.filter((other) => other !== entry);
    return entry.fault;
  }
}
