import * as x509 from '@peculiar/x509';
import { beforeAll, describe, expect, it } from 'vitest';
import { PerennialError } from '../../../shared/errors.ts';
import { checkChain, coveredBy, readChain, sha256Hex, type WantedChain } from '../../../shared/x509/chain.ts';

const NOW = Date.UTC(2026, 10, 21);
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NAMES = ['matrix.example.net', '*.matrix.example.net'];
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' };

async function keyPair(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
}

let root: { keys: CryptoKeyPair; certificate: x509.X509Certificate };
let intermediate: { keys: CryptoKeyPair; certificate: x509.X509Certificate };
let leafKeys: CryptoKeyPair;

beforeAll(async () => {
  const rootKeys = await keyPair();
  root = {
    keys: rootKeys,
    certificate: await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=Root',
      keys: rootKeys,
      notBefore: new Date(0),
      notAfter: new Date(NOW + 3650 * DAY),
      signingAlgorithm: SIGNING,
      extensions: [new x509.BasicConstraintsExtension(true)],
    }),
  };
  const keys = await keyPair();
  intermediate = {
    keys,
    certificate: await x509.X509CertificateGenerator.create({
      subject: 'CN=Intermediate, O=Test',
      issuer: root.certificate.subject,
      publicKey: keys.publicKey,
      signingKey: rootKeys.privateKey,
      notBefore: new Date(0),
      notAfter: new Date(NOW + 3650 * DAY),
      signingAlgorithm: SIGNING,
      extensions: [new x509.BasicConstraintsExtension(true)],
    }),
  };
  leafKeys = await keyPair();
});

interface LeafOptions {
  names?: string[];
  notBefore?: number;
  notAfter?: number;
  ca?: boolean;
  serialNumber?: string;
  /** Hex. */
  authorityKeyId?: string;
}

async function leaf({
  names = NAMES,
  notBefore = NOW - HOUR,
  notAfter = NOW + 45 * DAY,
  ca = false,
  serialNumber = '01',
  authorityKeyId,
}: LeafOptions = {}): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create({
    serialNumber,
    subject: '',
    issuer: intermediate.certificate.subject,
    publicKey: leafKeys.publicKey,
    signingKey: intermediate.keys.privateKey,
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value }))),
      ...(ca ? [new x509.BasicConstraintsExtension(true)] : []),
      ...(authorityKeyId === undefined ? [] : [new x509.AuthorityKeyIdentifierExtension(authorityKeyId)]),
    ],
  });
}

const pem = (...certificates: x509.X509Certificate[]) => certificates.map((certificate) => `${certificate.toString('pem')}\n`).join('');

async function wanted(change: Partial<WantedChain> = {}): Promise<WantedChain> {
  return { names: NAMES, spki: await sha256Hex(await crypto.subtle.exportKey('spki', leafKeys.publicKey)), now: NOW, ...change };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return error instanceof PerennialError ? `${error.code}${error.retryable ? ' (retryable)' : ''}` : String(error);
}

async function checked(options: LeafOptions, change: Partial<WantedChain> = {}): Promise<string> {
  return codeOf(checkChain(await readChain(pem(await leaf(options), intermediate.certificate)), await wanted(change)));
}

