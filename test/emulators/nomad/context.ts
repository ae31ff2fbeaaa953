/** One request as the routes see it: parsed query, the caller's rights, and waiting for changes. */
import type { Acl } from './acl.ts';
import type { Caller } from './identities.ts';
import type { StateIndex } from './state.ts';
import { parseGoDuration } from './state.ts';
import { permissionDenied, Refusal } from './wire.ts';

export interface RequestContext {
  method: string;
  /** Decoded path without query. */
  path: string;
  query: URLSearchParams;
  /** `namespace` of the query, `default` when absent. */
  namespace: string;
  body: string;
  caller: Caller;
  state: StateIndex;
  /** The caller's rights. @throws {Refusal} 403, with `headers`, when the token is unknown. */
  acl: (headers?: Record<string, string>) => Acl;
  /** Answers at once, or after the change that the query's `index` and `wait` ask for. */
  block: <T extends { index: number }>(read: () => T) => Promise<T>;
}

export interface RequestParts {
  method: string;
  url: URL;
  body: string;
  caller: Caller;
  signal: AbortSignal;
}

export function createContext(parts: RequestParts, state: StateIndex): RequestContext {
  const { method, url, body, caller, signal } = parts;
  const query = url.searchParams;
  return {
    method,
    path: decodeURIComponent(url.pathname),
    query,
    namespace: nonEmpty(query.get('namespace')) ?? 'default',
    body,
    caller,
    state,
    acl: (headers = {}) => {
      if (caller.kind === 'unknown') throw permissionDenied(headers);
      return caller.acl;
    },
    block: (read) => state.block({ ...blockingParameters(query, url.pathname), signal }, read),
  };
}

function blockingParameters(query: URLSearchParams, path: string): { minIndex: number; waitMs: number | undefined } {
  // Variable routes append their own complaint to the one already written.
  const appended = path.startsWith('/v1/var') ? 'failed to parse parameters' : '';
  const index = query.get('index') ?? '0';
  const wait = query.get('wait');
  if (!/^\d+$/.test(index)) throw new Refusal(400, `Invalid index${appended}`);
  const waitMs = wait === null || wait === '' ? undefined : parseGoDuration(wait);
  if (wait !== null && wait !== '' && waitMs === undefined) throw new Refusal(400, `Invalid wait time${appended}`);
  return { minIndex: Number(index), waitMs };
}

function nonEmpty(text: string | null): string | undefined {
  return text === null || text === '' ? undefined : text;
}

/** The headers of every answer that came from the state store. */
export function queryHeaders(index: number): Record<string, string> {
  return { 'X-Nomad-Index': String(index), 'X-Nomad-KnownLeader': 'true', 'X-Nomad-LastContact': '0' };
}
