/**
 * Cloudflare as a {@link RecordProvider}. Needs a token with Zone → DNS → Edit, and Zone → Zone → Read unless `zone_id` is
 * configured. Facts about the API: quoted TXT, batches, codes 81044, 81053/81054, 81057/81058.
 */
import type { CloudflareVendor } from '../../config/configuration.ts';
import { DnsError } from '../dns-error.ts';
import { recordKey, type DnsRecord, type RecordProvider, type RecordType, type Zone } from '../provider.ts';
import { executeChange } from './change.ts';
import { listRecords } from './listing.ts';
import type { CloudflareRecord } from './results.ts';
import { createSession, type SessionDependencies } from './session.ts';
import { createTokenCheck } from './token-check.ts';
import { createZones } from './zones.ts';

export interface CloudflareDependencies extends SessionDependencies {
  /** Apex of the public zone that holds a name; only asked when `zone_id` is given and the token may not read zones. */
  apex?: ((name: string) => Promise<string | null>) | undefined;
}

export function createCloudflareProvider(vendor: CloudflareVendor, dependencies: CloudflareDependencies): RecordProvider {
  const { clock, apex } = dependencies;
  const session = createSession(vendor, dependencies);
  const zones = createZones(vendor, session, clock, apex);
  const token = createTokenCheck(vendor, session, zones, clock);

  async function list(zone: Zone, type: RecordType, names: readonly string[]): Promise<CloudflareRecord[]> {
    return names.length === 0 ? [] : session.call('Zone → DNS → Read', (client) => listRecords(client, zone, type, names));
  }

  /** A refusal by reason of the token says what is wrong with it. */
  async function explained<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (thrown) {
      throw await token.explain(thrown);
    }
  }

  return {
    kind: 'records',
    findZone: (name) => explained(zones.find(name)),
    list: (zone, { type, names }) => explained(list(zone, type, names)),

    async aliases(zone, names) {
      const listed = await explained(list(zone, 'CNAME', names));
      const proxied = listed.find((record) => record.proxied);
      if (proxied !== undefined) throw hidden(proxied);
      return new Map(listed.map(({ name, value }) => [name, value]));
    },

    async nameServers(zone) {
      const known = await explained(zones.read(zone.id));
      // Under either set of names the zone is served: none of them must be there.
      if (known === null || (known.vanity_name_servers ?? []).length > 0) return null;
      return known.name_servers ?? null;
    },

    check: (zone) => explained(token.check(zone)),

    apply: (zone, change, deadline) =>
      explained(
        session.call('Zone → DNS → Edit', (client) => {
          const toError = (thrown: unknown, record: DnsRecord) => session.toError(thrown, 'Zone → DNS → Edit', record);
          const find = async (record: DnsRecord) => (await list(zone, record.type, [record.name])).find((listed) => recordKey(listed) === recordKey(record));
          return executeChange({ client, zone, deadline, clock, find, toError }, change);
        }),
      ),
  };
}

function hidden({ name, value }: CloudflareRecord): DnsError {
  return new DnsError('dns_name_is_alias', `The CNAME ${name} → ${value} is proxied by Cloudflare: nobody sees the records of its target.`, {
    hint: `Switch the record ${name} to "DNS only" at Cloudflare.`,
    details: { name, target: value },
  });
}
