import { defineConfig } from 'vitest/config';

/** What takes too long for every run of `npm test`; `npm run test:faults` runs it after the strikes. */
export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts'],
    root: '.',
    fileParallelism: false,
    sequence: { concurrent: false },
    testTimeout: 300_000,
    hookTimeout: 180_000,
    teardownTimeout: 30_000,
  },
});
