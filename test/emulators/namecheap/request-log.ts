/** Every request the emulator got, countable by command: the basis of call budgets. Bounded. Holds no key. */

export interface LoggedCall {
  /** Unix ms. */
  at: number;
  method: string;
  /** As the vendor spells it, without `namecheap.`; what was sent when it is not known. */
  command: string;
  domain: string;
  user: string;
  /** Rows of a `setHosts`. */
  hosts: number;
  /** What became of it: `ok`, a fault's kind, `lost`, an HTTP status or an error number. */
  outcome: string;
}

const MAX_ENTRIES = 20_000;

export class RequestLog {
  #entries: LoggedCall[] = [];

  record(call: LoggedCall): void {
    this.#entries.push(call);
    if (this.#entries.length > MAX_ENTRIES) this.#entries = this.#entries.slice(MAX_ENTRIES / 2);
  }

  all(): readonly LoggedCall[] {
    return this.#entries;
  }

  /** Calls per command. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { command } of this.#entries) counts[command] = (counts[command] ?? 0) + 1;
    return counts;
  }

  clear(): void {
    this.#entries = [];
  }
}
