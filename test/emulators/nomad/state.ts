/**
 * The index bookkeeping of Nomad's state store: one global, ever growing index (one per applied log entry, also for an
 * entry that ends in a conflict), the index each table changed at, and waiting for the next change (blocking queries).
 */

export type Table = 'variables' | 'services' | 'allocations' | 'acl' | 'namespaces';

/** Nomad's default and maximum `wait`: 300 s, plus up to 1/16 of jitter. */
const MAX_WAIT_MS = 300_000;
const JITTER_DIVISOR = 16;

export interface BlockingQuery {
  /** The index the caller has seen; 0 answers at once. */
  minIndex: number;
  /** Milliseconds; `undefined` means the default of 300 s. */
  waitMs: number | undefined;
  /** Ends the wait when the caller hangs up. */
  signal: AbortSignal;
}

export class StateIndex {
  #last: number;
  readonly #tables = new Map<Table, number>();
  readonly #waiting = new Set<() => void>();

  /** @param start the index of the last entry applied before anything is written here: real agents never start at 0. */
  constructor(start = 19) {
    this.#last = start;
  }

  /** The index of the next applied log entry. */
  next(): number {
    this.#last += 1;
    return this.#last;
  }

  /** Goes on from where a former run ended. */
  resumeAt(index: number): void {
    this.#last = Math.max(this.#last, index);
  }

  get last(): number {
    return this.#last;
  }

  /** Notes that `table` changed at `index` and wakes blocking queries. */
  changed(table: Table, index: number): void {
    this.#tables.set(table, index);
    for (const wake of this.#waiting) wake();
  }

  /** The index `table` last changed at; Nomad answers 1, never 0, for a table that was never written. */
  of(table: Table): number {
    return this.#tables.get(table) ?? 1;
  }

  /** Runs `read` again after each change until its index exceeds the caller's, the wait is over or the caller is gone. */
  async block<T extends { index: number }>(query: BlockingQuery, read: () => T): Promise<T> {
    let result = read();
    if (query.minIndex === 0) return result;
    const wait = Math.min(query.waitMs === undefined || query.waitMs === 0 ? MAX_WAIT_MS : query.waitMs, MAX_WAIT_MS);
    const deadline = Date.now() + wait + Math.random() * (wait / JITTER_DIVISOR);
    while (result.index <= query.minIndex && !query.signal.aborted) {
      const remaining = deadline - Date.now();
      if (remaining <= 0) break;
      // Each turn depends on the change before it.
      // oxlint-disable-next-line no-await-in-loop
      await this.#nextChange(remaining, query.signal);
      result = read();
    }
    return result;
  }

  async #nextChange(timeoutMs: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}

/**
 * Parses a Go duration (`500ms`, `60s`, `5m`, `1h30m`) into milliseconds.
 * @returns `undefined` when it is none.
 */
export function parseGoDuration(text: string): number | undefined {
  const units: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  if (text === '0') return 0;
  let total = 0;
  let rest = text;
  while (rest !== '') {
    const match = /^(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/.exec(rest);
    if (match?.[1] === undefined || match[2] === undefined) return undefined;
    total += Number(match[1]) * (units[match[2]] ?? 0);
    rest = rest.slice(match[0].length);
  }
  return text === '' ? undefined : total;
}
