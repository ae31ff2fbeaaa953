/** What the platform bills for Durable Objects, between two counts, and what the Free plan carries of it. Pure. */
import { z } from 'zod';
import { DAY } from '../../shared/clock.ts';

const counts = z.record(z.string(), z.number());
/** As the benchmark's Worker tells it. */
export const usageSchema = z.object({
  invocations: counts,
  rowsWritten: counts,
  activeMs: counts,
  most: z.object({ subrequests: z.number(), by: z.string() }),
});
export type Usage = z.infer<typeof usageSchema>;

export const NOTHING_USED: Usage = { invocations: {}, rowsWritten: {}, activeMs: {}, most: { subrequests: 0, by: 'nothing' } };

/** What the Free plan counts by day. */
export interface Billed {
  /** Of Durable Objects: calls, alarms, requests; 20 messages that arrive on a WebSocket are one. */
  objectRequests: number;
  rowsWritten: number;
  gbSeconds: number;
  /** Of the Worker itself. */
  workerRequests: number;
}

/** Every object is allotted 128 MB while it is active. */
const GB = 0.128;
const MESSAGES_PER_REQUEST = 20;
/** Documented quotas of the Free plan, per day. */
export const FREE_PLAN: Readonly<Billed> = { objectRequests: 100_000, rowsWritten: 100_000, gbSeconds: 13_000, workerRequests: 100_000 };

export function billed(after: Usage, before: Usage): Billed {
  const sum = (kind: 'rowsWritten' | 'activeMs'): number => total(after[kind]) - total(before[kind]);
  const invocations = (wanted: (name: string) => boolean): number =>
    total(Object.fromEntries(Object.entries(after.invocations).filter(([name]) => wanted(name)))) -
    total(Object.fromEntries(Object.entries(before.invocations).filter(([name]) => wanted(name))));
  const isObjects = (name: string): boolean => name.includes('.');
  const isMessage = (name: string): boolean => name.endsWith('.webSocketMessage');
  return {
    objectRequests: invocations((name) => isObjects(name) && !isMessage(name)) + invocations(isMessage) / MESSAGES_PER_REQUEST,
    rowsWritten: sum('rowsWritten'),
    gbSeconds: (sum('activeMs') / 1_000) * GB,
    workerRequests: invocations((name) => !isObjects(name)),
  };
}

/** Every number of `usage` divided by `by`. */
export function share(usage: Billed, by: number): Billed {
  return {
    objectRequests: usage.objectRequests / by,
    rowsWritten: usage.rowsWritten / by,
    gbSeconds: usage.gbSeconds / by,
    workerRequests: usage.workerRequests / by,
  };
}

/** What a deployment costs on a day, whatever it keeps, and what each certificate adds. */
export interface DailyCost {
  fixed: Billed;
  idle: Billed;
  renewal: Billed;
}

/**
 * How many certificates fit into the Free plan's daily quotas, and which of them is used up first.
 * @param renewEveryMs time between two renewals of one certificate.
 */
export function carried({ fixed, idle, renewal }: DailyCost, renewEveryMs: number): { certificates: number; limit: keyof Billed } {
  const renewalsADay = DAY / renewEveryMs;
  const fits = (['objectRequests', 'rowsWritten', 'gbSeconds', 'workerRequests'] as const).map((limit) => {
    const each = idle[limit] + renewal[limit] * renewalsADay;
    return { limit, certificates: each <= 0 ? Number.POSITIVE_INFINITY : Math.max(0, Math.floor((FREE_PLAN[limit] - fixed[limit]) / each)) };
  });
  return fits.reduce((least, each) => (each.certificates < least.certificates ? each : least));
}

export function total(counted: Readonly<Record<string, number>>): number {
  return Object.values(counted).reduce((sum, count) => sum + count, 0);
}

/** `CertificateObject 210.0, FleetObject 80.5`: who wrote the rows, or was called, between two counts, the most first; divided by `by`. */
export function byClass(after: Usage, before: Usage, kind: 'invocations' | 'rowsWritten', by: number): string {
  const counted = new Map<string, number>();
  for (const [name, count] of Object.entries(after[kind])) {
    const added = count - (before[kind][name] ?? 0);
    if (added !== 0) counted.set(name, added / by);
  }
  return [...counted]
    .toSorted(([, one], [, other]) => other - one)
    .map(([name, count]) => `${name} ${count.toFixed(1)}`)
    .join(', ');
}
