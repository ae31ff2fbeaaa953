/** The edge's side of the signatures: keys, and calls to a relay application in push mode. */
import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import { z } from 'zod';
import type { RelayApp } from '../../../../infra/relay/app.ts';
import { REQUEST_HEADER, RESPONSE_HEADER } from '../../../../infra/relay/app.ts';
import { MINUTE } from '../../../../shared/clock.ts';
import { errorDataSchema } from '../../../../shared/errors.ts';
import type { ErrorData } from '../../../../shared/errors.ts';
import { hashText, privateKeySchema, publicKeySchema, signMessage, verifyMessage } from '../../../../shared/link/signatures.ts';
import type { Claims, PrivateKey, PublicKey } from '../../../../shared/link/signatures.ts';

export interface SigningKeys {
  private: PrivateKey;
  public: PublicKey;
}

export async function makeSigningKeys(): Promise<SigningKeys> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const jwk = privateKeySchema.parse({ ...(await exportJWK(privateKey)), kid: randomBytes(4).toString('hex') });
  return { private: jwk, public: publicKeySchema.parse(jwk) };
}

export interface Answer {
  status: number;
  body: unknown;
  /** Of a refusal. */
  error: ErrorData | undefined;
  /** The claims of the relay's signature; undefined when the answer was not signed. */
  signed: Claims<'response'> | undefined;
  token: string;
}

/** What a test changes between signing and sending, or signs wrongly. */
export interface Tampering {
  claims?: Partial<Claims<'request'>>;
  key?: PrivateKey;
  /** What is really sent in place of what was signed. */
  send?: { method?: string; path?: string; body?: string; contentType?: string; token?: string };
}

export class SigningEdge {
  readonly #app: RelayApp;
  readonly #keys: SigningKeys;
  readonly #relay: PublicKey;
  readonly #cluster: string;
  readonly #origin: string;

  constructor(deps: { app: RelayApp; keys: SigningKeys; relay: PublicKey; cluster: string; origin: string }) {
    this.#app = deps.app;
    this.#keys = deps.keys;
    this.#relay = deps.relay;
    this.#cluster = deps.cluster;
    this.#origin = deps.origin;
  }

  async nonce(): Promise<{ nonce: string; time: number }> {
    const response = await this.#app.request('/v1/nonce', { method: 'POST' });
    return z.object({ nonce: z.string(), time: z.number() }).parse(await response.json());
  }

  async call(method: string, path: string, data: unknown, tampering: Tampering = {}): Promise<Answer> {
    const { nonce, time } = await this.nonce();
    const body = typeof data === 'string' ? data : data === undefined ? '' : JSON.stringify(data);
    const contentType = 'application/json';
    const claims = {
      aud: this.#cluster,
      method,
      path,
      contentType,
      bodyHash: await hashText(body),
      deadline: time + MINUTE / 2,
      connection: nonce,
      sequence: 1,
      ...tampering.claims,
    };
    const token = tampering.send?.token ?? (await signMessage('request', claims, tampering.key ?? this.#keys.private));
    return this.send({ method, path, body, contentType, token, ...tampering.send });
  }

  async send(message: { method: string; path: string; body: string; contentType: string; token: string }): Promise<Answer> {
    const { method, path, body, contentType, token } = message;
    const headers = { 'content-type': contentType, ...(token === '' ? {} : { [REQUEST_HEADER]: token }) };
    const response = await this.#app.request(path, { method, headers, ...(body === '' ? {} : { body }) });
    const text = await response.text();
    const answer: unknown = JSON.parse(text);
    const proof = response.headers.get(RESPONSE_HEADER);
    const signed = proof === null ? undefined : await verifyMessage('response', proof, [this.#relay], this.#origin);
    return { status: response.status, body: answer, error: z.object({ error: errorDataSchema }).safeParse(answer).data?.error, signed, token };
  }
}
