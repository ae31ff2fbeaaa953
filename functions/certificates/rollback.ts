/**
 * When a delivery is rolled back, and what that means for the issuance (DESIGN §7): pure rules of plain data and a clock.
 *
 * Invariants: only an instance that served validly before the install can call for it; never one that cannot be reached,
 * that serves the pair before or somebody else's; never one dial alone; once per issuance.
 */
import { DAY, HOUR, MINUTE, SECOND } from '../../shared/clock.ts';
import type { CertificateState, DeliveryState, Failure } from './state.ts';

/** Template, throttle and file watch of a proxy take less, ms; a restarted task needs longer until it has read its files. */
const SETTLE_MS = 10 * SECOND;
const RESTART_SETTLE_MS = 30 * SECOND;
/** Two dials that are to agree are at least this far apart, ms. */
const APART_MS = 3 * SECOND;
/** A rollback that could not be done this soon, ms, is thought over: the proxy may serve the new pair by now. */
const STALE_MS = 5 * MINUTE;
const QUARANTINED_LEAVES = 16;

export interface WantedRollback {
  /** Leaf that cannot be served. */
  from: string;
  /** The live one, which was served before. */
  to: string;
}

/**
 * Whether the dials call for a rollback of `delivery`. `delivery.instances` are still those of the dial before.
 * @param seen rows of the dial just made. @param now Unix ms.
 */
export function wantedRollback(state: CertificateState, delivery: DeliveryState, seen: DeliveryState['instances'], now: number): WantedRollback | null {
  const { live, issuance } = state;
  const { spec, wanted, installed, verifyingSince } = delivery;
  if (!spec.rollback || spec.blind || wanted === null || installed !== wanted || verifyingSince === null) return null;
  // Only what is on its way can be taken back, and only to what is valid and was served there before.
  if (issuance?.issued?.leaf.sha256 !== wanted || live === null || live.leaf.notAfter <= now) return null;
  const to = delivery.known.find((leaf) => leaf !== wanted);
  if (to !== live.leaf.sha256 || delivery.rollback?.from === wanted) return null;
  const settled = verifyingSince + (spec.reload === 'restart' ? RESTART_SETTLE_MS : SETTLE_MS);
  const failsTwice = delivery.servedBefore.some((id) => {
    const before = delivery.instances.find((row) => row.id === id);
    const present = seen.find((row) => row.id === id);
    if (before === undefined || present === undefined) return false;
    return serves(before) === 'nothing' && serves(present) === 'nothing' && before.at >= settled && present.at - before.at >= APART_MS;
  });
  return failsTwice ? { from: wanted, to } : null;
}

/** The proxy's own default certificate, or no handshake at all: visitors are turned away. */
function serves({ verdict }: { verdict: string }): 'nothing' | 'something' {
  return verdict === 'default' || verdict === 'cut' ? 'nothing' : 'something';
}

/** A rollback that was decided and is not known to be done: it goes before anything else of its delivery. */
export function rollbackPending({ rollback }: DeliveryState): boolean {
  return rollback !== null && !rollback.done;
}

/** Whether the decision is so old that the world has to be looked at again before it is carried out. */
export function rollbackStale({ record, issuance }: CertificateState, delivery: DeliveryState, now: number): boolean {
  const { rollback } = delivery;
  if (rollback === null || record.quarantined.includes(rollback.from)) return false;
  return issuance !== null && now - rollback.at > STALE_MS;
}

/** The latest last; a leaf in here is never installed again. */
export function quarantine(quarantined: readonly string[], leaf: string): string[] {
  return [...quarantined.filter((other) => other !== leaf), leaf].slice(-QUARANTINED_LEAVES);
}

/**
 * The deliveries of a certificate one of whose deliveries was rolled back. It cannot become live, so the others go back to
 * the live one as well: where the withdrawn leaf was installed by a rollback of their own.
 * @param live leaf that stays live. @param now Unix ms.
 */
export function withdrawnDeliveries(deliveries: readonly DeliveryState[], withdrawn: string, live: string, now: number): DeliveryState[] {
  return deliveries.map((delivery): DeliveryState => {
    if (delivery.wanted !== withdrawn) return delivery;
    const looksAgain = { ...delivery, wanted: live, step: 'verify' as const, failure: null, retryAt: 0, polls: 0, verifyingSince: now };
    if (delivery.installed !== withdrawn) return looksAgain;
    // One whose own rollback was found to be impossible is asked once more: the live pair itself may still be deliverable.
    return { ...looksAgain, rollback: { from: withdrawn, to: live, at: now, done: false } };
  });
}

/**
 * Holds the next issuance back: the proxy that could not serve this pair is unlikely to serve the next one. A day, less
 * when little life is left, with jitter of up to a quarter. @param now Unix ms. @param random uniform in [0, 1).
 */
export function holdAfterRollback({ record, live }: CertificateState, message: string, now: number, random: number): Failure {
  const lifeLeft = live === null ? 0 : Math.max(0, live.leaf.notAfter - now);
  const wait = Math.min(DAY, Math.max(HOUR, lifeLeft / 4)) * (1 + random / 4);
  return {
    class: 'traefik',
    code: 'rolled_back',
    message,
    hint: 'Find out why the proxy could not serve it (its log, its template, the type of the key), then renew by hand. By itself it is tried again when it is due, in about a day at the earliest.',
    retryAt: Math.round(now + wait),
    count: (record.hold?.code === 'rolled_back' ? record.hold.count : 0) + 1,
    attention: true,
    stopped: false,
  };
}
