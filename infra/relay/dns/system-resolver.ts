/** Where the relay's recursive resolver is: the law's, else the first of the system's. */
import { getServers } from 'node:dns';
import { isIPv6 } from 'node:net';
import type { Law } from '../law.ts';
import type { ServerAddress } from './exchange.ts';
import type { ResolverOptions } from './zone-cut.ts';

export function resolverOptions(dns: Law['dns']): ResolverOptions {
  const nameservers = new Map(Object.entries(dns.nameservers).map(([name, address]) => [name.toLowerCase().replace(/\.$/, ''), parseAddress(address)]));
  return { resolver: parseAddress(dns.resolver ?? getServers()[0] ?? '127.0.0.1:53'), nameservers };
}

/** `address`, `address:port` or `[address]:port`. */
function parseAddress(text: string): ServerAddress {
  if (isIPv6(text)) return { address: text, port: 53 };
  const separator = text.lastIndexOf(':');
  if (separator === -1) return { address: text, port: 53 };
  return { address: text.slice(0, separator).replace(/^\[|\]$/g, ''), port: Number(text.slice(separator + 1)) };
}
