/**
 * The DNS emulator: authoritative name servers, a recursive server and public DoH resolvers on the loopback, all of
 * them over one {@link DnsWorld}.
 */
import { serve } from '@hono/node-server';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../../shared/clock.ts';
import { dohApp } from './doh.ts';
import { listenDns, type DnsListener } from './listener.ts';
import { normalizeName } from './names.ts';
import { CachingResolver } from './resolver.ts';
import { authorityHandler, recursiveHandler } from './responder.ts';
import { DnsWorld, type NameserverSpec } from './world.ts';
import type { ZoneSpec } from './zone-history.ts';

export type { Fault } from './faults.ts';
export type { LoggedQuery } from './query-log.ts';
export type { RecordInput, ZoneRecord } from './records.ts';
export { DnsWorld, type NameserverSpec } from './world.ts';
export type { ZoneSpec } from './zone-history.ts';

export interface DnsEmulatorOptions {
  zones: readonly ZoneSpec[];
  /** `port` 0 or absent: a free one each. Give every server its own `address` (127.0.0.2, …) to share one port. */
  servers: readonly (NameserverSpec & { address?: string; port?: number })[];
  recursive?: { address?: string; port?: number };
  /** Names of the DoH resolvers, each with a cache of its own. */
  doh?: readonly string[];
  /** Seconds that the DoH resolvers remember anything at most. */
  maxTtl?: number;
  clock?: Clock;
}

export interface DnsEmulator {
  world: DnsWorld;
  servers: { name: string; address: string; port: number }[];
  /** For a CA's validator: `pebble -dnsserver <address>:<port>`. */
  recursive: { address: string; port: number };
  /** `url` is the RFC 8484 and Cloudflare endpoint, `jsonUrl` Google's. */
  doh: { name: string; url: string; jsonUrl: string; resolver: CachingResolver }[];
  /** Name server host name → `address:port`: what a resolver uses in place of port 53 of the real address. */
  nameserverOverrides: Record<string, string>;
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
const DEFAULT_DOH = ['resolver-one', 'resolver-two'];
/** The name under which the recursive server appears in the query log and in faults. */
export const RECURSIVE_SERVER = 'recursive';

/** @throws Error with code `EADDRINUSE` when a fixed port is taken; nothing stays open then. */
export async function startDnsEmulator(options: DnsEmulatorOptions): Promise<DnsEmulator> {
  const world = new DnsWorld(options.clock);
  for (const zone of options.zones) world.addZone(zone);
  for (const server of options.servers) world.addNameserver(server);

  const open: { close(): Promise<void> }[] = [];
  const close = async () => {
    await Promise.all(open.splice(0).map((listener) => listener.close()));
  };
  try {
    const servers: DnsEmulator['servers'] = [];
    for (const { name, address, port } of options.servers) {
      const listener = await listenDns(address ?? LOOPBACK, port ?? 0, authorityHandler(world, normalizeName(name)));
      open.push(listener);
      servers.push({ name: normalizeName(name), address: listener.address, port: listener.port });
    }
    const recursive: DnsListener = await listenDns(
      options.recursive?.address ?? LOOPBACK,
      options.recursive?.port ?? 0,
      recursiveHandler(world, RECURSIVE_SERVER),
    );
    open.push(recursive);
    const doh: DnsEmulator['doh'] = [];
    for (const name of options.doh ?? DEFAULT_DOH) {
      const resolver = new CachingResolver(name, world, options.maxTtl);
      const listener = await listenHttp(dohApp(world, resolver).fetch);
      open.push(listener);
      doh.push({ name, url: `${listener.origin}/dns-query`, jsonUrl: `${listener.origin}/resolve`, resolver });
    }
    const nameserverOverrides = Object.fromEntries(servers.map(({ name, address, port }) => [name, `${address}:${port}`]));
    return { world, servers, recursive: { address: recursive.address, port: recursive.port }, doh, nameserverOverrides, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listenHttp(fetch: (request: Request) => Response | Promise<Response>): Promise<{ origin: string; close(): Promise<void> }> {
  const server = serve({ fetch, hostname: LOOPBACK, port: 0 });
  if (!server.listening) await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://${LOOPBACK}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}
