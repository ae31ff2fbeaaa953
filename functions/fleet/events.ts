/**
 * The fleet's log: what happened, bounded, newest first. Reported events are deduplicated by who reported them and their
 * number there.
 */
import { z } from 'zod';
import { zoneEventSchema, type ZoneEvent } from '../dns/zone-report.ts';

export interface FleetEvent {
  at: number;
  /** Null for what concerns a zone or the whole deployment. */
  certificate: string | null;
  kind: string;
  message: string;
  /** Absent in reports of the release before: `info`. */
  severity?: ZoneEvent['severity'] | undefined;
}

/** An event as it is read back. */
export interface LoggedEvent extends FleetEvent {
  /** `<provider>:<zone id>` when a zone reported it, else null. */
  zone: string | null;
  severity: ZoneEvent['severity'];
}

/** Rows kept; about 300 bytes each. */
export const EVENT_ROWS = 2_000;
const MAX_MESSAGE_CHARACTERS = 4_000;

const rowSchema = z.object({
  certificate: z.string().nullable(),
  zone: z.string().nullable(),
  at: z.number(),
  kind: z.string(),
  severity: zoneEventSchema.shape.severity,
  message: z.string(),
});

export class EventLog {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** @param sequence the reporter's own number; null for events of the fleet itself. */
  add(event: FleetEvent, sequence: number | null): void {
    this.#insert({ ...event, zone: null, severity: event.severity ?? 'info' }, sequence);
  }

  /** A zone that lost its state counts anew; time tells its events apart from those before. */
  addOfZone(event: Omit<LoggedEvent, 'certificate'>, sequence: number): void {
    this.#insert({ ...event, certificate: null }, sequence);
  }

  latest(limit: number): LoggedEvent[] {
    const rows = this.#sql.exec('SELECT certificate, zone, at, kind, severity, message FROM events ORDER BY id DESC LIMIT ?', limit).toArray();
    return rows.map((row) => rowSchema.parse(row));
  }

  prune(): void {
    this.#sql.exec('DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?', EVENT_ROWS);
  }

  #insert({ certificate, zone, at, kind, severity, message }: LoggedEvent, sequence: number | null): void {
    this.#sql.exec(
      'INSERT INTO events (certificate, zone, sequence, at, kind, severity, message) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
      certificate,
      zone,
      sequence,
      at,
      kind,
      severity,
      message.slice(0, MAX_MESSAGE_CHARACTERS),
    );
  }
}
