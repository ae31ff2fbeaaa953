/** The life cycle's {@link DnsPort}: placement, preflight, ZoneObjects and propagation put together. Stateless but for short caches. */
import type { DnsPort, PlacedRecord } from '../certificates/ports.ts';
import type { DnsVendor } from '../config/configuration.ts';
import { unwrap } from '../../shared/errors.ts';
import { MINUTE, SECOND, type Clock } from '../../shared/clock.ts';
import type { DnsQuestion } from '../../shared/relay/contract.ts';
import { createAuthorities, type RelayQuery } from './authorities.ts';
import { createProvider, PROVIDERS, type ProviderDependencies } from './create-provider.ts';
import { isOffered } from './delegation.ts';
import { DnsError } from './dns-error.ts';
import { createDohClient, type DohAnswer, type Resolver } from './doh.ts';
import { CHALLENGE_PREFIX, challengeName, type Place, placeNames } from './placement.ts';
import { createPreflight } from './preflight/preflight.ts';
import { authoritativeViews, authoritiesAgree, isConfirmed, propagationReport, resolverView, type Expectation, type ServerView } from './propagation.ts';
import { publicAliases } from './public-aliases.ts';
import { publicApex } from './public-apex.ts';
import type { SecretReader, ZoneLocator } from './provider.ts';
import type { ZonePort } from './zone-requests.ts';

export interface DnsPortDependencies {
  /** The `[dns.x]` blocks in the order of the configuration. */
  vendors: readonly DnsVendor[];
  /** DoH resolvers, at least two. */
  resolvers: readonly Resolver[];
  /** Reads `secret:<name>`. */
  secret: SecretReader;
  /** The ZoneObject of that name; a fresh stub each time, so that one that broke is not used again. */
  zone(provider: DnsVendor['provider'], zoneId: string): Pick<ZonePort, 'present' | 'cleanUp' | 'examine'>;
  /** `POST /v1/dns/query` of one cluster's relay, at most 16 questions a call. Throws when the relay cannot be asked. */
  authoritative: RelayQuery;
  /** The relay through which a cluster's Namecheap account is reached. */
  namecheap: ProviderDependencies['namecheap'];
  rates?: ProviderDependencies['rates'];
  fetch: typeof fetch;
  clock: Clock;
  /** Counts external requests as they leave: to a vendor (`api`) or a resolver (`doh`). */
  onRequest?: (kind: 'api' | 'doh') => void;
}

/** How long a vendor takes at most, as a rule, until its own servers have a record: asked before, a resolver remembers "no". */
const SETTLING_MS = 10 * SECOND;
/** Names asked of resolvers in one call: with three resolvers well below the 40 requests of an invocation. */
const MAX_RESOLVED_NAMES = 10;
/** What the preflight has placed is published right after it. */
const PLACED_MS = MINUTE;

