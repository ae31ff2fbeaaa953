/** What people and programs see of a certificate: a pure projection of its state. No secret, no CSR, no chain. */
import { decide, nextIssuance } from './decide.ts';
import { describeVerdicts, SETTLE_MS, summarise } from './delivery.ts';
import type { CertificateView, PropagationReport } from './ports.ts';
import { policyOf } from './propagation-policy.ts';
import { explainRenewal } from './renewal.ts';
import type { Ari, CertificateState, DeliveryState, Failure, HistoryEntry, Issuance, Live } from './state.ts';

export interface ViewInput {
  state: CertificateState;
  history: HistoryEntry[];
  now: number;
  /** Set when the configuration in the bundle is invalid: nothing moves. */
  held: boolean;
  /** Set while HOLD is set on the Worker: nothing moves. */
  onHold?: boolean;
}

const HELD = {
  configuration: { reason: 'The configuration is invalid; nothing is issued until it is mended.', waitingFor: 'A valid configuration.' },
  hold: { reason: 'HOLD is set on the Worker; nothing is issued or delivered until it is taken away.', waitingFor: 'The end of the hold.' },
} as const;

export function viewOf({ state, history, now, held: invalid, onHold = false }: ViewInput): CertificateView {
  const held = invalid ? HELD.configuration : onHold ? HELD.hold : null;
  const { record, live, issuance } = state;
  const step = decide(state, now);
  const renewal = record.retired ? null : nextIssuance(state, now);
  return {
    name: record.name,
    domains: record.spec.domains,
    state: overallState(state),
    phase: phaseOf(state),
    reason: held?.reason ?? reasonOf(state, now),
    waitingFor: held === null ? waitingFor(state, now) : held.waitingFor,
    nextAt: step.do === 'wait' || step.do === 'defer' ? step.until : now,
    renewal: renewal === null || !Number.isFinite(renewal.at) ? null : { at: renewal.at, reason: explainRenewal(renewal) },
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
            keyType: live.keyType,
            why: live.why,
            revoked: live.revoked,
          },
    issuance: issuance === null ? null : issuanceView(issuance),
    deliveries: state.deliveries.map(deliveryView),
    hold: failureView(record.hold),
    quarantined: record.quarantined,
    revocation: record.revocation === null ? null : { ...record.revocation, failure: failureView(record.revocation.failure) },
    history,
    zones: record.zones,
    generation: record.generation,
  };
}

function overallState(state: CertificateState): CertificateView['state'] {
  const { record, live, issuance, deliveries } = state;
  if (record.retired) return 'retired';
  const failures = failuresOf(state);
  if (failures.some(({ attention, stopped }) => attention || stopped)) return 'needs-attention';
  const [failure] = failures;
  if (failure !== undefined) {
    const partly = deliveries.some((delivery) => delivery.failure?.code === 'traefik_unreachable');
    if (partly && deliveries.every((delivery) => delivery.failure === null || delivery.failure.code === 'traefik_unreachable')) return 'partly-live';
    return failure.code === 'traefik_no_instance' ? 'waiting' : 'failing';
  }
  if (issuance !== null) return 'renewing';
  if (live === null) return 'new';
  return deliveries.every((delivery) => delivery.step === 'done') ? 'live' : 'renewing';
}

/** What fails at present, the most telling first. A hold is no news any more while the next issuance runs. */
function failuresOf({ record, issuance, deliveries }: CertificateState): Failure[] {
  const hold = issuance === null ? record.hold : null;
  const found = [record.adoptionDone ? null : record.adoptionFailure, issuance?.failure, ...deliveries.map(({ failure }) => failure), hold];
  return [...found, record.revocation?.failure].filter((failure) => failure != null);
}

function phaseOf(state: CertificateState): CertificateView['phase'] {
  if (!state.record.adoptionDone && !state.record.retired) return 'adopt';
  return state.issuance?.phase ?? state.deliveries.map((delivery) => delivery.step).find((step) => step !== 'done') ?? 'idle';
}

