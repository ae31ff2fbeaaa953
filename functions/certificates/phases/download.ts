/**
 * Fetches the chain and checks it against the CSR before anything is installed: a CA or its network can refuse, delay
 * and send garbage, but not make us install a certificate for another key, other names or another time.
 */
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { type Chain, checkChain, readChain } from '../../../shared/x509/chain.ts';
import { moment } from '../../../shared/moment.ts';
import { newDelivery, startDelivery } from '../delivery.ts';
import type { AcmeOrder, AcmeSession } from '../ports.ts';
import type { Issuance } from '../state.ts';
import { enterPhase, issuanceOf, type PhaseContext } from './context.ts';
import { dropOrder } from './issuance.ts';
import { givePlaceBack } from './place.ts';
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
  // A certificate that was not there: the order says whether the CA still knows of it, and where it is.
  if (issuance.order?.status !== 'valid' || issuance.failure?.code === 'acme_not_found') {
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
      if (isOver(order, issuance, clock())) throw stuck(context);
      issuance.waitUntil = nextPoll(clock(), issuance.polls, order.retryAt);
      issuance.polls += 1;
      context.persist();
      return;
    }
  }
  const { order, spec } = issuance;
  if (order === null) throw new PerennialError('internal_no_order', 'A download needs an order.');
  const chain = await fetchChain(context, session, order).catch((error: unknown) => {
    throw refusedChain(context, issuance, error);
  });
  issuance.nonce = null;
  state.record.guardedUntil = clock() + guardOf(chain.leaf);
  issuance.issued = { chain: chain.pem, leaf: chain.leaf, at: clock() };
  state.deliveries = spec.deliveries.map((delivery) =>
    startDelivery(state.deliveries.find((present) => present.id === delivery.id) ?? newDelivery(delivery), chain.leaf.sha256, true),
  );
  context.event('issued', `${chain.leaf.issuer} issued a certificate valid until ${moment(chain.leaf.notAfter)} (SHA-256 ${chain.leaf.sha256}).`);
  enterPhase(context, 'install');
  context.persist();
  await givePlaceBack(context);
}

/** A CA that names no end is given this long, ms. */
const LONGEST_PROCESSING_MS = DAY;

function isOver({ expires }: AcmeOrder, { phases }: Issuance, now: number): boolean {
  return (expires ?? (phases.at(-1)?.startedAt ?? now) + LONGEST_PROCESSING_MS) <= now;
}

/** The CA took the request and never issued: a new order follows, at the next CA where there is one. */
function stuck(context: PhaseContext): PerennialError {
  dropOrder(context);
  return new PerennialError('acme_order_stuck', 'The CA took the request and did not issue before the order expired.', {
    retryable: true,
    hint: 'A new order follows by itself. If this goes on, look at the status page of the CA.',
  });
}

async function fetchChain(context: PhaseContext, session: AcmeSession, order: AcmeOrder): Promise<Chain> {
  const { key, spec } = issuanceOf(context);
  if (key === null) throw new PerennialError('internal_no_key', 'A download needs a key.');
  const chain = await readChain(await session.download(order, spec.preferredChain));
  await checkChain(chain, { names: spec.domains, spki: key.spki, now: context.clock() });
  return chain;
}

/**
 * The relay knows roots and refuses a chain that does not lead to one: what is missing may have been cut on its way, or be
 * mended at the CA. Costs no order. @returns whether the CA sent another chain for the same leaf; that one is kept.
 */
export async function fetchIssuedAgain(context: PhaseContext): Promise<boolean> {
  const issuance = issuanceOf(context);
  const { order, issued } = issuance;
  if (issued === null || order?.certificate == null) return false;
  const chain = await fetchChain(context, await context.session(), order);
  if (chain.leaf.sha256 !== issued.leaf.sha256 || chain.pem === issued.chain) return false;
  issuance.issued = { ...issued, chain: chain.pem };
  context.persist();
  return true;
}

/** Pauses before the order after the first, second, … one whose chain did not fit; each costs a certificate of the CA's limits. */
const REFUSED_PAUSES = [15 * MINUTE, 6 * HOUR, DAY] as const;

/**
 * A chain that does not fit is fetched once more, for what was cut or mixed up on its way. Then the order is given up:
 * what it made is good for nothing, and a new one follows after a pause, or at the next CA (`authorities.ts`).
 */
function refusedChain(context: PhaseContext, issuance: Issuance, error: unknown): unknown {
  if (!(error instanceof PerennialError) || !error.code.startsWith('chain_') || error.code === 'chain_not_valid_yet') return error;
  if (issuance.failure?.code.startsWith('chain_') !== true)
    return new PerennialError(error.code, `What the CA issued cannot be used: ${error.message}`, {
      retryable: true,
      hint: 'Nothing was installed. It is fetched once more.',
    });
  const refused = (issuance.refusedChains ?? 0) + 1;
  issuance.refusedChains = refused;
  dropOrder(context);
  return new PerennialError(error.code, `What the CA issued cannot be used, and fetching it again has not changed that: ${error.message}`, {
    retryable: true,
    retryAt: context.clock() + (REFUSED_PAUSES[Math.min(refused, REFUSED_PAUSES.length) - 1] ?? DAY),
    hint: 'Nothing was installed; what was served before still is. A new order follows by itself.',
  });
}
