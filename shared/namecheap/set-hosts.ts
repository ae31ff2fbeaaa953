/** `domains.dns.setHosts`: a host list as its form, and the vendor's word that it took it. */
import type { SplitDomain } from './domain-name.ts';
import { booleanOf, readResult } from './envelope.ts';
import { namecheapError, type VendorReply } from './failures.ts';
import type { HostTable } from './host-table.ts';

export const SET_HOSTS = 'namecheap.domains.dns.setHosts';

/**
 * Everything of the form but the account's members. Mail routing, preference and TTL are always there: the vendor fills
 * what is left out with what it likes.
 */
export function setHostsForm(table: HostTable, { sld, tld }: SplitDomain): URLSearchParams {
  const form = new URLSearchParams({ SLD: sld, TLD: tld, EmailType: table.emailType });
  for (const [index, { name, type, address, mxPref, ttl }] of table.rows.entries()) {
    const position = index + 1;
    form.append(`HostName${position}`, name);
    form.append(`RecordType${position}`, type);
    form.append(`Address${position}`, address);
    form.append(`MXPref${position}`, String(mxPref));
    form.append(`TTL${position}`, String(ttl));
  }
  return form;
}

/**
 * Returns when the vendor says that it replaced the hosts of `domain`.
 *
 * @throws PerennialError as `readResult`, or `namecheap_refused`. {@link wasRefused} tells whether nothing was written; any
 *   other error leaves that open.
 */
export function readSetHosts(reply: VendorReply, domain: string): void {
  const result = readResult(reply, SET_HOSTS, 'DomainDNSSetHostsResult', { attribute: 'Domain', name: domain });
  if (booleanOf(result.attributes.get('issuccess')) !== true)
    throw namecheapError('namecheap_refused', `Namecheap did not replace the hosts of ${domain}, and did not say why.`, { retryable: true });
}

/** Codes with which the vendor refuses a write before it begins. Its limits answer before and after an effect. */
const REFUSALS: ReadonlySet<string> = new Set([
  'namecheap_unauthorized',
  'namecheap_account_locked',
  'namecheap_address_not_listed',
  'namecheap_address_unknown',
  'namecheap_domain_unknown',
  'namecheap_not_delegated',
  'namecheap_zone_full',
  'namecheap_record_refused',
]);

/** Whether an error of {@link readSetHosts} proves that nothing was written. */
export function wasRefused(error: { code: string }): boolean {
  return REFUSALS.has(error.code);
}
