/** What the page shows of a DNS zone, from its last report and, where there is something to decide, its plan. Pure. */
import type { DeclaredPlan, PlannedRecord, ZoneHealth } from '../../dns/zone-requests.ts';
import type { Tone, Wording } from './wording.ts';

export interface ZoneInput {
  health: ZoneHealth;
  /** Address of the zone in the API. */
  address: string;
  /** Null where nothing is to be decided, or the zone was not asked. */
  plan: ZonePlan | null;
}

/** A plan, or why it could not be made. */
export type ZonePlan = { ok: true; plan: DeclaredPlan } | { ok: false; message: string; hint: string | null };

export interface ZoneModel extends ZoneInput {
  /** For links and the page's script: stays the same while the zone does. */
  id: string;
  wording: Wording;
  failing: boolean;
  /** Nothing waits for approval. */
  approved: boolean;
  /** `2 to add, 1 differs`; null when nothing is declared. */
  summary: string | null;
  lines: PlanLine[];
}

export interface PlanLine {
  record: PlannedRecord;
  word: string;
  tone: Tone;
}

const PROVIDER: Readonly<Record<string, string>> = { cloudflare: 'Cloudflare', namecheap: 'Namecheap' };
const ACTION: Readonly<Record<PlannedRecord['action'], { word: string; tone: Tone }>> = {
  conflict: { word: 'in conflict', tone: 'bad' },
  held: { word: 'held', tone: 'warn' },
  remove: { word: 'remove', tone: 'busy' },
  correct: { word: 'correct', tone: 'busy' },
  add: { word: 'add', tone: 'busy' },
  adopt: { word: 'adopt', tone: 'busy' },
  keep: { word: 'as declared', tone: 'well' },
};
/** What needs somebody comes first, what changes nothing last. */
const ORDER: readonly PlannedRecord['action'][] = ['conflict', 'held', 'remove', 'correct', 'add', 'adopt', 'keep'];

export function zoneModel(input: ZoneInput): ZoneModel {
  const { health, plan } = input;
  const records = plan?.ok === true ? plan.plan.records : [];
  return {
    ...input,
    id: `zone-${health.provider}-${health.zoneId.replaceAll('/', '~')}`,
    wording: zoneWording(health),
    failing: zoneIsFailing(health),
    // The plan is as the zone is now; the report may be some seconds older.
    approved: plan?.ok === true ? plan.plan.approved : health.declared?.approved !== false,
    summary: health.declared === null ? null : declaredSummary(health.declared),
    lines: ORDER.flatMap((action) => records.filter((record) => record.action === action).map((record) => ({ record, ...ACTION[action] }))),
  };
}

export function providerName(provider: string): string {
  return PROVIDER[provider] ?? provider;
}

/** The last thing that was asked of the vendor failed. */
export function zoneIsFailing({ lastError, lastSuccessAt }: Pick<ZoneHealth, 'lastError' | 'lastSuccessAt'>): boolean {
  return lastError !== null && (lastSuccessAt === null || lastSuccessAt < lastError.at);
}

/** Somebody has to look at its declared records: to approve a plan, or to settle a conflict. */
export function zoneAsks({ declared }: Pick<ZoneHealth, 'declared'>): boolean {
  return declared !== null && (!declared.approved || declared.conflicts > 0);
}

/** Whether its plan says more than its counts do. */
export function planIsWorthReading({ declared }: Pick<ZoneHealth, 'declared'>): boolean {
  return declared !== null && (!declared.approved || declared.add + declared.differ + declared.remove + declared.conflicts > 0);
}

/** `2 to add, 1 differs`, or that all is as declared. */
export function declaredSummary({ add, differ, remove, conflicts, kept }: NonNullable<ZoneHealth['declared']>): string {
  const parts = [
    add > 0 ? `${add} to add` : null,
    differ > 0 ? `${differ} ${differ === 1 ? 'differs' : 'differ'}` : null,
    remove > 0 ? `${remove} to remove` : null,
    conflicts > 0 ? `${conflicts} in conflict` : null,
  ].filter((part) => part !== null);
  if (parts.length > 0) return parts.join(', ');
  return kept === 0 ? 'none of them can be written yet' : `${kept} as declared`;
}

function zoneWording(health: ZoneHealth): Wording {
  const { stopped, lastError, declared, waiting, lastSuccessAt } = health;
  if (stopped !== null) return { label: 'stopped', tone: 'bad', meaning: 'Nothing is written until somebody has looked.' };
  if (zoneIsFailing(health)) return { label: 'refuses changes', tone: 'bad', meaning: lastError?.error.message ?? '' };
  if (declared !== null && !declared.approved) return { label: 'to approve', tone: 'warn', meaning: 'The plan for its declared records waits for you.' };
  if (declared !== null && declared.conflicts > 0)
    return { label: 'in conflict', tone: 'warn', meaning: 'Records of somebody else are in the way of declared ones.' };
  if (planIsWorthReading(health)) return { label: 'writing', tone: 'busy', meaning: 'Its declared records are being written.' };
  if (waiting !== null) return { label: 'waiting', tone: 'busy', meaning: waiting.reason };
  if (lastSuccessAt === null) return { label: 'not used yet', tone: 'quiet', meaning: 'No record was written here yet.' };
  return { label: 'well', tone: 'well', meaning: 'The last change was accepted.' };
}
