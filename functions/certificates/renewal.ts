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
  revoked: 'revoked',
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
/** Share of the lifetime by which backstops are spread, and by which a CA may ask for a renewal after the backstop. */
const SPREAD = 1 / 50;
/** Share of the lifetime that is left when waiting is over. */
const EMERGENCY = 1 / 20;

export interface Renewal {
  /** Unix ms; not after `now` means due. */
  at: number;
  reason: RenewalReason;
}

/** When a certificate lives, and which one it is. */
type Lifespan = Pick<Live['leaf'], 'notBefore' | 'notAfter' | 'sha256'>;

/**
 * The time at which the next order becomes due, and why, in this order: changed specification, revocation, an ARI window
 * that was moved into the past, the selected time inside the ARI window (RFC 9773 §4.2), the backstop that holds when ARI
 * is dead, and the last twentieth of the lifetime.
 *
 * A selected time counts up to 2 % of the lifetime after the backstop: the windows of Let's Encrypt are two thirds ± 1 %,
 * and only an order inside its window is exempt from the limits.
 */
export function nextRenewal(now: number, live: Live | null, ari: Ari | null, spec: CertificateSpec): Renewal {
  if (live === null) return { at: now, reason: REASONS.missing };
  if (specificationChanged(live, spec)) return { at: now, reason: REASONS.specChanged };
  if (live.revoked !== null) return { at: now, reason: REASONS.revoked };
  const own = ari !== null && ari.certId === live.leaf.certId ? ari : null;
  if (own !== null && movedIntoThePast(own, now)) return { at: now, reason: REASONS.incident };
  if (isEmergency(now, live.leaf)) return { at: now, reason: REASONS.emergency };
  const selectedAt = own?.selectedAt ?? Number.POSITIVE_INFINITY;
  if (selectedAt <= latestRenewal(live.leaf)) return { at: selectedAt, reason: REASONS.ariSelected };
  return { at: spreadBackstop(live.leaf), reason: REASONS.backstop };
}

/** Whether so little is left of the lifetime that nothing is waited for any more. */
export function isEmergency(now: number, leaf: Omit<Lifespan, 'sha256'>): boolean {
  return now >= emergencyAt(leaf);
}

/** Unix ms at which the last twentieth of the lifetime begins. */
export function emergencyAt({ notBefore, notAfter }: Omit<Lifespan, 'sha256'>): number {
  return Math.ceil(notAfter - (notAfter - notBefore) * EMERGENCY);
}

/**
 * Unix ms after which no certificate is left alone while its CA works, whatever the CA suggests: 2 % of the lifetime after a
 * third of it is left (half, when it is short).
 */
export function latestRenewal({ notBefore, notAfter }: Omit<Lifespan, 'sha256'>): number {
  return Math.round(backstop({ notBefore, notAfter }) + (notAfter - notBefore) * SPREAD);
}

function backstop({ notBefore, notAfter }: Omit<Lifespan, 'sha256'>): number {
  const lifetime = notAfter - notBefore;
  return notAfter - lifetime * (lifetime < SHORT_LIFETIME_MS ? 1 / 2 : 1 / 3);
}

/** Certificates that were issued in one burst do not come due in one: each is up to 2 % of its lifetime early. */
function spreadBackstop(leaf: Lifespan): number {
  return Math.round(backstop(leaf) - (leaf.notAfter - leaf.notBefore) * SPREAD * shareOf(leaf.sha256));
}

/** In [0, 1), even and always the same for one certificate: the head of its fingerprint. */
export function shareOf(sha256: string): number {
  return Number.parseInt(sha256.slice(0, 8), 16) / 2 ** 32;
}

/** A window that has merely gone by is no incident: somebody was away. One that came as past (`phases/ari.ts`) is. */
function movedIntoThePast({ end, alertedFor }: Ari, now: number): boolean {
  return end !== null && end <= now && alertedFor !== null;
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
    case REASONS.revoked:
      return 'The certificate that is served was revoked.';
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
