/** Which zone holds a name: found by walking its labels, or the one that `zone_id` names. Remembered for five minutes. */
import { MINUTE, type Clock } from '../../../shared/clock.ts';
import type { CloudflareVendor } from '../../config/configuration.ts';
import { DnsError } from '../dns-error.ts';
import type { Zone } from '../provider.ts';
import { parseAnswer, zoneSchema, zonesSchema, type CloudflareZone } from './results.ts';
import { unlessForbidden, type Session } from './session.ts';
import { createZoneWalk, isServed, notServed } from './zone-walk.ts';

/** The most the list of zones gives on one page. */
const ZONES_PER_PAGE = 50;
const REMEMBER_MS = 5 * MINUTE;

export interface Zones {
  find(name: string): Promise<Zone>;
  /** The zone of that id as the vendor shows it; null without Zone → Zone → Read. */
  read(id: string): Promise<CloudflareZone | null>;
}

/** @param apex of the public zone that holds a name; only asked when `zone_id` is given and the token may not read zones. */
export function createZones(vendor: CloudflareVendor, session: Session, clock: Clock, apex: ((name: string) => Promise<string | null>) | undefined): Zones {
  const remembered = new Map<string, { zone: CloudflareZone | null; until: number }>();
  const walk = createZoneWalk({ named: (name) => list({ name }), all: listAll }, vendor.name, clock);

  function remember(id: string, zone: CloudflareZone | null): void {
    remembered.set(id, { zone, until: clock() + REMEMBER_MS });
  }

  async function list(query: { name: string } | { per_page: number }): Promise<CloudflareZone[] | null> {
    const zones = await unlessForbidden(
      session.call('Zone → Zone → Read', async (client) => parseAnswer(zonesSchema, await (await client.zones.list(query).asResponse()).json()).result),
    );
    for (const zone of zones ?? []) remember(zone.id, zone);
    return zones;
  }

  async function listAll(): Promise<CloudflareZone[] | null> {
    const page = await list({ per_page: ZONES_PER_PAGE });
    return page !== null && page.length < ZONES_PER_PAGE ? page : null;
  }

  async function read(id: string): Promise<CloudflareZone | null> {
    const known = remembered.get(id);
    if (known !== undefined && known.until > clock()) return known.zone;
    const zone = await unlessForbidden(session.call('Zone → Zone → Read', async (client) => parseAnswer(zoneSchema, await client.zones.get({ zone_id: id }))));
    remember(id, zone);
    return zone;
  }

  /** The zone of the configured id: its name from the vendor, or, without Zone → Zone → Read, as public DNS delegates it. */
  async function configured(zoneId: string, name: string): Promise<Zone> {
    const zone = await read(zoneId);
    const zoneName = zone?.name ?? (await apex?.(name)) ?? null;
    if (zoneName === null) {
      throw new DnsError(
        'dns_resolver_failed',
        `Which zone ${zoneId} is cannot be told: the token of [dns.${vendor.name}] may not read it, and public DNS does not answer for ${name}.`,
        {
          retryable: true,
          hint: `Give the token in ${vendor.token} the permission Zone → Zone → Read, or try again later.`,
          details: { name, tried: zoneId },
        },
      );
    }
    if (!within(name, zoneName)) {
      throw new DnsError('dns_zone_not_found', `${name} is not in the zone ${zoneName} of [dns.${vendor.name}].`, {
        hint: 'Add a [dns.x] block for its zone, or correct zone_id.',
        details: { name, tried: zoneName },
      });
    }
    if (zone !== null && !isServed(zone)) {
      remembered.delete(zoneId);
      throw notServed(zone);
    }
    return { id: zoneId, name: zoneName };
  }

  return { find: (name) => (vendor.zoneId === null ? walk.find(name) : configured(vendor.zoneId, name)), read };
}

function within(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}
