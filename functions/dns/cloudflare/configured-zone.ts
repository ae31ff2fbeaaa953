/**
 * The zone that `zone_id` names. Without Zone → Zone → Read the vendor does not say its name; public DNS does, for a name
 * that is known to lie in it: the block's delegation, or a record that it holds. Only an empty zone is taken for the zone
 * of whatever name is asked for; the first write finds out when that is wrong, and is taken back (`dns_zone_mismatch`).
 */
import { MINUTE, type Clock } from '../../../shared/clock.ts';
import type { CloudflareVendor } from '../../config/configuration.ts';
import { DnsError } from '../dns-error.ts';
import type { Zone } from '../provider.ts';
import type { CloudflareZone } from './results.ts';
import { isServed, notServed } from './zone-walk.ts';

const REMEMBER_MS = 5 * MINUTE;

export interface ZoneFacts {
  /** The zone of that id as the vendor shows it; null without Zone → Zone → Read. */
  read: (id: string) => Promise<CloudflareZone | null>;
  /** The shortest name of some records that the zone holds; null when it is empty. */
  sample: (id: string) => Promise<string | null>;
  /** Apex of the public zone that holds a name; null when nobody can say. */
  apex: (name: string) => Promise<string | null>;
}

export function createConfiguredZone(vendor: CloudflareVendor, { read, sample, apex }: ZoneFacts, clock: Clock): (id: string, name: string) => Promise<Zone> {
  let remembered: { name: string; until: number } | undefined;

  /** By something that lies in it; null when nothing is known to. */
  async function nameByContent(id: string): Promise<string | null> {
    if (remembered !== undefined && remembered.until > clock()) return remembered.name;
    const inside = vendor.delegation ?? (await sample(id));
    const name = inside === null ? null : await apex(inside);
    remembered = name === null ? undefined : { name, until: clock() + REMEMBER_MS };
    return name;
  }

  return async (id, name) => {
    const zone = await read(id);
    if (zone !== null && !isServed(zone) && within(name, zone.name)) throw notServed(zone);
    const certain = zone?.name ?? (await nameByContent(id));
    const zoneName = certain ?? (await apex(name));
    if (zoneName === null) throw unknown(vendor, id, name);
    if (!within(name, zoneName)) {
      throw new DnsError('dns_zone_not_found', `${name} is not in the zone ${zoneName} of [dns.${vendor.name}].`, {
        hint: 'Add a [dns.x] block for its zone, or correct zone_id.',
        details: { name, tried: zoneName },
      });
    }
    return { id, name: zoneName, ...(certain === null ? { assumed: true } : {}) };
  };
}

function unknown({ name: block, token }: CloudflareVendor, id: string, name: string): DnsError {
  return new DnsError(
    'dns_resolver_failed',
    `Which zone ${id} is cannot be told: the token of [dns.${block}] may not read it, and public DNS does not answer for ${name}.`,
    {
      retryable: true,
      hint: `Give the token in ${token} the permission Zone → Zone → Read, or try again later.`,
      details: { name, tried: id },
    },
  );
}

function within(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}
