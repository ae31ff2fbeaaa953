/** A domain of an account: its host list, mail routing and side list of SRV records, and how a write changes them. */
import { checkHosts, inVendorOrder, normalised, type Normalisation } from './host-rules.ts';
import { AUTOMATIC_TTL, FIXED_PREFERENCE, type HostInput, type StoredHost } from './host.ts';

export interface SrvRecord {
  service: string;
  protocol: string;
  priority: number;
  weight: number;
  port: number;
  target: string;
}

/** Where the name servers of a domain are: the vendor's (free or paid), FreeDNS of the vendor, or somebody else's. */
export type DnsProvider = 'basic' | 'premium' | 'freedns' | 'custom';

export interface DomainSpec {
  /** Lower-case A-labels. */
  name: string;
  /** User of the account it belongs to; the first account when absent. */
  user?: string;
  /** How the API wants the name cut; at the first dot when absent. FreeDNS sub-zones are cut elsewhere. */
  sld?: string;
  tld?: string;
  /** `FWD` when absent, as for a domain that nobody has touched. */
  emailType?: string;
  /** The parking rows when absent. */
  hosts?: readonly HostInput[];
  srv?: readonly SrvRecord[];
  dns?: DnsProvider;
  nameServers?: readonly string[];
  locked?: boolean;
  expired?: boolean;
  /** Shared with the account by its owner: not listed, but editable. `read-only` without the right to edit hosts. */
  shared?: 'hosts' | 'read-only';
}

/** The two halves of what a zone says, as a whole. */
export interface HostList {
  emailType: string;
  hosts: readonly StoredHost[];
}

export interface Change {
  domain: string;
  /** `api`: a setHosts that took effect. `stranger`: an edit by other means. */
  by: 'api' | 'stranger';
  before: HostList;
  after: HostList;
}

export interface Behaviour extends Normalisation {
  /** What happens to mail routing when a write leaves it out: the documents require it, captures of 2020 kept it. */
  omittedEmailType: 'reset' | 'kept';
  /** Whether an empty list is filled with the parking rows. */
  parking: boolean;
  /** Whether a write clears the side list of SRV records; reports contradict each other. */
  srvAfterWrite: 'kept' | 'cleared';
}

export const VENDOR_BEHAVIOUR: Behaviour = { defaultTtlReads: 1_800, omittedEmailType: 'reset', parking: true, srvAfterWrite: 'kept' };

const NAME_SERVERS: Record<DnsProvider, readonly string[]> = {
  basic: ['dns1.registrar-servers.com', 'dns2.registrar-servers.com'],
  premium: ['pdns1.registrar-servers.com', 'pdns2.registrar-servers.com'],
  freedns: ['freedns1.registrar-servers.com', 'freedns2.registrar-servers.com'],
  custom: ['ns1.elsewhere.example', 'ns2.elsewhere.example'],
};
let lastHostId = 746_355;

export class Domain {
  readonly name: string;
  readonly user: string;
  readonly sld: string;
  readonly tld: string;
  readonly id: number;
  readonly #behaviour: Behaviour;
  readonly #onChange: (change: Change) => void;
  dns: DnsProvider;
  nameServers: readonly string[];
  locked: boolean;
  expired: boolean;
  shared: DomainSpec['shared'];
  srv: SrvRecord[];
  #list: HostList;
  #previous: HostList;

  constructor(spec: DomainSpec, id: number, user: string, behaviour: Behaviour, onChange: (change: Change) => void) {
    this.name = spec.name.toLowerCase();
    this.user = user;
    this.id = id;
    this.sld = spec.sld ?? this.name.slice(0, this.name.indexOf('.'));
    this.tld = spec.tld ?? this.name.slice(this.name.indexOf('.') + 1);
    this.dns = spec.dns ?? 'basic';
    this.nameServers = spec.nameServers ?? NAME_SERVERS[this.dns];
    this.locked = spec.locked ?? false;
    this.expired = spec.expired ?? false;
    this.shared = spec.shared;
    this.srv = [...(spec.srv ?? [])];
    this.#behaviour = behaviour;
    this.#onChange = onChange;
    this.#list = { emailType: spec.emailType ?? 'FWD', hosts: inVendorOrder((spec.hosts ?? parkingHosts(this.name)).map(stored)) };
    this.#previous = this.#list;
  }

  /** As `getHosts` shows it. */
  get list(): HostList {
    return this.#list;
  }

  /** As it was before the last change: what a server that lags behind still shows. */
  get previous(): HostList {
    return this.#previous;
  }

  /**
   * `setHosts`: checks every row, then replaces all of them. Labels, ids, the dynamic-DNS flag and the switched-off
   * state cannot be sent and are gone.
   * @throws ApiFailure when a row is refused; nothing has changed then.
   */
  replace(hosts: readonly HostInput[], emailType: string | undefined): void {
    checkHosts(hosts, this.name);
    const routing = emailType ?? (this.#behaviour.omittedEmailType === 'kept' ? this.#list.emailType : 'NONE');
    const rows = normalised(hosts, routing, this.#behaviour);
    const filled = rows.length === 0 && this.#behaviour.parking ? inVendorOrder(parkingHosts(this.name)) : rows;
    if (this.#behaviour.srvAfterWrite === 'cleared') this.srv = [];
    this.#change('api', { emailType: routing, hosts: filled.map(stored) });
  }

  /** An edit by other means than this API: as it is given, unchecked, the rows that stay keep their ids and flags. */
  edit(edited: { emailType?: string; hosts: readonly (HostInput | StoredHost)[] }): void {
    this.#change('stranger', { emailType: edited.emailType ?? this.#list.emailType, hosts: inVendorOrder(edited.hosts.map(stored)) });
  }

  #change(by: Change['by'], after: HostList): void {
    const before = this.#list;
    this.#previous = before;
    this.#list = after;
    this.#onChange({ domain: this.name, by, before, after });
  }
}

function stored(host: HostInput | StoredHost): StoredHost {
  const { mxPref = FIXED_PREFERENCE, ttl = AUTOMATIC_TTL, associatedAppTitle = '', friendlyName = '', isActive = true, isDDNSEnabled = false } = host;
  const { name, type, address } = host;
  const hostId = 'hostId' in host ? host.hostId : (lastHostId += 1);
  return { hostId, name, type, address, mxPref, ttl, associatedAppTitle, friendlyName, isActive, isDDNSEnabled };
}

/** What a domain says that nobody has edited. */
export function parkingHosts(domain: string): HostInput[] {
  return [
    { name: 'www', type: 'CNAME', address: 'parkingpage.namecheap.com.', ttl: 1_800, friendlyName: 'CNAME Record' },
    { name: '@', type: 'URL', address: `http://www.${domain}/`, ttl: 1_800, associatedAppTitle: 'URL Forwarding', friendlyName: 'URL Record' },
  ];
}
