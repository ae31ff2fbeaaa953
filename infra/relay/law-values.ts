/** Values that stand in several places of the law. */
import { z } from 'zod';
import { targetSchema } from '../../shared/relay/contract.ts';

export const pem = z
  .string()
  .max(65_536)
  .regex(/^-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\s*$/, 'a PEM certificate is expected');
export const port = z.number().int().min(1).max(65_535);
export const variablePath = targetSchema.shape.variable;
export const namespace = targetSchema.shape.namespace;
export const socketAddress = z
  .string()
  .max(300)
  .regex(/^(\[[0-9a-fA-F:]+\]|[0-9.]+):[0-9]{1,5}$/, 'an IP address with port is expected, such as 127.0.0.1:53 or [::1]:53');

/** https, or http on the loopback (a Worker that runs on this machine). No path: `https://perennial.example.workers.dev`. */
export const originSchema = z
  .url()
  .refine((text) => safe(text)?.origin === text, 'an origin is expected: https://host, or http:// on the loopback, without a path');

/** https, or http on the loopback (an emulator). Path allowed; no credentials, query or fragment. */
export const serviceUrl = z
  .url()
  .max(300)
  .refine((text) => {
    const url = safe(text);
    return url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  }, 'a URL is expected: https://host/path, or http:// on the loopback, without credentials and query');

/** The URL when it is https, or http on the loopback. */
function safe(text: string): URL | null {
  try {
    const url = new URL(text);
    return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)) ? url : null;
  } catch {
    return null;
  }
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.[0-9.]+$/.test(hostname);
}
