/** The logs that the demo's processes leave: quoted in errors, and counted where a program tells its requests there. */
import { readFileSync } from 'node:fs';

/** The end of a log without escape sequences; `''` when there is none. */
export function lastLines(path: string, count: number): string {
  // oxlint-disable-next-line no-control-regex
  return read(path).replaceAll(/\u001B\[[0-9;]*[A-Za-z]/g, '').trimEnd().split('\n').slice(-count).join('\n');
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
