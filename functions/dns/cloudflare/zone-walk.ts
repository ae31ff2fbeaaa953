/**
 * Finds the zone of a name with tokens that see one zone only: such a token may ask `GET /zones?name=` for its own zone
 * and gets 403 for any other name, so every guess is asked alone and a refusal means "not this one".
 */
import type { Clock } from '../../../shared/clock.ts';
import { MINUTE } from '../../../shared/clock.ts';
import { DnsError } from '../dns-error.ts';
import type { Zone } from '../provider.ts';
import type { CloudflareZone } from './results.ts';

/** Most guesses for one name; deeper names are asked by their last labels. */
const MAX_GUESSES = 8;
const REMEMBER_MS = 5 * MINUTE;

/** Candidates for the zone of `name`, most labels first. Zones are host names: no label of theirs starts with `_`. */
export function zoneCandidates(name: string): string[] {
  const labels = name.split('.');
  return labels
    .slice(0, -1)
    .map((_, index) => labels.slice(index).join('.'))
    .filter((candidate) => !/(?:^|\.)_/.test(candidate))
    .slice(-MAX_GUESSES);
}

export interface ZoneWalk {
  find(name: string): Promise<Zone>;
}

/** @param ask zones of exactly that name; null when the token may not see it. Throws what concerns every guess. */
export function createZoneWalk(ask: (name: string) => Promise<CloudflareZone[] | null>, block: string, clock: Clock): ZoneWalk {
  const remembered = new Map<string, { zone: CloudflareZone | undefined; refused: boolean; until: number }>();

  async function look(candidate: string) {
    const known = remembered.get(candidate);
    if (known !== undefined && known.until > clock()) return known;
    const zones = await ask(candidate);
    const found = { zone: zones?.find(({ name }) => name === candidate), refused: zones === null, until: clock() + REMEMBER_MS };
    remembered.set(candidate, found);
    return found;
  }

  return {
    async find(name) {
      const tried = zoneCandidates(name);
      let inactive: CloudflareZone | undefined;
      let refused = false;
      for (const candidate of tried) {
        const answer = await look(candidate);
        refused ||= answer.refused;
        if (answer.zone === undefined) continue;
        // A zone that is not delegated to the vendor is not served: its parent answers for its names.
        if (answer.zone.status === 'active') return { id: answer.zone.id, name: candidate };
        inactive ??= answer.zone;
        remembered.delete(candidate);
      }
      throw inactive === undefined ? notFound(name, tried, refused, block) : notActive(inactive);
    },
  };
}

function notFound(name: string, tried: readonly string[], refused: boolean, block: string): DnsError {
  const why = refused ? `The token of [dns.${block}] may lack Zone → Zone → Read for it, or the zone is in another account.` : `The zone is not in the account of [dns.${block}].`;
  return new DnsError('dns_zone_not_found', `No zone for ${name} through [dns.${block}]; tried ${tried.join(', ')}.`, {
    hint: `${why} Include the zone in the token's resources, or set zone_id.`,
    details: { name, tried: tried.join(' ') },
  });
}

function notActive(zone: CloudflareZone): DnsError {
  const servers = zone.name_servers ?? [];
  return new DnsError('dns_zone_inactive', `The zone ${zone.name} is ${zone.status ?? 'not active'} at Cloudflare: what is written there is not served.`, {
    retryable: true,
    hint: servers.length === 0 ? 'Activate the zone at Cloudflare.' : `Set the name servers of ${zone.name} at its registrar to ${servers.join(' and ')}.`,
    details: { zone: zone.name, status: zone.status ?? null },
  });
}
