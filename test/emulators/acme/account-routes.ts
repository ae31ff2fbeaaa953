/** Accounts (RFC 8555 §7.3): creation, look-up, external binding, update, deactivation, key rollover. */
import { z } from 'zod';
import type { Authority, IncomingRequest } from './authority.ts';
import { authenticate, authenticateAccount, reply } from './authority.ts';
import type { PublicJwk } from './jws.ts';
import { parseJson, parseJws, requireAlgorithm, requirePublicJwk, thumbprint, verifyBinding, verifyJws } from './jws.ts';
import { AcmeProblem, malformed } from './problem.ts';
import type { Account } from './records.ts';
import { newId } from './records.ts';

const newAccountPayload = z.object({
  contact: z.array(z.string()).optional(),
  termsOfServiceAgreed: z.boolean().optional(),
  onlyReturnExisting: z.boolean().optional(),
  externalAccountBinding: z.unknown().optional(),
});
const updatePayload = z.object({ contact: z.array(z.string()).optional(), status: z.literal('deactivated').optional() });
const keyChangePayload = z.object({ account: z.string(), oldKey: z.record(z.string(), z.unknown()) });

export async function newAccount(authority: Authority, request: IncomingRequest): Promise<Response> {
  const signed = await authenticate(authority, request, 'jwk');
  const payload = parsePayload(newAccountPayload, signed.payload);
  const print = await thumbprint(signed.key);
  const existing = authority.records.accountByThumbprint(print);
  if (existing?.status === 'deactivated') throw new AcmeProblem('unauthorized', 403, 'An account with this key exists but is deactivated');
  if (existing !== undefined) return accountReply(authority, existing, 200);
  if (payload.onlyReturnExisting === true) throw new AcmeProblem('accountDoesNotExist', 400, 'No account exists with this key');
  if (payload.termsOfServiceAgreed !== true) throw new AcmeProblem('agreementRequired', 403, 'The terms of service must be agreed to');
  const account: Account = {
    id: newId(),
    key: signed.key,
    thumbprint: print,
    status: 'valid',
    contact: checkContact(payload.contact ?? []),
    externalAccount: await bindExternally(authority, request.url, signed.key, payload.externalAccountBinding),
  };
  authority.records.accounts.set(account.id, account);
  return accountReply(authority, account, 201);
}

async function bindExternally(authority: Authority, url: string, key: PublicJwk, binding: unknown): Promise<string | undefined> {
  if (binding !== undefined) return await verifyBinding(binding, url, key, authority.settings.externalAccountKeys);
  if (authority.settings.requireExternalAccount) throw new AcmeProblem('externalAccountRequired', 403, 'An external account binding is required');
  return undefined;
}

function checkContact(contact: readonly string[]): readonly string[] {
  for (const url of contact) {
    if (!url.startsWith('mailto:')) throw new AcmeProblem('unsupportedContact', 400, `Contact ${JSON.stringify(url)} is no mailto URL`);
    if (!/^mailto:[^@\s,?]+@[^@\s,?]+\.[^@\s,?]+$/.test(url))
      throw new AcmeProblem('invalidContact', 400, `Contact ${JSON.stringify(url)} is no valid address`);
  }
  return contact;
}

export async function account(authority: Authority, request: IncomingRequest, [id = '']: readonly string[]): Promise<Response> {
  const signed = await authenticateAccount(authority, request);
  if (signed.account.id !== id) throw new AcmeProblem('unauthorized', 403, 'The account is not the one that signed');
  if (signed.payload === undefined) return accountReply(authority, signed.account, 200);
  const update = parsePayload(updatePayload, signed.payload);
  if (update.contact !== undefined) signed.account.contact = checkContact(update.contact);
  if (update.status !== undefined) signed.account.status = update.status;
  return accountReply(authority, signed.account, 200);
}

/** §7.3.5: the outer JWS by the old key's account, the inner one by the new key over the same URL. */
export async function keyChange(authority: Authority, request: IncomingRequest): Promise<Response> {
  const outer = await authenticateAccount(authority, request);
  const { jws, header } = parseJws(JSON.stringify(outer.payload ?? null));
  requireAlgorithm(header);
  if (header.jwk === undefined || header.kid !== undefined) throw malformed('The inner JWS needs a jwk and no kid');
  if (header.nonce !== undefined) throw malformed('The inner JWS must not carry a nonce');
  if (header.url !== request.url) throw malformed('The inner JWS is for another url');
  const newKey = requirePublicJwk(header.jwk);
  const inner = parsePayload(keyChangePayload, parseJson(await verifyJws(jws, header.alg, newKey), 'The inner payload is no JSON'));
  if (inner.account !== authority.paths.url('account', outer.account.id)) throw malformed('The inner JWS names another account');
  if ((await thumbprint(requirePublicJwk(inner.oldKey))) !== outer.account.thumbprint) throw malformed('oldKey is not the account key');
  const print = await thumbprint(newKey);
  const holder = authority.records.accountByThumbprint(print);
  if (holder !== undefined) {
    throw new AcmeProblem('conflict', 409, 'The new key is already in use', { headers: { location: authority.paths.url('account', holder.id) } });
  }
  outer.account.key = newKey;
  outer.account.thumbprint = print;
  return accountReply(authority, outer.account, 200);
}

function accountReply(authority: Authority, found: Account, status: number): Response {
  return reply(status, { status: found.status, contact: found.contact, key: found.key }, { location: authority.paths.url('account', found.id) });
}

/** @throws {AcmeProblem} malformed. */
export function parsePayload<T>(schema: z.ZodType<T>, payload: unknown): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw malformed(`Invalid payload${issue === undefined ? '' : ` at ${issue.path.join('.') || 'its top'}: ${issue.message}`}`);
}
