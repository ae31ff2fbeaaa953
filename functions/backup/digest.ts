import type { Secret } from '../secrets/secret.ts';

/** SHA-256 of a secret, hex: of keys only, whose entropy keeps it from being guessed. */
export async function digestOf(secret: Secret): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(secret.reveal())));
  return Array.from(digest, (octet) => octet.toString(16).padStart(2, '0')).join('');
}
