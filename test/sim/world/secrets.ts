/** The sealed store's object without its seal: the simulation asks when a key is stored, not how. */
import type { ObjectInstance } from '../runtime.ts';

interface Storage {
  sql: { exec(query: string, ...bindings: string[]): { toArray(): Record<string, unknown>[] } };
}

type Answer = { ok: true; value: unknown } | { ok: false; error: object };

export class SecretsStandIn {
  readonly #sql: Storage['sql'];

  constructor(context: { storage: Storage }) {
    this.#sql = context.storage.sql;
    this.#sql.exec('CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL)');
  }

  async put(name: string, value: string): Promise<Answer> {
    this.#sql.exec('INSERT OR REPLACE INTO secrets VALUES (?, ?)', name, value);
    return { ok: true, value: null };
  }

  async get(name: string): Promise<Answer> {
    const [row] = this.#sql.exec('SELECT value FROM secrets WHERE name = ?', name).toArray();
    if (row !== undefined) return { ok: true, value: row['value'] };
    return { ok: false, error: { code: 'secret_not_found', message: `There is no secret named "${name}".`, retryable: false } };
  }

  async has(name: string): Promise<Answer> {
    return { ok: true, value: this.#sql.exec('SELECT 1 FROM secrets WHERE name = ?', name).toArray().length > 0 };
  }
}

export const SecretsClass = SecretsStandIn as unknown as new (context: unknown, environment: unknown) => ObjectInstance;
