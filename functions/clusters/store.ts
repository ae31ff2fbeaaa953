/** What a ClusterObject remembers between connections: last sign of life, last refusal, who waits, last good keys, what is watched. */
import { z } from 'zod';
import { type PublicKey, publicKeySchema } from '../../shared/link/signatures.ts';
import { type WatchEntry, watchEntrySchema } from '../../shared/relay/contract.ts';
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
  {
    version: 2,
    // The latest verification of each certificate and service: every relay that connects is told, since it forgets.
    statements: ['CREATE TABLE watched (id TEXT PRIMARY KEY, certificate TEXT NOT NULL, at INTEGER NOT NULL, json TEXT NOT NULL)'],
  },
] as const;

/** As many certificates as a relay looks after by itself. */
const WATCHED_ROWS = 10_000;

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

  /** @returns whether it is another request, or other verdicts, than before; the same again costs no row. */
  rememberWatched({ request, verdicts, at }: WatchEntry): boolean {
    const id = `${request.certificate} ${request.namespace}/${request.service}`;
    const written = this.#storage.sql.exec(
      `INSERT INTO watched (id, certificate, at, json) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET at = excluded.at, json = excluded.json WHERE json <> excluded.json`,
      id,
      request.certificate,
      at,
      JSON.stringify({ request, verdicts }),
    ).rowsWritten;
    return written > 0;
  }

  /** The latest first; those of certificates that `known` does not name any more are forgotten. */
  watched(known: (certificate: string) => boolean): WatchEntry[] {
    const rows = this.#storage.sql
      .exec<{ certificate: string; at: number; json: string }>('SELECT certificate, at, json FROM watched ORDER BY at DESC LIMIT ?', WATCHED_ROWS)
      .toArray();
    const gone = new Set(rows.map(({ certificate }) => certificate).filter((certificate) => !known(certificate)));
    for (const certificate of gone) this.#storage.sql.exec('DELETE FROM watched WHERE certificate = ?', certificate);
    // A row of another release that cannot be read is only a look that begins with the next verification.
    return rows
      .filter(({ certificate }) => !gone.has(certificate))
      .flatMap(({ at, json }) => watchEntrySchema.safeParse({ ...(JSON.parse(json) as object), at }).data ?? []);
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
