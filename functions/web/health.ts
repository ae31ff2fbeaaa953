/** Health of the links for the page: each cluster is asked of its own object, in parallel, and one that fails is shown as away. */
import type { Outcome } from '../../shared/errors.ts';
import type { ClusterStatus } from '../clusters/connection.ts';
import type { ClusterHealth } from './pages/model.ts';

/** Objects asked per page; a page that shows more helps nobody. */
const MAX_ASKED = 50;

export async function clusterHealth(clusters: readonly string[], ask: (name: string) => Promise<Outcome<ClusterStatus>>): Promise<ClusterHealth[]> {
  return Promise.all(
    clusters.slice(0, MAX_ASKED).map(async (cluster): Promise<ClusterHealth> => {
      const outcome = await ask(cluster).catch(() => null);
      if (outcome === null || !outcome.ok) return { cluster, state: 'offline', since: null, relays: [] };
      const { state, since, relays } = outcome.value;
      return { cluster, state, since, relays };
    }),
  );
}
