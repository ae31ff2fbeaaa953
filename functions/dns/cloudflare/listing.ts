/** Lists records of one type, page by page, as `result_info` counts them. */
import { DnsError } from '../dns-error.ts';
import type { RecordType, Zone } from '../provider.ts';
import type { CloudflareClient } from './client.ts';
import { parsePage, type CloudflareRecord } from './results.ts';

const PAGE_SIZE = 1_000;
const MAX_PAGES = 10;
/** Up to this many names are listed one by one; more are picked from the list of the whole type. */
const MAX_NAMED_LISTS = 3;

/** Records of exactly these names and this type. @throws DnsError `dns_vendor_failed` when the list cannot be complete. */
export async function listRecords(client: CloudflareClient, zone: Zone, type: RecordType, names: readonly string[]): Promise<CloudflareRecord[]> {
  const wanted = new Set(names);
  const queries = wanted.size <= MAX_NAMED_LISTS ? [...wanted] : [null];
  const lists = await Promise.all(queries.map((name) => listAll(client, zone, type, name)));
  return lists.flat().filter((record) => record.type === type && wanted.has(record.name));
}

/** @param name null for every name of the zone. */
async function listAll(client: CloudflareClient, zone: Zone, type: RecordType, name: string | null): Promise<CloudflareRecord[]> {
  const records = new Map<string, CloudflareRecord>();
  const totals = new Set<number | null>();
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const query = { zone_id: zone.id, type, page, per_page: PAGE_SIZE, ...(name === null ? {} : { name: { exact: name } }) };
    // The SDK's own page makes an empty list of a missing one.
    const answer = await client.dns.records.list(query).asResponse();
    const listed = parsePage(await answer.json());
    totals.add(listed.total);
    for (const record of listed.records) records.set(record.id, record);
    // The vendor may give smaller pages than it was asked for.
    const last = listed.pages === null ? listed.records.length < PAGE_SIZE : page >= listed.pages;
    if (!last) continue;
    // A record that comes or goes between two pages moves others from one to the next.
    if (page > 1 && (totals.size > 1 || (listed.total !== null && listed.total !== records.size))) {
      throw new DnsError('dns_vendor_failed', `The ${type} records of ${zone.name} changed while they were listed.`, { retryable: true });
    }
    return [...records.values()];
  }
  throw new DnsError('dns_vendor_failed', `The zone ${zone.name} has more ${type} records than ${MAX_PAGES} pages of its list.`);
}
