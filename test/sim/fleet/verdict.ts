/** What a course did to each kind of certificate: the table of the fleet report. Pure. */
import type { FleetReport, Life } from './fleet.ts';
import { type Course, type Lifetime, LIFETIMES } from './plan.ts';

/** Below this many days the last half is what is left when a renewal falls due, above it the last third. */
const SHORT_DAYS = 10;

export interface Verdict {
  lifetime: Lifetime;
  certificates: number;
  issued: number;
  duplicates: number;
  /** Names of those that expired while they were live. */
  expired: string[];
  /** Least days that one had left when it was replaced, or in the end. */
  leastLeft: number;
  /** The longest outage of the course is longer than what it has left when it falls due. */
  cannotSurvive: boolean;
}

export function verdicts({ course, lives }: FleetReport): Verdict[] {
  return LIFETIMES.map((lifetime) => {
    const own = lives.filter((life) => life.lifetime === lifetime);
    const lefts = own.map((life) => leastLeft(life, course));
    return {
      lifetime,
      certificates: own.length,
      issued: own.reduce((sum, { issued }) => sum + issued, 0),
      duplicates: own.reduce((sum, { duplicates }) => sum + duplicates, 0),
      expired: own.filter((life) => leastLeft(life, course) <= 0).map(({ name }) => name),
      leastLeft: Math.min(...lefts),
      cannotSurvive: lifetime.days / (lifetime.days < SHORT_DAYS ? 2 : 3) <= longestOutage(course),
    };
  });
}

function longestOutage({ incidents }: Course): number {
  return Math.max(0, ...incidents.map((incident) => ('days' in incident ? incident.days : 0)));
}

/** Days left at the end of each turn. */
export function leastLeft({ turns }: Life, { days }: Course): number {
  const ends = turns.map(({ at, left }, index) => left - ((turns[index + 1]?.at ?? days) - at));
  return ends.length === 0 ? Number.NEGATIVE_INFINITY : Math.min(...ends);
}

export function table(report: FleetReport): string {
  const rows = verdicts(report).map(({ lifetime, certificates, issued, duplicates, expired, leastLeft: least, cannotSurvive }) => [
    `${lifetime.days.toFixed(lifetime.days < SHORT_DAYS ? 1 : 0)} days`,
    String(certificates),
    String(issued),
    String(duplicates),
    `${expired.length}${cannotSurvive ? ' (cannot survive such an outage)' : ''}`,
    `${least.toFixed(1)} days`,
  ]);
  const all = [['lifetime', 'certificates', 'issued', 'duplicates', 'expired', 'least left'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = all.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`);
  lines.splice(1, 0, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`);
  return lines.join('\n');
}

/** Sentences about what should not be; empty when the course was survived. */
export function complaints(report: FleetReport): string[] {
  const found = report.violations.map(({ law, text }) => `${law}: ${text}`);
  for (const { lifetime, expired, duplicates, cannotSurvive } of verdicts(report)) {
    if (expired.length > 0 && !cannotSurvive) found.push(`Of ${lifetime.days} days expired: ${expired.join(', ')}.`);
    if (duplicates > 0) found.push(`${duplicates} orders too many for certificates of ${lifetime.days} days.`);
  }
  return found;
}
