/** Beginning and end of an issuance. */
import { coveredBy } from '../../../shared/x509/chain.ts';
import type { HistoryEntry, Issuance } from '../state.ts';
import { whyNotTheFirst } from '../authorities.ts';
import { type RenewalReason, REASONS } from '../renewal.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { unasked } from './ari.ts';
import { enterPhase, issuanceOf, type PhaseContext } from './context.ts';

export function start(context: PhaseContext, reason: RenewalReason): void {
  const { state, clock } = context;
  const { spec, generation } = state.record;
  const authority = spec.authorities[0];
  if (authority === undefined) throw new PerennialError('internal_no_authority', 'A specification without a CA cannot be issued.');
  const now = clock();
  state.issuance = {
    id: context.newId(),
    spec,
    generation,
    startedAt: now,
    reason,
    attempt: 1,
    authority,
    left: [],
    phase: 'order',
    phases: [{ name: 'order', startedAt: now, endedAt: null }],
    intent: null,
    replaces: replacedCertificate(context, authority),
    order: null,
    accountUrl: null,
    nonce: null,
    authorizationsRead: 0,
    answered: 0,
    challenges: [],
    key: null,
    placed: [],
    propagation: null,
    polls: 0,
    cleaned: true,
    cleanUpRetryAt: 0,
    cleanUpFailures: 0,
    issued: null,
    failure: null,
    lostTo: null,
    waitUntil: 0,
    requests: { acme: 0, dns: 0, relay: 0 },
  };
  state.record.demand = null;
  context.event('started', `A renewal began: ${reason === REASONS.missing ? 'there is no certificate yet' : reason}.`);
  context.persist();
}

/** RFC 9773 §5: only the CA that issued the predecessor, and only with a name in common, accepts `replaces`. */
export function replacedCertificate(context: PhaseContext, authority: string): string | null {
  const { live, record } = context.state;
  if (live === null || live.authority !== authority || live.accountUrl === null || live.leaf.certId === null) return null;
  return record.spec.domains.some((name) => live.leaf.names.includes(name) || coveredBy(name, live.leaf.names)) ? live.leaf.certId : null;
}

/** The issued certificate is served everywhere: it is live, and the key of its predecessor may go. */
export async function complete(context: PhaseContext): Promise<HistoryEntry> {
  const { state, clock } = context;
  const issuance = issuanceOf(context);
  if (issuance.issued === null) throw new PerennialError('internal_nothing_issued', 'An issuance without a certificate cannot complete.');
  const now = clock();
  const former = state.live;
  const { leaf, chain } = issuance.issued;
  enterPhase(context, 'idle');
  state.live = {
    issuance: issuance.id,
    chain,
    leaf,
    authority: issuance.authority,
    accountUrl: issuance.accountUrl,
    keyType: issuance.spec.keyType,
    since: now,
    adopted: false,
    why: whyNotTheFirst(issuance),
    authorizations: context.ports.acme.deactivatesAuthorizations(issuance.authority) ? (issuance.order?.authorizations ?? []).slice(0, 200) : [],
    revoked: null,
  };
  state.ari = leaf.certId === null ? null : unasked(leaf.certId, now);
  const where = state.deliveries.length === 1 ? 'its target' : `all ${state.deliveries.length} targets`;
  const entry = historyEntry(issuance, now, 'live', `Live in ${where}.`);
  state.issuance = null;
  // Whoever insisted while it was on its way has got it, and what held the next one back is over.
  state.record.demand = null;
  state.record.hold = null;
  context.event('live', `The certificate is live in ${where} (SHA-256 ${leaf.sha256}).`);
  context.persist();
  const cluster = issuance.key?.cluster;
  if (former?.issuance && cluster !== undefined) {
    // Best effort: the relay sweeps keys that nobody asked to keep after 30 days.
    await context.ports.relay.removeKey(cluster, former.issuance).catch(() => undefined);
  }
  return entry;
}

/** Gives an issuance up; the pair that is served stays as it is. */
export async function abandon(context: PhaseContext): Promise<HistoryEntry> {
  const { state, clock } = context;
  const issuance = issuanceOf(context);
  enterPhase(context, 'idle');
  const entry = historyEntry(
    issuance,
    clock(),
    issuance.issued === null ? 'failed' : 'abandoned',
    issuance.failure?.message ?? 'A newer certificate became due before this one was served everywhere.',
  );
  state.issuance = null;
  context.event('abandoned', entry.message);
  context.persist();
  const { key } = issuance;
  if (key !== null && issuance.issued === null) await context.ports.relay.removeKey(key.cluster, issuance.id).catch(() => undefined);
  return entry;
}

/** The order is of no use any more (refused, expired): the next attempt places a new one, with the same key. */
export function dropOrder(context: PhaseContext): void {
  const issuance = issuanceOf(context);
  enterPhase(context, 'order');
  issuance.order = null;
  issuance.intent = null;
  issuance.authorizationsRead = 0;
  issuance.answered = 0;
  issuance.challenges = [];
  issuance.propagation = null;
  issuance.attempt += 1;
}

/** Waiting on DNS beyond the order's life would be for nothing. @returns true when the order is dropped: the next step is a new one. */
export function dropExpiredOrder(context: PhaseContext): boolean {
  const { order } = issuanceOf(context);
  if (order?.expires == null || order.expires > context.clock()) return false;
  dropOrder(context);
  context.event('order-expired', 'The order expired while its challenge records were on their way; a new one follows.');
  return true;
}

export function historyEntry(issuance: Issuance, endedAt: number, outcome: HistoryEntry['outcome'], message: string): HistoryEntry {
  return {
    id: issuance.id,
    startedAt: issuance.startedAt,
    endedAt,
    outcome,
    sha256: issuance.issued?.leaf.sha256 ?? null,
    authority: issuance.authority,
    phases: issuance.phases.filter((phase) => phase.name !== 'idle').map((phase) => ({ name: phase.name, ms: (phase.endedAt ?? endedAt) - phase.startedAt })),
    message,
    requests: issuance.requests,
  };
}
