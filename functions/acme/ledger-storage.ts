/** SQLite behind {@link LedgerState}. */
import { z } from 'zod';
import { DAY } from '../../shared/clock.ts';
import type { SqlDatabase } from '../storage/schema.ts';
import type { LedgerEntry, LedgerState } from './ledger.ts';

/** Longer than any certificate lives: its renewal is one of a set that was issued before. */
const KEEP_ISSUED_MS = 400 * DAY;

const entryRow = z.object({ id: z.number(), at: z.number(), charges: z.string() });
const charges = z.array(z.object({ scope: z.string(), refillMs: z.number() })).max(200);
const bucketRow = z.object({ scope: z.string(), tat: z.number() });
const timeRow = z.object({ at: z.number().nullable() });

/** @param keepMs how long orders and failures stay in the ledger: longer than the longest window of a limit. */
export function createLedgerStorage(sql: SqlDatabase['sql'], keepMs: number): LedgerState {
  const entry = (where: string, value: string): LedgerEntry | null => {
    const [row] = sql.exec(`SELECT id, at, charges FROM orders WHERE ${where} = ? AND outcome IS NULL ORDER BY id DESC LIMIT 1`, value).toArray();
    if (row === undefined) return null;
    const parsed = entryRow.parse(row);
    return { id: parsed.id, at: parsed.at, charges: charges.parse(JSON.parse(parsed.charges)) };
  };
  const timeOf = (query: string, ...values: (string | number)[]): number | null => {
    const [row] = sql.exec(query, ...values).toArray();
    return row === undefined ? null : timeRow.parse(row).at;
  };
  const forget = (now: number) => {
    sql.exec('DELETE FROM orders WHERE at < ?', now - keepMs);
    sql.exec('DELETE FROM failures WHERE at < ?', now - keepMs);
    sql.exec('DELETE FROM breakers WHERE until < ?', now);
    sql.exec('DELETE FROM slots WHERE at < ?', now);
    // A bucket that is full is as good as none.
    sql.exec('DELETE FROM buckets WHERE tat < ?', now);
  };
  return {
    bucket: (scope) => timeOf('SELECT tat AS at FROM buckets WHERE scope = ?', scope),
    saveBucket(scope, tat) {
      sql.exec('INSERT OR REPLACE INTO buckets (scope, tat) VALUES (?, ?)', scope, tat);
    },
    takenBuckets: (now, most) =>
      sql
        .exec('SELECT scope, tat FROM buckets WHERE tat > ? ORDER BY tat DESC LIMIT ?', now, most)
        .toArray()
        .map((row) => bucketRow.parse(row)),
    appendOrder(order) {
      sql.exec(
        'INSERT INTO orders (at, names, replaces, name_set, attempt, charges) VALUES (?, ?, ?, ?, ?, ?)',
        order.at,
        JSON.stringify(order.names),
        order.replaces ? 1 : 0,
        order.set,
        order.attempt,
        JSON.stringify(order.charges),
      );
      forget(order.at);
    },
    openAttempt: (attempt) => entry('attempt', attempt),
    openOrder: (set) => entry('name_set', set),
    closeOrder(id, outcome, url) {
      sql.exec('UPDATE orders SET outcome = ?, url = ? WHERE id = ?', outcome, url, id);
    },
    orderClosed: (url) => sql.exec('SELECT 1 AS found FROM orders WHERE url = ? LIMIT 1', url).toArray().length > 0,
    issuedBefore: (set) => timeOf('SELECT at FROM issued WHERE name_set = ?', set) !== null,
    saveIssued(set, at) {
      sql.exec('INSERT OR REPLACE INTO issued (name_set, at) VALUES (?, ?)', set, at);
      sql.exec('DELETE FROM issued WHERE at < ?', at - KEEP_ISSUED_MS);
    },
    saveFailure: (authorization, at) =>
      sql.exec('INSERT OR IGNORE INTO failures (authorization, at) VALUES (?, ?) RETURNING at', authorization, at).toArray().length > 0,
    slot: (scope, caller) => timeOf('SELECT at FROM slots WHERE scope = ? AND caller = ?', scope, caller),
    lastSlot: (scope, after) => timeOf('SELECT MAX(at) AS at FROM slots WHERE scope = ? AND at > ?', scope, after),
    saveSlot(scope, caller, at) {
      sql.exec('INSERT OR REPLACE INTO slots (scope, caller, at) VALUES (?, ?, ?)', scope, caller, at);
    },
  };
}
