/**
 * The one queue of everything that happens. Between two events only microtasks run: whoever waits was parked by an event
 * and is resumed by one, so that the seed alone fixes every interleaving.
 */
import type { Random } from './random.ts';

interface Entry {
  at: number;
  /** Seeded: what falls on the same millisecond happens in either order. */
  tie: number;
  run: () => void;
  cancelled: boolean;
}

export type Cancel = () => void;

/** The machine's own: the global one may be virtual. */
const nextTurn = globalThis.setImmediate;

export class Scheduler {
  /** Unix ms. */
  now: number;
  events = 0;
  readonly #random: Random;
  readonly #heap: Entry[] = [];

  constructor(start: number, random: Random) {
    this.now = start;
    this.#random = random;
  }

  /** Runs `run` at `time`, or now if that has passed. */
  at(time: number, run: () => void): Cancel {
    const entry: Entry = { at: Math.max(time, this.now), tie: this.#random.next(), run, cancelled: false };
    this.#push(entry);
    return () => {
      entry.cancelled = true;
    };
  }

  after(delay: number, run: () => void): Cancel {
    return this.at(this.now + delay, run);
  }

  /** Takes events up to `end` (Unix ms) until `done` says so or nothing is left before it; `now` is `end` then. */
  async run(end: number, settled: () => void, done: () => boolean = () => false): Promise<void> {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.at > end) {
        this.now = Math.max(this.now, end);
        return;
      }
      this.#pop();
      if (first.cancelled) continue;
      this.now = first.at;
      this.events += 1;
      first.run();
      // oxlint-disable-next-line no-await-in-loop -- one event after the other is the point
      await new Promise<void>((resolve) => {
        nextTurn(resolve);
      });
      settled();
      if (done()) return;
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !before(entry, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      let least = heap[child];
      if (least === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, least)) {
        child += 1;
        least = right;
      }
      if (!before(least, last)) break;
      heap[index] = least;
      index = child;
    }
    heap[index] = last;
  }
}

function before(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.tie < other.tie);
}
