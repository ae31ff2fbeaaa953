/**
 * The relay makes key and CSR, and the TXT records of all challenges are published in one go. Both are safe to repeat:
 * the key is bound to the issuance id, a record with the same name and value is a no-op.
 */
import { PerennialError } from '../../../shared/errors.ts';
import type { AcmeAuthorization, ChallengeRecord, PlacedRecord } from '../ports.ts';
import { KEY_COMPROMISE } from '../revocation.ts';
import type { CertificateRecord, Issuance, Live } from '../state.ts';
import { policyOf } from '../propagation-policy.ts';
import { clustersOf, enterPhase, issuanceOf, operationId, type PhaseContext } from './context.ts';
import { dropExpiredOrder } from './issuance.ts';

/** Authorizations read in one step: what one run sends to the outside is bounded (DESIGN §13). */
const AUTHORIZATIONS_PER_STEP = 10;

export async function present(context: PhaseContext): Promise<void> {
  const issuance = issuanceOf(context);
  await Promise.all([makeKey(context, issuance), readAuthorizations(context, issuance)]);
  context.persist();
  const pending = issuance.order?.status === 'pending';
  if (pending && issuance.authorizationsRead < (issuance.order?.authorizations.length ?? 0)) return;
  if (issuance.challenges.length === 0) {
    // Every authorization was reused: nothing has to be proven.
    enterPhase(context, 'finalize');
    context.persist();
    return;
  }
  // A vendor that has the records in hand is only asked how far it is. After a failure they may belong elsewhere by now.
  if (issuance.polls === 0 || issuance.failure !== null) await place(context, issuance);
  const again = await context.ports.dns.present(issuance.id, operationId(issuance, 'present'), issuance.placed);
  if (again === null) {
    issuance.propagation = null;
    enterPhase(context, 'propagate');
    issuance.waitUntil = context.clock() + policyOf(issuance.placed).firstLookMs;
  } else if (!dropExpiredOrder(context)) {
    issuance.waitUntil = again;
    issuance.polls += 1;
  }
  context.persist();
}

/** Finds where the records go and remembers it before anything is written there. */
async function place(context: PhaseContext, issuance: Issuance): Promise<void> {
  const records: ChallengeRecord[] = issuance.challenges.map(({ name, value }) => ({ name, value }));
  const placed = await context.ports.dns.place(records, clustersOf(issuance));
  const before = issuance.placed;
  if (!issuance.cleaned && before.length > 0 && !samePlaces(before, placed)) {
    // Other records are another change: its operation must not be taken for the one before.
    enterPhase(context, 'present');
    const left = before.filter(({ vendor, zoneId }) => !placed.some((record) => record.vendor === vendor && record.zoneId === zoneId));
    // Best effort: the zone's own janitor removes what stays there.
    if (left.length > 0) await context.ports.dns.cleanUp(issuance.id, operationId(issuance, 'clean-up-moved'), left).catch(() => undefined);
  }
  issuance.placed = placed;
  issuance.cleaned = false;
  context.state.record.zones = zonesOf(placed);
  context.persist();
}

function samePlaces(before: readonly PlacedRecord[], now: readonly PlacedRecord[]): boolean {
  const keys = (records: readonly PlacedRecord[]) =>
    records
      .map(({ vendor, zoneId, target, value }) => `${vendor} ${zoneId} ${target} ${value}`)
      .toSorted()
      .join('\n');
  return keys(before) === keys(now);
}

function zonesOf(placed: readonly PlacedRecord[]): CertificateRecord['zones'] {
  const zones = new Map(placed.map(({ vendor, zoneId, zoneName }) => [zoneId, { vendor, zoneId, zoneName }]));
  return [...zones.values()];
}

async function makeKey(context: PhaseContext, issuance: Issuance): Promise<void> {
  if (issuance.key !== null) return;
  const { spec } = issuance;
  const cluster = spec.deliveries[0]?.cluster;
  if (cluster === undefined) throw new PerennialError('internal_no_delivery', 'A certificate without a delivery cannot have a key.');
  const reuse = keyToKeep(issuance, context.state.live);
  const answer = await context.ports.relay.createKey(cluster, {
    issuance: issuance.id,
    names: spec.domains,
    keyType: spec.keyType,
    ...(reuse === null ? {} : { reuse }),
  });
  issuance.key = { cluster, csr: answer.csr, spki: answer.spki, madeIn: answer.madeIn };
  context.persist();
}

/** Collects the challenges that still have to be met; none when the order is ready. */
async function readAuthorizations(context: PhaseContext, issuance: Issuance): Promise<void> {
  const { order, authorizationsRead } = issuance;
  if (order === null || order.status !== 'pending') return;
  const urls = order.authorizations.slice(authorizationsRead, authorizationsRead + AUTHORIZATIONS_PER_STEP);
  if (urls.length === 0) return;
  const session = await context.session();
  const authorizations = await session.authorizations(urls);
  issuance.challenges.push(...authorizations.filter((authorization) => authorization.status !== 'valid').map(challengeOf));
  issuance.authorizationsRead += urls.length;
}

function challengeOf(authorization: AcmeAuthorization): Issuance['challenges'][number] {
  if (authorization.status !== 'pending') {
    throw new PerennialError('acme_authorization_closed', `The CA has closed the authorization for ${authorization.identifier} (${authorization.status}).`, {
      retryable: true,
      hint: authorization.dns01?.error?.detail ?? 'A new order will be placed.',
    });
  }
  if (authorization.dns01 === null) {
    throw new PerennialError('acme_no_dns_challenge', `The CA offers no dns-01 challenge for ${authorization.identifier}.`);
  }
  return {
    url: authorization.dns01.url,
    authorization: authorization.url,
    name: `_acme-challenge.${authorization.identifier}`,
    value: authorization.dns01.txtValue,
  };
}

/** The issuance whose key is kept, where the specification wants that: never a key that was given away. */
function keyToKeep({ spec }: Issuance, live: Live | null): string | null {
  if (!spec.reuseKey || live === null || live.keyType !== spec.keyType || live.revoked?.reason === KEY_COMPROMISE) return null;
  return live.issuance;
}
