/** Faults on demand for the next requests. */
import type { Garbling } from './garbled-replies.ts';

export type ApiFault = {
  /** How many requests it hits; one by default. */
  times?: number;
  /** The end of the command's name, in any case: `setHosts`. Any command when absent. */
  command?: string;
  domain?: string;
} &
  /** An outage: a page instead of a reply, with status 200 by default. Nothing takes effect. */
  (
    | { kind: 'html'; status?: 200 | 500 | 502 | 503 }
    /** The reply is cut off in the middle; what was asked for took effect. */
    | { kind: 'truncated' }
    | { kind: 'slow'; delayMs: number }
    /** Took effect, then the connection is cut. */
    | { kind: 'reply-lost' }
    /** The connection is cut before anything took effect. */
    | { kind: 'request-lost' }
    /** Never answered; `effect` tells whether it took effect. Ends when the caller gives up. */
    | { kind: 'silent'; effect: boolean }
    /** The connection is cut at once, and the request takes effect only so much later: it was travelling. */
    | { kind: 'delayed'; delayMs: number }
    /** Reading shows what was there before the last change. */
    | { kind: 'stale' }
    /** Over a limit; `effect` when it took effect all the same. */
    | { kind: 'limited'; answer?: 'status' | 'envelope'; effect?: boolean }
    /** An error of the vendor's by number; `effect` when the write took effect all the same. */
    | { kind: 'error'; number: number; text: string; effect?: boolean }
    /** `IsSuccess="false"` without an error; nothing took effect. */
    | { kind: 'not-success' }
    /** A reply that is not what it should be; what was asked for took effect. */
    | { kind: 'garbled'; how: Garbling }
  );

export class ApiFaults {
  #queue: { fault: ApiFault; left: number }[] = [];

  next(fault: ApiFault): void {
    this.#queue.push({ fault, left: fault.times ?? 1 });
  }

  /** Before all that wait already. */
  first(fault: ApiFault): void {
    this.#queue.unshift({ fault, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#queue = [];
  }

  get pending(): number {
    return this.#queue.length;
  }

  /** The first pending fault for this request, counted as used once. */
  take(command: string, domain: string): ApiFault | undefined {
    const entry = this.#queue.find(
      ({ fault }) =>
        (fault.command === undefined || command.toLowerCase().endsWith(fault.command.toLowerCase())) && (fault.domain === undefined || fault.domain === domain),
    );
    if (entry === undefined) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) this.#queue = this.#queue.filter((other) => other !== entry);
    return entry.fault;
  }
}
