/** The logs that the demo's processes leave: quoted in errors, and counted where a program tells its requests there. */
import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

/** The end of a log without escape sequences; `''` when there is none. */
export function lastLines(path: string, count: number): string {
  return stripVTControlCharacters(read(path)).trimEnd().split('\n').slice(-count).join('\n');
}

/** How many lines of a log hold a text; 0 when there is none. */
export function linesWith(path: string, text: string): number {
  return countLines(read(path), text);
}

export function countLines(log: string, text: string): number {
  return log.split('\n').filter((line) => line.includes(text)).length;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
