/** The command line of `npm run certificates`. */
import { parseArgs } from 'node:util';
import { choices } from '../../functions/config/suggest.ts';
import { REVOCATION_REASON_NAMES, type RevocationReasonName } from '../../functions/web/revocation-reasons.ts';
import { UsageError } from '../administration/command.ts';

export const USAGE = `usage: npm run certificates -- <command> [--origin <https://…>] [--json]

  list [text]                  every certificate, those that need somebody first; with a part of a name or domain, those that match
  show <name>                  everything that is known of it: what happens next and why, where it is served, what failed
  renew <name>                 renews it if it is due                       (--force: now, whatever the clock says)
  redeliver <name>             puts the live pair back in place
  revoke <name> --reason <why> shows what is live, asks for the name, and has the CA revoke it; it is replaced at once
                               (--signer certificate: signed with its own key, by the relay; --confirm <sha256>: does not ask)

Reasons: ${REVOCATION_REASON_NAMES.join(', ')}.
The Worker's address comes from --origin or PERENNIAL_ORIGIN, the administrator's token from ADMIN_TOKEN,
.perennial/admin-token or standard input. Exit codes: 0 done, 1 failed, 2 wrong usage.
`;

const COMMANDS = ['list', 'show', 'renew', 'redeliver', 'revoke'] as const;
export type CommandName = (typeof COMMANDS)[number];
const SIGNERS = ['account', 'certificate'] as const;

export interface Invocation {
  command: CommandName;
  /** The certificate; for `list` the text to search for, or ''. */
  name: string;
  force: boolean;
  reason: RevocationReasonName | null;
  signer: (typeof SIGNERS)[number];
  /** Fingerprint of the certificate that was looked at, 64 small hexadecimal digits. */
  confirm: string | null;
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
  if (command === undefined) throw new UsageError(`There is no command ${quoted(typed)}. ${choices(typed, COMMANDS, 'command')}`);
  if (name === undefined && command !== 'list') throw new UsageError(`Say which certificate: npm run certificates -- ${command} <name>`);
  if (more.length > 0) throw new UsageError(`"${command}" takes one certificate: what is ${quoted(more[0] ?? '')}?`);
  if (values.force === true && command !== 'renew') throw new UsageError('--force belongs to "renew".');
  for (const option of ['reason', 'signer', 'confirm'] as const)
    if (values[option] !== undefined && command !== 'revoke') throw new UsageError(`--${option} belongs to "revoke".`);
  if (command === 'revoke' && values.reason === undefined) throw new UsageError(`Say why: --reason ${REVOCATION_REASON_NAMES.join(' | ')}`);
  return {
    command,
    name: name ?? '',
    force: values.force === true,
    reason: values.reason === undefined ? null : oneOf(REVOCATION_REASON_NAMES, values.reason, 'reason'),
    signer: oneOf(SIGNERS, values.signer ?? 'account', 'signer'),
    confirm: values.confirm === undefined ? null : fingerprint(values.confirm),
    origin: values.origin,
    json: values.json === true,
  };
}

function oneOf<T extends string>(known: readonly T[], typed: string, noun: string): T {
  const found = known.find((candidate) => candidate === typed);
  if (found === undefined) throw new UsageError(`There is no ${noun} ${quoted(typed)}. ${choices(typed, known, noun)}`);
  return found;
}

/** As people copy them: with colons or gaps, large or small. */
function fingerprint(typed: string): string {
  const digits = typed.replaceAll(/[\s:]/g, '').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digits)) throw new UsageError(`--confirm takes the SHA-256 of the certificate, 64 hexadecimal digits, and not ${quoted(typed)}.`);
  return digits;
}

function quoted(typed: string): string {
  return JSON.stringify(typed.slice(0, 80));
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        origin: { type: 'string' },
        json: { type: 'boolean' },
        force: { type: 'boolean' },
        reason: { type: 'string' },
        signer: { type: 'string' },
        confirm: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : 'The options cannot be read.');
  }
}
