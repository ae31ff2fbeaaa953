/** What a session adds to RFC 8555: replacements, profiles, chains, nonces, routes, breakers, budgets. */
import { describe, expect, it } from 'vitest';
import { MAX_REQUESTS, requestBudget } from '../../../functions/acme/request-budget.ts';
import { Secret } from '../../../functions/secrets/secret.ts';
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { memorySecrets } from './authority-in-memory.ts';
import { order, ORIGIN, problem } from './scripted-ca.ts';
import { failureOf, NAMES, NOW, scriptedWorld } from './world.ts';

const wanted = { names: NAMES, profile: null, replaces: null };
const orderUrl = `${ORIGIN}/orders/1`;

describe('a replacement (RFC 9773)', () => {
  const replacing = { ...wanted, replaces: 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE' };

  it('names the certificate it replaces', async () => {
    const { ca, port, state } = scriptedWorld();
    await (await port.open('ca', null)).newOrder(replacing);
    expect(ca.requests.at(-1)?.payload).toMatchObject({ replaces: replacing.replaces });
    expect(state.orders).toMatchObject([{ names: NAMES, replaces: true }]);
  });

  it.each([
    ['409 alreadyReplaced', problem(409, 'alreadyReplaced', 'already replaced by another order')],
    ['409 conflict of older servers', problem(409, 'conflict', 'cannot indicate an order replaces it')],
    ['403 when another account owns it', problem(403, 'unauthorized', 'requester account did not request the certificate being replaced by this order')],
    ['404 when it is unknown', problem(404, 'malformed', 'no such certificate')],
    ['400 when it is from another CA', problem(400, 'malformed', 'parsing ARI CertID failed')],
  ])('is ordered without it after %s, once', async (_what, refusal) => {
    const { ca, port } = scriptedWorld();
    ca.script('/new-order', refusal);
    expect(await (await port.open('ca', null)).newOrder(replacing)).toMatchObject({ url: orderUrl, status: 'pending' });
    expect(ca.requests.filter(({ path }) => path === '/new-order').map(({ payload }) => Object.hasOwn(Object(payload), 'replaces'))).toEqual([true, false]);
  });

  it('is not retried after a refusal about something else', async () => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    for (const refusal of [problem(403, 'unauthorized', 'account is deactivated'), problem(400, 'rejectedIdentifier', 'policy forbids issuing')]) {
      ca.script('/new-order', refusal);
      expect(await failureOf(session.newOrder(replacing))).toBeInstanceOf(PerennialError);
    }
    expect(ca.count('/new-order')).toBe(2);
  });
});

describe('profiles', () => {
  it('are sent when the CA offers them, also since a moment ago', async () => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    await session.newOrder({ ...wanted, profile: 'tlsserver' });
    expect(ca.requests.at(-1)?.payload).toMatchObject({ profile: 'tlsserver' });
    ca.directory['meta'] = { profiles: { brandnew: 'just added' } };
    await session.newOrder({ ...wanted, profile: 'brandnew' });
    expect(ca.requests.at(-1)?.payload).toMatchObject({ profile: 'brandnew' });
  });

  it('of the CA itself come before the one of the certificate', async () => {
    const { ca, port } = scriptedWorld({ authority: { profile: 'classic' } });
    expect(await (await port.open('ca', null)).newOrder({ ...wanted, profile: 'tlsserver' })).toMatchObject({ profile: 'classic' });
    expect(ca.requests.at(-1)?.payload).toMatchObject({ profile: 'classic' });
  });

  it('are left out at a CA that stands in for another and knows none at all, and only there', async () => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    const unknown = { ...wanted, profile: 'shortlived' };
    expect(await failureOf(session.newOrder({ ...unknown, fallback: true }))).toMatchObject({ code: 'acme_profile_unknown' });
    ca.directory['meta'] = {};
    expect(await failureOf(session.newOrder(unknown))).toMatchObject({ code: 'acme_profile_unknown', hint: expect.stringContaining('Remove') as string });
    expect(await session.newOrder({ ...unknown, fallback: true })).toMatchObject({ profile: null });
    expect(ca.requests.at(-1)?.payload).not.toHaveProperty('profile');
    // What is written for this CA is meant for it.
    const own = scriptedWorld({ authority: { profile: 'shortlived' } });
    own.ca.directory['meta'] = {};
    const failure = await failureOf((await own.port.open('ca', null)).newOrder({ ...wanted, fallback: true }));
    expect(failure).toMatchObject({ code: 'acme_profile_unknown' });
  });

  it('that are unknown spend no order, and the offer is listed', async () => {
    const { ca, port, state } = scriptedWorld();
    const failure = await failureOf((await port.open('ca', null)).newOrder({ ...wanted, profile: 'toString' }));
    expect(failure).toMatchObject({ code: 'acme_profile_unknown', message: expect.stringContaining('classic, tlsserver') as string });
    expect(port.classify(failure)).toBe('permanent');
    expect(ca.count('/new-order')).toBe(0);
    expect(state.orders).toEqual([]);
  });
});

