/**
 * The next step of a certificate: a pure function of its state and the time (DESIGN §4). The loop in `reconcile.ts` runs
 * the step's effect, persists, and asks again.
 *
 * Invariants: a failed delivery never leads to an order; an open issuance is finished on its own specification; whatever
 * was written into DNS is cleaned up before the issuance is waited on for long.
 */
import { HOUR, DAY } from '../../shared/clock.ts';
import { nextRenewal, type RenewalReason } from './renewal.ts';
import type { CertificateState, DeliveryState, Issuance } from './state.ts';

export type Step =
  | { do: 'adopt' }
  | { do: 'start'; reason: RenewalReason }
  | { do: 'ari' }
  | { do: 'order' | 'present' | 'propagate' | 'validate' | 'finalize' | 'download' | 'clean-up' }
  | { do: 'install' | 'reload' | 'verify'; delivery: string }
  /** The issuance's certificate is served everywhere it should be. */
  | { do: 'complete' }
  /** A newer certificate is due while the last one never became live everywhere. */
  | { do: 'abandon' }
  | { do: 'wait'; until: number | null };

/** A live certificate is dialled at least this often, ms; the relay's own dials come on top. */
const REVERIFY_MS = DAY;
/** A delivery that is not as it should be is looked at this often once its quick retries are used up, ms. */
export const RECHECK_MS = HOUR;

export function decide(state: CertificateState, now: number): Step {
  const { record, issuance } = state;
  if (record.retired) return retiredStep(state, now);
  if (!record.adoptionDone) {
    const until = record.adoptionFailure?.retryAt ?? 0;
    return until > now ? { do: 'wait', until } : { do: 'adopt' };
  }
  if (issuance !== null) return issuanceStep(state, issuance, now);
  return idleStep(state, now);
}

/** A removed certificate issues nothing any more; what its last issuance left in DNS still goes. */
function retiredStep(state: CertificateState, now: number): Step {
  const { issuance } = state;
  if (issuance === null) return { do: 'wait', until: null };
  if (!issuance.cleaned) return issuance.cleanUpRetryAt > now ? { do: 'wait', until: issuance.cleanUpRetryAt } : { do: 'clean-up' };
  return { do: 'abandon' };
}

function issuanceStep(state: CertificateState, issuance: Issuance, now: number): Step {
  if (issuance.issued !== null) return deliveryStep(state, issuance, now);
  const until = Math.max(issuance.waitUntil, issuance.failure?.retryAt ?? 0);
  if (until > now) {
    if (cleanUpPending(issuance) && issuance.order === null) return cleanUpOr(issuance, now, until);
    return { do: 'wait', until };
  }
  if (issuance.order === null && cleanUpPending(issuance)) return cleanUpOr(issuance, now, now);
  switch (issuance.phase) {
    case 'order':
    case 'present':
    case 'propagate':
    case 'validate':
    case 'finalize':
    case 'download':
      return { do: issuance.phase };
    default:
      return { do: 'order' };
  }
}

/** Records of a dropped order go first; when the vendor is down, its retry time is waited for together with the rest. */
function cleanUpOr(issuance: Issuance, now: number, until: number): Step {
  if (issuance.cleanUpRetryAt <= now) return { do: 'clean-up' };
  return { do: 'wait', until: until > now ? Math.min(until, issuance.cleanUpRetryAt) : issuance.cleanUpRetryAt };
}

function cleanUpPending(issuance: Issuance): boolean {
  return !issuance.cleaned && issuance.placed.length > 0;
}

function deliveryStep(state: CertificateState, issuance: Issuance, now: number): Step {
  const open = state.deliveries.filter((delivery) => delivery.step !== 'done');
  const ready = (step: DeliveryState['step']) => open.find((delivery) => delivery.step === step && delivery.retryAt <= now);
  const urgent = ready('install') ?? ready('reload');
  if (urgent !== undefined) return deliver(urgent);
  // The proxy needs a moment to load the pair: the time to tidy DNS in.
  if (cleanUpPending(issuance) && issuance.cleanUpRetryAt <= now) return { do: 'clean-up' };
  const verify = ready('verify');
  if (verify !== undefined) return deliver(verify);
  if (open.length === 0 && !cleanUpPending(issuance)) return { do: 'complete' };
  if (supersededWhileDelivering(state, issuance, now)) return { do: 'abandon' };
  const times = open.map((delivery) => delivery.retryAt);
  if (cleanUpPending(issuance)) times.push(issuance.cleanUpRetryAt);
  return { do: 'wait', until: Math.min(...times) };
}

/** The certificate being delivered has itself become due (by its own lifetime), or a person insists. */
function supersededWhileDelivering(state: CertificateState, issuance: Issuance, now: number): boolean {
  if (issuance.issued === null) return false;
  if (state.record.demand !== null) return true;
  const candidate = { issuance: issuance.id, chain: '', leaf: issuance.issued.leaf, authority: issuance.authority, accountUrl: null, keyType: issuance.spec.keyType, since: now, adopted: false };
  return nextRenewal(now, candidate, null, state.record.spec).at <= now;
}

function deliver(delivery: DeliveryState): Step {
  return delivery.step === 'done' ? { do: 'wait', until: null } : { do: delivery.step, delivery: delivery.id };
}

function idleStep(state: CertificateState, now: number): Step {
  const { record, live, ari } = state;
  if (record.demand !== null) return { do: 'start', reason: record.demand };
  const renewal = nextRenewal(now, live, ari, record.spec);
  if (renewal.at <= now) return { do: 'start', reason: renewal.reason };
  if (ari !== null && ari.nextCheckAt <= now) return { do: 'ari' };
  const work = state.deliveries.filter((delivery) => delivery.step !== 'done');
  const ready = work.find((delivery) => delivery.retryAt <= now);
  if (ready !== undefined) return deliver(ready);
  const stale = state.deliveries.find((delivery) => delivery.step === 'done' && reverifyAt(delivery) <= now);
  if (stale !== undefined) return { do: 'verify', delivery: stale.id };
  return {
    do: 'wait',
    until: Math.min(
      renewal.at,
      ari?.nextCheckAt ?? Number.POSITIVE_INFINITY,
      ...work.map((delivery) => delivery.retryAt),
      ...state.deliveries.filter((delivery) => delivery.step === 'done').map(reverifyAt),
    ),
  };
}

function reverifyAt(delivery: DeliveryState): number {
  return Math.max(delivery.retryAt, (delivery.verifiedAt ?? 0) + REVERIFY_MS);
}
