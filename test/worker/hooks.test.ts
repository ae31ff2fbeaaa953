import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HOUR, MINUTE } from '../../shared/clock.ts';
import { refusalSchema } from '../../shared/relay/contract.ts';
import { FORCE_TOKEN, onSite, SIGNING_SECRET, START, TOKEN, view, WEAK_SECRET, type Site } from './web-world.ts';

const bearer = (token: string, more: Record<string, string> = {}) => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json', ...more });
const post = (site: Site, path: string, body: unknown, headers: Record<string, string>) =>
  site.request(path, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
const acceptedSchema = z.object({ url: z.url(), accepted: z.array(z.string()) });
const refusal = async (response: Response) => {
  const text = await response.text();
  return { status: response.status, text, ...refusalSchema.parse(JSON.parse(text)).error };
};

async function signed(
  body: string,
  { id = 'msg_1', at = START, secret = SIGNING_SECRET }: { id?: string; at?: number; secret?: string } = {},
): Promise<Record<string, string>> {
  const bytes = Uint8Array.from(atob(secret.replace('whsec_', '')), (character) => character.charCodeAt(0));
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const timestamp = String(Math.floor(at / 1_000));
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(`${id}.${timestamp}.${body}`)));
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${btoa(String.fromCharCode(...mac))}` };
}

describe('a webhook with a token', () => {
  it('renews what is due and answers with an address that shows the progress', async () => {
    await onSite('hook-renew', async (site) => {
      const response = await post(site, '/hooks/renew', { certificates: ['a'] }, bearer(TOKEN));
      expect(response.status).toBe(202);
      const { url, accepted } = acceptedSchema.parse(await response.json());
      expect([accepted, response.headers.get('location')]).toEqual([['a'], url]);
      expect(url).toMatch(/^https:\/\/perennial\.example\.net\/api\/v1\/operations\/[0-9a-f-]{36}$/);
      expect(site.wakes).toEqual(['a renew']);
      await site.fleet.report({ name: 'a', sequence: 1, at: START + 5, view: view('a'), events: [] });
      expect(await (await site.request(new URL(url).pathname)).json()).toMatchObject({ done: true, progress: [{ certificate: 'a', status: 'done' }] });
    });
  });

  it('reloads with the scope for it, and only then', async () => {
    await onSite('hook-reload', async (site) => {
      expect((await post(site, '/hooks/reload', { certificates: ['a'] }, bearer(TOKEN))).status).toBe(202);
      expect(site.wakes).toEqual(['a redeliver']);
      expect(await refusal(await post(site, '/hooks/reload', { certificates: ['a'] }, bearer(FORCE_TOKEN)))).toMatchObject({
        status: 403,
        code: 'webhook_scope_missing',
      });
    });
  });

  it('forces with a scope of its own and a cool-down, and is told when the next time is', async () => {
    await onSite('hook-force', async (site) => {
      expect(await refusal(await post(site, '/hooks/renew', { certificates: ['a'], force: true }, bearer(TOKEN)))).toMatchObject({
        status: 403,
        code: 'webhook_scope_missing',
      });
      expect((await post(site, '/hooks/renew', { certificates: ['a'], force: true }, bearer(FORCE_TOKEN))).status).toBe(202);
      site.advance(10 * MINUTE);
      const again = await post(site, '/hooks/renew', { certificates: ['a'], force: true }, bearer(FORCE_TOKEN));
      expect(again.headers.get('retry-after')).toBe('3000');
      expect(await refusal(again)).toMatchObject({ status: 429, code: 'force_cooling_down', retryAt: START + HOUR });
      expect(site.wakes).toEqual(['a force']);
    });
  });

  it('cannot tell a certificate of others from one that does not exist', async () => {
    await onSite('hook-foreign', async (site) => {
      const foreign = await refusal(await post(site, '/hooks/renew', { certificates: ['b'] }, bearer(TOKEN)));
      const nobody = await refusal(await post(site, '/hooks/renew', { certificates: ['nobody'] }, bearer(TOKEN)));
      expect(foreign).toEqual(nobody);
      expect(foreign).toMatchObject({ status: 403, code: 'webhook_certificate_forbidden' });
      // One of its own in the list lets no other in.
      expect(await refusal(await post(site, '/hooks/renew', { certificates: ['a', 'b'] }, bearer(TOKEN)))).toMatchObject({
        status: 403,
        code: 'webhook_certificate_forbidden',
      });
      expect(await refusal(await post(site, '/hooks/renew', { certificates: ['nobody'] }, bearer(FORCE_TOKEN)))).toMatchObject({
        status: 404,
        code: 'certificate_unknown',
      });
      expect(site.wakes).toEqual([]);
    });
  });

  it.each([
    ['no credentials', {}],
    ['an unknown token', { authorization: 'Bearer something-else-entirely' }],
    ['a secret that is too short to be safe', { authorization: 'Bearer short' }],
    ["the administrator's token", { authorization: 'Bearer administrator-token-for-tests' }],
    ['another scheme', { authorization: 'Basic ZGVwbG95Omhvb2s=' }],
  ])('is refused with %s, and nothing is said about what exists', async (what, headers) => {
    await onSite(`hook-401 ${what}`, async (site) => {
      const response = await refusal(await post(site, '/hooks/renew', { certificates: ['a'] }, headers));
      expect(response).toMatchObject({ status: 401, code: 'webhook_unauthorized' });
      expect(response.text).not.toMatch(/deploy|signing|example\.net/);
      expect(site.wakes).toEqual([]);
    });
  });
});

describe('an Idempotency-Key', () => {
  it('gets the same answer for the same request, and 422 for another', async () => {
    await onSite('hook-idempotent', async (site) => {
      const headers = bearer(TOKEN, { 'idempotency-key': 'build-42' });
      const first = await (await post(site, '/hooks/renew', { certificates: ['a'] }, headers)).json();
      const second = await post(site, '/hooks/renew', { certificates: ['a'] }, headers);
      expect([second.status, await second.json()]).toEqual([202, first]);
      expect(site.wakes).toEqual(['a renew']);
      expect(await refusal(await post(site, '/hooks/renew', '{"certificates":["a"],"force":false}', headers))).toMatchObject({
        status: 422,
        code: 'idempotency_mismatch',
      });
      expect(await refusal(await post(site, '/hooks/reload', { certificates: ['a'] }, headers))).toMatchObject({ status: 422 });
      expect(await refusal(await post(site, '/hooks/renew', { certificates: ['a'] }, bearer(TOKEN, { 'idempotency-key': 'k'.repeat(256) })))).toMatchObject({
        status: 400,
        code: 'idempotency_key_invalid',
      });
    });
  });
});

describe('a signed webhook', () => {
  const body = '{"certificates":["a"]}';

  it('is refused when its secret is too short to be safe', async () => {
    await onSite('signed-weak', async (site) => {
      expect(await refusal(await post(site, '/hooks/renew', body, await signed(body, { secret: WEAK_SECRET })))).toMatchObject({
        status: 401,
        code: 'webhook_unauthorized',
      });
      expect(site.wakes).toEqual([]);
    });
  });

  it('is accepted once: the same message again is a replay', async () => {
    await onSite('signed', async (site) => {
      const headers = await signed(body);
      expect((await post(site, '/hooks/renew', body, headers)).status).toBe(202);
      site.advance(9 * MINUTE);
      expect(await refusal(await post(site, '/hooks/renew', body, headers))).toMatchObject({ status: 401, code: 'webhook_stale' });
      site.advance(-9 * MINUTE);
      expect(await refusal(await post(site, '/hooks/renew', body, headers))).toMatchObject({ status: 409, code: 'webhook_replayed' });
      expect(site.wakes).toEqual(['a renew']);
    });
  });

  it('may carry several signatures while a secret is rotated', async () => {
    await onSite('signed-several', async (site) => {
      const headers = await signed(body);
      const more = { ...headers, 'webhook-signature': `v1,${btoa('x'.repeat(32))} v1a,abc ${headers['webhook-signature']}` };
      expect((await post(site, '/hooks/renew', body, more)).status).toBe(202);
    });
  });

  it.each<[string, () => Promise<{ headers: Record<string, string>; body?: string }>, string]>([
    ['another body', async () => ({ headers: await signed(body), body: '{"certificates":["a"],"force":true}' }), 'webhook_unauthorized'],
    ['another id', async () => ({ headers: { ...(await signed(body)), 'webhook-id': 'msg_2' } }), 'webhook_unauthorized'],
    ['another timestamp', async () => ({ headers: { ...(await signed(body)), 'webhook-timestamp': String(START / 1_000 + 1) } }), 'webhook_unauthorized'],
    ['another secret', async () => ({ headers: await signed(body, { secret: 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }) }), 'webhook_unauthorized'],
    ['a full stop in the id', async () => ({ headers: await signed(body, { id: 'a.1' }) }), 'webhook_unauthorized'],
    ['no timestamp', async () => ({ headers: { 'webhook-id': 'a', 'webhook-signature': 'v1,AAAA' } }), 'webhook_unauthorized'],
    ['a timestamp of six minutes ago', async () => ({ headers: await signed(body, { at: START - 6 * MINUTE }) }), 'webhook_stale'],
    ['a timestamp in six minutes', async () => ({ headers: await signed(body, { at: START + 6 * MINUTE }) }), 'webhook_stale'],
    [
      'a token beside a wrong signature',
      async () => ({ headers: { ...(await signed(body, { id: 'm' })), 'webhook-id': 'n', authorization: `Bearer ${TOKEN}` } }),
      'webhook_unauthorized',
    ],
  ])('is refused with %s', async (what, make, code) => {
    await onSite(`signed ${what}`, async (site) => {
      const message = await make();
      expect(await refusal(await post(site, '/hooks/renew', message.body ?? body, message.headers))).toMatchObject({ status: 401, code });
      expect(site.wakes).toEqual([]);
    });
  });
});

describe('a body', () => {
  it.each([
    ['that is no JSON', 'certificates=a', 400, 'body_invalid'],
    ['of another shape', '["a"]', 400, 'body_invalid'],
    ['without certificates', '{"certificates":[]}', 400, 'body_invalid'],
    ['with a name that cannot be', '{"certificates":["../a"]}', 400, 'body_invalid'],
    ['with an unknown member', '{"certificates":["a"],"forced":true}', 400, 'body_invalid'],
    ['that is too large', `{"certificates":["${'a'.repeat(17_000)}"]}`, 413, 'body_too_large'],
  ])('%s is refused', async (what, body, status, code) => {
    await onSite(`body ${what}`, async (site) => {
      const response = await refusal(await post(site, '/hooks/renew', body, bearer(TOKEN)));
      expect(response).toMatchObject({ status, code });
      expect(response.text).not.toContain('aaaa');
    });
  });

  it('changes nothing while the configuration is invalid', async () => {
    await onSite(
      'hook-invalid',
      async (site) => {
        expect(await refusal(await post(site, '/hooks/renew', { certificates: ['a'] }, bearer(TOKEN)))).toMatchObject({
          status: 503,
          code: 'configuration_invalid',
        });
        expect(site.wakes).toEqual([]);
      },
      { compiled: { valid: false, hash: 'h', problems: [{ path: 'acme', message: 'wrong' }] } },
    );
  });
});
