/** Picks the vendor's adapter: the one place that knows all of them. */
import type { Clock } from '../../shared/clock.ts';
import type { DnsVendor } from '../config/configuration.ts';
import { createCloudflareProvider } from './cloudflare/provider.ts';
import type { DnsProvider, SecretReader } from './provider.ts';

export interface ProviderDependencies {
  secret: SecretReader;
  fetch: typeof fetch;
  clock: Clock;
  onRequest?: (() => void) | undefined;
  apex?: ((name: string) => Promise<string | null>) | undefined;
}

/** Adapters by the `provider` of a `[dns.x]` block, which is also the first part of a ZoneObject's name. */
const ADAPTERS: Record<DnsVendor['provider'], (vendor: DnsVendor, dependencies: ProviderDependencies) => DnsProvider> = {
  cloudflare: createCloudflareProvider,
};

export const PROVIDERS: readonly DnsVendor['provider'][] = ['cloudflare'];

export function createProvider(vendor: DnsVendor, dependencies: ProviderDependencies): DnsProvider {
  return ADAPTERS[vendor.provider](vendor, dependencies);
}
