/** A Durable Object's storage as far as schemas need it, over Node's SQLite: the real SQL runs, without a Worker. */
import { DatabaseSync } from 'node:sqlite';
import type { SqlDatabase, SqlValue } from '../../../functions/storage/schema.ts';

export function sqliteStorage(): SqlDatabase {
  const database = new DatabaseSync(':memory:');
  return {
    sql: {
      exec: <T extends Record<string, SqlValue>>(query: string, ...values: (string | number | null)[]) => {
        // The platform hands rows out under the type that the caller names, just so.
        const rows = database.prepare(query).all(...values) as T[];
        return { toArray: () => rows };
      },
    },
    transactionSync(work) {
      database.exec('BEGIN');
      try {
        const value = work();
        database.exec('COMMIT');
        return value;
      } catch (error) {
        database.exec('ROLLBACK');
        throw error;
      }
    },
    sync: () => Promise.resolve(),
  };
}
