/**
 * Reading and checking X.509 chains (RFC 5280), the same on the edge and in the relay.
 *
 * Invariant: a chain that passes {@link checkChain} has a leaf for exactly the wanted key and names, is within its
 * validity, and every certificate is signed by the next one. Trust in a root is decided by the relay (its job file
 * lists the roots), not here.
 */
import { AuthorityKeyIdentifierExtension, BasicConstraintsExtension, SubjectAlternativeNameExtension, X509Certificate } from '@peculiar/x509';
import { PerennialError } from '../errors.ts';
import { moment } from '../moment.ts';

/** Longest chain accepted, in certificates. */
const MAX_CHAIN_LENGTH = 10;

export interface Leaf {
  /** SHA-256 of the DER, hex. */
  sha256: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  spki: string;
  /** dNSName SANs, lower case. */
  names: string[];
  /** Issuer's common name, else organisation, else the whole distinguished name. */
  issuer: string;
  /** Hex, as in the certificate, leading zero octets kept. */
  serial: string;
  /** Unix milliseconds. */
  notBefore: number;
  notAfter: number;
  /** RFC 9773 §4.1 certID; null when there is no authority key identifier. */
  certId: string | null;
}

export interface Chain {
  /** PEM, leaf first, normalised: LF line ends, nothing but certificates. */
  pem: string;
  leaf: Leaf;
  certificates: X509Certificate[];
}

/**
 * Parses a PEM chain, leaf first. Throws `chain_malformed` when it is not a list of 1 to 10 certificates or contains
 * anything else (a private key above all).
 */
export async function readChain(pem: string): Promise<Chain> {
  const blocks = pem.match(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g) ?? [];
  const rest = blocks.reduce((text, block) => text.replace(block, ''), pem).trim();
  if (blocks.length === 0 || blocks.length > MAX_CHAIN_LENGTH || rest !== '' || blocks.some((block) => !block.startsWith('-----BEGIN CERTIFICATE-----'))) {
    throw new PerennialError('chain_malformed', `A PEM chain of 1 to ${MAX_CHAIN_LENGTH} certificates and nothing else was expected.`);
  }
  let certificates: X509Certificate[];
  try {
    certificates = blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new PerennialError('chain_malformed', 'A certificate of the chain cannot be parsed.', { cause });
  }
  const [first] = certificates;
  if (first === undefined) throw new PerennialError('chain_malformed', 'The chain is empty.');
  const normalised = certificates.map((certificate) => `${certificate.toString('pem').replaceAll('\r\n', '\n').trim()}\n`).join('');
  return { pem: normalised, leaf: await readLeaf(first), certificates };
}

async function readLeaf(certificate: X509Certificate): Promise<Leaf> {
  const alternatives = certificate.getExtension(SubjectAlternativeNameExtension);
  const names = alternatives?.names.items.filter((name) => name.type === 'dns').map((name) => name.value.toLowerCase()) ?? [];
  return {
    sha256: await sha256Hex(certificate.rawData),
    spki: await sha256Hex(certificate.publicKey.rawData),
    names,
    issuer: shortName(certificate),
    serial: serialOctets(certificate),
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
    certId: certId(certificate),
  };
}

function shortName(certificate: X509Certificate): string {
  const { issuerName } = certificate;
  return issuerName.getField('CN')[0] ?? issuerName.getField('O')[0] ?? certificate.issuer;
}

/**
 * The INTEGER's octets as encoded, hex. The parser drops the zero octet that keeps a serial number with its top bit set
 * positive (RFC 5280 §4.1.2.2), but RFC 9773 §4.1 wants the encoding.
 */
function serialOctets(certificate: X509Certificate): string {
  const hex = certificate.serialNumber.toLowerCase();
  return /^[89a-f]/.test(hex) ? `00${hex}` : hex;
}

function certId(certificate: X509Certificate): string | null {
  const keyId = certificate.getExtension(AuthorityKeyIdentifierExtension)?.keyId;
  if (keyId === undefined) return null;
  return `${base64url(hexBytes(keyId))}.${base64url(hexBytes(serialOctets(certificate)))}`;
}

export interface WantedChain {
  names: readonly string[];
  /** SHA-256 of the key's SubjectPublicKeyInfo, hex. */
  spki: string;
  /** Unix milliseconds. */
  now: number;
}

/** Clocks of a CA and of ours may differ by this much, ms. */
const CLOCK_SKEW_MS = 10 * 60_000;

