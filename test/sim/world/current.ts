/** The world that is simulated now, for the modules that stand in for doors to the outside. */
import type { World } from './world.ts';

let world: World | null = null;

export function setCurrent(next: World | null): void {
  world = next;
}

export function current(): World {
  if (world === null) throw new Error('No world is being simulated.');
  return world;
}
