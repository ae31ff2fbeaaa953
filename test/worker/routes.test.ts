import { describe, expect, it } from 'vitest';
import { HOUR } from '../../shared/clock.ts';
import { ROUTES } from '../../functions/web/routes.ts';
import { ADMIN, onSite, ORIGIN, START, TOKEN, view, type Site } from './web-world.ts';

const FOREIGN = 'https://elsewhere.example.com';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

async function signIn(site: Site, token = ADMIN, headers: Record<string, string> = { origin: ORIGIN }): Promise<Response> {
  return site.request('/login', { method: 'POST', headers: { ...FORM, ...headers }, body: new URLSearchParams({ token }).toString() });
}

async function session(site: Site): Promise<string> {
  return (await signIn(site)).headers.get('set-cookie')?.split(';')[0] ?? '';
}

/** A request of the route that would succeed for who may make it. */
function sample(method: string, path: string): [string, RequestInit] {
  const address = path
    .replace('authorities/:name', 'authorities/ca')
    .replace(':name', 'a')
    .replace(':provider/:zone', 'namecheap/ops~example.co.uk')
    .replace('snapshots/:id', 'snapshots/1')
    .replace(':id', '00000000-0000-4000-8000-000000000000')
    .replace(/:bundle\{.*\}$/, `${'a'.repeat(64)}.mjs`);
  if (method === 'GET') return [address, { method }];
  if (path === '/login') return [address, { method, body: 'token=', headers: FORM }];
  const body = path.startsWith('/hooks/')
    ? '{"certificates":["a"]}'
    : path.includes('/secrets/')
      ? '{"value":"v"}'
      : path.endsWith('/revoke')
        ? JSON.stringify({ reason: 'superseded', sha256: 'a'.repeat(64) })
        : /approve|restore/.test(path)
          ? '{"digest":"d"}'
          : '{}';
  return [address, { method, body, headers: { 'content-type': 'application/json' } }];
}

/** Statuses that let nobody through: refused, sent to sign in, or nothing there. */
const closed = (response: Response) =>
  response.status === 401 || response.status === 403 || (response.status === 303 && response.headers.get('location') === '/login');

describe('the table of routes', () => {
  it('opens each route to exactly those it names', async () => {
    await onSite('table', async (site) => {
      const cookie = await session(site);
      const callers: Record<string, Record<string, string>> = {
        nobody: {},
        'a wrong token': { authorization: 'Bearer wrong-token-of-some-length' },
        'a webhook': { authorization: `Bearer ${TOKEN}` },
        administrator: { authorization: `Bearer ${ADMIN}` },
        session: { cookie, origin: ORIGIN },
        'session from elsewhere': { cookie, origin: FOREIGN },
        'session without origin': { cookie },
        'a wrong token with a session': { cookie, origin: ORIGIN, authorization: 'Bearer wrong-token-of-some-length' },
      };
      const seen: Record<string, string[]> = {};
      for (const route of ROUTES) {
        if (route.path === '/login' && route.method === 'POST') continue;
        const open: string[] = [];
        for (const [caller, headers] of Object.entries(callers)) {
          const [path, init] = sample(route.method, route.path);
          const response = await site.request(path, { ...init, headers: { ...Object.fromEntries(new Headers(init.headers)), ...headers } });
          expect(response.status, `${route.method} ${path} by ${caller}`).toBeLessThan(500);
          if (!closed(response)) open.push(caller);
        }
        seen[`${route.method} ${route.path}`] = open;
      }
      const everybody = Object.keys(callers);
      for (const route of ROUTES) {
        const open = seen[`${route.method} ${route.path}`];
        if (open === undefined) continue;
        const expected = {
          public: everybody,
          holder: everybody,
          relay: everybody,
          webhook: ['a webhook'],
          token: ['administrator'],
          administrator:
            route.method === 'GET' ? ['administrator', 'session', 'session from elsewhere', 'session without origin'] : ['administrator', 'session'],
        }[route.access];
        expect(open, `${route.method} ${route.path}`).toEqual(expected);
      }
    });
  });

  it('is complete: what it does not list is not there, under any method', async () => {
    await onSite('complete', async (site) => {
      for (const [method, path] of [
        ['DELETE', '/api/v1/certificates/a'],
        ['GET', '/hooks/renew'],
        ['PUT', '/'],
        ['GET', '/api/v1/secrets/a'],
        ['GET', '/relay/abc.mjs'],
        ['GET', '/.env'],
      ] as const)
        expect((await site.request(path, { method, headers: { authorization: `Bearer ${ADMIN}` } })).status, `${method} ${path}`).toBe(404);
    });
  });

  it('answers with strict headers everywhere, errors included', async () => {
    await onSite('headers', async (site) => {
      for (const path of ['/', '/api/v1/status', '/api/v1/config', '/nothing', '/style.css']) {
        const { headers } = await site.request(path);
        expect(headers.get('content-security-policy'), path).toContain("default-src 'none'");
        expect(headers.get('content-security-policy'), path).not.toContain('unsafe');
        expect([headers.get('x-frame-options'), headers.get('x-content-type-options')], path).toEqual(['DENY', 'nosniff']);
      }
      expect((await site.request('/api/v1/status')).headers.get('cache-control')).toBe('no-store');
    });
  });
});

