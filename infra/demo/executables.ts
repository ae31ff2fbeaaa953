/** Finds the real parts that may be on this machine: by environment variable, else on PATH. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { PerennialError } from '../../shared/errors.ts';

export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Path of an executable, `undefined` when there is none. Throws `demo_bad_path` when `variable` names something that
 * cannot be executed: whoever sets it wants that file and no stand-in.
 */
export function findExecutable(variable: string, command: string, environment: Variables): string | undefined {
  const named = environment[variable];
  if (named !== undefined && named !== '') {
    const path = resolve(named);
    if (isExecutable(path)) return path;
    throw new PerennialError('demo_bad_path', `${variable} is ${named}, which is no executable file.`, {
      hint: `Correct ${variable}, or unset it to use what is found without it.`,
    });
  }
  return (environment['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, command))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
