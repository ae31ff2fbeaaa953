/** Picks the vendor's adapter: the one place that knows all of them. */
import type { Clock } from '../../shared/clock.ts';
import type { DnsVendor } from '../config/configuration.ts';
import { createCloudflareProvider } from './cloudflare/provider.ts';
import type { RequestRates } from './cloudflare/request-rate.ts';
import { createNamecheapProvider } from './namecheap/provider.ts';
import type { NamecheapRelay } from './namecheap/relay.ts';
import type { DnsProvider, SecretReader } from './provider.ts';

export interface ProviderDependencies {
  secret: SecretReader;
  fetch: typeof fetch;
  clock: Clock;
  /** The relay of a cluster, for vendors that accept known addresses only. */
  namecheap: (cluster: string) => NamecheapRelay;
  onRequest?: (() => void) | undefined;
  apex?: ((name: string) => Promise<string | null>) | undefined;
  /** What Cloudflare said about its limits; those who share it keep within them together. */
  rates?: RequestRates | undefined;
}

/** The `provider` of a `[dns.x]` block is also the first part of a ZoneObject's name. */
export const PROVIDERS: readonly DnsVendor['provider'][] = ['cloudflare', 'namecheap'];

/** Those that replace a zone as a whole, with an account's budget of calls. */
export const TABLE_PROVIDERS: ReadonlySet<DnsVendor['provider']> = new Set(['namecheap']);

export function createProvider(vendor: DnsVendor, dependencies: ProviderDependencies): DnsProvider {
  switch (vendor.provider) {
    case 'cloudflare':
      return createCloudflareProvider(vendor, dependencies);
    case 'namecheap':
      return createNamecheapProvider(vendor, dependencies.namecheap(vendor.egress), dependencies.clock);
  }
}
