/** What the parts of the whole-zone writer share: one zone's ledger and documents, its vendor's calls, and what time it is. */
import type { Clock } from '../../shared/clock.ts';
import type { HostRow } from '../../shared/namecheap/host-table.ts';
import { DnsError } from './dns-error.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import type { TableCalls } from './table-calls.ts';
import { answeredFor } from './table-plan.ts';
import type { Stopped } from './table-state.ts';
import type { TableStore } from './table-store.ts';
import type { ZoneEvent } from './zone-report.ts';

export type RaiseEvent = (kind: string, severity: ZoneEvent['severity'], message: string) => void;

export interface TableContext {
  ledger: Ledger;
  store: TableStore;
  calls: TableCalls;
  clock: Clock;
  /** This life of the object: an intent with another holder was left by a predecessor. */
  holder: string;
  raise: RaiseEvent;
  /** What public DNS names as the zone's servers; null when nobody can tell. */
  nameServers: (zone: string) => Promise<string[] | null>;
}

/** Rows of one zone: a thousand declared ones, and the challenges. */
const MAX_ROWS = 10_000;
/** Characters of a message's lines: an event is read on a telephone, the page has them all. */
const MAX_LINES_LENGTH = 3_000;

export function zoneName({ ledger }: TableContext): string {
  return ledger.zone()?.zone.name ?? '';
}

/** Rows that may stand for a record in the zone. */
export function liveEntries({ ledger }: TableContext): LedgerEntry[] {
  return ledger.live(MAX_ROWS);
}

export function isOurs(context: TableContext): (row: HostRow) => boolean {
  return answeredFor(liveEntries(context), zoneName(context));
}

/** What gets a stopped zone going again. With the number: a restore that failed leaves a newer snapshot, of what is wrong. */
export function restoreCommand(zone: string, snapshot: number | null): string {
  return `npm run dns -- restore ${zone}${snapshot === null ? '' : ` ${snapshot}`}`;
}

/** Refuses further writes until a person has looked, and calls one. What a zone was before it was stopped first is what helps. */
export function stop(context: TableContext, { message, lines, snapshot }: Omit<Stopped, 'at'>): void {
  const { store, ledger, clock } = context;
  store.setStopped({ at: clock(), message, lines, snapshot: store.stopped()?.snapshot ?? snapshot });
  store.outdate();
  store.update({ doubt: null, pause: null, rounds: 0, burst: null });
  const error = stoppedError(context);
  ledger.noteFailure(error.toData(), clock());
  context.raise('zone_stopped', 'critical', `${message}\n${shortened(lines)}\n${error.hint ?? ''}`);
}

export function stoppedError(context: TableContext): DnsError {
  const zone = zoneName(context);
  const { message = '', snapshot = null } = context.store.stopped() ?? {};
  return new DnsError('dns_zone_stopped', `Nothing is written to ${zone}: ${message}`, {
    hint: `Look at the difference, then \`${restoreCommand(zone, snapshot)}\` puts the zone back as it was, or \`npm run dns -- release ${zone}\` goes on with it as it is.`,
    details: { zone },
  });
}

function shortened(lines: readonly string[]): string {
  const shown: string[] = [];
  let length = 0;
  for (const line of lines) {
    length += line.length + 1;
    if (length > MAX_LINES_LENGTH) return [...shown, `… and ${lines.length - shown.length} more lines on the status page`].join('\n');
    shown.push(line);
  }
  return shown.join('\n');
}
