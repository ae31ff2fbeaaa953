/** One seed from beginning to end. */
import type { Violation } from './laws.ts';
import type { Parts } from './parts.ts';
import { drawPlan } from './plan.ts';
import { Random } from './random.ts';
import { play } from './scenario.ts';
import { World } from './world/world.ts';

export interface SeedResult {
  seed: number;
  hash: string;
  violations: readonly Violation[];
  /** The end of the trace, or all of it. */
  trace: readonly string[];
  events: number;
  issued: number;
  /** Simulated milliseconds. */
  span: number;
}

export async function runSeed(seed: number, parts: Parts, wholeTrace = false): Promise<SeedResult> {
  const random = new Random(`plan ${seed}`);
  const plan = drawPlan(random);
  const world = new World(seed, { ...plan, configuration: parts.parseConfiguration(plan.configuration) }, parts, wholeTrace);
  try {
    await play(world, random);
    const issued = world.authorities.reduce((sum, { records }) => sum + records.certificates.size, 0);
    return {
      seed,
      hash: world.trace.hash(),
      violations: world.laws.violations,
      trace: world.trace.lines(),
      events: world.scheduler.events,
      issued,
      span: world.scheduler.now - plan.start,
    };
  } finally {
    world.close();
  }
}
