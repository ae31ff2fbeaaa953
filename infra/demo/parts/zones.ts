/** DNS and the vendors that publish into it: Cloudflare with one zone, and Namecheap where a show or a test wants it. */
import * as cloudflareVendor from '../../../test/emulators/cloudflare/index.ts';
import { startDnsEmulator, type DnsEmulator, type ZoneSpec } from '../../../test/emulators/dns/index.ts';
import * as namecheapVendor from '../../../test/emulators/namecheap/index.ts';
import type { LawDocument } from '../../relay/law.ts';
import { NAMECHEAP_USER, ZONE } from '../configuration.ts';
import type { DemoSecrets } from '../state.ts';

export interface ZoneOptions {
  /** How late each of Cloudflare's name servers shows a change, milliseconds. */
  nameserverDelaysMs?: readonly number[];
  /** Seconds that resolvers remember denials. */
  negativeTtl?: number;
  /** Seconds that public resolvers remember anything at most. */
  maxTtl?: number;
  /** Records of the zone at Cloudflare that are somebody else's. */
  strangersRecords?: cloudflareVendor.CloudflareZoneSpec['records'];
  /** Zones at Namecheap; none when absent. */
  namecheap?: NamecheapOptions;
  /** Zones on name servers of which we know nothing. */
  furtherZones?: readonly Pick<ZoneSpec, 'name' | 'records'>[];
}

export interface NamecheapOptions {
  /** Each belongs to the account of its `user`, {@link NAMECHEAP_USER} when absent. Every account has a call budget of its own. */
  domains: readonly namecheapVendor.DomainSpec[];
  /** From a write to the name servers, milliseconds; 20 seconds to an hour in life. */
  publishDelayMs?: number;
  /** How much a write may change, by the relay's law. */
  changes?: NamecheapAccount['changes'];
}

type NamecheapAccount = NonNullable<LawDocument['namecheap']>[number];

export interface Zones {
  dns: DnsEmulator;
  cloudflare: cloudflareVendor.CloudflareEmulator;
  namecheap: namecheapVendor.NamecheapEmulator | undefined;
  /** Domains at Namecheap. */
  domains: readonly string[];
  /** The accounts there, as the relay's law lists them. */
  accounts: NamecheapAccount[];
  close(): Promise<void>;
}

/** Where the key lies in Nomad: a variable of its own, below the relay's own area. */
export const NAMECHEAP_KEY = { variable: 'nomad/jobs/relay/namecheap', item: 'key' } as const;
/** The address that the account lists, from the range for documentation (RFC 5737). */
const RELAY_ADDRESS = '203.0.113.7';
const CLOUDFLARE_SERVERS = ['ns1.test-dns.example', 'ns2.test-dns.example'] as const;
const NAMECHEAP_SERVERS = ['dns1.registrar-servers.com', 'dns2.registrar-servers.com'] as const;
const FURTHER_SERVERS = ['ns1.elsewhere.example'] as const;
/** One of Cloudflare's servers is late, as recorded. */
const CLOUDFLARE_DELAYS_MS = [0, 700] as const;
const SHORT_NEGATIVE_TTL_SECONDS = 5;
/** A second renewal waits until resolvers forget the values of the first; nobody wants to watch that for a minute. */
const SHORT_CACHE_SECONDS = 5;

export async function startZones(options: ZoneOptions, secrets: Pick<DemoSecrets, 'cloudflareToken' | 'namecheapKey'>): Promise<Zones> {
  const domains = options.namecheap?.domains ?? [];
  const further = options.furtherZones ?? [];
  const negativeTtl = options.negativeTtl ?? SHORT_NEGATIVE_TTL_SECONDS;
  const delays = options.nameserverDelaysMs ?? CLOUDFLARE_DELAYS_MS;
  const dns = await startDnsEmulator({
    zones: [
      { name: ZONE, nameservers: CLOUDFLARE_SERVERS, negativeTtl },
      ...domains.map(({ name }) => ({ name, nameservers: NAMECHEAP_SERVERS, negativeTtl })),
      ...further.map((zone) => ({ ...zone, nameservers: FURTHER_SERVERS, negativeTtl })),
    ],
    servers: [
      ...CLOUDFLARE_SERVERS.map((name, index) => ({ name, delayMs: delays[index] ?? 0 })),
      ...(domains.length === 0 ? [] : NAMECHEAP_SERVERS.map((name) => ({ name }))),
      ...(further.length === 0 ? [] : FURTHER_SERVERS.map((name) => ({ name }))),
    ],
    maxTtl: options.maxTtl ?? SHORT_CACHE_SECONDS,
  });
  const open: { close(): Promise<void> }[] = [dns];
  const close = async (): Promise<void> => {
    await Promise.all(open.splice(0).map((part) => part.close()));
  };
  try {
    const cloudflare = await startCloudflare(options, dns, secrets.cloudflareToken);
    open.push(cloudflare);
    const namecheap = options.namecheap === undefined ? undefined : await startNamecheap(options.namecheap, dns, secrets.namecheapKey);
    if (namecheap !== undefined) open.push(namecheap);
    return {
      dns,
      cloudflare,
      namecheap,
      domains: domains.map(({ name }) => name),
      accounts: namecheap === undefined ? [] : accountsOf(namecheap.url, options.namecheap),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Users of the accounts, in the order of their domains. */
export function namecheapUsers(options: NamecheapOptions | undefined): string[] {
  return [...new Set((options?.domains ?? []).map(({ user }) => user ?? NAMECHEAP_USER))];
}

async function startCloudflare(options: ZoneOptions, dns: DnsEmulator, token: string): Promise<cloudflareVendor.CloudflareEmulator> {
  const { strangersRecords } = options;
  return await cloudflareVendor.startCloudflareEmulator({
    zones: [{ name: ZONE, nameServers: [...CLOUDFLARE_SERVERS], ...(strangersRecords === undefined ? {} : { records: strangersRecords }) }],
    tokens: [{ token, grants: [{ zones: [ZONE], permissions: ['zone:read', 'dns:edit'] }] }],
    publisher: cloudflareVendor.intoDnsWorld(dns.world),
    rateLimit: false,
  });
}

async function startNamecheap(options: NamecheapOptions, dns: DnsEmulator, key: string): Promise<namecheapVendor.NamecheapEmulator> {
  return await namecheapVendor.startNamecheapEmulator({
    accounts: namecheapUsers(options).map((user) => ({ user, key, addresses: [RELAY_ADDRESS] })),
    domains: options.domains.map((domain) => ({ user: NAMECHEAP_USER, ...domain })),
    publisher: namecheapVendor.intoDnsWorld(dns.world, { delayMs: options.publishDelayMs ?? 0 }),
  });
}

function accountsOf(endpoint: string, options: NamecheapOptions | undefined): NamecheapAccount[] {
  return namecheapUsers(options).map((account) => ({
    account,
    key: { ...NAMECHEAP_KEY, namespace: 'default' },
    domains: (options?.domains ?? []).filter(({ user = NAMECHEAP_USER }) => user === account).map(({ name }) => name),
    changes: options?.changes ?? 'challenges',
    endpoint,
    // On the loopback nobody can learn it, and the emulator believes what it is told.
    address: RELAY_ADDRESS,
  }));
}
