/**
 * One delivery's way to being served: install, reload, verify. Each delivery has its own state, retry and verdict; none
 * of their failures leads to an order (DESIGN §4, §7).
 */
import { HOUR, MINUTE } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { describeVerdicts, instanceRow, quickDialDelay, SETTLE_MS, slowDialDelay, summarise } from '../delivery.ts';
import { REASONS } from '../renewal.ts';
import type { DeliveryState } from '../state.ts';
import { enterPhase, type PhaseContext } from './context.ts';

/** The pair on its way (an open issuance's) or the live one (a redelivery). */
function pairOf(context: PhaseContext): { issuance: string | null; chain: string; names: string[]; sha256: string } {
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
function followPhase(context: PhaseContext): void {
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
  if (pair.issuance === null) {
    demandNewPair(context, "It was adopted, so its key is not in the relay's hands.");
    return;
  }
  const { live, record } = context.state;
  const known = [...new Set([delivery.installed, live?.leaf.sha256, ...delivery.known])].filter((leaf) => leaf !== null && leaf !== undefined).slice(0, 8);
  try {
    const answer = await context.ports.relay.install(delivery.spec.cluster, record.name, {
      issuance: pair.issuance,
      names: pair.names,
      chain: pair.chain,
      target: delivery.spec.target,
      known,
      replaceForeign: delivery.replaceForeign,
      blind: delivery.spec.blind,
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

function demandNewPair(context: PhaseContext, why: string): void {
  context.state.record.demand = REASONS.keyNotKept;
  context.event('key-not-kept', `The live pair cannot be delivered again. ${why} A new one is ordered.`);
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

function afterStep(context: PhaseContext, delivery: DeliveryState): void {
  delivery.failure = null;
  delivery.retryAt = 0;
  delivery.polls = 0;
  delivery.verifyingSince = context.clock();
}

export async function verify(context: PhaseContext, id: string): Promise<void> {
  const delivery = deliveryOf(context, id);
  const pair = pairOf(context);
  const { target, cluster, service, probes } = delivery.spec;
  const answer = await context.ports.relay.verify(cluster, {
    certificate: context.state.record.name,
    names: pair.names,
    sha256: pair.sha256,
    previous: delivery.known.filter((leaf) => leaf !== pair.sha256),
    service,
    namespace: target.namespace,
    probes,
  });
  const now = context.clock();
  const wasDone = delivery.step === 'done';
  delivery.instances = answer.instances.map((instance) => instanceRow(instance, now));
  delivery.verifiedAt = now;
  const summary = summarise(delivery.instances.map((instance) => instance.verdict));
  if (summary === 'live') {
    delivery.step = 'done';
    delivery.failure = null;
    delivery.retryAt = 0;
    if (!wasDone) context.event('served', `Every instance of ${service} in ${cluster} serves it (${describeVerdicts(delivery.instances)})`);
    followPhase(context);
    context.persist();
    return;
  }
  if (wasDone) {
    delivery.step = 'verify';
    delivery.polls = 0;
    delivery.verifyingSince = now;
    context.event('no-longer-served', `${service} in ${cluster} no longer serves the live certificate everywhere. ${describeVerdicts(delivery.instances)}`);
  }
  await lookAgain(context, delivery, summary, now, wasDone);
  context.persist();
}

/**
 * Quick dials while the proxy may still be loading the pair; after that a failure that says what is seen. What was served
 * before (`lost`) is not on its way: that is said at once, an edit of the variable included.
 */
async function lookAgain(
  context: PhaseContext,
  delivery: DeliveryState,
  summary: 'waiting-for-instance' | 'partly-live' | 'wrong',
  now: number,
  lost: boolean,
): Promise<void> {
  const settling = now - (delivery.verifyingSince ?? now) < SETTLE_MS;
  delivery.polls += 1;
  if (settling && summary === 'wrong' && !lost) {
    delivery.retryAt = now + quickDialDelay(delivery.polls);
    return;
  }
  const said = describeVerdicts(delivery.instances);
  if (summary === 'wrong' && (await drifted(context, delivery))) {
    delivery.retryAt = now + HOUR;
    delivery.failure = {
      class: 'nomad',
      code: 'drift',
      message: `The variable ${delivery.spec.target.variable} holds a pair that somebody else wrote. ${said}`,
      hint: 'Redeliver to put ours back; the next due renewal replaces it as well.',
      retryAt: delivery.retryAt,
      count: delivery.polls,
      attention: false,
      stopped: false,
    };
    return;
  }
  delivery.retryAt = now + (settling ? Math.min(MINUTE, quickDialDelay(delivery.polls) * 2) : slowDialDelay(now - (delivery.verifyingSince ?? now)));
  delivery.failure = {
    class: 'traefik',
    code: summary === 'waiting-for-instance' ? 'traefik_no_instance' : summary === 'partly-live' ? 'traefik_unreachable' : 'traefik_serves_another',
    message: said,
    hint: hintFor(summary, delivery.spec.service),
    retryAt: delivery.retryAt,
    count: delivery.polls,
    attention: false,
    stopped: false,
  };
}

function hintFor(summary: 'waiting-for-instance' | 'partly-live' | 'wrong', service: string): string {
  switch (summary) {
    case 'waiting-for-instance':
      return `Start the proxy job, or check that it registers the service "${service}" with Nomad and that the relay's job file lists its job id.`;
    case 'partly-live':
      return 'An instance that discovery names cannot be dialled: check that it runs and that the relay may reach its address.';
    case 'wrong':
      return 'Check that Traefik watches the rendered file and that its template reads this variable.';
  }
}

/** Whether the variable holds another leaf than the one we installed; false when that cannot be known. */
async function drifted(context: PhaseContext, delivery: DeliveryState): Promise<boolean> {
  if (delivery.spec.blind) return false;
  const answer = await context.ports.relay.inspect(delivery.spec.cluster, context.state.record.name, { target: delivery.spec.target });
  return answer.sha256 !== null && answer.sha256 !== delivery.installed;
}
