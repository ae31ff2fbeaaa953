/** Who is killed by a strike, and what that means for the calls that stand at its point. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Installation } from '../e2e/installation.ts';
import { workerProcess } from '../e2e/workerd.ts';
import type { Call, Fate } from './calls.ts';

export const VICTIMS = ['workerd', 'relay', 'both', 'link'] as const;
export type Victim = (typeof VICTIMS)[number];

const READY_TIMEOUT_MS = 60_000;

/** A call dies with whoever made it; one whose caller lives on takes effect, and its reply is heard. */
export function fateOf({ part }: Call, victim: Victim): Fate {
  switch (part) {
    case 'link':
      return victim === 'link' ? 'cut' : 'lost';
    case 'nomad':
      return victim === 'relay' || victim === 'both' ? 'lost' : 'pass';
    default:
      return victim === 'workerd' || victim === 'both' ? 'lost' : 'pass';
  }
}

/** Whether the Worker forgets what it has not persisted. */
export function forgets(victim: Victim): boolean {
  return victim === 'workerd' || victim === 'both';
}

/** `kill -9`. The returned function starts again what does not start by itself, and waits until there is somebody to kill. */
export async function kill(installation: Installation, victim: Victim): Promise<() => Promise<void>> {
  const { relay } = installation;
  if (victim === 'link') return async () => undefined;
  if (forgets(victim)) installation.killWorkerd();
  if (victim !== 'workerd') await relay.kill();
  return async () => {
    if (victim !== 'workerd') await relay.start();
    if (forgets(victim)) await until(() => runs(installation), 'did not start again');
  };
}

/** Until there is a workerd to kill, and it answers. */
export async function untilReady(installation: Installation): Promise<void> {
  await until(async () => runs(installation) && (await installation.system.worker.answers()), 'did not come back');
}

function runs({ system }: Installation): boolean {
  const { child, origin } = system.worker;
  return workerProcess(child.pid, Number(new URL(origin).port)) !== undefined;
}

async function until(reached: () => boolean | Promise<boolean>, otherwise: string): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  // Polling is sequential by nature.
  // oxlint-disable-next-line no-await-in-loop
  while (!(await reached())) {
    if (Date.now() > deadline) throw new Error(`The Worker ${otherwise} within ${READY_TIMEOUT_MS / 1_000} s.`);
    // oxlint-disable-next-line no-await-in-loop
    await sleep(50);
  }
}
