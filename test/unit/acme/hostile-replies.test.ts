/** What a CA, its load balancer, or whoever sits between may answer: typed failures, never a crash, a hang or an echo. */
import { inspect } from 'node:util';
import { assert as checkAsync, asyncProperty, constantFrom, oneof, string, json } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_REPLY_BYTES } from '../../../functions/acme/exchange.ts';
import { Secret } from '../../../functions/secrets/secret.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { memorySecrets } from './authority-in-memory.ts';
import { order, ORIGIN, problem } from './scripted-ca.ts';
import { failureOf, NAMES, NOW, scriptedWorld } from './world.ts';

const wanted = { names: NAMES, profile: null, replaces: null };
const jsonReply = (body: unknown, status = 200) => Response.json(body, { status });
const created = (body: unknown) => Response.json(body, { status: 201, headers: { location: `${ORIGIN}/orders/1` } });

describe('an order one of whose authorizations was closed', () => {
  it.each(['deactivated', 'expired', 'revoked'])('is invalid, also for a CA that calls it %s', async (status) => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    ca.script('/orders/1', jsonReply(order({ status })));
    expect(await session.order(`${ORIGIN}/orders/1`)).toMatchObject({ status: 'invalid' });
  });
});

describe('a reply to newOrder', () => {
  it.each<[string, () => Response, string, string]>([
    ['is oversized', () => created(order({ padding: 'x'.repeat(MAX_REPLY_BYTES) })), 'acme_reply_too_large', 'protocol'],
    [
      'is truncated JSON',
      () => new Response('{"status":"pend', { status: 201, headers: { 'content-type': 'application/json', location: '/orders/1' } }),
      'acme_reply_malformed',
      'protocol',
    ],
    [
      'has another content type',
      () => new Response(JSON.stringify(order()), { status: 201, headers: { 'content-type': 'text/html', location: '/orders/1' } }),
      'acme_reply_malformed',
      'protocol',
    ],
    ['lacks members', () => created({ status: 'pending' }), 'acme_reply_malformed', 'protocol'],
    ['invents a status', () => created(order({ status: 'fine' })), 'acme_reply_malformed', 'protocol'],
    ['is valid without a certificate', () => created(order({ status: 'valid' })), 'acme_reply_malformed', 'protocol'],
    ['names no order', () => Response.json(order(), { status: 201 }), 'acme_reply_malformed', 'protocol'],
    ['has the wrong success status', () => jsonReply(order(), 200), 'acme_reply_malformed', 'protocol'],
    ['is a redirect', () => new Response(null, { status: 302, headers: { location: 'https://elsewhere.example.org/' } }), 'acme_redirected', 'protocol'],
    [
      'is a 503 page in HTML',
      () => new Response('<html><h1>Service busy</h1></html>', { status: 503, headers: { 'content-type': 'text/html', 'retry-after': '60' } }),
      'acme_overloaded',
      'overload',
    ],
    [
      'is a 429 page in HTML',
      () => new Response('<html>slow down</html>', { status: 429, headers: { 'content-type': 'text/html' } }),
      'acme_rate_limited',
      'limit',
    ],
    [
      'is "error code: 525" of the network',
      () => new Response('error code: 525', { status: 525, headers: { 'content-type': 'text/plain' } }),
      'acme_unreachable',
      'overload',
    ],
    ['is a problem of no known type', () => problem(400, 'neverHeardOf', 'No.'), 'acme_refused', 'permanent'],
    ['is a problem that is no object', () => jsonReply(['no'], 500), 'acme_overloaded', 'overload'],
  ])('that %s is a typed failure', async (_what, reply, code, failureClass) => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    ca.script('/new-order', reply());
    const failure = await failureOf(session.newOrder(wanted));
    expect(failure).toBeInstanceOf(PerennialError);
    expect(failure).toMatchObject({ code });
    expect(port.classify(failure)).toBe(failureClass);
    expect(String(failure)).not.toMatch(/<html|error code/);
    expect(ca.count('/new-order')).toBe(1);
  });
});

describe('a URL to another origin', () => {
  it.each([
    'https://elsewhere.example.org/orders/1',
    'http://ca.example.org/orders/1',
    'https://ca.example.org:8443/orders/1',
    'https://ca.example.org@elsewhere.example.org/',
    'file:///etc/passwd',
    'data:application/json,{}',
  ])('is never asked: %s', async (url) => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    const before = ca.requests.length;
    const failures = await Promise.all([session.order(url), session.authorizations([url]), session.answer(url)].map(failureOf));
    for (const failure of failures) expect(failure).toMatchObject({ code: 'acme_foreign_url' });
    // The one newNonce goes to the CA itself.
    expect(ca.requests.slice(before).every(({ method }) => method === 'HEAD')).toBe(true);
  });

  it('is refused in the directory', async () => {
    const { ca, port } = scriptedWorld();
    ca.directory['newNonce'] = 'https://elsewhere.example.org/nonce';
    expect(await failureOf(port.open('ca', null))).toMatchObject({ code: 'acme_foreign_url' });
  });
});

