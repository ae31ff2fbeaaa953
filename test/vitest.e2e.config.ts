import { defineConfig } from 'vitest/config';
import { LongestFirst } from './longest-first.ts';

/**
 * The whole system as real processes. Each file starts all of it on ports of its own and mostly waits: three run at a
 * time, on two cores.
 */
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.test.ts'],
    root: '.',
    maxWorkers: 3,
    sequence: { concurrent: false, sequencer: LongestFirst },
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 30_000,
  },
});
