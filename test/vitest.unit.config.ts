import { defineConfig } from 'vitest/config';
import { LongestFirst } from './longest-first.ts';

/** Pure decisions, emulators and the relay: everything that runs on Node without spawning the whole system. */
export default defineConfig({
  test: {
    include: ['test/unit/**/*.test.ts'],
    root: '.',
    // Vitest's own choice leaves one core idle, which on two cores is half of the machine.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // For what never ends: nothing here is timed, and a busy machine may stand still for a while.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
