/** Certificates that are not what was asked for, or do not hang together. */
import * as x509 from '@peculiar/x509';
import type { LeafRequest } from '../certificate-authority.ts';
import { CertificateAuthority } from '../certificate-authority.ts';
import { altered, withBody, type Misbehaviour } from './misbehaviour.ts';

const PEM_END = '-----END CERTIFICATE-----\n';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };

function pemsOf(chain: string): string[] {
  return chain.split(PEM_END).flatMap((pem) => (pem.trim() === '' ? [] : [`${pem.trim()}\n${PEM_END}`]));
}

export const MISSING_INTERMEDIATE: Misbehaviour = altered(
  'leaves the intermediate out of the chain',
  ['certificate'],
  async (reply) => withBody(reply, pemsOf(await reply.text())[0] ?? ''),
  {
    times: 1,
  },
);

export const UNORDERED_CHAIN: Misbehaviour = altered(
  'sends the chain upside down, once',
  ['certificate'],
  async (reply) => {
    const upwards = pemsOf(await reply.text());
    return withBody(reply, upwards.reverse().join(''));
  },
  { times: 1 },
);

/** The intermediate bears the right name and another key. */
export const FOREIGN_SIGNATURE: Misbehaviour = altered(
  'sends an intermediate that has not signed the leaf, once',
  ['certificate'],
  async (reply) => {
    const [leaf = ''] = pemsOf(await reply.text());
    const other = await CertificateAuthority.create(Date.now());
    return withBody(reply, `${leaf}${other.save().intermediate.trim()}\n`);
  },
  { times: 1 },
);

function signs(name: string, alter: (leaf: LeafRequest) => LeafRequest): Misbehaviour {
  return {
    name,
    begin: ({ settings }, about) => {
      const before = settings.alterLeaf;
      settings.alterLeaf = (leaf) => (about === undefined || leaf.names.includes(about) ? alter(leaf) : before(leaf));
      return () => void (settings.alterLeaf = before);
    },
  };
}

/** Made beforehand: signing is asked for synchronously. */
const { publicKey } = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
const somebodyElses = await x509.PublicKey.create(publicKey);

export const WRONG_KEY: Misbehaviour = signs("signs somebody else's key", (leaf) => ({ ...leaf, publicKey: somebodyElses }));

export const WRONG_NAMES: Misbehaviour = signs('signs other names', (leaf) => ({ ...leaf, names: [...leaf.names.slice(1), 'stranger.example'] }));
