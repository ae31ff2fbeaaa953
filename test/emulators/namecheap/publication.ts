/** What the vendor's name servers say: the host list and the SRV list as DNS records with full names. */
import type { DnsWorld, RecordInput } from '../dns/index.ts';
import type { Domain } from './domain.ts';
import type { StoredHost } from './host.ts';

export interface HostPublisher {
  publish(domain: string, records: readonly RecordInput[]): void;
}

/** Stands for the vendor's redirect servers, and for the target of an ALIAS, which the vendor looks up itself. */
const VENDOR_SERVER = '192.0.2.53';
const MXE_PREFERENCE = 10;

/**
 * Publishes into zones of a {@link DnsWorld} that carry the same names.
 * @param delayMs from the write to the name servers, in real time; 20 s to an hour at the vendor. Delays under an injected
 *   clock are a matter of the world's name servers.
 */
export function intoDnsWorld(world: DnsWorld, { delayMs = 0 }: { delayMs?: number } = {}): HostPublisher {
  return {
    publish: (domain, records) => {
      if (delayMs === 0) world.publish(domain, 'namecheap', records);
      else setTimeout(() => world.publish(domain, 'namecheap', records), delayMs).unref();
    },
  };
}

/** Nothing while the domain uses other name servers. */
export function publishedRecords(domain: Domain): RecordInput[] {
  if (domain.dns === 'custom') return [];
  const hosts = domain.list.hosts.filter(({ isActive }) => isActive).flatMap((host) => hostRecords(host, domain.name));
  const services = domain.srv.map(({ service, protocol, priority, weight, port, target }): RecordInput => {
    return { name: `${service}.${protocol}.${domain.name}`, type: 'SRV', data: { priority, weight, port, target } };
  });
  return [...hosts, ...services];
}

function hostRecords({ name: host, type, address, mxPref, ttl }: StoredHost, domain: string): RecordInput[] {
  const name = host === '@' || host.toLowerCase() === domain ? domain : `${host}.${domain}`;
  switch (type) {
    case 'A':
    case 'AAAA':
    case 'CNAME':
    case 'NS':
    case 'TXT':
      return [{ name, ttl, type, data: address }];
    case 'MX':
      return [{ name, ttl, type, data: { preference: mxPref, exchange: address } }];
    case 'MXE': {
      const exchange = `mail.${domain}`;
      return [
        { name: exchange, ttl, type: 'A', data: address },
        { name, ttl, type: 'MX', data: { preference: MXE_PREFERENCE, exchange } },
      ];
    }
    case 'CAA': {
      const [, flags, tag, value] = /^(\d+) (issue|issuewild|iodef) "(.*)"$/.exec(address) ?? [];
      if (tag !== 'issue' && tag !== 'issuewild' && tag !== 'iodef') return [];
      return [{ name, ttl, type, data: { flags: Number(flags), tag, value: value ?? '' } }];
    }
    default:
      return [{ name, ttl, type: 'A', data: VENDOR_SERVER }];
  }
}
