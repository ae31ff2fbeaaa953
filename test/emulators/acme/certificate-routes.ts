/** Certificates after issuance: download with alternates, revocation (RFC 8555 §7.4.2, §7.6), renewal information (RFC 9773). */
import { exportJWK } from 'jose';
import { z } from 'zod';
import { parsePayload } from './account-routes.ts';
import type { Authority, IncomingRequest } from './authority.ts';
import { authenticate, authenticateAccount, reply, requirePostAsGet } from './authority.ts';
import { requirePublicJwk, thumbprint } from './jws.ts';
import { AcmeProblem, malformed } from './problem.ts';
import type { IssuedCertificate } from './records.ts';
import { authorizationStatus } from './records.ts';
import { pastWindow, suggestedWindow } from './renewal-information.ts';
import type { RenewalWindow } from './renewal-information.ts';

/** What CRLReason allows a subscriber to state (RFC 5280 §5.3.1, without those that are the CA's to give). */
const REVOCATION_REASONS: readonly number[] = [0, 1, 3, 4, 5];
const RENEWAL_INFO_RETRY_AFTER_SECONDS = 21_600;

const revokePayload = z.object({ certificate: z.string(), reason: z.number().int().optional() });

export async function certificate(authority: Authority, request: IncomingRequest, [id = '', kind, position]: readonly string[]): Promise<Response> {
  const signed = await authenticateAccount(authority, request);
  requirePostAsGet(signed);
  const found = authority.records.certificates.get(id);
  if (found === undefined) throw malformed('Certificate not found', 404);
  if (found.accountId !== signed.account.id) throw new AcmeProblem('unauthorized', 403, 'The certificate belongs to another account');
  const chains = authority.ca.chains(found.leaf);
  const shown = kind === undefined ? 0 : Number(position);
  const chain = kind === undefined || kind === 'alternate' ? chains[shown] : undefined;
  if (chain === undefined) throw malformed('No such chain', 404);
  const headers = new Headers({ 'content-type': 'application/pem-certificate-chain' });
  for (const other of chains.keys()) {
    const url = other === 0 ? authority.paths.url('certificate', id) : authority.paths.url('certificate', id, 'alternate', String(other));
    if (other !== shown) headers.append('link', `<${url}>;rel="alternate"`);
  }
  return new Response(chain, { headers });
}

/** Signed by the account that holds authorizations for every name, or by the certificate's own key. */
export async function revokeCert(authority: Authority, request: IncomingRequest): Promise<Response> {
  const signed = await authenticate(authority, request, 'either');
  const payload = parsePayload(revokePayload, signed.payload);
  const der = Buffer.from(payload.certificate, 'base64url');
  const found = [...authority.records.certificates.values()].find((one) => Buffer.from(one.leaf.rawData).equals(der));
  if (found === undefined) throw malformed('The certificate is not one of this CA', 404);
  const allowed =
    signed.account === undefined
      ? await isOwnKey(found, signed.key)
      : found.accountId === signed.account.id || holdsEveryName(authority, signed.account.id, found);
  if (!allowed) throw new AcmeProblem('unauthorized', 403, 'Neither the account nor the key may revoke this certificate');
  if (payload.reason !== undefined && !REVOCATION_REASONS.includes(payload.reason))
    throw new AcmeProblem('badRevocationReason', 400, `Revocation reason ${payload.reason} is not allowed`);
  if (found.revoked !== undefined) throw new AcmeProblem('alreadyRevoked', 400, 'The certificate is already revoked');
  found.revoked = { at: authority.clock(), reason: payload.reason ?? 0 };
  return new Response(null, { status: 200 });
}

async function isOwnKey(found: IssuedCertificate, key: Record<string, unknown>): Promise<boolean> {
  const own = await exportJWK(await found.leaf.publicKey.export());
  return (await thumbprint(requirePublicJwk({ ...own }))) === (await thumbprint(requirePublicJwk(key)));
}

function holdsEveryName(authority: Authority, accountId: string, found: IssuedCertificate): boolean {
  const now = authority.clock();
  const held = [...authority.records.authorizations.values()].filter((one) => one.accountId === accountId && authorizationStatus(one, now) === 'valid');
  return found.names.every((name) => held.some((one) => (one.wildcard ? `*.${one.name}` : one.name) === name));
}

/** Unauthenticated, by GET. */
export function renewalInfo(authority: Authority, [identifier = '']: readonly string[]): Response {
  const found = authority.records.certificateByIdentifier(identifier);
  if (found === undefined) throw malformed('Certificate not found', 404);
  const { start, end, explanationURL } = windowOf(authority, found);
  const body = {
    suggestedWindow: { start: new Date(start).toISOString(), end: new Date(end).toISOString() },
    ...(explanationURL === undefined ? {} : { explanationURL }),
  };
  return reply(200, body, { 'retry-after': String(RENEWAL_INFO_RETRY_AFTER_SECONDS) });
}

function windowOf(authority: Authority, found: IssuedCertificate): RenewalWindow {
  const moved = authority.renewalWindows.get(found.identifier) ?? authority.renewalWindows.get('*');
  if (moved !== undefined) return moved;
  return found.revoked === undefined ? suggestedWindow(found.notBefore, found.notAfter) : pastWindow(authority.clock());
}
