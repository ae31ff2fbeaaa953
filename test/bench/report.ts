/** Results as people and programs read them. Pure. */
import type { Budget, Result, Unit } from './figure.ts';
import type { Machine } from './machine.ts';

export interface Failure {
  scenario: string;
  message: string;
}

/** The object that `--json` prints and `bench-results.json` holds. Times are ISO 8601. */
export interface Report {
  startedAt: string;
  seconds: number;
  machine: Machine;
  /** Renewals per series. */
  runs: number;
  /** What is real and what stands in for it. */
  parts: Partial<Record<string, 'real' | 'stand-in'>>;
  results: Result[];
  /** Scenarios that were left out, and why. */
  skipped: { scenario: string; reason: string }[];
  /** Scenarios that did not come to a result. */
  failures: Failure[];
}

const HEADER = ['what', 'budget', 'p50', 'p95', 'max', 'n', ''] as const;

/** Lines of the table, grouped by scenario, with footnotes on how things were measured. */
export function renderReport(report: Report): string[] {
  const notes: string[] = [];
  const noteOf = (text: string | undefined): string => {
    if (text === undefined) return '';
    if (!notes.includes(text)) notes.push(text);
    return ` [${notes.indexOf(text) + 1}]`;
  };
  const rows = report.results.map((result) => [
    `${result.scenario}: ${result.what}${noteOf(result.note)}`,
    result.budget === null ? '' : renderBudget(result.budget, result.unit),
    ...[result.p50, result.p95, result.max].map((value) => renderValue(value, result.unit)),
    String(result.count),
    result.ok === null ? '' : result.ok ? 'ok' : 'OVER',
  ]);
  const { cpus, model, node, load } = report.machine;
  const parts = Object.entries(report.parts).map(([part, kind]) => `${part} ${kind}`);
  return [
    `Perennial on ${cpus} CPUs (${model}), Node ${node}, load ${load.map((value) => value.toFixed(1)).join(' ')} at the start`,
    ...(parts.length === 0 ? [] : [`Parts: ${parts.join(', ')}`]),
    '',
    ...renderTable([[...HEADER], ...rows]),
    '',
    ...notes.map((note, index) => `[${index + 1}] ${note}`),
    ...report.skipped.map(({ scenario, reason }) => `${scenario}: left out. ${reason}`),
    ...report.failures.map(({ scenario, message }) => `${scenario}: FAILED. ${message}`),
  ];
}

/** Columns as wide as their widest cell; the first is flush left, numbers flush right. */
export function renderTable(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  const [header, ...body] = rows;
  return header === undefined ? [] : [line(header), widths.map((width) => '-'.repeat(width)).join('  '), ...body.map(line)];
}

export function renderBudget({ of, most }: Budget, unit: Unit): string {
  return `${of} ≤ ${renderValue(most, unit)}`;
}

/** Milliseconds from a second on are shown as seconds, bytes as megabytes (10^6). */
export function renderValue(value: number, unit: Unit): string {
  if (unit === 'ms') return value >= 1_000 ? `${(value / 1_000).toFixed(2)} s` : `${Number.isInteger(value) ? value : value.toFixed(1)} ms`;
  if (unit === 'bytes') return `${(value / 1_000_000).toFixed(2)} MB`;
  if (unit === 'MiB') return `${value.toFixed(1)} MiB`;
  if (unit === 'GB-s') return `${value.toFixed(value < 1 ? 4 : 1)} GB-s`;
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}