describe('text of a CA', () => {
  it('becomes one bounded line without control characters', async () => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    ca.script('/new-order', problem(400, 'malformed', `first\r\n\u001b[31mred\u0000 \u202e${'y'.repeat(9_000)}`));
    const failure = await failureOf(session.newOrder(wanted));
    expect(failure).toBeInstanceOf(PerennialError);
    if (!(failure instanceof PerennialError)) return;
    expect(failure.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(failure.message.length).toBeLessThan(2_000);
  });

  it('may be anything at all', async () => {
    await checkAsync(
      asyncProperty(
        oneof(string(), json()),
        constantFrom(200, 201, 204, 400, 403, 404, 409, 418, 429, 500, 503, 525),
        constantFrom('application/json', 'application/problem+json', 'text/html', ''),
        async (body, status, type) => {
          const { ca, port } = scriptedWorld();
          const session = await port.open('ca', null);
          ca.script('/orders/1', () => new Response(status === 204 ? null : body, { status, headers: type === '' ? {} : { 'content-type': type } }));
          const failure = await failureOf(session.order(`${ORIGIN}/orders/1`));
          expect(failure).toBeInstanceOf(PerennialError);
          expect(port.classify(failure)).not.toBe('internal');
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([
    ['3', NOW + 3_000],
    ['soon', null],
    ['-1', null],
  ])('as Retry-After %j on an order is read as %s', async (header, retryAt) => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    ca.script('/orders/1', Response.json(order({ status: 'processing' }), { headers: { 'retry-after': header } }));
    expect(await session.order(`${ORIGIN}/orders/1`)).toMatchObject({ status: 'processing', retryAt });
  });

  it('ignores challenge types it does not know, and a nonce that is not base64url', async () => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    const authorization = {
      identifier: { type: 'dns', value: 'Example.NET' },
      wildcard: true,
      status: 'pending',
      challenges: [
        { type: 'dns-persist-01', 'issuer-domain-names': ['x'] },
        'nonsense',
        { type: 'dns-01', url: `${ORIGIN}/c/1`, status: 'pending', token: 'a-token-of-the-ca-1234' },
      ],
    };
    ca.script('/authorizations/1', Response.json(authorization, { headers: { 'replay-nonce': 'not a nonce!' } }));
    const [read] = await session.authorizations([`${ORIGIN}/authorizations/1`]);
    expect(read).toMatchObject({ identifier: 'example.net', wildcard: true, dns01: { url: `${ORIGIN}/c/1`, status: 'pending' } });
    expect(session.nonce()).toBeNull();
    const before = ca.count('/nonce');
    await session.order(`${ORIGIN}/orders/1`);
    expect(ca.count('/nonce')).toBe(before + 1);
  });
});

describe('secrets', () => {
  const hmacKey = Buffer.from('an external account key, 32 bytes').toString('base64url');

  /** Everything an error could show to a log, a page or another object. */
  const shown = (failure: unknown): string =>
    [
      String(failure),
      JSON.stringify(failure),
      inspect(failure, { depth: 9, showHidden: true }),
      failure instanceof PerennialError ? JSON.stringify(failure.toData()) : '',
      failure instanceof Error ? (failure.stack ?? '') : '',
    ].join('\n');

  it('never show in what is thrown, whatever the CA answers to registration and orders', async () => {
    const types = constantFrom('application/json', 'application/problem+json', 'text/html');
    await checkAsync(
      asyncProperty(
        oneof(string(), json(), constantFrom('{"type":"urn:ietf:params:acme:error:unauthorized","detail":"no"}')),
        constantFrom(200, 201, 400, 403, 500, 525),
        types,
        constantFrom('/new-account', '/new-order'),
        async (body, status, type, path) => {
          const secrets = memorySecrets({ hmac: new Secret(hmacKey) });
          const { ca, port } = scriptedWorld({ secrets, authority: { externalAccount: { keyId: 'kid', hmacKey: 'secret:hmac' } } });
          ca.script(path, () => new Response(body, { status, headers: { 'content-type': type } }));
          const failure = await failureOf(port.open('ca', null).then((session) => session.newOrder(wanted)));
          const name = (await secrets.list()).find((each) => each.startsWith('acme-account-')) ?? '';
          const key = (await secrets.get(name)).reveal().split('\n')[1] ?? '';
          expect(key.length).toBeGreaterThan(40);
          expect(failure).toBeInstanceOf(PerennialError);
          for (const secret of [key, hmacKey, Buffer.from(hmacKey, 'base64url').toString()]) expect(shown(failure)).not.toContain(secret);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('never show when they are of no use', async () => {
    const secrets = memorySecrets();
    const { port, state } = scriptedWorld({ secrets });
    await port.open('ca', null);
    const broken = '-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5IGF0IGFsbA==\n-----END PRIVATE KEY-----';
    await secrets.put(state.account()?.keyName ?? '', new Secret(broken));
    const failure = await failureOf(port.open('ca', null).then((session) => session.newOrder(wanted)));
    expect(failure).toMatchObject({ code: 'acme_account_key_unusable' });
    expect(shown(failure)).not.toContain('bm90IGEg');
  });
});
