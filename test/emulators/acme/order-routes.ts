/** Orders, authorizations, challenges and finalization (RFC 8555 §7.4, §7.5). */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { parsePayload } from './account-routes.ts';
import type { Authority, IncomingRequest } from './authority.ts';
import { authenticateAccount, isKeyOf, reply, requirePostAsGet } from './authority.ts';
import { checkCertificateRequest } from './certificate-request.ts';
import { lookUpTxt } from './dns-validation.ts';
import { issueCertificate } from './issuance.ts';
import { checkIdentifiers, checkProfile, checkReplacement } from './order-rules.ts';
import { AcmeProblem, malformed } from './problem.ts';
import type { Account, Authorization, Challenge, Order } from './records.ts';
import { authorizationStatus, newId, orderStatus } from './records.ts';

const newOrderPayload = z.object({
  identifiers: z.array(z.object({ type: z.string(), value: z.string() })),
  notBefore: z.string().optional(),
  notAfter: z.string().optional(),
  profile: z.string().optional(),
  replaces: z.string().optional(),
});
const finalizePayload = z.object({ csr: z.string() });
const challengePayload = z.object({});
const deactivatePayload = z.object({ status: z.literal('deactivated') });

export async function newOrder(authority: Authority, request: IncomingRequest): Promise<Response> {
  const { account, payload } = await authenticateAccount(authority, request);
  const asked = parsePayload(newOrderPayload, payload);
  if (asked.notBefore !== undefined || asked.notAfter !== undefined) throw malformed('NotBefore and NotAfter are not supported');
  const names = checkIdentifiers(asked.identifiers, authority.settings.maxNames);
  const profile = checkProfile(authority, asked.profile);
  const reusable = findReusable(authority, account, names, profile, asked.replaces);
  if (reusable !== undefined) return orderReply(authority, reusable, 201);
  checkReplacement(authority, account, names, asked.replaces);
  const now = authority.clock();
  const order: Order = {
    id: newId(),
    accountId: account.id,
    names,
    authorizations: names.map((name) => authorizationFor(authority, account, name)),
    profile,
    replaces: asked.replaces,
    expires: now + authority.settings.orderLifetimeMs,
    finalizing: false,
    certificateId: undefined,
    error: undefined,
  };
  authority.records.orders.set(order.id, order);
  return orderReply(authority, order, 201);
}

/** The same order again while it is open, as Boulder does. */
function findReusable(authority: Authority, account: Account, names: readonly string[], profile: string, replaces: string | undefined): Order | undefined {
  const now = authority.clock();
  return [...authority.records.orders.values()].find((order) => {
    const status = orderStatus(order, now);
    const open = status === 'pending' || status === 'ready';
    return open && order.accountId === account.id && order.profile === profile && order.replaces === replaces && order.names.join() === names.join();
  });
}

function authorizationFor(authority: Authority, account: Account, orderedName: string): Authorization {
  const wildcard = orderedName.startsWith('*.');
  const name = wildcard ? orderedName.slice(2) : orderedName;
  const { records, settings } = authority;
  const now = authority.clock();
  const valid = [...records.authorizations.values()].find(
    (known) => known.accountId === account.id && known.name === name && known.wildcard === wildcard && authorizationStatus(known, now) === 'valid',
  );
  if (settings.authorizationReuse && valid !== undefined) return valid;
  const id = newId();
  // Order and number of the challenges are the server's business: clients choose by type.
  const types = wildcard ? (['dns-01'] as const) : Math.random() < 0.5 ? (['http-01', 'dns-01'] as const) : (['dns-01', 'http-01'] as const);
  const challenges = types.map((type): Challenge => ({
    id: newId(),
    authorizationId: id,
    type,
    token: randomBytes(32).toString('base64url'),
    status: 'pending',
    error: undefined,
    validated: undefined,
  }));
  const authorization: Authorization = {
    id,
    accountId: account.id,
    name,
    wildcard,
    status: 'pending',
    expires: now + settings.authorizationLifetimeMs,
    challenges,
  };
  records.authorizations.set(id, authorization);
  for (const challenge of challenges) records.challenges.set(challenge.id, challenge);
  return authorization;
}

export async function order(authority: Authority, request: IncomingRequest, [id = '']: readonly string[]): Promise<Response> {
  const signed = await authenticateAccount(authority, request);
  requirePostAsGet(signed);
  return orderReply(authority, ownOrder(authority, signed.account, id), 200);
}

export async function finalize(authority: Authority, request: IncomingRequest, [id = '']: readonly string[]): Promise<Response> {
  const { account, payload } = await authenticateAccount(authority, request);
  const { csr } = parsePayload(finalizePayload, payload);
  const found = ownOrder(authority, account, id);
  const status = orderStatus(found, authority.clock());
  if (status !== 'ready') throw new AcmeProblem('orderNotReady', 403, `Order's status ("${status}") is not acceptable for finalization`);
  const publicKey = await checkCertificateRequest(csr, found.names, (jwk) => isKeyOf(account, jwk));
  if (found.finalizing) throw new AcmeProblem('orderNotReady', 403, 'The order is being finalized');
  found.finalizing = true;
  authority.later(authority.settings.issuanceDelayMs, () => issueCertificate(authority, found, publicKey));
  return orderReply(authority, found, 200);
}

