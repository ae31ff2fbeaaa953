/** What a ZoneObject needs from outside, as one value: composition builds it, tests replace it. */
import type { Clock } from '../../shared/clock.ts';
import type { DnsVendor } from '../config/configuration.ts';
import { createProvider, type ProviderDependencies } from './create-provider.ts';
import type { DnsProvider } from './provider.ts';

export interface ZoneDependencies {
  clock: Clock;
  provider: (vendor: DnsVendor) => DnsProvider;
}

export function zoneDependencies(options: ProviderDependencies): ZoneDependencies {
  return { clock: options.clock, provider: (vendor) => createProvider(vendor, options) };
}
