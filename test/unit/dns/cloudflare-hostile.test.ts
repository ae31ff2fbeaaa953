/** Answers that no API should give: each is a typed error, and nothing counts as done that was not confirmed. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SECOND } from '../../../shared/clock.ts';
import { createCloudflareProvider } from '../../../functions/dns/cloudflare/provider.ts';
import type { ListedRecord, NewRecord, Zone } from '../../../functions/dns/provider.ts';
import { startCloudflareEmulator, type CloudflareEmulator } from '../../emulators/cloudflare/index.ts';

const TOKEN = 'token-for-one-zone-0123456789-0123456789';
const NAME = '_acme-challenge.example.net';
const NOW = 1_800_000_000_000;
const deadline = NOW + 30 * SECOND;
const VENDOR = { name: 'main', provider: 'cloudflare' as const, token: 'secret:cloudflare-token', endpoint: null, zoneId: null, delegation: null };

let cloudflare: CloudflareEmulator;
let zone: Zone;
beforeEach(async () => {
  cloudflare = await startCloudflareEmulator({
    zones: [{ name: 'example.net', records: [{ type: 'TXT', name: NAME, content: '"theirs"', comment: 'by hand' }] }],
    tokens: [{ token: TOKEN, grants: [{ zones: ['example.net'], permissions: ['zone:read', 'dns:edit'] }] }],
  });
  zone = { id: cloudflare.zoneId('example.net'), name: 'example.net' };
});
afterEach(() => cloudflare.close());

/** The adapter; what passes `alter` is what it gets to read. */
function provider(alter?: (body: string, request: Request) => string) {
  const altering: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const response = await fetch(request.clone());
    return alter === undefined ? response : new Response(alter(await response.text(), request), { status: response.status, headers: response.headers });
  };
  return createCloudflareProvider({ ...VENDOR, endpoint: cloudflare.url }, { secret: () => Promise.resolve(TOKEN), fetch: altering, clock: () => NOW });
}

/** The adapter in front of one fixed answer. */
function answered(body: BodyInit, init: ResponseInit = { headers: { 'content-type': 'application/json' } }) {
  return createCloudflareProvider(VENDOR, { secret: () => Promise.resolve(TOKEN), fetch: () => Promise.resolve(new Response(body, init)), clock: () => NOW });
}

/** Changes the `result` of answers to writes. */
const result =
  (change: (result: { posts: Record<string, unknown>[]; deletes: unknown[]; [key: string]: unknown }) => unknown) => (body: string, request: Request) => {
    if (request.method === 'GET') return body;
    const answer = JSON.parse(body);
    return JSON.stringify({ ...answer, result: change(answer.result) });
  };

const txt = (value: string, more: Partial<NewRecord> = {}): NewRecord => ({
  type: 'TXT',
  name: NAME,
  value,
  ttl: 60,
  comment: 'perennial issuance-1',
  ...more,
});
const list = (adapter: ReturnType<typeof provider>) => adapter.list(zone, { type: 'TXT', names: [NAME] });
const written = () => cloudflare.records('example.net').map(({ content }) => content);
const failed = { code: 'dns_vendor_failed', retryable: true };

