/** The configuration in force and the ones that offered themselves. One transaction promotes; nothing is half in force. */
import { DAY } from '../../shared/clock.ts';
import { certificateSpecSchema, configurationSchema, type CertificateSpec, type Configuration } from '../config/configuration.ts';
import type { Sightings } from './promotion.ts';

/** SQLite rows hold at most 2 MB. */
const PART_CHARACTERS = 500_000;
/** A configuration that was last seen this long ago counts as new again. */
const FORGET_MS = 180 * DAY;

export interface Promotion {
  generation: number;
  hash: string;
  /** Unix ms. */
  at: number;
}

export class Configurations {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  inForce(): Promotion | null {
    const [row] = this.#sql
      .exec<{ generation: number; hash: string; at: number }>('SELECT generation, hash, at FROM promotions ORDER BY generation DESC LIMIT 1')
      .toArray();
    return row ?? null;
  }

  sightings(offered: string): Sightings {
    const current = this.inForce()?.hash ?? null;
    const seenAt = (hash: string) => this.#sql.exec<{ at: number }>('SELECT last_at AS at FROM sightings WHERE hash = ?', hash).toArray()[0]?.at;
    return { current, currentSeenAt: current === null ? 0 : (seenAt(current) ?? 0), offeredBefore: seenAt(offered) !== undefined };
  }

  saw(hash: string, now: number): void {
    this.#sql.exec(
      'INSERT INTO sightings (hash, first_at, last_at) VALUES (?, ?, ?) ON CONFLICT (hash) DO UPDATE SET last_at = max(last_at, excluded.last_at)',
      hash,
      now,
      now,
    );
  }

  /** The specifications in force. */
  specifications(): CertificateSpec[] {
    return this.#sql
      .exec<{ json: string }>('SELECT json FROM specifications ORDER BY name')
      .toArray()
      .map(({ json }) => certificateSpecSchema.parse(JSON.parse(json)));
  }

  /** Of these names, those that it lists. */
  lists(names: readonly string[]): string[] {
    return this.#sql
      .exec<{ name: string }>('SELECT name FROM specifications WHERE name IN (SELECT value FROM json_each(?))', JSON.stringify(names))
      .toArray()
      .map(({ name }) => name);
  }

  /** The whole configuration in force, also while a newer bundle carries an invalid one; null before the first. */
  lastGood(): Configuration | null {
    const text = this.#sql
      .exec<{ json: string }>('SELECT json FROM configuration_parts ORDER BY part')
      .toArray()
      .map(({ json }) => json)
      .join('');
    return text === '' ? null : configurationSchema.parse(JSON.parse(text));
  }

  /** Inside the promotion's transaction. */
  put(configuration: Configuration, promotion: Promotion): void {
    this.#sql.exec('INSERT INTO promotions (generation, hash, at) VALUES (?, ?, ?)', promotion.generation, promotion.hash, promotion.at);
    this.#sql.exec('DELETE FROM promotions WHERE generation <= ?', promotion.generation - 100);
    this.#sql.exec('DELETE FROM configuration_parts');
    const text = JSON.stringify(configuration);
    for (let part = 0; part * PART_CHARACTERS < text.length; part += 1)
      this.#sql.exec('INSERT INTO configuration_parts (part, json) VALUES (?, ?)', part, text.slice(part * PART_CHARACTERS, (part + 1) * PART_CHARACTERS));
    const kept = new Map(
      this.#sql
        .exec<{ name: string; json: string }>('SELECT name, json FROM specifications')
        .toArray()
        .map((row) => [row.name, row.json]),
    );
    for (const spec of configuration.certificates) {
      const json = JSON.stringify(spec);
      if (kept.get(spec.name) !== json)
        this.#sql.exec('INSERT INTO specifications (name, json) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET json = excluded.json', spec.name, json);
      kept.delete(spec.name);
    }
    for (const name of kept.keys()) this.#sql.exec('DELETE FROM specifications WHERE name = ?', name);
  }

  /** The same configuration under a higher number. */
  renumber({ generation, hash, at }: Promotion): void {
    this.#sql.exec('INSERT INTO promotions (generation, hash, at) VALUES (?, ?, ?)', generation, hash, at);
  }

  prune(now: number): void {
    this.#sql.exec('DELETE FROM sightings WHERE last_at < ?', now - FORGET_MS);
  }
}
