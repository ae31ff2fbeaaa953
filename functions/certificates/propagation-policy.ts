/** How long publishing may take, by kind of DNS vendor: data, and what follows from it. Pure. */
import { MINUTE, SECOND } from '../../shared/clock.ts';
import type { PlacedRecord } from './ports.ts';

export interface PropagationPolicy {
  /** Before the first look, ms: asked sooner, servers can only deny. */
  firstLookMs: number;
  /** Between looks, ms; the last one repeats. */
  delaysMs: readonly number[];
  /** From then on the page says that something is wrong, ms; asking goes on. */
  concernMs: number;
  /** From then on it is a failure with its backoff, ms; the order is kept as long as it is valid. */
  timeoutMs: number;
}

/** Cloudflare shows a record within seconds. Namecheap takes 20 s to 60 min, and its servers are the sign of it. */
const POLICIES: Record<NonNullable<PlacedRecord['provider']>, PropagationPolicy> = {
  cloudflare: {
    firstLookMs: 0,
    delaysMs: [200, 300, 500, SECOND, 2 * SECOND, 3 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND],
    concernMs: 5 * MINUTE,
    timeoutMs: 10 * MINUTE,
  },
  namecheap: { firstLookMs: 10 * SECOND, delaysMs: [15 * SECOND], concernMs: 30 * MINUTE, timeoutMs: 60 * MINUTE },
};

/** The policy of the slowest vendor among them. The release before knew Cloudflare only and did not say so. */
export function policyOf(placed: readonly Pick<PlacedRecord, 'provider'>[]): PropagationPolicy {
  return placed.some(({ provider }) => provider === 'namecheap') ? POLICIES.namecheap : POLICIES.cloudflare;
}

/** Unix ms of the next look. @param looks made so far. */
export function nextLook(now: number, looks: number, { delaysMs }: PropagationPolicy): number {
  return now + (delaysMs[Math.min(looks, delaysMs.length - 1)] ?? 0);
}