describe('names in CAA records', () => {
  it('are those of the directory, and those of the configuration when it does not say', async () => {
    const { ca, port } = scriptedWorld({ authority: { caa: ['configured.example'] } });
    ca.directory['meta'] = { caaIdentities: ['ca.test', 'ca.example'] };
    expect((await port.open('ca', null)).caaIdentities).toEqual(['ca.test', 'ca.example']);
    expect((await scriptedWorld({ authority: { caa: ['configured.example'] } }).port.open('ca', null)).caaIdentities).toEqual(['configured.example']);
    expect((await scriptedWorld().port.open('ca', null)).caaIdentities).toEqual([]);
  });
});

describe('nonces', () => {
  it('are signed again with the nonce of the refusal, three times', async () => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    const bad = () => problem(400, 'badNonce', 'stale');
    ca.script('/new-order', bad, bad, bad);
    await session.newOrder(wanted);
    expect(ca.count('/nonce')).toBe(2);
    ca.script('/new-order', bad, bad, bad, bad);
    const failure = await failureOf(session.newOrder(wanted));
    expect(failure).toMatchObject({ code: 'acme_bad_nonce', retryable: true });
    expect(ca.count('/new-order')).toBe(8);
  });

  it('continue from session to session', async () => {
    const { ca, port } = scriptedWorld();
    const first = await port.open('ca', null);
    await first.order(orderUrl);
    const before = ca.count('/nonce');
    const second = await port.open('ca', first.nonce());
    await second.order(orderUrl);
    expect(ca.count('/nonce')).toBe(before);
    expect(second.requests()).toBe(1);
  });
});

describe('routes', () => {
  const blocked: typeof fetch = () => Promise.resolve(new Response('error code: 525', { status: 525 }));

  it('turn to a relay after 525, for this session and the ones to come, and back after some hours', async () => {
    let direct = 0;
    const world = scriptedWorld({ authority: { egress: 'auto' }, clusters: ['one', 'two'], direct: (...request) => ((direct += 1), blocked(...request)) });
    await (await world.port.open('ca', null)).newOrder(wanted);
    expect(direct).toBe(1);
    expect(new Set(world.relayed.map(({ cluster }) => cluster))).toEqual(new Set(['one']));
    world.pass(7 * HOUR);
    await (await world.port.open('ca', null)).newOrder(wanted);
    expect(direct).toBe(2);
  });

  it('pass over a relay that is away', async () => {
    const world = scriptedWorld({ authority: { egress: 'auto' }, clusters: ['away', 'there'], offline: ['away'], direct: blocked });
    await (await world.port.open('ca', null)).newOrder(wanted);
    expect(new Set(world.relayed.map(({ cluster }) => cluster))).toEqual(new Set(['there']));
  });

  it('stay as configured otherwise', async () => {
    const fixed = scriptedWorld({ authority: { egress: { cluster: 'away' } }, clusters: ['away', 'there'], offline: ['away'] });
    const failure = await failureOf(fixed.port.open('ca', null));
    expect(failure).toMatchObject({ code: 'relay_offline' });
    expect(fixed.port.classify(failure)).toBe('relay');
    const direct = scriptedWorld({ clusters: ['there'], direct: blocked });
    expect(await failureOf(direct.port.open('ca', null))).toMatchObject({ code: 'acme_unreachable', hint: expect.stringContaining('egress') as string });
    expect(direct.relayed).toEqual([]);
  });

  it('never send a signed request twice when the first may have arrived', async () => {
    let lose = false;
    const world: ReturnType<typeof scriptedWorld> = scriptedWorld({
      authority: { egress: 'auto' },
      clusters: ['one'],
      direct: async (...request) => {
        const response = await world.ca.fetch(...request);
        if (lose && request[1]?.method === 'POST') throw new TypeError('connection lost');
        return response;
      },
    });
    const session = await world.port.open('ca', null);
    lose = true;
    expect(await failureOf(session.newOrder(wanted))).toMatchObject({ code: 'acme_unreachable', retryable: true });
    expect(world.ca.count('/new-order')).toBe(1);
    await session.newOrder(wanted);
    expect(world.relayed.some(({ url }) => url.endsWith('/new-order'))).toBe(true);
  });
});

