/**
 * Signatures between edge and relay (DESIGN §7): compact JWS, EdDSA (Ed25519) only, with pinned `typ`, `kid` and `aud`.
 *
 * What is signed binds each message to one connection (its nonce), one place in it (the sequence) and every byte that
 * matters, so that a message which is unsigned, altered, replayed or meant for somebody else cannot be accepted.
 */
import { CompactSign, compactVerify, importJWK } from 'jose';
import { z } from 'zod';
import { PerennialError } from '../errors.ts';

/** An Ed25519 public key as configuration carries it: JWK with `kid`. */
export const publicKeySchema = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  kid: z.string().min(1).max(64),
});
export const privateKeySchema = publicKeySchema.extend({ d: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });
export type PublicKey = z.infer<typeof publicKeySchema>;
export type PrivateKey = z.infer<typeof privateKeySchema>;

const hash = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const nonce = z.string().regex(/^[A-Za-z0-9_-]{22,64}$/);
const ms = z.number().int();

export const helloClaims = z.object({
  aud: z.string().max(300), // the edge's origin
  cluster: z.string().max(64),
  allocation: z.string().max(100),
  challenge: nonce, // the edge's
  nonce, // the relay's, for the edge to sign
  contract: z.number().int().nonnegative(),
  bundle: z.string().max(64), // SHA-256 of the running bundle, hex; 'development' outside a bundle
  time: ms,
});
export const welcomeClaims = z.object({
  aud: z.string().max(300), // "<cluster>/<allocation>"
  challenge: nonce, // the relay's
  connection: nonce,
  contract: z.number().int().nonnegative(),
  time: ms, // the edge's clock: deadlines on this connection count in it
});
export const requestClaims = z.object({
  aud: z.string().max(300), // cluster
  method: z.string().max(10),
  path: z.string().max(1_024),
  contentType: z.string().max(100),
  bodyHash: hash,
  /** Edge clock, Unix milliseconds. The relay maps it through the welcome's time and its own monotonic clock. */
  deadline: ms,
  connection: nonce,
  sequence: z.number().int().positive(),
});
/** Relay to edge: `aud` is the edge's origin; `requestHash` is {@link hashText} of the request's JWS (its `token`). */
export const responseClaims = z.object({
  aud: z.string().max(300),
  requestHash: hash,
  status: z.number().int(),
  contentType: z.string().max(100),
  bodyHash: hash,
});
/** Relay to edge: `aud` is the edge's origin; `sequence` counts the relay's events on this connection from 1. */
export const eventClaims = z.object({ aud: z.string().max(300), connection: nonce, sequence: z.number().int().positive(), bodyHash: hash });

const TYPES = {
  hello: { typ: 'perennial-hello+jws', claims: helloClaims },
  welcome: { typ: 'perennial-welcome+jws', claims: welcomeClaims },
  request: { typ: 'perennial-request+jws', claims: requestClaims },
  response: { typ: 'perennial-response+jws', claims: responseClaims },
  event: { typ: 'perennial-event+jws', claims: eventClaims },
} as const;
export type MessageType = keyof typeof TYPES;
export type Claims<T extends MessageType> = z.infer<(typeof TYPES)[T]['claims']>;

/** Signs `claims` as a message of `type`. Throws `invalid_key` when the key is not an Ed25519 private key. */
export async function signMessage<T extends MessageType>(type: T, claims: Claims<T>, key: PrivateKey): Promise<string> {
  const payload = new TextEncoder().encode(JSON.stringify(claims));
  return new CompactSign(payload).setProtectedHeader({ alg: 'EdDSA', typ: TYPES[type].typ, kid: key.kid }).sign(await imported(key));
}

/**
 * Verifies a message against the listed keys (by `kid`) and its audience, and returns its claims.
 * Throws `signature_invalid` (never retryable): unknown key, wrong type, altered, wrong audience, wrong shape.
 */
export async function verifyMessage<T extends MessageType>(type: T, token: string, keys: readonly PublicKey[], audience: string): Promise<Claims<T>> {
  const refuse = (why: string, cause?: unknown) => new PerennialError('signature_invalid', `The ${type} message was refused: ${why}.`, { cause });
  let payload: Uint8Array;
  try {
    const verified = await compactVerify(
      token,
      (header) => {
        const key = keys.find((candidate) => candidate.kid === header.kid);
        if (header.typ !== TYPES[type].typ || key === undefined) throw new Error('unknown key or type');
        return imported(key);
      },
      { algorithms: ['EdDSA'] },
    );
    payload = verified.payload;
  } catch (cause) {
    throw refuse('its signature does not verify with any listed key', cause);
  }
  const parsed = parseClaims(TYPES[type].claims, payload);
  if (parsed === undefined) throw refuse('its signed content has another shape');
  if (parsed.aud !== audience) throw refuse('it is addressed to somebody else');
  // Parsed by the very schema that `type` names; the compiler does not follow the lookup.
  return parsed as Claims<T>;
}

function parseClaims<S extends z.ZodType>(schema: S, payload: Uint8Array): z.infer<S> | undefined {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(payload)));
  } catch {
    return undefined;
  }
}

/** base64url SHA-256 of UTF-8 text, as claims carry it. */
export async function hashText(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return btoa(String.fromCharCode(...digest))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** 256 random bits, base64url. */
export function randomNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** Importing a key costs more than using it, and a deployment has a handful. */
const cache = new Map<string, Promise<CryptoKey>>();

function imported(key: PublicKey | PrivateKey): Promise<CryptoKey> {
  const id = `${key.kid}.${key.x}.${'d' in key ? 'private' : 'public'}`;
  let entry = cache.get(id);
  if (entry === undefined) {
    entry = importJWK({ ...key }, 'EdDSA').then((value) => {
      if (value instanceof Uint8Array) throw new PerennialError('invalid_key', 'The key is not an Ed25519 key.');
      return value;
    });
    cache.set(id, entry);
  }
  return entry;
}
