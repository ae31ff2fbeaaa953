/** The swap under load: certificates change below steady requests, on new connections and on kept ones (DESIGN §13). */
import { setTimeout as sleep } from 'node:timers/promises';
import { Load } from '../../../infra/demo/load.ts';
import { PerennialError } from '../../../shared/errors.ts';
import type { Scenario } from '../bench.ts';
import { renew } from '../renewal.ts';

const SWAPS = 3;
/** Load before the renewal and after it, milliseconds. */
const AROUND_MS = 1_000;

export const swap: Scenario = {
  name: 'swap',
  about: `failed requests on new and kept connections while ${SWAPS} certificates are swapped`,
  run: async (bench) => {
    const laboratory = await bench.laboratory('never-refused');
    const failed: number[] = [];
    const fresh: number[] = [];
    const kept: number[] = [];
    for (let swapped = 0; swapped < SWAPS; swapped += 1) {
      bench.options.signal.throwIfAborted();
      // One swap after the other.
      // oxlint-disable-next-line no-await-in-loop
      const candidate = await laboratory.pool.next(bench.options.signal);
      const { name, domains } = candidate.wish;
      // oxlint-disable-next-line no-await-in-loop
      const known = new Set((await laboratory.view(name)).history.map(({ id }) => id));
      const load = new Load({
        address: '127.0.0.1',
        port: candidate.standIn.port,
        name: domains[0] ?? '',
        roots: laboratory.system.roots,
        newEveryMs: 20,
        keptEveryMs: 10,
        keptConnections: 4,
      });
      try {
        // oxlint-disable-next-line no-await-in-loop
        await sleep(AROUND_MS);
        // oxlint-disable-next-line no-await-in-loop
        await renew(laboratory, candidate, known);
        // oxlint-disable-next-line no-await-in-loop
        await sleep(AROUND_MS);
      } finally {
        // oxlint-disable-next-line no-await-in-loop
        await load.stop();
      }
      const count = load.count();
      if (Object.keys(count.byLeaf).length < 2)
        throw new PerennialError('bench_no_swap', `The requests to ${name} met one certificate only, so no swap was measured.`);
      if (count.firstFailure !== undefined) bench.options.say(`the first failed request: ${count.firstFailure}`);
      failed.push(count.failed);
      fresh.push(count.fresh);
      kept.push(count.kept);
    }
    return [
      {
        what: 'failed requests during a swap',
        unit: 'requests',
        samples: failed,
        budget: { of: 'max', most: 0 },
        note: 'One new connection and four kept ones, a request each every 20 and 10 ms, all verified; from a second before the renewal to a second after.',
      },
      { what: '  on new connections', unit: 'requests', samples: fresh, budget: null },
      { what: '  on kept connections', unit: 'requests', samples: kept, budget: null },
    ];
  },
};
