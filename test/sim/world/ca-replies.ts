/** Replies of a simulated CA: documents, problem documents (RFC 7807), and its words for limits. */
import type { Problem } from './ca-records.ts';

export interface CaRequest {
  method: string;
  url: string;
  body: string | null;
}

export interface CaReply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export function refused(status: number, type: string, detail: string): Problem {
  return { status, type, detail };
}

export function limit(words: string, until: number, now: number): Problem {
  const seconds = Math.max(1, Math.ceil((until - now) / 1_000));
  return { status: 429, type: 'rateLimited', detail: `${words}, retry after ${iso(until)}: see https://ca.test/limits`, retryAfter: seconds };
}

export function isProblem(thrown: unknown): thrown is Problem {
  return typeof thrown === 'object' && thrown !== null && 'detail' in thrown && 'type' in thrown;
}

export function documentOf({ type, detail, status }: Problem): object {
  return { type: `urn:ietf:params:acme:error:${type}`, detail, status };
}

export function problem(found: Problem, nonce: string): CaReply {
  return {
    status: found.status,
    headers: {
      'content-type': 'application/problem+json',
      ...(nonce === '' ? {} : { 'replay-nonce': nonce }),
      ...(found.retryAfter === undefined ? {} : { 'retry-after': String(found.retryAfter) }),
    },
    body: JSON.stringify(documentOf(found)),
  };
}

export function json(status: number, document: object, headers: Record<string, string> = {}): CaReply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(document) };
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
