/** Whether challenges could be published in a host list: a pure look, before an order is spent. */
import { MAX_HOST_NAME, MAX_HOSTS, type HostTable } from '../../shared/namecheap/host-table.ts';
import { relativeName } from '../../shared/namecheap/records.ts';
import { DnsError } from './dns-error.ts';

/** Records a believed list has room for, beside those that are asked about: one that is nearly full is read anew. */
export const SPARE_ROWS = 30;

/** @param waiting records of ours that are still to be added. @throws DnsError `dns_name_too_long`, `dns_name_is_alias`, `dns_zone_full`. */
export function examineTable(table: HostTable, records: readonly { name: string; values: number }[], waiting: number): void {
  const { domain, rows } = table;
  for (const { name } of records) {
    const host = relativeName(name, domain);
    if (host.length > MAX_HOST_NAME)
      throw new DnsError('dns_name_too_long', `${host} has ${host.length} characters; at this vendor a host name has ${MAX_HOST_NAME} at most.`, {
        hint: 'Use a wildcard certificate of the name above: its challenge stands at a shorter name.',
        details: { name, longest: MAX_HOST_NAME },
      });
    const alias = rows.find((row) => row.type === 'CNAME' && row.name.toLowerCase() === host);
    if (alias !== undefined)
      throw new DnsError('dns_name_is_alias', `A CNAME to ${alias.address} stands at ${name}, so no TXT record can stand there.`, {
        hint: 'Remove it, or configure a [dns.x] block for the zone that it leads to.',
        details: { name, target: alias.address },
      });
  }
  const wanted = records.reduce((sum, { values }) => sum + values, 0) + waiting;
  if (rows.length + wanted > MAX_HOSTS)
    throw new DnsError('dns_zone_full', `${domain} holds ${rows.length} of ${MAX_HOSTS} records; ${wanted} more do not fit.`, {
      hint: 'Remove records that are not needed any more, or delegate _acme-challenge of the names by CNAME into another zone.',
      details: { rows: rows.length, adding: wanted },
    });
}
