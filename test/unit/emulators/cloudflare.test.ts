import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MINUTE } from '../../../shared/clock.ts';
import { intoDnsWorld, startCloudflareEmulator, type CloudflareEmulator, type CloudflareEmulatorOptions } from '../../emulators/cloudflare/index.ts';
import { DnsWorld } from '../../emulators/dns/index.ts';

const OWNER = 'o'.repeat(40);
const SINGLE = 's'.repeat(40);
const READER = 'r'.repeat(40);
const DNS_ONLY = 'd'.repeat(40);
const NAME = '_acme-challenge.example.net';

let now = 1_800_000_000_000;
let api: CloudflareEmulator;
let dns: DnsWorld;

async function start(options: Partial<CloudflareEmulatorOptions> = {}): Promise<void> {
  dns = new DnsWorld(() => now);
  for (const name of ['example.net', 'other.example']) dns.addZone({ name, nameservers: ['ada.ns.cloudflare.com'] });
  api = await startCloudflareEmulator({
    zones: [
      {
        name: 'example.net',
        records: [
          { name: 'example.net', type: 'A', content: '192.0.2.1' },
          { name: 'alias.example.net', type: 'CNAME', content: 'example.net' },
        ],
      },
      { name: 'other.example' },
    ],
    tokens: [
      { token: OWNER, grants: [{ zones: '*', permissions: ['zone:read', 'dns:edit'] }] },
      { token: SINGLE, grants: [{ zones: ['example.net'], permissions: ['zone:read', 'dns:edit'] }] },
      { token: READER, grants: [{ zones: ['example.net'], permissions: ['zone:read', 'dns:read'] }] },
      { token: DNS_ONLY, grants: [{ zones: ['example.net'], permissions: ['dns:edit'] }] },
    ],
    publisher: intoDnsWorld(dns),
    clock: () => now,
    ...options,
  });
}
beforeEach(() => start());
afterEach(() => api.close());

interface Reply {
  status: number;
  headers: Headers;
  body: { success: boolean; result: unknown; errors: { code: number; message: string; error_chain?: unknown[] }[]; messages: unknown[]; result_info?: unknown };
}

async function call(method: string, path: string, body?: unknown, token: string | undefined = OWNER): Promise<Reply> {
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: { ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Reply['body'] };
}

const records = (zone = 'example.net') => `/zones/${api.zoneId(zone)}/dns_records`;
const txt = (content: string, extra: Record<string, unknown> = {}) => ({ type: 'TXT', name: NAME, content, ttl: 60, ...extra });
const create = (body: unknown, token?: string) => call('POST', records(), body, token);

async function refusal(reply: Promise<Reply>): Promise<[number, number | undefined]> {
  const { status, body } = await reply;
  expect(body).toMatchObject({ success: false, result: null, messages: [] });
  return [status, body.errors[0]?.code];
}

async function idOf(body: unknown): Promise<string> {
  const { result } = (await create(body)).body;
  if (typeof result === 'object' && result !== null && 'id' in result && typeof result.id === 'string') return result.id;
  throw new Error('nothing was created');
}

