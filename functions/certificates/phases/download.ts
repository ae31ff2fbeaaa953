/**
 * Fetches the chain and checks it against the CSR before anything is installed: a CA or its network can refuse, delay
 * and send garbage, but not make us install a certificate for another key, other names or another time.
 */
import { HOUR } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { checkChain, readChain } from '../../../shared/x509/chain.ts';
import { newDelivery, startDelivery } from '../delivery.ts';
import { enterPhase, issuanceOf, type PhaseContext } from './context.ts';
import { explainInvalid, nextPoll, urlOf } from './validate.ts';

/**
 * However it comes, a certificate is not replaced right after it was issued: whatever asks for that (a window that moves
 * on, a key that vanishes again and again) would burn the CA's limits.
 */
export function guardOf(leaf: { notBefore: number; notAfter: number }): number {
  return Math.max(HOUR, Math.round((leaf.notAfter - leaf.notBefore) / 50));
}

export async function download(context: PhaseContext): Promise<void> {
  const issuance = issuanceOf(context);
  const { state, clock } = context;
  const session = await context.session();
  if (issuance.order?.status !== 'valid') {
    const order = await session.order(urlOf(issuance));
    issuance.order = order;
    issuance.nonce = session.nonce();
    if (order.status === 'invalid') throw await explainInvalid(session, order);
    if (order.status === 'ready' || order.status === 'pending') {
      enterPhase(context, 'finalize');
      context.persist();
      return;
    }
    if (order.status === 'processing') {
      issuance.waitUntil = nextPoll(clock(), issuance.polls, order.retryAt);
      issuance.polls += 1;
      context.persist();
      return;
    }
  }
  const { order, key, spec } = issuance;
  if (order === null || key === null) throw new PerennialError('internal_no_key', 'A download needs an order and a key.');
  const chain = await readChain(await session.download(order, spec.preferredChain));
  await checkChain(chain, { names: spec.domains, spki: key.spki, now: clock() });
  issuance.nonce = null;
  state.record.guardedUntil = clock() + guardOf(chain.leaf);
  issuance.issued = { chain: chain.pem, leaf: chain.leaf, at: clock() };
  state.deliveries = spec.deliveries.map((delivery) =>
    startDelivery(state.deliveries.find((present) => present.id === delivery.id) ?? newDelivery(delivery), chain.leaf.sha256, true),
  );
  context.event(
    'issued',
    `${chain.leaf.issuer} issued a certificate valid until ${new Date(chain.leaf.notAfter).toISOString()} (SHA-256 ${chain.leaf.sha256}).`,
  );
  enterPhase(context, 'install');
  context.persist();
}
