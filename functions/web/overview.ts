/** Everything the status page and the status API show, read once per request. */
import type { Problem } from '../config/configuration.ts';
import type { FleetStatus } from '../fleet/fleet.ts';
import type { WebDependencies } from './dependencies.ts';
import { departuresOf, overallOf, statusModel, zoneTally, type ClusterHealth, type Overall, type StatusModel } from './pages/index.ts';
import { readPlans } from './plans.ts';
import { zoneAddress } from './zone-address.ts';

export const PAGE_SIZE = 25;
/** Soonest next steps read for the board; it shows fewer. */
const UPCOMING = 12;
const EVENTS = 30;

interface Facts {
  status: FleetStatus;
  clusters: ClusterHealth[];
  zones: Awaited<ReturnType<WebDependencies['fleet']['zones']>>;
  problems: readonly Problem[];
}

export async function readFacts(deps: WebDependencies): Promise<Facts> {
  const [status, clusters, zones] = await Promise.all([deps.fleet.status({ events: EVENTS, upcoming: UPCOMING }), deps.clusters(), deps.fleet.zones()]);
  return { status, clusters, zones, problems: deps.compiled.valid ? [] : deps.compiled.problems };
}

/** The overall state alone: what people without a session may see of it is `publicSentence`. */
export function overallState({ status, clusters, zones, problems }: Facts, deps: WebDependencies): Overall {
  return overallOf({
    tally: status.tally,
    configurationInvalid: problems.length > 0,
    setupIncomplete: deps.setupProblems.length > 0,
    relaysAway: clusters.filter((cluster) => cluster.state !== 'online').length,
    zones: zoneTally(zones.map(({ health }) => health)),
  });
}

export interface PageQuery {
  page: number;
  query: string;
  notice: string | null;
}

export async function readStatusModel(deps: WebDependencies, { page, query, notice }: PageQuery): Promise<StatusModel> {
  const [{ status, clusters, zones, problems }, { views, total }, authorities] = await Promise.all([
    readFacts(deps),
    deps.fleet.page({ page, size: PAGE_SIZE, query }),
    deps.authorities(),
  ]);
  const plans = await readPlans(deps, zones);
  const zoneNames = new Map(zones.map(({ provider, zoneId, zoneName }) => [`${provider}:${zoneId}`, zoneName]));
  return statusModel(
    {
      certificates: views,
      tally: status.tally,
      upcoming: departuresOf(status.upcoming),
      clusters,
      authorities,
      zones: zones.map((zone) => ({ health: zone.health, address: zoneAddress(zone), plan: plans.get(zoneAddress(zone)) ?? null })),
      configuration: { problems, lastGoodInForce: status.configuration !== null },
      setup: deps.setupProblems,
      events: status.events.map((event) => ({ ...event, zone: zoneNames.get(event.zone ?? '') ?? event.zone })),
      paging: { number: page, size: PAGE_SIZE, total, query },
      notice,
    },
    deps.clock(),
  );
}
