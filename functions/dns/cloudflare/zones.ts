/** Which zone holds a name: found by walking its labels, or the one that `zone_id` names. Remembered for five minutes. */
import { MINUTE, type Clock } from '../../../shared/clock.ts';
import type { CloudflareVendor } from '../../config/configuration.ts';
import type { Zone } from '../provider.ts';
import { createConfiguredZone } from './configured-zone.ts';
import { namesSchema, parseAnswer, zoneSchema, zonesSchema, type CloudflareZone } from './results.ts';
import { unlessForbidden, type Session } from './session.ts';
import { createZoneWalk, isServed } from './zone-walk.ts';

/** The most the list of zones gives on one page. */
const ZONES_PER_PAGE = 50;
/** Records whose names tell in which zone they are. */
const SAMPLE_SIZE = 100;
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
  const configured = createConfiguredZone(vendor, { read, sample, apex: async (name) => (await apex?.(name)) ?? null }, clock);

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
    // What is not served yet may be at the next look.
    if (zone === null || isServed(zone)) remember(id, zone);
    return zone;
  }

  /** Of some records: a few are enough. */
  async function sample(id: string): Promise<string | null> {
    const answer = await unlessForbidden(
      session.call('Zone → DNS → Read', async (client) =>
        parseAnswer(namesSchema, await (await client.dns.records.list({ zone_id: id, per_page: SAMPLE_SIZE }).asResponse()).json()),
      ),
    );
    // What is delegated away lies in another zone.
    const names = (answer?.result ?? []).filter(({ type }) => type !== 'NS').map(({ name }) => name);
    return names.toSorted((one, other) => one.length - other.length)[0] ?? null;
  }

  return { find: (name) => (vendor.zoneId === null ? walk.find(name) : configured(vendor.zoneId, name)), read };
}
