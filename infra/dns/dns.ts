/** `npm run dns` from its command line to its exit code; `main.ts` gives it the process. */
import { keptAdminToken, workerOrigin } from '../setup/administrator.ts';
import { readArguments, USAGE, UsageError } from './arguments.ts';
import { Api } from './client.ts';
import { DONE, FAILED, run } from './commands.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './text.ts';

const WRONG_USAGE = 2;

export interface Surroundings {
  environment: Readonly<Record<string, string | undefined>>;
  terminal: Terminal;
  /** Asks for the administrator's token, or reads it from a pipe; called when it is nowhere else. */
  promptToken: () => Promise<string>;
  fetch: typeof fetch;
}

/** @returns the exit code; never throws. */
export async function dns(args: readonly string[], { environment, terminal, promptToken, fetch }: Surroundings): Promise<number> {
  try {
    const invocation = readArguments(args);
    if (invocation === 'help') {
      terminal.out(USAGE.trimEnd());
      return DONE;
    }
    const origin = originOf(invocation.origin, environment);
    const adminToken = keptAdminToken(environment) ?? (await promptToken()).trim();
    if (adminToken === '') throw new Error('Give the administrator token in ADMIN_TOKEN, or on standard input.');
    return await run({ api: new Api({ origin, adminToken, fetch }), terminal, invocation });
  } catch (thrown) {
    const message = printable(thrown instanceof Error ? thrown.message : 'It failed.');
    const wrong = thrown instanceof UsageError;
    terminal.note(wrong ? `${message}\n\n${USAGE.trimEnd()}` : message);
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
