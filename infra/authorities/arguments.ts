/** The command line of `npm run authorities`. */
import { parseArgs } from 'node:util';
import { choices } from '../../functions/config/suggest.ts';
import { UsageError } from '../administration/command.ts';

export const USAGE = `usage: npm run authorities -- <command> [--origin <https://…>] [--json]

  list              every configured CA: our account, the way there, what it holds back, what is left of its limits
  rollover <name>   asks, and gives our account there a new key; the old one is destroyed   (--yes: does not ask)
                    (--request <id>: goes on with a rollover whose answer was lost)

The Worker's address comes from --origin or PERENNIAL_ORIGIN, the administrator's token from ADMIN_TOKEN,
.perennial/admin-token or standard input. Exit codes: 0 done, 1 failed, 2 wrong usage.
`;

const COMMANDS = ['list', 'rollover'] as const;
export type CommandName = (typeof COMMANDS)[number];

export interface Invocation {
  command: CommandName;
  name: string;
  yes: boolean;
  /** Names the rollover; a new one when null. */
  request: string | null;
  origin: string | undefined;
  json: boolean;
}

/** @throws UsageError. */
export function readArguments(args: readonly string[]): Invocation | 'help' {
  const { values, positionals } = parsed(args);
  if (values.help === true) return 'help';
  const [typed, name, ...more] = positionals;
  if (typed === undefined) throw new UsageError('Say what to do.');
  const command = COMMANDS.find((known) => known === typed);
  if (command === undefined) throw new UsageError(`There is no command ${JSON.stringify(typed.slice(0, 40))}. ${choices(typed, COMMANDS, 'command')}`);
  if (command === 'list' && name !== undefined) throw new UsageError(`"list" lists every CA: what is ${JSON.stringify(name.slice(0, 80))}?`);
  if (command === 'rollover' && name === undefined) throw new UsageError('Say at which CA: npm run authorities -- rollover <name>');
  if (more.length > 0) throw new UsageError(`"${command}" takes one CA: what is ${JSON.stringify(more[0]?.slice(0, 80))}?`);
  if (command === 'list' && (values.yes === true || values.request !== undefined))
    throw new UsageError(`--${values.yes === true ? 'yes' : 'request'} belongs to "rollover".`);
  if (values.request !== undefined && !/^[a-z0-9-]{1,64}$/.test(values.request))
    throw new UsageError('--request takes the id that a rollover has printed: small letters, digits and "-".');
  return {
    command,
    name: name ?? '',
    yes: values.yes === true,
    request: values.request ?? null,
    origin: values.origin,
    json: values.json === true,
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
        request: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : 'The options cannot be read.');
  }
}
