/** Relay bundles by SHA-256: a job file pins one, so each is served as long as a cluster may still fetch it (DESIGN §7). */
import { DAY } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';

/** Rows of SQLite hold at most 2 MB. */
export const MAX_BUNDLE_BYTES = 1_900_000;
/** Kept this long after it was stored and after any relay ran it. */
export const BUNDLE_KEEP_MS = 180 * DAY;

export interface RelayBundle {
  /** Lower-case hex. */
  sha256: string;
  source: string;
  contract: number;
}

export class RelayBundles {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  has(sha256: string): boolean {
    return this.#sql.exec('SELECT 1 FROM relay_bundles WHERE sha256 = ?', sha256).toArray().length > 0;
  }

  /** Throws `relay_bundle_invalid` when source and checksum do not fit. */
  async store({ sha256, source, contract }: RelayBundle, now: number): Promise<void> {
    const bytes = new TextEncoder().encode(source);
    if (bytes.length === 0 || bytes.length > MAX_BUNDLE_BYTES)
      throw new PerennialError('relay_bundle_invalid', `The relay bundle has ${bytes.length} bytes; 1 to ${MAX_BUNDLE_BYTES} are possible.`);
    const digest = [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    if (digest !== sha256) throw new PerennialError('relay_bundle_invalid', 'The relay bundle does not have the checksum it claims.');
    this.#sql.exec(
      'INSERT INTO relay_bundles (sha256, source, contract, stored_at, reported_at) VALUES (?, ?, ?, ?, 0) ON CONFLICT (sha256) DO UPDATE SET stored_at = excluded.stored_at',
      sha256,
      source,
      contract,
      now,
    );
  }

  source(sha256: string): string | null {
    return this.#sql.exec<{ source: string }>('SELECT source FROM relay_bundles WHERE sha256 = ?', sha256).toArray()[0]?.source ?? null;
  }

  /** A relay said that it runs this bundle. */
  reported(sha256: string, now: number): void {
    this.#sql.exec('UPDATE relay_bundles SET reported_at = ? WHERE sha256 = ?', now, sha256);
  }

  prune(now: number): void {
    this.#sql.exec('DELETE FROM relay_bundles WHERE max(stored_at, reported_at) < ?', now - BUNDLE_KEEP_MS);
  }
}
