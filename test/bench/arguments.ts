/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';

export interface BenchArguments {
  /** One JSON object on standard output and nothing else. */
  json: boolean;
  /** Names of scenarios; empty runs all. */
  only: string[];
  /** Renewals per series. */
  runs: number;
  /** Most certificates that are due at once. */
  /** Certificates due at once, each number in a system of its own, ascending. */
  fleet: number[];
  help: boolean;
}

export const DEFAULT_RUNS = 12;
/** Ten certificates of a fleet share a proxy, and the relay's law lists at most a hundred services. */
export const MOST_FLEET = 1_000;

export function usage(scenarios: readonly { name: string; about: string }[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  return `Usage: npm run bench [-- options]

Measures the whole system on loopback and holds it to its budgets. Prints a table and writes bench-results.json.
Exit code 0 whatever is over budget, 1 when a scenario came to no result, 2 for wrong usage.

  --only <name>   run one scenario; may be given several times
  --runs <n>      renewals per series (default ${DEFAULT_RUNS})
  --fleet <n,…>   numbers of certificates due at once, 1 to ${MOST_FLEET} (default 1,10; 10,100,1000 takes most of an hour)
  --json          one JSON object on standard output and nothing else
  --help          this text

Scenarios:
${scenarios.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`).join('\n')}

Environment:
  PEBBLE_BIN                              the ACME CA Pebble (else "pebble" on PATH)
  TRAEFIK_BIN                             a real Traefik for the scenario "real"
  NOMAD_ADDR, NOMAD_TOKEN, NOMAD_CACERT   a real Nomad agent for the scenario "real"
  LEGO_BIN                                lego, for the scenario "lego"
`;
}

const countSchema = (most: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,4}$/)
    .transform(Number)
    .refine((count) => count <= most);

/** Throws `bench_usage` with what is wrong. */
export function parseArguments(input: readonly string[], scenarios: readonly string[]): BenchArguments {
  const flag = { type: 'boolean', default: false } as const;
  let values;
  try {
    const options = {
      json: flag,
      help: { ...flag, short: 'h' },
      only: { type: 'string', multiple: true },
      runs: { type: 'string' },
      fleet: { type: 'string' },
    } as const;
    ({ values } = parseArgs({ args: [...input], options, strict: true, allowPositionals: false }));
  } catch (cause) {
    throw wrong(cause instanceof Error ? (cause.message.split('. ')[0] ?? cause.message) : 'The options cannot be read.', cause);
  }
  const only = values.only ?? [];
  const unknown = only.find((name) => !scenarios.includes(name));
  if (unknown !== undefined) throw wrong(`There is no scenario ${JSON.stringify(unknown)}. There are: ${scenarios.join(', ')}.`);
  return {
    json: values.json,
    help: values.help,
    only,
    runs: count('--runs', values.runs ?? String(DEFAULT_RUNS), 1_000),
    fleet: [...new Set((values.fleet ?? '1,10').split(',').map((text) => count('--fleet', text, MOST_FLEET)))].toSorted((one, other) => one - other),
  };
}

function count(option: string, text: string, most: number): number {
  const parsed = countSchema(most).safeParse(text);
  if (!parsed.success) throw wrong(`${option} takes a whole number from 1 to ${most}, and not ${JSON.stringify(text)}.`);
  return parsed.data;
}

function wrong(message: string, cause?: unknown): PerennialError {
  return new PerennialError('bench_usage', message, { hint: 'npm run bench -- --help lists the options.', cause });
}