describe('who may call', () => {
  it('refuses a missing, a malformed and an unknown token, each in its own way', async () => {
    expect(await refusal(call('GET', '/zones', undefined, ''))).toEqual([400, 9_106]);
    const malformed = await call('GET', '/zones', undefined, 'short');
    expect(malformed).toMatchObject({ status: 400, body: { errors: [{ code: 6_003, error_chain: [{ code: 6_111 }] }] } });
    expect(await refusal(call('GET', '/zones', undefined, 'x'.repeat(40)))).toEqual([403, 9_109]);
  });

  it('verifies tokens', async () => {
    expect((await call('GET', '/user/tokens/verify')).body).toMatchObject({ result: { status: 'active' }, messages: [{ code: 10_000 }] });
    expect(await refusal(call('GET', '/user/tokens/verify', undefined, 'x'.repeat(40)))).toEqual([401, 1_000]);
  });

  it('verifies a token at the address of its owner only, and says when it ends', async () => {
    await api.close();
    await start({
      tokens: [
        { token: OWNER, owner: 'account', grants: [] },
        { token: SINGLE, status: 'expired', expiresOn: '2026-11-01T00:00:00Z', grants: [{ zones: '*', permissions: ['zone:read'] }] },
        { token: READER, elsewhere: true, grants: [{ zones: '*', permissions: ['zone:read'] }] },
      ],
    });
    const account = '0'.repeat(32);
    expect(await refusal(call('GET', '/user/tokens/verify'))).toEqual([401, 1_000]);
    expect((await call('GET', `/accounts/${account}/tokens/verify`)).body).toMatchObject({ result: { status: 'active' } });
    expect(await refusal(call('GET', `/accounts/${'1'.repeat(32)}/tokens/verify`))).toEqual([403, 10_000]);
    expect(await refusal(call('GET', `/accounts/${account}/tokens/verify`, undefined, SINGLE))).toEqual([401, 1_000]);
    expect((await call('GET', '/user/tokens/verify', undefined, SINGLE)).body).toMatchObject({
      result: { status: 'expired', expires_on: '2026-11-01T00:00:00Z' },
      messages: [],
    });
    expect(await refusal(call('GET', '/zones', undefined, SINGLE))).toEqual([403, 9_109]);
    expect((await call('GET', '/zones', undefined, READER)).body.errors).toMatchObject([{ message: expect.stringContaining('from location') }]);
  });

  it('lets a reader read and not write', async () => {
    expect((await call('GET', records(), undefined, READER)).status).toBe(200);
    expect(await refusal(create(txt('"v"'), READER))).toEqual([403, 10_000]);
  });

  it('does not show the zone to a token without Zone Read, which may still edit its records', async () => {
    expect(await refusal(call('GET', `/zones/${api.zoneId('example.net')}`, undefined, DNS_ONLY))).toEqual([403, 9_109]);
    expect(await refusal(call('GET', '/zones?name=example.net', undefined, DNS_ONLY))).toEqual([403, 0]);
    expect((await create(txt('"v"'), DNS_ONLY)).status).toBe(200);
  });

  it('lists to a single-zone token that zone alone, and only by its name', async () => {
    expect((await call('GET', '/zones?name=example.net', undefined, SINGLE)).body.result).toMatchObject([{ name: 'example.net', status: 'active' }]);
    expect(await refusal(call('GET', '/zones', undefined, SINGLE))).toEqual([403, 0]);
    expect(await refusal(call('GET', '/zones?name=other.example', undefined, SINGLE))).toEqual([403, 0]);
    expect(await refusal(call('GET', records('other.example'), undefined, SINGLE))).toEqual([403, 10_000]);
    expect((await call('GET', '/zones?name=nobody.example')).body.result).toEqual([]);
  });

  it('answers with retry-after and blocks for a whole window once the limit is exceeded', async () => {
    await api.close();
    await start({ rateLimit: { requests: 2, windowMs: 5 * MINUTE } });
    expect((await call('GET', '/zones')).headers.get('ratelimit')).toBe('"default";r=1;t=300');
    await call('GET', '/zones');
    const blocked = await call('GET', '/zones');
    expect([blocked.status, blocked.headers.get('retry-after'), blocked.headers.get('ratelimit-policy')]).toEqual([429, '300', '"default";q=2;w=300']);
    now += 4 * MINUTE;
    expect((await call('GET', '/zones')).headers.get('retry-after')).toBe('60');
    now += MINUTE;
    expect((await call('GET', '/zones')).status).toBe(200);
  });
});

describe('routes', () => {
  it('refuses identifiers that are none, and unknown routes', async () => {
    const bad = await call('GET', '/zones/example.net/dns_records');
    expect(bad).toMatchObject({
      status: 404,
      body: { errors: [{ code: 7_003, message: 'Could not route to /client/v4/zones/example.net/dns_records, perhaps your object identifier is invalid?' }] },
    });
    expect(await refusal(call('GET', `/zones/${'0'.repeat(32)}/dns_records`))).toEqual([403, 10_000]);
    expect(await refusal(call('GET', `${records()}/nope`))).toEqual([404, 7_003]);
    expect(await refusal(call('DELETE', `${records()}/${'0'.repeat(32)}`))).toEqual([404, 81_044]);
    expect(await refusal(call('GET', '/accounts'))).toEqual([404, 7_000]);
  });

  it('pages and filters', async () => {
    for (const value of ['a', 'b', 'c']) await create(txt(`"${value}"`, { comment: value === 'a' ? null : 'ours' }));
    expect((await call('GET', `${records()}?type=TXT&per_page=2&page=2&order=content`)).body).toMatchObject({
      result: [{ content: '"c"' }],
      result_info: { page: 2, per_page: 2, count: 1, total_count: 3, total_pages: 2 },
    });
    const contents = async (query: string) => (await call('GET', `${records()}?${query}`)).body.result;
    expect(await contents(`name.exact=${NAME.toUpperCase()}&content.exact=%22b%22`)).toHaveLength(1);
    expect(await contents(`content.exact=%22a%22&comment.exact=ours&match=any`)).toHaveLength(3);
    expect(await contents('name=alias.example.net')).toMatchObject([{ type: 'CNAME' }]);
    expect(await contents('comment.absent=&type=TXT')).toHaveLength(1);
    expect(await contents('page=9')).toEqual([]);
    await api.close();
    await start({ mostPerPage: 1 });
    expect((await call('GET', `${records()}?per_page=1000`)).body.result_info).toMatchObject({ per_page: 1, count: 1, total_count: 2, total_pages: 2 });
    expect((await call('GET', `${records()}?nmae=x`)).status).toBe(400);
  });
});

