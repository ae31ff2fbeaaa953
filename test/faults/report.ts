/** What came of the strikes, as tables for people. */
import type { Phase } from '../../functions/certificates/ports.ts';
import { nameOf } from './points.ts';
import type { Outcome } from './outcome.ts';
import { VICTIMS } from './victims.ts';

interface Row {
  name: string;
  rounds: number;
  /** Certificates whose own call stood at the point. */
  strikes: number;
  renewals: number;
  converged: number;
  times: number[];
  abandoned: number;
  violations: number;
}

const PHASES: readonly Phase[] = ['idle', 'order', 'present', 'propagate', 'validate', 'finalize', 'download', 'install', 'reload', 'verify'];

/** @param certificates renewed in each round. */
export function renderReport(outcomes: readonly Outcome[], certificates: number): string {
  const sections = VICTIMS.flatMap((victim) => {
    const of = outcomes.filter((outcome) => outcome.victim === victim);
    if (of.length === 0) return [];
    const names = [...new Set(of.map(({ point }) => nameOf(point)))];
    const rows = names.map((name) =>
      rowOf(
        name,
        of.filter(({ point }) => nameOf(point) === name),
        certificates,
      ),
    );
    return [
      `\n${victim === 'link' ? 'The link, cut in the middle of a frame' : `kill -9 of ${victim === 'both' ? 'workerd and the relay' : victim}`}\n`,
      table([...rows, rowOf('all', of, certificates)]),
      phasesOf(of),
    ];
  });
  const violations = outcomes.flatMap(({ point, victim, violations: found }) => found.map((violation) => `  ${victim}, ${nameOf(point)}: ${violation}`));
  const verdict = violations.length === 0 ? 'Nothing that must not be.' : `What must not be:\n${violations.join('\n')}`;
  return `${sections.join('\n')}\n${verdict}\n`;
}

function rowOf(name: string, outcomes: readonly Outcome[], certificates: number): Row {
  const sum = (pick: (outcome: Outcome) => number): number => outcomes.reduce((total, outcome) => total + pick(outcome), 0);
  return {
    name,
    rounds: outcomes.length,
    strikes: sum(({ struck }) => struck),
    renewals: outcomes.length * certificates,
    converged: sum(({ converged }) => converged),
    times: outcomes.flatMap(({ times }) => times),
    abandoned: sum(({ abandoned }) => abandoned),
    violations: sum(({ violations }) => violations.length),
  };
}

function table(rows: readonly Row[]): string {
  const head = ['point', 'rounds', 'strikes', 'converged', 'median', 'longest', 'abandoned orders', 'wrong'];
  const cells = rows.map(({ name, rounds, strikes, renewals, converged, times, abandoned, violations }) => [
    name,
    String(rounds),
    strikes === 0 ? 'not reached' : String(strikes),
    `${converged} of ${renewals}`,
    seconds(median(times)),
    seconds(times.length === 0 ? null : Math.max(...times)),
    String(abandoned),
    String(violations),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  return [head, ...cells]
    .map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '))
    .join('\n');
}

/** Every certificate in flight is struck where it is, not only those at the point. */
function phasesOf(outcomes: readonly Outcome[]): string {
  const counts = PHASES.map((phase) => ({ phase, count: outcomes.reduce((sum, { phases }) => sum + (phases[phase] ?? 0), 0) })).filter(
    ({ count }) => count > 0,
  );
  return counts.length === 0 ? '' : `Strikes per phase, everybody in flight: ${counts.map(({ phase, count }) => `${phase} ${count}`).join(', ')}.`;
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

function seconds(ms: number | null): string {
  return ms === null ? '–' : `${(ms / 1_000).toFixed(1)} s`;
}
