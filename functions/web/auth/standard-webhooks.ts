/**
 * Standard Webhooks signatures (standardwebhooks.com, specification 1.0): HMAC-SHA256 over `id.timestamp.body`, several
 * in one header while a secret is being rotated.
 */
import { MINUTE, SECOND } from '../../../shared/clock.ts';

/** How far the sender's clock may be off, either way. */
export const TOLERANCE_MS = 5 * MINUTE;
const MIN_SECRET_BYTES = 16;

export interface SignedMessage {
  id: string;
  /** Unix ms. */
  timestamp: number;
  timestampText: string;
  signatures: string[];
}

/**
 * The message's headers, or null when they are not well formed. A full stop in the id is refused: it would let id,
 * timestamp and body trade places under one signature.
 */
export function readSignature(headers: Headers): SignedMessage | null {
  const id = headers.get('webhook-id') ?? '';
  const timestampText = headers.get('webhook-timestamp') ?? '';
  const signatures = (headers.get('webhook-signature') ?? '').split(' ').flatMap((entry) => (entry.startsWith('v1,') ? [entry.slice('v1,'.length)] : []));
  if (!/^[\x21-\x2d\x2f-\x7e]{1,256}$/.test(id) || !/^\d{1,12}$/.test(timestampText) || signatures.length === 0 || signatures.length > 10) return null;
  return { id, timestamp: Number(timestampText) * SECOND, timestampText, signatures };
}

/** @param secret `whsec_` and base64, or base64 alone. False for a secret that is none. */
export async function verifySignature(message: SignedMessage, body: string, secret: string): Promise<boolean> {
  const keyBytes = base64Bytes(secret.trim().replace(/^whsec_/, ''));
  if (keyBytes === null || keyBytes.length < MIN_SECRET_BYTES) return false;
  const key = await crypto.subtle.importKey('raw', keyBytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
  const content = new TextEncoder().encode(`${message.id}.${message.timestampText}.${body}`);
  let matches = false;
  for (const signature of message.signatures) {
    const bytes = base64Bytes(signature);
    // No early end: how many signatures were wrong is nobody's business.
    if (bytes !== null && (await crypto.subtle.verify('HMAC', key, bytes, content))) matches = true;
  }
  return matches;
}

export function isStale(message: SignedMessage, now: number): boolean {
  return Math.abs(now - message.timestamp) > TOLERANCE_MS;
}

function base64Bytes(text: string): Uint8Array<ArrayBuffer> | null {
  if (text === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null;
  try {
    return Uint8Array.from(atob(text), (character) => character.codePointAt(0) ?? 0);
  } catch {
    return null;
  }
}