describe('what a record must be', () => {
  it.each([
    ['an unknown type', { type: 'NOPE', name: NAME, content: 'x' }, 9_020],
    ['a name outside of the zone', { type: 'TXT', name: 'example.org', content: '"x"' }, 9_000],
    ['a name with an empty label', { type: 'TXT', name: 'a..example.net', content: '"x"' }, 9_000],
    ['an asterisk within a name', { type: 'TXT', name: 'a.*.example.net', content: '"x"' }, 9_000],
    ['a TTL below 60', { type: 'TXT', name: NAME, content: '"x"', ttl: 59 }, 9_021],
    ['a TTL above a day', { type: 'TXT', name: NAME, content: '"x"', ttl: 86_401 }, 9_021],
    ['a TTL in quotes', { type: 'TXT', name: NAME, content: '"x"', ttl: '60' }, 9_022],
    ['no content', { type: 'TXT', name: NAME }, 9_101],
    ['unbalanced quotes', { type: 'TXT', name: NAME, content: '"x' }, 9_208],
    ['content too long for the wire', { type: 'TXT', name: NAME, content: 'x'.repeat(4_096) }, 9_015],
    ['a name in an A record', { type: 'A', name: 'a.example.net', content: 'localhost' }, 9_005],
    ['an IPv4 address in an AAAA record', { type: 'AAAA', name: 'a.example.net', content: '192.0.2.1' }, 9_006],
    ['an MX record without priority', { type: 'MX', name: 'example.net', content: 'mail.example.net' }, 9_101],
    ['a CAA record without data', { type: 'CAA', name: 'example.net', content: '0 issue "ca.example"' }, 9_101],
    ['a proxied TXT record', { type: 'TXT', name: NAME, content: '"x"', proxied: true }, 9_041],
    ['a comment over 100 characters', { type: 'TXT', name: NAME, content: '"x"', comment: 'c'.repeat(101) }, 9_313],
    ['a tag on the free plan', { type: 'TXT', name: NAME, content: '"x"', tags: ['a:b'] }, 9_300],
    ['an unknown field', { type: 'TXT', name: NAME, content: '"x"', zone: 'example.net' }, 9_207],
    ['a body that is no JSON', 'type=TXT', 9_207],
  ])('refuses %s', async (_, body, code) => {
    expect(await refusal(create(body))).toEqual([400, code]);
    expect(api.records('example.net')).toHaveLength(2);
  });

  it('refuses a body that is not declared as JSON', async () => {
    const response = await fetch(`${api.url}${records()}`, { method: 'POST', headers: { authorization: `Bearer ${OWNER}` }, body: JSON.stringify(txt('"x"')) });
    expect(response.status).toBe(400);
  });

  it('wraps the cause into 1004, as it did before October 2024', async () => {
    await api.close();
    await start({ validationErrors: 'chained' });
    expect((await create(txt('"x"', { ttl: 59 }))).body.errors).toEqual([
      {
        code: 1_004,
        message: 'DNS Validation Error',
        error_chain: [{ code: 9_021, message: 'TTL must be between 60 and 86400 seconds, or 1 for Automatic.' }],
      },
    ]);
  });

  it('keeps TXT content as it was sent, and says the same in DNS either way', async () => {
    expect((await create(txt('bare'))).body.result).toMatchObject({ content: 'bare' });
    expect((await create(txt(String.raw`"a\"b" "c"`))).body.result).toMatchObject({ content: String.raw`"a\"b" "c"` });
    await create(txt(String.raw`"\195\188ber"`));
    expect(
      dns
        .snapshot('example.net')
        .filter((record) => record.type === 'TXT')
        .map((record) => record.data),
    ).toEqual([['bare'], ['a"b', 'c'], ['über']]);
  });

  it('adds the quotes itself where the zone is set so', async () => {
    await api.close();
    await start({ zones: [{ name: 'example.net', autoQuoteTxt: true }] });
    expect((await create(txt('bare'))).body.result).toMatchObject({ content: '"bare"' });
  });

  it('keeps IPv6 addresses in their shortest form, and the same address once', async () => {
    expect((await create({ type: 'AAAA', name: 'a.example.net', content: '2001:0DB8:0::1' })).body.result).toMatchObject({ content: '2001:db8::1' });
    expect(await refusal(create({ type: 'AAAA', name: 'a.example.net', content: '2001:db8::1' }))).toEqual([400, 81_058]);
  });

  it('normalises names to lower case and Punycode', async () => {
    expect((await create({ ...txt('"x"'), name: 'Bücher.Example.NET.' })).body.result).toMatchObject({ name: 'xn--bcher-kva.example.net' });
  });

  it('takes CAA and MX records into DNS', async () => {
    expect((await create({ type: 'CAA', name: 'example.net', data: { flags: 0, tag: 'issue', value: 'ca.example' } })).body.result).toMatchObject({
      content: '0 issue "ca.example"',
    });
    expect((await create({ type: 'MX', name: 'example.net', content: 'mail.example.net', priority: 10 })).body.result).toMatchObject({ priority: 10 });
    expect(dns.snapshot('example.net').map((record) => record.type)).toEqual(expect.arrayContaining(['CAA', 'MX']));
  });
});

