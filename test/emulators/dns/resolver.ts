/**
 * Resolvers. `resolve` walks from the topmost zone through delegations and CNAME records, as a recursive server would
 * with an empty cache; {@link CachingResolver} adds what public resolvers remember, negatives included (RFC 2308 §5).
 */
import { MAX_CNAME_HOPS } from './authority.ts';
import type { Rcode } from './faults.ts';
import { isWithin, normalizeName } from './names.ts';
import type { ZoneRecord } from './records.ts';
import type { DnsWorld } from './world.ts';
import type { Lookup, ZoneView } from './zone-view.ts';

export interface Resolution {
  rcode: Extract<Rcode, 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL'>;
  answers: readonly ZoneRecord[];
  /** The SOA of the zone that denied, in negative answers. */
  authorities: readonly ZoneRecord[];
}

const SERVFAIL: Resolution = { rcode: 'SERVFAIL', answers: [], authorities: [] };

/** Resolves without any cache. A name outside of every zone does not exist; a lame delegation, a loop or a bogus zone is SERVFAIL. */
export function resolve(world: DnsWorld, name: string, type: string, checkingDisabled = false): Resolution {
  const answers: ZoneRecord[] = [];
  let current = normalizeName(name);
  for (let hop = 0; hop <= MAX_CNAME_HOPS; hop += 1) {
    const found = descend(world, current, type);
    if (found === 'lame') return SERVFAIL;
    if (found === undefined) return { rcode: 'NXDOMAIN', answers, authorities: [] };
    if (!checkingDisabled && world.isBogus(found.view.apex)) return SERVFAIL;
    switch (found.lookup.kind) {
      case 'answer':
        return { rcode: 'NOERROR', answers: [...answers, ...found.lookup.records], authorities: [] };
      case 'nodata':
        return { rcode: 'NOERROR', answers, authorities: [found.view.soa] };
      case 'nxdomain':
        return { rcode: 'NXDOMAIN', answers, authorities: [found.view.soa] };
      case 'cname':
        answers.push(found.lookup.record);
        current = found.lookup.target;
    }
  }
  return SERVFAIL;
}

interface Found {
  view: ZoneView;
  lookup: Exclude<Lookup, { kind: 'referral' }>;
}

/** Follows delegations down to the zone that really answers for the name. */
function descend(world: DnsWorld, name: string, type: string): Found | 'lame' | undefined {
  const holding = world.zoneNames.filter((zone) => isWithin(name, zone)).sort((a, b) => a.length - b.length);
  let zone = holding[0];
  while (zone !== undefined) {
    const view = world.viewForResolvers(zone);
    const lookup = view.lookup(name, type);
    if (lookup.kind !== 'referral') return { view, lookup };
    // Delegated to servers that nobody runs here: a resolver would time out on all of them.
    if (!holding.includes(lookup.cut)) return 'lame';
    zone = lookup.cut;
  }
  return undefined;
}

interface CacheEntry {
  resolution: Resolution;
  /** Unix milliseconds. */
  storedAt: number;
  expiresAt: number;
}

export class CachingResolver {
  readonly name: string;
  readonly #world: DnsWorld;
  readonly #cache = new Map<string, CacheEntry>();

  /** Seconds. */
  readonly #maxTtl: number;

  /** @param maxTtl seconds that anything is remembered at most, whatever its TTL says: Unbound's `cache-max-ttl`. */
  constructor(name: string, world: DnsWorld, maxTtl = Infinity) {
    this.name = name;
    this.#world = world;
    this.#maxTtl = maxTtl;
  }

  /** Answers from the cache while it lasts, with TTLs counted down, and otherwise resolves and remembers. */
  query(name: string, type: string, checkingDisabled = false): { resolution: Resolution; cached: boolean } {
    const now = this.#world.clock();
    const key = `${normalizeName(name)} ${type}${checkingDisabled ? ' unchecked' : ''}`;
    const known = this.#cache.get(key);
    if (known !== undefined && known.expiresAt > now) return { resolution: aged(known, now), cached: true };
    const resolution = resolve(this.#world, name, type, checkingDisabled);
    const ttl = Math.min(this.#maxTtl, cacheSeconds(resolution));
    if (ttl > 0) this.#cache.set(key, { resolution, storedAt: now, expiresAt: now + ttl * 1_000 });
    else this.#cache.delete(key);
    return { resolution, cached: false };
  }

  /** Forgets everything, as the public resolvers' "purge cache" pages do. */
  flush(): void {
    this.#cache.clear();
  }
}

/** Seconds an answer may be kept: the least TTL of the answer, or for a negative one that of the SOA (RFC 2308 §5). */
function cacheSeconds(resolution: Resolution): number {
  if (resolution.rcode === 'SERVFAIL') return 0;
  const ttls = [...resolution.answers.map((record) => record.ttl), ...resolution.authorities.map(negativeTtl)];
  return ttls.length === 0 ? 0 : Math.min(...ttls);
}

function negativeTtl(record: ZoneRecord): number {
  return record.type === 'SOA' ? Math.min(record.ttl, record.data.minimum) : record.ttl;
}

function aged(entry: CacheEntry, now: number): Resolution {
  const age = Math.floor((now - entry.storedAt) / 1_000);
  const older = (record: ZoneRecord): ZoneRecord => ({ ...record, ttl: Math.max(0, record.ttl - age) });
  return { ...entry.resolution, answers: entry.resolution.answers.map(older), authorities: entry.resolution.authorities.map(older) };
}
