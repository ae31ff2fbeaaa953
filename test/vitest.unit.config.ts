import { defineConfig } from 'vitest/config';
import { LongestFirst } from './longest-first.ts';

/** Pure decisions, emulators and the relay: everything that runs on Node without spawning the whole system. */
export default defineConfig({
  test: { include: ['test/unit/**/*.test.ts'], root: '.', sequence: { sequencer: LongestFirst }, testTimeout: 20_000, hookTimeout: 20_000 },
});
