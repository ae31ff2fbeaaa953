/** What a wake changes: pure edits of the state, applied at the start of a run (only the alarm advances, DESIGN §4). */
import { startDelivery } from './delivery.ts';
import { REASONS } from './renewal.ts';
import type { CertificateState, Failure, WakeReason } from './state.ts';

/** @param now Unix ms. Mutates `state`. */
export function applyWake(state: CertificateState, reason: WakeReason, now: number): void {
  switch (reason) {
    case 'alarm':
      // Somebody has left a place at the CA for it, or there is news for the next step: an order that waits for its turn looks again.
      if (state.issuance?.phase === 'order' && state.issuance.intent === null) state.issuance.waitUntil = 0;
      return;
    case 'sweep':
    case 'configuration':
      return;
    case 'relay-connected':
      // What failed for want of this relay can go on at once; other backoffs stand.
      liftBackoff(state, (code) => code.startsWith('relay_') || code === 'dns_relay_missing');
      return;
    case 'served-changed':
      for (const delivery of state.deliveries) {
        if (delivery.step !== 'done') delivery.retryAt = Math.min(delivery.retryAt, now);
        else delivery.verifiedAt = 0;
      }
      return;
    case 'renew':
      liftBackoff(state, () => true);
      liftHold(state, now);
      return;
    case 'force':
      liftBackoff(state, () => true);
      liftHold(state, now);
      // An issuance that still asks the CA goes on; one that hangs in its delivery may be superseded.
      if (state.issuance === null || state.issuance.issued !== null) state.record.demand = REASONS.forced;
      return;
    case 'redeliver':
      liftBackoff(state, () => true);
      redeliver(state);
  }
}

/**
 * A person may override a backoff, and nobody else; what had stopped gets one more try, because its count stays.
 */
function liftBackoff(state: CertificateState, applies: (code: string) => boolean): void {
  const { record, issuance, deliveries } = state;
  const lift = (failure: Failure | null | undefined): boolean => {
    if (!failure || !applies(failure.code)) return false;
    failure.retryAt = 0;
    failure.stopped = false;
    return true;
  };
  lift(record.adoptionFailure);
  lift(issuance?.failure);
  lift(record.revocation?.failure);
  for (const delivery of deliveries) if (lift(delivery.failure)) delivery.retryAt = 0;
}

/** Nor does what holds the next issuance back stand against a person; what is due starts now, and not a moment later (`decide.ts`). */
function liftHold({ record }: CertificateState, now: number): void {
  record.guardedUntil = now;
  if (record.hold === null) return;
  record.hold.retryAt = 0;
  record.hold.stopped = false;
}

/** Puts the pair on its way (or the live one) into every target again, over whatever lies there. */
function redeliver(state: CertificateState): void {
  const wanted = state.issuance?.issued?.leaf.sha256 ?? state.live?.leaf.sha256;
  if (wanted === undefined) return;
  state.deliveries = state.deliveries.map((delivery) => startDelivery(delivery, wanted, true));
}