describe('what may stand side by side', () => {
  it('refuses the identical record, however it is quoted, and takes a second value', async () => {
    await create(txt('"one"'));
    expect(await refusal(create(txt('one', { ttl: 300 })))).toEqual([400, 81_058]);
    expect((await create(txt('"two"'))).status).toBe(200);
  });

  it('says 81057 where the older code is asked for', async () => {
    await api.close();
    await start({ duplicateCode: 81_057 });
    await create(txt('"one"'));
    expect(await refusal(create(txt('"one"')))).toEqual([400, 81_057]);
  });

  it('refuses a CNAME beside addresses, and addresses or TXT beside a CNAME', async () => {
    expect(await refusal(create({ type: 'CNAME', name: 'example.net', content: 'other.example' }))).toEqual([400, 81_053]);
    expect(await refusal(create({ type: 'CNAME', name: 'alias.example.net', content: 'other.example' }))).toEqual([400, 81_053]);
    expect(await refusal(create({ type: 'A', name: 'alias.example.net', content: '192.0.2.2' }))).toEqual([400, 81_054]);
    expect(await refusal(create({ type: 'TXT', name: 'alias.example.net', content: '"x"' }))).toEqual([400, 81_054]);
  });

  it('refuses other records beside a delegation', async () => {
    await create({ type: 'NS', name: 'sub.example.net', content: 'ns1.other.example' });
    expect(await refusal(create({ type: 'A', name: 'sub.example.net', content: '192.0.2.2' }))).toEqual([400, 81_056]);
  });

  it('limits the combined content of one name and type', async () => {
    for (const letter of ['a', 'b']) expect((await create(txt(letter.repeat(4_000)))).status).toBe(200);
    expect(await refusal(create(txt('c'.repeat(400))))).toEqual([400, 83_011]);
  });
});

