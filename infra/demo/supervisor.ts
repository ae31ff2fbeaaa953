/**
 * The demo's child processes. Each leads a process group of its own, so that Ctrl-C reaches the demo alone and stops
 * everything in order.
 *
 * Invariant: no group outlives the demo. `stop()` ends them when the demo ends by itself; a watchdog that was started
 * before the first child ends them when the demo cannot any more (`kill -9`, a crash of Node).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { PerennialError } from '../../shared/errors.ts';
import { lastLines } from './logs.ts';

/** How long a child may take to end after SIGTERM, milliseconds. */
const GRACE_MS = 5_000;
/** Lines of a log that an error quotes. */
const QUOTED_LINES = 12;

export interface ChildOptions {
  command: string;
  arguments: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  folder?: string;
  /** It ends by itself when it has done its work. */
  ends?: boolean;
}

/** A running child. `exited` resolves with a sentence on how it ended; it never rejects. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly log: string;
  readonly exited: Promise<string>;
  readonly running: boolean;
  /** SIGTERM to its group, SIGKILL after {@link GRACE_MS}; resolves when it has ended. */
  stop(): Promise<void>;
  /** Sends a signal to the group at once. */
  signal(signal: NodeJS.Signals): void;
}

export class Supervisor {
  readonly #logs: string;
  readonly #children = new Set<Child>();
  readonly #onUnexpectedExit: (child: Child, how: string) => void;
  #watchdog: { process: ChildProcess; pipe: Writable } | undefined;
  readonly #logged = new Set<string>();
  #stopping = false;

  /**
   * @param logs folder that gets one log file per child.
   * @param onUnexpectedExit told when a child ends that nobody stopped.
   */
  constructor(logs: string, onUnexpectedExit: (child: Child, how: string) => void = () => undefined) {
    this.#logs = logs;
    this.#onUnexpectedExit = onUnexpectedExit;
  }

  get children(): readonly Child[] {
    return [...this.#children];
  }

  /** Throws `demo_cannot_start` when the command does not exist or cannot be executed. */
  async start(name: string, options: ChildOptions): Promise<Child> {
    if (this.#stopping) throw new PerennialError('demo_stopping', `The demo is stopping; ${name} is not started.`);
    await mkdir(this.#logs, { recursive: true });
    this.#watch();
    const log = join(this.#logs, `${name}.log`);
    // A restarted child goes on in the log of this run.
    const output = openSync(log, this.#logged.has(name) ? 'a' : 'w', 0o600);
    this.#logged.add(name);
    const process_ = spawn(options.command, [...options.arguments], {
      cwd: options.folder,
      env: definedOnly(options.environment),
      stdio: ['ignore', output, output],
      detached: true,
    });
    closeSync(output);
    if (process_.pid !== undefined) this.#watch().write(`+ ${process_.pid}\n`);
    try {
      await once(process_, 'spawn');
    } catch (cause) {
      throw new PerennialError('demo_cannot_start', `${name} cannot be started: ${options.command} is missing or not executable.`, { cause });
    }
    return this.#supervise(name, log, process_, options.ends ?? false);
  }

  /** A shell script that the watchdog runs when the demo dies: for what lives outside of its process groups. */
  onDeath(script: string): void {
    this.#watch().write(`! ${script}\n`);
  }

  /** Ends every child, the last started first, and the watchdog. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const child of [...this.#children].reverse()) {
      // One after the other: whoever was started later depends on those before.
      // oxlint-disable-next-line no-await-in-loop
      await child.stop();
    }
    const watchdog = this.#watchdog;
    this.#watchdog = undefined;
    if (watchdog === undefined) return;
    watchdog.process.ref();
    watchdog.pipe.end('! \n');
    if (watchdog.process.exitCode === null) await once(watchdog.process, 'exit');
  }

  #supervise(name: string, log: string, process_: ChildProcess, ends: boolean): Child {
    const pid = process_.pid ?? 0;
    let stopped = ends;
    const exited = new Promise<string>((resolve) => {
      process_.once('exit', (code, signal) => {
        // Its own children may outlive it.
        signalGroup(pid, 'SIGKILL');
        this.#watchdog?.pipe.write(`- ${pid}\n`);
        this.#children.delete(child);
        const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
        resolve(how);
        if (!stopped && !this.#stopping) this.#onUnexpectedExit(child, how);
      });
    });
    const child: Child = {
      name,
      pid,
      log,
      exited,
      get running() {
        return process_.exitCode === null && process_.signalCode === null;
      },
      signal: (signal) => signalGroup(pid, signal),
      stop: async () => {
        stopped = true;
        signalGroup(pid, 'SIGTERM');
        const patience = new AbortController();
        const late = sleep(GRACE_MS, true, { signal: patience.signal }).catch(() => false);
        const overdue = await Promise.race([exited.then(() => false), late]);
        patience.abort();
        if (overdue) signalGroup(pid, 'SIGKILL');
        await exited;
      },
    };
    this.#children.add(child);
    return child;
  }

  #watch(): Writable {
    if (this.#watchdog !== undefined) return this.#watchdog.pipe;
    const process_ = spawn('/bin/sh', [join(import.meta.dirname, 'watchdog.sh')], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    process_.unref();
    // It dies with us at the latest; a write to it after that has nobody to tell.
    process_.stdin.on('error', () => undefined);
    this.#watchdog = { process: process_, pipe: process_.stdin };
    return process_.stdin;
  }
}

/**
 * Polls `ready` until it is true. Throws `demo_not_ready` with the end of the child's log when the child ends first or
 * `timeoutMs` passes.
 */
export async function untilReady(child: Child, ready: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let ended: string | undefined;
  void child.exited.then((how) => {
    ended = how;
  });
  for (;;) {
    // Polling is sequential by nature.
    // oxlint-disable-next-line no-await-in-loop
    if (await ready().catch(() => false)) return;
    if (ended !== undefined) throw notReady(child, `${child.name} ${ended} while starting`);
    if (Date.now() > deadline) throw notReady(child, `${child.name} did not get ready within ${Math.round(timeoutMs / 1_000)} s`);
    // oxlint-disable-next-line no-await-in-loop
    await sleep(50);
  }
}

function notReady(child: Child, what: string): PerennialError {
  const lines = lastLines(child.log, QUOTED_LINES);
  return new PerennialError('demo_not_ready', `${what}.${lines === '' ? '' : ` Its log ends with:\n${lines}`}`.slice(0, 2_000), {
    hint: `The whole log: ${child.log}`,
  });
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  if (group <= 0) return;
  try {
    process.kill(-group, signal);
  } catch {
    // ESRCH: nobody is left in it.
  }
}

function definedOnly(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
