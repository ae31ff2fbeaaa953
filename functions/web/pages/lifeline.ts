/**
 * The life of a certificate as a line from `notBefore` to `notAfter`: how much is spent, where its renewal is due, how
 * urgent it is. Fractions are of the lifetime; nothing here knows 30 or 90 days.
 */
import { DAY, HOUR } from '../../../shared/clock.ts';
import type { CertificateView } from '../../certificates/ports.ts';

/** `fresh` until its renewal is due, `due` after that, `critical` in the last tenth of its life. */
export type Urgency = 'fresh' | 'due' | 'critical' | 'expired';

export interface Lifeline {
  notBefore: number;
  notAfter: number;
  /** 0 at `notBefore`, 1 at `notAfter`. */
  spent: number;
  /** Where the renewal is due, 0 to 1; null when none is planned. */
  renewal: number | null;
  urgency: Urgency;
  /** What is left, split for setting it large: `61` `days`, `5` `hours`; `0` when expired. */
  left: { value: number; unit: string };
  /** Lifetime in whole days, at least 1. */
  lifetimeDays: number;
}

/** Share of the lifetime below which a certificate that was not renewed is critical. */
const CRITICAL_SHARE = 0.1;

export function lifelineOf(now: number, live: NonNullable<CertificateView['live']>, renewal: CertificateView['renewal']): Lifeline {
  const lifetime = Math.max(1, live.notAfter - live.notBefore);
  const place = (at: number): number => Math.min(1, Math.max(0, (at - live.notBefore) / lifetime));
  const remaining = live.notAfter - now;
  return {
    notBefore: live.notBefore,
    notAfter: live.notAfter,
    spent: place(now),
    renewal: renewal === null ? null : place(renewal.at),
    urgency: urgencyOf(now, remaining, lifetime, renewal),
    left: remainder(remaining),
    lifetimeDays: Math.max(1, Math.round(lifetime / DAY)),
  };
}

function urgencyOf(now: number, remaining: number, lifetime: number, renewal: CertificateView['renewal']): Urgency {
  if (remaining <= 0) return 'expired';
  if (remaining <= lifetime * CRITICAL_SHARE) return 'critical';
  return renewal !== null && renewal.at <= now ? 'due' : 'fresh';
}

/** Whole days above two days, else whole hours, so that the last day is not shown as `0 days`. */
function remainder(remaining: number): Lifeline['left'] {
  if (remaining <= 0) return { value: 0, unit: 'days' };
  if (remaining >= 2 * DAY) return { value: Math.floor(remaining / DAY), unit: 'days' };
  const hours = Math.floor(remaining / HOUR);
  return { value: hours, unit: hours === 1 ? 'hour' : 'hours' };
}
