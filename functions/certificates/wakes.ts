/** What a wake changes: pure edits of the state, applied at the start of a run (only the alarm advances, DESIGN §4). */
import { startDelivery } from './delivery.ts';
import { REASONS } from './renewal.ts';
import type { CertificateState, WakeReason } from './state.ts';

/** @param now Unix ms. Mutates `state`. */
export function applyWake(state: CertificateState, reason: WakeReason, now: number): void {
  switch (reason) {
    case 'alarm':
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
      return;
    case 'force':
      liftBackoff(state, () => true);
      // An issuance that still asks the CA goes on; one that hangs in its delivery may be superseded.
      if (state.issuance === null || state.issuance.issued !== null) state.record.demand = REASONS.forced;
      return;
    case 'redeliver':
      liftBackoff(state, () => true);
      redeliver(state);
  }
}

/** A person may override a backoff, and nobody else. */
function liftBackoff(state: CertificateState, applies: (code: string) => boolean): void {
  const { record, issuance } = state;
  if (record.adoptionFailure !== null && applies(record.adoptionFailure.code)) record.adoptionFailure.retryAt = 0;
  if (issuance?.failure && applies(issuance.failure.code)) issuance.failure.retryAt = 0;
  for (const delivery of state.deliveries) {
    if (delivery.failure !== null && applies(delivery.failure.code)) delivery.retryAt = 0;
  }
}

/** Puts the pair on its way (or the live one) into every target again, over whatever lies there. */
function redeliver(state: CertificateState): void {
  const wanted = state.issuance?.issued?.leaf.sha256 ?? state.live?.leaf.sha256;
  if (wanted === undefined) return;
  state.deliveries = state.deliveries.map((delivery) => startDelivery(delivery, wanted, true));
}
