/**
 * One strike: every certificate is renewed at once, those that come to the point are held there, the victim is killed,
 * and then nothing is done but looking on until everything is as it must be.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Phase } from '../../functions/certificates/ports.ts';
import type { Laboratory } from './laboratory.ts';
import type { Point } from './points.ts';
import type { HeldCall } from './switchboard.ts';
import { fateOf, forgets, kill, untilReady, type Victim } from './victims.ts';

export interface Outcome {
  point: Point;
  victim: Victim;
  /** Certificates whose own call stood at the point (for a call of nobody: 1 when it was made). */
  struck: number;
  /** Phases of all certificates at the moment of the strike. */
  phases: Partial<Record<Phase, number>>;
  converged: number;
  /** From the strike to live, milliseconds, of those that converged. */
  times: number[];
  /** Orders beyond the one of the renewal. */
  abandoned: number;
  /** What must not be, one sentence each. */
  violations: string[];
}

export interface StrikeOptions {
  /** Fires the cron handler after the strike; without it alarms alone go on. */
  sweep: boolean;
}

/** The point is waited for this long after the renewals began, ms. */
const REACH_MS = 15_000;
/** Those at the point wait for the others until nobody has come for this long, ms, and never longer than the second. */
const SETTLE_MS = 1_500;
const HOLD_MS = 4_000;
const CONVERGE_MS = 240_000;
/** The zone's janitor comes within a minute. */
const CLEAN_MS = 150_000;
const POLL_MS = 250;
const AFTERWARDS_MS = 2_000;

export async function strike(laboratory: Laboratory, victim: Victim, point: Point, options: StrikeOptions): Promise<Outcome> {
  const { installation, switchboard, certificates } = laboratory;
  await untilReady(installation);
  const before = new Map(await Promise.all(certificates.map(async (name) => [name, await laboratory.settled(name)] as const)));
  const issuedBefore = installation.issued();
  switchboard.begin();
  const outcome: Outcome = { point, victim, struck: 0, phases: {}, converged: 0, times: [], abandoned: 0, violations: [] };

  const crowd = victim === 'link' ? cutEach(laboratory, point) : gather(laboratory, point);
  await laboratory.renewAll();
  const struckAt = victim === 'link' ? Date.now() : await strikeCrowd(laboratory, victim, await crowd.gathered, outcome);
  if (options.sweep && victim !== 'link') {
    await untilReady(installation);
    await installation.system.worker.cron();
  }
  await converge(laboratory, before, struckAt, outcome);
  switchboard.disarm();
  if (victim === 'link') outcome.struck = (await crowd.gathered).length;
  await judge(laboratory, issuedBefore, outcome);
  return outcome;
}

interface Crowd {
  gathered: Promise<HeldCall[]>;
}

/** Holds whoever comes to the point until everybody is there or nobody comes any more. */
function gather({ switchboard, certificates }: Laboratory, point: Point): Crowd {
  const held: HeldCall[] = [];
  const arrived = new Set<string>();
  let first = 0;
  let last = 0;
  switchboard.arm(point, (owners) => {
    const news = owners.some((owner) => !arrived.has(owner)) || point.nth === null;
    if (!news) return null;
    return (call) => {
      first ||= Date.now();
      last = Date.now();
      for (const owner of owners) arrived.add(owner);
      held.push(call);
    };
  });
  const begun = Date.now();
  const complete = (now: number): boolean => {
    if (first === 0) return now - begun > REACH_MS;
    return arrived.size === certificates.length || now - last > (point.nth === null ? SETTLE_MS / 2 : SETTLE_MS) || now - first > HOLD_MS;
  };
  const wait = async (): Promise<HeldCall[]> => {
    // Waiting for the outside is sequential by nature.
    // oxlint-disable-next-line no-await-in-loop
    while (!complete(Date.now())) await sleep(20);
    return held;
  };
  return { gathered: wait() };
}

/** Cuts the link in the middle of one frame of each certificate, one after the other as they come. */
function cutEach({ switchboard }: Laboratory, point: Point): Crowd {
  const cut: HeldCall[] = [];
  const done = new Set<string>();
  switchboard.arm(
    point,
    (owners) => {
      if (owners.every((owner) => done.has(owner))) return null;
      return (call) => {
        for (const owner of owners) done.add(owner);
        cut.push(call);
        call.settle('cut');
      };
    },
    { orLater: true },
  );
  return { gathered: Promise.resolve(cut) };
}

async function strikeCrowd(
  { installation, switchboard, certificates }: Laboratory,
  victim: Victim,
  held: readonly HeldCall[],
  outcome: Outcome,
): Promise<number> {
  switchboard.disarm();
  outcome.struck = outcome.point.nth === null ? Math.min(held.length, 1) : new Set(held.flatMap(({ owners }) => owners)).size;
  for (const name of certificates) {
    const phase = switchboard.phaseOf(name);
    outcome.phases[phase] = (outcome.phases[phase] ?? 0) + 1;
  }
  if (held.length === 0) return Date.now();
  const struckAt = Date.now();
  if (forgets(victim)) switchboard.orders.struck();
  const restart = await kill(installation, victim);
  for (const { call, settle } of held) settle(fateOf(call, victim));
  await restart();
  return struckAt;
}

