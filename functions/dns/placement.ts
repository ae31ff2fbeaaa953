/**
 * Where a challenge record goes: the zone of its name or, when a CNAME stands there, of the name it leads to.
 *
 * A delegation is followed into configured zones only. Inside those the vendor itself is asked for the CNAME: its answer
 * is current, it is not fooled by a wildcard, and no resolver learns that the challenge name does not exist yet, which
 * it would remember for as long as the zone's negative TTL (RFC 2308 §5).
 */
import { PerennialError } from '../../shared/errors.ts';
import type { DnsVendor } from '../config/configuration.ts';
import type { PlacedRecord } from '../certificates/ports.ts';
import { delegationFor, isOffered, withDelegation } from './delegation.ts';
import { DnsError } from './dns-error.ts';
import { canonical } from './doh.ts';
import type { Zone, ZoneLocator } from './provider.ts';

/** Aliases followed one after the other. */
export const MAX_ALIASES = 8;
const CHALLENGE_LABEL = '_acme-challenge';
export const CHALLENGE_PREFIX = `${CHALLENGE_LABEL}.`;
/** What can be written as a record's name; an alias to anything else cannot be followed. */
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+$/;

export interface PlacementDependencies {
  vendors: readonly DnsVendor[];
  provider: (vendor: DnsVendor) => ZoneLocator;
  /** Targets of the public CNAMEs at these names; a name is missing when it has none, or nobody can tell. */
  aliases: (names: readonly string[]) => Promise<ReadonlyMap<string, string>>;
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
 * asked for together, and so are the public ones.
 * @throws DnsError when no configured zone holds a name or what it is delegated to; the hint names the delegation that would help.
 */
export async function placeNames(names: readonly string[], dependencies: PlacementDependencies): Promise<Map<string, Place>> {
  const starts = [...new Set(names.map(challengeName))];
  const find = rememberedZones(dependencies);
  const outside: string[] = [];
  for (const start of starts) {
    const found = await find(start);
    if ('failure' in found && isElsewhere(found.failure)) outside.push(start);
  }
  const walk: Walk = { ...dependencies, find, aliasInZone: createAliasLookup(starts), alias: publicAliases(outside, dependencies) };
  const places = new Map<string, Place>();
  for (const start of starts) places.set(start, await follow(start, walk));
  return places;
}

/** What following one name shares with following the others. */
interface Walk extends PlacementDependencies {
  find: (name: string) => Promise<Found>;
  aliasInZone: AliasLookup;
  /** Target of the public CNAME at a name. */
  alias: (name: string) => Promise<string | undefined>;
}

async function follow(start: string, walk: Walk): Promise<Place> {
  const seen = new Set<string>();
  for (let name = start; seen.size <= MAX_ALIASES;) {
    if (seen.has(name)) throw loops(start, [...seen, name]);
    seen.add(name);
    const found = await walk.find(name);
    const alias = 'zone' in found ? await walk.aliasInZone(found, name) : await aliasOutside(start, name, found.failure, walk);
    if (alias !== undefined) {
      name = canonical(alias);
      if (!HOST_NAME.test(name)) throw await leadsOut(start, name, undefined, walk);
    } else if ('zone' in found) {
      return { vendor: found.vendor.name, provider: found.vendor.provider, zoneId: found.zone.id, zoneName: found.zone.name, target: name };
    } else if (name === start) {
      throw found.failure instanceof DnsError && found.failure.code === 'dns_zone_not_found'
        ? await withDelegation(found.failure, start, null, walk.vendors)
        : found.failure;
    } else {
      throw await leadsOut(start, name, found.failure, walk);
    }
  }
  throw new DnsError('dns_delegation_too_long', `${start} is an alias of an alias, more than ${MAX_ALIASES} times.`, {
    hint: 'Let the CNAME point at its final name.',
  });
}

/**
 * The public CNAME of a name that no block holds. Only "this block does not hold it" says that the name may be delegated;
 * an outage says nothing. A block that needs a relay we cannot use is the exception: a CNAME to a name that we offer for
 * delegations was created so that nobody has to ask that vendor.
 */
async function aliasOutside(start: string, name: string, failure: unknown, { vendors, alias }: Walk): Promise<string | undefined> {
  if (isElsewhere(failure)) return alias(name);
  if (name !== start || !(failure instanceof PerennialError) || !needsRelay(failure)) throw failure;
  const target = (await delegationFor(start, vendors)) === null ? undefined : await alias(name);
  if (target !== undefined && isOffered(canonical(target), vendors)) return target;
  throw await withDelegation(failure, start, target ?? null, vendors);
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

/** Asks once about all names that may be delegated, and later about what they lead to. */
function publicAliases(outside: readonly string[], { aliases }: PlacementDependencies): (name: string) => Promise<string | undefined> {
  const known = new Map<string, string | undefined>();
  return async (name) => {
    if (!known.has(name)) {
      const names = outside.includes(name) ? outside : [name];
      const found = await aliases(names);
      for (const each of names) known.set(each, found.get(each));
    }
    return known.get(name);
  };
}

function rememberedZones(dependencies: PlacementDependencies): (name: string) => Promise<Found> {
  const known = new Map<string, Promise<Found>>();
  return (name) => {
    const found = known.get(name) ?? findZone(name, dependencies);
    known.set(name, found);
    return found;
  };
}

export interface FoundZone {
  vendor: DnsVendor;
  provider: ZoneLocator;
  zone: Zone;
}
type Found = FoundZone | { failure: unknown };

/** The longest zone any block can reach; among equals one whose name is certain, and then the block that is configured first. */
export async function findZone(name: string, { vendors, provider }: Pick<PlacementDependencies, 'vendors' | 'provider'>): Promise<Found> {
  let best: FoundZone | undefined;
  const failures: unknown[] = [];
  for (const vendor of vendors) {
    try {
      const adapter = provider(vendor);
      const zone = await adapter.findZone(name);
      if (best === undefined || isBetter(zone, best.zone)) best = { vendor, provider: adapter, zone };
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  return best ?? { failure: mostTelling(name, failures, vendors) };
}

function isBetter(zone: Zone, best: Zone): boolean {
  return zone.name.length === best.name.length ? best.assumed === true && zone.assumed !== true : zone.name.length > best.name.length;
}

/** "Not found" says least: any other failure of a block may be the reason. Where all say that, no block alone is. */
function mostTelling(name: string, failures: readonly unknown[], vendors: readonly DnsVendor[]): unknown {
  if (vendors.length === 0) return new DnsError('dns_zone_not_found', `No [dns.x] block is configured for ${name}.`);
  const telling = failures.find((thrown) => !(thrown instanceof DnsError && thrown.code === 'dns_zone_not_found'));
  if (telling !== undefined || failures.length === 1) return telling ?? failures[0];
  const blocks = vendors.map((vendor) => `[dns.${vendor.name}]`);
  return new DnsError('dns_zone_not_found', `None of the configured vendors holds a zone for ${name}: ${blocks.join(', ')}.`, {
    hint: 'Let the credentials of one of these blocks reach the zone, or configure the vendor that holds it.',
    details: { name },
  });
}

function isElsewhere(failure: unknown): boolean {
  return failure instanceof DnsError && (failure.code === 'dns_zone_not_found' || failure.code === 'dns_zone_inactive');
}

/** The vendor can only be asked through a relay, and the relay is not there or its address is not accepted. */
function needsRelay({ code }: PerennialError): boolean {
  return code === 'dns_relay_missing' || code === 'dns_address_not_listed' || code.startsWith('relay_');
}

function loops(start: string, names: readonly string[]): DnsError {
  return new DnsError('dns_delegation_loop', `${start} is delegated in a circle: ${names.join(' → ')}.`, { hint: 'Remove one of these CNAMEs.' });
}

async function leadsOut(start: string, target: string, cause: unknown, { vendors, alias }: Walk): Promise<PerennialError> {
  const parent = start.slice(start.indexOf('.') + 1);
  const first = await alias(start);
  // A label nobody would create: if it is an alias of the same name, a wildcard made the answer.
  const sibling = first === undefined ? undefined : await alias(`perennial-wildcard-check.${parent}`);
  const wildcard = sibling !== undefined && sibling === first;
  const error = wildcard
    ? new DnsError('dns_delegation_foreign', `${start} looks delegated to ${target}, because a wildcard CNAME covers it; no configured zone holds that name.`, {
        hint: `Configure the DNS vendor of ${parent}, or create a CNAME for exactly ${start} into a configured zone.`,
        details: { name: start, target, wildcard },
        cause,
      })
    : new DnsError('dns_delegation_foreign', `${start} is delegated to ${target}, which is in no configured zone.`, {
        hint: `Configure the DNS vendor of ${target}, or let the CNAME point into a configured zone.`,
        details: { name: start, target },
        cause,
      });
  return withDelegation(error, start, wildcard ? null : (first ?? target), vendors);
}
