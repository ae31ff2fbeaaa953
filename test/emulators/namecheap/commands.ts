/** The commands: what each of them answers inside `<CommandResponse>`, and the one that writes. */
import type { AccountSpec } from './accounts.ts';
import type { Domain, HostList, SrvRecord } from './domain.ts';
import { ApiFailure } from './failure.ts';
import { EMAIL_TYPES } from './host-rules.ts';
import { hostElement } from './host.ts';
import type { Parameters } from './parameters.ts';
import { element, leaf, type Element } from './xml.ts';

export interface Call {
  account: AccountSpec;
  parameters: Parameters;
  domains: readonly Domain[];
  /** What reading shows: the present, or what a server that lags behind still has. */
  seen: (domain: Domain) => HostList;
}

export interface Answer {
  children: Element[];
  /** Makes the change; nothing has happened before it is called. */
  effect?: () => void;
}

type Command = (call: Call) => Answer;

const PAGE_SIZE = { least: 10, most: 100, usual: 20 } as const;
const FOREIGN_DNS = new ApiFailure(2_030_288, 'Cannot complete this command as this domain is not using proper DNS servers');

/** By their lower-case name. Everything else that the vendor's API can do (buying, moving name servers) is refused here. */
export const COMMANDS: ReadonlyMap<string, { type: string; run: Command }> = new Map(
  [
    { type: 'namecheap.domains.getList', run: getDomains },
    { type: 'namecheap.domains.getInfo', run: getInfo },
    { type: 'namecheap.domains.dns.getList', run: getNameServers },
    { type: 'namecheap.domains.dns.getHosts', run: getHosts },
    { type: 'namecheap.domains.dns.setHosts', run: setHosts },
    { type: 'namecheap.domains.dns.getSRVRecords', run: getSrvRecords },
  ].map((command) => [command.type.toLowerCase(), command]),
);

function getDomains({ account, parameters, domains }: Call): Answer {
  const page = Number(parameters.get('Page') || 1);
  const size = Number(parameters.get('PageSize') || PAGE_SIZE.usual);
  if (!Number.isInteger(page) || page < 1) throw new ApiFailure(2_011_166, 'Page is invalid');
  if (!Number.isInteger(size) || size < PAGE_SIZE.least || size > PAGE_SIZE.most) throw new ApiFailure(2_011_166, 'PageSize is invalid');
  const type = (parameters.get('ListType') || 'ALL').toUpperCase();
  const term = parameters.get('SearchTerm').toLowerCase();
  const found = domains
    .filter((domain) => domain.user === account.user && domain.shared === undefined && domain.name.includes(term))
    .filter(({ expired }) => type === 'ALL' || (type === 'EXPIRED' && expired))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const paging = element('Paging', {}, [leaf('TotalItems', found.length), leaf('CurrentPage', page), leaf('PageSize', size)]);
  return { children: [element('DomainGetListResult', {}, found.slice((page - 1) * size, page * size).map(listed)), paging] };
}

function listed(domain: Domain): Element {
  return element('Domain', {
    ID: domain.id,
    Name: domain.name,
    User: domain.user,
    Created: '06/02/2021',
    Expires: '06/02/2031',
    IsExpired: domain.expired,
    IsLocked: domain.locked,
    AutoRenew: true,
    WhoisGuard: 'ENABLED',
    IsPremium: false,
    IsOurDNS: usesOurDns(domain),
  });
}

function getInfo(call: Call): Answer {
  const name = required(call, 'DomainName').toLowerCase();
  const domain = call.domains.find((candidate) => candidate.name === name && candidate.user === call.account.user);
  if (domain === undefined) throw new ApiFailure(2_030_166, 'Domain is invalid', infoElement(name, null));
  return { children: [infoElement(domain.name, domain)] };
}

