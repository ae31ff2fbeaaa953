/** `npm run dns` from its command line to its exit code; `main.ts` gives it the process. */
import { execute, type Surroundings } from '../administration/command.ts';
import { readArguments, USAGE } from './arguments.ts';
import { ZoneApi } from './client.ts';
import { run } from './commands.ts';

/** @returns the exit code; never throws. */
export function dns(args: readonly string[], surroundings: Surroundings): Promise<number> {
  return execute(
    { usage: USAGE, read: readArguments, run: (options, terminal, invocation) => run({ api: new ZoneApi(options), terminal, invocation }) },
    args,
    surroundings,
  );
}
