/**
 * A DnsPort with real parts around it, over loopback: the SDK against the Cloudflare emulator, which publishes into the DNS
 * emulator; DoH at its resolvers; and the relay's own queries to its name servers. A ZoneObject is stood in for by its
 * vendor's adapter.
 */
import type { DnsPort } from '../../../functions/certificates/ports.ts';
import type { CloudflareVendor, DnsVendor } from '../../../functions/config/configuration.ts';
import { createCloudflareProvider } from '../../../functions/dns/cloudflare/provider.ts';
import { createDnsPort } from '../../../functions/dns/port.ts';
import type { CleanUpRequest, ExamineRequest, PresentRequest } from '../../../functions/dns/zone-requests.ts';
import { AuthoritativeQuery } from '../../../infra/relay/dns/query.ts';
import { ZoneFinder } from '../../../infra/relay/dns/zone-cut.ts';
import { MINUTE } from '../../../shared/clock.ts';
import { PerennialError, type ErrorData } from '../../../shared/errors.ts';
import type { DnsQuestion, DnsResult } from '../../../shared/relay/contract.ts';
import { intoDnsWorld, startCloudflareEmulator, type CloudflareEmulator } from '../../emulators/cloudflare/index.ts';
import { startDnsEmulator, type DnsEmulator } from '../../emulators/dns/index.ts';

export const TOKEN = 'token-for-the-zones-0123456789-012345678';
export const NS = ['ns1.test-dns.example', 'ns2.test-dns.example'];

export interface PortWorldOptions {
  /** Zones at Cloudflare, all of which the token can see. */
  zones?: readonly string[];
  /** Zones that nobody configured. */
  elsewhere?: readonly string[];
  delegation?: string | null;
  /** Name of the zone whose id is configured, with a token that may not read zones. */
  configured?: string;
  /** Domains of the account that the relay's law lists; null while no relay is connected. */
  domains?: readonly string[] | null;
  /** Blocks besides the one for Cloudflare. */
  vendors?: readonly DnsVendor[];
}

export class PortWorld {
  readonly dns: DnsEmulator;
  readonly cloudflare: CloudflareEmulator;
  readonly port: DnsPort;
  requests = { api: 0, doh: 0 };
  relayRequests: DnsQuestion[][] = [];
  zoneRequests: { zone: string; present?: PresentRequest; cleanUp?: CleanUpRequest; examine?: ExamineRequest }[] = [];
  /** What each call to a zone is refused with, by zone id. */
  readonly refusing = new Map<string, ErrorData>();
  /** When a zone says to come again, by zone id. */
  readonly retryAt = new Map<string, number>();
  /** What zones say of their vendor's name servers. */
  vendorServers: string[] | null = null;
  /** How far the port's clock is ahead, in milliseconds. */
  ahead = 0;

  constructor(dns: DnsEmulator, cloudflare: CloudflareEmulator, { delegation = null, configured, domains = null, vendors = [] }: PortWorldOptions) {
    this.dns = dns;
    this.cloudflare = cloudflare;
    const vendor: CloudflareVendor = {
      name: 'main',
      provider: 'cloudflare',
      token: 'secret:cloudflare-token',
      endpoint: cloudflare.url,
      zoneId: configured === undefined ? null : cloudflare.zoneId(configured),
      delegation,
    };
    const secret = () => Promise.resolve(TOKEN);
    const provider = createCloudflareProvider(vendor, { secret, fetch, clock: Date.now });
    const named = new Map(dns.servers.map(({ name, address, port }) => [name, { address, port }]));
    const authorities = new AuthoritativeQuery(new ZoneFinder({ resolver: dns.recursive, nameservers: named }));
    this.port = createDnsPort({
      vendors: [vendor, ...vendors],
      resolvers: dns.doh,
      secret,
      fetch,
      clock: () => Date.now() + this.ahead,
      onRequest: (kind) => {
        this.requests[kind] += 1;
      },
      authoritative: (cluster, questions): Promise<DnsResult[]> => {
        this.relayRequests.push(questions);
        if (cluster !== 'matrix') throw new PerennialError('relay_offline', 'No relay.', { retryable: true });
        return authorities.answer(questions, AbortSignal.timeout(5_000));
      },
      namecheap: () => {
        const offline = () => Promise.reject(new PerennialError('relay_offline', 'No relay of "matrix" is connected.', { retryable: true, hint: 'Start it.' }));
        const account = (name: string) =>
          domains === null ? offline() : Promise.resolve({ account: name, domains: [...domains], changes: 'challenges' as const, address: null });
        return { account, query: offline, write: offline, authoritative: (questions) => authorities.answer(questions, AbortSignal.timeout(5_000)) };
      },
      zone: (kind, zoneId) => {
        const zone = `${kind}:${zoneId}`;
        const refusal = this.refusing.get(zoneId);
        const refused = refusal === undefined ? null : { ok: false as const, error: refusal };
        return {
          present: async (request) => {
            this.zoneRequests.push({ zone, present: request });
            if (refused !== null) return refused;
            const add = request.records.map((record) => ({ type: 'TXT' as const, ttl: 60, comment: '', ...record }));
            await provider.apply(request.zone, { add, remove: [] }, Date.now() + MINUTE);
            return { ok: true, value: { retryAt: this.retryAt.get(zoneId) ?? null } };
          },
          cleanUp: (request) => {
            this.zoneRequests.push({ zone, cleanUp: request });
            return Promise.resolve(refused ?? { ok: true, value: null });
          },
          examine: (request) => {
            this.zoneRequests.push({ zone, examine: request });
            return Promise.resolve(refused ?? { ok: true, value: { nameServers: this.vendorServers } });
          },
        };
      },
    });
  }

  /** A CNAME that somebody has created. */
  alias(name: string, target: string): void {
    this.dns.world.add({ name, type: 'CNAME', data: target, ttl: 60 });
  }

  /** A CAA record that somebody has created. */
  caa(name: string, value: string, { tag = 'issue', flags = 0 } = {}): void {
    this.dns.world.add({ name, type: 'CAA', data: { flags, tag, value }, ttl: 60 });
  }

  /** Names that any resolver was asked about. */
  resolved(): string[] {
    return this.dns.doh.flatMap(({ name }) => this.dns.world.queries.find({ server: name })).map(({ name }) => name);
  }

  async close(): Promise<void> {
    await this.cloudflare.close();
    await this.dns.close();
  }
}

export async function startPortWorld(options: PortWorldOptions = {}): Promise<PortWorld> {
  const { zones = ['example.net', 'challenges.example'], elsewhere = ['elsewhere.example'] } = options;
  const dns = await startDnsEmulator({
    zones: [...zones, ...elsewhere].map((name) => ({ name, nameservers: NS, negativeTtl: 1_800 })),
    servers: NS.map((name) => ({ name })),
  });
  const cloudflare = await startCloudflareEmulator({
    zones: zones.map((name) => ({ name })),
    tokens: [{ token: TOKEN, grants: [{ zones: [...zones], permissions: options.configured === undefined ? ['zone:read', 'dns:edit'] : ['dns:edit'] }] }],
    publisher: intoDnsWorld(dns.world),
  });
  return new PortWorld(dns, cloudflare, options);
}
