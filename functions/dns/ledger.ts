/**
 * The ledger of one zone: every record we ever asked for, written before the vendor is called, so that a crash at any
 * point leaves a row that says what may be there.
 */
import { z } from 'zod';
import { DAY } from '../../shared/clock.ts';
import { errorDataSchema, type ErrorData } from '../../shared/errors.ts';
import { dnsVendorSchema, type DnsVendor } from '../config/configuration.ts';
import { OPERATIONS_TABLE } from '../storage/operations.ts';
import { migrate, type Migration } from '../storage/schema.ts';
import { DECLARED, ledgerEntrySchema, ledgerRowSchema, NEVER, type LedgerEntry, type LedgerRow } from './ledger-entry.ts';
import type { DnsRecord, ListedRecord } from './provider.ts';

const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    statements: [
      OPERATIONS_TABLE,
      `CREATE TABLE records (
        id INTEGER PRIMARY KEY,
        owner TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL,
        state TEXT NOT NULL,
        record_id TEXT,
        sent_at INTEGER,
        found INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, removed_at INTEGER,
        UNIQUE (owner, name, type, value)
      )`,
      'CREATE INDEX records_by_record ON records (name, type, value)',
      'CREATE TABLE vendors (name TEXT PRIMARY KEY, vendor TEXT NOT NULL, used_at INTEGER NOT NULL)',
      'CREATE TABLE intent (only INTEGER PRIMARY KEY CHECK (only = 1), id TEXT NOT NULL, holder TEXT NOT NULL, deadline INTEGER NOT NULL)',
      `CREATE TABLE zone (
        only INTEGER PRIMARY KEY CHECK (only = 1), zone_id TEXT NOT NULL, name TEXT NOT NULL,
        last_success_at INTEGER, last_error_at INTEGER, last_error TEXT, failures INTEGER NOT NULL DEFAULT 0
      )`,
    ],
  },
  {
    version: 2,
    statements: [
      'ALTER TABLE records ADD COLUMN ttl INTEGER',
      'CREATE TABLE documents (key TEXT PRIMARY KEY, json TEXT NOT NULL)',
      'CREATE TABLE snapshots (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, reason TEXT NOT NULL, table_json TEXT NOT NULL, text TEXT NOT NULL)',
    ],
  },
];

/** How long a removed row stays for people to look at, in milliseconds. */
const KEEP_REMOVED_MS = 7 * DAY;

const timestamp = z.number().int().nonnegative();
const intentSchema = z.object({ id: z.string(), holder: z.string(), deadline: timestamp });
/** What is about to be done outside, by whom, and until when it may take effect (DESIGN §3). */
export type Intent = z.infer<typeof intentSchema>;

const snapshotRowSchema = z.object({ id: z.number().int(), at: timestamp, reason: z.string(), table_json: z.string(), text: z.string() });
/** A whole zone before a write: `content` as its writer defines it, `text` as the vendor sent it. */
export interface StoredSnapshot {
  id: number;
  at: number;
  reason: string;
  content: unknown;
  text: string;
}
/** Of one zone. */
export const MAX_SNAPSHOTS = 20;

const zoneSchema = z.object({
  zone_id: z.string(),
  name: z.string(),
  last_success_at: timestamp.nullable(),
  last_error_at: timestamp.nullable(),
  last_error: z.string().nullable(),
  failures: z.number().int(),
});

export interface ZoneState {
  zone: { id: string; name: string };
  lastSuccessAt: number | null;
  lastError: { at: number; error: ErrorData } | null;
  /** Failed attempts in a row. */
  failures: number;
}

