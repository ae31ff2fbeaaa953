/** What people and programs see of a certificate: a pure projection of its state. No secret, no CSR, no chain. */
import { decide, nextIssuance } from './decide.ts';
import { describeVerdicts, SETTLE_MS, summarise } from './delivery.ts';
import type { CertificateView, PropagationReport } from './ports.ts';
import { policyOf } from './propagation-policy.ts';
import { explainRenewal } from './renewal.ts';
import type { Ari, CertificateState, DeliveryState, HistoryEntry, Issuance } from './state.ts';

export interface ViewInput {
  state: CertificateState;
  history: HistoryEntry[];
  now: number;
  /** Set when the configuration in the bundle is invalid: nothing moves. */
  held: boolean;
}

export function viewOf({ state, history, now, held }: ViewInput): CertificateView {
  const { record, live, issuance } = state;
  const step = decide(state, now);
  const renewal = record.retired ? null : nextIssuance(state, now);
  return {
    name: record.name,
    domains: record.spec.domains,
    state: overallState(state),
    phase: phaseOf(state),
    reason: held ? 'The configuration is invalid; nothing is issued until it is mended.' : reasonOf(state, now),
    waitingFor: held ? 'A valid configuration.' : waitingFor(state, now),
    nextAt: step.do === 'wait' ? step.until : now,
    renewal: renewal === null ? null : { at: renewal.at, reason: explainRenewal(renewal) },
    ari: state.ari === null ? null : ariView(state.ari),
    live:
      live === null
        ? null
        : {
            sha256: live.leaf.sha256,
            names: live.leaf.names,
            issuer: live.leaf.issuer,
            authority: live.authority,
            serial: live.leaf.serial,
            notBefore: live.leaf.notBefore,
            notAfter: live.leaf.notAfter,
            since: live.since,
            adopted: live.adopted,
            why: live.why,
            revoked: live.revoked,
          },
    issuance: issuance === null ? null : issuanceView(issuance),
    deliveries: state.deliveries.map(deliveryView),
    history,
    zones: record.zones,
    generation: record.generation,
  };
}

function overallState(state: CertificateState): CertificateView['state'] {
  const { record, live, issuance, deliveries } = state;
  if (record.retired) return 'retired';
  const failure = issuance?.failure ?? record.adoptionFailure ?? deliveries.find((delivery) => delivery.failure !== null)?.failure ?? null;
  if (failure !== null) {
    const partly = deliveries.some((delivery) => delivery.failure?.code === 'traefik_unreachable');
    if (partly && deliveries.every((delivery) => delivery.failure === null || delivery.failure.code === 'traefik_unreachable')) return 'partly-live';
    return failure.code === 'traefik_no_instance' ? 'waiting' : 'failing';
  }
  if (issuance !== null) return 'renewing';
  if (live === null) return 'new';
  return deliveries.every((delivery) => delivery.step === 'done') ? 'live' : 'renewing';
}

function phaseOf(state: CertificateState): CertificateView['phase'] {
  if (!state.record.adoptionDone && !state.record.retired) return 'adopt';
  return state.issuance?.phase ?? state.deliveries.map((delivery) => delivery.step).find((step) => step !== 'done') ?? 'idle';
}

function reasonOf(state: CertificateState, now: number): string {
  const { record, issuance } = state;
  if (record.retired) return 'It was removed from the configuration; the variable stays as it is until somebody deletes it.';
  if (!record.adoptionDone) return record.adoptionFailure?.message ?? 'The cluster is asked what it already serves before anything is ordered.';
  if (issuance !== null) {
    if (issuance.failure !== null) return issuance.failure.message;
    const delivering = state.deliveries.find((delivery) => delivery.failure !== null);
    if (delivering?.failure) return delivering.failure.message;
    return PHASE_SENTENCES[issuance.phase];
  }
  const delivering = state.deliveries.find((delivery) => delivery.failure !== null);
  if (delivering?.failure) return delivering.failure.message;
  return explainRenewal(nextIssuance(state, now));
}

const PHASE_SENTENCES: Record<Issuance['phase'], string> = {
  idle: 'Nothing to do.',
  adopt: 'The cluster is asked what it already serves.',
  order: 'An order is placed with the CA.',
  present: 'The relay makes the key; the challenge records are published.',
  propagate: 'The challenge records are on their way to every name server.',
  validate: 'The CA looks at the challenge records.',
  finalize: 'The certificate request is sent to the CA.',
  download: 'The chain is fetched and checked against the request.',
  install: 'The pair is written into its Nomad variable.',
  reload: 'The proxy is told to load it.',
  verify: 'Every instance is dialled until it serves the new chain.',
};

