/**
 * What each zone is to be told: records by the zone that holds them, and for zones that were told before whatever is left
 * of that. A record that cannot be placed now is held in every zone that may hold it: not knowing takes nothing back. Pure.
 */
import type { DeclaredRecord } from '../config/configuration.ts';
import type { DeclareRequest } from '../dns/zone-requests.ts';
import type { FoundZone } from './ports.ts';
import type { Resolved } from './sources.ts';

export interface PlacedDeclaration {
  record: DeclaredRecord;
  resolved: Resolved;
  /** Null while nobody knows which zone holds it. */
  place: FoundZone | null;
}

/** @param told zones that may hold records of ours. */
export function declarationsOf(declarations: readonly PlacedDeclaration[], told: readonly FoundZone[], generation: number): Map<string, DeclareRequest> {
  const requests = new Map<string, DeclareRequest>();
  const zone = (found: FoundZone): DeclareRequest => {
    const key = zoneKey(found);
    const known = requests.get(key) ?? { ...found, generation, records: [], held: [] };
    requests.set(key, known);
    return known;
  };
  for (const found of told) zone(found);
  for (const { record, resolved, place } of declarations) {
    const { type, name, ttl, adopt } = record;
    if (place === null) {
      const why = 'No zone was found for it.';
      for (const found of told) if (isWithin(name, found.zone.name)) zone(found).held.push({ type, name, why });
      continue;
    }
    // The block of the configuration reaches the zone now; one that a zone was told through before may be gone.
    const request = zone(place);
    request.vendor = place.vendor;
    if ('held' in resolved) request.held.push({ type, name, why: resolved.held.slice(0, MAX_WHY) });
    else request.records.push(...resolved.values.map((value) => ({ type, name, value, ttl, adopt })));
  }
  return requests;
}

/** Characters of a reason that a zone keeps. */
const MAX_WHY = 300;

/** The name of its ZoneObject. */
export function zoneKey({ vendor, zone }: FoundZone): string {
  return `${vendor.provider}:${zone.id}`;
}

function isWithin(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}
