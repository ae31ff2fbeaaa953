/**
 * Versioned SQLite schemas for Durable Objects. `PRAGMA user_version` is refused on the platform (SQLITE_AUTH), so the
 * version is a row of its own. Migrations run in the constructor, in one transaction each, and stay additive for one
 * release: the previous release may still be writing while a deploy rolls out.
 */
export interface Migration {
  /** 1, 2, 3 … without gaps. */
  version: number;
  statements: readonly string[];
}

/** What a schema and its rows need of a Durable Object's storage: synchronous SQLite. */
export interface SqlDatabase {
  sql: {
    exec<T extends Record<string, SqlValue>>(query: string, ...bindings: (string | number | null)[]): { toArray(): T[] };
  };
  transactionSync<T>(work: () => T): T;
  /** Resolves when everything written so far is durable. */
  sync(): Promise<void>;
}
export type SqlValue = ArrayBuffer | string | number | null;

/**
 * Brings `storage` to the newest version. A database that a newer release has already migrated is left alone: additive
 * changes keep it readable.
 */
export function migrate(storage: Pick<SqlDatabase, 'sql' | 'transactionSync'>, migrations: readonly Migration[]): void {
  storage.sql.exec('CREATE TABLE IF NOT EXISTS schema_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL)');
  const [row] = storage.sql.exec<{ version: number }>('SELECT version FROM schema_version WHERE id = 1').toArray();
  const present = row?.version ?? 0;
  for (const migration of migrations) {
    if (migration.version <= present) continue;
    storage.transactionSync(() => {
      for (const statement of migration.statements) storage.sql.exec(statement);
      storage.sql.exec('INSERT INTO schema_version (id, version) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version', migration.version);
    });
  }
}
