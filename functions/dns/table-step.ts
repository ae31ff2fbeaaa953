/** What the writer of a whole zone does next: a pure function of what it remembers, the ledger and the clock. */
import { DAY, HOUR, SECOND } from '../../shared/clock.ts';
import type { Intent } from './ledger.ts';
import { WRITE_MARGIN_MS, type Attempt, type Gathering, type KnownTable, type Progress, type Stopped } from './table-state.ts';

/** What changes wait for others: after the last arrival, and after the first at most. Milliseconds. */
const GATHER = {
  urgent: { quietMs: 1_500, mostMs: 5 * SECOND },
  cleanUp: { quietMs: 10 * SECOND, mostMs: 120 * SECOND },
} as const;
/** The vendor is asked about the zone itself this often. */
const SURVEY_MS = 180 * DAY;
/** A list is planned upon for this long after it was read: from a publication to its clean-up, as a rule. */
const BELIEVED_MS = HOUR;
/** Writes further apart than this are not one burst, whatever stands in the zone meanwhile. */
const BURST_MS = HOUR;

export interface Scene {
  progress: Progress;
  known: KnownTable | null;
  attempt: Attempt | null;
  stopped: Stopped | null;
  gathering: Gathering | null;
  /** Of somebody who is not reading back any more. */
  intent: Intent | null;
  /** Ledger rows that are not as they should be, without those that the zone cannot take. */
  pending: number;
  /** Challenges that stand in the zone and will be cleaned up. */
  challenges: number;
}

export type Step =
  | { do: 'nothing' }
  | { do: 'wait'; until: number }
  /** Read back what was written. */
  | { do: 'verify' }
  | { do: 'survey' }
  | { do: 'read' }
  | { do: 'write' }
  /** The last write of a burst was read back: look at the side list, if anything stood there. */
  | { do: 'close-burst' };

export function nextStep(scene: Scene, now: number): Step {
  const { attempt, stopped, intent, pending, progress } = scene;
  if (attempt !== null) return now < attempt.readAt ? { do: 'wait', until: attempt.readAt } : { do: 'verify' };
  if (stopped !== null) return { do: 'nothing' };
  if (pending === 0 && progress.burst === null) return { do: 'nothing' };
  const over = intent === null ? 0 : intent.deadline + WRITE_MARGIN_MS;
  const until = Math.max(over, progress.pause?.until ?? 0, pending > 0 ? gatheredAt(scene.gathering) : burstOver(scene));
  if (now < until) return { do: 'wait', until };
  if (pending === 0) return { do: 'close-burst' };
  if (surveyDue(progress, now)) return { do: 'survey' };
  return isBelieved(scene.known, progress, now) ? { do: 'write' } : { do: 'read' };
}

/**
 * Whether a list may be planned upon without reading it again. It is compared with the zone right before the write in any
 * case, so this is about calls only: reading costs one, a list that turns out edited two. A zone with SRV records needs two
 * calls more than others, and has none to spare.
 */
export function isBelieved(known: KnownTable | null, { srv, doubt }: Progress, now: number): known is KnownTable {
  return known?.current === true && doubt === null && (now < known.at + BELIEVED_MS || (srv?.rows ?? []).length > 0);
}

export function surveyDue({ survey }: Progress, now: number): boolean {
  return survey === null || now >= survey.at + SURVEY_MS;
}

/** A change arrived. */
export function gather(gathering: Gathering | null, kind: keyof typeof GATHER, now: number): Gathering {
  const { quietMs, mostMs } = GATHER[kind];
  const open = gathering?.[kind] ?? null;
  const since = open !== null && now < open.until ? open.since : now;
  return { urgent: gathering?.urgent ?? null, cleanUp: gathering?.cleanUp ?? null, [kind]: { since, until: Math.min(now + quietMs, since + mostMs) } };
}

/** Whatever is urgent takes the rest along. */
export function gatheredAt(gathering: Gathering | null): number {
  return gathering?.urgent?.until ?? gathering?.cleanUp?.until ?? 0;
}

/** Challenges are written to be removed: until then the burst is not over. */
function burstOver({ progress, challenges }: Scene): number {
  return progress.burst === null || challenges === 0 ? 0 : progress.burst.at + BURST_MS;
}
