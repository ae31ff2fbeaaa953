/** Every question that reached a server, for assertions such as "nobody asked the resolver too early". Bounded. */
import type { QueryFacts, Rcode } from './faults.ts';
import { normalizeName } from './names.ts';

export interface LoggedQuery extends QueryFacts {
  /** Unix milliseconds. */
  at: number;
  transport: 'udp' | 'tcp' | 'doh-json' | 'doh-wire';
  /** What was answered; `dropped` when nothing was. */
  outcome: Rcode | 'dropped';
  /** True when a resolver answered from its cache. */
  cached: boolean;
}

const MAX_ENTRIES = 20_000;

export class QueryLog {
  #entries: LoggedQuery[] = [];
  #total = 0;

  record(entry: LoggedQuery): void {
    this.#total += 1;
    this.#entries.push(entry);
    if (this.#entries.length > MAX_ENTRIES) this.#entries = this.#entries.slice(MAX_ENTRIES / 2);
  }

  /** Entries that match, oldest first; the newest 10,000 to 20,000 are kept. */
  find(filter: Partial<Pick<LoggedQuery, 'server' | 'name' | 'type' | 'transport'>> = {}): LoggedQuery[] {
    return this.#entries.filter(
      (entry) =>
        (filter.server === undefined || entry.server === filter.server) &&
        (filter.name === undefined || entry.name === normalizeName(filter.name)) &&
        (filter.type === undefined || entry.type === filter.type) &&
        (filter.transport === undefined || entry.transport === filter.transport),
    );
  }

  /** Queries since the start, also those no longer kept. */
  get total(): number {
    return this.#total;
  }

  clear(): void {
    this.#entries = [];
  }
}
