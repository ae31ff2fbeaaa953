/** The fleet's log: what happened, bounded, newest first. Reported events are deduplicated by certificate and sequence. */
export interface FleetEvent {
  at: number;
  /** Null for what concerns the whole deployment. */
  certificate: string | null;
  kind: string;
  message: string;
}

/** Rows kept; about 300 bytes each. */
export const EVENT_ROWS = 2_000;

export class EventLog {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** @param sequence the reporter's own number; null for events of the fleet itself. */
  add(event: FleetEvent, sequence: number | null): void {
    const { certificate, at, kind, message } = event;
    this.#sql.exec(
      'INSERT INTO events (certificate, sequence, at, kind, message) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
      certificate,
      sequence,
      at,
      kind,
      message.slice(0, 2_000),
    );
  }

  latest(limit: number): FleetEvent[] {
    return this.#sql
      .exec<{ certificate: string | null; at: number; kind: string; message: string }>(
        'SELECT certificate, at, kind, message FROM events ORDER BY id DESC LIMIT ?',
        limit,
      )
      .toArray();
  }

  prune(): void {
    this.#sql.exec('DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?', EVENT_ROWS);
  }
}
