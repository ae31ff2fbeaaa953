/** What a thrown error means for the certificate: its class, its next try, and whether the order is lost. */
import { DAY, SECOND } from '../../shared/clock.ts';
import { type PerennialError, toPerennialError } from '../../shared/errors.ts';
import { countFailure, FAILURE_POLICIES, givenUp, retryTime } from './backoff.ts';
import type { Step } from './decide.ts';
import { DEACTIVATION_TRIES } from './phases/deactivate.ts';
import { fallBack } from './phases/fall-back.ts';
import { dropOrder } from './phases/issuance.ts';
import type { PhaseContext } from './phases/context.ts';
import type { AcmePort, FailureClass } from './ports.ts';
import { isEmergency } from './renewal.ts';
import { revocationStops } from './revocation.ts';
import type { CertificateState, Failure, Issuance, Live } from './state.ts';

/** Prefix of an error code -> class. ACME errors are classified by the ACME layer. */
const BY_PREFIX: readonly (readonly [string, FailureClass])[] = [
  ['relay_', 'relay'],
  ['egress_', 'relay'],
  ['nomad_', 'nomad'],
  ['traefik_', 'traefik'],
  ['dns_', 'dns'],
  ['secret_', 'account'],
];
const BY_CODE: Record<string, FailureClass> = {
  drift: 'nomad',
  acme_validation_failed: 'validation',
  acme_authorization_closed: 'validation',
  acme_no_dns_challenge: 'permanent',
  target_not_allowed: 'relay',
  names_not_allowed: 'relay',
  service_not_allowed: 'relay',
  signature_invalid: 'relay',
};

/** Nothing but a person can mend these: there is no point in waiting before saying so. */
const AT_ONCE: ReadonlySet<string> = new Set(['dns_caa_account_pinned']);

export function classOf(error: PerennialError, acme: AcmePort): FailureClass {
  const known = BY_CODE[error.code] ?? BY_PREFIX.find(([prefix]) => error.code.startsWith(prefix))?.[1];
  if (known !== undefined) return known;
  if (error.code.startsWith('acme_')) return acme.classify(error);
  if (error.code.startsWith('chain_')) return error.retryable ? 'protocol' : 'permanent';
  return 'internal';
}

/** Records what failed where it belongs: the delivery, the adoption, the clean-up or the issuance. */
export function recordFailure(context: PhaseContext, step: Step, thrown: unknown): void {
  const { state, clock, random } = context;
  const error = toPerennialError(thrown);
  const failureClass = classOf(error, context.ports.acme);
  const now = clock();
  const failureAfter = (previous: Failure | null): Failure => failureOf(state, error, failureClass, { before: previous, now, random: random() });
  const noted = noteworthy(state, step);
  if (step.do === 'adopt') {
    state.record.adoptionFailure = failureAfter(state.record.adoptionFailure);
  } else if (step.do === 'revoke') {
    const { revocation } = state.record;
    if (revocation !== null)
      // Somebody waits for it, and what it is about is in the hands of others.
      revocation.failure = { ...failureAfter(revocation.failure), attention: true, stopped: revocationStops(failureClass, error.code) };
  } else if (step.do === 'deactivate') {
    if (state.live !== null)
      postponeDeactivation(context, state.live, (count) =>
        retryTime({ class: failureClass, count, now, retryAt: error.retryAt, lifeLeft: null, random: random() }),
      );
  } else if ('delivery' in step) {
    const delivery = state.deliveries.find((candidate) => candidate.id === step.delivery);
    if (delivery !== undefined) {
      delivery.failure = failureAfter(delivery.failure);
      delivery.retryAt = delivery.failure.retryAt;
    }
  } else if (state.issuance !== null && step.do === 'clean-up') {
    const failures = state.issuance.cleanUpFailures;
    state.issuance.cleanUpFailures = failures + 1;
    state.issuance.cleanUpRetryAt = retryTime({ class: failureClass, count: failures + 1, now, retryAt: error.retryAt, lifeLeft: null, random: random() });
  } else if (state.issuance !== null) {
    const { issuance } = state;
    // Placing the next order succeeds before its validation fails again: what the last one was lost to goes on counting.
    const failure = failureAfter(issuance.failure ?? (issuance.lostTo?.class === failureClass ? issuance.lostTo : null));
    failure.attention ||= now - issuance.startedAt >= DAY;
    issuance.failure = failure;
    if (orderLost(error, failureClass, step) || stoppedForGood(issuance)) {
      issuance.lostTo = failure;
      dropOrder(context);
    }
    fallBack(context, issuance, failure, error);
  }
  context.event('failed', `${error.message}${error.hint === undefined ? '' : ` ${error.hint}`} (${error.code})`);
  announce(context, step, noted);
  context.persist();
}

/**
 * What is over at a moment that is known, and is no fault of the part that was asked: a write of a life before, which may
 * still be travelling. It is waited out; were it counted, a few crashes in a row would add up to a wait of half an hour.
 */
