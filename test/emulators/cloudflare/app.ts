/**
 * The routes of the Cloudflare API v4 that manage DNS records. Every answer has the vendor's envelope; every request
 * is counted, rate limited and, when a test asks for it, hit by a fault.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpBindings } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { z } from 'zod';
import { DNS_DENIED, ZONE_DENIED, zoneListDenied, type Actor, type Permission, type Tokens } from './access.ts';
import { ApiFailure, BODY_INVALID, noRoute, RecordRejected } from './failure.ts';
import type { ApiFaults } from './faults.ts';
import { paged, parseRecordQuery, parseZoneQuery, selectRecords } from './listing.ts';
import { tooManyRequests, type RateLimit, type RateLimitOptions } from './rate-limit.ts';
import { parseRecordBody } from './record-rules.ts';
import type { Operation } from './record-store.ts';
import type { RequestLog } from './request-log.ts';
import { ACCOUNT_ID, recordJson, type Zone } from './zones.ts';

export interface AppParts {
  tokens: Tokens;
  zones: readonly Zone[];
  faults: ApiFaults;
  requests: RequestLog;
  rateLimit: RateLimit | undefined;
  rateLimitOptions: RateLimitOptions;
  /** Since October 2024 the vendor answers the cause itself (`plain`); before, a 1004 with an `error_chain`. */
  validationErrors: 'plain' | 'chained';
  /** What a token without the account's zone list gets from an unfiltered list: a refusal, or its own zones. */
  zoneListing: 'denied' | 'own';
  /** Records on one page of a list, whatever was asked for. */
  mostPerPage: number;
}

type Env = { Bindings: Partial<HttpBindings>; Variables: { headers: Record<string, string> } };

export const BASE_PATH = '/client/v4';
const IDENTIFIER = /^[0-9a-f]{32}$/;
const MAX_BODY_BYTES = 1_048_576;
const MAX_BATCH_OPERATIONS = 200;

const identified = z.looseObject({ id: z.string() });
const batchBody = z.strictObject({
  deletes: z.array(z.strictObject({ id: z.string() })).nullish(),
  patches: z.array(identified).nullish(),
  puts: z.array(identified).nullish(),
  posts: z.array(z.unknown()).nullish(),
});

export function cloudflareApp(parts: AppParts): Hono<Env> {
  const app = new Hono<Env>().basePath(BASE_PATH);

  app.onError((error, c) => {
    const failure = error instanceof RecordRejected ? error.toFailure(parts.validationErrors) : error;
    if (!(failure instanceof ApiFailure)) throw error;
    return c.json(failure.toBody(), failure.status, { ...c.get('headers'), ...failure.headers });
  });
  app.notFound((c) => c.json(new ApiFailure(404, [{ code: 7_000, message: 'No route for that URI' }]).toBody(), 404));

  app.use(async (c, next) => {
    await next();
    parts.requests.record({ method: c.req.method, path: c.req.path, status: c.res.status });
  });
  app.use(async (c, next) => {
    const fault = parts.faults.take(c.req.method, c.req.path);
    if (fault?.kind === 'html') return gatewayPage(fault.status ?? 502);
    if (fault?.kind === 'unsuccessful') return c.json(new ApiFailure(500, [{ code: 1_000, message: 'An internal error occurred' }]).toBody());
    if (fault?.kind === 'timeout') return never(c);
    if (fault?.kind === 'forbidden') throw DNS_DENIED;
    if (fault?.kind === 'rate-limited') throw tooManyRequests(fault.retryAfterSeconds ?? 300, parts.rateLimitOptions);
    if (fault?.kind === 'slow') await sleep(fault.delayMs, undefined, { ref: false });
    c.set('headers', parts.rateLimit?.take() ?? {});
    await next();
    for (const [name, value] of Object.entries(c.get('headers'))) c.header(name, value);
    if (fault?.kind === 'truncated') c.res = new Response((await c.res.text()).slice(0, -20), c.res);
    if (fault?.kind === 'reply-lost') c.env.outgoing?.destroy();
    return undefined;
  });
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () => {
        throw new ApiFailure(413, [{ code: 10_413, message: 'Request body is too large.' }]);
      },
    }),
  );

  app.get('/user/tokens/verify', (c) => {
    return verified(c, parts.tokens.authenticate(c.req.header('authorization'), 'verify user'));
  });
  app.get('/accounts/:account/tokens/verify', (c) => {
    const actor = parts.tokens.authenticate(c.req.header('authorization'), 'verify account');
    if (c.req.param('account') !== ACCOUNT_ID) throw DNS_DENIED;
    return verified(c, actor);
  });

  app.get('/zones', (c) => {
    const actor = parts.tokens.authenticate(c.req.header('authorization'), 'other');
    const query = parseZoneQuery(c.req.query());
    const readable = parts.zones.filter((zone) => actor.may('zone:read', zone.name));
    const named = readable.filter((zone) => query.name === undefined || zone.name === query.name.toLowerCase());
    const ownName = query.name !== undefined && named.length > 0;
    if (!actor.mayListAllZones && !ownName && (parts.zoneListing === 'denied' || readable.length === 0)) throw zoneListDenied(actor);
    const selected = named.filter((zone) => query.status === undefined || zone.status === query.status);
    const sorted = selected.sort((a, b) => (query.direction === 'asc' ? 1 : -1) * (a.name < b.name ? -1 : 1));
    const { result, result_info } = paged(sorted, query);
    return c.json({ result: result.map((zone) => zone.toJson()), result_info, success: true, errors: [], messages: [] });
  });

  app.get('/zones/:zone', (c) => {
    const zone = authorizedZone(c, 'zone:read');
    return success(c, zone.toJson());
  });

  app.get('/zones/:zone/dns_records', (c) => {
    const zone = authorizedZone(c, 'dns:read');
    const query = parseRecordQuery(c.req.query());
    const { result, result_info } = paged(selectRecords(zone.store.all(), query), { ...query, per_page: Math.min(query.per_page, parts.mostPerPage) });
    return c.json({ result: result.map(recordJson), result_info, success: true, errors: [], messages: [] });
  });
  app.post('/zones/:zone/dns_records', async (c) => {
    const zone = authorizedZone(c, 'dns:edit');
    return change(c, zone, { kind: 'post', body: parseRecordBody(await jsonBody(c)) });
  });
  app.post('/zones/:zone/dns_records/batch', async (c) => {
    const zone = authorizedZone(c, 'dns:edit');
    return success(c, executeBatch(zone, await jsonBody(c)));
  });
  app.get('/zones/:zone/dns_records/:record', (c) => {
    const zone = authorizedZone(c, 'dns:read');
    return success(c, recordJson(zone.store.get(recordId(c))));
  });
  app.on(['PUT', 'PATCH'], '/zones/:zone/dns_records/:record', async (c) => {
    const zone = authorizedZone(c, 'dns:edit');
    const kind = c.req.method === 'PUT' ? 'put' : 'patch';
    return change(c, zone, { kind, id: recordId(c), body: parseRecordBody(await jsonBody(c)) });
  });
  app.delete('/zones/:zone/dns_records/:record', (c) => {
    const zone = authorizedZone(c, 'dns:edit');
    const id = recordId(c);
    zone.store.apply([{ kind: 'delete', id }]);
    return success(c, { id });
  });

  /** A foreign zone and one that does not exist look the same to a token. */
  function authorizedZone(c: Context<Env>, permission: Permission): Zone {
    const actor = parts.tokens.authenticate(c.req.header('authorization'), 'other');
    const id = c.req.param('zone') ?? '';
    if (!IDENTIFIER.test(id)) throw noRoute(c.req.path);
    const zone = parts.zones.find((candidate) => candidate.id === id);
    if (zone === undefined || !actor.may(permission, zone.name)) throw permission === 'zone:read' ? ZONE_DENIED : DNS_DENIED;
    return zone;
  }

  return app;
}

