/**
 * What the code under simulation takes from its surroundings, pointed at the simulation that runs now: time, chance,
 * timers, the network, and who is asking.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** A running instance of something: what it started ends with it. */
export interface Actor {
  readonly label: string;
  readonly alive: boolean;
  /** Makes durable what it has written: nothing leaves it before that. False when it has died instead. */
  gate(): boolean;
}

export interface Surroundings {
  now(): number;
  random(): number;
  uuid(): string;
  bytes(target: Uint8Array): void;
  /** A key pair that is always the same for the same simulation. */
  keyIndex(): number;
  later(delayMs: number, run: () => void): () => void;
  fetch(actor: Actor, url: string, init: RequestInit): Promise<Response>;
  log(level: string, text: string): void;
  configuration(actor: Actor | undefined): unknown;
}

const actors = new AsyncLocalStorage<Actor>();
let present: Surroundings | null = null;

/** Whose code runs now; undefined for the simulation itself. */
export function actor(): Actor | undefined {
  return actors.getStore();
}

export function actingAs<T>(who: Actor, work: () => T): T {
  return actors.run(who, work);
}

export function enter(surroundings: Surroundings | null): void {
  present = surroundings;
}

export function surroundings(): Surroundings {
  if (present === null) throw new Error('No simulation is running.');
  return present;
}

export function simulating(): boolean {
  return present !== null;
}

/** A value that begins anew with each simulation. */
export function perSimulation<T>(make: () => T): () => T {
  let of: Surroundings | null = null;
  let value: T | undefined;
  return () => {
    if (of !== present || value === undefined) value = make();
    of = present;
    return value;
  };
}