export function createDnsPort(dependencies: DnsPortDependencies): DnsPort {
  const { vendors, resolvers, secret, fetch, clock, onRequest } = dependencies;
  const ask = createDohClient({ fetch, onRequest: () => onRequest?.('doh') });
  const authorities = createAuthorities((cluster, questions) => dependencies.authoritative(cluster, questions));
  const providers = new Map<string, ZoneLocator>();

  /** When names were last published. A hint only: whoever starts anew asks at once. */
  const publishedAt = new Map<string, number>();
  /** Places by challenge name. */
  const placed = new Map<string, { place: Place; until: number }>();

  /** Kept per block, because the adapters remember zones for a few minutes. */
  function provider(vendor: DnsVendor): ZoneLocator {
    const known = providers.get(vendor.name);
    if (known !== undefined) return known;
    const created = createProvider(vendor, {
      secret,
      fetch,
      clock,
      namecheap: dependencies.namecheap,
      rates: dependencies.rates,
      onRequest: () => onRequest?.('api'),
      apex,
    });
    providers.set(vendor.name, created);
    return created;
  }

  async function apex(name: string): Promise<string | null> {
    const [resolver] = resolvers;
    return resolver === undefined ? null : publicApex(name, resolver, ask, (asked) => asked.startsWith(CHALLENGE_PREFIX) || isOffered(asked, vendors));
  }

  async function places(names: readonly string[], vias: readonly string[]): Promise<ReadonlyMap<string, Place>> {
    const found = await placeNames(names, { vendors, provider, aliases: (outside) => publicAliases(outside, vias, { resolvers, ask, authorities }) });
    for (const [name, place] of found) placed.set(name, { place, until: clock() + PLACED_MS });
    return found;
  }

  function recentPlace(name: string): Place | undefined {
    const known = placed.get(name);
    return known !== undefined && known.until > clock() ? known.place : undefined;
  }

  /** What every authoritative server says, through the first relay that can be asked; null when none can. */
  async function askAuthorities(expectations: readonly Expectation[], vias: readonly string[]): Promise<ServerView[] | null> {
    const questions = [...new Set(expectations.map(({ target }) => target))].map((name): DnsQuestion => ({ name, type: 'TXT' }));
    const results = await authorities(questions, vias);
    return results === null ? null : authoritativeViews(expectations, results);
  }

  /** Answers by resolver and name; null where a resolver failed. */
  function askResolvers(expectations: readonly Expectation[]): Promise<(DohAnswer | null)[][]> {
    return Promise.all(
      resolvers.map((resolver) => Promise.all(expectations.map(({ name }) => ask(resolver, name, 'TXT').catch((): DohAnswer | null => null)))),
    );
  }

  return {
    async place(records, vias) {
      const names = [...new Set(records.map(({ name }) => challengeName(name)))];
      const unknown = names.filter((name) => recentPlace(name) === undefined);
      const found = unknown.length === 0 ? new Map<string, Place>() : await places(unknown, vias);
      return records.flatMap((record) => {
        const name = challengeName(record.name);
        const place = found.get(name) ?? recentPlace(name);
        return place === undefined ? [] : [{ name, value: record.value, ...place }];
      });
    },

    preflight: createPreflight({ vendors, resolvers, ask, authorities, place: places, zone: (kind, zoneId) => dependencies.zone(kind, zoneId), clock }),

    async present(owner, operation, records) {
      let again: number | null = null;
      await inEveryZone(records, async (zoneRecords, { vendor: name, provider: kind, zoneId, zoneName }) => {
        const vendor = vendors.find((block) => block.name === name);
        if (vendor === undefined || (kind !== undefined && kind !== vendor.provider))
          throw new DnsError('dns_vendor_removed', `[dns.${name}] is no longer configured.`, { hint: 'The next attempt looks for the zone anew.' });
        const request = {
          vendor,
          zone: { id: zoneId, name: zoneName },
          owner,
          operation,
          records: zoneRecords.map(({ target, value }) => ({ name: target, value })),
        };
        // Whatever comes of it, the next placement looks anew: a CNAME may have been found where the record should go.
        for (const record of zoneRecords) placed.delete(record.name);
        const presented = unwrap(await dependencies.zone(vendor.provider, zoneId).present(request));
        if (presented?.retryAt != null) again = Math.min(presented.retryAt, again ?? Infinity);
        else for (const { target } of zoneRecords) publishedAt.set(target, clock());
      });
      return again;
    },

    async propagation(records, vias, confirmed) {
      const expectations = expected(records);
      const views = await askAuthorities(expectations, vias);
      const known = expectations.map(({ name }) => name).filter((name) => confirmed.includes(name));
      const settled = expectations.every(({ target }) => clock() >= (publishedAt.get(target) ?? 0) + SETTLING_MS);
      if (views === null && !settled)
        return {
          complete: false,
          weak: true,
          servers: [],
          confirmed: known,
          summary: `waiting ${SETTLING_MS / SECOND} s before public resolvers are asked, because no relay can ask the authoritative servers`,
        };
      const open = expectations.filter(({ name }) => !known.includes(name)).slice(0, MAX_RESOLVED_NAMES);
      const asked = views === null || authoritiesAgree(views) ? open : [];
      const answers = asked.length === 0 ? [] : await askResolvers(asked);
      const view = (some: readonly Expectation[], at: number) =>
        answers.map((all, index) => resolverView(resolvers[index]?.name ?? '', some, all.slice(at, at + some.length)));
      const news = asked.filter((expectation, index) => isConfirmed(views, view([expectation], index))).map(({ name }) => name);
      return propagationReport(views, view(asked, 0), {
        confirmed: [...known, ...news],
        total: expectations.length,
        sliced: expectations.length > MAX_RESOLVED_NAMES,
      });
    },

    async cleanUp(owner, operation, records) {
      await inEveryZone(records, async (_, { vendor: name, provider: kind, zoneId }) => {
        const placedBy = kind ?? vendors.find((block) => block.name === name)?.provider;
        // The ledger knows its credentials itself. An empty ledger has nothing to do, so asking a wrong object is harmless.
        for (const each of placedBy === undefined ? PROVIDERS : [placedBy]) unwrap(await dependencies.zone(each, zoneId).cleanUp({ owner, operation }));
      });
    },
  };
}

/** Works on each zone once; a failing zone does not keep the others from being done. Throws the first failure. */
async function inEveryZone(records: readonly PlacedRecord[], work: (records: PlacedRecord[], first: PlacedRecord) => Promise<void>): Promise<void> {
  const zones = new Map<string, PlacedRecord[]>();
  for (const record of records) {
    const key = `${record.vendor} ${record.zoneId}`;
    zones.set(key, [...(zones.get(key) ?? []), record]);
  }
  const outcomes = await Promise.allSettled([...zones.values()].map(async (group) => (group[0] === undefined ? undefined : work(group, group[0]))));
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

/** One expectation per name with all its values. */
function expected(records: readonly PlacedRecord[]): Expectation[] {
  const byName = new Map<string, Expectation>();
  for (const { name, target, value } of records) {
    const known = byName.get(name);
    if (known === undefined) byName.set(name, { name, target, values: [value] });
    else if (!known.values.includes(value)) known.values.push(value);
  }
  return [...byName.values()];
}
