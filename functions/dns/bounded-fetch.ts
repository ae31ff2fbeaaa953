/** A fetch that reads the whole body up to a limit, counts itself, and never follows a redirect. */
import { DnsError } from './dns-error.ts';

export interface BoundedFetchOptions {
  fetch: typeof fetch;
  /** Largest response body, in bytes. */
  maxBytes: number;
  onRequest?: (() => void) | undefined;
}

/** Statuses whose responses have no body (RFC 9110 §6.4.1): the Response constructor refuses one. */
const BODILESS = new Set([101, 204, 205, 304]);

/** @throws DnsError `dns_vendor_failed` when the body is larger than allowed. */
export function boundedFetch({ fetch, maxBytes, onRequest }: BoundedFetchOptions): typeof globalThis.fetch {
  return async (input: RequestInfo | URL, init?: RequestInit) => {
    onRequest?.();
    const response = await fetch(input, { ...init, redirect: 'manual' });
    const body = await readBounded(response, maxBytes);
    const headers = new Headers(response.headers);
    headers.delete('content-encoding');
    headers.delete('content-length');
    return new Response(BODILESS.has(response.status) ? null : body, { status: response.status, headers });
  };
}

async function readBounded(response: Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  let chunk = await reader?.read();
  while (chunk?.done === false) {
    size += chunk.value.byteLength;
    if (size > maxBytes) {
      await reader?.cancel();
      throw new DnsError('dns_vendor_failed', `The answer is larger than ${maxBytes} bytes.`, { retryable: true });
    }
    chunks.push(chunk.value);
    chunk = await reader?.read();
  }
  const body = new Uint8Array(size);
  let offset = 0;
  for (const part of chunks) {
    body.set(part, offset);
    offset += part.byteLength;
  }
  return body;
}
