/**
 * The next step of a certificate: a pure function of its state and the time (DESIGN §4). The loop in `reconcile.ts` runs
 * the step's effect, persists, and asks again.
 *
 * Invariants: a failed delivery never leads to an order; an open issuance is finished on its own specification; whatever
 * was written into DNS is cleaned up before the issuance is waited on for long.
 */
import { DAY } from '../../shared/clock.ts';
import { nextRenewal, REASONS, type Renewal, type RenewalReason } from './renewal.ts';
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
  // Records of a dropped order go first; they must not stand in the way of the next one.
  if (issuance.order === null && cleanUpPending(issuance) && issuance.cleanUpRetryAt <= now) return { do: 'clean-up' };
  const until = Math.max(issuance.waitUntil, issuance.failure?.retryAt ?? 0);
  if (until > now) return whileWaiting(state, issuance, now, until);
  switch (issuance.phase) {
    case 'order':
    case 'present':
    case 'propagate':
    case 'validate':
    case 'finalize':
    case 'download':
      return { do: issuance.phase };
    default:
      // An order that exists is never replaced for want of a phase.
      return { do: issuance.order === null ? 'order' : 'validate' };
  }
}

/** A renewal that waits, perhaps for days, does not stop the live certificate from being looked after. */
function whileWaiting(state: CertificateState, issuance: Issuance, now: number, until: number): Step {
  const care = careForLive(state, now);
  if (care.do !== 'wait') return care;
  const times = [until, care.until ?? until];
  if (issuance.order === null && cleanUpPending(issuance)) times.push(issuance.cleanUpRetryAt);
  return { do: 'wait', until: Math.min(...times) };
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
  // Clean-up was tried before the first dial; if the vendor is down, the zone's own janitor goes on with it.
  if (open.length === 0) return { do: 'complete' };
  if (supersededWhileDelivering(state, issuance, now)) return { do: 'abandon' };
  const times = open.map((delivery) => delivery.retryAt);
  if (cleanUpPending(issuance)) times.push(issuance.cleanUpRetryAt);
  return { do: 'wait', until: Math.min(...times) };
}

/** The certificate being delivered has itself become due (by its own lifetime), or a person insists. */
function supersededWhileDelivering(state: CertificateState, issuance: Issuance, now: number): boolean {
  if (issuance.issued === null) return false;
  if (state.record.demand !== null && state.deliveries.some((delivery) => delivery.failure !== null)) return true;
  const candidate = {
    issuance: issuance.id,
    chain: '',
    leaf: issuance.issued.leaf,
    authority: issuance.authority,
    accountUrl: null,
    keyType: issuance.spec.keyType,
    since: now,
    adopted: false,
    why: null,
    authorizations: [],
    revoked: null,
  };
  return nextRenewal(now, candidate, null, state.record.spec).at <= now;
}

function deliver(delivery: DeliveryState): Step {
  return delivery.step === 'done' ? { do: 'wait', until: null } : { do: delivery.step, delivery: delivery.id };
}

function idleStep(state: CertificateState, now: number): Step {
  const { ari } = state;
  const renewal = nextIssuance(state, now);
  if (renewal.at <= now) return { do: 'start', reason: renewal.reason };
  if (ari !== null && ari.nextCheckAt <= now) return { do: 'ari' };
  const care = careForLive(state, now);
  if (care.do !== 'wait') return care;
  return { do: 'wait', until: Math.min(renewal.at, ari?.nextCheckAt ?? Number.POSITIVE_INFINITY, care.until ?? Number.POSITIVE_INFINITY) };
}

/** The next issuance as the clock, a person or a lost key want it, held back by the loop guard. */
export function nextIssuance({ record, live, ari }: CertificateState, now: number): Renewal {
  if (record.demand === 'forced') return { at: now, reason: record.demand };
  const renewal = record.demand === null ? nextRenewal(now, live, ari, record.spec) : { at: now, reason: record.demand };
  return renewal.reason === REASONS.specChanged ? renewal : { ...renewal, at: Math.max(renewal.at, record.guardedUntil) };
}

/** Deliveries of the live certificate: work that is due, else the daily dial; `until` null without any delivery. */
function careForLive(state: CertificateState, now: number): Step {
  if (state.live === null) return { do: 'wait', until: null };
  const due = (delivery: DeliveryState) => (delivery.step === 'done' ? reverifyAt(delivery) : delivery.retryAt);
  const ready =
    state.deliveries.find((delivery) => delivery.step !== 'done' && due(delivery) <= now) ?? state.deliveries.find((delivery) => due(delivery) <= now);
  if (ready !== undefined) return { do: ready.step === 'done' ? 'verify' : ready.step, delivery: ready.id };
  return { do: 'wait', until: state.deliveries.length === 0 ? null : Math.min(...state.deliveries.map(due)) };
}

function reverifyAt(delivery: DeliveryState): number {
  return Math.max(delivery.retryAt, (delivery.verifiedAt ?? 0) + REVERIFY_MS);
}
