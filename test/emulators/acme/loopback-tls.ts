/**
 * TLS for servers on loopback: a throw-away CA and one server certificate, for the ACME emulator's and Pebble's own
 * HTTPS listeners. Clients trust exactly the returned CA.
 */
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

export interface LoopbackTls {
  /** What clients have to trust. */
  caPem: string;
  /** Leaf first, then the CA. */
  certificatePem: string;
  /** PKCS #8. */
  keyPem: string;
}

export interface LoopbackTlsOptions {
  /** DNS names and IP addresses; `localhost`, `127.0.0.1` and `::1` when absent. */
  hosts?: readonly string[];
  /** Unix milliseconds. */
  now?: number;
}

export async function createLoopbackTls(options: LoopbackTlsOptions = {}): Promise<LoopbackTls> {
  const { hosts = ['localhost', '127.0.0.1', '::1'], now = Date.now() } = options;
  const validity = { notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + YEAR_MS) };
  const caKeys = await generateKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Loopback test CA',
    ...validity,
    signingAlgorithm: ALGORITHM,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const keys = await generateKeys();
  const leaf = await x509.X509CertificateGenerator.create({
    subject: `CN=${hosts.find((host) => isIP(host) === 0) ?? 'localhost'}`,
    issuer: ca.subject,
    ...validity,
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(hosts.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }))),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const exported = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  const caPem = `${ca.toString('pem')}\n`;
  return { caPem, certificatePem: `${leaf.toString('pem')}\n${caPem}`, keyPem: `${x509.PemConverter.encode(exported, 'PRIVATE KEY')}\n` };
}

async function generateKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}