/** Looks on until every certificate is live with another leaf than before. */
async function converge(laboratory: Laboratory, before: ReadonlyMap<string, string | null>, struckAt: number, outcome: Outcome): Promise<void> {
  const deadline = Date.now() + CONVERGE_MS;
  let open = [...before.keys()];
  while (open.length > 0 && Date.now() < deadline) {
    // Polling is sequential by nature.
    // oxlint-disable-next-line no-await-in-loop
    const shown = await laboratory.shownLive();
    // oxlint-disable-next-line no-await-in-loop
    const settled = await Promise.all(open.filter((name) => shown.has(name)).map(async (name) => [name, await laboratory.settled(name)] as const));
    const live = settled.filter(([name, sha256]) => sha256 !== null && sha256 !== before.get(name));
    for (const [name, sha256] of live) {
      outcome.times.push(Date.now() - struckAt);
      outcome.converged += 1;
      // oxlint-disable-next-line no-await-in-loop
      const wrong = await laboratory.servedWrongly(name, sha256 ?? '').catch((error: unknown) => String(error));
      if (wrong !== null) outcome.violations.push(`${name}: ${wrong}`);
    }
    open = open.filter((name) => !live.some(([done]) => done === name));
    // oxlint-disable-next-line no-await-in-loop
    if (open.length > 0) await sleep(POLL_MS);
  }
  for (const name of open) outcome.violations.push(`${name} did not become live within ${CONVERGE_MS / 1_000} s: ${await describe(laboratory, name)}`);
}

async function describe({ installation }: Laboratory, name: string): Promise<string> {
  const view = await installation.view(name).catch(() => null);
  if (view === null) return 'the Worker does not answer';
  const failure = view.issuance?.failure ?? view.deliveries.find((delivery) => delivery.failure !== null)?.failure ?? null;
  return `${view.state}, ${view.phase}, ${view.waitingFor ?? 'waits for nothing'}${failure === null ? '' : ` (${failure.code}: ${failure.message})`}`;
}

/** Orders, records and ledger. */
async function judge(laboratory: Laboratory, issuedBefore: number, outcome: Outcome): Promise<void> {
  const { installation, switchboard, certificates } = laboratory;
  for (const name of certificates) {
    const { orders, finalized, lostReplies } = switchboard.orders.of(name);
    const abandoned = Math.max(0, orders - 1);
    outcome.abandoned += abandoned;
    if (finalized > 1) outcome.violations.push(`${name}: ${finalized} orders were finalized for one renewal`);
    if (abandoned > lostReplies) outcome.violations.push(`${name}: ${orders} orders were placed, and the reply to newOrder was lost ${lostReplies} times`);
  }
  const issued = installation.issued() - issuedBefore;
  if (issued > certificates.length) outcome.violations.push(`the CA issued ${issued} certificates for ${certificates.length} renewals`);
  const deadline = Date.now() + CLEAN_MS;
  let left = await laboratory.leftBehind();
  while (left.length > 0 && Date.now() < deadline) {
    // Polling is sequential by nature.
    // oxlint-disable-next-line no-await-in-loop
    await sleep(4 * POLL_MS);
    // oxlint-disable-next-line no-await-in-loop
    left = await laboratory.leftBehind();
  }
  outcome.violations.push(...left.map((what) => `${what} is left after ${CLEAN_MS / 1_000} s`));
  if (laboratory.foreignTouched()) outcome.violations.push("a record of somebody else's was touched");
}

/** A renewal of every certificate without a strike: which calls it makes. */
export async function rehearse(laboratory: Laboratory): Promise<ReturnType<Laboratory['switchboard']['seen']>> {
  const { installation, switchboard, certificates } = laboratory;
  const before = new Map(await Promise.all(certificates.map(async (name) => [name, await laboratory.settled(name)] as const)));
  switchboard.begin();
  const nothing: Outcome = {
    point: { part: 'ca', label: '', nth: null, side: 'before' },
    victim: 'link',
    struck: 0,
    phases: {},
    converged: 0,
    times: [],
    abandoned: 0,
    violations: [],
  };
  await laboratory.renewAll();
  await converge(laboratory, before, Date.now(), nothing);
  await judge(laboratory, installation.issued(), nothing);
  if (nothing.violations.length > 0) throw new Error(`A renewal without a strike went wrong: ${nothing.violations.join('; ')}`);
  // What comes when a certificate is live already: its key's removal, the CA's renewal information.
  await sleep(AFTERWARDS_MS);
  return switchboard.seen();
}