/**
 * Checks a chain against what was asked for. Throws, never retryable: `chain_key_mismatch`, `chain_names_mismatch`,
 * `chain_not_valid_now`, `chain_leaf_is_ca`, `chain_self_signed`, `chain_repeats`, `chain_order_invalid`, `chain_issuer_not_ca`,
 * `chain_signature_invalid`; and retryable, with the time: `chain_not_valid_yet`.
 */
export async function checkChain(chain: Chain, wanted: WantedChain): Promise<void> {
  const { leaf, certificates } = chain;
  if (leaf.spki !== wanted.spki) throw new PerennialError('chain_key_mismatch', 'The certificate is for another key than the one in the request.');
  const have = [...new Set(leaf.names)].toSorted().join(' ');
  const want = [...new Set(wanted.names)].toSorted().join(' ');
  if (have !== want) throw new PerennialError('chain_names_mismatch', `The certificate is for "${have.slice(0, 400)}", not for "${want.slice(0, 400)}".`);
  if (leaf.notAfter <= wanted.now || leaf.notAfter <= leaf.notBefore)
    throw new PerennialError('chain_not_valid_now', `The certificate is ${validity(leaf)}, which does not contain now.`);
  // CAs backdate notBefore by about an hour, so that clocks which are behind take the certificate at once.
  if (leaf.notBefore > wanted.now + CLOCK_SKEW_MS)
    throw new PerennialError('chain_not_valid_yet', `The certificate is ${validity(leaf)}, which is yet to come.`, {
      retryable: true,
      retryAt: leaf.notBefore - CLOCK_SKEW_MS,
      hint: 'The clock of the CA, or the one here, is wrong by more than 10 minutes.',
    });
  if (isCa(certificates[0])) throw new PerennialError('chain_leaf_is_ca', 'The first certificate of the chain is a CA certificate.');
  if (await isSelfSigned(certificates[0])) throw new PerennialError('chain_self_signed', 'The certificate is signed with its own key; no CA has issued it.');
  await checkLinks(certificates);
}

function validity({ notBefore, notAfter }: Leaf): string {
  return `valid from ${moment(notBefore)} to ${moment(notAfter)}`;
}

function isCa(certificate: X509Certificate | undefined): boolean {
  return certificate?.getExtension(BasicConstraintsExtension)?.ca === true;
}

async function isSelfSigned(certificate: X509Certificate | undefined): Promise<boolean> {
  return certificate !== undefined && certificate.issuer === certificate.subject && (await signedBy(certificate, certificate));
}

/** Each certificate is followed by its issuer, by name and by signature (RFC 8555 §7.4.2), and none stands there twice. */
async function checkLinks(certificates: readonly X509Certificate[]): Promise<void> {
  if (new Set(certificates.map((certificate) => base64url(new Uint8Array(certificate.rawData)))).size !== certificates.length)
    throw new PerennialError('chain_repeats', 'A certificate stands twice in the chain.');
  for (const [position, certificate] of certificates.entries()) {
    const issuer = certificates[position + 1];
    if (issuer === undefined) break;
    if (certificate.issuer !== issuer.subject)
      throw new PerennialError(
        'chain_order_invalid',
        `Certificate ${position + 2} of the chain ("${issuer.subject.slice(0, 200)}") is not the issuer of the one before it ("${certificate.issuer.slice(0, 200)}").`,
      );
    if (!isCa(issuer)) throw new PerennialError('chain_issuer_not_ca', `Certificate ${position + 2} of the chain is not a CA certificate.`);
    if (!(await signedBy(certificate, issuer))) {
      throw new PerennialError('chain_signature_invalid', `Certificate ${position + 1} of the chain is not signed by certificate ${position + 2}.`);
    }
  }
}

async function signedBy(certificate: X509Certificate, issuer: X509Certificate): Promise<boolean> {
  try {
    return await certificate.verify({ publicKey: issuer.publicKey, signatureOnly: true });
  } catch {
    return false;
  }
}

/** Whether `name` is covered by the certificate names: exactly, or by a wildcard one label up (RFC 6125 §6.4.3). */
export function coveredBy(name: string, certificateNames: readonly string[]): boolean {
  const wildcard = `*.${name.slice(name.indexOf('.') + 1)}`;
  return certificateNames.includes(name) || certificateNames.includes(wildcard);
}

export async function sha256Hex(data: ArrayBuffer | Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
  return Array.from(digest, (octet) => octet.toString(16).padStart(2, '0')).join('');
}

function hexBytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
