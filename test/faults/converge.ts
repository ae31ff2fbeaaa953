/** Looking on after a strike: nothing is done, and every certificate must become live by itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Laboratory } from './laboratory.ts';
import type { Outcome } from './outcome.ts';

const CONVERGE_MS = 240_000;
const POLL_MS = 250;

/** How far a strike is, for those who kill and those who look on at the same time. */
export interface Course {
  kills: number;
  /** Time of the last kill, Unix milliseconds. */
  struckAt: number;
  /** Somebody may still be killed. */
  striking: boolean;
  /** Unix ms since which, after the last kill, every certificate is live and nothing of ours is left in the zone; null before. */
  restSince: number | null;
}

/** Looks on until every certificate is live with another leaf than before, and has been since the last kill. */
export async function converge(laboratory: Laboratory, before: ReadonlyMap<string, string | null>, course: Course, outcome: Outcome): Promise<void> {
  let { kills } = course;
  let open = [...before.keys()];
  while ((course.striking || course.kills !== kills || open.length > 0) && Date.now() < course.struckAt + CONVERGE_MS) {
    if (course.kills !== kills) {
      ({ kills } = course);
      open = [...before.keys()];
      outcome.times = [];
      outcome.converged = 0;
    }
    // Polling is sequential by nature.
    // oxlint-disable-next-line no-await-in-loop
    const shown = await laboratory.shownLive();
    // oxlint-disable-next-line no-await-in-loop
    const settled = await Promise.all(open.filter((name) => shown.has(name)).map(async (name) => [name, await laboratory.settled(name)] as const));
    const live = settled.filter(([name, sha256]) => sha256 !== null && sha256 !== before.get(name));
    for (const [name, sha256] of live) {
      outcome.times.push(Date.now() - course.struckAt);
      outcome.converged += 1;
      // oxlint-disable-next-line no-await-in-loop
      const wrong = await laboratory.servedWrongly(name, sha256 ?? '').catch((error: unknown) => String(error));
      if (wrong !== null) outcome.violations.push(`${name}: ${wrong}`);
    }
    open = open.filter((name) => !live.some(([done]) => done === name));
    // oxlint-disable-next-line no-await-in-loop
    const atRest = course.striking && open.length === 0 && (await isClean(laboratory));
    if (course.kills === kills) course.restSince = atRest ? (course.restSince ?? Date.now()) : null;
    // oxlint-disable-next-line no-await-in-loop
    if (course.striking || open.length > 0) await sleep(POLL_MS);
  }
  for (const name of open) outcome.violations.push(`${name} did not become live within ${CONVERGE_MS / 1_000} s: ${await describe(laboratory, name)}`);
}

async function describe({ installation }: Laboratory, name: string): Promise<string> {
  const view = await installation.view(name).catch(() => null);
  if (view === null) return 'the Worker does not answer';
  const failure = view.issuance?.failure ?? view.deliveries.find((delivery) => delivery.failure !== null)?.failure ?? null;
  return `${view.state}, ${view.phase}, ${view.waitingFor ?? 'waits for nothing'}${failure === null ? '' : ` (${failure.code}: ${failure.message})`}`;
}

async function isClean(laboratory: Laboratory): Promise<boolean> {
  const left = await laboratory.leftBehind().catch(() => null);
  return left !== null && left.length === 0;
}
