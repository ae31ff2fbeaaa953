/** SQLite behind {@link AuthorityState}: rows are parsed when read, so a damaged one fails here and not in a request. */
import { z } from 'zod';
import { DAY } from '../../shared/clock.ts';
import { migrate, type Migration, type SqlDatabase } from '../storage/schema.ts';
import { observationSchema } from './actor.ts';
import type { AuthorityState } from './authority-state.ts';
import { createLedgerStorage } from './ledger-storage.ts';
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
  {
    version: 2,
    statements: [
      // The release before writes none of these: such an order is in the ledger, and no bucket knows of it.
      'ALTER TABLE orders ADD COLUMN name_set TEXT',
      'ALTER TABLE orders ADD COLUMN attempt TEXT',
      "ALTER TABLE orders ADD COLUMN charges TEXT NOT NULL DEFAULT '[]'",
      'ALTER TABLE orders ADD COLUMN outcome TEXT',
      'ALTER TABLE orders ADD COLUMN url TEXT',
      'CREATE INDEX orders_attempt ON orders (attempt)',
      'CREATE INDEX orders_set ON orders (name_set)',
      'CREATE INDEX orders_url ON orders (url) WHERE url IS NOT NULL',
      'CREATE TABLE buckets (scope TEXT PRIMARY KEY, tat INTEGER NOT NULL)',
      'CREATE INDEX buckets_tat ON buckets (tat)',
      'CREATE TABLE issued (name_set TEXT PRIMARY KEY, at INTEGER NOT NULL)',
      'CREATE TABLE failures (authorization TEXT PRIMARY KEY, at INTEGER NOT NULL)',
      'CREATE INDEX failures_at ON failures (at)',
      'CREATE TABLE slots (scope TEXT NOT NULL, caller TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (scope, caller))',
      'CREATE INDEX slots_scope ON slots (scope, at)',
      'CREATE INDEX slots_at ON slots (at)',
      'CREATE TABLE account_stop (id INTEGER PRIMARY KEY CHECK (id = 1), code TEXT NOT NULL, message TEXT NOT NULL, hint TEXT, count INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, configuration TEXT NOT NULL)',
      'CREATE TABLE rollover (id INTEGER PRIMARY KEY CHECK (id = 1), request TEXT NOT NULL, old_key TEXT NOT NULL, new_key TEXT NOT NULL, started_at INTEGER NOT NULL, done INTEGER NOT NULL)',
    ],
  },
  {
    version: 3,
    statements: [
      // One row for a place and no index beside it: each would be one more row written.
      'CREATE TABLE places (caller TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID',
      'CREATE TABLE queue (id INTEGER PRIMARY KEY AUTOINCREMENT, caller TEXT NOT NULL UNIQUE)',
    ],
  },
];

/** Longer than the longest window of a public CA's limits (7 days). */
export const KEEP_ORDERS_MS = 30 * DAY;

const accountRow = z.object({ key_name: z.string(), url: z.string().nullable(), intent_until: z.number().nullable(), intent_by: z.string().nullable() });
const breakerRow = z.object({ scope: z.string(), class: z.enum(['limit', 'overload']), until: z.number(), detail: z.string() });
const stopRow = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().nullable(),
  count: z.number(),
  since: z.number(),
  until: z.number(),
  configuration: z.string(),
});
const placeRow = z.object({ caller: z.string(), until: z.number() });
const beforeRow = z.object({ before: z.number() });
const queueRow = z.object({ id: z.number(), caller: z.string() });
const rolloverRow = z.object({ request: z.string(), old_key: z.string(), new_key: z.string(), started_at: z.number(), done: z.number() });

export function createAuthorityStorage(storage: SqlDatabase): AuthorityState {
  migrate(storage, MIGRATIONS);
  const { sql } = storage;
  return {
    ...createLedgerStorage(sql, KEEP_ORDERS_MS),
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
    rollover() {
      const [row] = sql.exec('SELECT request, old_key, new_key, started_at, done FROM rollover WHERE id = 1').toArray();
      if (row === undefined) return null;
      const parsed = rolloverRow.parse(row);
      return { request: parsed.request, oldKey: parsed.old_key, newKey: parsed.new_key, startedAt: parsed.started_at, done: parsed.done === 1 };
    },
    async saveRollover(row) {
      if (row === null) sql.exec('DELETE FROM rollover');
      else
        sql.exec(
          'INSERT OR REPLACE INTO rollover (id, request, old_key, new_key, started_at, done) VALUES (1, ?, ?, ?, ?, ?)',
          row.request,
          row.oldKey,
          row.newKey,
          row.startedAt,
          row.done ? 1 : 0,
        );
      await storage.sync();
    },
    accountStop() {
      const [row] = sql.exec('SELECT code, message, hint, count, since, until, configuration FROM account_stop WHERE id = 1').toArray();
      return row === undefined ? null : stopRow.parse(row);
    },
    saveAccountStop(stop) {
      if (stop === null) sql.exec('DELETE FROM account_stop');
      else
        sql.exec(
          'INSERT OR REPLACE INTO account_stop (id, code, message, hint, count, since, until, configuration) VALUES (1, ?, ?, ?, ?, ?, ?, ?)',
          stop.code,
          stop.message,
          stop.hint,
          stop.count,
          stop.since,
          stop.until,
          stop.configuration,
        );
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
    places: (now) =>
      sql
        .exec('SELECT caller, until FROM places WHERE until > ?', now)
        .toArray()
        .map((row) => placeRow.parse(row)),
    savePlace({ caller, until }) {
      sql.exec('INSERT OR REPLACE INTO places (caller, until) VALUES (?, ?)', caller, until);
    },
    removePlace(caller, now) {
      sql.exec('DELETE FROM places WHERE caller = ? OR until <= ?', caller, now);
    },
    queue(caller) {
      sql.exec('INSERT INTO queue (caller) VALUES (?) ON CONFLICT DO NOTHING', caller);
      // Those who have left from the middle count as well: the exact number would cost a look at every row.
      const [row] = sql.exec('SELECT id - (SELECT min(id) FROM queue) AS before FROM queue WHERE caller = ?', caller).toArray();
      return beforeRow.parse(row).before;
    },
    unqueue(most) {
      const rows = sql
        .exec('SELECT id, caller FROM queue ORDER BY id LIMIT ?', most)
        .toArray()
        .map((row) => queueRow.parse(row));
      const last = rows.at(-1);
      if (last !== undefined) sql.exec('DELETE FROM queue WHERE id <= ?', last.id);
      return rows.map(({ caller }) => caller);
    },
    removeQueued(caller) {
      sql.exec('DELETE FROM queue WHERE caller = ?', caller);
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
  };
}
