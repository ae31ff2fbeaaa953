/**
 * What the template renders from the variable, and which certificate Traefik picks from it for a server name
 * (pkg/tls/tlsmanager.go, certificate_store.go). The shipped template puts the pair both into `tls.certificates` and
 * into the default store, so one bad pair leaves the default store without a certificate: every handshake is cut.
 */
import { X509Certificate, createPrivateKey } from 'node:crypto';

export interface CertificatePair {
  /** PEM chain, leaf first. */
  certificate: string;
  /** PEM private key. */
  key: string;
}

/** A rendered file: the pair as it stands in the variable, be it sound or not. */
export type DynamicConfiguration = { kind: 'empty' } | { kind: 'rendered'; pair: CertificatePair };

/** What Traefik has in memory after loading a file. */
export interface CertificateStore {
  /** `undefined` is Traefik's nil default certificate: any handshake that needs it dies. */
  default: CertificatePair | undefined;
  /** By store key: the sorted, comma separated names of the certificate, its common name included. */
  dynamic: ReadonlyMap<string, CertificatePair>;
}

/** Whether the text holds a certificate and the private key that belongs to it. */
export function isMatchingPair(pair: CertificatePair): boolean {
  try {
    return new X509Certificate(pair.certificate).checkPrivateKey(createPrivateKey(pair.key));
  } catch {
    return false;
  }
}

/** Loads a rendered file; `fallback` is the self-signed default of this process. */
export function loadConfiguration(configuration: DynamicConfiguration, fallback: CertificatePair): CertificateStore {
  if (configuration.kind === 'empty') return { default: fallback, dynamic: new Map() };
  const { pair } = configuration;
  if (!isMatchingPair(pair)) return { default: undefined, dynamic: new Map() };
  return { default: pair, dynamic: new Map([[storeKey(pair.certificate), pair]]) };
}

/** The certificate for `serverName`; `undefined` means that the handshake is cut. */
export function selectCertificate(store: CertificateStore, serverName: string | undefined): CertificatePair | undefined {
  // A nil default certificate is dereferenced before any name is compared, so it cuts every handshake (measured).
  if (store.default === undefined) return undefined;
  const name = serverName?.toLowerCase();
  if (name === undefined || name === '') return store.default;
  const keys = [...store.dynamic.keys()].sort().reverse();
  const match = keys.find((key) => key.split(',').some((pattern) => covers(pattern, name)));
  return match === undefined ? store.default : store.dynamic.get(match);
}

/** Exact, or a wildcard for exactly one label. */
function covers(pattern: string, name: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === name;
  const dot = name.indexOf('.');
  return dot > 0 && name.slice(dot) === pattern.slice(1);
}

/** The names of the leaf, sorted. */
export function certificateNames(certificate: X509Certificate): string[] {
  const alternative = (certificate.subjectAltName ?? '').split(', ').flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4).toLowerCase()] : []));
  return [...new Set(alternative)].sort();
}

function storeKey(certificatePem: string): string {
  const certificate = new X509Certificate(certificatePem);
  const commonName = commonNameOf(certificate.subject).toLowerCase();
  return [...new Set([...certificateNames(certificate), ...(commonName === '' ? [] : [commonName])])].sort().join(',');
}

/** The CN of a subject or issuer as Node prints it, `''` when it has none. */
export function commonNameOf(name: string): string {
  return /^CN=(.*)$/m.exec(name)?.[1] ?? '';
}

/** Lower-case hex SHA-256 of the leaf's DER: the fingerprint by which the whole project compares certificates. */
export function leafFingerprint(certificatePem: string): string {
  return new X509Certificate(certificatePem).fingerprint256.replaceAll(':', '').toLowerCase();
}
