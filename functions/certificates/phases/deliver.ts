/**
 * One delivery's way into its cluster: install and reload; `verify.ts` proves it. Each delivery has its own state, retry and
 * verdict; none of their failures leads to an order (DESIGN §4, §7).
 */
import { HOUR } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { moment } from '../../../shared/moment.ts';
import { nextIssuance } from '../decide.ts';
import { REASONS } from '../renewal.ts';
import type { DeliveryState } from '../state.ts';
import { enterPhase, type PhaseContext } from './context.ts';
import { fetchIssuedAgain } from './download.ts';

/** The pair on its way (an open issuance's) or the live one (a redelivery). */
export function pairOf(context: PhaseContext): { issuance: string | null; chain: string; names: string[]; sha256: string } {
  const { issuance, live } = context.state;
  if (issuance?.issued) return { issuance: issuance.id, chain: issuance.issued.chain, names: issuance.spec.domains, sha256: issuance.issued.leaf.sha256 };
  if (live !== null) return { issuance: live.issuance, chain: live.chain, names: live.leaf.names, sha256: live.leaf.sha256 };
  throw new PerennialError('internal_no_pair', 'A delivery ran without a certificate.');
}

export function deliveryOf(context: PhaseContext, id: string): DeliveryState {
  const delivery = context.state.deliveries.find((candidate) => candidate.id === id);
  if (delivery === undefined) throw new PerennialError('internal_no_delivery', 'A step names a delivery that is gone.');
  return delivery;
}

/** The display phase of the issuance is that of its hindmost delivery. */
export function followPhase(context: PhaseContext): void {
  const { issuance, deliveries } = context.state;
  // A delivery may also be the live certificate's, looked after while a renewal waits elsewhere.
  if (issuance === null || issuance.issued === null) return;
  const steps = deliveries.map((delivery) => delivery.step);
  const phase = steps.includes('install') ? 'install' : steps.includes('reload') ? 'reload' : 'verify';
  if (phase !== issuance.phase) enterPhase(context, phase);
}

export async function install(context: PhaseContext, id: string): Promise<void> {
  const delivery = deliveryOf(context, id);
  const pair = pairOf(context);
  if (context.state.record.quarantined.includes(pair.sha256)) {
    throw new PerennialError('traefik_quarantined', `The certificate with SHA-256 ${pair.sha256} was rolled back; it is not installed again.`, {
      hint: 'Renew by hand once the proxy can serve a new one.',
    });
  }
  if (pair.issuance === null) {
    demandNewPair(context, "It was adopted, so its key is not in the relay's hands.");
    return;
  }
  const { live, record } = context.state;
  const known = [...new Set([delivery.installed, live?.leaf.sha256, ...delivery.known])].filter((leaf) => leaf !== null && leaf !== undefined).slice(0, 8);
  try {
    const request = {
      issuance: pair.issuance,
      names: pair.names,
      target: delivery.spec.target,
      known,
      replaceForeign: delivery.replaceForeign,
      blind: delivery.spec.blind,
    };
    const write = () => context.ports.relay.install(delivery.spec.cluster, record.name, { ...request, chain: pairOf(context).chain });
    const answer = await write().catch(async (refused: unknown) => {
      if (await mended(context, refused)) return write();
      throw refused;
    });
    delivery.index = answer.index;
    delivery.installed = answer.sha256;
  } catch (error) {
    if (error instanceof PerennialError && error.code === 'key_missing') {
      demandNewPair(context, 'The relay no longer keeps its key.');
      // An open issuance fails here and is abandoned; without one the demand alone starts the next.
      if (context.state.issuance === null) return;
    }
    // Somebody changed the pair between our read and our write: from now on only a person or the next renewal replaces it.
    if (error instanceof PerennialError && error.code === 'drift') delivery.replaceForeign = false;
    throw error;
  }
  delivery.step = delivery.spec.reload === 'watch' ? 'verify' : 'reload';
  afterStep(context, delivery);
  context.event('installed', `Written to ${delivery.spec.target.variable} in ${delivery.spec.cluster} (ModifyIndex ${delivery.index}).`);
  followPhase(context);
  context.persist();
}

/** Throws `relay_pair_gone` while the new pair may not be ordered yet: after a rollback, or right after an issuance. */
/** Whether a chain that the relay refuses has become another one by fetching it again; whatever fails meanwhile changes nothing. */
async function mended(context: PhaseContext, refused: unknown): Promise<boolean> {
  const isAboutChain = refused instanceof PerennialError && refused.code.startsWith('chain_');
  if (!isAboutChain || context.state.issuance === null) return false;
  return fetchIssuedAgain(context).catch(() => false);
}

function demandNewPair(context: PhaseContext, why: string): void {
  const { state, clock } = context;
  const known = state.record.demand !== null;
  state.record.demand ??= REASONS.keyNotKept;
  const { at } = nextIssuance(state, clock());
  if (state.issuance === null && at > clock()) {
    const when = Number.isFinite(at) ? `is ordered at ${moment(at)}` : 'has to be asked for';
    throw new PerennialError('relay_pair_gone', `The live pair cannot be delivered here. ${why} What stands there is left as it is; a new pair ${when}.`, {
      retryable: true,
      retryAt: Number.isFinite(at) ? at : clock() + HOUR,
      hint: 'Renew by hand to have a new pair now.',
    });
  }
  if (!known) context.event('key-not-kept', `The live pair cannot be delivered again. ${why} A new one is ordered.`);
  context.persist();
}

export async function reload(context: PhaseContext, id: string): Promise<void> {
  const delivery = deliveryOf(context, id);
  const answer = await context.ports.relay.reload(delivery.spec.cluster, {
    certificate: context.state.record.name,
    service: delivery.spec.service,
    mode: delivery.spec.reload,
  });
  context.event('reloaded', answer.note);
  delivery.step = 'verify';
  afterStep(context, delivery);
  followPhase(context);
  context.persist();
}

export function afterStep(context: PhaseContext, delivery: DeliveryState): void {
  delivery.failure = null;
  delivery.retryAt = 0;
  delivery.polls = 0;
  delivery.verifyingSince = context.clock();
}
