/** The command line of `npm run dns`. */
import { parseArgs } from 'node:util';
import { choices } from '../../functions/config/suggest.ts';
import { UsageError } from '../administration/command.ts';

export const USAGE = `usage: npm run dns -- <command> [--origin <https://…>] [--json]

  zones                        every zone that is written to, and what stands in its way
  records [zone]               what we believe we own there, beside what the vendor has
  plan [zone]                  what would be done for the declared records ([[records]])
  apply [zone]                 shows the plan, asks, and approves it        (--yes: does not ask)
  snapshots <zone>             the zone as it was before each write of ours
  restore <zone> [snapshot]    shows the difference, asks for the zone's name, and writes the snapshot back
                               (the newest without a number; --confirm <digest>: does not ask)
  release <zone>               lets a stopped zone go on as it is           (--yes: does not ask)

A zone is given by its name, or by its vendor's id. The Worker's address comes from --origin or PERENNIAL_ORIGIN, the
administrator's token from ADMIN_TOKEN, .perennial/admin-token or standard input.
Exit codes: 0 done, 1 failed, 2 wrong usage.
`;

const COMMANDS = ['zones', 'records', 'plan', 'apply', 'snapshots', 'restore', 'release'] as const;
export type CommandName = (typeof COMMANDS)[number];

/** Arguments that each command takes behind its name. */
const TAKES: Readonly<Record<CommandName, { least: number; most: number }>> = {
  zones: { least: 0, most: 0 },
  records: { least: 0, most: 1 },
  plan: { least: 0, most: 1 },
  apply: { least: 0, most: 1 },
  snapshots: { least: 1, most: 1 },
  restore: { least: 1, most: 2 },
  release: { least: 1, most: 1 },
};

export interface Invocation {
  command: CommandName;
  zone: string | null;
  snapshot: number | null;
  origin: string | undefined;
  json: boolean;
  yes: boolean;
  /** Digest of the difference that was looked at. */
  confirm: string | null;
}

/** @throws UsageError. */
export function readArguments(args: readonly string[]): Invocation | 'help' {
  const { values, positionals } = parsed(args);
  if (values.help === true) return 'help';
  const [name, zone, snapshot] = positionals;
  if (name === undefined) throw new UsageError('Say what to do.');
  const command = COMMANDS.find((known) => known === name);
  if (command === undefined) throw new UsageError(`There is no command ${JSON.stringify(name.slice(0, 40))}. ${choices(name, COMMANDS, 'command')}`);
  const given = positionals.length - 1;
  if (given < TAKES[command].least) throw new UsageError(`Say which zone: npm run dns -- ${command} <zone>`);
  if (given > TAKES[command].most)
    throw new UsageError(`"${command}" takes ${TAKES[command].most === 0 ? 'no zone' : 'less'}: what is ${JSON.stringify(positionals.at(-1))}?`);
  if (snapshot !== undefined && !/^[1-9]\d{0,14}$/.test(snapshot))
    throw new UsageError(`Snapshots are numbered; ${JSON.stringify(snapshot.slice(0, 40))} is no number.`);
  const yes = values.yes === true;
  if (yes && command === 'restore') throw new UsageError('A restore is confirmed by the digest of the difference it shows: --confirm <digest>.');
  if (yes && command !== 'apply' && command !== 'release') throw new UsageError(`"${command}" asks nothing, so there is nothing for --yes to answer.`);
  if (values.confirm !== undefined && command !== 'restore') throw new UsageError('--confirm belongs to "restore".');
  return {
    command,
    zone: zone ?? null,
    snapshot: snapshot === undefined ? null : Number(snapshot),
    origin: values.origin,
    json: values.json === true,
    yes,
    confirm: values.confirm ?? null,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        origin: { type: 'string' },
        json: { type: 'boolean' },
        yes: { type: 'boolean' },
        confirm: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : 'The options cannot be read.');
  }
}
