/**
 * Adoption (DESIGN §4): an object without history asks its clusters what they already have before it orders anything.
 * A healthy pair for exactly the wanted names, the same in every target, becomes live without an order.
 */
import { readChain } from '../../../shared/x509/chain.ts';
import { matchDeliveries } from '../delivery.ts';
import { unasked } from './ari.ts';
import { nextRenewal } from '../renewal.ts';
import type { DeliveryState, Live } from '../state.ts';
import type { PhaseContext } from './context.ts';
import { isRestored, settleRestored } from './settle-restored.ts';

export async function adopt(context: PhaseContext): Promise<void> {
  const { state, clock } = context;
  const { spec } = state.record;
  state.deliveries = matchDeliveries(state);
  const found = await Promise.all(
    state.deliveries.map(async (delivery) => ({
      delivery,
      answer: await context.ports.relay.inspect(delivery.spec.cluster, spec.name, { target: delivery.spec.target }),
    })),
  );
  const chains = await Promise.all(
    found.map(async ({ answer }) => (answer.chain === null || answer.pairFits !== true ? null : readChain(answer.chain).catch(() => null))),
  );
  const [first] = chains;
  const now = clock();
  // What lies there already is known from now on: replacing it by the first issuance is no surprise to anybody.
  state.deliveries = found.map(({ delivery, answer }) => ({ ...delivery, index: answer.index, installed: answer.sha256 }));
  const same = first !== undefined && first !== null && chains.every((chain) => chain?.leaf.sha256 === first.leaf.sha256);
  const holds = isRestored(state) && (await settleRestored(context, same ? first : null));
  if (same && !holds) {
    const live: Live = {
      issuance: null,
      chain: first.pem,
      leaf: first.leaf,
      authority: null,
      accountUrl: null,
      keyType: null,
      since: now,
      adopted: true,
      why: null,
      authorizations: [],
      revoked: null,
    };
    if (nextRenewal(now, live, null, spec).at > now) {
      state.live = live;
      state.ari = first.leaf.certId === null ? null : unasked(first.leaf.certId, now);
      state.deliveries = state.deliveries.map((delivery): DeliveryState => ({
        ...delivery,
        step: 'verify',
        wanted: live.leaf.sha256,
        installed: live.leaf.sha256,
        verifyingSince: now,
      }));
      context.event(
        'adopted',
        `The certificate that the cluster already has (valid until ${new Date(live.leaf.notAfter).toISOString()}) was adopted; nothing was ordered.`,
      );
    }
  }
  state.record.adoptionDone = true;
  state.record.adoptionFailure = null;
  context.persist();
}