describe('a reading that is no answer of the API', () => {
  it.each([
    ['a failure under status 200', { kind: 'unsuccessful' as const }],
    ['a page under status 200', { kind: 'html' as const, status: 200 as const }],
    ['a page under status 502', { kind: 'html' as const, status: 502 as const }],
    ['a page of a firewall, which says nothing about permissions', { kind: 'html' as const, status: 403 as const }],
    ['cut-off JSON', { kind: 'truncated' as const }],
  ])('%s', async (_, fault) => {
    for (const read of [() => list(provider()), () => provider().findZone(NAME), () => provider().nameServers(zone), () => provider().aliases(zone, [NAME])]) {
      cloudflare.faults.next(fault);
      await expect(read()).rejects.toMatchObject(failed);
    }
  });

  it.each([
    ['nothing', ''],
    ['another shape', JSON.stringify({ success: true, errors: [], result: [{ id: 7 }] })],
    ['an id that is not hexadecimal', JSON.stringify({ success: true, errors: [], result: [{ id: '../zones', name: NAME, type: 'TXT', content: '"x"' }] })],
    [
      'a type that was not asked for and is not known',
      JSON.stringify({ success: true, errors: [], result: [{ id: 'a'.repeat(32), name: NAME, type: 'SRV', content: 'x' }] }),
    ],
    [
      'content beyond every limit',
      JSON.stringify({ success: true, errors: [], result: [{ id: 'a'.repeat(32), name: NAME, type: 'TXT', content: 'x'.repeat(9_000) }] }),
    ],
    ['a result that is null', JSON.stringify({ success: true, errors: [], result: null })],
    ['a success that is not one', JSON.stringify({ success: 'true', errors: [], result: [] })],
  ])('%s', async (_, body) => {
    await expect(list(answered(body))).rejects.toMatchObject({ code: 'dns_vendor_failed' });
  });

  it('a list of zones that is null is no account without that zone, whose names may be delegated elsewhere', async () => {
    await expect(answered(JSON.stringify({ success: true, errors: [], result: null })).findZone(NAME)).rejects.toMatchObject(failed);
  });

  it('an answer without end', async () => {
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(1_048_576)) });
    await expect(answered(endless).findZone(NAME)).rejects.toMatchObject({ code: 'dns_vendor_failed', message: expect.stringContaining('larger than') });
  });

  it('a list without end', async () => {
    const page = Array.from({ length: 1_000 }, (_, index) => ({ id: index.toString(16).padStart(32, '0'), name: NAME, type: 'TXT', content: '"x"' }));
    const body = JSON.stringify({ success: true, errors: [], result: page, result_info: { total_pages: 4_000, total_count: 4_000_000 } });
    let requests = 0;
    const adapter = createCloudflareProvider(VENDOR, {
      secret: () => Promise.resolve(TOKEN),
      fetch: () => Promise.resolve(new Response(body)),
      clock: () => NOW,
      onRequest: () => {
        requests += 1;
      },
    });
    await expect(list(adapter)).rejects.toMatchObject({ code: 'dns_vendor_failed', message: expect.stringContaining('10 pages') });
    expect(requests).toBe(10);
  });

  it('a redirect, which is not followed', async () => {
    await expect(list(answered('', { status: 302, headers: { location: 'https://elsewhere.example/' } }))).rejects.toMatchObject({ code: 'dns_vendor_failed' });
  });
});

it('records of other names in a list that should be filtered are left out', async () => {
  const stray = { id: 'a'.repeat(32), name: 'mail.example.net', type: 'TXT', content: '"v=spf1"', ttl: 300 };
  const adapter = provider((body, request) => {
    if (!request.url.includes('/dns_records')) return body;
    const answer = JSON.parse(body);
    return JSON.stringify({ ...answer, result: [stray, ...answer.result], result_info: null });
  });
  expect((await list(adapter)).map(({ name }) => name)).toEqual([NAME]);
});

describe('a write that is answered by somebody on the way', () => {
  it.each([
    ['a page under status 200', { kind: 'html' as const, status: 200 as const }],
    ['a page under status 502', { kind: 'html' as const, status: 502 as const }],
    ['cut-off JSON', { kind: 'truncated' as const }],
  ])('%s: it may have gone on, so the outcome is in doubt', async (_, fault) => {
    cloudflare.faults.next({ ...fault, path: '/dns_records' });
    await expect(provider().apply(zone, { add: [txt('a'), txt('b')], remove: [] }, deadline)).rejects.toMatchObject({ ...failed, inDoubt: true });
  });

  it.each([
    ['a failure under status 200', { kind: 'unsuccessful' as const }],
    ['a firewall', { kind: 'html' as const, status: 403 as const }],
  ])('%s: it went no further', async (_, fault) => {
    for (const change of [
      { add: [txt('a'), txt('b')], remove: [] },
      { add: [txt('a')], remove: [] },
    ]) {
      cloudflare.faults.next({ ...fault, path: '/dns_records' });
      await expect(provider().apply(zone, change, deadline)).rejects.toMatchObject({ ...failed, inDoubt: false });
    }
    expect(written()).toEqual(['"theirs"']);
  });

  it('a removal counts only when the vendor names what it removed', async () => {
    const adapter = provider();
    const { added } = await adapter.apply(zone, { add: [txt('a'), txt('b')], remove: [] }, deadline);
    for (const [remove, fault] of [
      [added.slice(0, 1), { kind: 'unsuccessful' as const }],
      [added, { kind: 'unsuccessful' as const }],
    ] as const) {
      cloudflare.faults.next(fault);
      await expect(adapter.apply(zone, { add: [], remove }, deadline)).rejects.toMatchObject(failed);
    }
    expect(written()).toEqual(['"theirs"', '"a"', '"b"']);
    const another = provider(result((given) => ({ ...given, id: 'f'.repeat(32) })));
    await expect(another.apply(zone, { add: [], remove: added.slice(0, 1) }, deadline)).rejects.toMatchObject(failed);
  });
});