function reasonOf(state: CertificateState, now: number): string {
  const { record, issuance, live } = state;
  if (record.retired) return 'It was removed from the configuration; the variable stays as it is until somebody deletes it.';
  const failures = failuresOf(state);
  const failure = failures.find(({ stopped }) => stopped) ?? failures.find(({ attention }) => attention) ?? failures[0];
  if (failure !== undefined) return `${explainFailure(state, failure)}${issuance === null ? '' : explainFallback(issuance)}`;
  if (!record.adoptionDone) return 'The cluster is asked what it already serves before anything is ordered.';
  if (issuance !== null) return `${PHASE_SENTENCES[issuance.phase]}${explainFallback(issuance)}`;
  return `${explainRenewal(nextIssuance(state, now))}${live === null ? '' : explainAuthority(live)}`;
}

/** What failed; what to do, unless the view has a place for that beside it; and the way out of what has stopped. */
function explainFailure({ issuance, deliveries }: CertificateState, failure: Failure): string {
  const beside = failure === issuance?.failure || deliveries.some((delivery) => delivery.failure === failure);
  const hint = beside || failure.hint === null ? '' : ` ${sentence(failure.hint)}`;
  const stopped = failure.stopped ? ' Nothing is tried any more by itself: renew it once this is mended, or change its configuration.' : '';
  return `${sentence(failure.message)}${hint}${stopped}`;
}

/** Which CA is asked instead of the first one, and why. */
function explainFallback({ authority, left }: Issuance): string {
  const last = left.at(-1);
  return last === undefined ? '' : ` ${authority} is asked because ${last.authority} was left: ${sentence(last.message)}`;
}

/** Which CA issued it instead of the first one, and why. */
function explainAuthority({ authority, why }: Live): string {
  return why === null ? '' : ` It was issued by ${authority ?? 'another CA'}: ${sentence(why)}`;
}

function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
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
  if (record.retired) return null;
  if (!record.adoptionDone) return record.adoptionFailure === null ? 'The relay.' : waitsAfter(record.adoptionFailure);
  if (issuance?.failure) return waitsAfter(issuance.failure);
  if (issuance?.intent && issuance.waitUntil > now) return 'An interrupted call to be over for certain.';
  if (issuance?.phase === 'order' && issuance.waitUntil > now)
    return `Its turn: as many certificates as may at once are being issued by ${issuance.authority}.`;
  if (issuance?.phase === 'present' && issuance.polls > 0) return zoneWaited(issuance);
  if (issuance?.phase === 'propagate') {
    const since = issuance.phases.at(-1)?.startedAt ?? now;
    const summary = issuance.propagation?.summary ?? 'The first answer of the name servers';
    return now - since > policyOf(issuance.placed).concernMs ? `${summary}, longer than usual.` : `${summary}.`;
  }
  if (issuance?.phase === 'validate') return 'The CA to look at the records.';
  if (issuance?.phase === 'finalize' || issuance?.phase === 'download') return 'The CA to issue.';
  const open = state.deliveries.find((delivery) => delivery.step !== 'done');
  if (open === undefined) return issuance === null && record.hold !== null ? waitsAfter(record.hold) : null;
  if (open.failure !== null) return waitsAfter(open.failure);
  // Verdicts of a time before the install are about the pair before it.
  if (open.step === 'verify')
    return open.instances.length === 0 || (open.verifiedAt ?? 0) < (open.verifyingSince ?? 0)
      ? 'The first dial.'
      : `${open.spec.service}: ${describeVerdicts(open.instances)}`;
  return null;
}

function waitsAfter({ stopped }: Failure): string {
  return stopped ? 'Somebody who renews it, or a changed configuration.' : 'The next try.';
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
    keyType: issuance.spec.keyType,
    profile: issuance.spec.profile,
    left: issuance.left.map(({ authority, at, code, message }) => ({ authority, at, code, message })),
    keyMadeIn: issuance.key?.madeIn ?? null,
    phases: issuance.phases,
    propagation: propagationView(issuance),
    failure: failureView(issuance.failure),
    requests: issuance.requests,
  };
}

/** Without a next try once trying has stopped. */
function failureView(failure: Failure | null): NonNullable<CertificateView['issuance']>['failure'] {
  return failure === null ? null : { ...failure, retryAt: failure.stopped ? null : failure.retryAt };
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
    rollback: delivery.rollback,
    failure: failureView(delivery.failure),
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
