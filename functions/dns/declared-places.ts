/** Where declared records go: the zone of their own name. No alias is followed: what is declared stands where it says. */
import type { DnsVendor } from '../config/configuration.ts';
import { createProvider, type ProviderDependencies } from './create-provider.ts';
import { createDohClient, type Resolver } from './doh.ts';
import { findZone } from './placement.ts';
import { publicApex } from './public-apex.ts';
import type { Zone, ZoneLocator } from './provider.ts';

export interface RecordPlacerDependencies extends Omit<ProviderDependencies, 'apex'> {
  /** The `[dns.x]` blocks in the order of the configuration. */
  vendors: readonly DnsVendor[];
  /** DoH resolvers. */
  resolvers: readonly Resolver[];
}

/**
 * @returns a function that throws DnsError when no block holds the name, or why the block that may hold it cannot be asked.
 */
export function createRecordPlacer(dependencies: RecordPlacerDependencies): (name: string) => Promise<{ vendor: DnsVendor; zone: Zone }> {
  const { vendors, resolvers, fetch } = dependencies;
  const ask = createDohClient({ fetch });
  const apex = async (name: string): Promise<string | null> => {
    const [resolver] = resolvers;
    return resolver === undefined ? null : publicApex(name, resolver, ask, () => false);
  };
  const providers = new Map<string, ZoneLocator>();
  /** Kept per block, because the adapters remember zones for a few minutes. */
  const provider = (vendor: DnsVendor): ZoneLocator => {
    const known = providers.get(vendor.name) ?? createProvider(vendor, { ...dependencies, apex });
    providers.set(vendor.name, known);
    return known;
  };
  return async (name) => {
    const found = await findZone(name, { vendors, provider });
    if ('failure' in found) throw found.failure;
    return { vendor: found.vendor, zone: found.zone };
  };
}
