/**
 * Sessions of people: a cookie that carries its end, sealed with an HMAC under a key drawn from the administrator's token.
 * A new token ends every session. The server keeps nothing.
 */
import { HOUR } from '../../../shared/clock.ts';

export const SESSION_MS = 12 * HOUR;

/** The `__Host-` prefix pins the cookie to this origin; browsers accept it over https alone. */
export function cookieName(url: string): string {
  return new URL(url).protocol === 'https:' ? '__Host-perennial' : 'perennial';
}

/** @param now Unix ms. @returns the Set-Cookie value of a new session. */
export async function openSession(url: string, adminToken: string, now: number): Promise<string> {
  const content = `${now + SESSION_MS}.${crypto.randomUUID()}`;
  const mac = base64url(await crypto.subtle.sign('HMAC', await sessionKey(adminToken), encode(content)));
  return cookie(url, `${content}.${mac}`, SESSION_MS / 1_000);
}

export function closedSession(url: string): string {
  return cookie(url, '', 0);
}

/** Whether the request carries a session of this administrator that has not ended. */
export async function hasSession(request: Request, adminToken: string, now: number): Promise<boolean> {
  const prefix = `${cookieName(request.url)}=`;
  const value =
    (request.headers.get('cookie') ?? '')
      .split(/; */)
      .find((part) => part.startsWith(prefix))
      ?.slice(prefix.length) ?? '';
  const [, ends, id, mac] = /^(\d{13,15})\.([0-9a-f-]{36})\.([A-Za-z0-9_-]{43})$/.exec(value) ?? [];
  if (ends === undefined || id === undefined || mac === undefined || Number(ends) <= now) return false;
  return crypto.subtle.verify('HMAC', await sessionKey(adminToken), bytesOf(mac), encode(`${ends}.${id}`));
}

/** Browsers send Origin with every POST; a form of another site sends its own. */
export function hasOwnOrigin(request: Request): boolean {
  return request.headers.get('origin') === new URL(request.url).origin;
}

function cookie(url: string, value: string, maxAgeSeconds: number): string {
  const secure = new URL(url).protocol === 'https:' ? '; Secure' : '';
  return `${cookieName(url)}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${secure}`;
}

async function sessionKey(adminToken: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey('raw', encode(adminToken), 'HKDF', false, ['deriveKey']);
  const derivation = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(32), info: encode('perennial session') };
  return crypto.subtle.deriveKey(derivation, material, { name: 'HMAC', hash: 'SHA-256', length: 256 }, false, ['sign', 'verify']);
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}

function base64url(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.codePointAt(0) ?? 0);
}
