/**
 * Where a challenge record goes: the zone of its name or, when a CNAME stands there, of the name it leads to.
 *
 * A delegation is followed into configured zones only. Inside those the vendor itself is asked for the CNAME: its answer
 * is current, it is not fooled by a wildcard, and no resolver learns that the challenge name does not exist yet, which
 * it would remember for as long as the zone's negative TTL (RFC 2308 §5).
 */
import type { DnsVendor } from '../config/configuration.ts';
import type { PlacedRecord } from '../certificates/ports.ts';
import { DnsError } from './dns-error.ts';
import { canonical, type AskResolver, type Resolver } from './doh.ts';
import type { Zone, ZoneLocator } from './provider.ts';

/** Aliases followed one after the other. */
export const MAX_ALIASES = 8;
const CHALLENGE_LABEL = '_acme-challenge';

export interface PlacementDependencies {
  vendors: readonly DnsVendor[];
  provider: (vendor: DnsVendor) => ZoneLocator;
  resolvers: readonly Resolver[];
  ask: AskResolver;
}

export type Place = Pick<PlacedRecord, 'vendor' | 'provider' | 'zoneId' | 'zoneName' | 'target'>;

/** `_acme-challenge.<domain>` as it is published: lower case, without `*.` and final dot (RFC 8555 §8.4). */
export function challengeName(name: string): string {
  const bare = canonical(name)
    .split('.')
    .filter((label) => label !== '*' && label !== CHALLENGE_LABEL)
    .join('.');
  return `${CHALLENGE_LABEL}.${bare}`;
}

/**
 * Places each of these names: `_acme-challenge.<domain>` by domain or by challenge name. CNAMEs of names in one zone are
 * asked for together.
 * @throws DnsError when no configured zone holds a name or what it is delegated to.
 */
export async function placeNames(names: readonly string[], dependencies: PlacementDependencies): Promise<Map<string, Place>> {
  const starts = [...new Set(names.map(challengeName))];
  const aliasInZone = createAliasLookup(starts);
  const places = new Map<string, Place>();
  for (const start of starts) places.set(start, await follow(start, aliasInZone, dependencies));
  return places;
}

async function follow(start: string, aliasInZone: AliasLookup, dependencies: PlacementDependencies): Promise<Place> {
  const seen = new Set<string>();
  for (let name = start; seen.size <= MAX_ALIASES;) {
    if (seen.has(name)) throw loops(start, [...seen, name]);
    seen.add(name);
    const found = await findZone(name, dependencies);
    // Only "this block does not hold it" says that the name may be delegated; an outage says nothing.
    if ('failure' in found && !isElsewhere(found.failure)) throw found.failure;
    const alias = 'zone' in found ? await aliasInZone(found, name) : await askAlias(name, dependencies);
    if (alias !== undefined) name = canonical(alias);
    else if ('zone' in found) return { vendor: found.vendor.name, provider: found.vendor.provider, zoneId: found.zone.id, zoneName: found.zone.name, target: name };
    else if (name === start) throw found.failure;
    else throw await leadsOut(start, name, found.failure, dependencies);
  }
  throw new DnsError('dns_delegation_too_long', `${start} is an alias of an alias, more than ${MAX_ALIASES} times.`, {
    hint: 'Let the CNAME point at its final name.',
  });
}

type AliasLookup = (found: FoundZone, name: string) => Promise<string | undefined>;

/** Asks a zone once about all names that may lie in it. */
function createAliasLookup(starts: readonly string[]): AliasLookup {
  const zones = new Map<string, Map<string, string | undefined>>();
  return async ({ provider, zone }, name) => {
    const known = zones.get(zone.id) ?? new Map<string, string | undefined>();
    zones.set(zone.id, known);
    if (!known.has(name)) {
      const names = [...new Set([name, ...starts.filter((start) => start.endsWith(`.${zone.name}`))])].filter((candidate) => !known.has(candidate));
      const aliases = await provider.aliases(zone, names);
      for (const candidate of names) known.set(candidate, aliases.get(candidate));
    }
    return known.get(name);
  };
}

interface FoundZone {
  vendor: DnsVendor;
  provider: ZoneLocator;
  zone: Zone;
}
type Found = FoundZone | { failure: unknown };

/** The longest zone any block can reach; among equals the block that is configured first. */
async function findZone(name: string, { vendors, provider }: PlacementDependencies): Promise<Found> {
  let best: FoundZone | undefined;
  let failure: unknown;
  for (const vendor of vendors) {
    const adapter = provider(vendor);
    try {
      const zone = await adapter.findZone(name);
      if (best === undefined || zone.name.length > best.zone.name.length) best = { vendor, provider: adapter, zone };
    } catch (thrown) {
      failure = moreTelling(failure, thrown);
    }
  }
  return best ?? { failure: failure ?? new DnsError('dns_zone_not_found', `No [dns.x] block is configured for ${name}.`) };
}

/** "Not found" says least: any other failure of a block may be the reason. */
function moreTelling(known: unknown, next: unknown): unknown {
  const notFound = (thrown: unknown) => thrown instanceof DnsError && thrown.code === 'dns_zone_not_found';
  return known === undefined || (notFound(known) && !notFound(next)) ? next : known;
}

function isElsewhere(failure: unknown): boolean {
  return failure instanceof DnsError && (failure.code === 'dns_zone_not_found' || failure.code === 'dns_zone_inactive');
}

/** Asks the resolvers in turn; undefined when the name is no alias, or none of them can tell. */
async function askAlias(name: string, { resolvers, ask }: PlacementDependencies): Promise<string | undefined> {
  for (const resolver of resolvers) {
    try {
      return (await ask(resolver, name, 'CNAME')).values[0];
    } catch (thrown) {
      if (!(thrown instanceof DnsError)) throw thrown;
    }
  }
  return undefined;
}

function loops(start: string, names: readonly string[]): DnsError {
  return new DnsError('dns_delegation_loop', `${start} is delegated in a circle: ${names.join(' → ')}.`, { hint: 'Remove one of these CNAMEs.' });
}

async function leadsOut(start: string, target: string, cause: unknown, dependencies: PlacementDependencies): Promise<DnsError> {
  const parent = start.slice(start.indexOf('.') + 1);
  // A label nobody would create: if it is an alias of the same name, a wildcard made the answer.
  const sibling = await askAlias(`perennial-wildcard-check.${parent}`, dependencies);
  const first = sibling === undefined ? undefined : await askAlias(start, dependencies);
  if (sibling !== undefined && sibling === first) {
    return new DnsError(
      'dns_delegation_foreign',
      `${start} looks delegated to ${target}, because a wildcard CNAME covers it; no configured zone holds that name.`,
      {
        hint: `Configure the DNS vendor of ${parent}, or create a CNAME for exactly ${start} into a configured zone.`,
        details: { name: start, target, wildcard: true },
        cause,
      },
    );
  }
  return new DnsError('dns_delegation_foreign', `${start} is delegated to ${target}, which is in no configured zone.`, {
    hint: `Configure the DNS vendor of ${target}, or let the CNAME point into a configured zone.`,
    details: { name: start, target },
    cause,
  });
}
