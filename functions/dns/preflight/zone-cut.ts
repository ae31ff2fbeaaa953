/** Names that were placed into a zone which does not serve them, because they lie in a zone of their own below it. */
import { DnsError } from '../dns-error.ts';
import type { Place } from '../placement.ts';
import type { DnsResult } from '../../../shared/relay/contract.ts';
import type { Questions } from './questions.ts';

/** @throws DnsError `dns_not_delegated` when authoritative servers and a public resolver both see the zone in between. */
export async function refuseForeignCuts(
  places: ReadonlyMap<string, Place>,
  bases: readonly { base: string; challenge: string }[],
  known: ReadonlyMap<string, DnsResult>,
  questions: Questions,
): Promise<void> {
  for (const { base, challenge } of bases) {
    const place = places.get(challenge);
    const zone = known.get(base)?.zone;
    if (place === undefined || place.target !== challenge || !zone?.endsWith(`.${place.zoneName}`)) continue;
    const outside = await questions.anyResolver(zone, 'SOA');
    if (outside?.apex !== zone) continue;
    throw new DnsError('dns_not_delegated', `${zone} is a zone of its own: a record for ${base} in ${place.zoneName} would not be served.`, {
      hint: `Configure the vendor that serves ${zone}, or create there a CNAME at ${challenge} into a configured zone.`,
      details: { zone, name: challenge, placed: place.zoneName },
    });
  }
}