describe('the answer to a batch', () => {
  it('that names fewer records than were asked for: those it leaves out are not confirmed', async () => {
    const adapter = provider(result((given) => ({ ...given, posts: given.posts.slice(0, 1) })));
    const { added, refused } = await adapter.apply(zone, { add: [txt('a'), txt('b')], remove: [] }, deadline);
    expect(added).toMatchObject([{ value: 'a' }]);
    expect(refused).toMatchObject([{ record: { value: 'b' }, error: failed }]);
    expect(written()).toEqual(['"theirs"', '"a"', '"b"']);
  });

  it('that names no removals: none is confirmed', async () => {
    const { added } = await provider().apply(zone, { add: [txt('a'), txt('b')], remove: [] }, deadline);
    const { refused } = await provider(result((given) => ({ ...given, deletes: null }))).apply(zone, { add: [], remove: added }, deadline);
    expect(refused.map(({ error }) => error.code)).toEqual(['dns_vendor_failed', 'dns_vendor_failed']);
  });

  it("that claims somebody else's record was created: it is neither ours nor removed", async () => {
    const [theirs] = cloudflare.records('example.net');
    const claim = { id: theirs?.id, name: NAME, type: 'TXT', content: '"theirs"', ttl: 1, comment: 'by hand' };
    const adapter = provider(result((given) => ({ ...given, posts: [claim, ...given.posts.slice(1)] })));
    const { added, refused } = await adapter.apply(zone, { add: [txt('a'), txt('b')], remove: [] }, deadline);
    expect(added).toMatchObject([{ value: 'b' }]);
    expect(refused).toMatchObject([{ record: { value: 'a' }, error: failed }]);
    expect(written()).toContain('"theirs"');
  });

  it('that names no ids', async () => {
    const adapter = provider(result((given) => ({ ...given, posts: given.posts.map((post) => ({ ...post, id: 'not-an-id' })) })));
    await expect(adapter.apply(zone, { add: [txt('a'), txt('b')], remove: [] }, deadline)).rejects.toMatchObject(failed);
  });

  it('that made another value of ours: it is taken back and refused by name, and the others stand', async () => {
    const mangled = provider(undefined);
    const sending: typeof fetch = (input, init) =>
      fetch(input, typeof init?.body === 'string' ? { ...init, body: init.body.replace(String.raw`\"a\"`, String.raw`\"A\"`) } : init);
    const adapter = createCloudflareProvider(
      { ...VENDOR, endpoint: cloudflare.url },
      { secret: () => Promise.resolve(TOKEN), fetch: sending, clock: () => NOW },
    );
    const { added, refused } = await adapter.apply(zone, { add: [txt('a'), txt('b')], remove: [] }, deadline);
    expect(added).toMatchObject([{ value: 'b' }]);
    expect(refused).toMatchObject([{ record: { value: 'a' }, error: { code: 'dns_refused', retryable: false, message: expect.stringContaining(NAME) } }]);
    expect((await list(mangled)).map(({ value }) => value)).toEqual(['theirs', 'b']);
  });
});

it('a single record that is answered as another is not taken for it', async () => {
  const theirs = cloudflare.records('example.net')[0];
  const adapter = provider(result((given) => ({ ...given, id: theirs?.id, content: '"theirs"', comment: 'by hand' })));
  await expect(adapter.apply(zone, { add: [txt('a')], remove: [] }, deadline)).rejects.toMatchObject(failed);
  expect(written()).toContain('"theirs"');
});

it('"exists already" for what is not listed is no success', async () => {
  const adapter = provider();
  await adapter.apply(zone, { add: [txt('a')], remove: [] }, deadline);
  const blind = provider((body, request) => (request.method === 'GET' ? JSON.stringify({ success: true, errors: [], result: [] }) : body));
  await expect(blind.apply(zone, { add: [txt('a')], remove: [] }, deadline)).rejects.toMatchObject({
    ...failed,
    message: expect.stringContaining('does not list it'),
  });
});

it.each([81_044, 7_003])('a record that is gone (404 %d) counts as removed, alone and in a batch', async (code) => {
  const { added } = await provider().apply(zone, { add: [txt('a'), txt('b')], remove: [] }, deadline);
  const gone = createCloudflareProvider(
    { ...VENDOR, endpoint: cloudflare.url },
    {
      secret: () => Promise.resolve(TOKEN),
      fetch: () => Promise.resolve(Response.json({ result: null, success: false, errors: [{ code, message: 'gone' }], messages: [] }, { status: 404 })),
      clock: () => NOW,
    },
  );
  for (const remove of [added, added.slice(0, 1)]) expect(await gone.apply(zone, { add: [], remove }, deadline)).toEqual({ added: [], refused: [] });
});

it('a record without an id is refused by name, and the others of the change are removed', async () => {
  const { added } = await provider().apply(zone, { add: [txt('a')], remove: [] }, deadline);
  const nameless: ListedRecord = { id: null, type: 'TXT', name: NAME, value: 'b', comment: '', ttl: 60 };
  const { refused } = await provider().apply(zone, { add: [], remove: [nameless, ...added] }, deadline);
  expect(refused).toMatchObject([{ record: { value: 'b' }, error: { code: 'dns_refused' } }]);
  expect(written()).toEqual(['"theirs"']);
});
