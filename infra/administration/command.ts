/** A command of the administration API from its command line to its exit code: the same for every one of them. */
import { keptAdminToken, workerOrigin } from '../setup/administrator.ts';
import type { ApiOptions } from './api.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './text.ts';

export const DONE = 0;
export const FAILED = 1;
const WRONG_USAGE = 2;

/** What is wrong with the command line, one sentence. */
export class UsageError extends Error {}

export interface Surroundings {
  environment: Readonly<Record<string, string | undefined>>;
  terminal: Terminal;
  /** Asks for the administrator's token, or reads it from a pipe; called when it is nowhere else. */
  promptToken: () => Promise<string>;
  fetch: typeof fetch;
}

/** What every invocation says, whatever it does. */
export interface Address {
  /** As typed; PERENNIAL_ORIGIN when undefined. */
  origin: string | undefined;
}

export interface Command<I extends Address> {
  usage: string;
  /** @throws UsageError. */
  read: (args: readonly string[]) => I | 'help';
  /** @returns the exit code, or throws an Error that is shown. */
  run: (api: ApiOptions, terminal: Terminal, invocation: I) => Promise<number>;
}

/** @returns the exit code; never throws. */
export async function execute<I extends Address>(
  { usage, read, run }: Command<I>,
  args: readonly string[],
  { environment, terminal, promptToken, fetch }: Surroundings,
): Promise<number> {
  try {
    const invocation = read(args);
    if (invocation === 'help') {
      terminal.out(usage.trimEnd());
      return DONE;
    }
    const origin = originOf(invocation.origin, environment);
    const adminToken = keptAdminToken(environment) ?? (await promptToken()).trim();
    if (adminToken === '') throw new Error('Give the administrator token in ADMIN_TOKEN, or on standard input.');
    return await run({ origin, adminToken, fetch }, terminal, invocation);
  } catch (thrown) {
    const message = printable(thrown instanceof Error ? thrown.message : 'It failed.');
    const wrong = thrown instanceof UsageError;
    terminal.note(wrong ? `${message}\n\n${usage.trimEnd()}` : message);
    return wrong ? WRONG_USAGE : FAILED;
  }
}

function originOf(typed: string | undefined, environment: Surroundings['environment']): string {
  try {
    return workerOrigin(typed, environment);
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : 'Say where the Worker is.');
  }
}