describe('without a session', () => {
  it('page and API show the overall state, and no name, number or problem', async () => {
    await onSite(
      'public',
      async (site) => {
        await site.fleet.report({ name: 'a', sequence: 1, at: START, view: view('a', { state: 'failing', reason: 'The token was refused.' }), events: [] });
        for (const path of ['/', '/api/v1/status']) {
          const text = await (await site.request(path)).text();
          expect(text).not.toMatch(/a\.example\.net|The token was refused|clusters\.main|EDGE_KEY/);
        }
        expect(await (await site.request('/api/v1/status')).json()).toEqual({
          overall: { state: 'misconfigured', sentence: 'The configuration needs attention.' },
        });
      },
      {
        compiled: { valid: false, hash: 'h', problems: [{ path: 'clusters.main', message: 'wrong' }] },
        setupProblems: [{ what: 'EDGE_KEY', why: 'missing', command: null }],
      },
    );
  });
});

describe('an administrator', () => {
  const admin = { authorization: `Bearer ${ADMIN}` };

  it('sees everything, also what is wrong with the configuration', async () => {
    await onSite(
      'admin',
      async (site) => {
        const problem = { line: 3, column: 1, path: 'clusters.main', message: 'wrong' };
        expect(await (await site.request('/api/v1/config', { headers: admin })).json()).toMatchObject({
          valid: false,
          problems: [problem],
          inForce: { generation: 1, hash: 'hash' },
        });
        expect(await (await site.request('/api/v1/status', { headers: admin })).json()).toMatchObject({
          overall: { state: 'misconfigured' },
          setupProblems: [],
          tally: { new: 2 },
        });
        expect(await (await site.request('/', { headers: admin })).text()).toContain('clusters.main');
      },
      { compiled: { valid: false, hash: 'h', problems: [{ line: 3, column: 1, path: 'clusters.main', message: 'wrong' }] } },
    );
  });

  it('renews, redelivers and stores secrets, which never come back', async () => {
    await onSite('actions', async (site) => {
      const json = { ...admin, 'content-type': 'application/json' };
      expect((await site.request('/api/v1/certificates/a/renew', { method: 'POST', headers: json, body: '{}' })).status).toBe(202);
      expect((await site.request('/api/v1/certificates/b/renew', { method: 'POST', headers: json, body: '{"force":false}' })).status).toBe(202);
      expect((await site.request('/api/v1/certificates/a/redeliver', { method: 'POST', headers: admin })).status).toBe(202);
      expect((await site.request('/api/v1/certificates/x/renew', { method: 'POST', headers: admin })).status).toBe(404);
      expect(site.wakes).toEqual(['a force', 'b renew', 'a redeliver']);
      const put = await site.request('/api/v1/secrets/cloudflare-token', { method: 'PUT', headers: json, body: '{"value":"s3cret"}' });
      expect([put.status, await put.text(), site.stored.get('cloudflare-token')]).toEqual([204, '', 's3cret']);
      const bad = await site.request('/api/v1/secrets/cloudflare-token', { method: 'PUT', headers: json, body: 's3cret-without-json' });
      expect([bad.status, (await bad.text()).includes('s3cret')]).toEqual([400, false]);
    });
  });

  it('lists certificates page by page', async () => {
    await onSite('list', async (site) => {
      expect(await (await site.request('/api/v1/certificates?size=1&page=2', { headers: admin })).json()).toMatchObject({
        total: 2,
        certificates: [{ name: 'b', state: 'new' }],
      });
      expect((await site.request('/api/v1/certificates?size=0', { headers: admin })).status).toBe(400);
      expect(await (await site.request('/api/v1/certificates/a', { headers: admin })).json()).toMatchObject({ name: 'a' });
    });
  });

  it('is let in by nothing while no token is set, or one that could be guessed; the API says how to set one', async () => {
    const setupProblems = [{ what: 'The Worker secret ADMIN_TOKEN is not set.', why: 'w', command: 'c' }];
    for (const adminToken of [undefined, '', 'short']) {
      await onSite(
        `no-token ${adminToken}`,
        async (site) => {
          expect((await site.request('/api/v1/config', { headers: { authorization: `Bearer ${adminToken}` } })).status).toBe(401);
          expect((await signIn(site, adminToken ?? '')).status).toBe(503);
          expect(await (await site.request('/api/v1/status')).json()).toMatchObject({ setupProblems });
          expect(await (await site.request('/login')).text()).toContain('wrangler secret put ADMIN_TOKEN');
        },
        { adminToken, setupProblems },
      );
    }
  });
});

