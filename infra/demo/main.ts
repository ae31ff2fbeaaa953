/** `npm run demo`. Exit codes: 0 proven, 1 not (the reason stands on standard error), 2 wrong usage, 130 interrupted before the proof. */
import { existsSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { PerennialError, toPerennialError } from '../../shared/errors.ts';
import { ROOT } from '../build/source.ts';
import { parseArguments, USAGE, type DemoArguments } from './arguments.ts';
import { Demo } from './demo.ts';
import { Display } from './display.ts';
import { showOf, type Show } from './show.ts';
import { DemoState } from './state.ts';
import { Supervisor } from './supervisor.ts';
import { curlLine } from './webhook.ts';

/** Terminals and npm's own forwarding deliver one Ctrl-C several times; a second one by a person comes later. */
const SAME_INTERRUPT_MS = 1_000;
const INTERRUPTED = 130;

async function main(): Promise<number> {
  let options: DemoArguments;
  try {
    options = parseArguments(process.argv.slice(2));
  } catch (thrown) {
    const error = toPerennialError(thrown);
    process.stderr.write(`${error.message}\n${error.hint ?? ''}\n\n${USAGE}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const show = await showOf(options.dns);
  // What stands in an agent and what stands in the emulator have nothing to do with each other; nor have two shows.
  const name = ['demo', ...((process.env['NOMAD_ADDR'] ?? '') === '' ? [] : ['nomad']), ...(show.vendor === 'cloudflare' ? [] : [show.vendor])].join('-');
  const state = new DemoState(process.env['PERENNIAL_DEMO_DIR'] ?? join(ROOT, '.perennial', name));
  if (options.webhook) return await printWebhook(state, show);
  return await run(options, show, state);
}

async function run(options: DemoArguments, show: Show, state: DemoState): Promise<number> {
  const colour = process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb';
  const display = new Display({ output: process.stdout, diagnostics: process.stderr }, { json: options.json, colour });
  refuseSecond(state);
  if (options.fresh) state.clear();
  state.writeJson('demo.pid', process.pid);

  const ending = new AbortController();
  endOnSignals(ending);
  let demo: Demo | undefined;
  const supervisor = new Supervisor(state.path('logs'), (child, how) => {
    if (ending.signal.aborted) return;
    display.failure(new PerennialError('demo_part_ended', `${child.name} ${how}.`, { hint: `Its log: ${child.log}` }));
    demo?.revive(child.name).catch((thrown: unknown) => display.failure(thrown));
  });
  let proven = false;
  try {
    demo = await Demo.start({ show, state, supervisor, environment: process.env, display, signal: ending.signal });
    const proof = await demo.prove();
    proven = true;
    if (options.json) display.result(proof);
    else display.proof(proof);
    if (!options.once) {
      display.lines(demo.invitation());
      await demo.stayUp();
    }
    return 0;
  } catch (thrown) {
    if (ending.signal.aborted) return proven ? 0 : INTERRUPTED;
    display.failure(thrown);
    if (process.env['PERENNIAL_DEBUG'] !== undefined) process.stderr.write(`${thrown instanceof Error ? thrown.stack : String(thrown)}\n`);
    return 1;
  } finally {
    ending.abort();
    await demo?.stop();
    await supervisor.stop();
    state.remove('demo.pid');
  }
}

/** Two demos on one state would write into each other's storage. */
function refuseSecond(state: DemoState): void {
  const pid = runningDemo(state);
  if (pid === undefined) return;
  const running = state.read('running.json', z.object({ origin: z.string() }));
  throw new PerennialError('demo_running', `The demo runs already${running === undefined ? '' : `: ${running.origin}/`} (process ${pid}).`, {
    hint: 'Stop it with Ctrl-C first.',
  });
}

/** The process of a demo on this state; a demo that was killed has left its files behind and is none. */
function runningDemo(state: DemoState): number | undefined {
  const pid = state.read('demo.pid', z.number().int().positive());
  return pid === undefined || pid === process.pid || !isDemo(pid) ? undefined : pid;
}

/** Process ids are reused, so the command line decides where it can be read. */
function isDemo(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const commandLine = `/proc/${pid}/cmdline`;
  return !existsSync(commandLine) || readFileSync(commandLine, 'utf8').includes('infra/demo/main.ts');
}

/** Signals, a closed standard output, and the end of whoever started us (its pipe is the descriptor in PERENNIAL_PARENT_FD) end the demo. */
function endOnSignals(ending: AbortController): void {
  let first: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // The watchdog ends what is left.
      if (first !== undefined && Date.now() - first > SAME_INTERRUPT_MS) process.exit(INTERRUPTED);
      first ??= Date.now();
      if (!ending.signal.aborted) process.stderr.write('\nStopping ...\n');
      ending.abort();
    });
  }
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => ending.abort());
  const descriptor = Number(process.env['PERENNIAL_PARENT_FD']);
  // Whoever inherits these two from a test run above has another parent, and no pipe at that number.
  const ours = Number(process.env['PERENNIAL_PARENT_PID']) === process.ppid;
  if (ours && Number.isInteger(descriptor) && descriptor > 2) {
    // A socket, not a file: a file read would block a thread of the pool, and exiting waits for that thread for ever.
    const parent = new Socket({ fd: descriptor, readable: true, writable: false });
    parent.on('error', () => undefined);
    parent.on('close', () => ending.abort());
    parent.resume();
    parent.unref();
  }
}

async function printWebhook(state: DemoState, { certificate }: Show): Promise<number> {
  const running = state.read('running.json', z.object({ origin: z.string() }));
  if (running === undefined || runningDemo(state) === undefined) {
    process.stderr.write('No demo is running. Start one with: npm run demo\n');
    return 1;
  }
  const { webhookSecret } = await state.secrets();
  process.stdout.write(`${curlLine({ origin: running.origin, secret: webhookSecret, certificates: [certificate.name], force: true, now: Date.now() })}\n`);
  return 0;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  const error = toPerennialError(thrown, 'demo_failed', thrown instanceof Error ? thrown.message : 'The demo failed.');
  process.stderr.write(`✗ ${error.message}\n${error.hint === undefined ? '' : `  ${error.hint}\n`}`);
  process.exitCode = 1;
}
// Whatever still holds the event loop has been told to stop.
process.exit();
