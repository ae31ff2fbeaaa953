/** The certificates as lists show them: one narrow row each, ordered by who needs somebody first, and the full view beside it. */
import { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';
import type { CertificateReport, CertificateView } from '../certificates/ports.ts';
import type { CertificateSpec } from '../config/configuration.ts';
import { type CertificateState, changedColumns, RANK, type Row, rowOf, type Standing } from './registry-row.ts';
import { certificateReportSchema, certificateViewSchema, MAX_VIEW_CHARACTERS } from './reports.ts';
import { OVERDUE_MS, type SweepCandidate } from './sweep.ts';

export type Tally = Record<CertificateState, number>;

export interface CertificateSummary {
  name: string;
  state: CertificateState;
  domains: string[];
  /** Unix ms, or null when nothing is live. */
  notAfter: number | null;
  /** Unix ms of the next step of an issuance, or of the next renewal. */
  dueAt: number | null;
}

export interface ListQuery {
  /** 1-based. */
  page: number;
  size: number;
  /** Part of a name or domain; '' for all. */
  query: string;
}

const rowSchema = z.object({
  name: z.string(),
  state: certificateViewSchema.shape.state,
  domains: z.string().transform((list) => (list === '' ? [] : list.split(' '))),
  not_after: z.number().nullable(),
  due_at: z.number().nullable(),
});

export class Registry {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /**
   * Stores a report; one that was seen before, or that a newer one has overtaken, changes nothing. A lower sequence with
   * a later time comes from a certificate that lost its state and counts anew. @returns the number of the last event that was
   * known of it before; events up to that one are no news, whether or not they are still in the log.
   */
  take(report: CertificateReport): number {
    const { name, sequence, at, view, events } = certificateReportSchema.parse(report);
    const known = this.#row(name);
    const anew = known !== null && known.sequence > sequence && known.reported_at < at;
    const eventsBefore = known === null || anew ? 0 : known.events_up_to;
    if (known !== null && !anew && known.sequence >= sequence) return eventsBefore;
    const json = JSON.stringify(view);
    if (json.length > MAX_VIEW_CHARACTERS)
      throw new PerennialError('fleet_view_too_large', `The view of ${name} is larger than ${MAX_VIEW_CHARACTERS} characters.`);
    // A certificate that was renamed reports its retirement and stays hidden.
    const row = {
      shown: known?.shown ?? 1,
      retired: known?.retired ?? 0,
      sequence,
      at,
      eventsUpTo: Math.max(eventsBefore, ...events.map((event) => event.sequence)),
    };
    this.#storage.transactionSync(() => {
      this.#write(view, row);
      this.#storage.sql.exec('INSERT INTO views (name, json) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET json = excluded.json', name, json);
    });
    return eventsBefore;
  }

  /** Makes a row for a certificate that has yet to report, or brings a retired one back. */
  expect(spec: CertificateSpec, generation: number): void {
    const known = this.view(spec.name);
    const view: CertificateView =
      known === null ? unreported(spec, generation) : { ...known, domains: spec.domains, state: known.state === 'retired' ? 'new' : known.state };
    const row = this.#row(spec.name);
    // -1: whatever the certificate reports first is newer.
    this.#write(view, { shown: 1, retired: 0, sequence: row?.sequence ?? -1, at: 0, eventsUpTo: row?.events_up_to ?? 0 });
    this.#storage.sql.exec(
      'INSERT INTO views (name, json) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET json = excluded.json',
      spec.name,
      JSON.stringify(view),
    );
  }

  /** @param shown false hides a certificate that goes on under another name. */
  retire(name: string, shown: boolean, now: number): void {
    const view = this.view(name);
    if (view !== null) this.#setState(name, 'retired');
    this.#storage.sql.exec(
      'UPDATE registry SET retired = 1, due_at = NULL, rank = ?, state = ?, touched_at = ? WHERE name = ?',
      RANK.retired,
      'retired',
      now,
      name,
    );
    if (!shown) this.#hide(name);
  }

  view(name: string): CertificateView | null {
    const [row] = this.#storage.sql.exec<{ json: string }>('SELECT json FROM views WHERE name = ?', name).toArray();
    return row === undefined ? null : certificateViewSchema.parse(JSON.parse(row.json));
  }

  /** Unix ms of the last report; 0 when it has yet to report. */
  reportedAt(name: string): number {
    const [row] = this.#storage.sql.exec<{ reported_at: number }>('SELECT reported_at FROM registry WHERE name = ?', name).toArray();
    return row?.reported_at ?? 0;
  }

  list({ page, size, query }: ListQuery): { rows: CertificateSummary[]; total: number } {
    const pattern = `%${query.toLowerCase().replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
    const filter = query === '' ? '' : String.raw`AND (name LIKE ? ESCAPE '\' OR domains LIKE ? ESCAPE '\')`;
    const values = query === '' ? [] : [pattern, pattern];
    const rows = this.#storage.sql
      .exec(
        `SELECT name, state, domains, not_after, due_at FROM registry WHERE shown = 1 ${filter} ORDER BY rank, name LIMIT ? OFFSET ?`,
        ...values,
        size,
        (page - 1) * size,
      )
      .toArray()
      .map(summaryOf);
    const total =
      query === ''
        ? Object.values(this.tally()).reduce((sum, count) => sum + count, 0)
        : Number(this.#storage.sql.exec(`SELECT count(*) AS total FROM registry WHERE shown = 1 ${filter}`, ...values).one()['total']);
    return { rows, total };
  }

  /** What happens next in the whole fleet, soonest first. */
  upcoming(limit: number): CertificateView[] {
    const rows = this.#storage.sql
      .exec<{ name: string }>('SELECT name FROM registry WHERE shown = 1 AND due_at IS NOT NULL ORDER BY due_at LIMIT ?', limit)
      .toArray();
    return rows.map(({ name }) => this.view(name)).filter((view) => view !== null);
  }

  /** Kept as counters: counting 10,000 rows for every look at the page would eat the Free plan's rows. */
  tally(): Tally {
    const tally: Tally = { new: 0, live: 0, 'partly-live': 0, renewing: 0, waiting: 0, failing: 0, 'needs-attention': 0, retired: 0 };
    for (const row of this.#storage.sql.exec<{ state: string; count: number }>('SELECT state, count FROM tally').toArray()) {
      const state = certificateViewSchema.shape.state.safeParse(row.state);
      if (state.success) tally[state.data] = row.count;
    }
    return tally;
  }

  /** Names that are shown and not retired. */
  names(): string[] {
    return this.#storage.sql
      .exec<{ name: string }>('SELECT name FROM registry WHERE retired = 0')
      .toArray()
      .map(({ name }) => name);
  }

  /** Of {@link names}, those behind `after` in order. */
  namesAfter(after: string, limit: number): string[] {
    return this.#storage.sql
      .exec<{ name: string }>('SELECT name FROM registry WHERE retired = 0 AND name > ? ORDER BY name LIMIT ?', after, limit)
      .toArray()
      .map(({ name }) => name);
  }

  has(name: string): boolean {
    return this.#storage.sql.exec('SELECT 1 FROM registry WHERE name = ? AND retired = 0', name).toArray().length > 0;
  }

  /** Enough rows for a sweep of `limit`: the longest overdue that were not woken since, and the least recently touched. */
  sweepCandidates(limit: number, now: number): SweepCandidate[] {
    const columns = 'SELECT name, wake_at AS wakeAt, touched_at AS touchedAt FROM registry WHERE retired = 0';
    const read = (rest: string, ...values: number[]) =>
      this.#storage.sql.exec<{ name: string; wakeAt: number | null; touchedAt: number }>(`${columns} ${rest} LIMIT ?`, ...values, limit).toArray();
    const overdue = read('AND wake_at < ? AND touched_at <= wake_at + ? ORDER BY wake_at', now - OVERDUE_MS, OVERDUE_MS);
    return [...overdue, ...read('ORDER BY touched_at')];
  }

  touch(name: string, at: number): void {
    this.#storage.sql.exec('UPDATE registry SET touched_at = ? WHERE name = ?', at, name);
  }

  /** A retired certificate is shown until it expires, or for a day when nothing of it was live. */
  forgetExpired(now: number, keepMs: number): void {
    for (const { name } of this.#storage.sql
      .exec<{ name: string }>('SELECT name FROM registry WHERE retired = 1 AND coalesce(not_after, touched_at + ?) < ?', keepMs, now)
      .toArray()) {
      this.#hide(name);
      this.#storage.sql.exec('DELETE FROM registry WHERE name = ?', name);
      this.#storage.sql.exec('DELETE FROM views WHERE name = ?', name);
    }
  }

  #row(name: string): Row | null {
    const [row] = this.#storage.sql.exec<Row & Record<string, SqlStorageValue>>('SELECT * FROM registry WHERE name = ?', name).toArray();
    return row ?? null;
  }

  /** Writes the columns that change and no others, because every index that one of them is in costs a row written. */
  #write(view: CertificateView, standing: Standing): void {
    const known = this.#row(view.name);
    const next = rowOf(view, standing, known);
    if (next.shown === 1) this.#count(next.name, next.state);
    const columns = changedColumns(known, next);
    if (columns.length === 0) return;
    const values = columns.map((column) => next[column]);
    if (known === null) this.#storage.sql.exec(`INSERT INTO registry (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`, ...values);
    else this.#storage.sql.exec(`UPDATE registry SET ${columns.map((column) => `${column} = ?`).join(', ')} WHERE name = ?`, ...values, next.name);
  }

  #setState(name: string, state: CertificateState): void {
    this.#count(name, state);
    const view = this.view(name);
    if (view !== null) this.#storage.sql.exec('UPDATE views SET json = ? WHERE name = ?', JSON.stringify({ ...view, state }), name);
  }

  /** Moves one from the counter of its row's state to `next`; null takes it out. Called before the row is written. */
  #count(name: string, next: CertificateState | null): void {
    const [row] = this.#storage.sql.exec<{ state: string; shown: number }>('SELECT state, shown FROM registry WHERE name = ?', name).toArray();
    const previous = row?.shown === 1 ? row.state : null;
    if (previous === next) return;
    if (previous !== null) this.#storage.sql.exec('UPDATE tally SET count = count - 1 WHERE state = ?', previous);
    if (next !== null) this.#storage.sql.exec('INSERT INTO tally (state, count) VALUES (?, 1) ON CONFLICT (state) DO UPDATE SET count = count + 1', next);
  }

  #hide(name: string): void {
    this.#count(name, null);
    this.#storage.sql.exec('UPDATE registry SET shown = 0 WHERE name = ?', name);
  }
}

function summaryOf(row: unknown): CertificateSummary {
  const { name, state, domains, not_after: notAfter, due_at: dueAt } = rowSchema.parse(row);
  return { name, state, domains, notAfter, dueAt };
}

/** What is shown until the certificate speaks for itself. */
function unreported(spec: CertificateSpec, generation: number): CertificateView {
  return {
    name: spec.name,
    domains: spec.domains,
    state: 'new',
    phase: 'idle',
    reason: 'It is new in the configuration and starts at once.',
    waitingFor: null,
    nextAt: null,
    renewal: null,
    ari: null,
    live: null,
    issuance: null,
    deliveries: [],
    hold: null,
    quarantined: [],
    revocation: null,
    history: [],
    zones: [],
    generation,
  };
}
