/** The Cloudflare adapter through the official SDK against the emulator, over loopback HTTP. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SECOND } from '../../../shared/clock.ts';
import type { DnsVendor } from '../../../functions/config/configuration.ts';
import { createProvider } from '../../../functions/dns/create-provider.ts';
import { ownershipComment, type DnsProvider, type NewRecord, type Zone } from '../../../functions/dns/provider.ts';
import { startCloudflareEmulator, type CloudflareEmulator, type CloudflareEmulatorOptions } from '../../emulators/cloudflare/index.ts';

const TOKEN = 'token-for-one-zone-0123456789-0123456789';
const NAME = '_acme-challenge.example.net';
const NOW = 1_800_000_000_000;

let cloudflare: CloudflareEmulator | undefined;
let requests = 0;
afterEach(async () => {
  await cloudflare?.close();
  cloudflare = undefined;
});
beforeEach(() => {
  requests = 0;
});

async function start(options: Partial<CloudflareEmulatorOptions> = {}): Promise<CloudflareEmulator> {
  cloudflare = await startCloudflareEmulator({
    zones: [{ name: 'example.net' }, { name: 'other.example' }],
    tokens: [{ token: TOKEN, grants: [{ zones: ['example.net'], permissions: ['zone:read', 'dns:edit'] }] }],
    ...options,
  });
  return cloudflare;
}

function provider(
  vendor: Partial<DnsVendor> = {},
  secret = TOKEN,
  apex?: (name: string) => Promise<string | null>,
  through: typeof fetch = fetch,
): DnsProvider {
  return createProvider(
    { name: 'main', provider: 'cloudflare', token: 'secret:cloudflare-token', endpoint: cloudflare?.url ?? null, zoneId: null, ...vendor },
    {
      secret: () => Promise.resolve(secret),
      fetch: through,
      clock: () => NOW,
      onRequest: () => {
        requests += 1;
      },
      apex,
    },
  );
}

const txt = (value: string, name = NAME): NewRecord => ({ type: 'TXT', name, value, ttl: 60, comment: ownershipComment('issuance-1') });
const deadline = NOW + 30 * SECOND;

async function zoneOf(adapter: DnsProvider): Promise<Zone> {
  return adapter.findZone(NAME);
}

async function present(adapter: DnsProvider, ...records: NewRecord[]) {
  return adapter.apply(await zoneOf(adapter), { add: records, remove: [] }, deadline);
}

describe('finding the zone', () => {
  it('walks from the longest name up with a token that sees one zone only', async () => {
    const emulator = await start();
    expect(await provider().findZone('_acme-challenge.a.b.example.net')).toEqual({ id: emulator.zoneId('example.net'), name: 'example.net' });
  });

  it('prefers the longest zone, and a served parent to a sub-zone that is not active', async () => {
    const options = {
      zones: [{ name: 'example.net' }, { name: 'sub.example.net' }],
      tokens: [{ token: TOKEN, grants: [{ zones: '*' as const, permissions: ['zone:read', 'dns:edit'] as const }] }],
    };
    const emulator = await start(options);
    expect(await provider().findZone('_acme-challenge.x.sub.example.net')).toMatchObject({ name: 'sub.example.net' });
    emulator.setZoneStatus('sub.example.net', 'pending');
    expect(await provider().findZone('_acme-challenge.x.sub.example.net')).toMatchObject({ name: 'example.net' });
  });

  it('remembers its answers, so that many names of a zone cost few requests', async () => {
    await start();
    const adapter = provider();
    await adapter.findZone('_acme-challenge.example.net');
    await adapter.findZone('_acme-challenge.example.net');
    expect(requests).toBe(1);
  });

  it('says which names were tried when there is none', async () => {
    await start();
    await expect(provider().findZone('_acme-challenge.www.other.example')).rejects.toMatchObject({
      code: 'dns_zone_not_found',
      message: expect.stringContaining('www.other.example, other.example'),
      hint: expect.stringContaining('Zone → Zone → Read'),
    });
  });

  it('names the name servers a pending zone waits for', async () => {
    await start({ zones: [{ name: 'example.net', status: 'pending', nameServers: ['ada.ns.cloudflare.com', 'bob.ns.cloudflare.com'] }] });
    await expect(provider().findZone(NAME)).rejects.toMatchObject({
      code: 'dns_zone_inactive',
      hint: expect.stringContaining('ada.ns.cloudflare.com and bob.ns.cloudflare.com'),
    });
  });

  it('needs no Zone → Read when zone_id is given, and takes the zone name from public DNS', async () => {
    const emulator = await start({ tokens: [{ token: TOKEN, grants: [{ zones: ['example.net'], permissions: ['dns:edit'] }] }] });
    const adapter = provider({ zoneId: emulator.zoneId('example.net') }, TOKEN, () => Promise.resolve('example.net'));
    expect(await adapter.findZone(NAME)).toEqual({ id: emulator.zoneId('example.net'), name: 'example.net' });
    await expect(adapter.findZone('_acme-challenge.other.example')).rejects.toMatchObject({ code: 'dns_zone_not_found' });
  });

  it('takes records back that the vendor completed with the name of another zone', async () => {
    const emulator = await start({ tokens: [{ token: TOKEN, grants: [{ zones: ['other.example'], permissions: ['dns:edit'] }] }] });
    const completing = (input: RequestInfo | URL, init?: RequestInit) =>
      fetch(input, typeof init?.body === 'string' ? { ...init, body: init.body.replaceAll(`"${NAME}"`, `"${NAME}.other.example"`) } : init);
    for (const add of [[txt('a')], [txt('a'), txt('b')]]) {
      const adapter = provider({ zoneId: emulator.zoneId('other.example') }, TOKEN, undefined, completing);
      await expect(adapter.apply({ id: emulator.zoneId('other.example'), name: 'example.net' }, { add, remove: [] }, deadline)).rejects.toMatchObject({
        code: 'dns_zone_mismatch',
      });
      expect(emulator.records('other.example')).toEqual([]);
    }
  });
});

describe('publishing', () => {
  it('writes both values of apex and wildcard in one batch, quoted and with our mark', async () => {
    const emulator = await start();
    const adapter = provider();
    const zone = await zoneOf(adapter);
    requests = 0;
    const { added, refused } = await adapter.apply(zone, { add: [txt('one'), txt('two')], remove: [] }, deadline);
    expect(requests).toBe(1);
    expect(refused).toEqual([]);
    expect(added.map(({ value }) => value)).toEqual(['one', 'two']);
    expect(emulator.records('example.net')).toMatchObject([
      { name: NAME, type: 'TXT', content: '"one"', ttl: 60, comment: 'perennial issuance-1' },
      { name: NAME, type: 'TXT', content: '"two"', ttl: 60 },
    ]);
  });

  it.each([81_057, 81_058] as const)('takes "exists already" (%d) as success and learns the id, without holding up the others', async (duplicateCode) => {
    const emulator = await start({
      duplicateCode,
      zones: [{ name: 'example.net', records: [{ type: 'TXT', name: NAME, content: 'one', ttl: 300, comment: 'by hand' }] }],
    });
    const { added, refused } = await present(provider(), txt('one'), txt('two'));
    expect(refused).toEqual([]);
    const theirs = emulator.records('example.net').find(({ comment }) => comment === 'by hand');
    expect(added).toMatchObject([
      { id: theirs?.id, value: 'one', comment: 'by hand' },
      { value: 'two', comment: 'perennial issuance-1' },
    ]);
  });

  it('recognises a CNAME at the name, and writes what has none', async () => {
    await start({ zones: [{ name: 'example.net', records: [{ type: 'CNAME', name: NAME, content: 'challenges.other.example', ttl: 300 }] }] });
    const { added, refused } = await present(provider(), txt('one'), txt('two', '_acme-challenge.www.example.net'));
    expect(added).toMatchObject([{ value: 'two' }]);
    expect(refused).toMatchObject([{ record: { value: 'one' }, error: { code: 'dns_name_is_alias', retryable: false } }]);
  });

  it('leaves a reply that got lost in doubt', async () => {
    const emulator = await start();
    const adapter = provider();
    const zone = await zoneOf(adapter);
    emulator.faults.next({ kind: 'reply-lost', path: '/batch' });
    await expect(adapter.apply(zone, { add: [txt('one'), txt('two')], remove: [] }, deadline)).rejects.toMatchObject({
      code: 'dns_unreachable',
      inDoubt: true,
      retryable: true,
    });
    expect(emulator.records('example.net')).toHaveLength(2);
  });

  it('sends nothing once the deadline is over', async () => {
    await start();
    const adapter = provider();
    const zone = await zoneOf(adapter);
    requests = 0;
    await expect(adapter.apply(zone, { add: [txt('one')], remove: [] }, NOW)).rejects.toMatchObject({
      code: 'dns_vendor_failed',
      retryable: true,
      inDoubt: false,
    });
    expect(requests).toBe(0);
  });
});

describe('listing and removing', () => {
  it('compares by value, whether the content is quoted or not, and follows pages', async () => {
    const others = Array.from({ length: 1_200 }, (_, index) => ({ type: 'TXT' as const, name: `host-${index}.example.net`, content: `"${index}"`, ttl: 300 }));
    await start({
      zones: [
        {
          name: 'example.net',
          records: [...others, { type: 'TXT', name: NAME, content: 'bare', ttl: 60 }, { type: 'TXT', name: NAME, content: '"quo" "ted"', ttl: 60 }],
        },
      ],
    });
    const adapter = provider();
    const zone = await zoneOf(adapter);
    const values = async (names: string[]) => (await adapter.list(zone, { type: 'TXT', names })).map(({ value }) => value).sort();
    expect(await values([NAME])).toEqual(['bare', 'quoted']);
    expect(await values([NAME, 'host-0.example.net', 'host-1.example.net', 'host-1100.example.net'])).toEqual(['0', '1', '1100', 'bare', 'quoted']);
  });

  it('removes exactly the listed records, and takes one that is gone as removed', async () => {
    const emulator = await start({ zones: [{ name: 'example.net', records: [{ type: 'TXT', name: NAME, content: '"theirs"', ttl: 60 }] }] });
    const adapter = provider();
    const zone = await zoneOf(adapter);
    const { added } = await present(adapter, txt('one'), txt('two'));
    await adapter.apply(zone, { add: [], remove: added.slice(0, 1) }, deadline);
    expect(await adapter.apply(zone, { add: [], remove: added }, deadline)).toEqual({ added: [], refused: [] });
    expect(emulator.records('example.net')).toMatchObject([{ content: '"theirs"' }]);
  });
});

describe('refusals', () => {
  it('a token that the vendor does not know or that is malformed', async () => {
    await start();
    for (const secret of ['unknown-token-0123456789-0123456789-0123', 'short']) {
      await expect(provider({}, secret).findZone(NAME)).rejects.toMatchObject({
        code: 'dns_unauthorized',
        retryable: false,
        hint: expect.stringContaining('secret:cloudflare-token'),
      });
    }
  });

  it('a token without the permission to write: named', async () => {
    await start({ tokens: [{ token: TOKEN, grants: [{ zones: ['example.net'], permissions: ['zone:read', 'dns:read'] }] }] });
    await expect(present(provider(), txt('one'))).rejects.toMatchObject({
      code: 'dns_forbidden',
      hint: expect.stringContaining('Zone → DNS → Edit'),
      details: { permission: 'Zone → DNS → Edit' },
    });
  });

  it('a rate limit: with the time the vendor asks for', async () => {
    const emulator = await start();
    const adapter = provider();
    const zone = await zoneOf(adapter);
    emulator.faults.next({ kind: 'rate-limited', retryAfterSeconds: 120 });
    await expect(adapter.list(zone, { type: 'TXT', names: [NAME] })).rejects.toMatchObject({
      code: 'dns_rate_limited',
      retryable: true,
      retryAt: NOW + 120 * SECOND,
    });
  });

  it('an outage that answers in HTML, and an answer of another shape', async () => {
    const emulator = await start();
    const adapter = provider();
    const zone = await zoneOf(adapter);
    emulator.faults.next({ kind: 'html', status: 502 });
    await expect(adapter.list(zone, { type: 'TXT', names: [NAME] })).rejects.toMatchObject({ code: 'dns_vendor_failed', retryable: true });
    const strange = createProvider(
      { name: 'main', provider: 'cloudflare', token: 'secret:cloudflare-token', endpoint: null, zoneId: null },
      { secret: () => Promise.resolve(TOKEN), fetch: () => Promise.resolve(Response.json({ success: true, result: [{ id: 7 }] })), clock: () => NOW },
    );
    await expect(strange.list(zone, { type: 'TXT', names: [NAME] })).rejects.toMatchObject({ code: 'dns_vendor_failed' });
  });

  it('an answer without end', async () => {
    const endless = () => new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(1_048_576)) });
    const adapter = createProvider(
      { name: 'main', provider: 'cloudflare', token: 'secret:cloudflare-token', endpoint: null, zoneId: null },
      {
        secret: () => Promise.resolve(TOKEN),
        fetch: () => Promise.resolve(new Response(endless(), { headers: { 'content-type': 'application/json' } })),
        clock: () => NOW,
      },
    );
    await expect(adapter.findZone(NAME)).rejects.toMatchObject({ code: 'dns_vendor_failed', message: expect.stringContaining('larger than') });
  });

  it('never with the token in the error', async () => {
    await start();
    const thrown: unknown = await provider({}, 'unknown-token-0123456789-0123456789-0123')
      .findZone(NAME)
      .catch((error: unknown) => error);
    expect(JSON.stringify(thrown)).not.toContain('unknown-token');
  });
});
