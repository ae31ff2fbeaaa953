/** The simulated CAs' certificates: Ed25519 keys that are always the same, so that every leaf is the same for a seed. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { bitString, boolean, integer, octetString, oid, sequence, time, tlv } from './der.ts';

const ED25519 = '1.3.101.112';
const YEAR_MS = 365 * 86_400_000;

interface Signer {
  name: Buffer;
  key: KeyObject;
  spki: Buffer;
  keyId: Buffer;
  pem: string;
}

export interface LeafRequest {
  spki: Buffer;
  names: readonly string[];
  serial: Uint8Array;
  /** Unix ms, whole seconds. */
  notBefore: number;
  notAfter: number;
}

export interface IssuedLeaf {
  /** Leaf and intermediate. */
  pem: string;
  /** RFC 9773 §4.1. */
  certId: string;
  sha256: string;
}

export class SimulatedIssuer {
  readonly root: Signer;
  readonly #intermediate: Signer;

  constructor(name: string) {
    const born = Date.UTC(2020, 0, 1);
    this.root = signer(`${name} Root`, null, born);
    this.#intermediate = signer(`${name} E1`, this.root, born);
  }

  issue(request: LeafRequest): IssuedLeaf {
    const issuer = this.#intermediate;
    const serial = Buffer.from(request.serial);
    const names = tlv(0x30, ...request.names.map((name) => tlv(0x82, Buffer.from(name))));
    const der = signed(issuer.key, [
      tlv(0xa0, integer(Buffer.from([2]))),
      integer(serial),
      sequence(oid(ED25519)),
      issuer.name,
      sequence(time(request.notBefore), time(request.notAfter)),
      sequence(),
      request.spki,
      tlv(0xa3, sequence(extension('2.5.29.35', false, sequence(tlv(0x80, issuer.keyId))), extension('2.5.29.17', true, names))),
    ]);
    const encoded = (serial[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), serial]) : serial;
    return {
      pem: `${pem(der)}${issuer.pem}`,
      certId: `${issuer.keyId.toString('base64url')}.${encoded.toString('base64url')}`,
      sha256: createHash('sha256').update(der).digest('hex'),
    };
  }
}

function signer(name: string, issuer: Signer | null, born: number): Signer {
  const seed = createHash('sha256').update(`simulated CA ${name}`).digest();
  const key = createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const keyId = createHash('sha1').update(spki).digest();
  const subject = sequence(tlv(0x31, sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(name)))));
  const der = signed(issuer?.key ?? key, [
    tlv(0xa0, integer(Buffer.from([2]))),
    integer(seed.subarray(0, 8)),
    sequence(oid(ED25519)),
    issuer?.name ?? subject,
    sequence(time(born), time(born + 30 * YEAR_MS)),
    subject,
    spki,
    tlv(0xa3, sequence(extension('2.5.29.19', true, sequence(boolean(true))), extension('2.5.29.14', false, octetString(keyId)))),
  ]);
  return { name: subject, key, spki, keyId, pem: pem(der) };
}

function signed(key: KeyObject, parts: Buffer[]): Buffer {
  const body = sequence(...parts);
  return sequence(body, sequence(oid(ED25519)), bitString(sign(null, body, key)));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

function pem(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replaceAll(/(.{64})(?=.)/g, '$1\n')}\n-----END CERTIFICATE-----\n`;
}
