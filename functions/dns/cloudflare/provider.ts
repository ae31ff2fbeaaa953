/**
 * Cloudflare as a {@link DnsProvider}. Needs a token with Zone → DNS → Edit, and Zone → Zone → Read unless `zone_id` is
 * configured. Facts about the API: quoted TXT, batches, codes 81044, 81053/81054, 81057/81058.
 */
import { MINUTE, type Clock } from '../../../shared/clock.ts';
import type { CloudflareVendor } from '../../config/configuration.ts';
import { boundedFetch } from '../bounded-fetch.ts';
import { DnsError } from '../dns-error.ts';
import { recordKey, type DnsRecord, type ListedRecord, type RecordProvider, type RecordType, type SecretReader, type Zone } from '../provider.ts';
import { executeChange } from './change.ts';
import { createCloudflareClient, type CloudflareClient } from './client.ts';
import { toDnsError, type Permission } from './failures.ts';
import { parseAnswer, parseRecords, zoneSchema, zonesSchema, type CloudflareZone } from './results.ts';
import { createZoneWalk } from './zone-walk.ts';

const MAX_RESPONSE_BYTES = 4_194_304;
/** The most the list of zones gives on one page. */
const ZONES_PER_PAGE = 50;
const PAGE_SIZE = 1_000;
const MAX_PAGES = 10;
/** Up to this many names are listed one by one; more are picked from the list of the whole type. */
const MAX_NAMED_LISTS = 3;

export interface CloudflareDependencies {
  secret: SecretReader;
  fetch: typeof fetch;
  clock: Clock;
  /** Told about every request that leaves. */
  onRequest?: (() => void) | undefined;
  /** Apex of the public zone that holds a name; only asked when `zone_id` is given and the token may not read zones. */
  apex?: ((name: string) => Promise<string | null>) | undefined;
}

export function createCloudflareProvider(vendor: CloudflareVendor, dependencies: CloudflareDependencies): RecordProvider {
  const { secret, clock, onRequest } = dependencies;
  const request = boundedFetch({ fetch: dependencies.fetch, maxBytes: MAX_RESPONSE_BYTES, onRequest });
  const walk = createZoneWalk({ named: (name) => zones({ name }), all: allZones }, vendor.name, clock);

  function toError(thrown: unknown, permission: Permission): DnsError {
    return toDnsError(thrown, { block: vendor.name, token: vendor.token, permission, now: clock() });
  }

  /** Reads the token anew each time, so that a rotated one is used at once. */
  async function attempt<T>(permission: Permission, work: (client: CloudflareClient) => Promise<T>): Promise<T> {
    const client = createCloudflareClient({ token: await secret(vendor.token), endpoint: vendor.endpoint, fetch: request });
    try {
      return await work(client);
    } catch (thrown) {
      throw toError(thrown, permission);
    }
  }

  async function zones(query: { name: string } | { per_page: number }): Promise<CloudflareZone[] | null> {
    try {
      return await attempt('Zone → Zone → Read', async (client) => parseAnswer(zonesSchema, (await client.zones.list(query)).result));
    } catch (thrown) {
      if (thrown instanceof DnsError && thrown.code === 'dns_forbidden') return null;
      throw thrown;
    }
  }

  async function allZones(): Promise<CloudflareZone[] | null> {
    const page = await zones({ per_page: ZONES_PER_PAGE });
    return page !== null && page.length < ZONES_PER_PAGE ? page : null;
  }

  /** The zone of the configured id: its name from the vendor, or, without Zone → Zone → Read, as public DNS delegates it. */
  async function configuredZone(zoneId: string, name: string): Promise<Zone> {
    const zoneName = (await readZoneName(zoneId)) ?? (await dependencies.apex?.(name)) ?? null;
    if (zoneName !== null && within(name, zoneName)) return { id: zoneId, name: zoneName };
    throw new DnsError('dns_zone_not_found', `${name} is not in the zone ${zoneName ?? zoneId} of [dns.${vendor.name}].`, {
      hint: 'Add a [dns.x] block for its zone, or correct zone_id.',
      details: { name, tried: zoneName ?? zoneId },
    });
  }

  const zoneNames = new Map<string, { name: string | null; until: number }>();

  async function readZoneName(zoneId: string): Promise<string | null> {
    const known = zoneNames.get(zoneId);
    if (known !== undefined && known.until > clock()) return known.name;
    const name = await attempt('Zone → Zone → Read', async (client) => {
      const zone = parseAnswer(zoneSchema, await client.zones.get({ zone_id: zoneId }));
      if (zone.status === 'active') return zone.name;
      throw new DnsError('dns_zone_inactive', `The zone ${zone.name} is ${zone.status ?? 'not active'} at Cloudflare: what is written there is not served.`, {
        retryable: true,
      });
    }).catch((thrown: unknown) => {
      if (thrown instanceof DnsError && thrown.code === 'dns_forbidden') return null;
      throw thrown;
    });
    zoneNames.set(zoneId, { name, until: clock() + 5 * MINUTE });
    return name;
  }

  async function listAll(client: CloudflareClient, zone: Zone, type: RecordType, name: string | null): Promise<ListedRecord[]> {
    const records: ListedRecord[] = [];
    for (let page = 1; page <= MAX_PAGES; page += 1) {
      const { result } = await client.dns.records.list({
        zone_id: zone.id,
        type,
        page,
        per_page: PAGE_SIZE,
        ...(name === null ? {} : { name: { exact: name } }),
      });
      const listed = parseRecords(result);
      records.push(...listed);
      if (listed.length < PAGE_SIZE) return records;
    }
    throw new DnsError('dns_vendor_failed', `The zone ${zone.name} has more than ${MAX_PAGES * PAGE_SIZE} ${type} records.`);
  }

  async function list(zone: Zone, { type, names }: { type: RecordType; names: readonly string[] }): Promise<ListedRecord[]> {
    const wanted = new Set(names);
    if (wanted.size === 0) return [];
    return attempt('Zone → DNS → Read', async (client) => {
      const queries = wanted.size <= MAX_NAMED_LISTS ? [...wanted] : [null];
      const lists = await Promise.all(queries.map((name) => listAll(client, zone, type, name)));
      return lists.flat().filter(({ name }) => wanted.has(name));
    });
  }

  async function find(zone: Zone, record: DnsRecord): Promise<ListedRecord | undefined> {
    const listed = await list(zone, { type: record.type, names: [record.name] });
    return listed.find((candidate) => recordKey(candidate) === recordKey(record));
  }

  return {
    kind: 'records',
    nameServers: async () => null,
    async aliases(zone, names) {
      const listed = await list(zone, { type: 'CNAME', names });
      return new Map(listed.map(({ name, value }) => [name, value]));
    },
    findZone: (name) => (vendor.zoneId === null ? walk.find(name) : configuredZone(vendor.zoneId, name)),
    list,
    apply: (zone, change, deadline) =>
      attempt('Zone → DNS → Edit', (client) =>
        executeChange(
          { client, zone, deadline, clock, find: (record) => find(zone, record), toError: (thrown) => toError(thrown, 'Zone → DNS → Edit') },
          change,
        ),
      ),
  };
}

function within(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}
