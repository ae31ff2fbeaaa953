/** Health of links and zones for the page: each is asked of its own object, in parallel, and one that fails is shown as such. */
import type { Outcome } from '../../shared/errors.ts';
import type { ClusterStatus } from '../clusters/connection.ts';
import type { ZoneHealth as ZoneFacts } from '../dns/zone-requests.ts';
import type { ClusterHealth, ZoneHealth } from './pages/model.ts';

export interface HealthSources {
  clusters: readonly string[];
  cluster(name: string): Promise<Outcome<ClusterStatus>>;
  /** Zones that certificates wrote to last. */
  zones(): Promise<{ vendor: string; provider: string; zoneId: string; zoneName: string }[]>;
  zone(provider: string, zoneId: string): Promise<Outcome<ZoneFacts | null>>;
}

/** Objects asked per page; a page that shows more helps nobody. */
const MAX_ASKED = 50;

export async function readHealth(sources: HealthSources): Promise<{ clusters: ClusterHealth[]; zones: ZoneHealth[] }> {
  const [clusters, zones] = await Promise.all([
    Promise.all(sources.clusters.slice(0, MAX_ASKED).map((name) => clusterHealth(sources, name))),
    sources.zones().then(async (listed) => Promise.all(listed.slice(0, MAX_ASKED).map((zone) => zoneHealth(sources, zone)))),
  ]);
  return { clusters, zones };
}

async function clusterHealth(sources: HealthSources, cluster: string): Promise<ClusterHealth> {
  const unknown: ClusterHealth = { cluster, state: 'offline', since: null, relays: [] };
  const outcome = await sources.cluster(cluster).catch(() => null);
  if (outcome === null || !outcome.ok) return unknown;
  const { state, since, relays } = outcome.value;
  return { cluster, state, since, relays };
}

async function zoneHealth(sources: HealthSources, zone: { vendor: string; provider: string; zoneId: string; zoneName: string }): Promise<ZoneHealth> {
  const outcome = await sources.zone(zone.provider, zone.zoneId).catch(() => null);
  const facts = outcome?.ok === true ? outcome.value : null;
  const failed = facts?.lastError ?? null;
  const lastError = failed === null ? null : { at: failed.at, message: failed.error.message, hint: failed.error.hint ?? null };
  return { zone: zone.zoneName, vendor: zone.vendor, lastSuccessAt: facts?.lastSuccessAt ?? null, lastError };
}
