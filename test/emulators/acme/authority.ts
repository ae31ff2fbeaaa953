/** The CA as its routes see it: options, records, keys, and the checks that every signed request passes. */
import type { Clock } from '../../../shared/clock.ts';
import type { CertificateAuthority, LeafRequest } from './certificate-authority.ts';
import type { Resolver } from './dns-validation.ts';
import type { PublicJwk } from './jws.ts';
import { parseJson, parseJws, requireAlgorithm, requirePublicJwk, thumbprint, verifyJws } from './jws.ts';
import type { Nonces } from './nonces.ts';
import type { Paths } from './paths.ts';
import { AcmeProblem, malformed } from './problem.ts';
import type { Account, Records } from './records.ts';
import type { RenewalWindow } from './renewal-information.ts';

export interface Profile {
  /** Shown in the directory's `meta.profiles`. */
  description: string;
  validitySeconds: number;
  /** Whether the leaf's subject holds a name. */
  commonName: boolean;
}

export interface AcmeSettings {
  /** Where dns-01 is validated. */
  resolver: Resolver;
  profiles: Readonly<Record<string, Profile>>;
  /** The profile of orders that name none. */
  defaultProfile: string;
  /** HMAC keys (base64url) by key identifier; newAccount needs one of them when `requireExternalAccount`. */
  externalAccountKeys: ReadonlyMap<string, string>;
  requireExternalAccount: boolean;
  /** Milliseconds from the answered challenge to its validation. */
  validationDelayMs: number;
  /** Milliseconds an order stays `processing`. */
  issuanceDelayMs: number;
  /** Seconds in Retry-After of what is still processing. */
  retryAfterSeconds: number;
  /** Whether a valid authorization serves the account's next orders too. */
  authorizationReuse: boolean;
  /** Milliseconds an authorization, pending or valid, lives. */
  authorizationLifetimeMs: number;
  /** Milliseconds an order lives. */
  orderLifetimeMs: number;
  maxNames: number;
  /** How far the CA's clock is ahead (or, below zero, behind), milliseconds. */
  clockSkewMs: number;
  /** What the CA signs in place of what was asked for. */
  alterLeaf: (leaf: LeafRequest) => LeafRequest;
}

export interface Authority {
  settings: AcmeSettings;
  clock: Clock;
  paths: Paths;
  nonces: Nonces;
  records: Records;
  ca: CertificateAuthority;
  /** Windows a test has moved, by certificate identifier; `*` is for all. */
  renewalWindows: Map<string, RenewalWindow>;
  /** Runs work after the reply has been sent; awaited when the CA stops. */
  later: (delayMs: number, work: () => Promise<void>) => void;
}

/** A POST whose signature has been verified. */
export interface SignedRequest {
  url: string;
  /** `undefined` for POST-as-GET. */
  payload: unknown;
  key: PublicJwk;
  /** Present when it was signed by `kid`. */
  account: Account | undefined;
}

export interface IncomingRequest {
  method: string;
  url: string;
  headers: Headers;
  body: string;
}

/**
 * Checks a signed request (RFC 8555 §6.2–6.5).
 * @param keyed by what it must be signed: an account, a bare key, or either (revocation).
 * @throws {AcmeProblem} with the type the RFC names for each failure.
 */
export async function authenticate(authority: Authority, request: IncomingRequest, keyed: 'account' | 'jwk' | 'either'): Promise<SignedRequest> {
  if (request.headers.get('content-type') !== 'application/jose+json') throw malformed('The Content-Type must be application/jose+json', 415);
  const { jws, header } = parseJws(request.body);
  requireAlgorithm(header);
  if (!authority.nonces.redeem(header.nonce))
    throw new AcmeProblem('badNonce', 400, `JWS has an invalid anti-replay nonce: ${JSON.stringify(header.nonce ?? '')}`);
  if (header.url !== request.url) throw new AcmeProblem('unauthorized', 401, 'The url in the protected header is not the one requested');
  if ((header.jwk === undefined) === (header.kid === undefined)) throw malformed('The protected header needs exactly one of jwk and kid');
  if (keyed === 'account' && header.kid === undefined) throw malformed('This resource needs a kid in the protected header');
  if (keyed === 'jwk' && header.jwk === undefined) throw malformed('This resource needs a jwk in the protected header');
  const account = header.kid === undefined ? undefined : accountByUrl(authority, header.kid);
  const key = account === undefined ? requirePublicJwk(header.jwk ?? {}) : account.key;
  const payload = await verifyJws(jws, header.alg, key);
  return { url: request.url, payload: payload === '' ? undefined : parseJson(payload, 'The payload is no JSON'), key, account };
}

function accountByUrl(authority: Authority, url: string): Account {
  const id = authority.paths.idOf('account', url);
  if (id === undefined) throw malformed('The kid is no account URL of this server');
  const account = authority.records.accounts.get(id);
  if (account === undefined) throw new AcmeProblem('accountDoesNotExist', 400, `Account ${url} does not exist`);
  if (account.status !== 'valid') throw new AcmeProblem('unauthorized', 403, 'The account is deactivated');
  return account;
}

/** A request by an account. @throws {AcmeProblem} */
export async function authenticateAccount(authority: Authority, request: IncomingRequest): Promise<SignedRequest & { account: Account }> {
  const signed = await authenticate(authority, request, 'account');
  if (signed.account === undefined) throw malformed('This resource needs a kid in the protected header');
  return { ...signed, account: signed.account };
}

/** @throws {AcmeProblem} unless the payload is empty (§6.3). */
export function requirePostAsGet(signed: SignedRequest): void {
  if (signed.payload !== undefined) throw malformed('POST-as-GET requests must have an empty payload');
}

/** Whether `jwk` is the account's own key. */
export async function isKeyOf(account: Account, jwk: Record<string, unknown>): Promise<boolean> {
  try {
    return (await thumbprint(requirePublicJwk(jwk))) === account.thumbprint;
  } catch {
    return false;
  }
}

export function reply(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });
}