export class Ledger {
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    migrate(storage, MIGRATIONS);
    this.#sql = storage.sql;
  }

  get sql(): SqlStorage {
    return this.#sql;
  }

  /** Notes that `owner` wants the record until `expiresAt`; a row that was removed starts anew. */
  want(owner: string, record: DnsRecord, now: number, expiresAt: number): LedgerEntry {
    const { name, type, value } = record;
    return this.#one(
      `INSERT INTO records (owner, name, type, value, state, created_at, expires_at) VALUES (?, ?, ?, ?, 'wanted', ?, ?)
       ON CONFLICT (owner, name, type, value) DO UPDATE SET
         state = CASE state WHEN 'written' THEN 'written' ELSE 'wanted' END,
         sent_at = CASE state WHEN 'removed' THEN NULL ELSE sent_at END,
         found = CASE state WHEN 'removed' THEN 0 ELSE found END,
         expires_at = excluded.expires_at, removed_at = NULL
       RETURNING *`,
      owner,
      name,
      type,
      value,
      now,
      expiresAt,
    );
  }

  /** Notes that a record is declared, with its TTL in seconds. A row that was removed starts anew. */
  wantDeclared({ name, type, value }: DnsRecord, ttl: number, now: number): LedgerEntry {
    return this.#one(
      `INSERT INTO records (owner, name, type, value, state, created_at, expires_at, ttl) VALUES (?, ?, ?, ?, 'wanted', ?, ?, ?)
       ON CONFLICT (owner, name, type, value) DO UPDATE SET
         state = CASE state WHEN 'written' THEN 'written' ELSE 'wanted' END,
         sent_at = CASE state WHEN 'removed' THEN NULL ELSE sent_at END,
         found = CASE state WHEN 'removed' THEN 0 ELSE found END,
         record_id = CASE state WHEN 'removed' THEN NULL ELSE record_id END,
         removed_at = NULL, ttl = excluded.ttl
       RETURNING *`,
      DECLARED,
      name,
      type,
      value,
      now,
      NEVER,
      ttl,
    );
  }

  /** Takes a record that stands at the vendor for ours from now on: `written` to keep it, `removing` to remove it. */
  claimDeclared({ name, type, value, id }: ListedRecord, state: 'written' | 'removing', ttl: number | null, now: number): LedgerEntry {
    return this.#one(
      `INSERT INTO records (owner, name, type, value, state, record_id, sent_at, created_at, expires_at, ttl) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (owner, name, type, value) DO UPDATE SET
         state = excluded.state, record_id = excluded.record_id, sent_at = excluded.sent_at, found = 0, removed_at = NULL, ttl = excluded.ttl
       RETURNING *`,
      DECLARED,
      name,
      type,
      value,
      state,
      id,
      now,
      now,
      NEVER,
      ttl,
    );
  }

  /** Declared rows that are not removed yet. */
  declaredEntries(): LedgerEntry[] {
    return this.#many("SELECT * FROM records WHERE owner = ? AND state <> 'removed' ORDER BY id", DECLARED);
  }

  /** Gives up these declared rows: the next write removes what is ours of them. */
  releaseDeclared(ids: readonly number[]): void {
    this.#sql.exec(
      "UPDATE records SET state = 'removing' WHERE owner = ? AND state <> 'removed' AND id IN (SELECT value FROM json_each(?))",
      DECLARED,
      JSON.stringify(ids),
    );
  }

  /** Gives up whatever `owner` has here; returns the rows that are to be removed. */
  release(owner: string): LedgerEntry[] {
    return this.#many("UPDATE records SET state = 'removing' WHERE owner = ? AND state <> 'removed' RETURNING *", owner);
  }

  /** Gives up what has outlived its expiry, and forgets what was removed long ago unless the same record is still of interest. */
  expire(now: number): void {
    this.#sql.exec("UPDATE records SET state = 'removing' WHERE state IN ('wanted', 'written') AND expires_at <= ?", now);
    this.#sql.exec(
      `DELETE FROM records AS old WHERE state = 'removed' AND removed_at < ?
       AND NOT EXISTS (SELECT 1 FROM records AS live WHERE live.name = old.name AND live.type = old.type AND live.value = old.value AND live.state <> 'removed')`,
      now - KEEP_REMOVED_MS,
    );
  }

  entries(ids: readonly number[]): LedgerEntry[] {
    return this.#many('SELECT * FROM records WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id', JSON.stringify(ids));
  }

  /** Every row about the records of these names, whoever owns it and whatever its state; without those that were removed before `since`, Unix ms. */
  entriesOfNames(names: readonly string[], since = 0): LedgerEntry[] {
    return this.#many(
      'SELECT * FROM records WHERE name IN (SELECT value FROM json_each(?)) AND (removed_at IS NULL OR removed_at >= ?) ORDER BY id',
      JSON.stringify(names),
      since,
    );
  }

  removing(limit: number): LedgerEntry[] {
    return this.#many("SELECT * FROM records WHERE state = 'removing' ORDER BY id LIMIT ?", limit);
  }

  /** Rows that may still stand for a record at the vendor. */
  live(limit: number): LedgerEntry[] {
    return this.#many("SELECT * FROM records WHERE state <> 'removed' ORDER BY id LIMIT ?", limit);
  }

  /** {@link live} as it is stored, for a backup. */
  dump(limit: number): LedgerRow[] {
    return this.#sql
      .exec("SELECT * FROM records WHERE state <> 'removed' ORDER BY id LIMIT ?", limit)
      .toArray()
      .map((row) => ledgerRowSchema.omit({ id: true }).parse(row));
  }

  /** Whether there is a row for this owner's record, in whatever state. */
  has({ owner, name, type, value }: Pick<LedgerRow, 'owner' | 'name' | 'type' | 'value'>): boolean {
    return this.#sql.exec('SELECT 1 FROM records WHERE owner = ? AND name = ? AND type = ? AND value = ?', owner, name, type, value).toArray().length > 0;
  }

  /** Rows of a backup; one that is here stays as it is. */
  add(rows: readonly LedgerRow[]): void {
    for (const row of rows)
      this.#sql.exec(
        `INSERT OR IGNORE INTO records (owner, name, type, value, state, record_id, sent_at, found, created_at, expires_at, ttl)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        row.owner,
        row.name,
        row.type,
        row.value,
        row.state,
        row.record_id,
        row.sent_at,
        row.found,
        row.created_at,
        row.expires_at,
        row.ttl,
      );
  }

  markSent(ids: readonly number[], now: number): void {
    this.#sql.exec('UPDATE records SET sent_at = ?, found = 0 WHERE id IN (SELECT value FROM json_each(?))', now, JSON.stringify(ids));
  }

  /** Takes {@link markSent} back: nothing was sent for these rows after all, so they prove nothing. */
  markUnsent(ids: readonly number[]): void {
    this.#sql.exec('UPDATE records SET sent_at = NULL WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids));
  }

  /** Settles what is to be removed and was never sent: nothing of it can be at the vendor. */
  dropUnsent(now: number): void {
    this.#sql.exec("UPDATE records SET state = 'removed', removed_at = ? WHERE state = 'removing' AND sent_at IS NULL AND record_id IS NULL", now);
  }

  /** The record exists. A row that was released in the meantime stays released, and learns the id for its removal. */
  markPresent(id: number, recordId: string | null, found: boolean, now: number): void {
    this.#sql.exec(
      `UPDATE records SET state = CASE state WHEN 'wanted' THEN 'written' ELSE state END, record_id = ?2, found = ?3,
         sent_at = CASE ?3 WHEN 0 THEN COALESCE(sent_at, ?4) ELSE sent_at END WHERE id = ?1`,
      id,
      recordId,
      found ? 1 : 0,
      now,
    );
  }

  /** The record is gone, or stays for somebody else. A row that is wanted again in the meantime stays wanted. */
  markRemoved(ids: readonly number[], now: number): void {
    this.#sql.exec(
      "UPDATE records SET state = 'removed', removed_at = ? WHERE state = 'removing' AND id IN (SELECT value FROM json_each(?))",
      now,
      JSON.stringify(ids),
    );
  }

  intent(): Intent | null {
    const [row] = this.#sql.exec('SELECT id, holder, deadline FROM intent').toArray();
    return row === undefined ? null : intentSchema.parse(row);
  }

  setIntent(intent: Intent): void {
    this.#sql.exec('INSERT OR REPLACE INTO intent (only, id, holder, deadline) VALUES (1, ?, ?, ?)', intent.id, intent.holder, intent.deadline);
  }

  clearIntent(id: string): void {
    this.#sql.exec('DELETE FROM intent WHERE id = ?', id);
  }

  /** Remembers through which block the zone is reached: a block that leaves the configuration is needed until the ledger is empty. */
  use(vendor: DnsVendor, zone: { id: string; name: string }, now: number): void {
    this.#sql.exec('INSERT OR REPLACE INTO vendors (name, vendor, used_at) VALUES (?, ?, ?)', vendor.name, JSON.stringify(vendor), now);
    this.#sql.exec('INSERT INTO zone (only, zone_id, name) VALUES (1, ?, ?) ON CONFLICT (only) DO UPDATE SET name = excluded.name', zone.id, zone.name);
  }

  /** Last used first. */
  vendors(): DnsVendor[] {
    const rows = this.#sql.exec<{ vendor: string }>('SELECT vendor FROM vendors ORDER BY used_at DESC, name').toArray();
    return rows.map(({ vendor }) => dnsVendorSchema.parse(JSON.parse(vendor)));
  }

  zone(): ZoneState | null {
    const [row] = this.#sql.exec('SELECT * FROM zone').toArray();
    if (row === undefined) return null;
    const zone = zoneSchema.parse(row);
    return {
      zone: { id: zone.zone_id, name: zone.name },
      lastSuccessAt: zone.last_success_at,
      lastError: zone.last_error === null ? null : { at: zone.last_error_at ?? 0, error: errorDataSchema.parse(JSON.parse(zone.last_error)) },
      failures: zone.failures,
    };
  }

  noteSuccess(now: number): void {
    this.#sql.exec('UPDATE zone SET last_success_at = ?, failures = 0', now);
  }

  /** Nothing was tried: a look said that it would fail. It does not count as an attempt. */
  noteRefusal(error: ErrorData, now: number): void {
    this.#sql.exec('UPDATE zone SET last_error_at = ?, last_error = ?', now, JSON.stringify(error));
  }

  noteFailure(error: ErrorData, now: number): void {
    this.#sql.exec('UPDATE zone SET last_error_at = ?, last_error = ?, failures = failures + 1', now, JSON.stringify(error));
  }

  /** A document of the zone; null when there is none. */
  document<S extends z.ZodType>(key: string, schema: S): z.infer<S> | null {
    const [row] = this.#sql.exec<{ json: string }>('SELECT json FROM documents WHERE key = ?', key).toArray();
    return row === undefined ? null : schema.parse(JSON.parse(row.json));
  }

  /** Null removes it. */
  putDocument(key: string, value: unknown): void {
    if (value === null) this.#sql.exec('DELETE FROM documents WHERE key = ?', key);
    else this.#sql.exec('INSERT INTO documents (key, json) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET json = excluded.json', key, JSON.stringify(value));
  }

  /** Keeps the very first snapshot, the one in `keep`, and the newest {@link MAX_SNAPSHOTS} in all. @returns its id. */
  addSnapshot({ at, reason, content, text }: Omit<StoredSnapshot, 'id'>, keep: number | null): number {
    const { id } = this.#sql
      .exec<{ id: number }>('INSERT INTO snapshots (at, reason, table_json, text) VALUES (?, ?, ?, ?) RETURNING id', at, reason, JSON.stringify(content), text)
      .one();
    this.#sql.exec(
      `DELETE FROM snapshots WHERE id <> (SELECT MIN(id) FROM snapshots) AND id <> ?1
       AND id NOT IN (SELECT id FROM snapshots ORDER BY id DESC LIMIT ?2)`,
      keep ?? -1,
      MAX_SNAPSHOTS - 2,
    );
    return id;
  }

  /** Newest first, without their texts. */
  snapshots(): Omit<StoredSnapshot, 'text'>[] {
    const rows = this.#sql.exec('SELECT id, at, reason, table_json FROM snapshots ORDER BY id DESC').toArray();
    return rows.map((row) => snapshotRowSchema.omit({ text: true }).parse(row)).map(({ table_json: json, ...row }) => ({ ...row, content: JSON.parse(json) }));
  }

  snapshot(id: number): StoredSnapshot | null {
    const [row] = this.#sql.exec('SELECT id, at, reason, table_json, text FROM snapshots WHERE id = ?', id).toArray();
    if (row === undefined) return null;
    const { table_json: json, ...rest } = snapshotRowSchema.parse(row);
    return { ...rest, content: JSON.parse(json) };
  }

  /** What the janitor has to wait for: whether something is to be removed, and when the next row expires. */
  outlook(): { removing: number; live: number; nextExpiry: number | null } {
    const row = this.#sql
      .exec(
        "SELECT COALESCE(SUM(state = 'removing'), 0) AS removing, COUNT(*) AS live, MIN(CASE WHEN state <> 'removing' AND expires_at < ? THEN expires_at END) AS next_expiry FROM records WHERE state <> 'removed'",
        NEVER,
      )
      .one();
    const outlook = z.object({ removing: z.number(), live: z.number(), next_expiry: z.number().nullable() }).parse(row);
    return { removing: outlook.removing, live: outlook.live, nextExpiry: outlook.next_expiry };
  }

  #one(query: string, ...bindings: (string | number | null)[]): LedgerEntry {
    return ledgerEntrySchema.parse(this.#sql.exec(query, ...bindings).one());
  }

  #many(query: string, ...bindings: (string | number)[]): LedgerEntry[] {
    return this.#sql
      .exec(query, ...bindings)
      .toArray()
      .map((row) => ledgerEntrySchema.parse(row));
  }
}
