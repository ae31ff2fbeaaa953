/**
 * `npm test`: types, lint, unit tests, tests inside workerd, tests of the whole system. Each suite runs even when one
 * before it was red, so that one run tells everything; the last line says how many passed. Exit code 1 when any was red.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ROOT } from './build/source.ts';

interface Suite {
  title: string;
  command: readonly string[];
  /** Where vitest leaves its JSON report; absent for suites that pass or fail as one. */
  report?: string;
}

interface Result {
  title: string;
  passed: number;
  failed: number;
  skipped: number;
  ms: number;
}

const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  success: z.boolean(),
});

const folder = mkdtempSync(join(tmpdir(), 'perennial-test-'));
/** One stage after the other; the suites of a stage at once. Tests have the machine to themselves. */
const stages: Suite[][] = [
  // Configuration and relay are imported by the Worker, so they are built before its types are checked.
  [{ title: 'Build', command: ['node', 'infra/build/build.ts'] }],
  [
    { title: 'Types', command: ['npm', 'run', '--silent', 'typecheck'] },
    { title: 'Lint', command: ['npm', 'run', '--silent', 'lint'] },
  ],
  [vitest('Unit tests', 'unit')],
  [vitest('Tests inside workerd', 'worker')],
  [vitest('End-to-end tests with real processes', 'e2e')],
];

function vitest(title: string, name: string): Suite {
  const report = join(folder, `${name}.json`);
  return {
    title,
    report,
    command: ['vitest', 'run', '--config', `test/vitest.${name}.config.ts`, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
  };
}

async function run(suite: Suite, alone: boolean): Promise<Result> {
  const heading = `\n━━━ ${suite.title} ━━━\n\n`;
  if (alone) process.stdout.write(heading);
  const begun = performance.now();
  const { green, said } = await execute(suite.command, alone);
  if (!alone) process.stdout.write(`${heading}${said}`);
  const ms = performance.now() - begun;
  const counted = suite.report === undefined ? undefined : readReport(suite.report);
  if (counted === undefined) return { title: suite.title, passed: green ? 1 : 0, failed: green ? 0 : 1, skipped: 0, ms };
  // A suite that breaks outside of its tests is red as well.
  const failed = counted.numFailedTests === 0 && !(green && counted.success) ? 1 : counted.numFailedTests;
  return { title: suite.title, passed: counted.numPassedTests, failed, skipped: counted.numPendingTests + counted.numTodoTests, ms };
}

/** @param alone says what it says at once; else it is kept, so that two do not speak at the same time. */
async function execute([command = '', ...args]: readonly string[], alone: boolean): Promise<{ green: boolean; said: string }> {
  return await new Promise((resolve) => {
    const output = alone ? 'inherit' : 'pipe';
    let said = '';
    const child = spawn(command, args, {
      cwd: ROOT,
      stdio: ['ignore', output, output],
      env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1' },
    });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => child.kill(signal));
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('error', () => resolve({ green: false, said }));
    // Not `exit`: what it said last may still be on its way.
    child.once('close', (code) => resolve({ green: code === 0, said }));
  });
}

function readReport(path: string): z.infer<typeof reportSchema> | undefined {
  try {
    return reportSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}

const results: Result[] = [];
for (const stage of stages) {
  // One after the other: they share the machine.
  // oxlint-disable-next-line no-await-in-loop
  results.push(...(await Promise.all(stage.map((suite) => run(suite, stage.length === 1)))));
}
rmSync(folder, { recursive: true, force: true });

process.stdout.write('\n');
for (const { title, passed, failed, skipped, ms } of results) {
  const skips = skipped === 0 ? '' : `, ${skipped} skipped`;
  process.stdout.write(
    `${failed === 0 ? '✓' : '✗'} ${title.padEnd(40)} ${`${passed} passed, ${failed} failed${skips}`.padEnd(36)} ${(ms / 1_000).toFixed(1)} s\n`,
  );
}
const total = (pick: (result: Result) => number): number => results.reduce((sum, result) => sum + pick(result), 0);
const failed = total((result) => result.failed);
process.stdout.write(`\n${total((result) => result.passed)} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
