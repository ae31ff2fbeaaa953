/**
 * Pure rules of a delivery: what the dials mean, how long to look again quickly, and how a changed specification maps
 * onto deliveries that exist (DESIGN §7, §9).
 */
import { MINUTE, SECOND } from '../../shared/clock.ts';
import type { InstanceVerdict } from '../../shared/relay/contract.ts';
import { moment } from '../../shared/moment.ts';
import type { Delivery } from '../config/configuration.ts';
import type { CertificateState, DeliveryState } from './state.ts';

/** What all dials of one delivery say together. */
export type DialSummary = 'live' | 'waiting-for-instance' | 'partly-live' | 'wrong';

/**
 * Live: at least one instance and every one serves the new chain. None: waiting for an instance. Only `unreachable`
 * besides `new`: partly live. Anything else is wrong, and shown as what it is.
 */
export function summarise(verdicts: readonly string[]): DialSummary {
  if (verdicts.length === 0) return 'waiting-for-instance';
  if (verdicts.every((verdict) => verdict === 'new')) return 'live';
  if (verdicts.every((verdict) => verdict === 'new' || verdict === 'unreachable')) return 'partly-live';
  return 'wrong';
}

/** How long after an install the proxy may take before its state counts as a failure, ms (template wait + throttle, with room). */
export const SETTLE_MS = 2 * MINUTE;
const QUICK_DIALS = [150, 250, 250, 400, 400, 500, 750, SECOND, SECOND, 2 * SECOND, 2 * SECOND, 5 * SECOND] as const;

/** Wait before the next dial while the proxy is still settling, ms. */
export function quickDialDelay(polls: number): number {
  return QUICK_DIALS[Math.min(polls, QUICK_DIALS.length - 1)] ?? 5 * SECOND;
}

/** Wait before the next dial of a proxy that should have loaded the pair `since` ms ago and has not, ms: 1 to 15 minutes. */
export function slowDialDelay(since: number): number {
  return Math.min(15 * MINUTE, MINUTE * 2 ** Math.min(4, Math.floor(since / (5 * MINUTE))));
}

/** `2 of 3 instances serve it; old: 1`. */
export function describeVerdicts(instances: readonly { verdict: string }[]): string {
  if (instances.length === 0) return 'Service discovery names no instance.';
  const counts = new Map<string, number>();
  for (const { verdict } of instances) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const good = counts.get('new') ?? 0;
  const others = [...counts].filter(([verdict]) => verdict !== 'new').map(([verdict, count]) => `${verdict}: ${count}`);
  return `${good} of ${instances.length} ${instances.length === 1 ? 'instance serves' : 'instances serve'} it${others.length === 0 ? '' : `; ${others.join(', ')}`}.`;
}

/**
 * What the first instance that does not serve `expected` as it must serves instead, with both fingerprints, its issuer and
 * its own expiry: somebody else's certificate is renewed by nobody here. Empty when every one serves it.
 */
export function describeServed(instances: DeliveryState['instances'], expected: string): string {
  const odd = instances.find(({ verdict }) => verdict !== 'new' && verdict !== 'unreachable');
  if (odd === undefined) return '';
  const at = `${odd.address}:${odd.port}`;
  if (odd.sha256 === null) return `${at} serves no certificate (${odd.verdict}), expected SHA-256 ${expected}.`;
  if (odd.sha256 === expected) return `${at} serves it, and yet: ${odd.detail}`;
  const until = odd.notAfter === null ? '' : `, valid until ${moment(odd.notAfter)}`;
  return `${at} serves SHA-256 ${odd.sha256}, issued by ${odd.issuer ?? 'nobody knows whom'}${until}; expected SHA-256 ${expected}.`;
}

/** The row that is kept and shown for one dialled instance. */
export function instanceRow(instance: InstanceVerdict, at: number): DeliveryState['instances'][number] {
  const worst = instance.names.find((name) => name.verdict === instance.verdict) ?? instance.names[0];
  return {
    id: instance.id,
    address: instance.address,
    port: instance.port,
    verdict: instance.verdict,
    detail: instance.detail,
    sha256: worst?.served?.sha256 ?? null,
    issuer: worst?.served?.issuer ?? null,
    notAfter: worst?.served?.notAfter ?? null,
    at,
  };
}

export function newDelivery(spec: Delivery): DeliveryState {
  return {
    id: spec.id,
    spec,
    step: 'done',
    wanted: null,
    index: null,
    installed: null,
    known: [],
    replaceForeign: false,
    instances: [],
    verifyingSince: null,
    verifiedAt: null,
    polls: 0,
    failure: null,
    retryAt: 0,
    servedBefore: [],
    rollback: null,
  };
}

/**
 * Starts the way of a leaf to one target. `replaceForeign`: a due renewal or a person may replace what somebody else put
 * there. Who serves validly now is noted: only such an instance can call for a rollback. The same leaf again is the same
 * delivery.
 */
export function startDelivery(delivery: DeliveryState, sha256: string, replaceForeign: boolean): DeliveryState {
  const again = delivery.wanted === sha256;
  const serving = delivery.instances.filter(({ verdict }) => verdict === 'new').map(({ id }) => id);
  const known = [delivery.installed, ...delivery.known].filter((leaf): leaf is string => leaf !== null);
  return {
    ...delivery,
    step: 'install',
    wanted: sha256,
    known: [...new Set(known)].slice(0, 8),
    replaceForeign,
    verifyingSince: null,
    polls: 0,
    failure: null,
    retryAt: 0,
    servedBefore: again ? delivery.servedBefore : serving.slice(0, 500),
    rollback: again ? delivery.rollback : null,
  };
}

/**
 * Deliveries as the specification lists them, with the state of those that stay. A new target gets the live certificate;
 * a removed one is forgotten and its variable left as it is.
 */
export function matchDeliveries(state: CertificateState): DeliveryState[] {
  return state.record.spec.deliveries.map((spec) => {
    const present = state.deliveries.find((delivery) => delivery.id === spec.id);
    if (present !== undefined) return { ...present, spec };
    const fresh = newDelivery(spec);
    return state.live === null ? fresh : startDelivery(fresh, state.live.leaf.sha256, false);
  });
}
