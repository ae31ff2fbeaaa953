/**
 * The calls of a whole-zone writer to its vendor: each paid from the account's budget, through whichever configured block
 * still reaches the zone. A limit that the vendor itself names is passed on to the budget.
 */
import { MINUTE, type Clock } from '../../shared/clock.ts';
import type { HostTable, SrvRow } from '../../shared/namecheap/host-table.ts';
import type { DnsVendor } from '../config/configuration.ts';
import { DnsError } from './dns-error.ts';
import type { Ledger } from './ledger.ts';
import type { ReadTable, TableProvider, Zone, ZoneSurvey } from './provider.ts';
import type { CallPurpose } from './table-budget.ts';
import type { ZoneDependencies } from './wiring.ts';

/** A write is read twice by the relay and us, and once written. */
export const CALLS_OF_A_WRITE = 3;
/** Another block may reach the zone through another cluster. */
const ANOTHER_WAY: ReadonlySet<string> = new Set(['dns_relay_missing', 'dns_unauthorized', 'dns_forbidden', 'dns_address_not_listed']);

export class TableCalls {
  readonly #ledger: Ledger;
  readonly #dependencies: Pick<ZoneDependencies, 'provider' | 'budget' | 'clock'>;
  readonly #clock: Clock;

  constructor(ledger: Ledger, dependencies: Pick<ZoneDependencies, 'provider' | 'budget' | 'clock'>) {
    this.#ledger = ledger;
    this.#dependencies = dependencies;
    this.#clock = dependencies.clock;
  }

  /** @throws DnsError `dns_budget_spent` with the time at which to ask again. */
  async spend(calls: number, purpose: CallPurpose): Promise<void> {
    const grant = await this.#dependencies.budget(this.#vendor()).spend(calls, purpose);
    if (grant.granted) return;
    throw new DnsError('dns_budget_spent', "The account's calls to its DNS vendor are used up for now.", { retryable: true, retryAt: grant.retryAt });
  }

  read(): Promise<ReadTable> {
    return this.#through((provider, zone) => provider.read(zone));
  }

  readSrv(): Promise<SrvRow[] | null> {
    return this.#through((provider, zone) => provider.readSrv(zone));
  }

  survey(): Promise<ZoneSurvey> {
    return this.#through((provider, zone) => provider.survey(zone));
  }

  replace(change: { expect: HostTable; write: HostTable }, deadline: number): Promise<void> {
    return this.#through((provider, zone) => provider.replace(zone, change, deadline));
  }

  async #through<T>(work: (provider: TableProvider, zone: Zone) => Promise<T>): Promise<T> {
    const zone = this.#ledger.zone()?.zone;
    let failure: unknown;
    for (const vendor of zone === undefined ? [] : this.#ledger.vendors()) {
      const provider = this.#dependencies.provider(vendor);
      if (provider.kind !== 'table' || zone === undefined) throw new DnsError('dns_refused', `[dns.${vendor.name}] does not replace whole zones.`);
      try {
        return await work(provider, zone);
      } catch (thrown) {
        failure ??= thrown;
        if (thrown instanceof DnsError && thrown.code === 'dns_rate_limited')
          await this.#dependencies.budget(vendor).limited(thrown.retryAt ?? this.#clock() + MINUTE);
        if (!(thrown instanceof DnsError && ANOTHER_WAY.has(thrown.code) && !thrown.inDoubt)) throw thrown;
      }
    }
    throw failure ?? noCredentials();
  }

  #vendor(): DnsVendor {
    const [vendor] = this.#ledger.vendors();
    if (vendor === undefined) throw noCredentials();
    return vendor;
  }
}

function noCredentials(): DnsError {
  return new DnsError('dns_vendor_removed', 'No credentials are known for this zone.');
}
