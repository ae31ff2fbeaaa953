/** What each command of `npm run certificates` does. A command returns its exit code, or throws an Error that is shown. */
import { DONE } from '../administration/command.ts';
import type { Terminal } from '../administration/terminal.ts';
import { json } from '../administration/text.ts';
import type { CommandName, Invocation } from './arguments.ts';
import { acceptedAnswer, revokedAnswer, type CertificateApi } from './client.ts';
import { certificateText, listText, revocationText } from './show.ts';

interface Call {
  api: CertificateApi;
  terminal: Terminal;
  invocation: Invocation;
}

export function run(call: Call): Promise<number> {
  return COMMANDS[call.invocation.command](call);
}

const COMMANDS: Readonly<Record<CommandName, (call: Call) => Promise<number>>> = {
  async list({ api, terminal, invocation }) {
    const certificates = await api.list(invocation.name);
    terminal.out(invocation.json ? json({ certificates }) : listText(certificates, invocation.name));
    return DONE;
  },

  async show({ api, terminal, invocation }) {
    const view = await api.certificate(invocation.name);
    terminal.out(invocation.json ? json(view) : certificateText(view));
    return DONE;
  },

  renew: (call) => ask(call, 'renew', { force: call.invocation.force }, call.invocation.force ? 'is renewed now' : 'is renewed if it is due'),

  redeliver: (call) => ask(call, 'redeliver', {}, 'is delivered again'),

  revoke,
};

async function ask({ api, terminal, invocation }: Call, action: 'renew' | 'redeliver', body: object, done: string): Promise<number> {
  const { name } = await api.certificate(invocation.name);
  const answer = await api.post(`/api/v1/certificates/${name}/${action}`, body, acceptedAnswer);
  terminal.out(invocation.json ? json(answer) : `${name} ${done}. How it goes: npm run certificates -- show ${name}`);
  return DONE;
}

async function revoke({ api, terminal, invocation }: Call): Promise<number> {
  const view = await api.certificate(invocation.name);
  const { name, live } = view;
  if (live === null) throw new Error(`Nothing of ${name} is live, so there is nothing to revoke.`);
  terminal.note(revocationText(view, live));
  if (invocation.confirm === null) {
    if (!terminal.interactive) throw new Error(`Nobody can be asked here. If this is the certificate that is meant: --confirm ${live.sha256}`);
    const typed = await terminal.ask(`Revoking cannot be taken back. Type the certificate's name to revoke it (${invocation.reason}): `);
    if (typed?.trim() !== name) throw new Error('That is not its name; nothing was revoked.');
  } else if (invocation.confirm !== live.sha256) {
    throw new Error(`The live certificate is another one than that of --confirm; nothing was revoked. If this one is meant: --confirm ${live.sha256}`);
  }
  const { reason, signer } = invocation;
  const answer = await api.post(`/api/v1/certificates/${name}/revoke`, { reason, signer, sha256: live.sha256 }, revokedAnswer);
  terminal.out(
    invocation.json
      ? json(answer)
      : `The revocation of ${name} is under way, and a new certificate is ordered at once. How it goes: npm run certificates -- show ${name}`,
  );
  return DONE;
}
