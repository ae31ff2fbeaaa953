/**
 * `npm run rotate -- sealing | edge | relay`: makes the new key on this machine and says, in order, what to do so that
 * nothing stops in between. `sealing --finish` re-seals every secret under the new key.
 */
import { randomBytes } from 'node:crypto';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { privateKeySchema } from '../../shared/link/signatures.ts';
import type { Api } from '../administration/api.ts';
import { keepOnce } from '../setup/folder.ts';
import { makeSealingKey, makeSigningKey, publicHalf } from '../setup/keys.ts';

export const KINDS = ['sealing', 'edge', 'relay'] as const;
export type Kind = (typeof KINDS)[number];

export interface RotateOptions {
  kind: Kind;
  cluster: string;
  folder: string;
  /** ISO date; part of file names and key ids. */
  today: string;
}

/** Makes the key; the one in use is left alone. @returns the steps, without any secret in them. */
export async function rotate({ kind, cluster, folder, today }: RotateOptions): Promise<string> {
  // A key of the same day has another id: both sides tell keys apart by it.
  const id = `${today}-${randomBytes(2).toString('hex')}`;
  if (kind === 'sealing') return sealingSteps(await make(folder, `sealing-key-${id}`, makeSealingKey));
  const name = kind === 'edge' ? `edge-${id}` : `relay-${id}`;
  const file = kind === 'edge' ? `edge-key-${id}.json` : `relay-${cluster}-${id}.json`;
  const path = await make(folder, file, async () => JSON.stringify(await makeSigningKey(name)));
  const { text } = await keepOnce(folder, file, () => '');
  const key = publicHalf(privateKeySchema.parse(JSON.parse(text)));
  return kind === 'edge' ? edgeSteps(path, JSON.stringify(key)) : relaySteps(path, cluster, `${key.kid}:${key.x}`);
}

async function make(folder: string, name: string, create: () => string | Promise<string>): Promise<string> {
  await keepOnce(folder, name, create);
  return relative(process.cwd(), join(folder, name));
}

function sealingSteps(file: string): string {
  return `Made ${file}, readable by you alone. Secrets stay readable after every step:

1. The key in use is still read (its copy is the file that npm run setup has made, or the last rotation):
   npx wrangler secret put SEALING_KEY_PREVIOUS < <copy of the key in use>
2. From now on secrets are sealed with the new one; keep a copy of it in a safe place:
   npx wrangler secret put SEALING_KEY < ${file}
3. Seal everything anew. It says when nothing depends on the former key any more:
   npm run rotate -- sealing --finish --origin https://<your worker>
4. Only then:
   npx wrangler secret delete SEALING_KEY_PREVIOUS
`;
}

function edgeSteps(file: string, publicKey: string): string {
  return `Made ${file}, readable by you alone. Relays accept both keys in between, so renewals go on:

1. In the law of every relay (its job file, "edgeKeys"), add beside the key that is there:
   ${publicKey}
   and run each relay job again. Go on when the status page shows every relay online.
2. npx wrangler secret put EDGE_KEY < ${file}
   The Worker restarts and the relays connect anew; requests that were under way are repeated.
3. Take the former key out of "edgeKeys" and run the relay jobs again. Delete ${file}.
`;
}

function relaySteps(file: string, cluster: string, publicKey: string): string {
  return `Made ${file}, readable by you alone. The Worker accepts both keys in between, so renewals go on:

1. In certificates.toml, beside the key that is there:
   [clusters.${cluster}]
   keys = ["<the key in use>", "${publicKey}"]
   npm run deploy
2. The relay's private half, which it reads when it starts:
   nomad var put -force nomad/jobs/relay identity=@${file}
   nomad job restart relay
   Go on when the status page shows the relay online.
3. Take the former key out of certificates.toml and deploy again. Delete ${file}.
`;
}

const resealAnswer = z.object({ resealed: z.number().int(), unreadable: z.array(z.string()) });

/** Re-seals every secret. @returns what came of it, and whether SEALING_KEY_PREVIOUS is of no use any more. */
export async function finishSealing(api: Pick<Api, 'post'>): Promise<{ text: string; done: boolean }> {
  const { resealed, unreadable } = await api.post('/api/v1/secrets/reseal', {}, resealAnswer);
  if (unreadable.length === 0)
    return {
      done: true,
      text: `${resealed} secret(s) were sealed anew; every secret is sealed with SEALING_KEY now. The former key can go: npx wrangler secret delete SEALING_KEY_PREVIOUS`,
    };
  return {
    done: false,
    text: `${resealed} secret(s) were sealed anew. Sealed with a key that is neither SEALING_KEY nor SEALING_KEY_PREVIOUS: ${unreadable.join(', ')}. Set SEALING_KEY_PREVIOUS to that key and repeat this, or store these secrets again.`,
  };
}
