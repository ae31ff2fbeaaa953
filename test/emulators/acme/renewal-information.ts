/** ARI (RFC 9773): certificate identifiers, and the window a CA suggests for the renewal. */
import * as x509 from '@peculiar/x509';

export interface RenewalWindow {
  /** Unix milliseconds. */
  start: number;
  end: number;
  explanationURL?: string;
}

const HOUR_MS = 3_600_000;
const SHORT_LIFETIME_MS = 10 * 24 * HOUR_MS;

/** §4.1: base64url of the issuer's key identifier, a dot, base64url of the serial's DER contents with its leading zero. */
export function certificateIdentifier(certificate: x509.X509Certificate): string {
  const authority = certificate.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId ?? '';
  return `${hexToBase64url(authority)}.${hexToBase64url(positive(certificate.serialNumber))}`;
}

/** DER integers are signed: a serial that starts with a set bit has a zero octet before it. */
function positive(serialHex: string): string {
  const even = serialHex.length % 2 === 0 ? serialHex : `0${serialHex}`;
  return Number.parseInt(even.slice(0, 2), 16) > 0x7f ? `00${even}` : even;
}

function hexToBase64url(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64url');
}

/** Boulder's rule: around two thirds of the lifetime (half if it is below ten days), one percent to either side. */
export function suggestedWindow(notBefore: number, notAfter: number): RenewalWindow {
  const lifetime = notAfter - notBefore;
  const centre = notBefore + (lifetime < SHORT_LIFETIME_MS ? lifetime / 2 : (lifetime * 2) / 3);
  return { start: Math.round(centre - lifetime / 100), end: Math.round(centre + lifetime / 100) };
}

/** A revoked certificate's window lies in the past: renew now. */
export function pastWindow(now: number): RenewalWindow {
  return { start: now - HOUR_MS, end: now - HOUR_MS / 2 };
}
