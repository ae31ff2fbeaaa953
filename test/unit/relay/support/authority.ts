/** A private CA for tests: root, intermediate, and leaves for CSRs or for keys of its own. */
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { PublicKeyType, X509Certificate } from '@peculiar/x509';
import { randomBytes } from 'node:crypto';
import { DAY, HOUR } from '../../../../shared/clock.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

interface Issuer {
  certificate: X509Certificate;
  keys: CryptoKeyPair;
}

export interface LeafOptions {
  names?: readonly string[];
  notBefore?: number;
  notAfter?: number;
  commonName?: string;
}

export interface Authority {
  /** PEM. */
  root: string;
  /** A chain, leaf first, without the root, for a PKCS#10 in base64url. */
  issue(csr: string, options?: LeafOptions): Promise<string>;
  /** A chain with its key (PKCS#8 PEM), as if somebody else had made both. */
  pair(names: readonly string[], options?: LeafOptions): Promise<{ certificate: string; key: string }>;
}

export async function createAuthority(name = 'Test'): Promise<Authority> {
  const root = await issuer(`${name} Root`, null);
  const intermediate = await issuer(`${name} Intermediate`, root);
  const leaf = async (publicKey: PublicKeyType, names: readonly string[], options: LeafOptions) => {
    const certificate = await X509CertificateGenerator.create({
      ...validity(options),
      serialNumber: serial(),
      subject: options.commonName === undefined ? '' : `CN=${options.commonName}`,
      issuer: intermediate.certificate.subject,
      publicKey,
      signingKey: intermediate.keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(false),
        new SubjectAlternativeNameExtension((options.names ?? names).map((value) => ({ type: 'dns' as const, value }))),
      ],
    });
    return `${certificate.toString('pem')}\n${intermediate.certificate.toString('pem')}\n`;
  };
  return {
    root: `${root.certificate.toString('pem')}\n`,
    issue: async (csr, options = {}) => {
      const request = new Pkcs10CertificateRequest(Buffer.from(csr, 'base64url'));
      const names = request.extensions.flatMap((extension) =>
        extension instanceof SubjectAlternativeNameExtension ? extension.names.items.map(({ value }) => value) : [],
      );
      return leaf(request.publicKey, names, options);
    },
    pair: async (names, options = {}) => {
      const keys = await makeKeys();
      const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
      return { certificate: await leaf(keys.publicKey, names, options), key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n` };
    },
  };
}

async function issuer(name: string, parent: Issuer | null): Promise<Issuer> {
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.create({
    ...validity({ notAfter: Date.now() + 3_650 * DAY }),
    serialNumber: serial(),
    subject: `CN=${name}`,
    issuer: parent?.certificate.subject ?? `CN=${name}`,
    publicKey: keys.publicKey,
    signingKey: (parent?.keys ?? keys).privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, undefined, true), new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true)],
  });
  return { certificate, keys };
}

function validity({ notBefore, notAfter }: LeafOptions): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(notBefore ?? Date.now() - HOUR), notAfter: new Date(notAfter ?? Date.now() + 90 * DAY) };
}

function serial(): string {
  return `0${randomBytes(8).toString('hex').slice(1)}`;
}

async function makeKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
}
