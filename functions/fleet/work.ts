/**
 * Calls to certificates, and to what keeps declared records, that are still to be made, kept in the same transaction as the decision that wants them: a crash
 * loses none, and a promotion of thousands goes out in slices. Every call is safe to repeat.
 */
import { MINUTE, SECOND } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import { wakeReasonSchema, type WakeReason } from '../certificates/state.ts';
import { certificateSpecSchema } from '../config/configuration.ts';
import type { CertificatesPort } from './ports.ts';

/** Calls made in one invocation; each is one subrequest. */
export const SLICE = 100;
const PARALLEL = 20;
const FIRST_RETRY_MS = 5 * SECOND;
const LAST_RETRY_MS = 10 * MINUTE;

interface Row extends Record<string, SqlStorageValue> {
  id: number;
  name: string;
  action: string;
  generation: number;
  attempts: number;
}

/** Hands over what the configuration of this generation declares in DNS. */
export type TellRecords = (generation: number) => Promise<void>;

export class WorkQueue {
  readonly #sql: SqlStorage;
  readonly #certificates: CertificatesPort;
  readonly #tellRecords: TellRecords;

  constructor(sql: SqlStorage, certificates: CertificatesPort, tellRecords: TellRecords) {
    this.#sql = sql;
    this.#certificates = certificates;
    this.#tellRecords = tellRecords;
  }

  /** A newer specification or retirement replaces what is still waiting for that certificate. */
  assign(name: string, action: 'apply' | 'retire', generation: number): void {
    this.#sql.exec("DELETE FROM work WHERE name = ? AND action IN ('apply', 'retire')", name);
    this.#insert(name, action, generation);
  }

  /** Of declared records only the newest declaration counts. The row has no certificate's name. */
  declare(generation: number): void {
    this.#sql.exec("DELETE FROM work WHERE action = 'declare'");
    this.#insert('', 'declare', generation);
  }

  wake(name: string, reason: WakeReason): void {
    this.#insert(name, `wake:${reason}`, 0);
  }

  /** A wake that has just failed, unless the same one waits already: it counts as its first attempt. */
  wakeLater(name: string, reason: WakeReason, now: number): void {
    const action = `wake:${reason}`;
    if (this.#sql.exec('SELECT 1 FROM work WHERE name = ? AND action = ?', name, action).toArray().length > 0) return;
    this.#sql.exec('INSERT INTO work (name, action, generation, attempts, retry_at) VALUES (?, ?, 0, 1, ?)', name, action, now + FIRST_RETRY_MS);
  }

  size(): number {
    return Number(this.#sql.exec('SELECT count(*) AS size FROM work').one()['size']);
  }

  /** Unix ms of the next call, or null. */
  nextAt(): number | null {
    const [row] = this.#sql.exec<{ at: number }>('SELECT retry_at AS at FROM work ORDER BY retry_at LIMIT 1').toArray();
    return row?.at ?? null;
  }

  /** Makes up to one slice of the calls that are due. A failed one waits, twice as long each time. */
  async run(now: number): Promise<void> {
    const rows = this.#sql
      .exec<Row>('SELECT id, name, action, generation, attempts FROM work WHERE retry_at <= ? ORDER BY retry_at, id LIMIT ?', now, SLICE)
      .toArray();
    for (let start = 0; start < rows.length; start += PARALLEL) await Promise.all(rows.slice(start, start + PARALLEL).map((row) => this.#attempt(row, now)));
  }

  async #attempt(row: Row, now: number): Promise<void> {
    try {
      await this.#call(row);
      this.#sql.exec('DELETE FROM work WHERE id = ?', row.id);
    } catch {
      const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(row.attempts, 10));
      this.#sql.exec('UPDATE work SET attempts = attempts + 1, retry_at = ? WHERE id = ?', now + wait, row.id);
    }
  }

  async #call({ name, action, generation }: Row): Promise<void> {
    if (action === 'declare') return this.#tellRecords(generation);
    if (action === 'retire') return this.#certificates.retire(name, generation);
    if (action !== 'apply') return this.#certificates.wake(name, wakeReasonSchema.parse(action.slice('wake:'.length)));
    const [row] = this.#sql.exec<{ json: string }>('SELECT json FROM specifications WHERE name = ?', name).toArray();
    if (row === undefined) throw new PerennialError('fleet_specification_missing', `The specification of ${name} is missing.`);
    return this.#certificates.apply(name, certificateSpecSchema.parse(JSON.parse(row.json)), generation);
  }

  #insert(name: string, action: string, generation: number): void {
    this.#sql.exec('INSERT INTO work (name, action, generation, attempts, retry_at) VALUES (?, ?, ?, 0, 0)', name, action, generation);
  }
}
