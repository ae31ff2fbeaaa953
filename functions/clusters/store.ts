/** What a ClusterObject remembers between connections: last sign of life, last refusal, who waits, last good keys. */
import { z } from 'zod';
import { type PublicKey, publicKeySchema } from '../../shared/link/signatures.ts';
import { migrate } from '../storage/schema.ts';

const MIGRATIONS = [
  {
    version: 1,
    statements: [
      'CREATE TABLE facts (key TEXT PRIMARY KEY, json TEXT NOT NULL)',
      // Certificates whose call found no relay: woken when one connects.
      'CREATE TABLE waiting (certificate TEXT PRIMARY KEY, since INTEGER NOT NULL)',
    ],
  },
] as const;

const refusedSchema = z.object({ code: z.string(), message: z.string(), hint: z.string().nullable(), at: z.number() });
export type Refused = z.infer<typeof refusedSchema>;

export class ClusterStore {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    migrate(storage, MIGRATIONS);
  }

  lastSeenAt(): number | null {
    return this.#read('last-seen', z.number());
  }

  seen(at: number): void {
    this.#write('last-seen', Math.max(at, this.lastSeenAt() ?? 0));
  }

  refused(): Refused | null {
    return this.#read('refused', refusedSchema);
  }

  refuse(refused: Refused): void {
    this.#write('refused', refused);
  }

  accepted(at: number): void {
    this.#storage.sql.exec("DELETE FROM facts WHERE key = 'refused'");
    this.seen(at);
  }

  keys(): PublicKey[] {
    return this.#read('keys', z.array(publicKeySchema)) ?? [];
  }

  rememberKeys(keys: readonly PublicKey[]): void {
    this.#write('keys', keys);
  }

  /** At most 500, the longest waiting first: one invocation may call that many objects; the sweep wakes the others. */
  waiting(): string[] {
    return this.#storage.sql
      .exec<{ certificate: string }>('SELECT certificate FROM waiting ORDER BY since LIMIT 500')
      .toArray()
      .map((row) => row.certificate);
  }

  rememberWaiting(certificate: string, now: number): void {
    this.#storage.sql.exec('INSERT INTO waiting (certificate, since) VALUES (?, ?) ON CONFLICT (certificate) DO NOTHING', certificate, now);
  }

  forgetWaiting(certificate: string): void {
    this.#storage.sql.exec('DELETE FROM waiting WHERE certificate = ?', certificate);
  }

  #read<S extends z.ZodType>(key: string, schema: S): z.infer<S> | null {
    const [row] = this.#storage.sql.exec<{ json: string }>('SELECT json FROM facts WHERE key = ?', key).toArray();
    return row === undefined ? null : schema.parse(JSON.parse(row.json));
  }

  #write(key: string, value: unknown): void {
    this.#storage.sql.exec(
      'INSERT INTO facts (key, json) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET json = excluded.json WHERE json <> excluded.json',
      key,
      JSON.stringify(value),
    );
  }
}
