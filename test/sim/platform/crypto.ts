/**
 * WebCrypto on this thread: the same promises, settled before anybody can wait for them, so that no thread pool decides
 * what happens first. Keys come from a pool that the simulation's seed picks from; signatures and digests are real.
 */
import { createECDH, createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { surroundings } from './virtual.ts';

interface Key {
  type: 'public' | 'private';
  extractable: true;
  algorithm: { name: string; namedCurve?: string; hash?: { name: string } };
  usages: string[];
  object: KeyObject;
}

type Algorithm = { name: string; namedCurve?: string; hash?: string | { name: string } };

const POOL = 512;
const pool = new Map<number, KeyObject>();
/** Each key is made once per process, and is the same in every process. */
export function poolKey(index: number): KeyObject {
  const slot = index % POOL;
  const known = pool.get(slot);
  if (known !== undefined) return known;
  const scalar = createHash('sha256').update(`simulated key ${slot}`).digest();
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(scalar);
  const point = curve.getPublicKey();
  const coordinate = (from: number) => point.subarray(from, from + 32).toString('base64url');
  const jwk = { kty: 'EC', crv: 'P-256', d: scalar.toString('base64url'), x: coordinate(1), y: coordinate(33) };
  const made = createPrivateKey({ key: jwk, format: 'jwk' });
  pool.set(slot, made);
  return made;
}

function hashOf(algorithm: Algorithm | string, fallback = 'sha256'): string {
  const named = typeof algorithm === 'string' ? algorithm : (algorithm.hash ?? fallback);
  return (typeof named === 'string' ? named : named.name).replace('-', '').toLowerCase();
}

function octets(data: ArrayBuffer | ArrayBufferView): Buffer {
  return data instanceof ArrayBuffer ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function buffer(data: Buffer): ArrayBuffer {
  return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer;
}

function wrap(object: KeyObject, algorithm: Algorithm | string, usages: string[]): Key {
  const named = typeof algorithm === 'string' ? { name: algorithm } : algorithm;
  const { name, namedCurve, hash } = named;
  return {
    type: object.type === 'private' ? 'private' : 'public',
    extractable: true,
    algorithm: {
      name,
      ...(namedCurve === undefined ? {} : { namedCurve }),
      ...(hash === undefined ? {} : { hash: { name: typeof hash === 'string' ? hash : hash.name } }),
    },
    usages,
    object,
  };
}

const subtle = {
  async digest(algorithm: Algorithm | string, data: ArrayBuffer | ArrayBufferView) {
    const name = typeof algorithm === 'string' ? algorithm : algorithm.name;
    return buffer(createHash(hashOf(name)).update(octets(data)).digest());
  },
  async generateKey(algorithm: Algorithm, _extractable: boolean, usages: string[]) {
    if (algorithm.name !== 'ECDSA' || algorithm.namedCurve !== 'P-256') throw new Error(`The simulation makes P-256 keys only, not ${algorithm.name}.`);
    const privateKey = poolKey(surroundings().keyIndex());
    return { privateKey: wrap(privateKey, algorithm, usages), publicKey: wrap(createPublicKey(privateKey), algorithm, usages) };
  },
  async exportKey(format: 'pkcs8' | 'spki' | 'jwk', key: Key) {
    return format === 'jwk' ? key.object.export({ format: 'jwk' }) : buffer(key.object.export({ format: 'der', type: format }));
  },
  async importKey(
    format: 'pkcs8' | 'spki' | 'jwk' | 'raw',
    data: ArrayBuffer | ArrayBufferView | JsonWebKey,
    algorithm: Algorithm,
    _: boolean,
    usages: string[],
  ) {
    if (format === 'spki') return wrap(createPublicKey({ key: octets(data as ArrayBuffer), format: 'der', type: 'spki' }), algorithm, usages);
    if (format === 'pkcs8') return wrap(createPrivateKey({ key: octets(data as ArrayBuffer), format: 'der', type: 'pkcs8' }), algorithm, usages);
    if (format === 'jwk') {
      const jwk = data as Record<string, string>;
      return wrap(jwk['d'] === undefined ? createPublicKey({ key: jwk, format: 'jwk' }) : createPrivateKey({ key: jwk, format: 'jwk' }), algorithm, usages);
    }
    throw new Error(`The simulation imports no ${format} keys.`);
  },
  async sign(algorithm: Algorithm | string, key: Key, data: ArrayBuffer | ArrayBufferView) {
    const ed = key.algorithm.name === 'Ed25519';
    return buffer(sign(ed ? null : hashOf(algorithm), octets(data), { key: key.object, dsaEncoding: 'ieee-p1363' }));
  },
  async verify(algorithm: Algorithm | string, key: Key, signature: ArrayBuffer | ArrayBufferView, data: ArrayBuffer | ArrayBufferView) {
    const ed = key.algorithm.name === 'Ed25519';
    return verify(ed ? null : hashOf(algorithm), octets(data), { key: key.object, dsaEncoding: 'ieee-p1363' }, octets(signature));
  },
};

export const simulatedCrypto = {
  subtle,
  randomUUID: () => surroundings().uuid(),
  getRandomValues<T extends Uint8Array>(target: T): T {
    surroundings().bytes(target);
    return target;
  },
};
