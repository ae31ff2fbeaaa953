/**
 * Request authentication (RFC 8555 §6.2–6.5): flattened JWS only, `url` and `nonce` in the protected header, exactly one
 * of `jwk` and `kid`, no unprotected header, asymmetric algorithms only.
 */
import { flattenedVerify, importJWK, calculateJwkThumbprint } from 'jose';
import type { JWK } from 'jose';
import { z } from 'zod';
import { AcmeProblem, malformed } from './problem.ts';

export const SIGNATURE_ALGORITHMS = ['ES256', 'RS256'];
const MIN_RSA_MODULUS_BYTES = 256;

const BASE64URL = /^[A-Za-z0-9_-]*$/;
const jwsSchema = z.strictObject({ protected: z.string().regex(BASE64URL), payload: z.string().regex(BASE64URL), signature: z.string().regex(BASE64URL) });
export type FlattenedJws = z.infer<typeof jwsSchema>;

const jwkSchema = z.discriminatedUnion('kty', [
  z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string() }),
  z.object({ kty: z.literal('RSA'), n: z.string(), e: z.string() }),
]);
export type PublicJwk = z.infer<typeof jwkSchema>;

const headerSchema = z.object({
  alg: z.string(),
  url: z.string().optional(),
  nonce: z.string().optional(),
  kid: z.string().optional(),
  jwk: z.record(z.string(), z.unknown()).optional(),
  // No extension is understood, so none may be critical (RFC 7515 §4.1.11).
  crit: z.undefined().optional(),
});
export type ProtectedHeader = z.infer<typeof headerSchema>;

/** Parses without verifying. @throws {AcmeProblem} malformed. */
export function parseJws(text: string): { jws: FlattenedJws; header: ProtectedHeader } {
  const jws = jwsSchema.safeParse(parseJson(text, 'The request body is no JSON'));
  if (!jws.success) throw malformed('The request is no flattened JWS with exactly protected, payload and signature');
  const header = headerSchema.safeParse(parseJson(Buffer.from(jws.data.protected, 'base64url').toString('utf8'), 'The protected header is no JSON'));
  if (!header.success) throw malformed('The protected header is malformed');
  return { jws: jws.data, header: header.data };
}

/** @throws {AcmeProblem} badSignatureAlgorithm with the accepted ones. */
export function requireAlgorithm(header: ProtectedHeader): void {
  if (SIGNATURE_ALGORITHMS.includes(header.alg)) return;
  throw new AcmeProblem('badSignatureAlgorithm', 400, `JWS algorithm ${header.alg} is not accepted`, { members: { algorithms: SIGNATURE_ALGORITHMS } });
}

/** @throws {AcmeProblem} badPublicKey when it is private, of another kind or too weak. */
export function requirePublicJwk(jwk: Record<string, unknown>): PublicJwk {
  if ('d' in jwk) throw malformed('The jwk holds a private key');
  const parsed = jwkSchema.safeParse(jwk);
  if (!parsed.success) throw new AcmeProblem('badPublicKey', 400, 'Only P-256 and RSA account keys are accepted');
  if (parsed.data.kty === 'RSA' && Buffer.from(parsed.data.n, 'base64url').length < MIN_RSA_MODULUS_BYTES) {
    throw new AcmeProblem('badPublicKey', 400, 'RSA account keys need at least 2048 bits');
  }
  return parsed.data;
}

/**
 * Verifies the signature and returns the payload's text, `''` for POST-as-GET.
 * @throws {AcmeProblem} malformed when it does not verify.
 */
export async function verifyJws(jws: FlattenedJws, alg: string, jwk: JWK): Promise<string> {
  try {
    const { payload } = await flattenedVerify(jws, await importJWK(jwk, alg), { algorithms: [alg] });
    return new TextDecoder().decode(payload);
  } catch {
    throw malformed('JWS verification error');
  }
}

/**
 * Verifies an external account binding (§7.3.4): HS256 over the account's own key, for exactly this `url`.
 * @returns the key identifier. @throws {AcmeProblem} unauthorized or malformed.
 */
export async function verifyBinding(binding: unknown, url: string, accountKey: PublicJwk, keys: ReadonlyMap<string, string>): Promise<string> {
  const { jws, header } = parseJws(JSON.stringify(binding));
  if (header.alg !== 'HS256') throw new AcmeProblem('badSignatureAlgorithm', 400, 'The external account binding must use HS256');
  if (header.nonce !== undefined) throw malformed('The external account binding must not carry a nonce');
  if (header.url !== url) throw malformed('The external account binding is for another url');
  const secret = header.kid === undefined ? undefined : keys.get(header.kid);
  if (header.kid === undefined || secret === undefined) throw new AcmeProblem('unauthorized', 403, 'Unknown external account key identifier');
  const payload = await verifyHmac(jws, secret);
  const bound = jwkSchema.safeParse(parseJson(payload, 'The external account binding holds no key'));
  if (!bound.success || (await thumbprint(bound.data)) !== (await thumbprint(accountKey)))
    throw malformed('The external account binding is for another account key');
  return header.kid;
}

async function verifyHmac(jws: FlattenedJws, secret: string): Promise<string> {
  try {
    const { payload } = await flattenedVerify(jws, Buffer.from(secret, 'base64url'), { algorithms: ['HS256'] });
    return new TextDecoder().decode(payload);
  } catch {
    throw new AcmeProblem('unauthorized', 403, 'The external account binding does not verify');
  }
}

/** RFC 7638, as used in key authorizations. */
export async function thumbprint(jwk: PublicJwk): Promise<string> {
  return await calculateJwkThumbprint(jwk);
}

export function parseJson(text: string, complaint: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(complaint);
  }
}
