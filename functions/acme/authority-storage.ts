/** SQLite behind {@link AuthorityState}: rows are parsed when read, so a damaged one fails here and not in a request. */
import { z } from 'zod';
import { DAY } from '../../shared/clock.ts';
import { migrate, type Migration } from '../storage/schema.ts';
import { observationSchema } from './actor.ts';
import type { AuthorityState } from './authority.ts';
import { directorySchema } from './resources.ts';

const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    statements: [
      'CREATE TABLE account (id INTEGER PRIMARY KEY CHECK (id = 1), key_name TEXT NOT NULL, url TEXT, intent_until INTEGER, intent_by TEXT)',
      'CREATE TABLE directory (id INTEGER PRIMARY KEY CHECK (id = 1), document TEXT NOT NULL, fetched_at INTEGER NOT NULL)',
      'CREATE TABLE route (id INTEGER PRIMARY KEY CHECK (id = 1), observation TEXT NOT NULL, until INTEGER NOT NULL)',
      'CREATE TABLE breakers (scope TEXT PRIMARY KEY, class TEXT NOT NULL, until INTEGER NOT NULL, detail TEXT NOT NULL)',
      'CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, names TEXT NOT NULL, replaces INTEGER NOT NULL)',
      'CREATE INDEX orders_at ON orders (at)',
    ],
  },
];

/** Longer than the longest window of a public CA's limits (7 days). */
const KEEP_ORDERS_MS = 30 * DAY;

const accountRow = z.object({ key_name: z.string(), url: z.string().nullable(), intent_until: z.number().nullable(), intent_by: z.string().nullable() });
const breakerRow = z.object({ scope: z.string(), class: z.enum(['limit', 'overload']), until: z.number(), detail: z.string() });

export function createAuthorityStorage(storage: DurableObjectStorage): AuthorityState {
  migrate(storage, MIGRATIONS);
  const { sql } = storage;
  return {
    account() {
      const [row] = sql.exec('SELECT key_name, url, intent_until, intent_by FROM account WHERE id = 1').toArray();
      if (row === undefined) return null;
      const parsed = accountRow.parse(row);
      return { keyName: parsed.key_name, url: parsed.url, intentUntil: parsed.intent_until, intentBy: parsed.intent_by };
    },
    async saveAccount(row) {
      sql.exec(
        'INSERT OR REPLACE INTO account (id, key_name, url, intent_until, intent_by) VALUES (1, ?, ?, ?, ?)',
        row.keyName,
        row.url,
        row.intentUntil,
        row.intentBy,
      );
      await storage.sync();
    },
    directory() {
      const [row] = sql.exec<{ document: string; fetched_at: number }>('SELECT document, fetched_at FROM directory WHERE id = 1').toArray();
      return row === undefined ? null : { directory: directorySchema.parse(JSON.parse(row.document)), fetchedAt: row.fetched_at };
    },
    saveDirectory(directory, fetchedAt) {
      sql.exec('INSERT OR REPLACE INTO directory (id, document, fetched_at) VALUES (1, ?, ?)', JSON.stringify(directory), fetchedAt);
    },
    route() {
      const [row] = sql.exec<{ observation: string; until: number }>('SELECT observation, until FROM route WHERE id = 1').toArray();
      if (row === undefined) return null;
      const observation = observationSchema.parse(JSON.parse(row.observation));
      return observation.kind === 'route' ? { route: observation.route, until: row.until } : null;
    },
    saveRoute(route, until) {
      sql.exec('INSERT OR REPLACE INTO route (id, observation, until) VALUES (1, ?, ?)', JSON.stringify({ kind: 'route', route }), until);
    },
    breakers(now) {
      return sql
        .exec('SELECT scope, class, until, detail FROM breakers WHERE until > ?', now)
        .toArray()
        .map((row) => breakerRow.parse(row));
    },
    saveBreaker(breaker) {
      sql.exec(
        'INSERT OR REPLACE INTO breakers (scope, class, until, detail) VALUES (?, ?, ?, ?)',
        breaker.scope,
        breaker.class,
        breaker.until,
        breaker.detail,
      );
    },
    appendOrder(order) {
      sql.exec('INSERT INTO orders (at, names, replaces) VALUES (?, ?, ?)', order.at, JSON.stringify(order.names), order.replaces ? 1 : 0);
      sql.exec('DELETE FROM orders WHERE at < ?', order.at - KEEP_ORDERS_MS);
      sql.exec('DELETE FROM breakers WHERE until < ?', order.at);
    },
  };
}
