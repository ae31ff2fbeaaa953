/** Leaves a CA for the next one of the specification (DESIGN §5), as `authorities.ts` decides. */
import type { PerennialError } from '../../../shared/errors.ts';
import { fallback } from '../authorities.ts';
import type { Failure, Issuance } from '../state.ts';
import type { PhaseContext } from './context.ts';
import { dropOrder, replacedCertificate } from './issuance.ts';

/** As many as the stored document takes; older rounds tell nothing that the later ones do not. */
const LEFT_KEPT = 20;

/**
 * To be called once the failure of a step that asks the CA is recorded in the issuance. The order goes, its records are
 * cleaned up before the next one, the key stays.
 */
export function fallBack(context: PhaseContext, issuance: Issuance, failure: Failure, error: PerennialError): void {
  const { state, clock } = context;
  if (issuance.issued !== null) return;
  const now = clock();
  const { live } = state;
  const life = live === null ? null : { left: Math.max(0, live.leaf.notAfter - now), whole: live.leaf.notAfter - live.leaf.notBefore };
  const decision = fallback({ issuance, failure: { ...failure, retryAt: error.retryAt }, life, now });
  if (decision.do === 'stay') return;
  const from = issuance.authority;
  issuance.left = [...issuance.left, { authority: from, at: now, class: failure.class, code: failure.code, message: failure.message.slice(0, 500) }].slice(
    -LEFT_KEPT,
  );
  dropOrder(context);
  issuance.authority = decision.authority;
  issuance.accountUrl = null;
  issuance.nonce = null;
  issuance.refusedChains = undefined;
  issuance.lostTo = null;
  issuance.replaces = replacedCertificate(context, decision.authority);
  if (decision.do === 'switch') {
    issuance.failure = null;
    context.event('authority-left', `${from} does not issue now, so ${decision.authority} is asked: ${failure.message} (${failure.code})`, 'warning');
    return;
  }
  // The words of the first CA come first: it is the one that people chose.
  const latest = issuance.spec.authorities.flatMap((name) => issuance.left.findLast(({ authority }) => authority === name) ?? []);
  const [first] = latest;
  issuance.failure = {
    ...failure,
    class: first?.class ?? failure.class,
    code: first?.code ?? failure.code,
    message: `None of the CAs issues now. ${latest.map(({ authority, message }) => `${authority}: ${message}`).join(' ')}`.slice(0, 1_900),
    hint: `${decision.authority} is tried again first, then the others.${failure.hint === null ? '' : ` ${failure.hint}`}`.slice(0, 900),
    retryAt: decision.at,
    stopped: false,
    attention: decision.rounds > 1,
  };
  context.event('authorities-exhausted', issuance.failure.message, 'warning');
}
