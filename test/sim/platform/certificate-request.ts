/** Keys from the simulation's pool, and their requests (RFC 2986) without a library: thousands are made. */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { KeyAndRequest } from '../../../infra/relay/keys/certificate-request.ts';
import { bitString, integer, oid, octetString, sequence, tlv } from '../world/der.ts';
import { poolKey } from './crypto.ts';
import { surroundings } from './virtual.ts';

const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));

export async function makeKeyAndRequest(names: readonly string[]): Promise<KeyAndRequest> {
  return requestFor(poolKey(surroundings().keyIndex()), names);
}

export async function requestWithKey(names: readonly string[], _keyType: string, key: string): Promise<KeyAndRequest> {
  return requestFor(createPrivateKey(key), names);
}

function requestFor(key: ReturnType<typeof poolKey>, names: readonly string[]): KeyAndRequest {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const alternatives = tlv(0x30, ...names.map((name) => tlv(0x82, Buffer.from(name))));
  const extensions = sequence(sequence(oid('2.5.29.17'), octetString(alternatives)));
  const attribute = sequence(oid('1.2.840.113549.1.9.14'), tlv(0x31, extensions));
  const info = sequence(integer(Buffer.from([0])), sequence(), spki, tlv(0xa0, attribute));
  const csr = sequence(info, ECDSA_WITH_SHA256, bitString(sign('sha256', info, key)));
  return {
    key: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    csr: csr.toString('base64url'),
    spki: createHash('sha256').update(spki).digest('hex'),
  };
}
