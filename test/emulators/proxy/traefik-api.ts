/** Traefik's side port: `/ping` stays green whatever the handshakes do, and the certificate API of 3.7 (`api.insecure`). */
import { createHash, X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { CertificateStore } from './dynamic-configuration.ts';
import { certificateNames, commonNameOf } from './dynamic-configuration.ts';

const WARNING_BEFORE_EXPIRY_MS = 30 * 24 * 3_600_000;

export function createTraefikApi(currentStore: () => CertificateStore): Server {
  const startDate = new Date().toISOString();
  return createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://traefik.invalid').pathname;
    if (path === '/ping') {
      response.end('OK');
      return;
    }
    if (path === '/api/version') return sendJson(response, 200, { Version: 'emulator', Codename: 'cheddar', startDate }, 'application/json; charset=UTF-8');
    if (path === '/api/certificates') return sendJson(response, 200, loadedCertificates(currentStore()));
    const fingerprint = /^\/api\/certificates\/([^/]+)$/.exec(path)?.[1];
    if (fingerprint === undefined) return sendJson(response, 404, { message: 'not found' });
    const found = loadedCertificates(currentStore()).find(({ certFingerprint }) => certFingerprint === fingerprint);
    if (found !== undefined) return sendJson(response, 200, found);
    return sendJson(response, 404, { message: `certificate not found: ${fingerprint}` }, 'text/plain; charset=utf-8');
  });
}

function sendJson(response: ServerResponse, status: number, body: unknown, contentType = 'application/json'): void {
  response.writeHead(status, { 'Content-Type': contentType });
  response.end(`${JSON.stringify(body)}\n`);
}

function loadedCertificates(store: CertificateStore): ReturnType<typeof describeCertificate>[] {
  return [...store.dynamic.values()].map(({ certificate }) => describeCertificate(new X509Certificate(certificate)));
}

function describeCertificate(certificate: X509Certificate) {
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  const publicKey = certificate.publicKey;
  const notAfter = new Date(certificate.validTo);
  const left = notAfter.getTime() - Date.now();
  return {
    name: fingerprint,
    sans: certificateNames(certificate),
    notAfter: wholeSeconds(notAfter),
    notBefore: wholeSeconds(new Date(certificate.validFrom)),
    serialNumber: BigInt(`0x${certificate.serialNumber}`).toString(),
    commonName: commonNameOf(certificate.subject),
    issuerCN: commonNameOf(certificate.issuer),
    version: 'v3',
    keyType: publicKey.asymmetricKeyType === 'ec' ? 'ECDSA' : 'RSA',
    keySize: publicKey.asymmetricKeyDetails?.modulusLength ?? curveBits(publicKey.asymmetricKeyDetails?.namedCurve),
    signatureAlgorithm: publicKey.asymmetricKeyType === 'ec' ? 'ECDSA-SHA256' : 'SHA256-RSA',
    certFingerprint: fingerprint,
    publicKeyFingerprint: createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex'),
    status: left <= 0 ? 'expired' : left < WARNING_BEFORE_EXPIRY_MS ? 'warning' : 'enabled',
  };
}

function curveBits(curve: string | undefined): number {
  return curve === 'secp384r1' ? 384 : 256;
}

function wholeSeconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}