const WAITED_OUT: ReadonlySet<string> = new Set(['dns_zone_busy']);

/**
 * The failure as it is kept: its next try by its class, and whether the class has given up.
 * @param before the failure in the same place before this one, or null.
 */
export function failureOf(
  state: CertificateState,
  error: Pick<PerennialError, 'code' | 'message' | 'hint' | 'retryAt'>,
  failureClass: FailureClass,
  { before, now, random }: { before: Failure | null; now: number; random: number },
): Failure {
  const over = WAITED_OUT.has(error.code) ? error.retryAt : undefined;
  const count = over === undefined ? countFailure(before, failureClass) : Math.max(1, before?.count ?? 0);
  const emergency = state.live !== null && isEmergency(now, state.live.leaf);
  const { attention, stopped } = givenUp({ class: failureClass, count, emergency });
  return {
    class: failureClass,
    code: error.code,
    message: error.message,
    hint: error.hint ?? FAILURE_POLICIES[failureClass].advice,
    retryAt:
      over === undefined
        ? retryTime({ class: failureClass, count, now, retryAt: error.retryAt, lifeLeft: lifeLeft(state, now), emergency, random })
        : Math.max(now + SECOND, over),
    count,
    attention: attention || AT_ONCE.has(error.code),
    stopped,
  };
}

/** The failure that a step has left behind, if any. */
function noteworthy({ record, issuance, deliveries }: CertificateState, step: Step): Failure | null {
  if (step.do === 'adopt') return record.adoptionFailure;
  if (step.do === 'revoke') return record.revocation?.failure ?? null;
  if (step.do === 'deactivate') return null;
  if ('delivery' in step) return deliveries.find(({ id }) => id === step.delivery)?.failure ?? null;
  return issuance?.failure ?? null;
}

/**
 * A dial that went through may leave a failure as well (`phases/deliver.ts`); its count gives up like any other. To be
 * called after a step without a throw, with what {@link deliveryFailure} said before it.
 */
export function giveUpDelivery(context: PhaseContext, step: Step, before: Failure | null): void {
  const failure = 'delivery' in step ? noteworthy(context.state, step) : null;
  if (failure === null) return;
  const { live } = context.state;
  const { attention, stopped } = givenUp({ ...failure, emergency: live !== null && isEmergency(context.clock(), live.leaf) });
  failure.attention ||= attention;
  failure.stopped ||= stopped;
  announce(context, step, before);
}

export function deliveryFailure(state: CertificateState, step: Step): Failure | null {
  return 'delivery' in step ? noteworthy(state, step) : null;
}

/** Tells once that a person has to look: when the failure gets there, not at every try after it. */
function announce(context: PhaseContext, step: Step, before: Failure | null): void {
  const { state, clock } = context;
  const failure = noteworthy(state, step);
  if (failure === null || (!failure.attention && !failure.stopped)) return;
  if (before !== null && before.code === failure.code && before.attention === failure.attention && before.stopped === failure.stopped) return;
  const urgent = state.live !== null && isEmergency(clock(), state.live.leaf);
  const rest = failure.stopped ? ' Nothing is tried any more until somebody renews it or changes the configuration.' : '';
  context.event('needs-attention', `${failure.message} ${failure.hint ?? ''}${rest} (${failure.code})`, urgent ? 'critical' : 'warning');
}

/** Its records go and the next try is a new order, unless the CA has issued or is about to. */
function stoppedForGood({ failure, order }: Issuance): boolean {
  return failure?.stopped === true && order !== null && order.status !== 'valid' && order.status !== 'processing';
}

/** Best effort: after a few failures what is left is left to expire by itself. */
function postponeDeactivation(context: PhaseContext, live: Live, nextTry: (count: number) => number): void {
  const failures = (live.deactivation?.failures ?? 0) + 1;
  if (failures < DEACTIVATION_TRIES) {
    live.deactivation = { failures, retryAt: nextTry(failures) };
    return;
  }
  const left = live.authorizations.length;
  live.authorizations = [];
  live.deactivation = undefined;
  context.event('authorizations-kept', `${left} authorizations could not be deactivated and stay valid at the CA until they expire.`, 'warning');
}

/** Errors after which the stored order can never become a certificate for us. */
function orderLost(error: PerennialError, failureClass: FailureClass, step: Step): boolean {
  if (step.do === 'order') return false;
  // A CA that has forgotten the order or the account: a test CA was restarted, an account was deactivated.
  // A certificate that is not at its URL yet is no order that is forgotten: it has been issued, and is fetched again.
  const notFound = error.code === 'acme_not_found' && error.details?.['operation'] !== 'certificate';
  const forgotten = notFound || error.code === 'acme_account_does_not_exist';
  return failureClass === 'validation' || forgotten;
}

/** Life left of the certificate that is served, ms; null when there is none. */
export function lifeLeft(state: CertificateState, now: number): number | null {
  return state.live === null ? null : Math.max(0, state.live.leaf.notAfter - now);
}