describe('a chain that was asked for', () => {
  it('is accepted, with or without its root', async () => {
    expect(await checked({})).toBe('null');
    expect(await codeOf(checkChain(await readChain(pem(await leaf(), intermediate.certificate, root.certificate)), await wanted()))).toBe('null');
  });

  it('is accepted whatever the order and the case of its names', async () => {
    expect(await checked({ names: ['*.MATRIX.example.net', 'matrix.example.net'] })).toBe('null');
  });

  it("is accepted when the CA's clock is ahead by 10 minutes, and beyond that only once it is valid", async () => {
    expect(await checked({ notBefore: NOW + 10 * MINUTE })).toBe('null');
    const early = { notBefore: NOW + 11 * MINUTE };
    expect(await checked(early)).toBe('chain_not_valid_yet (retryable)');
    expect(await checked(early, { now: NOW + MINUTE })).toBe('null');
  });

  it.each([
    ['a name is missing', { names: ['matrix.example.net'] }, 'chain_names_mismatch'],
    ['a name was added', { names: [...NAMES, 'evil.example.org'] }, 'chain_names_mismatch'],
    ['it has no names', { names: [] }, 'chain_names_mismatch'],
    ['it has expired', { notAfter: NOW }, 'chain_not_valid_now'],
    ['it is not valid for hours to come', { notBefore: NOW + 2 * HOUR }, 'chain_not_valid_yet (retryable)'],
    ['its leaf is a CA', { ca: true }, 'chain_leaf_is_ca'],
  ])('is refused when %s', async (_what, options, code) => {
    expect(await checked(options)).toBe(code);
  });

  it('is refused when it is signed with its own key', async () => {
    const own = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=placeholder',
      keys: leafKeys,
      notBefore: new Date(0),
      notAfter: new Date(NOW + 365 * DAY),
      signingAlgorithm: SIGNING,
      extensions: [new x509.SubjectAlternativeNameExtension(NAMES.map((value) => ({ type: 'dns' as const, value })))],
    });
    const chain = await readChain(pem(own));
    expect(await codeOf(checkChain(chain, { names: NAMES, spki: chain.leaf.spki, now: NOW }))).toBe('chain_self_signed');
  });

  it('is refused when it is for another key', async () => {
    expect(await checked({}, { spki: 'a'.repeat(64) })).toBe('chain_key_mismatch');
  });

  it('is refused when a certificate is not followed by its issuer', async () => {
    const own = await leaf();
    const codes = (...certificates: x509.X509Certificate[]) => readChain(pem(...certificates)).then(async (chain) => codeOf(checkChain(chain, await wanted())));
    expect(await codes(own, root.certificate)).toBe('chain_order_invalid');
    expect(await codes(own, root.certificate, intermediate.certificate)).toBe('chain_order_invalid');
    expect(await codes(own, intermediate.certificate, await leaf())).toBe('chain_order_invalid');
  });

  it('is refused when a certificate stands in it twice', async () => {
    const codes = (...certificates: x509.X509Certificate[]) => readChain(pem(...certificates)).then(async (chain) => codeOf(checkChain(chain, await wanted())));
    const own = await leaf();
    expect(await codes(own, own, intermediate.certificate)).toBe('chain_repeats');
    expect(await codes(own, intermediate.certificate, root.certificate, root.certificate)).toBe('chain_repeats');
  });

  it('is refused when a certificate is not signed by the next one, whatever its name', async () => {
    const stranger = await issuerCalled(intermediate.certificate.subject, true);
    expect(await codeOf(checkChain(await readChain(pem(await leaf(), stranger)), await wanted()))).toBe('chain_signature_invalid');
  });

  it('is refused when the issuer is not a CA', async () => {
    const stranger = await issuerCalled(intermediate.certificate.subject, false);
    expect(await codeOf(checkChain(await readChain(pem(await leaf(), stranger)), await wanted()))).toBe('chain_issuer_not_ca');
  });
});

async function issuerCalled(name: string, ca: boolean): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.createSelfSigned({
    name,
    keys: await keyPair(),
    notBefore: new Date(0),
    notAfter: new Date(NOW + 3650 * DAY),
    signingAlgorithm: SIGNING,
    extensions: [new x509.BasicConstraintsExtension(ca)],
  });
}

describe('a PEM text', () => {
  it('is normalised to certificates and LF alone', async () => {
    const text = pem(await leaf(), intermediate.certificate);
    const chain = await readChain(`\r\n${text.replaceAll('\n', '\r\n')}\r\n\r\n`);
    expect(chain.pem).toBe((await readChain(text)).pem);
    expect(chain.pem).not.toContain('\r');
    expect(chain.certificates).toHaveLength(2);
    expect(chain.leaf.issuer).toBe('Intermediate');
  });

  it('is refused when it is empty, too long, not a certificate, or holds anything else', async () => {
    const one = pem(await leaf());
    const key = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n';
    for (const text of [
      '',
      one.repeat(11),
      `${one}${key}`,
      key,
      `${one}and a word`,
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      '<html>503</html>',
    ]) {
      expect(await codeOf(readChain(text)), text.slice(0, 40)).toBe('chain_malformed');
    }
  });
});

describe('the ARI certID (RFC 9773 §4.1)', () => {
  it("joins key identifier and serial number, its leading zero octet kept, as in the RFC's example", async () => {
    const certificate = await leaf({ authorityKeyId: '69885B6B87464041E1B37B847BA0AE2CDE01C8D4'.toLowerCase(), serialNumber: '0087654321' });
    const { leaf: read } = await readChain(pem(certificate));
    expect(read.serial).toBe('0087654321');
    expect(read.certId).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
  });

  it('is null without an authority key identifier', async () => {
    expect((await readChain(pem(await leaf()))).leaf.certId).toBeNull();
  });
});

describe('a name is covered by a certificate', () => {
  it.each([
    ['matrix.example.net', true],
    ['a.matrix.example.net', true],
    ['a.b.matrix.example.net', false],
    ['example.net', false],
    ['othermatrix.example.net', false],
    ['*.matrix.example.net', true],
  ])('%s: %s', (name, covered) => {
    expect(coveredBy(name, NAMES)).toBe(covered);
  });
});