function infoElement(name: string, domain: Domain | null): Element {
  const ours = domain !== null && usesOurDns(domain);
  const dns = element(
    'DnsDetails',
    {
      ProviderType: domain === null ? '' : { basic: 'FREE', premium: 'PREMIUM', freedns: 'FreeDNS', custom: 'CUSTOM' }[domain.dns],
      IsUsingOurDNS: ours,
      HostCount: domain === null ? 0 : domain.list.hosts.length,
      // Another vocabulary than that of the host list.
      EmailType: domain === null ? '' : domain.list.emailType === 'NONE' ? 'No Email Service' : domain.list.emailType,
      DynamicDNSStatus: domain?.list.hosts.some(({ isDDNSEnabled }) => isDDNSEnabled) ?? false,
      IsFailover: false,
    },
    (domain?.nameServers ?? []).map((host) => leaf('Nameserver', host)),
  );
  const all = domain !== null && domain.shared === undefined;
  const rights = domain?.shared === 'hosts' ? [leaf('Rights', 'OK', { Type: 'hosts' })] : [];
  return element(
    'DomainGetInfoResult',
    {
      Status: domain === null ? '' : domain.expired ? 'Expired' : domain.locked ? 'Locked' : 'Ok',
      ID: domain?.id ?? 0,
      DomainName: name,
      OwnerName: domain === null ? '' : domain.shared === undefined ? domain.user : 'somebody-else',
      IsOwner: all,
      IsPremium: false,
    },
    [
      element('DomainDetails', {}, [leaf('CreatedDate', '06/02/2021'), leaf('ExpiredDate', '06/02/2031'), leaf('NumYears', 0)]),
      domain?.locked === true ? element('LockDetails', {}, [leaf('Lock', 'Registrar lock')]) : element('LockDetails'),
      element('Whoisguard', { Enabled: 'True' }, [leaf('ID', 0)]),
      dns,
      element('Modificationrights', { All: all }, rights),
    ],
  );
}

function getNameServers(call: Call): Answer {
  const domain = domainOf(call);
  if (domain.dns === 'freedns') throw new ApiFailure(2_019_166, 'Domain not found');
  const attributes = {
    Domain: domain.name,
    IsUsingOurDNS: usesOurDns(domain),
    IsPremiumDNS: domain.dns === 'premium',
    IsUsingFreeDNS: false,
  };
  const servers = domain.nameServers.map((host) => leaf('Nameserver', host));
  return { children: [element('DomainDNSGetListResult', attributes, servers)] };
}

function getHosts(call: Call): Answer {
  const domain = domainOf(call);
  if (!usesOurDns(domain)) throw FOREIGN_DNS;
  const { emailType, hosts } = call.seen(domain);
  return { children: [element('DomainDNSGetHostsResult', { Domain: domain.name, EmailType: emailType, IsUsingOurDNS: true }, hosts.map(hostElement))] };
}

function setHosts(call: Call): Answer {
  const { parameters } = call;
  const domain = domainOf(call);
  const result = (emailType: string, success: boolean) =>
    element('DomainDNSSetHostsResult', { Domain: domain.name, EmailType: emailType, IsSuccess: success }, [element('Warnings')]);
  const zeroed = (number: number, text: string) => new ApiFailure(number, text, result('', false));
  if (!usesOurDns(domain)) throw zeroed(FOREIGN_DNS.number, FOREIGN_DNS.message);
  if (domain.locked || domain.shared === 'read-only') throw zeroed(2_030_166, 'Edit permission for domain is not supported');
  const emailType = parameters.has('EmailType') ? parameters.get('EmailType') : undefined;
  if (emailType !== undefined && !EMAIL_TYPES.some((known) => known === emailType)) throw zeroed(2_050_900, 'EmailType is invalid');
  return {
    children: [result(emailType ?? domain.list.emailType, true)],
    effect: () => {
      try {
        domain.replace(parameters.hosts(), emailType);
      } catch (thrown) {
        throw thrown instanceof ApiFailure ? zeroed(thrown.number, thrown.message) : thrown;
      }
    },
  };
}

function getSrvRecords(call: Call): Answer {
  return { children: domainOf(call).srv.map(srvElement) };
}

function srvElement({ service, protocol, priority, port, target, weight }: SrvRecord): Element {
  return element('Result', {}, [
    leaf('Service', service),
    leaf('Protocol', protocol),
    leaf('Priority', priority),
    leaf('Port', port),
    leaf('Target', target),
    leaf('Weight', weight),
  ]);
}

function domainOf(call: Call): Domain {
  const [sld, tld] = [required(call, 'SLD').toLowerCase(), required(call, 'TLD').toLowerCase()];
  const domain = call.domains.find((candidate) => candidate.sld === sld && candidate.tld === tld);
  if (domain === undefined) throw new ApiFailure(2_019_166, 'Domain not found');
  if (domain.user !== call.account.user) throw new ApiFailure(2_016_166, 'Domain is not associated with your account');
  return domain;
}

function required({ parameters }: Call, name: string): string {
  const value = parameters.get(name);
  if (value === '') throw new ApiFailure(2_010_166, `Parameter ${name} is Missing`);
  return value;
}

function usesOurDns({ dns }: Domain): boolean {
  return dns !== 'custom';
}
