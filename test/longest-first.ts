/** The order of test files where several run at once: a long one that begins last keeps one core busy while the others are done. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The longest first; what is not in here follows in vitest's own order. */
const LONGEST = [
  'unit/sim.test.ts',
  'unit/acme/pebble.test.ts',
  'e2e/strikes.test.ts',
  'e2e/demo.test.ts',
  'e2e/dns.test.ts',
  'e2e/backup.test.ts',
  'e2e/operation.test.ts',
  'e2e/faults.test.ts',
  'e2e/misbehaviour.test.ts',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => rankOf(one) - rankOf(other));
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}`));
  return rank === -1 ? LONGEST.length : rank;
}