function waitingFor(state: CertificateState, now: number): string | null {
  const { issuance, record } = state;
  if (!record.adoptionDone) return record.adoptionFailure === null ? 'The relay.' : 'The next try.';
  if (issuance?.failure) return 'The next try.';
  if (issuance?.intent && issuance.waitUntil > now) return 'An interrupted call to be over for certain.';
  if (issuance?.phase === 'present' && issuance.polls > 0) return zoneWaited(issuance);
  if (issuance?.phase === 'propagate') {
    const since = issuance.phases.at(-1)?.startedAt ?? now;
    const summary = issuance.propagation?.summary ?? 'The first answer of the name servers';
    return now - since > policyOf(issuance.placed).concernMs ? `${summary}, longer than usual.` : `${summary}.`;
  }
  if (issuance?.phase === 'validate') return 'The CA to look at the records.';
  if (issuance?.phase === 'finalize' || issuance?.phase === 'download') return 'The CA to issue.';
  const open = state.deliveries.find((delivery) => delivery.step !== 'done');
  if (open === undefined) return null;
  if (open.failure !== null) return 'The next try.';
  // Verdicts of a time before the install are about the pair before it.
  if (open.step === 'verify')
    return open.instances.length === 0 || (open.verifiedAt ?? 0) < (open.verifyingSince ?? 0)
      ? 'The first dial.'
      : `${open.spec.service}: ${describeVerdicts(open.instances)}`;
  return null;
}

/** Its vendor replaces whole zones: changes are gathered, written in turn, and read back. */
function zoneWaited({ placed }: Issuance): string {
  const zones = [...new Set(placed.filter(({ provider }) => provider === 'namecheap').map(({ zoneName }) => zoneName))];
  return zones.length === 0 ? 'The DNS vendor to take the records.' : `The zone ${zones.join(', ')} to be written and read back.`;
}

function propagationView({ propagation }: Issuance): PropagationReport | null {
  if (propagation === null) return null;
  const { complete, summary, weak, servers } = propagation;
  return { complete, summary, weak, servers };
}

function ariView({ start, end, selectedAt, explanationUrl, nextCheckAt, failures }: Ari): CertificateView['ari'] {
  return { start, end, selectedAt, explanationUrl, nextCheckAt, failures };
}

function issuanceView(issuance: Issuance): CertificateView['issuance'] {
  return {
    id: issuance.id,
    startedAt: issuance.startedAt,
    attempt: issuance.attempt,
    authority: issuance.authority,
    left: issuance.left.map(({ authority, at, code, message }) => ({ authority, at, code, message })),
    keyMadeIn: issuance.key?.madeIn ?? null,
    phases: issuance.phases,
    propagation: propagationView(issuance),
    failure: issuance.failure,
    requests: issuance.requests,
  };
}

function deliveryView(delivery: DeliveryState): CertificateView['deliveries'][number] {
  return {
    id: delivery.id,
    cluster: delivery.spec.cluster,
    variable: delivery.spec.target.variable,
    index: delivery.index,
    sha256: delivery.installed,
    state: deliveryStateOf(delivery),
    instances: delivery.instances,
    failure: delivery.failure,
  };
}

function deliveryStateOf(delivery: DeliveryState): CertificateView['deliveries'][number]['state'] {
  if (delivery.wanted === null) return 'pending';
  if (delivery.step === 'done') return 'live';
  if (delivery.failure?.code === 'drift') return 'drift';
  if (delivery.failure?.code === 'traefik_no_instance') return 'waiting-for-instance';
  if (delivery.failure?.code === 'traefik_unreachable') return 'partly-live';
  if (delivery.failure?.code === 'traefik_serves_another') return 'wrong';
  if (delivery.failure !== null) return 'failing';
  if (delivery.step === 'install') return 'pending';
  return summarise(delivery.instances.map((instance) => instance.verdict)) === 'wrong' &&
    (delivery.verifiedAt ?? 0) - (delivery.verifyingSince ?? 0) > SETTLE_MS
    ? 'wrong'
    : 'installed';
}
