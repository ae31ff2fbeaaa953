/** Actions that cannot be taken back: revoking a certificate, and a new key for an account at a CA. */
import { describe, expect, it } from 'vitest';
import { DAY } from '../../shared/clock.ts';
import { ADMIN, AUTHORITY, onSite, ORIGIN, START, view, type Site } from './web-world.ts';

const LEAF = 'ab'.repeat(32);
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const admin = { authorization: `Bearer ${ADMIN}` };

const live = {
  sha256: LEAF,
  names: ['a.example.net'],
  issuer: 'CA',
  authority: 'ca',
  serial: '01',
  notBefore: START - DAY,
  notAfter: START + 89 * DAY,
  since: START - DAY,
  adopted: false,
  keyType: 'ec-p256' as const,
  why: null,
  revoked: null,
};

async function withLive(object: string, work: (site: Site) => Promise<void>, options: Parameters<typeof onSite>[2] = {}): Promise<void> {
  await onSite(
    object,
    async (site) => {
      await site.fleet.report({ name: 'a', sequence: 1, at: START, view: view('a', { live }), events: [] });
      await work(site);
    },
    options,
  );
}

async function session(site: Site): Promise<string> {
  const response = await site.request('/login', {
    method: 'POST',
    headers: { ...FORM, origin: ORIGIN },
    body: new URLSearchParams({ token: ADMIN }).toString(),
  });
  return response.headers.get('set-cookie')?.split(';')[0] ?? '';
}

const post = (site: Site, path: string, body: object) =>
  site.request(path, { method: 'POST', headers: { ...admin, 'content-type': 'application/json' }, body: JSON.stringify(body) });
const revoke = (site: Site, body: object, name = 'a') => post(site, `/api/v1/certificates/${name}/revoke`, body);
const codeOf = async (response: Response) => [response.status, ((await response.json()) as { error: { code: string } }).error.code];

describe('a revocation', () => {
  it('reaches the certificate with the code of its reason', async () => {
    await withLive('revoke', async (site) => {
      const response = await revoke(site, { reason: 'key-compromise', signer: 'certificate', sha256: LEAF });
      expect([response.status, response.headers.get('location')]).toEqual([202, `${ORIGIN}/api/v1/certificates/a`]);
      expect(await response.json()).toEqual({ certificate: 'a', sha256: LEAF, reason: 'key-compromise', signer: 'certificate' });
      await revoke(site, { reason: 'cessation-of-operation', sha256: LEAF });
      expect(site.revocations).toEqual(['a abab 1 certificate', 'a abab 5 account']);
    });
  });

  it('is refused unless it names the very certificate that is live', async () => {
    await withLive('revoke-which', async (site) => {
      expect(await codeOf(await revoke(site, { reason: 'superseded', sha256: 'cd'.repeat(32) }))).toEqual([409, 'revocation_not_live']);
      expect(await codeOf(await revoke(site, { reason: 'superseded' }))).toEqual([400, 'body_invalid']);
      expect(await codeOf(await revoke(site, { reason: 'superseded', sha256: LEAF.toUpperCase() }))).toEqual([400, 'body_invalid']);
      expect(await codeOf(await revoke(site, { reason: 'because', sha256: LEAF }))).toEqual([400, 'body_invalid']);
      expect(await codeOf(await revoke(site, { reason: 'superseded', sha256: LEAF }, 'nobody'))).toEqual([404, 'certificate_unknown']);
      expect(await codeOf(await revoke(site, { reason: 'superseded', sha256: LEAF }, 'b'))).toEqual([409, 'certificate_not_live']);
      expect(site.revocations).toEqual([]);
    });
  });

  it('is asked for by a form only when the name was typed, and the page says which it was', async () => {
    await withLive('revoke-form', async (site) => {
      const cookie = await session(site);
      const press = async (confirm: string, sha256 = LEAF) => {
        const body = new URLSearchParams({ reason: 'superseded', signer: 'account', sha256, confirm }).toString();
        const headers = { ...FORM, cookie, origin: ORIGIN, referer: `${ORIGIN}/certificates/a` };
        return (await site.request('/api/v1/certificates/a/revoke', { method: 'POST', headers, body })).headers.get('location');
      };
      expect(await press('b')).toBe('/certificates/a?notice=not-revoked');
      expect(await press('')).toBe('/certificates/a?notice=not-revoked');
      expect(await press('a', 'cd'.repeat(32))).toBe('/certificates/a?notice=not-revoked');
      expect(site.revocations).toEqual([]);
      expect(await press(' a ')).toBe('/certificates/a?notice=revoke');
      expect(site.revocations).toEqual(['a abab 4 account']);
      expect(await (await site.request('/certificates/a?notice=revoke', { headers: { cookie } })).text()).toContain('The revocation was asked for');
    });
  });

  it('is not begun while the configuration is invalid', async () => {
    await withLive(
      'revoke-invalid',
      async (site) => expect(await codeOf(await revoke(site, { reason: 'superseded', sha256: LEAF }))).toEqual([503, 'configuration_invalid']),
      { compiled: { valid: false, hash: 'h', problems: [{ path: 'acme', message: 'wrong' }] } },
    );
  });
});

describe('the authorities', () => {
  it('are listed with account, route, breakers and limits, those that cannot be asked included', async () => {
    await onSite('authorities', async (site) => {
      const response = await site.request('/api/v1/authorities', { headers: admin });
      expect(await response.json()).toEqual({
        authorities: [
          { name: 'ca', directory: 'https://ca.example.net/directory', status: AUTHORITY, failure: null },
          { name: 'lost', directory: 'https://lost.example.net/directory', status: null, failure: { code: 'internal', message: 'Gone.', retryable: true } },
        ],
      });
    });
  });

  it('stand on the page with what they hold back, and with a button for a new account key', async () => {
    await onSite('authorities-page', async (site) => {
      const html = await (await site.request('/', { headers: { cookie: await session(site) } })).text();
      expect(html).toContain('action="/api/v1/authorities/ca/rollover"');
      expect(html).not.toContain('/api/v1/authorities/lost/rollover');
      expect(html).toContain('299 of 300 new orders left');
      expect(html).toContain('No order for example.net and all below it before');
    });
  });

  it('get a new account key once for each request', async () => {
    await onSite('rollover', async (site) => {
      const response = await post(site, '/api/v1/authorities/ca/rollover', { request: 'rollover-1' });
      expect([response.status, await response.json()]).toEqual([
        200,
        { authority: 'ca', accountUrl: 'https://ca.example.net/account/1', request: 'rollover-1' },
      ]);
      const another = (await (await post(site, '/api/v1/authorities/ca/rollover', {})).json()) as { request: string };
      expect(site.rollovers).toEqual(['ca rollover-1', `ca ${another.request}`]);
    });
  });

  it('that are not configured are unknown, and what is not settled is said', async () => {
    await onSite('rollover-refused', async (site) => {
      expect(await codeOf(await post(site, '/api/v1/authorities/cb/rollover', {}))).toEqual([404, 'authority_unknown']);
      expect(await codeOf(await post(site, '/api/v1/authorities/ca/rollover', { request: 'Not An Id' }))).toEqual([400, 'body_invalid']);
      expect(await codeOf(await post(site, '/api/v1/authorities/ca/rollover', { request: 'unsettled' }))).toEqual([503, 'acme_rollover_unsettled']);
      const cookie = await session(site);
      const pressed = await site.request('/api/v1/authorities/cb/rollover', { method: 'POST', headers: { ...FORM, cookie, origin: ORIGIN }, body: '' });
      expect(pressed.headers.get('location')).toBe('/?notice=not-rolled-over');
    });
  });
});