export async function authorization(authority: Authority, request: IncomingRequest, [id = '']: readonly string[]): Promise<Response> {
  const signed = await authenticateAccount(authority, request);
  const found = authority.records.authorizations.get(id);
  if (found === undefined) throw malformed('No such authorization', 404);
  if (found.accountId !== signed.account.id) throw new AcmeProblem('unauthorized', 403, 'The authorization belongs to another account');
  if (signed.payload !== undefined) {
    parsePayload(deactivatePayload, signed.payload);
    if (found.status !== 'pending' && found.status !== 'valid') throw malformed(`A ${found.status} authorization cannot be deactivated`);
    found.status = 'deactivated';
  }
  return authorizationReply(authority, found);
}

export async function challenge(authority: Authority, request: IncomingRequest, [id = '']: readonly string[]): Promise<Response> {
  const signed = await authenticateAccount(authority, request);
  const found = authority.records.challenges.get(id);
  const owner = found === undefined ? undefined : authority.records.authorizations.get(found.authorizationId);
  if (found === undefined || owner === undefined) throw malformed('No such challenge', 404);
  if (owner.accountId !== signed.account.id) throw new AcmeProblem('unauthorized', 403, 'The challenge belongs to another account');
  if (signed.payload !== undefined) {
    parsePayload(challengePayload, signed.payload);
    if (authorizationStatus(owner, authority.clock()) === 'expired') throw malformed('The authorization has expired', 404);
    if (owner.status === 'pending' && found.status === 'pending') {
      found.status = 'processing';
      authority.later(authority.settings.validationDelayMs, () => validate(authority, signed.account, owner, found));
    }
  }
  const headers = { link: `<${authority.paths.url('authorization', owner.id)}>;rel="up"` };
  return reply(200, challengeObject(authority, found), found.status === 'processing' ? { ...headers, ...retryAfter(authority) } : headers);
}

async function validate(authority: Authority, account: Account, owner: Authorization, found: Challenge): Promise<void> {
  try {
    await checkResponse(authority, account, owner, found);
    found.status = 'valid';
    found.validated = authority.clock();
    if (owner.status === 'pending') owner.status = 'valid';
  } catch (thrown) {
    const problem = thrown instanceof AcmeProblem ? thrown : new AcmeProblem('serverInternal', 500, 'Validation failed unexpectedly');
    found.status = 'invalid';
    found.error = problem.document;
    if (owner.status === 'pending') owner.status = 'invalid';
  }
}

/** §8.4: base64url of SHA-256 of `token.thumbprint`, as one TXT value among others. */
async function checkResponse(authority: Authority, account: Account, owner: Authorization, found: Challenge): Promise<void> {
  if (found.type !== 'dns-01') throw new AcmeProblem('incorrectResponse', 400, 'This CA reaches nobody over HTTP');
  const name = `_acme-challenge.${owner.name}`;
  const expected = createHash('sha256').update(`${found.token}.${account.thumbprint}`).digest('base64url');
  const values = await lookUpTxt(authority.settings.resolver, name);
  if (values.includes(expected)) return;
  const [first] = values;
  const detail =
    first === undefined
      ? `No TXT record found at ${name}`
      : `Incorrect TXT record ${JSON.stringify(first)}${values.length > 1 ? ` (and ${values.length - 1} more)` : ''} found at ${name}`;
  throw new AcmeProblem('unauthorized', 403, detail);
}

function ownOrder(authority: Authority, account: Account, id: string): Order {
  const found = authority.records.orders.get(id);
  if (found === undefined) throw malformed(`No order for ID ${id}`, 404);
  if (found.accountId !== account.id) throw new AcmeProblem('unauthorized', 403, 'The order belongs to another account');
  return found;
}

function orderReply(authority: Authority, found: Order, code: number): Response {
  const { paths } = authority;
  const status = orderStatus(found, authority.clock());
  const failed = found.authorizations.find((owner) => owner.status === 'invalid');
  const error = found.error ?? failed?.challenges.find((one) => one.error !== undefined)?.error;
  const body = {
    status,
    expires: new Date(found.expires).toISOString(),
    identifiers: found.names.map((value) => ({ type: 'dns', value })),
    authorizations: found.authorizations.map(({ id }) => paths.url('authorization', id)),
    finalize: paths.url('finalize', found.id),
    ...(found.profile === undefined ? {} : { profile: found.profile }),
    ...(found.replaces === undefined ? {} : { replaces: found.replaces }),
    ...(found.certificateId === undefined ? {} : { certificate: paths.url('certificate', found.certificateId) }),
    ...(status === 'invalid' && error !== undefined ? { error } : {}),
  };
  return reply(code, body, { location: paths.url('order', found.id), ...(status === 'processing' ? retryAfter(authority) : {}) });
}

function authorizationReply(authority: Authority, found: Authorization): Response {
  const status = authorizationStatus(found, authority.clock());
  // Once it is decided only the challenge that decided it is shown.
  const shown = status === 'pending' ? found.challenges : found.challenges.filter((one) => one.status === 'valid' || one.status === 'invalid');
  const body = {
    identifier: { type: 'dns', value: found.name },
    status,
    expires: new Date(found.expires).toISOString(),
    challenges: shown.map((one) => challengeObject(authority, one)),
    ...(found.wildcard ? { wildcard: true } : {}),
  };
  return reply(200, body, found.challenges.some((one) => one.status === 'processing') ? retryAfter(authority) : {});
}

function challengeObject(authority: Authority, one: Challenge): Record<string, unknown> {
  return {
    type: one.type,
    url: authority.paths.url('challenge', one.id),
    token: one.token,
    status: one.status,
    ...(one.validated === undefined ? {} : { validated: new Date(one.validated).toISOString() }),
    ...(one.error === undefined ? {} : { error: one.error }),
  };
}

function retryAfter(authority: Authority): Record<string, string> {
  return { 'retry-after': String(authority.settings.retryAfterSeconds) };
}