describe('breakers', () => {
  it('keep every session away from an overloaded CA until it may be asked again', async () => {
    const { ca, port, pass } = scriptedWorld();
    const session = await port.open('ca', null);
    ca.script('/orders/1', problem(503, 'rateLimited', 'Service busy; retry later.', { 'retry-after': '120' }));
    expect(await failureOf(session.order(orderUrl))).toMatchObject({ code: 'acme_overloaded', retryAt: NOW + 2 * MINUTE });
    const failure = await failureOf(port.open('ca', null));
    expect(failure).toMatchObject({ code: 'acme_breaker_open', retryable: true, retryAt: NOW + 2 * MINUTE });
    expect(port.classify(failure)).toBe('overload');
    pass(2 * MINUTE + 1);
    await expect(port.open('ca', null)).resolves.toMatchObject({ authority: 'ca' });
  });

  it.each([
    ['the registered domain', 'too many certificates (50) already issued for "example.net" in the last 168h0m0s', ['sub.example.net'], ['other.example.org']],
    [
      'the exact set',
      'too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s',
      ['*.example.net', 'example.net'],
      ['example.net'],
    ],
    ['failed authorizations of a name', 'too many failed authorizations (5) for "example.net" in the last 1h0m0s', ['example.net'], ['sub.example.net']],
  ])('of a limit stop only %s', async (_what, detail, held, free) => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    ca.script('/new-order', problem(429, 'rateLimited', detail, { 'retry-after': '3600' }));
    const first = await failureOf(session.newOrder(wanted));
    expect(port.classify(first)).toBe('limit');
    const next = await port.open('ca', null);
    expect(await failureOf(next.newOrder({ ...wanted, names: held }))).toMatchObject({ code: 'acme_breaker_open', retryAt: NOW + HOUR });
    expect(ca.count('/new-order')).toBe(1);
    await expect(next.newOrder({ ...wanted, names: free })).resolves.toMatchObject({ status: 'pending' });
  });

  it('of an account limit stop new orders but let running ones finish', async () => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    ca.script('/new-order', problem(429, 'rateLimited', 'too many new orders (300) from this account in the last 3h0m0s', { 'retry-after': '60' }));
    await failureOf(session.newOrder(wanted));
    const next = await port.open('ca', null);
    expect(port.classify(await failureOf(next.newOrder({ ...wanted, names: ['other.example.org'] })))).toBe('limit');
    await expect(next.order(orderUrl)).resolves.toMatchObject({ status: 'pending' });
  });

  it('do not open for a pause, which only a person ends', async () => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    ca.script(
      '/new-order',
      problem(
        429,
        'rateLimited',
        'Your account is temporarily prevented from requesting certificates for example.net and possibly others. Please visit: https://portal.example.org/unpause (paused)',
        { 'retry-after': '60' },
      ),
    );
    const failure = await failureOf(session.newOrder(wanted));
    expect(port.classify(failure)).toBe('paused');
    expect(failure).toMatchObject({ retryable: false, message: expect.stringContaining('https://portal.example.org/unpause') as string });
  });
});

describe('callers that a breaker has refused', () => {
  it('come back one after the other, each at its own moment', async () => {
    const { ca, port, as, pass } = scriptedWorld();
    const session = await port.open('ca', null);
    ca.script('/orders/1', problem(503, 'rateLimited', 'Service busy; retry later.', { 'retry-after': '120' }));
    await failureOf(session.order(orderUrl));
    const retryOf = async (caller: string) => {
      const failure = await failureOf(as(caller).open('ca', null));
      return failure instanceof PerennialError ? failure.retryAt : undefined;
    };
    const moments = [];
    for (let count = 0; count < 50; count += 1) moments.push(await retryOf(`certificate-${count}`));
    expect(new Set(moments).size).toBe(50);
    expect(Math.min(...moments.map((moment) => moment ?? 0))).toBe(NOW + 2 * MINUTE);
    expect(Math.max(...moments.map((moment) => moment ?? 0))).toBeLessThan(NOW + 2 * MINUTE + 15_000);
    pass(MINUTE);
    expect(await retryOf('certificate-7')).toBe(moments[7]);
    pass(MINUTE + 1);
    await expect(as('certificate-7').open('ca', null)).resolves.toMatchObject({ authority: 'ca' });
  });

  it('come back as fast as the limit refills that the CA named', async () => {
    const limits = { newOrders: null, perDomain: { capacity: 50, refillMs: HOUR }, perSet: null, failedValidations: null };
    const { ca, port, as } = scriptedWorld({ authority: { limits } });
    const session = await port.open('ca', null);
    const detail = 'too many certificates (50) already issued for "example.net" in the last 168h0m0s';
    ca.script('/new-order', problem(429, 'rateLimited', detail, { 'retry-after': '60' }));
    await failureOf(session.newOrder(wanted));
    for (const [index, caller] of ['one', 'two', 'three'].entries()) {
      const failure = await failureOf((await as(caller).open('ca', null)).newOrder({ ...wanted, names: [`${caller}.example.net`] }));
      expect(failure).toMatchObject({ code: 'acme_breaker_open', retryAt: NOW + MINUTE + index * HOUR });
    }
  });
});

