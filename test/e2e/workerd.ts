/** Finds workerd processes of a running `wrangler dev`, to kill the one that a crash of the Worker would kill. */
import { readdirSync, readFileSync } from 'node:fs';

/**
 * The workerd that runs the Worker's code. Wrangler starts two: killing the other, which owns the port, wedges wrangler
 * and says nothing about the Worker.
 *
 * @param group process group that wrangler leads.
 * @param port where wrangler listens.
 */
export function workerProcess(group: number, port: number): number | undefined {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .find((pid) => {
      const command = read(`/proc/${pid}/cmdline`).split('\0');
      const serves = command.some((part) => part.endsWith('/workerd')) && command.includes('serve');
      return serves && groupOf(pid) === group && !command.includes(`--socket-addr=entry=127.0.0.1:${port}`);
    });
}

/** Field 5 of `/proc/<pid>/stat`; the command in field 2 may hold blanks, so they are counted after its bracket. */
function groupOf(pid: number): number {
  return Number(read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ')[2]);
}

/** Empty when the process has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
