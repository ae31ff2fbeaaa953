/** Self-signed pairs: Traefik's own default certificate, and the stranger's that a fault serves. */
import * as x509 from '@peculiar/x509';
import type { CertificatePair } from './dynamic-configuration.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const YEAR_MS = 365 * 24 * 3_600_000;

export async function selfSigned(commonName: string, names: readonly string[]): Promise<CertificatePair> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: `CN=${commonName}`,
      notBefore: new Date(Date.now() - 3_600_000),
      notAfter: new Date(Date.now() + YEAR_MS),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value })))],
    },
    crypto,
  );
  const exported = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { certificate: certificate.toString('pem'), key: x509.PemConverter.encode(exported, 'PRIVATE KEY') };
}

/** What Traefik serves while it has no certificate of its own: a new one per process. */
export async function traefikDefaultCertificate(): Promise<CertificatePair> {
  const label = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex');
  return selfSigned('TRAEFIK DEFAULT CERT', [`${label}.traefik.default`]);
}
