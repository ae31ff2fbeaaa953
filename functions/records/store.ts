/** Tables of RecordsObject as parsed rows. Everything but the declaration can be asked for again; it is kept so that a crash asks little. */
import type { z } from 'zod';
import { declaredRecordSchema } from '../config/configuration.ts';
import { migrate, type Migration } from '../storage/schema.ts';
import type { RecordsDeclaration } from './ports.ts';
import { placeSchema, receivedSchema, toldZoneSchema, type KnownPlace, type KnownZone, type Received } from './rows.ts';
import { knownSourceSchema, type KnownSource } from './sources.ts';

const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    statements: [
      'CREATE TABLE documents (key TEXT PRIMARY KEY, json TEXT NOT NULL)',
      'CREATE TABLE declared (position INTEGER PRIMARY KEY, json TEXT NOT NULL)',
      'CREATE TABLE sources (key TEXT PRIMARY KEY, json TEXT NOT NULL)',
      'CREATE TABLE places (key TEXT PRIMARY KEY, json TEXT NOT NULL)',
      'CREATE TABLE zones (key TEXT PRIMARY KEY, json TEXT NOT NULL)',
    ],
  },
];

export class RecordsStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly sources: Rows<KnownSource>;
  readonly places: Rows<KnownPlace>;
  /** By name of the ZoneObject. A zone is here before it is told anything, and leaves when it has nothing left. */
  readonly zones: Rows<KnownZone>;

  constructor(storage: DurableObjectStorage) {
    migrate(storage, MIGRATIONS);
    this.#storage = storage;
    this.#sql = storage.sql;
    this.sources = new Rows(storage.sql, 'sources', knownSourceSchema);
    this.places = new Rows(storage.sql, 'places', placeSchema);
    this.zones = new Rows(storage.sql, 'zones', toldZoneSchema);
  }

  declaration(): RecordsDeclaration | null {
    const received = this.#received();
    if (received === null) return null;
    const records = this.#sql
      .exec<{ json: string }>('SELECT json FROM declared ORDER BY position')
      .toArray()
      .map(({ json }) => declaredRecordSchema.parse(JSON.parse(json)));
    const { checkedAt: _checkedAt, ...declaration } = received;
    return { ...declaration, records };
  }

  checkedAt(): number | null {
    return this.#received()?.checkedAt ?? null;
  }

  /** Takes a declaration as a whole. */
  receive({ records, ...declaration }: RecordsDeclaration): void {
    const checkedAt = this.checkedAt();
    this.#storage.transactionSync(() => {
      this.#put({ ...declaration, checkedAt });
      this.#sql.exec('DELETE FROM declared');
      for (const [position, record] of records.entries())
        this.#sql.exec('INSERT INTO declared (position, json) VALUES (?, ?)', position, JSON.stringify(record));
    });
  }

  checked(now: number): void {
    const received = this.#received();
    if (received !== null) this.#put({ ...received, checkedAt: now });
  }

  #received(): Received | null {
    const [row] = this.#sql.exec<{ json: string }>("SELECT json FROM documents WHERE key = 'received'").toArray();
    return row === undefined ? null : receivedSchema.parse(JSON.parse(row.json));
  }

  #put(received: Received): void {
    this.#sql.exec("INSERT INTO documents (key, json) VALUES ('received', ?) ON CONFLICT (key) DO UPDATE SET json = excluded.json", JSON.stringify(received));
  }
}

/** One table of JSON rows by key. A row that is put as it is costs no write. */
class Rows<T> {
  readonly #sql: SqlStorage;
  readonly #table: 'sources' | 'places' | 'zones';
  readonly #schema: z.ZodType<T>;

  constructor(sql: SqlStorage, table: 'sources' | 'places' | 'zones', schema: z.ZodType<T>) {
    this.#sql = sql;
    this.#table = table;
    this.#schema = schema;
  }

  all(): Map<string, T> {
    const rows = this.#sql.exec<{ key: string; json: string }>(`SELECT key, json FROM ${this.#table} ORDER BY key`).toArray();
    return new Map(rows.map(({ key, json }) => [key, this.#schema.parse(JSON.parse(json))]));
  }

  put(key: string, row: T): void {
    const { sql, table } = { sql: this.#sql, table: this.#table };
    sql.exec(
      `INSERT INTO ${table} (key, json) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET json = excluded.json WHERE json <> excluded.json`,
      key,
      JSON.stringify(row),
    );
  }

  /** Forgets every row but these. */
  keep(keys: readonly string[]): void {
    this.#sql.exec(`DELETE FROM ${this.#table} WHERE key NOT IN (SELECT value FROM json_each(?))`, JSON.stringify(keys));
  }

  remove(key: string): void {
    this.#sql.exec(`DELETE FROM ${this.#table} WHERE key = ?`, key);
  }
}
