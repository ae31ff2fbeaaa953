/**
 * What the vendor says about a domain besides its hosts: `domains.getInfo`, `domains.dns.getList` and `domains.getList`.
 * Facts to decide on before anything is written; nothing of them is ever written back.
 */
import { booleanOf, readCommandResponse, readResult, unreadable } from './envelope.ts';
import { type VendorReply, vendorText } from './failures.ts';
import type { XmlElement } from './xml.ts';

export const GET_INFO = 'namecheap.domains.getInfo';
export const GET_NAME_SERVERS = 'namecheap.domains.dns.getList';
export const GET_DOMAINS = 'namecheap.domains.getList';

export interface DomainInfo {
  /** `OK`, `LOCKED`, `EXPIRED`: upper case. */
  status: string;
  isOwner: boolean;
  /** `FREE`, `PREMIUM`, `CUSTOM`, …: upper case, empty when it is not said. */
  dnsProvider: string;
  usesOurDns: boolean;
  /** Lower case, sorted. */
  nameServers: string[];
  /** What a lock says about itself; null when there is none. */
  lock: string | null;
  /** All rights, or the right to edit hosts. */
  mayEditHosts: boolean;
  /** Null when it is not said. */
  dynamicDns: boolean | null;
  /** Another vocabulary than that of the host list (`No Email Service`); for people. */
  emailType: string;
  /** Null when it is not said. */
  hostCount: number | null;
}

/** @throws PerennialError as `readResult`, and `namecheap_unreadable` when the DNS details are missing. */
export function readDomainInfo(reply: VendorReply, domain: string): DomainInfo {
  const result = readResult(reply, GET_INFO, 'DomainGetInfoResult', { attribute: 'DomainName', name: domain });
  const dns = child(result, 'dnsdetails');
  const usesOurDns = booleanOf(dns?.attributes.get('isusingourdns'));
  if (dns === undefined || usesOurDns === null) throw unreadable(`about ${domain} has no DNS details`);
  const lock = child(result, 'lockdetails');
  const count = dns.attributes.get('hostcount') ?? '';
  return {
    status: (result.attributes.get('status') ?? '').toUpperCase(),
    isOwner: booleanOf(result.attributes.get('isowner')) === true,
    dnsProvider: (dns.attributes.get('providertype') ?? '').toUpperCase(),
    usesOurDns,
    nameServers: nameServersOf(dns),
    lock: lock === undefined ? null : lockText(lock),
    mayEditHosts: mayEditHosts(child(result, 'modificationrights')),
    dynamicDns: booleanOf(dns.attributes.get('dynamicdnsstatus')),
    emailType: dns.attributes.get('emailtype') ?? '',
    hostCount: /^\d{1,4}$/.test(count) ? Number(count) : null,
  };
}

/**
 * Why nothing may be written to a domain, as sentences for people; empty when it may. Dynamic DNS as such is no reason: the
 * host list says which rows are dynamic, and is refused for them by name.
 */
export function obstacles(info: DomainInfo, domain: string): string[] {
  return [
    ...(info.usesOurDns ? [] : [`${domain} does not use the DNS of Namecheap; its name servers are ${info.nameServers.join(', ') || 'not known'}.`]),
    ...(info.status === 'OK' ? [] : [`${domain} has the status ${vendorText(info.status)} at Namecheap.`]),
    ...(info.lock === null ? [] : [`${domain} is locked at Namecheap: ${info.lock}.`]),
    ...(info.mayEditHosts ? [] : [`The account may not edit the hosts of ${domain}: its owner grants the right "hosts".`]),
  ];
}

export interface NameServerInfo {
  usesOurDns: boolean;
  /** Lower case, sorted. */
  nameServers: string[];
}

/** @throws PerennialError as `readResult`; FreeDNS domains answer `namecheap_domain_unknown` here. */
export function readNameServers(reply: VendorReply, domain: string): NameServerInfo {
  const result = readResult(reply, GET_NAME_SERVERS, 'DomainDNSGetListResult', { attribute: 'Domain', name: domain });
  const usesOurDns = booleanOf(result.attributes.get('isusingourdns'));
  if (usesOurDns === null) throw unreadable('does not say whether the domain uses the DNS of Namecheap');
  return { usesOurDns, nameServers: nameServersOf(result) };
}

export interface ListedDomain {
  /** Lower case. */
  name: string;
  usesOurDns: boolean;
  expired: boolean;
  locked: boolean;
}

/** Domains of the account on the page that was asked for; domains shared with it are not listed. @throws PerennialError as `readCommandResponse`. */
export function readDomainList(reply: VendorReply): ListedDomain[] {
  const list = child(readCommandResponse(reply, GET_DOMAINS), 'domaingetlistresult');
  if (list === undefined) throw unreadable('has no list of domains');
  return list.children.map(({ attributes }) => ({
    name: (attributes.get('name') ?? '').toLowerCase(),
    usesOurDns: booleanOf(attributes.get('isourdns')) === true,
    expired: booleanOf(attributes.get('isexpired')) === true,
    locked: booleanOf(attributes.get('islocked')) === true,
  }));
}

function child(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((candidate) => candidate.name === name);
}

function nameServersOf(element: XmlElement): string[] {
  return element.children
    .filter(({ name }) => name === 'nameserver')
    .map(({ text }) => text.trim().toLowerCase().replace(/\.$/, ''))
    .filter((name) => name !== '')
    .slice(0, 20)
    .toSorted();
}

function lockText(element: XmlElement): string | null {
  const said = [element.text, ...element.children.map(({ text }) => text), ...element.attributes.values()].join(' ').trim();
  return said === '' && element.children.length === 0 ? null : vendorText(said);
}

function mayEditHosts(rights: XmlElement | undefined): boolean {
  if (rights === undefined) return false;
  if (booleanOf(rights.attributes.get('all')) === true) return true;
  return rights.children.some(({ attributes, text }) => attributes.get('type')?.toLowerCase() === 'hosts' && text.trim().toUpperCase() === 'OK');
}
