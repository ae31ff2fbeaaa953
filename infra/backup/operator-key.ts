/**
 * The operator's key pair: ECDH on P-256, made on this machine. Whoever has the private half and a backup has every secret
 * of the deployment, so it belongs where neither the Worker nor the backups are.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type CryptoKey } from 'jose';
import { z } from 'zod';
import { recipientSchema, type Recipient } from '../../functions/backup/recipient.ts';

const ALGORITHM = 'ECDH-ES+A256KW';
const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const kid = z.string().optional();
const privateSchema = z.discriminatedUnion('kty', [
  z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: coordinate, y: coordinate, d: coordinate, kid }),
  z.object({ kty: z.literal('OKP'), crv: z.literal('X25519'), x: coordinate, d: coordinate, kid }),
]);

/** `operator.jwk` and `operator.pub.jwk`. */
export function publicPathOf(path: string): string {
  return path.endsWith('.jwk') ? `${path.slice(0, -'.jwk'.length)}.pub.jwk` : `${path}.pub`;
}

/** Writes both halves, the private one for its owner alone. Throws an Error when either file exists. */
export async function makeOperatorKey(path: string): Promise<{ privatePath: string; publicPath: string; thumbprint: string }> {
  const { privateKey, publicKey } = await generateKeyPair(ALGORITHM, { crv: 'P-256', extractable: true });
  const thumbprint = await calculateJwkThumbprint(await exportJWK(publicKey));
  const publicPath = publicPathOf(path);
  writeNew(path, `${JSON.stringify({ ...(await exportJWK(privateKey)), kid: thumbprint })}\n`);
  writeNew(publicPath, `${JSON.stringify({ ...(await exportJWK(publicKey)), kid: thumbprint })}\n`);
  return { privatePath: path, publicPath, thumbprint };
}

/** Throws an Error that says what to do; never with what the file holds. */
export function readPublicKey(path: string): Recipient {
  const parsed = recipientSchema.safeParse(readJson(path, 'Make a key pair with: npm run export -- --new-key operator.jwk'));
  if (parsed.success) return parsed.data;
  throw new Error(
    `${path} is no public key for backups (P-256 or X25519, as JWK, without its private half). Make one with: npm run export -- --new-key operator.jwk`,
  );
}

export async function readPrivateKey(path: string): Promise<{ key: CryptoKey; thumbprint: string }> {
  const parsed = privateSchema.safeParse(readJson(path, 'It is the private half that npm run export -- --new-key has made.'));
  if (!parsed.success) throw new Error(`${path} is no private key for backups (P-256 or X25519, as JWK).`);
  const { kid: _kid, ...jwk } = parsed.data;
  const key = await importJWK(jwk, ALGORITHM).catch(() => null);
  if (key === null || key instanceof Uint8Array) throw new Error(`${path} is no private key for backups: its halves do not fit.`);
  const { d: _d, ...half } = jwk;
  return { key, thumbprint: await calculateJwkThumbprint(half) };
}

/** Mode 0600. Throws an Error when the file exists: nothing that might be the only copy is overwritten. */
export function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') throw new Error(`${path} exists and is not overwritten.`, { cause: thrown });
    throw new Error(`${path} cannot be written.`, { cause: thrown });
  }
}

function readJson(path: string, hint: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Error(`${path} cannot be read. ${hint}`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
