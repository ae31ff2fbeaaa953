/** Many certificates due at once: all live, none failed, and what each costs as their number grows (DESIGN §13). */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Scenario } from '../bench.ts';
import { countNow, difference, external } from '../counters.ts';
import type { Figure } from '../figure.ts';
import { cpuMsOf } from '../processes.ts';
import { historiesOf, untilRenewed } from '../renewal.ts';

const SIZES = [1, 10, 100] as const;

export const fleet: Scenario = {
  name: 'fleet',
  about: 'certificates due at once: all live, none failed, cost of each (--fleet N)',
  run: async (bench) => {
    const most = bench.options.fleet;
    const sizes = [...new Set([...SIZES.filter((size) => size < most), most])];
    const figures: Figure[] = [];
    for (const size of sizes) {
      // A fleet after the other, each in a system of its own.
      // oxlint-disable-next-line no-await-in-loop
      figures.push(...(await measure(bench, size)));
    }
    return figures;
  },
};

async function measure(bench: Bench, size: number): Promise<Figure[]> {
  const laboratory = await bench.fresh(size, 'never-refused');
  try {
    const before = await historiesOf(laboratory);
    const workers = process.platform === 'linux' ? laboratory.workerProcesses() : [];
    const [requestsBefore, cpuBefore] = [await countNow(laboratory.system), cpuMsOf(workers)];
    // The proxies' throttle (2 s) is over, as it is weeks after the last change.
    await sleep(3_000, undefined, { signal: bench.options.signal });
    laboratory.flushResolvers();
    const begun = Date.now();
    await laboratory.forceAll();
    const renewed = await untilRenewed(laboratory, before);
    const cost = difference(await countNow(laboratory.system), requestsBefore);
    const cpuMs = cpuMsOf(workers) - cpuBefore;
    const failed = renewed.filter(({ outcome }) => outcome !== 'live').length;
    const lastLive = Math.max(...renewed.map(({ endedAt }) => endedAt));
    bench.options.say(`${size} at once: all settled after ${lastLive - begun} ms`);
    const of = `${size} at once`;
    return [
      { what: `${of}, failed`, unit: 'certificates', samples: [failed], budget: { of: 'max', most: 0 } },
      { what: `${of}, due to served`, unit: 'ms', samples: renewed.map(({ startedAt, endedAt }) => endedAt - startedAt), budget: null },
      { what: `${of}, asked to last served`, unit: 'ms', samples: [lastLive - begun], budget: null },
      {
        what: `${of}, time of each`,
        unit: 'ms',
        samples: [(lastLive - begun) / size],
        budget: null,
        note: 'Asked to last served, divided by their number; existing account, one webhook call for all.',
      },
      {
        what: `${of}, CPU of workerd for each`,
        unit: 'ms',
        samples: [cpuMs / size],
        budget: null,
        note: 'With the reads by which this benchmark follows them.',
      },
      { what: `${of}, external subrequests of each`, unit: 'requests', samples: [external(cost) / size], budget: null },
      {
        what: `${of}, first order of all`,
        unit: 'ms',
        samples: [laboratory.firstLiveMs],
        budget: null,
        note: 'From the first cron after the start to the last one live: the relay connects and the account is registered meanwhile.',
      },
    ];
  } finally {
    await laboratory.stop();
  }
}
