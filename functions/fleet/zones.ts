/** The zones that we write to, as each last reported itself: what the page, the API and commands list without asking them. */
import { PerennialError } from '../../shared/errors.ts';
import { zoneReportSchema, type ZoneReport } from '../dns/zone-report.ts';

/** Rows of SQLite hold at most 2 MB; a report near that is broken. */
const MAX_REPORT_CHARACTERS = 1_500_000;
/** Zones of one listing. */
const MAX_LISTED = 1_000;

const storedSchema = zoneReportSchema.omit({ events: true });

/** The last report of a zone. */
export type ReportedZone = Omit<ZoneReport, 'events'>;

/** How events and rows name a zone; its object has the same name. */
export function zoneName({ provider, zoneId }: Pick<ZoneReport, 'provider' | 'zoneId'>): string {
  return `${provider}:${zoneId}`;
}

export class Zones {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /**
   * Stores a report; one that was seen before, or that a newer one has overtaken, changes nothing. A lower sequence with a
   * later time comes from a zone that lost its state and counts anew. Inside the transaction of its events.
   */
  take(report: ZoneReport): void {
    const { sequence, at } = report;
    const name = zoneName(report);
    const [known] = this.#sql.exec<{ sequence: number; at: number }>('SELECT sequence, at FROM zones WHERE name = ?', name).toArray();
    if (known !== undefined && (known.sequence === sequence || (known.sequence > sequence && known.at >= at))) return;
    const json = JSON.stringify(storedSchema.parse(report));
    if (json.length > MAX_REPORT_CHARACTERS)
      throw new PerennialError('fleet_report_too_large', `The report of the zone ${report.zoneName} is larger than ${MAX_REPORT_CHARACTERS} characters.`);
    this.#sql.exec(
      'INSERT OR REPLACE INTO zones (name, sequence, at, stopped, json) VALUES (?, ?, ?, ?, ?)',
      name,
      sequence,
      at,
      report.health.stopped === null ? 0 : 1,
      json,
    );
  }

  /** Those that need somebody first, then by name. */
  list(): ReportedZone[] {
    const rows = this.#sql.exec<{ json: string }>('SELECT json FROM zones ORDER BY stopped DESC, name LIMIT ?', MAX_LISTED).toArray();
    return rows
      .map(({ json }) => storedSchema.parse(JSON.parse(json)))
      .toSorted((a, b) => urgency(a) - urgency(b) || (a.zoneName < b.zoneName ? -1 : a.zoneName > b.zoneName ? 1 : 0));
  }

  /** A zone that holds nothing of ours any more is forgotten when nobody has used it for so long. */
  forgetUnused(before: number): void {
    for (const { json } of this.#sql.exec<{ json: string }>('SELECT json FROM zones WHERE at < ? AND stopped = 0', before).toArray()) {
      const zone = storedSchema.parse(JSON.parse(json));
      if (zone.health.live === 0 && zone.health.declared === null) this.#sql.exec('DELETE FROM zones WHERE name = ?', zoneName(zone));
    }
  }
}

function urgency({ health }: ReportedZone): number {
  if (health.stopped !== null) return 0;
  const failing = health.lastError !== null && health.lastError.at > (health.lastSuccessAt ?? 0);
  return failing ? 1 : 2;
}
