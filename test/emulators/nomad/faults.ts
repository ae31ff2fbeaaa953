/**
 * Faults that a test orders for the next requests: the agent without a leader, a connection that breaks before or after
 * the effect, a slow answer. A connection broken after the effect is how a reply gets lost while the write stands.
 */

export type Fault = { kind: 'no-leader' } | { kind: 'cut-before' } | { kind: 'cut-after' } | { kind: 'slow'; ms: number };

/** What a fault may be chosen by. */
export interface RequestFacts {
  method: string;
  /** Path without query. */
  path: string;
}

export class FaultPlan {
  #planned: { fault: Fault; remaining: number; match: (request: RequestFacts) => boolean }[] = [];

  /** Applies `fault` to the next `times` requests that `match` picks (all by default). */
  next(fault: Fault, times = 1, match: (request: RequestFacts) => boolean = () => true): void {
    this.#planned.push({ fault, remaining: times, match });
  }

  clear(): void {
    this.#planned = [];
  }

  take(request: RequestFacts): Fault | undefined {
    const planned = this.#planned.find(({ match }) => match(request));
    if (planned === undefined) return undefined;
    planned.remaining -= 1;
    if (planned.remaining <= 0) this.#planned = this.#planned.filter((other) => other !== planned);
    return planned.fault;
  }
}
