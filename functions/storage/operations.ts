/**
 * Deduplication of effectful calls between objects (DESIGN §3): the caller names the operation, the callee runs it once
 * and answers a repeat with the first outcome. Only successes are kept: a failed operation may be tried again.
 */
import type { z } from 'zod';

export const OPERATIONS_TABLE = 'CREATE TABLE IF NOT EXISTS operations (id TEXT PRIMARY KEY, value TEXT NOT NULL, at INTEGER NOT NULL)';

/** How long an outcome is remembered, in milliseconds: far longer than any caller retries one operation id. */
const KEEP_MS = 7 * 24 * 3_600_000;

/** What is remembered of `id`; null when nothing is. */
export function recall<S extends z.ZodType>(sql: SqlStorage, id: string, schema: S): z.infer<S> | null {
  const [row] = sql.exec<{ value: string }>('SELECT value FROM operations WHERE id = ?', id).toArray();
  return row === undefined ? null : schema.parse(JSON.parse(row.value));
}

/** Remembers how far `id` has come, over what was remembered before; forgets what is long past. */
export function remember(sql: SqlStorage, id: string, value: unknown, now: number): void {
  sql.exec(
    'INSERT INTO operations (id, value, at) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value, at = excluded.at',
    id,
    JSON.stringify(value),
    now,
  );
  sql.exec('DELETE FROM operations WHERE at < ?', now - KEEP_MS);
}

/** Answers from memory when `id` has succeeded before, else runs `work` and remembers its value (JSON). */
export async function once<S extends z.ZodType>(sql: SqlStorage, id: string, now: number, schema: S, work: () => Promise<z.infer<S>>): Promise<z.infer<S>> {
  const [row] = sql.exec<{ value: string }>('SELECT value FROM operations WHERE id = ?', id).toArray();
  if (row !== undefined) return schema.parse(JSON.parse(row.value));
  const value = await work();
  sql.exec('INSERT INTO operations (id, value, at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING', id, JSON.stringify(value ?? null), now);
  sql.exec('DELETE FROM operations WHERE at < ?', now - KEEP_MS);
  return value;
}