describe('a session', () => {
  it('is a strict, sealed cookie that ends, and ends with the token', async () => {
    await onSite('session', async (site) => {
      const response = await signIn(site);
      expect([response.status, response.headers.get('location')]).toEqual([303, '/']);
      expect(response.headers.get('set-cookie')).toMatch(
        /^__Host-perennial=\d+\.[0-9a-f-]+\.[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/,
      );
      const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? '';
      const open = async (value: string) => (await site.request('/api/v1/config', { headers: { cookie: value } })).status === 200;
      expect(await open(cookie)).toBe(true);
      expect(await open(cookie.replace(/=\d/, '=9'))).toBe(false);
      // Not the last character: of its six bits only four belong to the seal.
      expect(await open(cookie.replace(/.([\w-]{42})$/, (seal, rest: string) => `${seal.startsWith('A') ? 'B' : 'A'}${rest}`))).toBe(false);
      site.advance(12 * HOUR);
      expect(await open(cookie)).toBe(false);
      await onSite('session-other', async (other) => expect((await other.request('/api/v1/config', { headers: { cookie } })).status).toBe(401), {
        adminToken: 'another-administrator-token',
      });
    });
  });

  it('presses buttons and is sent back to the page they stand on, never elsewhere', async () => {
    await onSite('buttons', async (site) => {
      const cookie = await session(site);
      const press = (referer: string) =>
        site.request('/api/v1/certificates/a/renew', { method: 'POST', headers: { ...FORM, cookie, origin: ORIGIN, referer }, body: '' });
      expect((await press(`${ORIGIN}/certificates/a`)).headers.get('location')).toBe('/certificates/a?notice=renew');
      expect(site.wakes).toEqual(['a force']);
      expect((await press(`${FOREIGN}/certificates/a`)).headers.get('location')).toBe('/?notice=cooling-down');
      expect(await (await site.request('/?notice=cooling-down', { headers: { cookie } })).text()).toContain('Wait a minute.');
    });
  });

  it('is told by a button that nothing begins while the configuration is invalid', async () => {
    await onSite(
      'buttons-invalid',
      async (site) => {
        const cookie = await session(site);
        const pressed = await site.request('/api/v1/certificates/a/renew', { method: 'POST', headers: { ...FORM, cookie, origin: ORIGIN }, body: '' });
        expect(pressed.headers.get('location')).toBe('/?notice=configuration-invalid');
        expect(await (await site.request('/?notice=configuration-invalid', { headers: { cookie } })).text()).toContain('nothing moves until they are mended');
        const asked = await site.request('/api/v1/certificates/a/redeliver', { method: 'POST', headers: { authorization: `Bearer ${ADMIN}` } });
        expect([asked.status, await asked.text()]).toEqual([503, expect.stringContaining('"configuration_invalid"')]);
        expect(site.wakes).toEqual([]);
      },
      { compiled: { valid: false, hash: 'h', problems: [{ path: 'acme', message: 'wrong' }] } },
    );
  });

  it('is refused after ten wrong tokens, for a while', async () => {
    await onSite('guessing', async (site) => {
      for (let attempt = 0; attempt < 10; attempt += 1) expect((await signIn(site, 'wrong')).status).toBe(401);
      expect((await signIn(site)).status).toBe(429);
      site.advance(HOUR);
      expect((await signIn(site)).status).toBe(303);
    });
  });

  it('is not opened by a form of another site, and ends on request', async () => {
    await onSite('forms', async (site) => {
      expect((await signIn(site, ADMIN, { origin: FOREIGN })).status).toBe(403);
      const cookie = await session(site);
      const response = await site.request('/logout', { method: 'POST', headers: { ...FORM, cookie, origin: ORIGIN } });
      expect([response.status, response.headers.get('set-cookie')]).toEqual([303, '__Host-perennial=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure']);
    });
  });
});

describe('the relay bundle', () => {
  it('is served for ever under its checksum, and no other', async () => {
    await onSite('relay', async (site) => {
      const response = await site.request(`/relay/${'a'.repeat(64)}.mjs`);
      expect([response.headers.get('content-type'), response.headers.get('cache-control'), await response.text()]).toEqual([
        'application/javascript; charset=utf-8',
        'public, max-age=31536000, immutable',
        'export {};\n',
      ]);
      expect((await site.request(`/relay/${'b'.repeat(64)}.mjs`)).status).toBe(404);
    });
  });
});
