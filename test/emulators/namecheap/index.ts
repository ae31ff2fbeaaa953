/** The Namecheap API emulator on the loopback: as odd as the vendor, and publishing into DNS as the vendor does. */
import { serve } from '@hono/node-server';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Namecheap, type NamecheapOptions } from './namecheap.ts';

export type { AccountSpec } from './accounts.ts';
export type { Change, DomainSpec, SrvRecord } from './domain.ts';
export type { ApiFault } from './faults.ts';
export type { HostInput, StoredHost } from './host.ts';
export { Namecheap, type NamecheapOptions } from './namecheap.ts';
export { intoDnsWorld, type HostPublisher } from './publication.ts';

export interface NamecheapEmulatorOptions extends NamecheapOptions {
  port?: number;
  /** HTTPS with this certificate (`createLoopbackTls` makes one); HTTP when absent. */
  tls?: { certificatePem: string; keyPem: string };
}

export interface NamecheapEmulator extends Pick<
  Namecheap,
  'accounts' | 'domain' | 'emailType' | 'faults' | 'hosts' | 'otherCalls' | 'requests' | 'setHosts' | 'setSrv' | 'srv'
> {
  /** The API's one URL, ending in `/xml.response`. */
  url: string;
  /** For everything else: hooks, the source address. */
  core: Namecheap;
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
/** How often travelling requests are looked after under a real clock, ms. */
const ARRIVAL_POLL_MS = 100;

export async function startNamecheapEmulator({ port = 0, tls, ...options }: NamecheapEmulatorOptions): Promise<NamecheapEmulator> {
  const core = new Namecheap(options);
  const secure = tls === undefined ? {} : { createServer, serverOptions: { cert: tls.certificatePem, key: tls.keyPem } };
  const server = serve({ fetch: (request, { outgoing }) => core.fetch(request).catch(() => cut(outgoing)), hostname: LOOPBACK, port, ...secure });
  if (!server.listening) await once(server, 'listening');
  const { port: bound } = server.address() as AddressInfo;
  const arrivals = setInterval(() => core.arrive(), ARRIVAL_POLL_MS);
  arrivals.unref();
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${LOOPBACK}:${bound}/xml.response`,
    core,
    accounts: core.accounts,
    faults: core.faults,
    requests: core.requests,
    domain: (name) => core.domain(name),
    hosts: (domain) => core.hosts(domain),
    emailType: (domain) => core.emailType(domain),
    srv: (domain) => core.srv(domain),
    setHosts: (domain, edited) => core.setHosts(domain, edited),
    setSrv: (domain, records) => core.setSrv(domain, records),
    otherCalls: (user, calls) => core.otherCalls(user, calls),
    close: () =>
      new Promise((resolve) => {
        clearInterval(arrivals);
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}

function cut(outgoing: { destroy(): unknown }): Response {
  outgoing.destroy();
  return new Response(null, { status: 502 });
}
