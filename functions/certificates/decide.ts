/**
 * The next step of a certificate: a pure function of its state and the time (DESIGN §4). The loop in `reconcile.ts` runs
 * the step's effect, persists, and asks again.
 *
 * Invariants: a failed delivery never leads to an order; an open issuance is finished on its own specification; whatever
 * was written into DNS is cleaned up before the issuance is waited on for long.
 */
import { DAY, MINUTE } from '../../shared/clock.ts';
import { emergencyAt, nextRenewal, REASONS, type Renewal, type RenewalReason, shareOf } from './renewal.ts';
import { holdsCompletion, issuesForCompromisedKey, revocationAt } from './revocation.ts';
import { rollbackPending } from './rollback.ts';
import type { CertificateState, DeliveryState, Failure, Issuance, Live } from './state.ts';

export type Step =
  | { do: 'adopt' }
  | { do: 'start'; reason: RenewalReason }
  /** A start that somebody slept through waits for its own moment, so that a fleet does not start in one instant. */
  | { do: 'defer'; until: number }
  | { do: 'ari' }
  /** A person wants the live certificate revoked. */
  | { do: 'revoke' }
  /** Authorizations of the live certificate are given up, some at a time. */
  | { do: 'deactivate' }
  | { do: 'order' | 'present' | 'propagate' | 'validate' | 'finalize' | 'download' | 'clean-up' }
  | { do: 'install' | 'reload' | 'verify' | 'roll-back'; delivery: string }
  /** The issuance's certificate was rolled back somewhere: it cannot become live any more. */
  | { do: 'withdraw' }
  /** The issuance's certificate is served everywhere it should be. */
  | { do: 'complete' }
  /** A newer certificate is due while the last one never became live everywhere. */
  | { do: 'abandon' }
  /** `until` null: nothing is planned. */
  | { do: 'wait'; until: number | null };

/** A live certificate is dialled at least this often, ms; the relay's own dials come on top. */
const REVERIFY_MS = DAY;
/** A start so late was slept through: alarms fire within seconds. */
const LATE_MS = 5 * MINUTE;
/** Over how long late starts are spread, ms; the shorter one when a tenth of the lifetime is left. */
const SPREAD_MS = 15 * MINUTE;
const URGENT_SPREAD_MS = 2 * MINUTE;

/** An issuance whose certificate is in the hands of the deliveries. */
type Delivering = Issuance & { issued: NonNullable<Issuance['issued']> };

export function decide(state: CertificateState, now: number): Step {
  const revokeAt = revocationAt(state);
  if (revokeAt === null) return lifeStep(state, now);
  if (revokeAt <= now) return { do: 'revoke' };
  const step = lifeStep(state, now);
  return step.do === 'wait' ? { do: 'wait', until: Math.min(step.until ?? revokeAt, revokeAt) } : step;
}

function lifeStep(state: CertificateState, now: number): Step {
  const { record, issuance } = state;
  if (record.retired) return retiredStep(state, now);
  if (!record.adoptionDone) {
    const until = nextTry(record.adoptionFailure);
    return until > now ? waitUntil(until) : { do: 'adopt' };
  }
  if (issuance !== null) return issuanceStep(state, issuance, now);
  return idleStep(state, now);
}

/** A removed certificate issues nothing any more; what its last issuance left in DNS still goes. */
function retiredStep(state: CertificateState, now: number): Step {
  const { issuance } = state;
  if (issuance === null) return { do: 'wait', until: null };
  return tidy(issuance, now) ?? { do: 'abandon' };
}

/** What an issuance that is given up left in DNS goes first; null when nothing is there. */
function tidy(issuance: Issuance, now: number): Step | null {
  if (issuance.cleaned) return null;
  return issuance.cleanUpRetryAt > now ? { do: 'wait', until: issuance.cleanUpRetryAt } : { do: 'clean-up' };
}

/** Unix ms of the next try; never, once trying has stopped. */
function nextTry(failure: Failure | null): number {
  if (failure === null) return 0;
  return failure.stopped ? Number.POSITIVE_INFINITY : failure.retryAt;
}

function waitUntil(...times: number[]): Step {
  const until = Math.min(...times);
  return { do: 'wait', until: Number.isFinite(until) ? until : null };
}

