/** `npm run test:faults`: strikes at every point of a renewal, prints what came of it, and fails when anything stayed wrong. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { ROOT } from '../../infra/build/source.ts';
import { toPerennialError } from '../../shared/errors.ts';
import { parseArguments, USAGE, type FaultArguments } from './arguments.ts';
import { Laboratory } from './laboratory.ts';
import { furtherStrikes, planStrikes } from './plan.ts';
import { nameOf, pointsOf } from './points.ts';
import { renderReport } from './report.ts';
import type { Outcome } from './outcome.ts';
import { rehearse, strike } from './strike.ts';

const INTERRUPTED = 130;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(): Promise<number> {
  let options: FaultArguments;
  try {
    options = parseArguments(process.argv.slice(2));
  } catch (thrown) {
    const error = toPerennialError(thrown);
    say(`${error.message}\n${error.hint ?? ''}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  say(`Seed ${options.seed}. Starting everything, with ${options.certificates} certificates ...`);
  const strikes = await strikeAll(options);
  // Whoever looks at some points only wants nothing else.
  const narrowed = options.list || options.only.length > 0 || options.sample !== null;
  return narrowed || strikes === INTERRUPTED ? strikes : Math.max(strikes, await runTests());
}

/** Tests that take too long for every run of `npm test`. */
async function runTests(): Promise<number> {
  const tests = spawn('vitest', ['run', '--config', 'test/vitest.faults.config.ts'], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(tests, 'exit')) as [number | null];
  return code === 0 ? 0 : 1;
}

async function strikeAll(options: FaultArguments): Promise<number> {
  const laboratory = await Laboratory.start(options);
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
  try {
    return await run(laboratory, options, stopping.signal);
  } finally {
    await laboratory.stop();
  }
}

async function run(laboratory: Laboratory, options: FaultArguments, signal: AbortSignal): Promise<number> {
  const points = pointsOf(await rehearse(laboratory), options.certificates);
  if (options.list) {
    process.stdout.write(`${points.map(nameOf).join('\n')}\n`);
    return 0;
  }
  const planned = planStrikes(points, options);
  say(`${points.length} points; ${planned.length} strikes with ${options.certificates} renewals each.`);
  const outcomes: Outcome[] = [];
  for (let round = planned; round.length > 0;) {
    for (const [index, { victim, point }] of round.entries()) {
      if (signal.aborted) break;
      // One at a time: each is judged when everything is at rest.
      // oxlint-disable-next-line no-await-in-loop
      const outcome = await strike(laboratory, victim, point, options);
      outcomes.push(outcome);
      say(lineOf(index + 1, round.length, outcome));
      if (options.json !== null) writeFileSync(options.json, JSON.stringify({ seed: options.seed, certificates: options.certificates, outcomes }, null, 2));
    }
    // A sample is as many strikes as it says.
    round =
      signal.aborted || options.sample !== null
        ? []
        : furtherStrikes(outcomes, { rounds: options.rounds, further: options.further, wanted: options.rounds * options.certificates });
    if (round.length > 0) say(`Again where fewer than ${options.rounds * options.certificates} were struck: ${round.length} points.`);
  }
  process.stdout.write(renderReport(outcomes, options.certificates));
  process.stdout.write(`Seed ${options.seed}${signal.aborted ? ', interrupted' : ''}.\n`);
  if (signal.aborted) return INTERRUPTED;
  return outcomes.some(({ violations }) => violations.length > 0) ? 1 : 0;
}

function lineOf(index: number, all: number, { victim, point, struck, converged, times, violations }: Outcome): string {
  const longest = times.length === 0 ? '' : `, longest ${(Math.max(...times) / 1_000).toFixed(1)} s`;
  const wrong = violations.length === 0 ? '' : `\n    WRONG: ${violations.join('\n    WRONG: ')}`;
  return `[${index}/${all}] ${victim}: ${nameOf(point)}: ${struck === 0 ? 'not reached' : `${struck} struck`}, ${converged} live again${longest}${wrong}`;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  say(thrown instanceof Error ? thrown.message : String(thrown));
  process.exitCode = 1;
}
// Whatever still holds the event loop has been told to stop.
process.exit();
