/**
 * A CA behind a fetch, whose every reply a test can replace: for hostile and rare behaviour that no real CA shows on
 * demand. What is not scripted is answered properly, and every signature is verified (RFC 8555 §6.2).
 */
import { calculateJwkThumbprint, flattenedVerify, importJWK, type JWK } from 'jose';
import { z } from 'zod';

export const ORIGIN = 'https://ca.example.org';
export const DIRECTORY_URL = `${ORIGIN}/directory`;

const jws = z.object({ protected: z.string(), payload: z.string(), signature: z.string() });
const publicKey = z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string() });
/** No nonce: the outer signature has it. */
const innerHeader = z.strictObject({ alg: z.literal('ES256'), url: z.string(), jwk: publicKey });
const keyChange = z.strictObject({ account: z.string(), oldKey: publicKey });
const protectedHeader = z.object({
  alg: z.literal('ES256'),
  nonce: z.string(),
  url: z.string(),
  kid: z.string().optional(),
  jwk: publicKey.optional(),
});

export interface SeenRequest {
  method: string;
  path: string;
  headers: Headers;
  payload: unknown;
}

type Answer = Response | ((request: SeenRequest) => Response);

export function problem(status: number, type: string, detail: string, headers: Record<string, string> = {}): Response {
  return Response.json(
    { type: `urn:ietf:params:acme:error:${type}`, detail, status },
    { status, headers: { 'content-type': 'application/problem+json', ...headers } },
  );
}

export class ScriptedCa {
  readonly requests: SeenRequest[] = [];
  readonly accounts = new Map<string, JWK>();
  readonly directory: Record<string, unknown> = {
    newNonce: `${ORIGIN}/nonce`,
    newAccount: `${ORIGIN}/new-account`,
    newOrder: `${ORIGIN}/new-order`,
    keyChange: `${ORIGIN}/key-change`,
    renewalInfo: `${ORIGIN}/renewal-info`,
    meta: { profiles: { classic: 'the default', tlsserver: 'shorter' } },
  };
  readonly #scripts = new Map<string, Answer[]>();
  readonly #nonces = new Set<string>();
  #counter = 0;

  /** Queues answers for a path; when they are used up, the proper behaviour returns. */
  script(path: string, ...answers: Answer[]): void {
    this.#scripts.set(path, [...(this.#scripts.get(path) ?? []), ...answers]);
  }

  count(path: string): number {
    return this.requests.filter((request) => request.path === path).length;
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const request = input instanceof Request ? input : new Request(input, { ...init, signal: null });
    if (new URL(request.url).origin !== ORIGIN) throw new TypeError(`a request left for ${request.url}`);
    const seen: SeenRequest = { method: request.method, path: new URL(request.url).pathname, headers: request.headers, payload: null };
    this.requests.push(seen);
    const signer = request.method === 'POST' ? await this.#verify(request, seen) : null;
    if (request.method === 'POST' && signer === null) return problem(400, 'malformed', 'JWS verification error', { 'replay-nonce': this.#nonce() });
    const scripted = this.#scripts.get(seen.path)?.shift();
    const answer = scripted === undefined ? await this.#answer(seen, signer) : typeof scripted === 'function' ? scripted(seen) : scripted;
    const headers = new Headers(answer.headers);
    if (request.method !== 'GET' && !headers.has('replay-nonce')) headers.set('replay-nonce', this.#nonce());
    return new Response(request.method === 'HEAD' ? null : answer.body, { status: answer.status, headers });
  };

  #nonce(): string {
    this.#counter += 1;
    const nonce = `nonce-${this.#counter}`;
    this.#nonces.add(nonce);
    return nonce;
  }

  /** The key that signed, null when the signature is another's. */
  async #verify(request: Request, seen: SeenRequest): Promise<JWK | null> {
    if (request.headers.get('content-type') !== 'application/jose+json') throw new TypeError('a POST without application/jose+json');
    const body = jws.parse(await request.json());
    const header = protectedHeader.parse(decoded(body.protected));
    if (header.url !== request.url) throw new TypeError('the signed URL is another one');
    if (!this.#nonces.delete(header.nonce)) throw new TypeError(`the nonce ${header.nonce} was never given out or is used twice`);
    const key = header.jwk ?? this.accounts.get(header.kid ?? '');
    if (key === undefined) throw new TypeError('signed for an unknown account');
    const verified = await flattenedVerify(body, await importJWK(key, 'ES256')).catch(() => null);
    if (verified === null) return null;
    const { payload } = verified;
    seen.payload = payload.byteLength === 0 ? '' : JSON.parse(new TextDecoder().decode(payload));
    return key;
  }

  async #answer(seen: SeenRequest, signer: JWK | null): Promise<Response> {
    if (seen.path === '/directory') return Response.json(this.directory);
    if (seen.path === '/nonce') return new Response(null);
    if (seen.path === '/new-account' && signer !== null) return this.#account(seen, signer);
    if (seen.path === '/key-change' && signer !== null) return this.#changeKey(seen, signer);
    if (seen.path === '/new-order') return Response.json(order(), { status: 201, headers: { location: '/orders/1' } });
    if (seen.path === '/orders/1') return Response.json(order());
    return problem(404, 'malformed', 'There is nothing here.');
  }

  /** The account of a key, or null. */
  async accountOf(key: JWK): Promise<string | null> {
    const thumbprint = await calculateJwkThumbprint(key);
    for (const [url, known] of this.accounts) if ((await calculateJwkThumbprint(known)) === thumbprint) return url;
    return null;
  }

  /** RFC 8555 §7.3.5. */
  async #changeKey(seen: SeenRequest, oldKey: JWK): Promise<Response> {
    const inner = jws.parse(seen.payload);
    const header = innerHeader.parse(decoded(inner.protected));
    if (header.url !== this.directory['keyChange']) return problem(400, 'malformed', 'The inner URL is another one.');
    const { payload } = await flattenedVerify(inner, await importJWK(header.jwk, 'ES256'));
    const wanted = keyChange.parse(JSON.parse(new TextDecoder().decode(payload)));
    const [mine, named, taken] = await Promise.all([this.accountOf(oldKey), this.accountOf(wanted.oldKey), this.accountOf(header.jwk)]);
    if (mine === null || named !== mine || wanted.account !== mine) return problem(403, 'unauthorized', 'The old key is not that of the account.');
    if (taken !== null) return problem(409, 'malformed', 'The new key is in use.', { location: taken });
    this.accounts.set(mine, header.jwk);
    return Response.json({ status: 'valid' });
  }

  async #account(seen: SeenRequest, key: JWK): Promise<Response> {
    const known = await this.accountOf(key);
    const url = known ?? `${ORIGIN}/accounts/${await calculateJwkThumbprint(key)}`;
    const existed = known !== null;
    if (!existed && z.object({ onlyReturnExisting: z.literal(true) }).safeParse(seen.payload).success)
      return problem(400, 'accountDoesNotExist', 'No account has this key.');
    this.accounts.set(url, key);
    return Response.json({ status: 'valid' }, { status: existed ? 200 : 201, headers: { location: url } });
  }
}

function decoded(base64url: string): unknown {
  return JSON.parse(
    new TextDecoder().decode(Uint8Array.from(atob(base64url.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0))),
  );
}

export function order(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    status: 'pending',
    expires: '2031-01-02T03:04:05Z',
    authorizations: [`${ORIGIN}/authorizations/1`],
    finalize: `${ORIGIN}/orders/1/finalize`,
    ...changes,
  };
}
