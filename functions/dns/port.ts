/** The life cycle's {@link DnsPort}: placement, ZoneObjects, and propagation put together. Stateless but for short caches. */
import type { DnsPort, PlacedRecord, PropagationReport } from '../certificates/ports.ts';
import type { DnsVendor } from '../config/configuration.ts';
import { unwrap } from '../../shared/errors.ts';
import { SECOND, type Clock } from '../../shared/clock.ts';
import type { DnsQuestion, DnsResult } from '../../shared/relay/contract.ts';
import { createProvider, PROVIDERS, type ProviderDependencies } from './create-provider.ts';
import { DnsError } from './dns-error.ts';
import { createDohClient, type DohAnswer, type Resolver } from './doh.ts';
import { challengeName, placeNames } from './placement.ts';
import { authoritativeViews, authoritiesAgree, propagationReport, resolverView, type Expectation, type ServerView } from './propagation.ts';
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
  zone(provider: DnsVendor['provider'], zoneId: string): ZonePort;
  /** `POST /v1/dns/query` of one cluster's relay, at most 16 questions a call. Throws when the relay cannot be asked. */
  authoritative(cluster: string, questions: DnsQuestion[]): Promise<DnsResult[]>;
  /** The relay through which a cluster's Namecheap account is reached. */
  namecheap: ProviderDependencies['namecheap'];
  fetch: typeof fetch;
  clock: Clock;
  /** Counts external requests as they leave: to a vendor (`api`) or a resolver (`doh`). */
  onRequest?: (kind: 'api' | 'doh') => void;
}

/** Questions of one request to a relay (contract version 2). */
const QUESTIONS_PER_REQUEST = 16;
/** How long a vendor takes at most, as a rule, until its own servers have a record: asked before, a resolver remembers "no". */
const SETTLING_MS = 10 * SECOND;
/** Names asked of resolvers in one call: with three resolvers well below the 40 requests of an invocation. */
const MAX_RESOLVED_NAMES = 10;

export function createDnsPort(dependencies: DnsPortDependencies): DnsPort {
  const { vendors, resolvers, secret, fetch, clock, onRequest } = dependencies;
  const ask = createDohClient({ fetch, onRequest: () => onRequest?.('doh') });
  const providers = new Map<string, ZoneLocator>();

  /** When names were last published. A hint only: whoever starts anew asks at once. */
  const publishedAt = new Map<string, number>();

  /** Kept per block, because the adapters remember zones for a few minutes. */
  function provider(vendor: DnsVendor): ZoneLocator {
    const known = providers.get(vendor.name);
    if (known !== undefined) return known;
    const created = createProvider(vendor, { secret, fetch, clock, namecheap: dependencies.namecheap, onRequest: () => onRequest?.('api'), apex });
    providers.set(vendor.name, created);
    return created;
  }

  async function apex(name: string): Promise<string | null> {
    const [resolver] = resolvers;
    return resolver === undefined ? null : (await ask(resolver, name, 'SOA')).apex;
  }

  /** What every authoritative server says, through the first relay that can be asked; null when none can. */
  async function askAuthorities(expectations: readonly Expectation[], vias: readonly string[]): Promise<ServerView[] | null> {
    const questions = [...new Set(expectations.map(({ target }) => target))].map((name): DnsQuestion => ({ name, type: 'TXT' }));
    for (const cluster of vias) {
      try {
        const results: DnsResult[] = [];
        for (let at = 0; at < questions.length; at += QUESTIONS_PER_REQUEST) {
          results.push(...(await dependencies.authoritative(cluster, questions.slice(at, at + QUESTIONS_PER_REQUEST))));
        }
        const views = authoritativeViews(expectations, results);
        // A relay that reaches no name server at all knows no more than no relay.
        if (views.some(({ state }) => state !== 'silent')) return views;
      } catch {
        // The next relay may be there; without any, the report says that it is weak.
      }
    }
    return null;
  }

  async function askResolvers(expectations: readonly Expectation[]): Promise<ServerView[]> {
    const asked = expectations.slice(0, MAX_RESOLVED_NAMES);
    return Promise.all(
      resolvers.map(async (resolver) => {
        const answers = await Promise.all(asked.map(({ name }) => ask(resolver, name, 'TXT').catch((): DohAnswer | null => null)));
        return resolverView(resolver.name, asked, answers);
      }),
    );
  }

  return {
    async place(records) {
      const places = await placeNames(
        records.map(({ name }) => name),
        { vendors, provider, resolvers, ask },
      );
      return records.flatMap((record) => {
        const name = challengeName(record.name);
        const place = places.get(name);
        return place === undefined ? [] : [{ name, value: record.value, ...place }];
      });
    },

    preflight: () => Promise.resolve(),

    async present(owner, operation, records) {
      let again: number | null = null;
      await inEveryZone(records, async (zoneRecords, { vendor: name, zoneId, zoneName }) => {
        const vendor = vendors.find((block) => block.name === name);
        if (vendor === undefined)
          throw new DnsError('dns_vendor_removed', `[dns.${name}] is no longer configured.`, { hint: 'The next attempt looks for the zone anew.' });
        const request = {
          vendor,
          zone: { id: zoneId, name: zoneName },
          owner,
          operation,
          records: zoneRecords.map(({ target, value }) => ({ name: target, value })),
        };
        const presented = unwrap(await dependencies.zone(vendor.provider, zoneId).present(request));
        if (presented?.retryAt != null) again = Math.min(presented.retryAt, again ?? Infinity);
        else for (const { target } of zoneRecords) publishedAt.set(target, clock());
      });
      return again;
    },

    async propagation(records, vias): Promise<PropagationReport> {
      const expectations = expected(records);
      const authorities = await askAuthorities(expectations, vias);
      const settled = expectations.every(({ target }) => clock() >= (publishedAt.get(target) ?? 0) + SETTLING_MS);
      if (authorities === null && !settled)
        return {
          complete: false,
          weak: true,
          servers: [],
          summary: `waiting ${SETTLING_MS / SECOND} s before public resolvers are asked, because no relay can ask the authoritative servers`,
        };
      const resolved = authorities === null || authoritiesAgree(authorities) ? await askResolvers(expectations) : [];
      return propagationReport(authorities, resolved);
    },

    async cleanUp(owner, operation, records) {
      await inEveryZone(records, async (_, { vendor: name, zoneId }) => {
        const vendor = vendors.find((block) => block.name === name);
        // The ledger knows its credentials itself. An empty ledger has nothing to do, so asking a wrong object is harmless.
        for (const kind of vendor === undefined ? PROVIDERS : [vendor.provider]) unwrap(await dependencies.zone(kind, zoneId).cleanUp({ owner, operation }));
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