describe('one run', () => {
  it('shares its requests among the sessions with every CA', async () => {
    const { ca, port } = scriptedWorld();
    const budget = requestBudget(5);
    const first = await port.open('ca', null, { budget });
    await first.order(orderUrl);
    const second = await port.open('ca', first.nonce(), { budget });
    await second.order(orderUrl);
    await second.order(orderUrl);
    const before = ca.requests.length;
    await second.order(orderUrl);
    const failure = await failureOf(first.order(orderUrl));
    expect(failure).toMatchObject({ code: 'acme_request_budget', retryable: true, retryAt: NOW });
    expect(await failureOf(port.renewalInfo('ca', 'a.b', budget))).toMatchObject({ code: 'acme_request_budget' });
    expect(ca.requests).toHaveLength(before + 1);
  });

  it('gives an order back to the ledger that it had no request left for', async () => {
    const { port, state } = scriptedWorld();
    const session = await port.open('ca', null, { budget: requestBudget(1) });
    expect(await failureOf(session.newOrder(wanted))).toMatchObject({ code: 'acme_request_budget' });
    expect(state.orders).toMatchObject([{ outcome: 'unplaced' }]);
  });
});

describe('one session', () => {
  it('spends a bounded number of requests', async () => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    const before = ca.requests.length;
    let failure: unknown = null;
    for (let count = 0; count <= MAX_REQUESTS && failure === null; count += 1)
      failure = await session.order(orderUrl).then(
        () => null,
        (error: unknown) => error,
      );
    expect(failure).toMatchObject({ code: 'acme_request_budget', retryable: true });
    expect(ca.requests.length - before).toBe(MAX_REQUESTS);
  });

  it('introduces itself on every request', async () => {
    const { ca, port } = scriptedWorld();
    await (await port.open('ca', null)).newOrder(wanted);
    expect(ca.requests.every(({ headers }) => headers.get('user-agent')?.startsWith('Perennial/') === true)).toBe(true);
  });

  it('carries the problem of an invalid order with its parts', async () => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    const error = {
      type: 'urn:ietf:params:acme:error:compound',
      detail: 'Errors',
      subproblems: [{ type: 'urn:ietf:params:acme:error:caa', detail: 'CAA forbids', identifier: { type: 'dns', value: 'example.net' } }],
    };
    ca.script('/orders/1', Response.json(order({ status: 'invalid', error })));
    expect(await session.order(orderUrl)).toMatchObject({ status: 'invalid', error: { subproblems: [{ detail: 'CAA forbids', identifier: 'example.net' }] } });
  });
});

