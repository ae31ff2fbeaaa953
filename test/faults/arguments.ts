/** The command line of `npm run test:faults`. */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';
import { VICTIMS, type Victim } from './victims.ts';

export interface FaultArguments {
  seed: number;
  /** Strikes at every point and side. */
  rounds: number;
  /** Rounds at most in which points are struck again at which fewer certificates stood than were renewed. */
  further: number;
  /** Renewed at once: each strike serves as many as come to its point. */
  certificates: number;
  victims: Victim[];
  /** Points whose name holds one of these; empty strikes at all. */
  only: string[];
  /** So many points, chosen by the seed; null strikes at all. */
  sample: number | null;
  sweep: boolean;
  list: boolean;
  json: string | null;
  help: boolean;
}

const MOST_CERTIFICATES = 50;
const DEFAULTS = { rounds: 1, further: 5, certificates: 20 };

export const USAGE = `Usage: npm run test:faults [-- options]

Real workerd, real Pebble, the real relay. A rehearsal records which outside calls a renewal makes; every call is a point
with two sides: before it reaches the part, and after it took effect but before the reply is back. At each of them the
victim is killed with kill -9 while all certificates stand there, and everything must come right by itself: live and really
served, one finalized order, no record and no ledger row of ours left, none of anybody else's touched.

  --seed <n>          fixes order and choice (default: drawn, and printed)
  --rounds <n>        strikes at every point and side (default ${DEFAULTS.rounds})
  --further <n>       rounds at most in which points are struck again at which fewer stood than are renewed (default ${DEFAULTS.further});
                      0 leaves it at that
  --certificates <n>  renewed at once, 1 to ${MOST_CERTIFICATES} (default ${DEFAULTS.certificates}): one strike serves all that stand at the point
  --victim <name>     ${VICTIMS.join(', ')}; may be given several times (default: all of them)
  --only <text>       only points whose name holds the text; may be given several times
  --sample <n>        only so many points of each victim, chosen by the seed
  --sweep             fires the cron handler after each strike; without it alarms alone go on
  --list              rehearses, prints the points and strikes at none
  --json <file>       writes every outcome there as well
  --help              this text

Exit code 0 when everything came right, 1 when anything did not, 2 for wrong usage.
`;

const numberSchema = z
  .string()
  .regex(/^\d{1,10}$/)
  .transform(Number);

/** Throws `faults_usage` with what is wrong. */
export function parseArguments(input: readonly string[]): FaultArguments {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  let values;
  try {
    const options = {
      seed: text,
      rounds: text,
      further: text,
      certificates: text,
      victim: { type: 'string', multiple: true },
      only: { type: 'string', multiple: true },
      sample: text,
      sweep: flag,
      list: flag,
      json: text,
      help: { ...flag, short: 'h' },
    } as const;
    ({ values } = parseArgs({ args: [...input], options, strict: true, allowPositionals: false }));
  } catch (cause) {
    throw wrong(cause instanceof Error ? (cause.message.split('. ')[0] ?? cause.message) : 'The options cannot be read.', cause);
  }
  const victims = (values.victim ?? [...VICTIMS]).map((name) => {
    const victim = VICTIMS.find((known) => known === name);
    if (victim === undefined) throw wrong(`There is no victim ${JSON.stringify(name)}. There are: ${VICTIMS.join(', ')}.`);
    return victim;
  });
  return {
    seed: values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : count('--seed', values.seed, 0, 9_999_999_999),
    rounds: values.rounds === undefined ? DEFAULTS.rounds : count('--rounds', values.rounds, 1, 1_000),
    further: values.further === undefined ? DEFAULTS.further : count('--further', values.further, 0, 1_000),
    certificates: values.certificates === undefined ? DEFAULTS.certificates : count('--certificates', values.certificates, 1, MOST_CERTIFICATES),
    victims,
    only: values.only ?? [],
    sample: values.sample === undefined ? null : count('--sample', values.sample, 1, 10_000),
    sweep: values.sweep,
    list: values.list,
    json: values.json ?? null,
    help: values.help,
  };
}

function count(option: string, input: string, least: number, most: number): number {
  const parsed = numberSchema.safeParse(input);
  if (!parsed.success || parsed.data < least || parsed.data > most)
    throw wrong(`${option} takes a whole number from ${least} to ${most}, and not ${JSON.stringify(input)}.`);
  return parsed.data;
}

function wrong(message: string, cause?: unknown): PerennialError {
  return new PerennialError('faults_usage', message, { hint: 'npm run test:faults -- --help lists the options.', cause });
}
