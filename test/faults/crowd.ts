/** Those who come to the point of a strike: held there until the others have come too, or cut off one by one. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Course } from './converge.ts';
import type { Laboratory } from './laboratory.ts';
import type { Point } from './points.ts';
import type { HeldCall } from './switchboard.ts';

/** The point is waited for this long after the renewals began, ms; after a kill until everything has been at rest for the last. */
const REACH_MS = 15_000;
const REACH_AGAIN_MS = 150_000;
const REST_MS = 5_000;
/** Those at the point wait for the others until nobody has come for this long, ms, and never longer than the second. */
const SETTLE_MS = 1_500;
const HOLD_MS = 4_000;

/**
 * Holds whoever comes to the point until everybody is there or nobody comes any more.
 * @param struck certificates that have stood there; whoever comes is added.
 */
export async function gather({ switchboard, certificates }: Laboratory, point: Point, course: Course, struck: Set<string>): Promise<HeldCall[]> {
  const held: HeldCall[] = [];
  let first = 0;
  let last = 0;
  switchboard.arm(
    point,
    (owners) => {
      const news = owners.some((owner) => !struck.has(owner)) || point.nth === null;
      if (!news) return null;
      return (call) => {
        first ||= Date.now();
        last = Date.now();
        for (const owner of owners) struck.add(owner);
        held.push(call);
      };
    },
    // After a kill the call is made once more.
    { orLater: course.kills > 0 },
  );
  const begun = Date.now();
  const isOver = (now: number): boolean => course.restSince !== null && now - course.restSince > REST_MS;
  const complete = (now: number): boolean => {
    if (first === 0) return now - begun > (course.kills === 0 ? REACH_MS : REACH_AGAIN_MS) || isOver(now);
    return struck.size === certificates.length || now - last > (point.nth === null ? SETTLE_MS / 2 : SETTLE_MS) || now - first > HOLD_MS;
  };
  // Waiting for the outside is sequential by nature.
  // oxlint-disable-next-line no-await-in-loop
  while (!complete(Date.now())) await sleep(20);
  switchboard.disarm();
  return held;
}

/**
 * Cuts the link in the middle of one frame of each certificate, one after the other as they come.
 * @returns certificates of which a frame was cut, growing.
 */
export function cutEach({ switchboard }: Laboratory, point: Point): ReadonlySet<string> {
  const cut = new Set<string>();
  switchboard.arm(
    point,
    (owners) => {
      if (owners.every((owner) => cut.has(owner))) return null;
      return (call) => {
        for (const owner of owners) cut.add(owner);
        call.settle('cut');
      };
    },
    { orLater: true },
  );
  return cut;
}
