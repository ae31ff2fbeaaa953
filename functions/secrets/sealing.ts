/**
 * Sealing of one secret: AES-256-GCM (NIST SP 800-38D), a random 96-bit IV each time, the secret's name as additional
 * data so that a sealed value cannot be moved to another name. Values carry the id of the key that sealed them.
 */
import { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';
import { Secret } from './secret.ts';

export const sealedSchema = z.object({ keyId: z.string().regex(/^[0-9a-f]{16}$/), iv: z.base64(), ciphertext: z.base64() });
export type Sealed = z.infer<typeof sealedSchema>;

/** 32 bytes base64 each; `previous` is still read while a key is being replaced. */
export interface SealingKeyText {
  current: string | undefined;
  previous: string | undefined;
}

interface SealingKey {
  id: string;
  key: CryptoKey;
}

export interface SealingKeys {
  current: SealingKey;
  previous: SealingKey | null;
}

/** Throws `secret_key_missing` or `secret_key_malformed`; never quotes a key. */
export async function readSealingKeys(text: SealingKeyText): Promise<SealingKeys> {
  if (text.current === undefined || text.current === '') {
    throw new PerennialError('secret_key_missing', 'The Worker secret SEALING_KEY is not set, so stored secrets can be neither read nor written.', {
      hint: 'Set it once and keep a copy: openssl rand -base64 32 | npx wrangler secret put SEALING_KEY',
    });
  }
  const previous = text.previous === undefined || text.previous === '' ? null : await importKey(text.previous, 'SEALING_KEY_PREVIOUS');
  return { current: await importKey(text.current, 'SEALING_KEY'), previous };
}

async function importKey(text: string, variable: string): Promise<SealingKey> {
  const octets = decode(text.trim());
  if (octets?.byteLength !== 32) {
    throw new PerennialError('secret_key_malformed', `The Worker secret ${variable} is not 32 bytes in base64.`, {
      hint: 'Make one with: openssl rand -base64 32',
    });
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', octets));
  const id = Array.from(digest.subarray(0, 8), (octet) => octet.toString(16).padStart(2, '0')).join('');
  return { id, key: await crypto.subtle.importKey('raw', octets, 'AES-GCM', false, ['encrypt', 'decrypt']) };
}

export async function seal(keys: SealingKeys, name: string, secret: Secret): Promise<Sealed> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const ciphertext = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: octetsOf(name) }, keys.current.key, octetsOf(secret.reveal()));
  return { keyId: keys.current.id, iv: encode(iv), ciphertext: encode(new Uint8Array(ciphertext)) };
}

/** Throws `secret_key_wrong` when no key at hand has sealed it, `secret_damaged` when it was altered or moved. */
export async function unseal(keys: SealingKeys, name: string, sealed: Sealed): Promise<Secret> {
  const { current, previous } = keys;
  const found = [current, previous].find((candidate) => candidate?.id === sealed.keyId);
  if (found == null) {
    throw new PerennialError('secret_key_wrong', `The secret "${name}" was sealed with another key (${sealed.keyId}) than SEALING_KEY (${current.id}).`, {
      hint: 'Set SEALING_KEY, or SEALING_KEY_PREVIOUS while you replace it, to the key it was sealed with; or store the secret again.',
      details: { name, sealedWith: sealed.keyId, current: current.id, previous: previous?.id ?? null },
    });
  }
  const iv = decode(sealed.iv);
  const ciphertext = decode(sealed.ciphertext);
  try {
    if (iv === null || ciphertext === null) throw new TypeError('not base64');
    const plain = await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData: octetsOf(name) }, found.key, ciphertext);
    return new Secret(new TextDecoder().decode(plain));
  } catch {
    throw new PerennialError('secret_damaged', `The stored secret "${name}" has been altered and cannot be opened.`, {
      hint: 'Store it again.',
      details: { name },
    });
  }
}

function octetsOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}

function encode(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) text += String.fromCharCode(octet);
  return btoa(text);
}

function decode(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
