/**
 * Which addresses stand for a service: those of its healthy instances, and for a while those that have just stopped being
 * so, because an instance that restarts comes back within minutes and DNS changes stay in caches. Pure.
 */
import { z } from 'zod';
import { MINUTE } from '../../shared/clock.ts';
import type { Instance } from './ports.ts';

/** An address goes when it has been unhealthy or absent for this long while the relay could be asked. */
export const KEEP_MISSING_MS = 5 * MINUTE;

export const followedSchema = z.object({
  address: z.string(),
  /** Unix ms at which it was first seen without a healthy instance; null while it has one. */
  missingSince: z.number().int().nonnegative().nullable(),
});
export type Followed = z.infer<typeof followedSchema>;

/** @param instances as the relay reports them now. A time without a report counts for nobody: nothing was seen. */
export function followInstances(known: readonly Followed[], instances: readonly Instance[], now: number): Followed[] {
  const healthy = new Set(instances.filter((instance) => instance.healthy).flatMap(({ address }) => publishable(address) ?? []));
  const missing = known
    .filter(({ address }) => !healthy.has(address))
    .map(({ address, missingSince }) => ({ address, missingSince: missingSince ?? now }))
    .filter(({ missingSince }) => now < missingSince + KEEP_MISSING_MS);
  return [...[...healthy].map((address) => ({ address, missingSince: null })), ...missing].toSorted((a, b) => (a.address < b.address ? -1 : 1));
}

/**
 * The values of an A or AAAA record; null when no instance with such an address is healthy: a set is never emptied, and
 * what is left of a service that is down as a whole is as good as anything.
 */
export function addressesOf(type: 'A' | 'AAAA', followed: readonly Followed[]): string[] | null {
  const family = followed.filter(({ address }) => address.includes(':') === (type === 'AAAA'));
  return family.some(({ missingSince }) => missingSince === null) ? family.map(({ address }) => address) : null;
}

/** The address as DNS holds it (RFC 5952), or null: a name, or an address that means the host itself or its link. */
function publishable(address: string): string | null {
  if (z.ipv4().safeParse(address).success) return /^(0|127|169\.254|22[4-9]|2[3-5]\d)\./.test(address) ? null : address;
  if (!z.ipv6().safeParse(address).success) return null;
  const shortest = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  return /^(::1?$|::ffff:|fe[89ab]|ff)/.test(shortest) ? null : shortest;
}
