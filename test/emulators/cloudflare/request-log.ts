/** Every request the emulator answered, countable by route: the basis of request budgets. Bounded. */

export interface LoggedRequest {
  method: string;
  path: string;
  /** Method and path with identifiers replaced: `GET /client/v4/zones/:id/dns_records`. */
  route: string;
  status: number;
}

const MAX_ENTRIES = 20_000;

export class RequestLog {
  #entries: LoggedRequest[] = [];

  record(request: Omit<LoggedRequest, 'route'>): void {
    this.#entries.push({ ...request, route: `${request.method} ${request.path.replaceAll(/[0-9a-f]{32}/g, ':id')}` });
    if (this.#entries.length > MAX_ENTRIES) this.#entries = this.#entries.slice(MAX_ENTRIES / 2);
  }

  all(): readonly LoggedRequest[] {
    return this.#entries;
  }

  /** Requests per route. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { route } of this.#entries) counts[route] = (counts[route] ?? 0) + 1;
    return counts;
  }

  clear(): void {
    this.#entries = [];
  }
}
