/**
 * What outside callers may have accepted, and only once: replay ids, idempotency keys, the cool-down of forced renewals,
 * attempts to sign in. All tables are bounded by time.
 */
import { z } from 'zod';
import { DAY, HOUR, MINUTE } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import { certificateNameSchema } from '../../shared/relay/contract.ts';
import { moment, momentAfter } from '../../shared/moment.ts';

const IDEMPOTENCY_KEEP_MS = DAY;
const OPERATION_KEEP_MS = 7 * DAY;
const SIGN_IN_WINDOW_MS = 15 * MINUTE;
const SIGN_INS_PER_CLIENT = 10;
const SIGN_INS_OVERALL = 100;
/** Cool-downs are never longer. */
const FORCED_KEEP_MS = 2 * HOUR;

export const actionRequestSchema = z.strictObject({
  /** Who asks: `webhook:<name>` or `administrator`. Keys and replay ids of different callers never meet. */
  caller: z.string().max(100),
  action: z.enum(['renew', 'force', 'reload', 'redeliver']),
  certificates: z.array(certificateNameSchema).min(1).max(100),
  /** Least time between two forced renewals of one certificate. */
  coolDownMs: z.number().int().min(0).max(FORCED_KEEP_MS),
  /** Id of a signed message, which is accepted once until `expiresAt` (Unix ms); null for callers without. */
  replay: z.strictObject({ id: z.string().max(300), expiresAt: z.number().int() }).nullable(),
  /** The caller's Idempotency-Key and the hash of what it asked for; null without a key. */
  idempotency: z.strictObject({ key: z.string().max(255), request: z.string().max(64) }).nullable(),
});
export type ActionRequest = z.infer<typeof actionRequestSchema>;

const operationSchema = z.object({ action: actionRequestSchema.shape.action, certificates: z.array(z.string()) });
export type StoredOperation = z.infer<typeof operationSchema> & { id: string; at: number };

export class Admission {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /**
   * Accepts a request or throws `webhook_replayed`, `idempotency_mismatch`, `force_cooling_down` (with `retryAt`).
   * Call inside a transaction. @param id for a new operation; unguessable, because whoever knows it may follow it.
   */
  accept(request: ActionRequest, id: string, now: number): { operation: StoredOperation; repeated: boolean } {
    const { caller, action, certificates, idempotency } = request;
    const key = idempotency === null ? null : `${caller}\n${idempotency.key}`;
    const known =
      key === null
        ? undefined
        : this.#sql
            .exec<{ request: string; operation: string }>('SELECT request, operation FROM idempotency WHERE key = ? AND expires_at > ?', key, now)
            .toArray()[0];
    if (known !== undefined) {
      const operation = this.operation(known.operation);
      if (known.request !== idempotency?.request || operation === null)
        throw new PerennialError('idempotency_mismatch', 'This Idempotency-Key was used for another request.', {
          hint: 'Use a new key for a new request, and the same key only to repeat the very same one.',
        });
      return { operation, repeated: true };
    }
    this.#refuseReplay(request, now);
    if (action === 'force') this.#coolDown(request, now);
    const operation: StoredOperation = { id, at: now, action, certificates };
    this.#sql.exec('INSERT INTO operations (id, at, json) VALUES (?, ?, ?)', id, now, JSON.stringify({ action, certificates }));
    if (key !== null)
      this.#sql.exec(
        'INSERT OR REPLACE INTO idempotency (key, request, operation, expires_at) VALUES (?, ?, ?, ?)',
        key,
        idempotency?.request ?? '',
        id,
        now + IDEMPOTENCY_KEEP_MS,
      );
    return { operation, repeated: false };
  }

  operation(id: string): StoredOperation | null {
    const [row] = this.#sql.exec<{ at: number; json: string }>('SELECT at, json FROM operations WHERE id = ?', id).toArray();
    return row === undefined ? null : { id, at: row.at, ...operationSchema.parse(JSON.parse(row.json)) };
  }

  /** Counts an attempt to sign in before its outcome is known. Throws `sign_in_limited` with `retryAt`. */
  beginSignIn(client: string, now: number): void {
    const since = now - SIGN_IN_WINDOW_MS;
    this.#sql.exec('DELETE FROM sign_ins WHERE at <= ?', since);
    const oldest = (filter: string, limit: number, ...values: string[]) =>
      this.#sql.exec<{ at: number }>(`SELECT at FROM sign_ins ${filter} ORDER BY id DESC LIMIT 1 OFFSET ?`, ...values, limit - 1).toArray()[0]?.at;
    const blockedBy = oldest('WHERE client = ?', SIGN_INS_PER_CLIENT, client) ?? oldest('', SIGN_INS_OVERALL);
    if (blockedBy !== undefined)
      throw new PerennialError('sign_in_limited', 'Too many attempts to sign in.', {
        retryable: true,
        retryAt: blockedBy + SIGN_IN_WINDOW_MS,
        hint: 'Wait a quarter of an hour and try again.',
      });
    this.#sql.exec('INSERT INTO sign_ins (client, at) VALUES (?, ?)', client, now);
  }

  /** The token was right: earlier slips of this client do not count. */
  signedIn(client: string): void {
    this.#sql.exec('DELETE FROM sign_ins WHERE client = ?', client);
  }

  prune(now: number): void {
    this.#sql.exec('DELETE FROM replays WHERE expires_at <= ?', now);
    this.#sql.exec('DELETE FROM idempotency WHERE expires_at <= ?', now);
    this.#sql.exec('DELETE FROM operations WHERE at < ?', now - OPERATION_KEEP_MS);
    this.#sql.exec('DELETE FROM forced WHERE at < ?', now - FORCED_KEEP_MS);
  }

  #refuseReplay({ caller, replay }: ActionRequest, now: number): void {
    if (replay === null) return;
    const id = `${caller}\n${replay.id}`;
    if (this.#sql.exec('SELECT 1 FROM replays WHERE id = ? AND expires_at > ?', id, now).toArray().length > 0)
      throw new PerennialError('webhook_replayed', 'A message with this webhook-id was accepted before.', {
        hint: 'Give every message an id of its own; add an Idempotency-Key when you repeat one after a lost answer.',
      });
    this.#sql.exec('INSERT OR REPLACE INTO replays (id, expires_at) VALUES (?, ?)', id, replay.expiresAt);
  }

  #coolDown({ certificates, coolDownMs }: ActionRequest, now: number): void {
    for (const name of certificates) {
      const at = this.#sql.exec<{ at: number }>('SELECT at FROM forced WHERE name = ?', name).toArray()[0]?.at;
      if (at !== undefined && at + coolDownMs > now)
        throw new PerennialError(
          'force_cooling_down',
          `A renewal of ${name} was forced at ${moment(at)}; the next one may be forced at ${momentAfter(at + coolDownMs)}.`,
          {
            retryable: true,
            retryAt: at + coolDownMs,
            hint: 'A renewal that is due needs no force; ask without it.',
          },
        );
    }
    for (const name of certificates) this.#sql.exec('INSERT INTO forced (name, at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at', name, now);
  }
}
