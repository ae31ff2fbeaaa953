/** `npm run certificates` from its command line to its exit code; `main.ts` gives it the process. */
import { execute, type Surroundings } from '../administration/command.ts';
import { readArguments, USAGE } from './arguments.ts';
import { CertificateApi } from './client.ts';
import { run } from './commands.ts';

/** @returns the exit code; never throws. */
export function certificates(args: readonly string[], surroundings: Surroundings): Promise<number> {
  return execute(
    { usage: USAGE, read: readArguments, run: (options, terminal, invocation) => run({ api: new CertificateApi(options), terminal, invocation }) },
    args,
    surroundings,
  );
}
