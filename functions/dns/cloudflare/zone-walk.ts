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

/** Candidates for the zone of `name`, most labels first. Zones are host names: no label of theirs starts with `_`, or is `*`. */
export function zoneCandidates(name: string): string[] {
  const labels = name.split('.');
  return labels
    .slice(0, -1)
    .map((_, index) => labels.slice(index).join('.'))
    .filter((candidate) => !/(?:^|\.)[_*]/.test(candidate))
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
    if (known.all) return { zone: ofName(known.all, candidate), refused: false };
    if (known.guesses >= MAX_GUESSES && [...known.candidates.values()].some(({ zone }) => zone !== undefined && candidate.endsWith(`.${zone.name}`))) {
      return { zone: undefined, refused: true };
    }
    known.guesses += 1;
    const zones = await questions.named(candidate);
    const found = { zone: zones === null ? undefined : ofName(zones, candidate), refused: zones === null };
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
        // What is not served here is answered for by its parent.
        if (isServed(answer.zone)) return { id: answer.zone.id, name: candidate };
        inactive ??= answer.zone;
        remembered = undefined;
      }
      throw inactive === undefined ? notFound(name, tried, refused, block) : notServed(inactive);
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

/** Records written here are what the public gets: the zone is delegated to the vendor, and no copy or fragment of another. */
export function isServed({ status, type }: CloudflareZone): boolean {
  return status === 'active' && (type ?? 'full') === 'full';
}

export function notServed(zone: CloudflareZone): DnsError {
  const servers = zone.name_servers ?? [];
  const details = { zone: zone.name, status: zone.status ?? null, type: zone.type ?? null };
  if (zone.status === 'active') {
    return new DnsError(
      'dns_zone_inactive',
      `The zone ${zone.name} is of type ${zone.type ?? 'unknown'} at Cloudflare: what is written there is not served as it is.`,
      {
        hint: `Configure the DNS vendor that serves ${zone.name}, or make it a full zone at Cloudflare.`,
        details,
      },
    );
  }
  return new DnsError('dns_zone_inactive', `The zone ${zone.name} is ${zone.status ?? 'not active'} at Cloudflare: what is written there is not served.`, {
    retryable: true,
    hint: servers.length === 0 ? 'Activate the zone at Cloudflare.' : `Set the name servers of ${zone.name} at its registrar to ${servers.join(' and ')}.`,
    details,
  });
}

/** An account may keep a zone of the same name that was moved away: the served one counts. */
function ofName(zones: readonly CloudflareZone[], name: string): CloudflareZone | undefined {
  const named = zones.filter((zone) => zone.name === name);
  return named.find(isServed) ?? named[0];
}
