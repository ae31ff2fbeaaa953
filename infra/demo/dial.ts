/** The demo's own look at what is served: fresh TLS handshakes with every instance, for every name of the certificate. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:tls';
import { PerennialError } from '../../shared/errors.ts';
import type { ServiceInstanceAddress } from './parts/nomad.ts';

const TIMEOUT_MS = 5_000;

/** What one handshake showed. */
export interface Dialled {
  /** Name sent as SNI. */
  name: string;
  /** Lower-case hex SHA-256 of the leaf. */
  sha256: string;
  /** The chain leads to one of the given roots, covers the name and is within its validity. */
  trusted: boolean;
  names: string[];
  issuer: string;
  /** Unix milliseconds. */
  notBefore: number;
  notAfter: number;
}

export interface ServedInstance extends ServiceInstanceAddress {
  dialled: Dialled[];
}

/** Rejects when the handshake fails. */
export async function dial(address: string, port: number, name: string, roots: readonly string[]): Promise<Dialled> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, servername: name, ca: [...roots], rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }, () => {
      const certificate = socket.getPeerCertificate();
      socket.end();
      if (certificate.fingerprint256 === undefined) {
        reject(new PerennialError('demo_no_certificate', `${address}:${port} showed no certificate for ${name}.`));
        return;
      }
      resolve({
        name,
        sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
        trusted: socket.authorized,
        names: (certificate.subjectaltname ?? '').split(', ').flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice('DNS:'.length)] : [])),
        issuer: issuerName(certificate.issuer),
        notBefore: Date.parse(certificate.valid_from),
        notAfter: Date.parse(certificate.valid_to),
      });
    });
    socket.setTimeout(TIMEOUT_MS, () =>
      socket.destroy(new PerennialError('demo_dial_timeout', `${address}:${port} did not finish a handshake for ${name} within ${TIMEOUT_MS / 1_000} s.`)),
    );
    socket.once('error', reject);
  });
}

/** Dials every instance for every name; a wildcard with a label nobody can have prepared for. */
export async function dialEverywhere(
  instances: readonly ServiceInstanceAddress[],
  names: readonly string[],
  roots: readonly string[],
): Promise<ServedInstance[]> {
  const probes = names.map((name) => name.replace(/^\*/, `r${randomBytes(4).toString('hex')}`));
  return await Promise.all(
    instances.map(async (instance) => ({ ...instance, dialled: await Promise.all(probes.map((name) => dial(instance.address, instance.port, name, roots))) })),
  );
}

function issuerName(issuer: { CN?: string | string[]; O?: string | string[] }): string {
  const name = issuer.CN ?? issuer.O ?? 'unknown';
  return typeof name === 'string' ? name : name.join(' ');
}
