/** What a ZoneObject needs from outside, as one value: composition builds it, tests replace it. */
import type { Clock } from '../../shared/clock.ts';
import type { DnsVendor } from '../config/configuration.ts';
import { createProvider, type ProviderDependencies } from './create-provider.ts';
import { createDohClient, type Resolver } from './doh.ts';
import type { DnsProvider } from './provider.ts';
import type { BudgetOf } from './table-budget.ts';
import type { SendZoneReport } from './zone-report.ts';

export interface ZoneDependencies {
  clock: Clock;
  provider: (vendor: DnsVendor) => DnsProvider;
  /** The budget of calls of the account behind a block whose vendor counts them. */
  budget: BudgetOf;
  /** What public DNS names as the servers of a zone, lower case; null when nobody can tell. */
  nameServers: (zone: string) => Promise<string[] | null>;
  report: SendZoneReport;
}

export interface ZoneWiring extends ProviderDependencies, Pick<ZoneDependencies, 'budget' | 'report'> {
  /** The first that answers tells the public name servers. */
  resolvers: readonly Resolver[];
}

export function zoneDependencies(options: ZoneWiring): ZoneDependencies {
  const { clock, budget, report, resolvers, fetch } = options;
  const ask = createDohClient({ fetch });
  return {
    clock,
    provider: (vendor) => createProvider(vendor, options),
    budget,
    report,
    async nameServers(zone) {
      for (const resolver of resolvers) {
        const answer = await ask(resolver, zone, 'NS').catch(() => null);
        if (answer !== null) return answer.values.map((server) => server.toLowerCase().replace(/\.$/, ''));
      }
      return null;
    },
  };
}
