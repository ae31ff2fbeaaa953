/**
 * `/api/v1/zones/*` and `/api/v1/records`: DNS zones for people and their tools. What a zone says of itself comes from the
 * fleet's registry; everything that needs the vendor is asked of the ZoneObject. Only zones of the registry are reached,
 * so that no name that somebody types makes an object.
 */
import type { Context } from 'hono';
import { z } from 'zod';
import { PerennialError, toPerennialError, unwrap, type ErrorData } from '../../shared/errors.ts';
import type { DeclaredPlan, ZoneAdministration, ZoneHealth } from '../dns/zone-requests.ts';
import { parseJsonBody, readText } from './body.ts';
import type { WebDependencies } from './dependencies.ts';
import { forgetPlan } from './plans.ts';
import { zoneAddress, zoneIdIn } from './zone-address.ts';

const MAX_BODY_BYTES = 1_024;
const digestBody = z.strictObject({ digest: z.string().min(1).max(100) });
const snapshotId = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER);
/** Zones whose plans are asked for in one request: each costs its vendor a reading. */
const MAX_PLANS = 20;

interface ZoneName {
  provider: string;
  zoneId: string;
  zoneName: string;
}

export function zones(deps: WebDependencies) {
  /** @throws PerennialError `zone_unknown`, `zone_ambiguous`. */
  async function find(context: Context): Promise<{ zone: ZoneName; object: ZoneAdministration }> {
    const provider = context.req.param('provider') ?? '';
    const asked = context.req.param('zone') ?? '';
    const known = (await deps.fleet.zones()).filter((zone) => zone.provider === provider);
    const byId = known.filter(({ zoneId }) => zoneId === zoneIdIn(asked));
    const found = byId.length > 0 ? byId : known.filter(({ zoneName }) => zoneName === asked.toLowerCase().replace(/\.$/, ''));
    const [first, second] = found;
    if (first === undefined)
      throw new PerennialError('zone_unknown', 'There is no such zone, or nothing was written to it yet.', { hint: 'GET /api/v1/zones lists them.' });
    if (second !== undefined)
      throw new PerennialError('zone_ambiguous', `Several zones are named ${first.zoneName}.`, {
        hint: `Give the id of the one that is meant: ${found.map((zone) => zoneAddress(zone)).join(', ')}`.slice(0, 1_000),
      });
    return { zone: nameOf(first), object: deps.zone(first.provider, first.zoneId) };
  }

  /** The zone as it is after what was asked of it. */
  async function after({ zone, object }: { zone: ZoneName; object: ZoneAdministration }): Promise<{ zone: ZoneName; health: ZoneHealth | null }> {
    // What was asked for is done; a health that cannot be read does not undo it.
    const health = await object.health().catch(() => null);
    return { zone, health: health?.ok === true ? health.value : null };
  }

  return {
    zones: async (context: Context) => {
      const listed = await deps.fleet.zones();
      return context.json({ zones: listed.map((report) => ({ ...nameOf(report), address: zoneAddress(report), at: report.at, health: report.health })) });
    },

    /** The ledger beside what the vendor has. */
    zoneRecords: async (context: Context) => {
      const { zone, object } = await find(context);
      return context.json({ zone, records: unwrap(await object.audit()) });
    },

    zonePlan: async (context: Context) => {
      const { zone, object } = await find(context);
      return context.json({ zone, plan: unwrap(await object.plan()) });
    },

    snapshots: async (context: Context) => {
      const { zone, object } = await find(context);
      return context.json({ zone, snapshots: unwrap(await object.snapshots()) });
    },

    /** What restoring it would change; nothing is written. */
    snapshot: async (context: Context) => {
      const { zone, object } = await find(context);
      return context.json({ zone, ...unwrap(await object.previewRestore(idIn(context))) });
    },

    approvePlan: async (context: Context) => {
      const digest = await digestIn(context);
      const found = await find(context);
      unwrap(await found.object.approve(digest));
      forgetPlan(deps, zoneAddress(found.zone));
      return after(found);
    },

    restore: async (context: Context) => {
      const digest = await digestIn(context);
      const found = await find(context);
      unwrap(await found.object.restore(idIn(context), digest));
      return context.json(await after(found));
    },

    release: async (context: Context) => {
      const found = await find(context);
      unwrap(await found.object.release());
      return context.json(await after(found));
    },

    /** Every `[[records]]` block, where it goes, and the plan of each zone. A zone that cannot be asked says so in its place. */
    declaredRecords: async (context: Context) => {
      const status = await deps.records();
      const asked = status.zones.slice(0, MAX_PLANS);
      const plans = await Promise.all(asked.map(async (zone) => ({ zone: nameOf(zone), ...(await planOf(deps.zone(zone.provider, zone.zoneId))) })));
      return context.json({ ...status, plans, unread: status.zones.length - asked.length });
    },
  };
}

async function planOf(object: ZoneAdministration): Promise<{ plan: DeclaredPlan | null; failure: ErrorData | null }> {
  try {
    return { plan: unwrap(await object.plan()), failure: null };
  } catch (thrown) {
    return { plan: null, failure: toPerennialError(thrown).toData() };
  }
}

function nameOf({ provider, zoneId, zoneName }: ZoneName): ZoneName {
  return { provider, zoneId, zoneName };
}

function idIn(context: Context): number {
  const parsed = snapshotId.safeParse(context.req.param('id'));
  if (parsed.success) return parsed.data;
  throw new PerennialError('snapshot_unknown', 'There is no such snapshot: they are numbered.', { hint: 'The list of snapshots names each of them.' });
}

/** The digest from a program's JSON, or from the form of a button. */
async function digestIn(context: Context): Promise<string> {
  const text = await readText(context.req.raw, MAX_BODY_BYTES);
  const form = context.req.header('content-type')?.startsWith('application/x-www-form-urlencoded') === true;
  const body = form ? JSON.stringify(Object.fromEntries(new URLSearchParams(text))) : text;
  return parseJsonBody(body, digestBody, '{"digest":"…"} with the digest of what you have looked at').digest;
}
