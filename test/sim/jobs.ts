/** Many seeds in several processes: a world fills one, and its globals are its own. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** Small enough that a seed that fails is heard of soon. */
const SLICE = 250;

/** @param all goes on after a seed that fails. @returns the exit code: 1 when any seed failed. */
export async function runInProcesses(jobs: number, from: number, count: number, all: boolean): Promise<number> {
  const slices = Array.from({ length: Math.ceil(count / SLICE) }, (_, index) => ({
    first: from + index * SLICE,
    seeds: Math.min(SLICE, count - index * SLICE),
  }));
  let failed = 0;
  const worker = async (): Promise<void> => {
    for (let slice = slices.shift(); slice !== undefined; slice = slices.shift()) {
      // oxlint-disable-next-line no-await-in-loop -- each worker takes one slice after the other
      if ((await run(slice.first, slice.seeds, all)) === 0) continue;
      failed += 1;
      if (!all) slices.length = 0;
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return failed === 0 ? 0 : 1;
}

function run(first: number, seeds: number, all: boolean): Promise<number> {
  return new Promise((resolve) => {
    const main = join(import.meta.dirname, 'main.ts');
    const child = spawn(process.execPath, [...process.execArgv, main, '--from', String(first), '--seeds', String(seeds), ...(all ? ['--all'] : [])], {
      stdio: 'inherit',
    });
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
