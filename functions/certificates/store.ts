/**
 * The certificate's persisted state: one SQLite table of JSON documents plus history, events, wakes and the outbox.
 * Rows are parsed with the schemas of `state.ts` on the way in and out; a row that does not fit is an error, never a guess.
 */
import type { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';
import { migrate, type Migration } from '../storage/schema.ts';
import type { CertificateReport, CertificateView, EventSeverity } from './ports.ts';
import {
  ariSchema,
  type CertificateState,
  deliveriesSchema,
  type HistoryEntry,
  historySchema,
  issuanceSchema,
  liveSchema,
  type Received,
  receivedSchema,
  recordSchema,
  type WakeReason,
  wakeReasonSchema,
  type WantedRevocation,
  wantedRevocationSchema,
} from './state.ts';

const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    statements: [
      'CREATE TABLE documents (key TEXT PRIMARY KEY, json TEXT NOT NULL)',
      'CREATE TABLE history (id TEXT PRIMARY KEY, ended_at INTEGER NOT NULL, json TEXT NOT NULL)',
      'CREATE TABLE wakes (id INTEGER PRIMARY KEY AUTOINCREMENT, reason TEXT NOT NULL, at INTEGER NOT NULL)',
      'CREATE TABLE events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL)',
      // The run marker: present while alarm() works; a stale one tells of an interrupted run.
      'CREATE TABLE run (id INTEGER PRIMARY KEY CHECK (id = 1), started_at INTEGER NOT NULL)',
      'CREATE TABLE reported (id INTEGER PRIMARY KEY CHECK (id = 1), sequence INTEGER NOT NULL, view TEXT NOT NULL, events_up_to INTEGER NOT NULL, acknowledged INTEGER NOT NULL)',
    ],
  },
  { version: 2, statements: ["ALTER TABLE events ADD COLUMN severity TEXT NOT NULL DEFAULT 'info'"] },
];

/** Finished issuances kept for the page, and events kept for a fleet that cannot be reached. */
const HISTORY_ROWS = 20;
const EVENT_ROWS = 200;
/** A failure's message and its hint, whole. */
const EVENT_CHARACTERS = 3_200;

