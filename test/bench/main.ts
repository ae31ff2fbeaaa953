/** `npm run bench`: measures, prints, and judges nothing but whether there is a result. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toPerennialError } from '../../shared/errors.ts';
import { ROOT } from '../../infra/build/source.ts';
import { parseArguments, usage, type BenchArguments } from './arguments.ts';
import { Bench } from './bench.ts';
import { resultOf } from './figure.ts';
import { describeMachine } from './machine.ts';
import { renderReport, type Report } from './report.ts';
import { SCENARIOS } from './scenarios/index.ts';

const RESULTS = join(ROOT, 'bench-results.json');
const INTERRUPTED = 130;
/** How long an orderly end may take. */
const PATIENCE_MS = 15_000;

async function main(): Promise<number> {
  let options: BenchArguments;
  try {
    options = parseArguments(
      process.argv.slice(2),
      SCENARIOS.map(({ name }) => name),
    );
  } catch (thrown) {
    const error = toPerennialError(thrown);
    process.stderr.write(`${error.message}\n${error.hint ?? ''}\n`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(usage(SCENARIOS));
    return 0;
  }
  const ending = new AbortController();
  endOnSignals(ending);
  const report = await measure(options, ending.signal);
  if (ending.signal.aborted) return INTERRUPTED;
  const json = `${JSON.stringify(report, null, 2)}\n`;
  writeFileSync(`${RESULTS}.${process.pid}`, json);
  renameSync(`${RESULTS}.${process.pid}`, RESULTS);
  process.stdout.write(options.json ? json : `\n${renderReport(report).join('\n')}\n\nWritten to bench-results.json.\n`);
  return report.failures.length === 0 ? 0 : 1;
}

/** The first signal ends everything in order, the second at once: the supervisor's watchdog ends what is left. */
function endOnSignals(ending: AbortController): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (ending.signal.aborted) process.exit(INTERRUPTED);
      process.stderr.write('\nStopping ...\n');
      ending.abort();
      setTimeout(() => process.exit(INTERRUPTED), PATIENCE_MS).unref();
    });
  }
}

async function measure(options: BenchArguments, signal: AbortSignal): Promise<Report> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const begun = Date.now();
  const machine = describeMachine();
  const bench = new Bench({ runs: options.runs, fleet: options.fleet, environment: process.env, say, signal });
  const report: Report = {
    startedAt: new Date(begun).toISOString(),
    seconds: 0,
    machine,
    runs: options.runs,
    parts: bench.parts,
    results: [],
    skipped: [],
    failures: [],
  };
  for (const scenario of SCENARIOS.filter(({ name }) => options.only.length === 0 || options.only.includes(name))) {
    if (signal.aborted) break;
    const reason = scenario.unavailable?.(bench);
    if (reason !== undefined) {
      report.skipped.push({ scenario: scenario.name, reason });
      continue;
    }
    say(`== ${scenario.name}: ${scenario.about}`);
    try {
      // One thing at a time on the machine.
      // oxlint-disable-next-line no-await-in-loop
      const figures = await scenario.run(bench);
      report.results.push(...figures.map((figure) => resultOf(scenario.name, figure)));
    } catch (thrown) {
      if (signal.aborted) break;
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      report.failures.push({ scenario: scenario.name, message });
      say(`${scenario.name} failed: ${message}`);
    }
  }
  await bench.close();
  report.seconds = Math.round((Date.now() - begun) / 1_000);
  return report;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
}
// Whatever still holds the event loop has been told to stop.
process.exit();
