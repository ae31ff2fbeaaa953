/**
 * When a certificate is due (DESIGN §4): one pure function. Nothing in here knows 30 or 90 days; every bound is a share
 * of the certificate's own lifetime.
 */
import { DAY } from '../../shared/clock.ts';
import type { CertificateSpec } from '../config/configuration.ts';
import type { Ari, Live } from './state.ts';

/** Stable reason constants: stored with each issuance, shown and sent in notifications. */
export const REASONS = {
  missing: 'missing',
  specChanged: 'spec-changed',
  incident: 'ari-window-in-the-past',
  ariSelected: 'ari-selected-time',
  backstop: 'backstop',
  emergency: 'emergency',
  forced: 'forced',
  keyNotKept: 'key-not-kept',
} as const;
export type RenewalReason = (typeof REASONS)[keyof typeof REASONS];

/** Below this lifetime the backstop is half of it, not a third (Let's Encrypt's guidance for short-lived certificates). */
const SHORT_LIFETIME_MS = 10 * DAY;

export interface Renewal {
  /** Unix ms; not after `now` means due. */
  at: number;
  reason: RenewalReason;
}

/**
 * The time at which the next order becomes due, and why. The earliest of: changed specification, an ARI window in the
 * past, the selected time inside the ARI window (RFC 9773 §4.2), and the backstop that holds when ARI is dead.
 */
export function nextRenewal(now: number, live: Live | null, ari: Ari | null, spec: CertificateSpec): Renewal {
  if (live === null) return { at: now, reason: REASONS.missing };
  if (specificationChanged(live, spec)) return { at: now, reason: REASONS.specChanged };
  const lifetime = live.leaf.notAfter - live.leaf.notBefore;
  const left = live.leaf.notAfter - now;
  if (left <= lifetime / 20) return { at: now, reason: REASONS.emergency };
  const backstop = Math.round(live.leaf.notAfter - lifetime * (lifetime < SHORT_LIFETIME_MS ? 1 / 2 : 1 / 3));
  const own = ari !== null && ari.certId === live.leaf.certId ? ari : null;
  if (own !== null && own.end !== null && own.end <= now) return { at: now, reason: REASONS.incident };
  if (own !== null && own.selectedAt !== null && own.selectedAt < backstop) return { at: own.selectedAt, reason: REASONS.ariSelected };
  return { at: backstop, reason: REASONS.backstop };
}

/** Other names, or another key type where the present one is known. Targets are the deliveries' business. */
function specificationChanged(live: Live, spec: CertificateSpec): boolean {
  const have = live.leaf.names.toSorted().join(' ');
  const want = spec.domains.toSorted().join(' ');
  return have !== want || (live.keyType !== null && live.keyType !== spec.keyType);
}

/** One sentence for people. */
export function explainRenewal(renewal: Renewal): string {
  switch (renewal.reason) {
    case REASONS.missing:
      return 'There is no certificate yet.';
    case REASONS.specChanged:
      return 'Names or key type in the configuration differ from the certificate that is served.';
    case REASONS.incident:
      return 'The CA asks for an immediate replacement (its suggested window lies in the past).';
    case REASONS.ariSelected:
      return 'A moment inside the window that the CA suggests (ARI).';
    case REASONS.backstop:
      return 'Enough of its lifetime is over then, and the CA suggests no earlier time.';
    case REASONS.emergency:
      return 'Less than a twentieth of its lifetime is left.';
    case REASONS.forced:
      return 'A person asked for it.';
    case REASONS.keyNotKept:
      return 'The pair has to be delivered again, but its key is kept nowhere any more.';
  }
}
