/**
 * Proof by dial (DESIGN §7): only what every instance serves is live. What is seen is said as it is: on its way, served no
 * more, somebody else's, or an edit of the variable that the proxy may not even have read yet.
 */
import { HOUR, MINUTE } from '../../../shared/clock.ts';
import { distrusted, servedInVain, unproven } from '../adoption.ts';
import { describeServed, describeVerdicts, instanceRow, quickDialDelay, SETTLE_MS, slowDialDelay, summarise } from '../delivery.ts';
import { wantedRollback } from '../rollback.ts';
import type { DeliveryState } from '../state.ts';
import { withdrawAdoption } from './adopt.ts';
import type { PhaseContext } from './context.ts';
import { deliveryOf, followPhase, pairOf } from './deliver.ts';
import { beginRollback } from './roll-back.ts';

/** Somebody's edit that stays is looked at ever more seldom, at most this many hours apart. */
const DRIFT_HOURS = 6;

/** What the variable holds in place of the installed pair, in words; null when it holds that pair. */
type Drift = string | null;

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
  const rows = answer.instances.map((instance) => instanceRow(instance, now));
  const wanted = wantedRollback(context.state, delivery, rows, now);
  const vain = unproven(context.state, delivery) ? servedInVain(rows, pair.sha256) : null;
  const wasDone = delivery.step === 'done';
  delivery.instances = rows;
  delivery.verifiedAt = now;
  if (wanted !== null) return beginRollback(context, delivery, wanted);
  if (vain !== null) {
    withdrawAdoption(context, vain);
    context.persist();
    return;
  }
  const summary = summarise(rows.map((instance) => instance.verdict));
  // The proxy goes on serving what it has loaded: an edit of the variable does not show in a dial until it reads it.
  const wasDrift = delivery.failure?.code === 'drift';
  const drift = wasDone || wasDrift ? await driftOf(context, delivery).catch(() => 'unknown' as const) : null;
  if (drift === 'unknown' ? wasDrift : drift !== null) {
    noteDrift(context, delivery, drift === 'unknown' ? null : drift, now);
    context.persist();
    return;
  }
  if (summary === 'live') {
    delivery.step = 'done';
    delivery.failure = null;
    delivery.retryAt = 0;
    if (!wasDone) context.event('served', `Every instance of ${service} in ${cluster} serves it (${describeVerdicts(rows)})`);
    followPhase(context);
    context.persist();
    return;
  }
  if (wasDone) {
    delivery.step = 'verify';
    delivery.polls = 0;
    delivery.verifyingSince = now;
    const said = [describeVerdicts(rows), describeServed(rows, pair.sha256)].filter((sentence) => sentence !== '').join(' ');
    const severity = summary === 'wrong' ? 'critical' : 'warning';
    context.event('no-longer-served', `${service} in ${cluster} no longer serves the live certificate everywhere. ${said}`, severity);
  }
  await lookAgain(context, delivery, { summary, expected: pair.sha256, now, lost: wasDone });
  context.persist();
}

interface Look {
  summary: 'waiting-for-instance' | 'partly-live' | 'wrong';
  expected: string;
  now: number;
  /** It was served before: that is not on its way, and is said at once. */
  lost: boolean;
}

/** Quick dials while the proxy may still be loading the pair; after that a failure that says what is seen. */
async function lookAgain(context: PhaseContext, delivery: DeliveryState, { summary, expected, now, lost }: Look): Promise<void> {
  const settling = now - (delivery.verifyingSince ?? now) < SETTLE_MS;
  delivery.polls += 1;
  if (settling && summary === 'wrong' && !lost) {
    delivery.retryAt = now + quickDialDelay(delivery.polls);
    // What the look before showed, an instance that could not be reached say, is over.
    delivery.failure = null;
    return;
  }
  const drift = summary === 'wrong' && !lost ? await driftOf(context, delivery) : null;
  if (drift !== null) return noteDrift(context, delivery, drift, now);
  delivery.retryAt = now + (settling ? Math.min(MINUTE, quickDialDelay(delivery.polls) * 2) : slowDialDelay(now - (delivery.verifyingSince ?? now)));
  delivery.failure = {
    class: 'traefik',
    code: summary === 'waiting-for-instance' ? 'traefik_no_instance' : summary === 'partly-live' ? 'traefik_unreachable' : 'traefik_serves_another',
    message: [describeVerdicts(delivery.instances), describeServed(delivery.instances, expected)].filter((sentence) => sentence !== '').join(' '),
    hint: distrusted(delivery.instances, expected) === null ? hintFor(summary, delivery.spec.service) : CHAIN_HINT,
    retryAt: delivery.retryAt,
    count: delivery.polls,
    attention: false,
    stopped: false,
  };
}

/** The leaf is the right one, and whoever is served it does not trust it. */
const CHAIN_HINT = 'Check that the template renders the whole chain, and that the relay is told of the root where the CA is a private one.';

function hintFor(summary: Look['summary'], service: string): string {
  switch (summary) {
    case 'waiting-for-instance':
      return `Start the proxy job, or check that it registers the service "${service}" with Nomad and that the relay's job file lists its job id.`;
    case 'partly-live':
      return 'An instance that discovery names cannot be dialled: check that it runs and that the relay may reach its address.';
    case 'wrong':
      return 'Check that Traefik watches the rendered file and that its template reads this variable.';
  }
}

/** What stands in the variable in place of what was installed. A blind delivery cannot know. */
async function driftOf(context: PhaseContext, delivery: DeliveryState): Promise<Drift> {
  const { spec, installed } = delivery;
  if (spec.blind || installed === null) return null;
  const answer = await context.ports.relay.inspect(spec.cluster, context.state.record.name, { target: spec.target });
  if (answer.sha256 === null)
    return `The variable ${spec.target.variable} holds no certificate any more (expected SHA-256 ${installed}): somebody took it out.`;
  if (answer.sha256 !== installed)
    return `The variable ${spec.target.variable} holds a pair that somebody else wrote (found SHA-256 ${answer.sha256}, expected SHA-256 ${installed}).`;
  return answer.pairFits === false
    ? `The variable ${spec.target.variable} holds our certificate (SHA-256 ${installed}) with a key of somebody else, which does not fit.`
    : null;
}

/** It is shown until it is over, and never overwritten unasked. @param drift null: as it was found before. */
function noteDrift(context: PhaseContext, delivery: DeliveryState, drift: string | null, now: number): void {
  const former = delivery.failure?.code === 'drift' ? delivery.failure : null;
  const message = drift === null ? (former?.message ?? '') : `${drift} ${describeVerdicts(delivery.instances)}`;
  if (delivery.step === 'done') delivery.verifyingSince = now;
  delivery.step = 'verify';
  const count = (former?.count ?? 0) + 1;
  delivery.retryAt = now + HOUR * Math.min(DRIFT_HOURS, count);
  delivery.failure = {
    class: 'nomad',
    code: 'drift',
    message,
    hint: 'Redeliver to put ours back; the next due renewal replaces it as well.',
    retryAt: delivery.retryAt,
    count,
    attention: false,
    stopped: false,
  };
  if (former === null) context.event('drift', message, 'warning');
}
