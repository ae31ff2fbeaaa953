/** CPU time and memory of processes, as Linux tells them under /proc (proc(5)). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { PerennialError } from '../../shared/errors.ts';

/** USER_HZ: clock ticks per second in /proc, 100 on every Linux of today. */
const TICKS_PER_SECOND = 100;
const LISTENING = '0A';

export interface ProcessStat {
  pid: number;
  command: string;
  parent: number;
  /** User and system time of all its threads, those that ended included; milliseconds in steps of 10. */
  cpuMs: number;
}

/** Parses /proc/<pid>/stat. The command stands in parentheses and may hold spaces and parentheses itself. */
export function parseStat(text: string): ProcessStat {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  const rest = text
    .slice(close + 2)
    .split(' ')
    .map(Number);
  // Fields 4, 14 and 15 of proc(5); `rest` begins with field 3.
  const [parent, user, system] = [rest[1], rest[11], rest[12]];
  if (open < 1 || close < open || parent === undefined || user === undefined || system === undefined)
    throw new PerennialError('bench_proc_unreadable', 'A line of /proc/<pid>/stat has an unknown shape.');
  return { pid: Number(text.slice(0, open)), command: text.slice(open + 1, close), parent, cpuMs: ((user + system) * 1_000) / TICKS_PER_SECOND };
}

/** Every process below `root`, without itself. */
export function descendants(all: readonly ProcessStat[], root: number): ProcessStat[] {
  const children = all.filter(({ parent }) => parent === root);
  return children.flatMap((child) => [child, ...descendants(all, child.pid)]);
}

/**
 * The workerd processes below wrangler that run the Worker. Wrangler has another one that owns the port and passes
 * requests on; production has no such thing, so it does not count.
 */
export function workerProcesses(wrangler: number, port: number): number[] {
  const found = descendants(allProcesses(), wrangler).filter(({ command }) => command === 'workerd');
  const listening = socketsListeningOn(port);
  const behind = found.filter(({ pid }) => !socketsOf(pid).some((socket) => listening.has(socket)));
  if (behind.length === 0) throw new PerennialError('bench_no_workerd', 'No workerd process was found behind wrangler.');
  return behind.map(({ pid }) => pid);
}

/** CPU time of some processes together so far, milliseconds. Throws when one has ended. */
export function cpuMsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8')).cpuMs, 0);
}

/** Resident memory now and at its highest, MiB. */
export function residentMiB(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? Number.NaN) / 1_024;
  return { now: field('VmRSS'), peak: field('VmHWM') };
}

function allProcesses(): ProcessStat[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        return [parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))];
      } catch {
        // It ended in between.
        return [];
      }
    });
}

/** Inodes of the TCP sockets that listen on a port. */
function socketsListeningOn(port: number): Set<string> {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) => state === LISTENING && local?.endsWith(`:${wanted}`))
      .map((fields) => fields[9] ?? ''),
  );
  return new Set(inodes);
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((descriptor) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1] ?? '';
      } catch {
        return '';
      }
    });
  } catch {
    return [];
  }
}
