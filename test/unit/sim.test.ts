/** The simulator on a few seeds, and proof that it sees what it is there for: seeded defects, and equal runs for equal seeds. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFECTS } from '../sim/defects.ts';

const MAIN = join(import.meta.dirname, '../sim/main.ts');
/** Seeds of `npm test`; `npm run sim` runs thousands. */
const SEEDS = 40;
/** A defect has to show within so many seeds. */
const SEEDS_UNTIL_FOUND = 40;
const PATIENCE_MS = 300_000;

interface Outcome {
  code: number;
  output: string;
}

function simulate(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], { maxBuffer: 64 * 1_048_576 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : 1, output: `${stdout}${stderr}` });
    });
  });
}

describe('the simulator', () => {
  it(`finds nothing in ${SEEDS} seeds`, { timeout: PATIENCE_MS }, async () => {
    const { code, output } = await simulate('--seeds', String(SEEDS));
    expect(code, output.slice(-20_000)).toBe(0);
  });

  it('gives the same trace for the same seed, whatever else the machine does', { timeout: PATIENCE_MS }, async () => {
    const [one, other] = await Promise.all([simulate('--seeds', '3', '--from', '11', '--hashes'), simulate('--seeds', '3', '--from', '11', '--hashes')]);
    const hashes = ({ output }: Outcome) => output.split('\n').filter((line) => line.startsWith('seed '));
    expect(hashes(one)).toHaveLength(3);
    expect(hashes(other)).toEqual(hashes(one));
    const alone = await simulate('--seed', '13');
    expect(hashes(alone)[0]).toBe(hashes(one)[2]);
  });

  it('takes a small fleet through a month of outages: nothing expires that could be saved, nothing is ordered twice', { timeout: PATIENCE_MS }, async () => {
    const { code, output } = await simulate('--month');
    expect(code, output).toBe(0);
    expect(output).toMatch(/\| 6\.7 days .*cannot survive such an outage/);
  });

  it.concurrent.each(DEFECTS)('finds code that $what', { timeout: PATIENCE_MS }, async ({ name }) => {
    const { code, output } = await simulate('--seeds', String(SEEDS_UNTIL_FOUND), '--defect', name);
    expect(code, output.slice(-2_000)).toBe(1);
    expect(output).toMatch(/Seed \d+ fails\. Again/);
  });
});
