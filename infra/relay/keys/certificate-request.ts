/** Certificate keys and their PKCS#10 requests (RFC 2986), made with the platform's WebCrypto. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from '@peculiar/x509';
import { sha256Hex } from '../../../shared/x509/chain.ts';
import type { KeyType } from '../../../shared/relay/contract.ts';

export interface KeyAndRequest {
  /** PKCS#8, PEM. */
  key: string;
  /** PKCS#10, DER, base64url. */
  csr: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  spki: string;
}

const PUBLIC_EXPONENT = new Uint8Array([1, 0, 1]);
const ec = (namedCurve: string, hash: string) => ({ key: { name: 'ECDSA', namedCurve }, signature: { name: 'ECDSA', hash } });
const rsa = (modulusLength: number) => ({
  key: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength, publicExponent: PUBLIC_EXPONENT },
  signature: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
});

const ALGORITHMS: Readonly<Record<KeyType, { key: EcKeyGenParams | RsaHashedKeyGenParams; signature: { name: string; hash: string } }>> = {
  'ec-p256': ec('P-256', 'SHA-256'),
  'ec-p384': ec('P-384', 'SHA-384'),
  'rsa-2048': rsa(2_048),
  'rsa-3072': rsa(3_072),
  'rsa-4096': rsa(4_096),
};

/**
 * Makes a key and a request for exactly `names`. The subject stays empty: a common name is optional (RFC 8555 §7.4),
 * limited to 64 characters, and of no use beside the subject alternative names.
 */
export async function makeKeyAndRequest(names: readonly string[], keyType: KeyType): Promise<KeyAndRequest> {
  const keys = await crypto.subtle.generateKey(ALGORITHMS[keyType].key, true, ['sign', 'verify']);
  if (!('privateKey' in keys)) throw new Error('An asymmetric algorithm made a single key.');
  return requestFor(names, keyType, keys);
}

/** A request for `names` with a key that exists: PKCS#8 PEM of type `keyType`. Throws what WebCrypto throws when it is not. */
export async function requestWithKey(names: readonly string[], keyType: KeyType, key: string): Promise<KeyAndRequest> {
  const algorithm = ALGORITHMS[keyType].key;
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const pkcs8 = createPrivateKey(key).export({ type: 'pkcs8', format: 'der' });
  const [privateKey, publicKey] = await Promise.all([
    crypto.subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']),
    crypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
  ]);
  return requestFor(names, keyType, { privateKey, publicKey });
}

async function requestFor(names: readonly string[], keyType: KeyType, keys: CryptoKeyPair): Promise<KeyAndRequest> {
  const algorithm = ALGORITHMS[keyType];
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: algorithm.signature,
    extensions: [new SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value })))],
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64').replace(/(.{64})(?=.)/g, '$1\n')}\n-----END PRIVATE KEY-----\n`,
    csr: Buffer.from(request.rawData).toString('base64url'),
    spki: await sha256Hex(request.publicKey.rawData),
  };
}