describe('changes', () => {
  it('patches the fields that are sent and replaces all with PUT', async () => {
    const id = await idOf(txt('"one"', { comment: 'ours' }));
    expect((await call('PATCH', `${records()}/${id}`, { ttl: 120 })).body.result).toMatchObject({ ttl: 120, comment: 'ours', content: '"one"' });
    expect((await call('PUT', `${records()}/${id}`, txt('"two"'))).body.result).toMatchObject({ id, comment: null, content: '"two"' });
    expect(await refusal(call('PUT', `${records()}/${id}`, { content: '"x"' }))).toEqual([400, 9_020]);
  });

  it('executes a batch as deletes, patches, puts, posts', async () => {
    const [one, two] = [await idOf(txt('"one"')), await idOf(txt('"two"'))];
    // Each step is only possible because the one before it was executed first.
    const { body } = await call('POST', `${records()}/batch`, { posts: [txt('"two"')], patches: [{ id: two, content: '"one"' }], deletes: [{ id: one }] });
    expect(body.result).toMatchObject({ deletes: [{ id: one }], patches: [{ id: two, content: '"one"' }], puts: [], posts: [{ content: '"two"' }] });
  });

  it('applies nothing of a batch when one operation fails', async () => {
    const id = await idOf(txt('"one"'));
    const before = api.records('example.net');
    expect(await refusal(call('POST', `${records()}/batch`, { deletes: [{ id }], posts: [txt('"two"'), txt('"two"')] }))).toEqual([400, 81_058]);
    expect(await refusal(call('POST', `${records()}/batch`, { deletes: [{ id: '0'.repeat(32) }], posts: [txt('"two"')] }))).toEqual([404, 81_044]);
    expect(api.records('example.net')).toEqual(before);
    expect(dns.snapshot('example.net').filter((record) => record.type === 'TXT')).toHaveLength(1);
  });

  it('refuses a batch of more than 200 operations and an empty one', async () => {
    expect(await refusal(call('POST', `${records()}/batch`, { posts: Array.from({ length: 201 }, (_, index) => txt(`"${index}"`)) }))).toEqual([400, 9_207]);
    expect(await refusal(call('POST', `${records()}/batch`, {}))).toEqual([400, 9_207]);
  });

  it('reach DNS from active zones only, and all at once when a zone becomes active', async () => {
    await api.close();
    await start({ zones: [{ name: 'example.net', status: 'pending' }] });
    await create(txt('"one"'));
    const values = () => dns.snapshot('example.net').filter((record) => record.type === 'TXT').length;
    expect(values()).toBe(0);
    api.setZoneStatus('example.net', 'active');
    expect(values()).toBe(1);
    api.setZoneStatus('example.net', 'moved');
    expect(values()).toBe(0);
  });

  it('do not reach DNS from a zone that the vendor does not serve by itself', async () => {
    await api.close();
    await start({ zones: [{ name: 'example.net', type: 'partial', vanityNameServers: ['ns1.example.net'] }] });
    await create(txt('"one"'));
    expect(dns.snapshot('example.net').filter((record) => record.type === 'TXT')).toEqual([]);
    expect((await call('GET', `/zones/${api.zoneId('example.net')}`)).body.result).toMatchObject({ type: 'partial', vanity_name_servers: ['ns1.example.net'] });
  });

  it('leave an address in DNS that another proxied record still stands for', async () => {
    const [one] = [
      await idOf({ type: 'A', name: 'edge.example.net', content: '192.0.2.8', proxied: true }),
      await idOf({ type: 'A', name: 'edge.example.net', content: '192.0.2.9', proxied: true }),
    ];
    await call('DELETE', `${records()}/${one}`);
    expect(dns.snapshot('example.net').filter((record) => record.name === 'edge.example.net')).toHaveLength(1);
  });

  it('hide the content of a proxied record from DNS', async () => {
    await create({ type: 'CNAME', name: 'proxied.example.net', content: 'other.example', proxied: true });
    const shown = () =>
      dns
        .snapshot('example.net')
        .filter((record) => record.name === 'proxied.example.net')
        .map((record) => record.type);
    expect(shown()).toEqual(['A']);
  });
});

describe('faults', () => {
  const raw = (method: string, path: string, body?: unknown) =>
    fetch(`${api.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${OWNER}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  it('fail under status 200 without doing anything', async () => {
    api.faults.next({ kind: 'unsuccessful' });
    const reply = await raw('POST', records(), txt('"one"'));
    expect([reply.status, await reply.json()]).toMatchObject([200, { success: false, result: null }]);
    expect(api.records('example.net')).toHaveLength(2);
  });

  it('cut off the answer to what was done', async () => {
    api.faults.next({ kind: 'truncated' });
    const reply = await raw('POST', records(), txt('"one"'));
    expect(reply.status).toBe(200);
    await expect(reply.json()).rejects.toThrow(SyntaxError);
    expect(api.records('example.net')).toHaveLength(3);
  });
});