export class CertificateStore {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    migrate(storage, MIGRATIONS);
  }

  /** Null before the first specification arrived. */
  read(): CertificateState | null {
    const record = this.#document('record', recordSchema);
    if (record === null) return null;
    return {
      record,
      live: this.#document('live', liveSchema),
      ari: this.#document('ari', ariSchema),
      issuance: this.#document('issuance', issuanceSchema),
      deliveries: this.#document('deliveries', deliveriesSchema) ?? [],
    };
  }

  name(): string | null {
    return this.#document('record', recordSchema)?.name ?? null;
  }

  /** Writes the documents that changed, all or none. */
  write(state: CertificateState): void {
    this.#storage.transactionSync(() => {
      this.#put('record', state.record);
      this.#put('live', state.live);
      this.#put('ari', state.ari);
      this.#put('issuance', state.issuance);
      this.#put('deliveries', state.deliveries);
    });
  }

  /** Keeps a specification until the next run takes it over; runs own the documents while they work. */
  receive(received: Received): void {
    const waiting = this.#document('received', receivedSchema);
    if (waiting === null || waiting.generation <= received.generation) this.#put('received', received);
  }

  /** Makes the latest received specification the present one, unless it is older. */
  takeReceived(): void {
    const received = this.#document('received', receivedSchema);
    if (received === null) return;
    this.#storage.transactionSync(() => {
      this.#put('received', null);
      const record = this.#document('record', recordSchema);
      if (record !== null && record.generation > received.generation) return;
      const spec = received.spec ?? record?.spec;
      if (spec === undefined) return;
      // What a person changed may be the answer to what failed.
      const changed = JSON.stringify(spec) !== JSON.stringify(record?.spec);
      this.#put('record', {
        name: received.name,
        generation: received.generation,
        spec,
        retired: received.retired,
        adoptionDone: record?.adoptionDone ?? false,
        adoptionFailure: changed ? null : (record?.adoptionFailure ?? null),
        zones: record?.zones ?? [],
        guardedUntil: record?.guardedUntil ?? 0,
        demand: record?.demand ?? null,
        revocation: record?.revocation ?? null,
        quarantined: record?.quarantined ?? [],
        hold: changed ? null : (record?.hold ?? null),
      });
    });
  }

  /** Keeps what a person wants revoked until the next run takes it over; the latest wish counts. */
  wantRevocation(wanted: WantedRevocation): void {
    this.#put('revocation', wanted);
  }

  /** What was wanted since the last call; it is gone once the change it causes is written. */
  takeRevocation(): WantedRevocation | null {
    const wanted = this.#document('revocation', wantedRevocationSchema);
    if (wanted !== null) this.#put('revocation', null);
    return wanted;
  }

  event(kind: string, message: string, at: number, severity: EventSeverity = 'info'): void {
    this.#storage.sql.exec('INSERT INTO events (at, kind, message, severity) VALUES (?, ?, ?, ?)', at, kind, message.slice(0, EVENT_CHARACTERS), severity);
    this.#storage.sql.exec('DELETE FROM events WHERE sequence <= (SELECT max(sequence) FROM events) - ?', EVENT_ROWS);
  }

  finish(entry: HistoryEntry): void {
    this.#storage.sql.exec(
      'INSERT INTO history (id, ended_at, json) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, json = excluded.json',
      entry.id,
      entry.endedAt,
      JSON.stringify(entry),
    );
    this.#storage.sql.exec('DELETE FROM history WHERE id NOT IN (SELECT id FROM history ORDER BY ended_at DESC LIMIT ?)', HISTORY_ROWS);
  }

  history(): HistoryEntry[] {
    return this.#storage.sql
      .exec<{ json: string }>('SELECT json FROM history ORDER BY ended_at DESC')
      .toArray()
      .map((row) => parse(historySchema, row.json, 'history'));
  }

  addWake(reason: WakeReason, at: number): void {
    this.#storage.sql.exec('INSERT INTO wakes (reason, at) VALUES (?, ?)', reason, at);
  }

  hasWakes(): boolean {
    return this.#storage.sql.exec('SELECT 1 FROM wakes LIMIT 1').toArray().length > 0;
  }

  /** Reasons recorded since the last call, oldest first; they are gone once the changes they cause are written. */
  takeWakes(): WakeReason[] {
    const rows = this.#storage.sql.exec<{ reason: string }>('SELECT reason FROM wakes ORDER BY id').toArray();
    if (rows.length > 0) this.#storage.sql.exec('DELETE FROM wakes');
    return rows.map((row) => wakeReasonSchema.parse(row.reason));
  }

  /** Marks a run as begun. @returns true when the marker of an interrupted run was found. */
  beginRun(now: number): boolean {
    const stale = this.#storage.sql.exec('SELECT 1 FROM run').toArray().length > 0;
    this.#storage.sql.exec('INSERT INTO run (id, started_at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at', now);
    return stale;
  }

  isRunning(): boolean {
    return this.#storage.sql.exec('SELECT 1 FROM run').toArray().length > 0;
  }

  endRun(): void {
    this.#storage.sql.exec('DELETE FROM run');
  }

  /** Puts the latest view into the outbox (a newer one replaces an undelivered one). No-op when nothing changed. */
  stage(view: CertificateView): void {
    const json = JSON.stringify(view);
    const newest = this.#storage.sql.exec<{ sequence: number | null }>('SELECT max(sequence) AS sequence FROM events').one().sequence ?? 0;
    const [row] = this.#storage.sql.exec<{ view: string; events_up_to: number }>('SELECT view, events_up_to FROM reported').toArray();
    if (row?.view === json && row.events_up_to === newest) return;
    this.#storage.sql.exec(
      `INSERT INTO reported (id, sequence, view, events_up_to, acknowledged) VALUES (1, 1, ?, ?, 0)
       ON CONFLICT (id) DO UPDATE SET sequence = sequence + 1, view = excluded.view, events_up_to = excluded.events_up_to`,
      json,
      newest,
    );
  }

  /** The undelivered report, or null when the fleet knows everything. */
  report(now: number): CertificateReport | null {
    const [row] = this.#storage.sql
      .exec<{ sequence: number; view: string; acknowledged: number; delivered_events: number }>(
        'SELECT sequence, view, acknowledged, events_up_to AS delivered_events FROM reported',
      )
      .toArray();
    if (row === undefined || row.acknowledged >= row.sequence) return null;
    // The view was made by this code or the release before it; it is checked where it arrives.
    const view = JSON.parse(row.view) as CertificateView;
    const events = this.#storage.sql
      .exec<{ sequence: number; at: number; kind: string; message: string; severity: EventSeverity }>(
        'SELECT sequence, at, kind, message, severity FROM events ORDER BY sequence DESC LIMIT 50',
      )
      .toArray()
      .toReversed();
    return { name: view.name, sequence: row.sequence, at: now, view, events };
  }

  acknowledge(sequence: number): void {
    this.#storage.sql.exec('UPDATE reported SET acknowledged = max(acknowledged, ?)', sequence);
  }

  #document<S extends z.ZodType>(key: string, schema: S): z.infer<S> | null {
    const [row] = this.#storage.sql.exec<{ json: string }>('SELECT json FROM documents WHERE key = ?', key).toArray();
    return row === undefined ? null : parse(schema, row.json, key);
  }

  #put(key: string, value: unknown): void {
    if (value === null) {
      this.#storage.sql.exec('DELETE FROM documents WHERE key = ?', key);
      return;
    }
    // An unchanged document costs no row: the Free plan counts rows written.
    this.#storage.sql.exec(
      'INSERT INTO documents (key, json) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET json = excluded.json WHERE json <> excluded.json',
      key,
      JSON.stringify(value),
    );
  }
}

function parse<S extends z.ZodType>(schema: S, json: string, key: string): z.infer<S> {
  const parsed = schema.safeParse(JSON.parse(json));
  if (parsed.success) return parsed.data;
  throw new PerennialError('state_unreadable', `The stored document "${key}" has a shape this release does not know.`, {
    hint: 'A newer release wrote it; deploy that release again, or one that follows it.',
    cause: parsed.error,
  });
}
