/** What each command of `npm run authorities` does. A command returns its exit code, or throws an Error that is shown. */
import { randomUUID } from 'node:crypto';
import { DONE, FAILED } from '../administration/command.ts';
import { agrees, type Terminal } from '../administration/terminal.ts';
import { json, printable } from '../administration/text.ts';
import type { CommandName, Invocation } from './arguments.ts';
import { rolledOverAnswer, type AuthorityApi } from './client.ts';
import { authoritiesText } from './show.ts';

interface Call {
  api: AuthorityApi;
  terminal: Terminal;
  invocation: Invocation;
}

export function run(call: Call): Promise<number> {
  return COMMANDS[call.invocation.command](call);
}

const COMMANDS: Readonly<Record<CommandName, (call: Call) => Promise<number>>> = {
  async list({ api, terminal, invocation }) {
    const authorities = await api.list();
    terminal.out(invocation.json ? json({ authorities }) : authoritiesText(authorities, Date.now()));
    return DONE;
  },

  async rollover({ api, terminal, invocation }) {
    const authority = await api.authority(invocation.name);
    const { name, status } = authority;
    if (status !== null && status.accountUrl === null) throw new Error(`No account is registered at ${name} yet, so there is no key to replace.`);
    terminal.note(authoritiesText([authority], Date.now()));
    if (!(await agrees(terminal, invocation.yes, `Replace the key of this account at ${name}? The account stays; the old key is destroyed.`))) return FAILED;
    const request = invocation.request ?? randomUUID();
    try {
      const answer = await api.post(`/api/v1/authorities/${name}/rollover`, { request }, rolledOverAnswer);
      terminal.out(invocation.json ? json(answer) : `The account at ${name} has a new key: ${printable(answer.accountUrl)}`);
      return DONE;
    } catch (thrown) {
      // The same id again finds out what became of it, and makes no other key.
      const message = thrown instanceof Error ? thrown.message : 'It failed.';
      throw new Error(`${message} To find out what became of it: npm run authorities -- rollover ${name} --request ${request}`, { cause: thrown });
    }
  },
};
