/** Many certificates due at once: all live, none failed, and what each costs as their number grows (DESIGN §13). */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Scenario } from '../bench.ts';
import { countNow, difference, external } from '../counters.ts';
import type { Figure, Unit } from '../figure.ts';
import type { Laboratory } from '../laboratory.ts';
import { cpuMsOf } from '../processes.ts';
import { historiesOf, untilRenewed, type Issued } from '../renewal.ts';
import { billed, byClass, NOTHING_USED, share } from '../usage.ts';

/** Larger fleets are not renewed after their first orders: it would only take as long again. */
const RENEWED_UP_TO = 100;
const MOST_SUBREQUESTS = 40;
const FIRST =
  'The first orders of all, from the moment at which the first of them began to the last one served: nothing is live before, so that all are due at once. The cluster has as many proxies as tenths of the certificates.';
const COUNTED = 'From the start of the Worker until all are live, divided by their number: what a start costs by itself is in it.';

export const fleet: Scenario = {
  name: 'fleet',
  about: 'certificates due at once: all live, none failed, cost of each (--fleet 10,100,1000)',
  run: async (bench) => {
    const figures: Figure[] = [];
    for (const size of bench.options.fleet) {
      // A fleet after the other, each in a system of its own.
      // oxlint-disable-next-line no-await-in-loop
      figures.push(...(await measure(bench, size)));
    }
    return figures;
  },
};

async function measure(bench: Bench, size: number): Promise<Figure[]> {
  const laboratory = await bench.fresh(size, 'never-refused', { fleet: true });
  try {
    const figures = await firstOrders(bench, laboratory, size);
    return size > RENEWED_UP_TO ? figures : [...figures, ...(await renewed(bench, laboratory, size))];
  } finally {
    await laboratory.stop();
  }
}

async function firstOrders(bench: Bench, laboratory: Laboratory, size: number): Promise<Figure[]> {
  const workers = process.platform === 'linux' ? laboratory.workerProcesses() : [];
  const [usage, requests, cpuMs] = [await laboratory.usage(), await countNow(laboratory.system), cpuMsOf(workers)];
  const issued = [...(await laboratory.histories()).values()].flat();
  const spread = Math.max(...issued.map(({ endedAt }) => endedAt)) - Math.min(...issued.map(({ startedAt }) => startedAt));
  const each = share(billed(usage, NOTHING_USED), size);
  for (const kind of ['invocations', 'rowsWritten'] as const) bench.options.say(`  ${kind} of each: ${byClass(usage, NOTHING_USED, kind, size)}`);
  const figure = figuresOf(`${size} at once`);
  bench.options.say(
    `${size} at once: all live after ${spread} ms, ${(spread / size).toFixed(0)} ms each, ${each.objectRequests.toFixed(1)} requests of objects each`,
  );
  return [
    figure('live', 'certificates', [new Set(issued.filter(({ outcome }) => outcome === 'live').map(({ sha256 }) => sha256)).size]),
    figure('failed', 'certificates', [issued.filter(({ outcome }) => outcome !== 'live').length], 0),
    figure('ordered more than once', 'certificates', [issued.length - size], 0),
    figure('first begun to last served', 'ms', [spread], null, FIRST),
    figure('time of each', 'ms', [spread / size], null, FIRST),
    figure('CPU of workerd for each', 'ms', [cpuMs / size], null, COUNTED),
    figure('external subrequests of each', 'requests', [external(requests) / size], 30, COUNTED),
    figure(
      'external subrequests of one invocation',
      'requests',
      [usage.most.subrequests],
      MOST_SUBREQUESTS,
      `Counted inside of each invocation; the most was ${usage.most.by}.`,
    ),
    figure('Durable Object requests of each', 'requests', [each.objectRequests], null, COUNTED),
    figure('rows written of each', 'rows', [each.rowsWritten], null, COUNTED),
    figure('duration of each', 'GB-s', [each.gbSeconds], null, COUNTED),
  ];
}

async function renewed(bench: Bench, laboratory: Laboratory, size: number): Promise<Figure[]> {
  const before = await historiesOf(laboratory);
  // The proxies' throttle is over, as it is weeks after the last change.
  await sleep(3_000, undefined, { signal: bench.options.signal });
  laboratory.flushResolvers();
  const requestsBefore = await countNow(laboratory.system);
  const usageBefore = await laboratory.usage();
  await laboratory.forgetMost();
  const begun = Date.now();
  await laboratory.forceAll();
  const issued: Issued[] = await untilRenewed(laboratory, before);
  const usage = await laboratory.usage();
  const each = share(billed(usage, usageBefore), size);
  const cost = difference(await countNow(laboratory.system), requestsBefore);
  const lastLive = Math.max(...issued.map(({ endedAt }) => endedAt));
  const figure = figuresOf(`${size} renewed at once`);
  bench.options.say(`${size} renewed at once: all settled after ${lastLive - begun} ms`);
  return [
    figure('failed', 'certificates', [issued.filter(({ outcome }) => outcome !== 'live').length], 0),
    figure(
      'due to served',
      'ms',
      issued.map(({ startedAt, endedAt }) => endedAt - startedAt),
    ),
    figure(
      'time of each',
      'ms',
      [(lastLive - begun) / size],
      null,
      'Asked to last served, divided by their number; existing account, one webhook call for each hundred.',
    ),
    figure('external subrequests of each', 'requests', [external(cost) / size], 30),
    figure(
      'external subrequests of one invocation',
      'requests',
      [usage.most.subrequests],
      MOST_SUBREQUESTS,
      `Counted inside of each invocation; the most was ${usage.most.by}.`,
    ),
    figure('Durable Object requests of each', 'requests', [each.objectRequests]),
    figure('rows written of each', 'rows', [each.rowsWritten]),
  ];
}

function figuresOf(of: string) {
  return (what: string, unit: Unit, samples: number[], most: number | null = null, note?: string): Figure => ({
    what: `${of}, ${what}`,
    unit,
    samples,
    budget: most === null ? null : { of: 'max', most },
    ...(note === undefined ? {} : { note }),
  });
}