function recordId(c: Context<Env>): string {
  const id = c.req.param('record') ?? '';
  if (!IDENTIFIER.test(id)) throw noRoute(c.req.path);
  return id;
}

async function jsonBody(c: Context<Env>): Promise<unknown> {
  if (!/^application\/json(?:;|$)/.test(c.req.header('content-type') ?? '')) throw BODY_INVALID;
  const text = await c.req.text();
  try {
    return JSON.parse(text);
  } catch {
    throw BODY_INVALID;
  }
}

function change(c: Context<Env>, zone: Zone, operation: Operation): Response {
  const [record] = zone.store.apply([operation]);
  return success(c, record === undefined ? null : recordJson(record));
}

/** Deletes, patches, puts, posts: in this order, whatever the order in the body; all of them or none. */
function executeBatch(zone: Zone, body: unknown): Record<string, unknown> {
  const parsed = batchBody.safeParse(body);
  if (!parsed.success) throw BODY_INVALID;
  const { deletes, patches, puts, posts } = parsed.data;
  const edit =
    (kind: 'patch' | 'put') =>
    ({ id, ...fields }: z.infer<typeof identified>): Operation => ({ kind, id, body: parseRecordBody(fields) });
  const groups = {
    deletes: (deletes ?? []).map(({ id }): Operation => ({ kind: 'delete', id })),
    patches: (patches ?? []).map(edit('patch')),
    puts: (puts ?? []).map(edit('put')),
    posts: (posts ?? []).map((post): Operation => ({ kind: 'post', body: parseRecordBody(post) })),
  };
  const operations = Object.values(groups).flat();
  if (operations.length === 0) throw BODY_INVALID;
  if (operations.length > MAX_BATCH_OPERATIONS)
    throw new ApiFailure(400, [{ code: 9_207, message: `Request body is invalid: more than ${MAX_BATCH_OPERATIONS} operations.` }]);
  const results = zone.store.apply(operations).map(recordJson);
  return Object.fromEntries(Object.entries(groups).map(([name, group]) => [name, results.splice(0, group.length)]));
}

function verified(c: Context<Env>, { id, status, expiresOn }: Actor): Response {
  const messages = status === 'active' ? [{ code: 10_000, message: 'This API Token is valid and active', type: null }] : [];
  return c.json({ result: { id, status, ...(expiresOn === undefined ? {} : { expires_on: expiresOn }) }, success: true, errors: [], messages });
}

function success(c: Context<Env>, result: unknown): Response {
  return c.json({ result, success: true, errors: [], messages: [] });
}

function never(c: Context<Env>): Promise<Response> {
  return new Promise((resolve) => {
    c.req.raw.signal.addEventListener('abort', () => resolve(new Response(null, { status: 499 })), { once: true });
  });
}

function gatewayPage(status: number): Response {
  const page = `<!DOCTYPE html><html><head><title>api.cloudflare.com | ${status}</title></head><body><h1>Error ${status}</h1><p>cloudflare</p></body></html>`;
  return new Response(page, { status, headers: { 'content-type': 'text/html; charset=UTF-8' } });
}
