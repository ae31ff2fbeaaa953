/**
 * `npm run export -- --origin <https://…> [--to operator.pub.jwk] [--out backup.jwe]`: everything a deployment knows, encrypted
 * by the Worker to the operator's key. `npm run export -- --new-key operator.jwk` makes that key.
 */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { cursorSchema, SECTIONS, type Cursor } from '../../functions/backup/document.ts';
import { Api } from '../administration/api.ts';
import { keptAdminToken, workerOrigin } from '../setup/administrator.ts';
import { promptSecret } from '../setup/prompt.ts';
import { makeOperatorKey, readPublicKey, writeNew } from './operator-key.ts';

const USAGE = `usage: npm run export -- --origin <https://…> [--to <operator.pub.jwk>] [--out <backup.jwe>]
       npm run export -- --new-key <operator.jwk>

The backup goes to standard output unless --out names a file, which is never overwritten.
`;

const answerSchema = z.object({
  part: z.string().regex(/^[\w-]+(\.[\w-]*){4}$/),
  next: cursorSchema.nullable(),
  counts: z.record(z.enum(SECTIONS), z.number()),
});

/** Reads all parts. @returns the text of the file and what is in it. */
export async function readBackup(api: Pick<Api, 'post'>, recipient: object): Promise<{ text: string; counts: Map<string, number> }> {
  const lines: string[] = [];
  const counts = new Map<string, number>();
  let cursor: Cursor | null = null;
  do {
    // oxlint-disable-next-line no-await-in-loop -- each part says where the next one begins
    const answer: z.infer<typeof answerSchema> = await api.post('/api/v1/export', { recipient, cursor }, answerSchema);
    lines.push(answer.part);
    for (const [section, count] of Object.entries(answer.counts)) counts.set(section, (counts.get(section) ?? 0) + count);
    cursor = answer.next;
  } while (cursor !== null);
  return { text: `${lines.join('\n')}\n`, counts };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { origin: { type: 'string' }, to: { type: 'string' }, out: { type: 'string' }, 'new-key': { type: 'string' }, help: { type: 'boolean' } },
  });
  const { stdout, stderr } = process;
  if (values.help === true) return void stdout.write(USAGE);
  if (values['new-key'] !== undefined) {
    const { privatePath, publicPath, thumbprint } = await makeOperatorKey(values['new-key']);
    stdout.write(`Made a key pair for backups (thumbprint ${thumbprint}):
  ${privatePath}      private: opens every backup. Keep it offline, with a copy elsewhere; neither the Worker nor this machine needs it again until an import.
  ${publicPath}  public: backups are made for it, it may lie anywhere.

To make backups for this key only, so that the administrator token alone cannot read a secret:
  printf %s ${thumbprint} | npx wrangler secret put BACKUP_KEY
`);
    return;
  }
  const recipient = readPublicKey(values.to ?? 'operator.pub.jwk');
  const origin = workerOrigin(values.origin, process.env);
  const adminToken = keptAdminToken(process.env) ?? (await promptSecret('Administrator token: ')).trim();
  const { text, counts } = await readBackup(new Api({ origin, adminToken, fetch }), recipient);
  if (values.out === undefined) stdout.write(text);
  else writeNew(values.out, text);
  const { secret = 0, authority = 0, zone = 0, certificate = 0 } = Object.fromEntries(counts);
  stderr.write(
    `Exported ${certificate} certificate(s), ${secret} secret(s), ${authority} CA(s) and ${zone} zone(s)${values.out === undefined ? '' : ` into ${values.out}`}. docs/backup.md says how they come back.\n`,
  );
}

if (import.meta.main) {
  try {
    await main();
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : 'It failed.'}\n`);
    process.exitCode = 1;
  }
}
