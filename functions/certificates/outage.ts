/** What a lifetime can bear: arithmetic, for reports and documentation. Pure. */
import { HOUR } from '../../shared/clock.ts';
import { latestRenewal } from './renewal.ts';

/** What a renewal may take once its CA is back, ms: a slow DNS vendor's propagation. */
const RENEWAL_MS = HOUR;

/**
 * The longest outage of its only CA, ms, that a certificate of this lifetime is sure to survive, wherever in its life the
 * outage falls. The worst case begins in the moment at which the renewal is due at the latest; the waits between the tries
 * (`backoff.ts`) shrink with the life that is left, so that one of them always falls into the time after the outage.
 * @param lifetime ms from notBefore to notAfter.
 */
export function survivedOutage(lifetime: number): number {
  return Math.max(0, lifetime - latestRenewal({ notBefore: 0, notAfter: lifetime }) - RENEWAL_MS);
}
