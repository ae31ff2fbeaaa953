/** What a thrown error means for the certificate: its class, its next try, and whether the order is lost. */
import { type PerennialError, toPerennialError } from '../../shared/errors.ts';
import { retryTime } from './backoff.ts';
import type { Step } from './decide.ts';
import { dropOrder } from './phases/issuance.ts';
import type { PhaseContext } from './phases/context.ts';
import type { AcmePort, FailureClass } from './ports.ts';
import type { CertificateState, Failure } from './state.ts';

/** Prefix of an error code -> class. ACME errors are classified by the ACME layer. */
const BY_PREFIX: readonly (readonly [string, FailureClass])[] = [
  ['relay_', 'relay'],
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

export function classOf(error: PerennialError, acme: AcmePort): FailureClass {
  const known = BY_CODE[error.code] ?? BY_PREFIX.find(([prefix]) => error.code.startsWith(prefix))?.[1];
  if (known !== undefined) return known;
  if (error.code.startsWith('acme_')) return acme.classify(error);
  if (error.code.startsWith('chain_')) return 'permanent';
  return 'internal';
}

/** Records what failed where it belongs: the delivery, the adoption, the clean-up or the issuance. */
export function recordFailure(context: PhaseContext, step: Step, thrown: unknown): void {
  const { state, clock, random } = context;
  const error = toPerennialError(thrown);
  const failureClass = classOf(error, context.ports.acme);
  const now = clock();
  const failureAfter = (previous: Failure | null): Failure => {
    const count = (previous?.count ?? 0) + 1;
    const retryAt = retryTime({ class: failureClass, count, now, retryAt: error.retryAt, lifeLeft: lifeLeft(state, now), random: random() });
    return { class: failureClass, code: error.code, message: error.message, hint: error.hint ?? null, retryAt, count, attention: false, stopped: false };
  };
  if (step.do === 'adopt') {
    state.record.adoptionFailure = failureAfter(state.record.adoptionFailure);
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
    state.issuance.failure = failureAfter(state.issuance.failure);
    if (orderLost(error, failureClass, step)) dropOrder(context);
  }
  context.event('failed', `${error.message}${error.hint === undefined ? '' : ` ${error.hint}`} (${error.code})`);
  context.persist();
}

/** Errors after which the stored order can never become a certificate for us. */
function orderLost(error: PerennialError, failureClass: FailureClass, step: Step): boolean {
  if (step.do === 'order') return false;
  // A CA that has forgotten the order or the account: a test CA was restarted, an account was deactivated.
  const forgotten = error.code === 'acme_not_found' || error.code === 'acme_account_does_not_exist';
  return failureClass === 'validation' || forgotten || error.code.startsWith('chain_');
}

/** Life left of the certificate that is served, ms; null when there is none. */
export function lifeLeft(state: CertificateState, now: number): number | null {
  return state.live === null ? null : Math.max(0, state.live.leaf.notAfter - now);
}
