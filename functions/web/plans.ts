/**
 * Plans of declared records for the page. Making one reads the zone at its vendor, and a page is asked for every few
 * seconds: a plan is kept as long as the zone reports the same one, and a zone is asked once a minute at most.
 */
import { MINUTE } from '../../shared/clock.ts';
import { toPerennialError, unwrap } from '../../shared/errors.ts';
import type { DeclaredPlan } from '../dns/zone-requests.ts';
import type { FleetClient } from '../fleet/client.ts';
import type { WebDependencies } from './dependencies.ts';
import { planIsWorthReading, type ZonePlan } from './pages/index.ts';
import { zoneAddress } from './zone-address.ts';

/** Zones whose plan one page shows; those that need somebody come first. */
const MAX_PLANS = 10;

interface Kept {
  /** Of the report that the plan was made for. */
  digest: string;
  askedAt: number;
  read: ZonePlan | null;
}

/** By what the plans are asked with, so that a Worker's isolate keeps them between requests and tests share none. */
const keptBy = new WeakMap<WebDependencies, Map<string, Kept>>();

/** After an approval the plan is another one, before the zone's report says so. */
export function forgetPlan(deps: WebDependencies, address: string): void {
  keptBy.get(deps)?.delete(address);
}

/** @returns plans by the zone's address, of the zones that have something to decide. */
export async function readPlans(deps: WebDependencies, zones: Awaited<ReturnType<FleetClient['zones']>>): Promise<ReadonlyMap<string, ZonePlan>> {
  const kept = keptBy.get(deps) ?? new Map<string, Kept>();
  keptBy.set(deps, kept);
  const asking = zones.filter(({ health }) => planIsWorthReading(health)).slice(0, MAX_PLANS);
  const plans = new Map<string, ZonePlan>();
  await Promise.all(
    asking.map(async (zone) => {
      const address = zoneAddress(zone);
      const digest = `${zone.health.declared?.digest ?? ''} ${zone.health.declared?.approved === true}`;
      const known = kept.get(address);
      const now = deps.clock();
      const current = known !== undefined && ((known.digest === digest && known.read?.ok !== false) || now < known.askedAt + MINUTE);
      const read = current ? known.read : await readPlan(() => deps.zone(zone.provider, zone.zoneId).plan().then(unwrap));
      if (!current) kept.set(address, { digest, askedAt: now, read });
      if (read !== null) plans.set(address, read);
    }),
  );
  return plans;
}

async function readPlan(plan: () => Promise<DeclaredPlan | null>): Promise<ZonePlan | null> {
  try {
    const made = await plan();
    return made === null ? null : { ok: true, plan: made };
  } catch (thrown) {
    const { message, hint } = toPerennialError(thrown);
    return { ok: false, message, hint: hint ?? null };
  }
}
