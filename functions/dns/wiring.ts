/** What a ZoneObject needs from outside, as one value: composition builds it, tests replace it. */
import type { Clock } from '../../shared/clock.ts';
import type { DnsVendor } from '../config/configuration.ts';
import { createProvider } from './create-provider.ts';
import type { DnsProvider, SecretReader } from './provider.ts';

export interface ZoneDependencies {
  clock: Clock;
  provider: (vendor: DnsVendor) => DnsProvider;
}

export function zoneDependencies(options: { secret: SecretReader; fetch: typeof fetch; clock: Clock }): ZoneDependencies {
  return { clock: options.clock, provider: (vendor) => createProvider(vendor, options) };
}
