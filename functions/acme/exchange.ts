/**
 * One HTTP exchange with a CA over one route: straight from the Worker, or through the relay of a cluster (some CAs
 * refuse Workers with 525). Both routes keep the same promises: a deadline, a size cap, no redirect followed.
 */
import { SECOND } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import type { EgressRequest, EgressResponse } from '../../shared/relay/contract.ts';

/** Longest time for one exchange, in milliseconds. */
export const EXCHANGE_DEADLINE_MS = 20 * SECOND;
/** Largest reply accepted from a CA, in bytes. The longest public chains with all alternates stay below 32 KiB. */
export const MAX_REPLY_BYTES = 262_144;

export interface ExchangeRequest {
  method: 'GET' | 'HEAD' | 'POST';
  url: string;
  headers: Record<string, string>;
  body: string | null;
}

export interface ExchangeReply {
  status: number;
  headers: Headers;
  body: string;
}

/** Throws `acme_timeout`, `acme_unreachable`, `acme_reply_too_large`, or the relay's own `relay_*`. */
export type Exchange = (request: ExchangeRequest) => Promise<ExchangeReply>;

/** Asks the relay of `cluster` for one HTTPS request (route `POST /v1/egress`). Throws `relay_*`. */
export type RelayEgress = (cluster: string, request: EgressRequest) => Promise<EgressResponse>;

/** Straight from here, with the injected `fetch`. */
export function directExchange(fetch: typeof globalThis.fetch): Exchange {
  return async (request) => {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), EXCHANGE_DEADLINE_MS);
    try {
      const response = await fetch(request.url, {
        method: request.method,
        headers: request.headers,
        body: request.body,
        redirect: 'manual',
        signal: abort.signal,
      });
      return { status: response.status, headers: response.headers, body: await readCapped(response) };
    } catch (thrown) {
      if (thrown instanceof PerennialError) throw thrown;
      if (abort.signal.aborted) {
        throw new PerennialError('acme_timeout', `The CA did not answer within ${EXCHANGE_DEADLINE_MS / SECOND} s.`, { retryable: true });
      }
      throw new PerennialError('acme_unreachable', 'The CA cannot be reached from the Worker.', { retryable: true, cause: thrown });
    } finally {
      clearTimeout(timer);
    }
  };
}

async function readCapped(response: Response): Promise<string> {
  if (response.body === null) return '';
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > MAX_REPLY_BYTES) {
      await reader.cancel();
      throw tooLarge();
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** Through the relay of `cluster`. The request is signed over the CA's true URL, so the relay cannot alter it. */
export function relayExchange(egress: RelayEgress, cluster: string): Exchange {
  return async (request) => {
    const response = await egress(cluster, {
      url: request.url,
      method: request.method,
      headers: Object.entries(request.headers),
      body: request.body === null ? null : encodeBase64(request.body),
      maxBytes: MAX_REPLY_BYTES,
    });
    const body = decodeBase64(response.body);
    if (body.length > MAX_REPLY_BYTES) throw tooLarge();
    const headers = new Headers();
    for (const [name, value] of response.headers) headers.append(name, value);
    return { status: response.status, headers, body };
  };
}

function tooLarge(): PerennialError {
  return new PerennialError('acme_reply_too_large', `The CA's reply is larger than ${MAX_REPLY_BYTES} bytes.`, { retryable: true });
}

function encodeBase64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function decodeBase64(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  } catch (cause) {
    throw new PerennialError('acme_reply_malformed', 'The relay passed on a reply that is not base64.', { retryable: true, cause });
  }
}
