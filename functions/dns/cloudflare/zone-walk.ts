/**
 * Finds the zone of a name with tokens that see one zone only: such a token may ask `GET /zones?name=` for its own zone
 * and gets 403 for any other name and for the whole list, so every guess is asked alone and a refusal means "not this
 * one". A certificate with many names would cost many guesses: after a few the whole list is asked for once.
 */
import { MINUTE, type Clock } from '../../../shared/clock.ts';
import { DnsError } from '../dns-error.ts';
import type { Zone } from '../provider.ts';
import type { CloudflareZone } from './results.ts';

/** Labels asked about for one name; deeper names are asked by their last labels. */
const MAX_CANDIDATES = 8;
const GUESSES_BEFORE_LIST = 4;
/** Guesses in five minutes, after which a name below a zone that is known is taken to be in it: sub-zones are rare. */
const MAX_GUESSES = 20;
const REMEMBER_MS = 5 * MINUTE;

/** Candidates for the zone of `name`, most labels first. Zones are host names: no label of theirs starts with `_`. */
export function zoneCandidates(name: string): string[] {
  const labels = name.split('.');
  return labels
    .slice(0, -1)
    .map((_, index) => labels.slice(index).join('.'))
    .filter((candidate) => !/(?:^|\.)_/.test(candidate))
    .slice(-MAX_CANDIDATES);
}

export interface ZoneWalk {
  find(name: string): Promise<Zone>;
}

export interface ZoneQuestions {
  /** Zones of exactly that name; null when the token may not see it. Throws what concerns every guess. */
  named: (name: string) => Promise<CloudflareZone[] | null>;
  /** Every zone the token can see; null when it may not list them, or when there are more than one page. */
  all: () => Promise<CloudflareZone[] | null>;
}

interface Remembered {
  until: number;
  guesses: number;
  candidates: Map<string, { zone: CloudflareZone | undefined; refused: boolean }>;
  /** Undefined while it has not been asked for. */
  all: CloudflareZone[] | null | undefined;
}

export function createZoneWalk(questions: ZoneQuestions, block: string, clock: Clock): ZoneWalk {
  let remembered: Remembered | undefined;

  function memory(): Remembered {
    if (remembered === undefined || remembered.until <= clock()) {
      remembered = { until: clock() + REMEMBER_MS, guesses: 0, candidates: new Map(), all: undefined };
    }
    return remembered;
  }

  async function look(candidate: string) {
    const known = memory();
    const before = known.candidates.get(candidate);
    if (before !== undefined) return before;
    if (known.all === undefined && known.guesses >= GUESSES_BEFORE_LIST) known.all = await questions.all();
    if (known.all) return { zone: known.all.find(({ name }) => name === candidate), refused: false };
    if (known.guesses >= MAX_GUESSES && [...known.candidates.values()].some(({ zone }) => zone !== undefined && candidate.endsWith(`.${zone.name}`))) {
      return { zone: undefined, refused: true };
    }
    known.guesses += 1;
    const zones = await questions.named(candidate);
    const found = { zone: zones?.find(({ name }) => name === candidate), refused: zones === null };
    known.candidates.set(candidate, found);
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
        remembered = undefined;
      }
      throw inactive === undefined ? notFound(name, tried, refused, block) : notActive(inactive);
    },
  };
}

function notFound(name: string, tried: readonly string[], refused: boolean, block: string): DnsError {
  const why = refused
    ? `The token of [dns.${block}] may lack Zone → Zone → Read for it, or the zone is in another account.`
    : `The zone is not in the account of [dns.${block}].`;
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
