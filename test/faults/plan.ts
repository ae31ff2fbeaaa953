/** Which strikes are made, and in which order: fixed by a seed. Pure. */
import { nameOf, type Point } from './points.ts';
import type { Victim } from './victims.ts';

export interface PlannedStrike {
  victim: Victim;
  point: Point;
}

export interface Wanted {
  seed: number;
  rounds: number;
  victims: readonly Victim[];
  only: readonly string[];
  sample: number | null;
}

/** The link can only be cut where something is said over it. */
function suits({ part }: Point, victim: Victim): boolean {
  return victim !== 'link' || part === 'link';
}

export function planStrikes(points: readonly Point[], { seed, rounds, victims, only, sample }: Wanted): PlannedStrike[] {
  const random = mulberry32(seed);
  const wanted = points.filter((point) => only.length === 0 || only.some((text) => nameOf(point).includes(text)));
  return victims.flatMap((victim) => {
    const suitable = wanted.filter((point) => suits(point, victim));
    const chosen = sample === null ? suitable : shuffled(suitable, random).slice(0, sample);
    return Array.from({ length: rounds }, () => shuffled(chosen, random)).flatMap((round) => round.map((point) => ({ victim, point })));
  });
}

/**
 * Points again at which fewer were struck than `wanted`, those among them that nobody has reached yet: a relay that asks Nomad
 * sixteen things at once lets no more stand there, a call of nobody is one however many wait for it, and a busy machine is late.
 */
export function furtherStrikes(
  made: readonly (PlannedStrike & { struck: number })[],
  { rounds, further, wanted }: { rounds: number; further: number; wanted: number },
): PlannedStrike[] {
  const points = new Map<string, { strike: PlannedStrike; times: number; struck: number }>();
  for (const { victim, point, struck } of made) {
    const key = `${victim} ${nameOf(point)}`;
    const known = points.get(key) ?? { strike: { victim, point }, times: 0, struck: 0 };
    points.set(key, { ...known, times: known.times + 1, struck: known.struck + struck });
  }
  return [...points.values()].filter(({ times, struck }) => struck < wanted && times < rounds + further).map(({ strike }) => strike);
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((left, right) => left.place - right.place)
    .map(({ item }) => item);
}

/** A small generator of uniform numbers in [0, 1): the same seed gives the same numbers on every machine. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
