/** The account key: ECDSA P-256, PKCS#8 PEM, one per CA directory, known to the SecretStore alone. */
import { Secret } from '../secrets/secret.ts';

export async function generateAccountKey(): Promise<Secret> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  if (!('privateKey' in pair)) throw new TypeError('ECDSA gives a key pair');
  const der = await crypto.subtle.exportKey('pkcs8', pair.privateKey);
  if (!(der instanceof ArrayBuffer)) throw new TypeError('pkcs8 gives octets');
  const body = btoa(String.fromCharCode(...new Uint8Array(der)))
    .replaceAll(/(.{64})/g, '$1\n')
    .trimEnd();
  return new Secret(`-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`);
}

/**
 * Name of the key in the SecretStore: stable for a directory URL, and readable for an operator who looks for it. The
 * digest keeps two directories of one host apart.
 */
export async function accountKeyName(directoryUrl: string): Promise<string> {
  return `acme-account-${hostOf(directoryUrl, 40)}-${await tagOf(directoryUrl)}`;
}

/** Name of a key that takes the place of another: a new one each time, so that both are there until the CA has decided. */
export async function rolledKeyName(directoryUrl: string): Promise<string> {
  return `acme-account-${hostOf(directoryUrl, 30)}-${await tagOf(directoryUrl)}-${crypto.randomUUID().slice(0, 8)}`;
}

async function tagOf(directoryUrl: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(directoryUrl)));
  return Array.from(digest.subarray(0, 4), (octet) => octet.toString(16).padStart(2, '0')).join('');
}

function hostOf(directoryUrl: string, limit: number): string {
  return new URL(directoryUrl).hostname
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, limit);
}
