/**
 * Adoption (DESIGN §4): an object without history asks its clusters what they already have before it orders anything.
 * A healthy pair for exactly the wanted names, the same in every target, becomes live without an order: its chain is sound,
 * and a dial shows that whoever is served it can trust it.
 */
import { readChain, type Chain } from '../../../shared/x509/chain.ts';
import { moment } from '../../../shared/moment.ts';
import { servedInVain, unsound } from '../adoption.ts';
import { instanceRow, matchDeliveries } from '../delivery.ts';
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
  const same = first != null && chains.every((chain) => chain?.leaf.sha256 === first.leaf.sha256) ? first : null;
  const unhealthy = same === null ? null : ((await unsound(same, now)) ?? (await seenInVain(context, same)));
  const healthy = unhealthy === null ? same : null;
  const holds = isRestored(state) && (await settleRestored(context, healthy));
  if (unhealthy !== null && !holds) noteRefused(context, unhealthy);
  if (healthy !== null && !holds) {
    const live: Live = {
      issuance: null,
      chain: healthy.pem,
      leaf: healthy.leaf,
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
      state.ari = healthy.leaf.certId === null ? null : unasked(healthy.leaf.certId, now);
      state.deliveries = state.deliveries.map((delivery): DeliveryState => ({
        ...delivery,
        step: 'verify',
        wanted: live.leaf.sha256,
        installed: live.leaf.sha256,
        verifyingSince: now,
      }));
      context.event('adopted', `The certificate that the cluster already has (valid until ${moment(live.leaf.notAfter)}) was adopted; nothing was ordered.`);
    }
  }
  state.record.adoptionDone = true;
  state.record.adoptionFailure = null;
  context.persist();
}

/** An adopted certificate that no delivery was ever seen to serve turns out not to be trusted: it is replaced at once. */
export function withdrawAdoption(context: PhaseContext, why: string): void {
  const { state } = context;
  state.live = null;
  state.ari = null;
  state.deliveries = state.deliveries.map((delivery): DeliveryState => ({ ...delivery, step: 'done', wanted: null, failure: null, retryAt: 0 }));
  noteRefused(context, why);
}

/** Dials whoever serves the pair at present. What the relay cannot find out is no reason to order: the first dial shows it. */
async function seenInVain(context: PhaseContext, { leaf }: Chain): Promise<string | null> {
  const { state, ports, clock } = context;
  const { name } = state.record;
  const wanted = { certificate: name, names: leaf.names, sha256: leaf.sha256, previous: [] };
  const answers = await Promise.all(
    state.deliveries.map(async ({ spec: { cluster, service, target, probes } }) =>
      ports.relay.verify(cluster, { ...wanted, service, namespace: target.namespace, probes }).catch(() => null),
    ),
  );
  const rows = answers.flatMap((answer) => answer?.instances ?? []).map((instance) => instanceRow(instance, clock()));
  return servedInVain(rows, leaf.sha256);
}

function noteRefused(context: PhaseContext, why: string): void {
  context.event('not-adopted', `The certificate that the cluster already has was not adopted, and a new one is ordered. ${why}`, 'warning');
}
