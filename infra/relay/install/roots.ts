/** Which roots a delivered or served chain must lead to (RFC 5280 §6, without revocation and policies). */
import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { PerennialError } from '../../../shared/errors.ts';

export class Roots {
  readonly #certificates: readonly X509Certificate[];

  /** Throws when a PEM of the list cannot be parsed. */
  constructor(roots: 'public' | readonly string[]) {
    this.#certificates = (roots === 'public' ? rootCertificates : roots).map((pem) => new X509Certificate(pem));
  }

  /**
   * Checks that a chain, leaf first, leads to a configured root: each certificate issued by the next, every issuer a CA
   * within its validity, and one of them a root or signed by one. Throws `chain_malformed`, `chain_signature_invalid`,
   * `chain_issuer_not_ca`, `chain_issuer_expired`, `chain_root_unknown`; never retryable.
   * @param now Unix milliseconds
   */
  check(chain: readonly X509Certificate[], now: number): void {
    for (const [position, certificate] of chain.entries()) {
      if (position > 0) checkIssuer(certificate, position, now);
      if (this.#anchored(certificate, now)) return;
      const issuer = chain[position + 1];
      if (issuer !== undefined && !issued(certificate, issuer)) {
        throw new PerennialError('chain_signature_invalid', `Certificate ${position + 1} of the chain is not issued by certificate ${position + 2}.`);
      }
    }
    throw new PerennialError('chain_root_unknown', 'The chain does not lead to a root that the relay is configured to trust.', {
      hint: 'For a private CA put its root into "roots" of the relay\'s law. A staging CA is not in the public root store.',
    });
  }

  #anchored(certificate: X509Certificate, now: number): boolean {
    return this.#certificates.some(
      (root) => (root.fingerprint256 === certificate.fingerprint256 || issued(certificate, root)) && Date.parse(root.validTo) > now,
    );
  }
}

function checkIssuer(certificate: X509Certificate, position: number, now: number): void {
  if (!certificate.ca)
    throw new PerennialError('chain_issuer_not_ca', `Certificate ${position + 1} of the chain signs another one but is not a CA certificate.`);
  if (Date.parse(certificate.validTo) <= now) throw new PerennialError('chain_issuer_expired', `Certificate ${position + 1} of the chain has expired.`);
}

function issued(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

/** The certificates of a PEM chain. Throws `chain_malformed`. */
export function certificatesOf(pem: string): X509Certificate[] {
  try {
    return (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []).map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new PerennialError('chain_malformed', 'A certificate of the chain cannot be parsed.', { cause });
  }
}
