/**
 * One strike: every certificate is renewed at once, those that come to the point are held there, the victim is killed,
 * killed again when others come to the point after that, and then nothing is done but looking on until everything is as
 * it must be.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { converge, type Course } from './converge.ts';
import { cutEach, gather } from './crowd.ts';
import type { Laboratory } from './laboratory.ts';
import type { Outcome } from './outcome.ts';
import type { Point } from './points.ts';
import type { HeldCall } from './switchboard.ts';
import { fateOf, forgets, kill, untilReady, type Victim } from './victims.ts';

export interface StrikeOptions {
  /** Fires the cron handler after the strike; without it alarms alone go on. */
  sweep: boolean;
}

/** The zone's janitor comes within a minute. */
const CLEAN_MS = 150_000;
const POLL_MS = 250;
const AFTERWARDS_MS = 2_000;
/** One call that serves everybody is struck so often in a row: whoever asked for it asks again. */
const MOST_KILLS = 5;

export async function strike(laboratory: Laboratory, victim: Victim, point: Point, options: StrikeOptions): Promise<Outcome> {
  const { installation, switchboard, certificates } = laboratory;
  await untilReady(installation);
  const before = new Map(await Promise.all(certificates.map(async (name) => [name, await laboratory.settled(name)] as const)));
  const issuedBefore = installation.issued();
  switchboard.begin();
  const outcome: Outcome = { point, victim, struck: 0, phases: {}, converged: 0, times: [], abandoned: 0, violations: [] };
  const course: Course = { kills: 0, struckAt: Date.now(), striking: victim !== 'link', restSince: null };

  if (victim === 'link') {
    const cut = cutEach(laboratory, point);
    await laboratory.renewAll();
    course.struckAt = Date.now();
    await converge(laboratory, before, course, outcome);
    outcome.struck = cut.size;
  } else {
    const struck = new Set<string>();
    const first = gather(laboratory, point, course, struck);
    await laboratory.renewAll();
    await killOnce(laboratory, victim, await first, course, outcome);
    if (options.sweep) {
      await untilReady(installation);
      await installation.system.worker.cron();
    }
    await Promise.all([killAgain(laboratory, victim, struck, course, outcome), converge(laboratory, before, course, outcome)]);
    outcome.struck = point.nth === null ? course.kills : struck.size;
  }
  switchboard.disarm();
  await judge(laboratory, issuedBefore, outcome);
  return outcome;
}

/** Kills again as long as others come to the point, so that those whom a narrow part has kept waiting are struck as well. */
async function killAgain(laboratory: Laboratory, victim: Victim, struck: Set<string>, course: Course, outcome: Outcome): Promise<void> {
  const { point } = outcome;
  const others = (): boolean => point.nth === null || struck.size < laboratory.certificates.length;
  while (course.kills > 0 && course.kills < MOST_KILLS && others()) {
    // One after the other.
    // oxlint-disable-next-line no-await-in-loop
    const held = await gather(laboratory, point, course, struck);
    if (held.length === 0) break;
    // oxlint-disable-next-line no-await-in-loop
    await killOnce(laboratory, victim, held, course, outcome);
  }
  course.striking = false;
}

async function killOnce(
  { installation, switchboard, certificates }: Laboratory,
  victim: Victim,
  held: readonly HeldCall[],
  course: Course,
  outcome: Outcome,
): Promise<void> {
  for (const name of certificates) {
    const phase = switchboard.phaseOf(name);
    outcome.phases[phase] = (outcome.phases[phase] ?? 0) + 1;
  }
  course.struckAt = Date.now();
  course.restSince = null;
  if (held.length === 0) return;
  course.kills += 1;
  if (forgets(victim)) switchboard.orders.struck();
  const restart = await kill(installation, victim);
  for (const { call, settle } of held) settle(fateOf(call, victim));
  await restart();
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
  await converge(laboratory, before, { kills: 0, struckAt: Date.now(), striking: false, restSince: null }, nothing);
  await judge(laboratory, installation.issued(), nothing);
  if (nothing.violations.length > 0) throw new Error(`A renewal without a strike went wrong: ${nothing.violations.join('; ')}`);
  // What comes when a certificate is live already: its key's removal, the CA's renewal information.
  await sleep(AFTERWARDS_MS);
  return switchboard.seen();
}
