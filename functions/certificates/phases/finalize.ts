/**
 * Finalization (RFC 8555 §7.4): the CSR is posted once. After any doubt the order's own status decides, because a lost
 * reply may have issued a certificate that must not be ordered again.
 */
import { PerennialError } from '../../../shared/errors.ts';
import { enterPhase, inspectIntent, issuanceOf, type PhaseContext, withIntent } from './context.ts';
import { explainInvalid, nextPoll, urlOf } from './validate.ts';

const FINALIZE_DEADLINE_MS = 20_000;

export async function finalize(context: PhaseContext): Promise<void> {
  const issuance = issuanceOf(context);
  const intent = inspectIntent(context);
  if (intent === 'wait') return;
  const session = await context.session();
  // An earlier try failed: its reply may have been lost, and a CA that has issued refuses to be asked again.
  if (intent === 'resumed' || issuance.failure !== null || issuance.order?.status !== 'ready') {
    const order = await session.order(urlOf(issuance));
    issuance.order = order;
    issuance.intent = null;
    if (order.status === 'invalid') throw await explainInvalid(session, order);
    if (order.status === 'processing' || order.status === 'valid') {
      enterPhase(context, 'download');
      context.persist();
      return;
    }
    if (order.status === 'pending') {
      // Authorizations were reused when the order was placed and have lapsed since.
      enterPhase(context, 'present');
      context.persist();
      return;
    }
  }
  const { key, order } = issuance;
  if (key === null || order === null) throw new PerennialError('internal_no_key', 'Finalization needs a CSR and an order.');
  issuance.order = await withIntent(context, 'finalize', FINALIZE_DEADLINE_MS, () => session.finalize(order, key.csr));
  issuance.nonce = session.nonce();
  enterPhase(context, 'download');
  if (issuance.order.status !== 'valid') {
    issuance.waitUntil = nextPoll(context.clock(), 0, issuance.order.retryAt);
    issuance.polls = 1;
  }
  context.persist();
}