function issuanceStep(state: CertificateState, issuance: Issuance, now: number): Step {
  if (issuesForCompromisedKey(state)) return tidy(issuance, now) ?? { do: 'abandon' };
  const { issued } = issuance;
  if (issued !== null) return deliveryStep(state, { ...issuance, issued }, now);
  // Records of a dropped order go first; they must not stand in the way of the next one.
  if (recordsOfNoUse(issuance) && issuance.cleanUpRetryAt <= now) return { do: 'clean-up' };
  if (givesWay(state, issuance)) return { do: 'abandon' };
  const until = Math.max(issuance.waitUntil, nextTry(issuance.failure));
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
  const deactivateAt = deactivationAt(state);
  if (deactivateAt <= now) return { do: 'deactivate' };
  return waitUntil(until, care.until ?? until, deactivateAt, recordsOfNoUse(issuance) ? issuance.cleanUpRetryAt : until);
}

/** Nobody will look at them any more: their order is gone, or nothing is tried on it. */
function recordsOfNoUse(issuance: Issuance): boolean {
  return cleanUpPending(issuance) && (issuance.order === null || issuance.failure?.stopped === true);
}

/**
 * An issuance that fails makes room for a changed specification instead of failing on the old one: when it has stopped, has
 * spent no order, or needs a person, whose answer the change may be. One that may have issued is finished first.
 */
function givesWay({ record }: CertificateState, issuance: Issuance): boolean {
  const { failure, order, spec, generation } = issuance;
  if (failure === null || record.generation <= generation || JSON.stringify(record.spec) === JSON.stringify(spec)) return false;
  if (failure.stopped || order === null) return true;
  return failure.attention && order.status !== 'processing' && order.status !== 'valid';
}

function cleanUpPending(issuance: Issuance): boolean {
  return !issuance.cleaned && issuance.placed.length > 0;
}

function deliveryStep(state: CertificateState, issuance: Delivering, now: number): Step {
  const open = state.deliveries.filter((delivery) => delivery.step !== 'done');
  const ready = (step: DeliveryState['step']) => open.find((delivery) => delivery.step === step && deliveryDue(delivery) <= now);
  const back = open.find((delivery) => rollbackPending(delivery) && deliveryDue(delivery) <= now);
  if (back !== undefined) return deliver(back);
  if (state.record.quarantined.includes(issuance.issued.leaf.sha256)) return { do: 'withdraw' };
  const urgent = ready('install') ?? ready('reload');
  if (urgent !== undefined) return deliver(urgent);
  // The proxy needs a moment to load the pair: the time to tidy DNS in.
  if (cleanUpPending(issuance) && issuance.cleanUpRetryAt <= now) return { do: 'clean-up' };
  const verify = ready('verify');
  if (verify !== undefined) return deliver(verify);
  // Clean-up was tried before the first dial; if the vendor is down, the zone's own janitor goes on with it.
  const revokeAt = revocationAt(state);
  if (open.length === 0) return revokeAt !== null && holdsCompletion(state) ? waitUntil(revokeAt) : { do: 'complete' };
  const superseded = supersededAt(state, issuance.issued.leaf, now);
  if (superseded <= now) return { do: 'abandon' };
  const times = open.map(deliveryDue);
  if (cleanUpPending(issuance)) times.push(issuance.cleanUpRetryAt);
  return waitUntil(...times, superseded);
}

/** Unix ms of the next work on a delivery that is under way; never, once trying has stopped. */
function deliveryDue(delivery: DeliveryState): number {
  return delivery.failure?.stopped === true ? Number.POSITIVE_INFINITY : delivery.retryAt;
}

/** Unix ms at which the certificate being delivered becomes due itself (by its own lifetime); now, when a person insists. */
function supersededAt(state: CertificateState, leaf: Live['leaf'], now: number): number {
  if (state.record.demand !== null && state.deliveries.some((delivery) => delivery.failure !== null)) return now;
  const candidate = {
    issuance: null,
    chain: '',
    leaf,
    authority: null,
    accountUrl: null,
    keyType: state.issuance?.spec.keyType ?? null,
    since: now,
    adopted: false,
    why: null,
    authorizations: [],
    revoked: null,
  };
  return nextRenewal(now, candidate, null, state.record.spec).at;
}

function deliver(delivery: DeliveryState): Step {
  if (rollbackPending(delivery)) return { do: 'roll-back', delivery: delivery.id };
  return delivery.step === 'done' ? { do: 'wait', until: null } : { do: delivery.step, delivery: delivery.id };
}

