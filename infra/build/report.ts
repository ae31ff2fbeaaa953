/** Problems of a configuration as a terminal shows them: place, the line itself, what is wrong. */
import type { Problem } from '../../functions/config/configuration.ts';

/** One block per problem, and a count at the end. */
export function formatProblems(file: string, text: string, problems: readonly Problem[], colour = false): string {
  const paint = (code: number, words: string) => (colour ? `\u001B[${code}m${words}\u001B[0m` : words);
  const lines = text.split('\n');
  const blocks = problems.map((problem) => {
    const place = problem.line === undefined ? file : `${file}:${problem.line}:${problem.column ?? 1}`;
    const head = `${paint(1, place)}${problem.path === '' ? '' : `  ${paint(36, problem.path)}`}`;
    return [head, ...excerpt(lines, problem, (words) => paint(31, words)), `  ${problem.message}`].join('\n');
  });
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return `${blocks.join('\n\n')}\n\n${paint(31, `${count} in ${file}.`)}`;
}

function excerpt(lines: readonly string[], problem: Problem, paint: (words: string) => string): string[] {
  if (problem.line === undefined) return [];
  const line = (lines[problem.line - 1] ?? '').replaceAll('\t', ' ').trimEnd();
  // A pasted secret must not reach a build log: what stands behind the equals sign of such a key is left out.
  const confidential = /token|signing|hmac|secret|passw|key(?!_type)|\bd\b"?\s*=|["'][0-9a-f]{32}["']/i.test(line);
  const shown = confidential ? line.replace(/=.*$/, '= …') : line;
  if (confidential) return shown.length > 160 || shown === line ? [] : [`  │ ${shown}`];
  if (shown.length > 160) return [];
  const column = Math.min((problem.column ?? 1) - 1, shown.length);
  return [`  │ ${shown}`, `  │ ${' '.repeat(column)}${paint('^')}`];
}
