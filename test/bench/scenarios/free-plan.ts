/**
 * What a renewal and an idle day cost of what the platform bills, and how many certificates the Free plan's daily quotas
 * carry (DESIGN §13). A day passes on the Worker's clock in 24 steps, each with its hourly cron.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DAY, HOUR } from '../../../shared/clock.ts';
import type { Bench, Scenario } from '../bench.ts';
import type { Figure, Unit } from '../figure.ts';
import type { Laboratory } from '../laboratory.ts';
import { percentile } from '../statistics.ts';
import { billed, byClass, carried, share, type Billed } from '../usage.ts';

/** Two fleets tell what each certificate adds from what a deployment costs by itself. */
const SMALL = 5;
const LARGE = 25;
const DAYS = 1;
/** What an hour's cron woke has come to rest. */
const HOUR_SETTLES_MS = 1_500;
/** Lifetime and the time between renewals: two thirds of it, half of it below ten days. */
const LIFETIMES = [
  { words: '90 days', every: 60 * DAY },
  { words: '45 days', every: 30 * DAY },
  { words: '6.7 days', every: (6.7 / 2) * DAY },
];
const RENEWAL =
  'One forced renewal with the calls that ask for it and follow it; the median. Requests: calls, alarms, and messages of the relay 20 to 1. Rows: what SQLite wrote, each alarm that is set one row. Duration: the time in which an object had a call under way, at 128 MB.';
const IDLE = `A day in 24 hourly steps of the Worker's clock, in fleets of ${SMALL} and ${LARGE}: what each certificate adds, and below it what a deployment costs by itself.`;
const FREE =
  'Of 100,000 requests of objects, 100,000 rows written, 13,000 GB-s and 100,000 requests of the Worker a day; the first quota that is used up decides. Nobody looks at the page.';

export const freePlan: Scenario = {
  name: 'free-plan',
  about: 'what a renewal and an idle day use of the platform, and how many certificates the Free plan carries',
  run: async (bench) => {
    const renewals = await bench.renewals('never-refused');
    const middle = (of: (usage: Billed) => number): number =>
      percentile(
        renewals.map(({ usage }) => of(usage)),
        0.5,
      );
    const renewal: Billed = {
      objectRequests: middle(({ objectRequests }) => objectRequests),
      rowsWritten: middle(({ rowsWritten }) => rowsWritten),
      gbSeconds: middle(({ gbSeconds }) => gbSeconds),
      workerRequests: middle(({ workerRequests }) => workerRequests),
    };
    const [small, large] = [await idleDay(bench, SMALL), await idleDay(bench, LARGE)];
    const idle = difference(large, small, LARGE - SMALL);
    const fixed = floor(less(small, times(idle, SMALL)));
    const figures = LIFETIMES.map(({ words, every }): Figure => {
      const { certificates, limit } = carried({ fixed, idle, renewal }, every);
      bench.options.say(`The Free plan carries ${certificates} certificates of ${words}; the first quota used up: ${limit}`);
      return { what: `Free plan, certificates of ${words}`, unit: 'certificates', samples: [certificates], budget: null, note: FREE };
    });
    return [
      ...figuresOf('per renewal', (of) => renewals.map(({ usage }) => of(usage)), RENEWAL),
      ...figuresOf('per idle certificate-day', (of) => [of(idle)], IDLE),
      ...figuresOf('per day by itself', (of) => [of(fixed)], IDLE),
      ...figures,
    ];
  },
};

async function idleDay(bench: Bench, size: number): Promise<Billed> {
  const laboratory = await bench.fresh(size, 'never-refused', { fleet: true });
  try {
    // What follows the first orders by itself, such as the question for a window, is no part of the day.
    await pass(bench, laboratory, 2);
    const before = await laboratory.usage();
    await pass(bench, laboratory, DAYS * 24);
    const after = await laboratory.usage();
    const used = share(billed(after, before), DAYS);
    for (const kind of ['invocations', 'rowsWritten'] as const) bench.options.say(`  ${kind} of each: ${byClass(after, before, kind, size * DAYS)}`);
    bench.options.say(
      `an idle day of ${size}: ${used.objectRequests.toFixed(0)} requests, ${used.rowsWritten.toFixed(0)} rows, ${used.gbSeconds.toFixed(2)} GB-s`,
    );
    return used;
  } finally {
    await laboratory.stop();
  }
}

async function pass(bench: Bench, laboratory: Laboratory, hours: number): Promise<void> {
  for (let hour = 0; hour < hours; hour += 1) {
    // Hour after hour.
    // oxlint-disable-next-line no-await-in-loop
    await laboratory.letPass(HOUR);
    // oxlint-disable-next-line no-await-in-loop
    await laboratory.system.worker.cron();
    // oxlint-disable-next-line no-await-in-loop
    await sleep(HOUR_SETTLES_MS, undefined, { signal: bench.options.signal });
  }
}

const KEYS = ['objectRequests', 'rowsWritten', 'gbSeconds', 'workerRequests'] as const;

function each(of: (key: keyof Billed) => number): Billed {
  return { objectRequests: of('objectRequests'), rowsWritten: of('rowsWritten'), gbSeconds: of('gbSeconds'), workerRequests: of('workerRequests') };
}

function difference(large: Billed, small: Billed, certificates: number): Billed {
  return each((key) => Math.max(0, (large[key] - small[key]) / certificates));
}

function less(one: Billed, other: Billed): Billed {
  return each((key) => one[key] - other[key]);
}

function times(usage: Billed, by: number): Billed {
  return each((key) => usage[key] * by);
}

function floor(usage: Billed): Billed {
  return each((key) => Math.max(0, usage[key]));
}

const TITLES: Readonly<Record<keyof Billed, { what: string; unit: Unit }>> = {
  objectRequests: { what: 'Durable Object requests', unit: 'requests' },
  rowsWritten: { what: 'rows written', unit: 'rows' },
  gbSeconds: { what: 'duration', unit: 'GB-s' },
  workerRequests: { what: 'Worker requests', unit: 'requests' },
};

function figuresOf(per: string, samples: (of: (usage: Billed) => number) => number[], note: string): Figure[] {
  return KEYS.map((key): Figure => ({
    what: `${TITLES[key].what} ${per}`,
    unit: TITLES[key].unit,
    samples: samples((usage) => usage[key]),
    budget: null,
    note,
  }));
}