function idleStep(state: CertificateState, now: number): Step {
  const renewal = nextIssuance(state, now);
  if (renewal.at <= now) return lateStart(state, renewal, now) ?? { do: 'start', reason: renewal.reason };
  const askAt = nextAsk(state, now);
  if (askAt <= now) return { do: 'ari' };
  const care = careForLive(state, now);
  if (care.do !== 'wait') return care;
  const deactivateAt = deactivationAt(state);
  if (deactivateAt <= now) return { do: 'deactivate' };
  return waitUntil(renewal.at, askAt, care.until ?? Number.POSITIVE_INFINITY, deactivateAt);
}

/** Unix ms from which on authorizations are to be given up; infinite when none is left, or an order may exist that is not known yet. */
function deactivationAt({ live, issuance }: CertificateState): number {
  const unknownOrder = issuance !== null && issuance.order === null && issuance.intent !== null;
  return unknownOrder || live === null || live.authorizations.length === 0 ? Number.POSITIVE_INFINITY : (live.deactivation?.retryAt ?? 0);
}

/** RFC 9773 §4.3: a certificate that has expired is not asked about any more. */
function nextAsk({ ari, live }: CertificateState, now: number): number {
  return ari === null || live === null || live.leaf.notAfter <= now ? Number.POSITIVE_INFINITY : ari.nextCheckAt;
}

/**
 * The next issuance as the clock, a person or a lost key want it, held back by the loop guard and by what a failed one left
 * (`hold`). A person overrides both, a changed specification the guard, the last twentieth of the lifetime the hold. Receiving
 * a changed specification lifts a hold; one that is there speaks of what came of this one, and a rollback would follow the other.
 * `at` is infinite while nothing but those starts it.
 */
export function nextIssuance({ record, live, ari }: CertificateState, now: number): Renewal {
  if (record.demand === 'forced') return { at: now, reason: record.demand };
  const renewal = record.demand === null ? nextRenewal(now, live, ari, record.spec) : { at: now, reason: record.demand };
  // Who revoked it was a person.
  if (renewal.reason === REASONS.revoked) return renewal;
  const held = live === null ? nextTry(record.hold) : Math.min(nextTry(record.hold), emergencyAt(live.leaf));
  const guarded = renewal.reason === REASONS.specChanged ? 0 : record.guardedUntil;
  return { ...renewal, at: Math.max(renewal.at, guarded, held) };
}

/**
 * After an outage of the Worker everything that came due meanwhile is woken at once. What was planned by the clock then
 * waits for a moment of its own; a first certificate, an incident, a person and an emergency do not. Null: start now.
 */
function lateStart({ live, ari }: CertificateState, renewal: Renewal, now: number): Step | null {
  const planned = renewal.reason === REASONS.backstop || renewal.reason === REASONS.ariSelected;
  if (!planned || live === null || now - renewal.at <= LATE_MS) return null;
  const { notBefore, notAfter, sha256 } = live.leaf;
  const over = notAfter - now <= (notAfter - notBefore) / 10 ? URGENT_SPREAD_MS : SPREAD_MS;
  const until = now + 1 + Math.floor(over * shareOf(sha256));
  // Inside the CA's window the order is exempt from the limits.
  const windowEnds = ari?.end ?? 0;
  return windowEnds > now && windowEnds <= until ? null : { do: 'defer', until };
}

/** Deliveries of the live certificate: work that is due, else the daily dial; `until` null without any delivery. */
function careForLive(state: CertificateState, now: number): Step {
  if (state.live === null) return { do: 'wait', until: null };
  const due = (delivery: DeliveryState) => (delivery.step === 'done' ? reverifyAt(delivery) : deliveryDue(delivery));
  const ready =
    state.deliveries.find((delivery) => delivery.step !== 'done' && due(delivery) <= now) ?? state.deliveries.find((delivery) => due(delivery) <= now);
  if (ready !== undefined) return ready.step === 'done' ? { do: 'verify', delivery: ready.id } : deliver(ready);
  return waitUntil(...state.deliveries.map(due));
}

function reverifyAt(delivery: DeliveryState): number {
  return Math.max(delivery.retryAt, (delivery.verifiedAt ?? 0) + REVERIFY_MS);
}
