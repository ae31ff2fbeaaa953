import { beforeAll, describe, expect, it } from 'vitest';
import { PerennialError } from '../../../shared/errors.ts';
import {
  type Claims,
  hashText,
  type MessageType,
  type PrivateKey,
  privateKeySchema,
  type PublicKey,
  publicKeySchema,
  randomNonce,
  signMessage,
  verifyMessage,
} from '../../../shared/link/signatures.ts';
import { CompactSign, importJWK, UnsecuredJWT } from 'jose';

async function makeKey(kid: string): Promise<PrivateKey> {
  const { privateKey } = await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify']);
  return privateKeySchema.parse({ ...(await crypto.subtle.exportKey('jwk', privateKey)), kid });
}

let key: PrivateKey;
/** The public half, as configuration lists it. */
let listed: PublicKey;
let claims: { [T in MessageType]: Claims<T> };

beforeAll(async () => {
  key = await makeKey('relay-1');
  listed = publicKeySchema.parse(key);
  const hash = await hashText('');
  const nonce = randomNonce();
  claims = {
    hello: {
      aud: 'https://edge.test',
      cluster: 'matrix',
      allocation: 'a',
      challenge: nonce,
      nonce: randomNonce(),
      contract: 2,
      bundle: 'development',
      time: 1,
    },
    welcome: { aud: 'matrix/a', challenge: nonce, connection: randomNonce(), contract: 2, time: 1 },
    request: {
      aud: 'matrix',
      method: 'POST',
      path: '/v1/verify',
      contentType: 'application/json',
      bodyHash: hash,
      deadline: 1,
      connection: nonce,
      sequence: 1,
    },
    response: { aud: 'https://edge.test', requestHash: hash, status: 200, contentType: 'application/json', bodyHash: hash },
    event: { aud: 'https://edge.test', connection: nonce, sequence: 1, bodyHash: hash },
  };
});

const TYPES: MessageType[] = ['hello', 'welcome', 'request', 'response', 'event'];
const sign = (type: MessageType, by: PrivateKey = key) => signMessage(type, claims[type], by);
const verify = (type: MessageType, token: string, keys = [listed], audience = claims[type].aud) => verifyMessage(type, token, keys, audience);

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => 'accepted',
    (thrown: unknown) => thrown,
  );
  return error instanceof PerennialError ? `${error.code}${error.retryable ? ' (retryable)' : ''}` : String(error);
}

/** Flips one bit of the character at `position` of the base64url text, staying in its alphabet. */
function altered(token: string, position: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const index = alphabet.indexOf(token.charAt(position));
  return token.slice(0, position) + alphabet.charAt(index ^ 32) + token.slice(position + 1);
}

describe.each(TYPES)('a signed %s', (type) => {
  it('is accepted as it was signed, and gives its claims back', async () => {
    expect(await verify(type, await sign(type))).toEqual(claims[type]);
  });

  it('is refused when any character of header, payload or signature differs', async () => {
    const token = await sign(type);
    const positions = Array.from(token, (character, position) => (character === '.' ? -1 : position)).filter((position) => position >= 0);
    const accepted: number[] = [];
    for (const position of positions) if ((await refusal(verify(type, altered(token, position)))) !== 'signature_invalid') accepted.push(position);
    expect(accepted).toEqual([]);
  });

  it('is refused when a part is missing or added', async () => {
    const token = await sign(type);
    const [header, payload, signature] = token.split('.');
    for (const broken of ['', '.', '..', `${header}.${payload}`, `${header}.${payload}.`, `${header}..${signature}`, `${token}.${signature}`, ` ${token}`]) {
      expect(await refusal(verify(type, broken)), broken.slice(0, 20)).toBe('signature_invalid');
    }
  });

  it('is refused by an unlisted key, by another key of the same name, and by no keys', async () => {
    expect(await refusal(verify(type, await sign(type, await makeKey('stranger'))))).toBe('signature_invalid');
    expect(await refusal(verify(type, await sign(type, await makeKey('relay-1'))))).toBe('signature_invalid');
    expect(await refusal(verify(type, await sign(type), []))).toBe('signature_invalid');
  });

  it('is refused by another audience', async () => {
    expect(await refusal(verify(type, await sign(type), [listed], 'somebody else'))).toBe('signature_invalid');
  });

  it('is refused as a message of another type', async () => {
    const token = await sign(type);
    for (const other of TYPES.filter((candidate) => candidate !== type)) {
      expect(await refusal(verify(other, token, [listed], claims[type].aud)), other).toBe('signature_invalid');
    }
  });

  it('is refused unsecured, with another algorithm, and in another shape', async () => {
    const unsecured = new UnsecuredJWT({ ...claims[type] }).encode();
    expect(await refusal(verify(type, unsecured))).toBe('signature_invalid');
    const symmetric = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims[type])))
      .setProtectedHeader({ alg: 'HS256', typ: `perennial-${type}+jws`, kid: key.kid })
      .sign(new TextEncoder().encode(key.x));
    expect(await refusal(verify(type, symmetric))).toBe('signature_invalid');
    for (const payload of ['{}', 'null', 'not json', JSON.stringify({ ...claims[type], aud: 7 })]) {
      const token = await new CompactSign(new TextEncoder().encode(payload))
        .setProtectedHeader({ alg: 'EdDSA', typ: `perennial-${type}+jws`, kid: key.kid })
        .sign(await importJWK({ ...key }, 'EdDSA'));
      expect(await refusal(verify(type, token)), payload).toBe('signature_invalid');
    }
  });
});

describe('keys rotate', () => {
  it('by listing the next one beside the present one', async () => {
    const next = await makeKey('relay-2');
    for (const by of [key, next]) expect(await refusal(verify('event', await sign('event', by), [listed, publicKeySchema.parse(next)]))).toBe('accepted');
  });
});

describe('a public key', () => {
  it('carries no private part', () => {
    expect(Object.keys(publicKeySchema.parse(key)).toSorted()).toEqual(['crv', 'kid', 'kty', 'x']);
  });
});

describe('hashes and nonces', () => {
  it('are base64url of SHA-256 and of 256 random bits', async () => {
    expect(await hashText('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
    expect(randomNonce()).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(randomNonce()).not.toBe(randomNonce());
  });
});
