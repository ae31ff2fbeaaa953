/**
 * Which configuration is in force, and what a new one means for each certificate. Pure decisions.
 *
 * Old and new bundles run side by side for minutes during a deploy and both offer their configuration. A configuration
 * that was never seen is a new deployment and wins at once. One that was in force before and was superseded may come
 * back only when the newer one has been silent for a while: then it is a roll-back, not a straggler.
 */
import { MINUTE } from '../../shared/clock.ts';
import type { CertificateSpec } from '../config/configuration.ts';

/** Longer than a deploy takes to reach every instance; every running bundle offers itself each minute that it is used. */
export const STRAGGLER_MS = 15 * MINUTE;

export interface Sightings {
  /** Hash in force, or null at the first start. */
  current: string | null;
  /** Unix ms at which a bundle with the current hash offered itself last. */
  currentSeenAt: number;
  /** The offered hash was seen before. */
  offeredBefore: boolean;
}

export type PromotionDecision = { decision: 'in-force' } | { decision: 'promote' } | { decision: 'superseded'; retryAt: number };

/** @param now Unix ms. */
export function decidePromotion(offered: string, sightings: Sightings, now: number): PromotionDecision {
  if (offered === sightings.current) return { decision: 'in-force' };
  if (!sightings.offeredBefore || sightings.current === null) return { decision: 'promote' };
  const retryAt = sightings.currentSeenAt + STRAGGLER_MS;
  return now >= retryAt ? { decision: 'promote' } : { decision: 'superseded', retryAt };
}

export interface PromotionPlan {
  added: string[];
  changed: string[];
  /** No longer configured. */
  retired: string[];
  /** The same names and targets under another name: the new object adopts what the old one delivered. */
  adopted: { from: string; to: string }[];
  unchanged: string[];
}

/**
 * Compares what was in force with what comes.
 * @param registry names that are shown and not retired; one that neither configuration knows is retired as well.
 */
export function planPromotion(previous: readonly CertificateSpec[], next: readonly CertificateSpec[], registry: readonly string[]): PromotionPlan {
  const before = new Map(previous.map((spec) => [spec.name, spec]));
  const after = new Map(next.map((spec) => [spec.name, spec]));
  const gone = new Set([...before.keys(), ...registry].filter((name) => !after.has(name)));
  const plan: PromotionPlan = { added: [], changed: [], retired: [], adopted: [], unchanged: [] };

  const byIdentity = new Map<string, string>();
  for (const name of gone) {
    const spec = before.get(name);
    if (spec !== undefined) byIdentity.set(identity(spec), name);
  }
  for (const spec of next) {
    const known = before.get(spec.name);
    if (known !== undefined) {
      plan[JSON.stringify(known) === JSON.stringify(spec) ? 'unchanged' : 'changed'].push(spec.name);
      continue;
    }
    const from = byIdentity.get(identity(spec));
    if (from === undefined) plan.added.push(spec.name);
    else {
      plan.adopted.push({ from, to: spec.name });
      gone.delete(from);
      byIdentity.delete(identity(spec));
    }
  }
  plan.retired = [...gone];
  return plan;
}

/** What makes a renamed certificate the same one: its names and where it goes, in any order. */
function identity(spec: CertificateSpec): string {
  return JSON.stringify([[...spec.domains].sort(), spec.deliveries.map((delivery) => delivery.id).sort()]);
}
