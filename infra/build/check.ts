/** `npm run check`: names every problem of the configuration; exit code 1 when there is one. */
import { formatProblems } from './report.ts';
import { readSource } from './source.ts';

const { file, text, compiled } = readSource(process.env);
if (compiled.valid) {
  const { certificates, clusters, authorities } = compiled.configuration;
  const count = (amount: number, noun: string) => `${amount} ${noun}${amount === 1 ? '' : 's'}`;
  process.stdout.write(
    `${file} is valid: ${count(certificates.length, 'certificate')}, ${count(clusters.length, 'cluster')}, CAs ${authorities.map(({ name }) => name).join(', ')} (${compiled.hash.slice(0, 12)}).\n`,
  );
} else {
  process.stderr.write(`${formatProblems(file, text, compiled.problems, process.stderr.isTTY)}\n`);
  process.exitCode = 1;
}
