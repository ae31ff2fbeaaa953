/**
 * The CA's own keys and chains: a root, an intermediate, and the intermediate cross-signed by a second root, so that
 * there is an alternate chain to choose. Leaves carry serials that need a leading zero as often as not.
 */
import * as x509 from '@peculiar/x509';

const CA_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' };
const HOUR_MS = 3_600_000;
const CA_LIFETIME_MS = 10 * 365 * 24 * HOUR_MS;
const SERIAL_BYTES = 16;

/** A CA that survives a restart: PEM certificates, and PKCS #8 of the intermediate, which alone signs leaves. */
export interface SavedAuthority {
  root: string;
  alternateRoot: string;
  intermediate: string;
  crossSigned: string;
  intermediateKey: string;
}

export interface LeafRequest {
  publicKey: x509.PublicKey;
  names: readonly string[];
  /** Whether the subject holds the first name (the `classic` profile does). */
  commonName: boolean;
  notBefore: Date;
  notAfter: Date;
}

export class CertificateAuthority {
  readonly rootPem: string;
  readonly alternateRootPem: string;
  readonly #intermediate: x509.X509Certificate;
  readonly #crossSigned: x509.X509Certificate;
  readonly #key: CryptoKey;
  readonly #saved: SavedAuthority;

  private constructor(saved: SavedAuthority, key: CryptoKey) {
    this.rootPem = saved.root;
    this.alternateRootPem = saved.alternateRoot;
    this.#intermediate = new x509.X509Certificate(saved.intermediate);
    this.#crossSigned = new x509.X509Certificate(saved.crossSigned);
    this.#key = key;
    this.#saved = saved;
  }

  static async create(now: number): Promise<CertificateAuthority> {
    const [rootKeys, alternateKeys, keys] = await Promise.all([generateCaKeys(), generateCaKeys(), generateCaKeys()]);
    const root = await selfSignedRoot('Perennial Emulated Root X1', rootKeys, now);
    const alternateRoot = await selfSignedRoot('Perennial Emulated Root X2', alternateKeys, now);
    const saved = {
      root: root.toString('pem'),
      alternateRoot: alternateRoot.toString('pem'),
      intermediate: (await signIntermediate(root, rootKeys, keys.publicKey, now)).toString('pem'),
      crossSigned: (await signIntermediate(alternateRoot, alternateKeys, keys.publicKey, now)).toString('pem'),
      intermediateKey: x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'),
    };
    return new CertificateAuthority(saved, keys.privateKey);
  }

  static async restore(saved: SavedAuthority): Promise<CertificateAuthority> {
    const key = await crypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(saved.intermediateKey), CA_ALGORITHM, true, ['sign']);
    return new CertificateAuthority(saved, key);
  }

  save(): SavedAuthority {
    return { ...this.#saved };
  }

  async issue(request: LeafRequest): Promise<x509.X509Certificate> {
    return await x509.X509CertificateGenerator.create({
      serialNumber: Buffer.from(crypto.getRandomValues(new Uint8Array(SERIAL_BYTES))).toString('hex'),
      subject: request.commonName ? `CN=${request.names.find((name) => name.length <= 64) ?? ''}` : '',
      issuer: this.#intermediate.subject,
      notBefore: request.notBefore,
      notAfter: request.notAfter,
      signingAlgorithm: CA_ALGORITHM,
      publicKey: request.publicKey,
      signingKey: this.#key,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        await x509.AuthorityKeyIdentifierExtension.create(this.#intermediate.publicKey),
        new x509.SubjectAlternativeNameExtension(
          request.names.map((value) => ({ type: 'dns' as const, value })),
          !request.commonName,
        ),
      ],
    });
  }

  /** PEM chains, the preferred one first; roots are left out as CAs leave them out. */
  chains(leaf: x509.X509Certificate): string[] {
    return [this.#intermediate, this.#crossSigned].map((issuer) => `${leaf.toString('pem')}\n${issuer.toString('pem')}\n`);
  }
}

async function generateCaKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(CA_ALGORITHM, true, ['sign', 'verify']);
}

function caValidity(now: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - 24 * HOUR_MS), notAfter: new Date(now + CA_LIFETIME_MS) };
}

async function selfSignedRoot(commonName: string, keys: CryptoKeyPair, now: number): Promise<x509.X509Certificate> {
  return await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${commonName}`,
    ...caValidity(now),
    signingAlgorithm: CA_ALGORITHM,
    keys,
    extensions: await caExtensions(keys.publicKey, undefined),
  });
}

async function signIntermediate(root: x509.X509Certificate, rootKeys: CryptoKeyPair, publicKey: CryptoKey, now: number): Promise<x509.X509Certificate> {
  return await x509.X509CertificateGenerator.create({
    subject: 'CN=Perennial Emulated Intermediate E1',
    issuer: root.subject,
    ...caValidity(now),
    signingAlgorithm: CA_ALGORITHM,
    publicKey,
    signingKey: rootKeys.privateKey,
    extensions: await caExtensions(publicKey, rootKeys.publicKey),
  });
}

async function caExtensions(publicKey: CryptoKey, issuerKey: CryptoKey | undefined): Promise<x509.Extension[]> {
  return [
    new x509.BasicConstraintsExtension(true, issuerKey === undefined ? undefined : 0, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ...(issuerKey === undefined ? [] : [await x509.AuthorityKeyIdentifierExtension.create(issuerKey)]),
  ];
}
