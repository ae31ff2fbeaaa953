/**
 * `npm run sim`: many seeds, or one with its trace (docs/testing.md).
 *
 *   npm run sim -- --seeds 10000 --from 1 --jobs 2   as many seeds, from this one on, in so many processes
 *   npm run sim -- --seed 4711 --trace               one seed again, line by line
 *   npm run sim -- --seeds 50 --defect <name>        with a defect of defects.ts put into the code
 *   npm run sim -- --fleet [--picture docs/fleet.svg] 200 certificates in 90 days full of trouble; `--month`: fewer, shorter
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runInProcesses } from './jobs.ts';
import type { Parts } from './parts.ts';
import { install } from './platform/install.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    hashes: { type: 'boolean', default: false },
    /** Goes on after a seed that fails, and names each of them in one line. */
    all: { type: 'boolean', default: false },
    defect: { type: 'string' },
    fleet: { type: 'boolean', default: false },
    month: { type: 'boolean', default: false },
    picture: { type: 'string' },
  },
});

const from = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const jobs = Number(values.jobs);

if (values.fleet || values.month) await fleet();
else if (jobs > 1) process.exitCode = await runInProcesses(jobs, from, count, values.all);
else await simulate();

/** Everything but this file is loaded after the simulation was put below it. */
async function prepare(): Promise<Parts> {
  install(values.defect ?? null);
  const { loadParts } = await import('./parts.ts');
  const { Replaced } = await import('./runtime.ts');
  process.on('unhandledRejection', (reason) => {
    if (!(reason instanceof Replaced)) throw reason;
  });
  return loadParts();
}

async function fleet(): Promise<void> {
  const parts = await prepare();
  const { runFleet } = await import('./fleet/fleet.ts');
  const { A_MONTH, NINETY_DAYS } = await import('./fleet/plan.ts');
  const { picture } = await import('./fleet/picture.ts');
  const { complaints, table } = await import('./fleet/verdict.ts');
  const report = await runFleet(values.month ? A_MONTH : NINETY_DAYS, parts);
  console.log(`${table(report)}\n\n${report.lives.length} certificates, ${report.course.days} days, ${report.orders} orders, ${report.events} events.`);
  if (values.picture !== undefined) writeFileSync(values.picture, picture(report));
  for (const complaint of complaints(report)) console.log(`✗ ${complaint}`);
  process.exitCode = complaints(report).length === 0 ? 0 : 1;
}

async function simulate(): Promise<void> {
  const parts = await prepare();
  const { runSeed } = await import('./run.ts');
  const began = process.hrtime.bigint();
  const total = { events: 0, issued: 0, span: 0 };
  for (let seed = from; seed < from + count; seed += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one world at a time
    const result = await runSeed(seed, parts, values.trace);
    total.events += result.events;
    total.issued += result.issued;
    total.span += result.span;
    if (values.trace) console.log(result.trace.join('\n'));
    if (values.seed !== undefined || values.hashes) console.log(`seed ${seed}: ${result.hash}`);
    if (result.violations.length === 0) continue;
    process.exitCode = 1;
    const found = result.violations.map(({ law, text }) => `✗ ${law}: ${text}`);
    if (values.all) {
      console.log(`seed ${seed} ${found.join(' ').slice(0, 300)}`);
      continue;
    }
    if (!values.trace) console.log(result.trace.join('\n'));
    console.log(`${found.join('\n')}\n\nSeed ${seed} fails. Again, with its whole trace: npm run sim -- --seed ${seed} --trace`);
    return;
  }
  const ms = Number(process.hrtime.bigint() - began) / 1e6;
  const days = Math.round(total.span / 86_400_000);
  console.log(`${count} seeds from ${from}: ${total.events} events, ${total.issued} certificates, ${days} simulated days, ${Math.round(ms / count)} ms a seed`);
}
