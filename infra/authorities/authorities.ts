/** `npm run authorities` from its command line to its exit code; `main.ts` gives it the process. */
import { execute, type Surroundings } from '../administration/command.ts';
import { readArguments, USAGE } from './arguments.ts';
import { AuthorityApi } from './client.ts';
import { run } from './commands.ts';

/** @returns the exit code; never throws. */
export function authorities(args: readonly string[], surroundings: Surroundings): Promise<number> {
  return execute(
    { usage: USAGE, read: readArguments, run: (options, terminal, invocation) => run({ api: new AuthorityApi(options), terminal, invocation }) },
    args,
    surroundings,
  );
}