describe('an account', () => {
  it('is registered with the contact and the terms, its key stored before', async () => {
    const { ca, port, secrets } = scriptedWorld();
    let stored: string[] = [];
    ca.script('/new-account', () => problem(500, 'serverInternal', 'crash'));
    await failureOf(port.open('ca', null));
    stored = await secrets.list();
    expect(stored).toHaveLength(1);
    await failureOf(port.open('ca', null));
    expect(await secrets.list()).toEqual(stored);
    expect(ca.requests.find(({ path }) => path === '/new-account')?.payload).toEqual({ termsOfServiceAgreed: true, contact: ['mailto:ops@example.net'] });
  });

  it('is looked up by its key first when an earlier registration may have succeeded', async () => {
    const { ca, port, state, pass } = scriptedWorld();
    ca.script('/new-account', () => new Response('<html>', { status: 502 }));
    expect(await failureOf(port.open('ca', null))).toMatchObject({ code: 'acme_overloaded' });
    expect(state.account()).toMatchObject({ url: null, intentUntil: null });
    pass(2 * MINUTE);
    await port.open('ca', null);
    expect(ca.requests.filter(({ path }) => path === '/new-account').map(({ payload }) => payload)).toMatchObject([
      { termsOfServiceAgreed: true },
      { onlyReturnExisting: true },
      { termsOfServiceAgreed: true },
    ]);
  });

  it('is registered by an order alone: not by a question about the CA, and not where it must not be', async () => {
    const { ca, port, secrets } = scriptedWorld();
    expect(await port.identity('ca')).toEqual({ identities: [], accountUrl: null });
    await failureOf(port.renewalInfo('ca', 'a.b'));
    const failure = await failureOf(port.open('ca', null, { register: false }));
    expect(failure).toMatchObject({ code: 'acme_account_not_registered' });
    expect(port.classify(failure)).toBe('account');
    expect([ca.count('/new-account'), await secrets.list()]).toEqual([0, []]);
  });

  it('that a stored key still leads to is found without registering one', async () => {
    const first = scriptedWorld();
    const { accountUrl } = await first.port.open('ca', null);
    // The object has lost its rows; the key has not been lost.
    const second = scriptedWorld({ secrets: first.secrets });
    for (const [url, key] of first.ca.accounts) second.ca.accounts.set(url, key);
    expect(await second.port.identity('ca')).toMatchObject({ accountUrl });
    expect(await second.port.open('ca', null, { register: false })).toMatchObject({ accountUrl });
    expect(second.ca.requests.filter(({ path }) => path === '/new-account').map(({ payload }) => payload)).toEqual([
      { onlyReturnExisting: true },
      { onlyReturnExisting: true },
    ]);
  });

  it('waits for a predecessor that may still be making the key', async () => {
    const { port, state, pass } = scriptedWorld();
    await state.saveAccount({ keyName: 'any', url: null, intentUntil: NOW + MINUTE, intentBy: 'a predecessor' });
    expect(await failureOf(port.open('ca', null))).toMatchObject({ code: 'acme_registration_busy', retryable: true, retryAt: NOW + 90_000 });
    pass(90_000);
    await expect(port.open('ca', null)).resolves.toMatchObject({ authority: 'ca' });
  });

  it('with a broken key says so without showing it', async () => {
    const { port, secrets, state } = scriptedWorld();
    await port.open('ca', null);
    const name = state.account()?.keyName ?? '';
    await secrets.put(name, new Secret('-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5IGF0IGFsbA==\n-----END PRIVATE KEY-----'));
    const failure = await failureOf((await port.open('ca', null)).order(orderUrl));
    expect(failure).toMatchObject({ code: 'acme_account_key_unusable' });
    expect(port.classify(failure)).toBe('account');
    expect(JSON.stringify([failure, String(failure)])).not.toContain('bm90');
  });

  it('whose key is gone is not replaced in silence', async () => {
    const { port, secrets, state } = scriptedWorld({ secrets: memorySecrets() });
    await port.open('ca', null);
    await secrets.remove(state.account()?.keyName ?? '');
    const failure = await failureOf(port.open('ca', null));
    expect(failure).toMatchObject({ code: 'secret_not_found' });
    expect(port.classify(failure)).toBe('account');
  });
});

describe('renewal information (RFC 9773)', () => {
  const certId = 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE';
  const path = `/renewal-info/${certId}`;
  const window = { suggestedWindow: { start: '2031-01-10T00:00:00Z', end: '2031-01-12T00:00:00Z' }, explanationURL: 'https://ca.example.org/why' };

  it('is fetched without an account', async () => {
    const { ca, port } = scriptedWorld();
    ca.script(path, Response.json(window, { headers: { 'retry-after': '21600' } }));
    expect(await port.renewalInfo('ca', certId)).toEqual({
      start: NOW + 9 * DAY,
      end: NOW + 11 * DAY,
      explanationUrl: 'https://ca.example.org/why',
      retryAt: NOW + 6 * HOUR,
    });
    expect(ca.requests.map(({ method }) => method)).toEqual(['GET', 'GET']);
  });

  it.each([
    ['1', NOW + MINUTE],
    ['999999', NOW + DAY],
    ['soon', NOW + 6 * HOUR],
  ])('clamps Retry-After %j', async (header, retryAt) => {
    const { ca, port } = scriptedWorld();
    ca.script(path, Response.json(window, { headers: { 'retry-after': header } }));
    expect(await port.renewalInfo('ca', certId)).toMatchObject({ retryAt });
  });

  it('is null where the CA offers none, and refused when the window is none', async () => {
    const { ca, port } = scriptedWorld();
    ca.script(path, Response.json({ suggestedWindow: { start: window.suggestedWindow.end, end: window.suggestedWindow.start } }));
    expect(await failureOf(port.renewalInfo('ca', certId))).toMatchObject({ code: 'acme_reply_malformed' });
    const without = scriptedWorld();
    delete without.ca.directory['renewalInfo'];
    expect(await without.port.renewalInfo('ca', certId)).toBeNull();
  });
});
