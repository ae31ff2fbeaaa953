/** The narrow row that lists and the watchdog read of a certificate: a pure projection of its last report. */
import { HOUR, MINUTE } from '../../shared/clock.ts';
import type { CertificateView } from '../certificates/ports.ts';

export type CertificateState = CertificateView['state'];

/** Who needs somebody comes first. */
export const RANK: Readonly<Record<CertificateState, number>> = {
  'needs-attention': -1,
  failing: 0,
  waiting: 1,
  'partly-live': 2,
  renewing: 3,
  new: 4,
  live: 5,
  retired: 6,
};

/** As it is stored. */
export interface Row {
  name: string;
  shown: number;
  retired: number;
  rank: number;
  state: CertificateState;
  /** Separated by blanks. */
  domains: string;
  /** Unix ms, as every time here. */
  not_after: number | null;
  due_at: number | null;
  wake_at: number | null;
  touched_at: number;
  reported_at: number;
  sequence: number;
  events_up_to: number;
}

/** What a row has beside the view. */
export interface Standing {
  shown: number;
  retired: number;
  sequence: number;
  /** Unix ms of the report; 0 for none. */
  at: number;
  eventsUpTo: number;
}

/**
 * Times that only the watchdog reads may lag behind by this much, ms: each that moves rewrites an index, and within an issuance
 * both move with every report. The first stays well below `OVERDUE_MS`.
 */
const WAKE_GRAIN_MS = MINUTE;
const TOUCH_GRAIN_MS = HOUR;

export function rowOf(view: CertificateView, { shown, retired, sequence, at, eventsUpTo }: Standing, known: Row | null): Row {
  const { name, domains, live, nextAt, renewal, phase } = view;
  const state = retired === 1 ? 'retired' : view.state;
  const stopped = state === 'needs-attention' && nextAt === null;
  const touchedAt = known?.touched_at ?? 0;
  return {
    name,
    shown,
    retired,
    rank: RANK[state],
    state,
    domains: domains.join(' '),
    not_after: live?.notAfter ?? null,
    due_at: state === 'retired' || stopped ? null : nextAt !== null && phase !== 'idle' ? nextAt : (renewal?.at ?? nextAt),
    wake_at: known?.wake_at != null && nextAt !== null && hardlyLater(known.wake_at, nextAt, WAKE_GRAIN_MS) ? known.wake_at : nextAt,
    touched_at: hardlyLater(touchedAt, at, TOUCH_GRAIN_MS) ? touchedAt : Math.max(touchedAt, at),
    reported_at: Math.max(known?.reported_at ?? 0, at),
    sequence,
    events_up_to: eventsUpTo,
  };
}

export function changedColumns(known: Row | null, next: Row): (keyof Row)[] {
  return (Object.keys(next) as (keyof Row)[]).filter((column) => known?.[column] !== next[column]);
}

function hardlyLater(known: number, next: number, grain: number): boolean {
  return known <= next && next - known < grain;
}
