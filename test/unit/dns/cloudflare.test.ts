/** The Cloudflare adapter through the official SDK against the emulator, over loopback HTTP. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SECOND } from '../../../shared/clock.ts';
import type { CloudflareVendor } from '../../../functions/config/configuration.ts';
import { createCloudflareProvider } from '../../../functions/dns/cloudflare/provider.ts';
import { ownershipComment, type NewRecord, type RecordProvider, type Zone } from '../../../functions/dns/provider.ts';
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

function provider(vendor: Partial<CloudflareVendor> = {}, secret = TOKEN, apex?: (name: string) => Promise<string | null>, through: typeof fetch = fetch) {
  return createCloudflareProvider(
    { name: 'main', provider: 'cloudflare', token: 'secret:cloudflare-token', endpoint: cloudflare?.url ?? null, zoneId: null, delegation: null, ...vendor },
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

async function zoneOf(adapter: RecordProvider): Promise<Zone> {
  return adapter.findZone(NAME);
}

async function present(adapter: RecordProvider, ...records: NewRecord[]) {
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

  describe('that zone_id names, without Zone → Read', () => {
    const tokens = [{ token: TOKEN, grants: [{ zones: ['example.net'], permissions: ['dns:edit'] as const }] }];
    /** Public DNS: the last two labels are a zone. */
    const apex = (name: string) => Promise.resolve(name.split('.').slice(-2).join('.'));

    it('is the public one of a record that it holds, whatever name is asked for', async () => {
      const emulator = await start({
        zones: [{ name: 'example.net', records: [{ type: 'MX', name: 'mail.example.net', content: 'mx.example', priority: 1 }] }],
        tokens,
      });
      const adapter = provider({ zoneId: emulator.zoneId('example.net') }, TOKEN, apex);
      expect(await adapter.findZone(NAME)).toEqual({ id: emulator.zoneId('example.net'), name: 'example.net' });
      requests = 0;
      await expect(adapter.findZone('_acme-challenge.other.example')).rejects.toMatchObject({ code: 'dns_zone_not_found' });
      expect(requests).toBe(0);
    });

    it('is the public one of the delegation that the block offers', async () => {
      const emulator = await start({ tokens });
      const adapter = provider({ zoneId: emulator.zoneId('example.net'), delegation: 'acme.example.net' }, TOKEN, apex);
      expect(await adapter.findZone(NAME)).toEqual({ id: emulator.zoneId('example.net'), name: 'example.net' });
      await expect(adapter.findZone('_acme-challenge.other.example')).rejects.toMatchObject({ code: 'dns_zone_not_found' });
    });

    it('is assumed to be that of the name while it is empty', async () => {
      const emulator = await start({ tokens });
      const adapter = provider({ zoneId: emulator.zoneId('example.net') }, TOKEN, apex);
      expect(await adapter.findZone(NAME)).toEqual({ id: emulator.zoneId('example.net'), name: 'example.net', assumed: true });
    });
  });

  it.each(['initializing', 'pending', 'moved'] as const)('refuses a zone that is %s also when zone_id names it, and says what to do', async (status) => {
    const emulator = await start({ zones: [{ name: 'example.net', status }] });
    await expect(provider({ zoneId: emulator.zoneId('example.net') }).findZone(NAME)).rejects.toMatchObject({
      code: 'dns_zone_inactive',
      retryable: true,
      message: expect.stringContaining(status),
      hint: expect.stringContaining('ada.ns.cloudflare.com and bob.ns.cloudflare.com'),
    });
  });

  it.each(['partial', 'secondary'] as const)(
    'does not take a %s zone, whose records the vendor does not serve as they are, for the zone of a name',
    async (type) => {
      const tokens = [{ token: TOKEN, grants: [{ zones: '*' as const, permissions: ['zone:read', 'dns:edit'] as const }] }];
      await start({ zones: [{ name: 'sub.example.net', type }], tokens });
      await expect(provider().findZone('_acme-challenge.sub.example.net')).rejects.toMatchObject({
        code: 'dns_zone_inactive',
        message: expect.stringContaining(type),
      });
      await cloudflare?.close();
      await start({ zones: [{ name: 'example.net' }, { name: 'sub.example.net', type }], tokens });
      expect(await provider().findZone('_acme-challenge.sub.example.net')).toMatchObject({ name: 'example.net' });
    },
  );

  it('takes the served one of two zones of a name', async () => {
    const id = 'a'.repeat(32);
    await start({
      zones: [
        { name: 'example.net', status: 'moved' },
        { name: 'example.net', id },
      ],
    });
    expect(await provider().findZone(NAME)).toEqual({ id, name: 'example.net' });
  });

  it('cannot tell what a zone_id is when neither the vendor nor public DNS says its name', async () => {
    const emulator = await start({ tokens: [{ token: TOKEN, grants: [{ zones: ['example.net'], permissions: ['dns:edit'] }] }] });
    await expect(provider({ zoneId: emulator.zoneId('example.net') }, TOKEN, () => Promise.resolve(null)).findZone(NAME)).rejects.toMatchObject({
      code: 'dns_resolver_failed',
      retryable: true,
      hint: expect.stringContaining('Zone → Zone → Read'),
    });
  });

  it('finds the zone of a wildcard and of names under two-label suffixes without asking for the suffix last', async () => {
    await start({
      zones: [{ name: 'example.co.uk' }],
      tokens: [{ token: TOKEN, grants: [{ zones: ['example.co.uk'], permissions: ['zone:read', 'dns:edit'] }] }],
    });
    expect(await provider().findZone('*.deep.sub.example.co.uk')).toMatchObject({ name: 'example.co.uk' });
    expect(requests).toBe(3);
  });

  it('says which name servers the zone waits for, from the answer that found it', async () => {
    await start({ zones: [{ name: 'example.net', nameServers: ['ADA.ns.cloudflare.com.', 'bob.ns.cloudflare.com'] }] });
    const adapter = provider();
    const zone = await zoneOf(adapter);
    expect(await adapter.nameServers(zone)).toEqual(['ada.ns.cloudflare.com', 'bob.ns.cloudflare.com']);
    expect(requests).toBe(1);
    expect(await provider().nameServers(zone)).toEqual(['ada.ns.cloudflare.com', 'bob.ns.cloudflare.com']);
  });

  it('requires no name servers where the token may not read the zone, nor where the user has ones of their own', async () => {
    const emulator = await start({ tokens: [{ token: TOKEN, grants: [{ zones: ['example.net'], permissions: ['dns:edit'] }] }] });
    expect(await provider().nameServers({ id: emulator.zoneId('example.net'), name: 'example.net' })).toBeNull();
    await cloudflare?.close();
    const vanity = await start({ zones: [{ name: 'example.net', vanityNameServers: ['ns1.example.net'] }] });
    expect(await provider().nameServers({ id: vanity.zoneId('example.net'), name: 'example.net' })).toBeNull();
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

  it('splits what does not fit into one batch, removals first', async () => {
    const emulator = await start({
      zones: [
        { name: 'example.net', records: Array.from({ length: 150 }, (_, index) => ({ type: 'TXT' as const, name: 'old.example.net', content: `"${index}"` })) },
      ],
    });
    const adapter = provider();
    const zone = await zoneOf(adapter);
    const old = await adapter.list(zone, { type: 'TXT', names: ['old.example.net'] });
    emulator.requests.clear();
    const { added, refused } = await adapter.apply(zone, { add: Array.from({ length: 151 }, (_, index) => txt(`${index}`)), remove: old }, deadline);
    expect([added.length, refused.length]).toEqual([151, 0]);
    expect(emulator.requests.counts()).toEqual({ 'POST /client/v4/zones/:id/dns_records/batch': 2 });
    expect(emulator.records('example.net').map(({ name }) => name)).toEqual(Array.from({ length: 151 }, () => NAME));
  });

  it('writes addresses and aliases unproxied and CAA in its parts, and lists them as DNS serves them', async () => {
    const emulator = await start();
    const adapter = provider();
    const zone = await zoneOf(adapter);
    const records: NewRecord[] = [
      { type: 'A', name: 'www.example.net', value: '192.0.2.1', ttl: 300, comment: 'perennial declared' },
      { type: 'AAAA', name: 'www.example.net', value: '2001:db8::1', ttl: 300, comment: 'perennial declared' },
      { type: 'CNAME', name: '*.example.net', value: 'www.example.net', ttl: 300, comment: 'perennial declared' },
      { type: 'CAA', name: 'example.net', value: '0 issue "ca.example; validationmethods=dns-01"', ttl: 3_600, comment: 'perennial declared' },
      { type: 'CAA', name: 'example.net', value: '128 iodef "mailto:ops@example.net"', ttl: 3_600, comment: 'perennial declared' },
    ];
    const { added, refused } = await adapter.apply(zone, { add: records, remove: [] }, deadline);
    expect(refused).toEqual([]);
    expect(added.map(({ type, name, value, ttl }) => ({ type, name, value, ttl }))).toEqual(
      records.map(({ type, name, value, ttl }) => ({ type, name, value, ttl })),
    );
    expect(emulator.records('example.net').map(({ proxied }) => proxied)).toEqual([false, false, false, false, false]);
    for (const type of ['A', 'AAAA', 'CNAME', 'CAA'] as const) {
      const values = (await adapter.list(zone, { type, names: ['www.example.net', '*.example.net', 'example.net'] })).map(({ value }) => value);
      expect(values.sort()).toEqual(
        records
          .filter((record) => record.type === type)
          .map(({ value }) => value)
          .sort(),
      );
    }
  });

  it('names the one record of many that cannot be written, and writes the others', async () => {
    const emulator = await start();
    const { added, refused } = await present(
      provider(),
      txt('one'),
      { ...txt('0 issue'), type: 'CAA', name: 'bad.example.net' },
      { ...txt('nonsense'), type: 'A', name: 'worse.example.net' },
    );
    expect(added).toMatchObject([{ value: 'one' }]);
    expect(refused.map(({ error }) => [error.code, error.message])).toEqual([
      ['dns_refused', expect.stringContaining('bad.example.net')],
      ['dns_refused', expect.stringContaining('A worse.example.net: ')],
    ]);
    expect(emulator.records('example.net')).toHaveLength(1);
  });

  it('reads the cause of a refusal from the chain behind the old wrapper', async () => {
    await start({ validationErrors: 'chained' });
    const { refused } = await present(provider(), { ...txt('nonsense'), type: 'A' }, txt('one'));
    expect(refused[0]?.error.message).toContain('9005 Content for A record must be a valid IPv4 address.');
  });

  it('says that a name is delegated to other name servers', async () => {
    await start({ zones: [{ name: 'example.net', records: [{ type: 'NS', name: NAME, content: 'ns1.other.example' }] }] });
    expect((await present(provider(), txt('one'))).refused).toMatchObject([
      { error: { code: 'dns_refused', hint: expect.stringContaining('delegated zone') } },
    ]);
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

  it('goes through smaller pages than it asked for, and refuses a list that moves between them', async () => {
    const records = Array.from({ length: 7 }, (_, index) => ({ type: 'TXT' as const, name: NAME, content: `"${index}"` }));
    const emulator = await start({ mostPerPage: 3, zones: [{ name: 'example.net', records }] });
    const zone = { id: emulator.zoneId('example.net'), name: 'example.net' };
    expect(await provider().list(zone, { type: 'TXT', names: [NAME] })).toHaveLength(7);
    expect(requests).toBe(3);
    const [first] = emulator.records('example.net');
    const moving: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (new Request(input).url.includes('page=1&'))
        await fetch(`${emulator.url}/zones/${zone.id}/dns_records/${first?.id}`, { method: 'DELETE', headers: { authorization: `Bearer ${TOKEN}` } });
      return response;
    };
    await expect(provider({}, TOKEN, undefined, moving).list(zone, { type: 'TXT', names: [NAME] })).rejects.toMatchObject({
      code: 'dns_vendor_failed',
      retryable: true,
      message: expect.stringContaining('changed while'),
    });
  });

  it('follows aliases that stand at exactly these names, and refuses a proxied one', async () => {
    await start({
      zones: [
        {
          name: 'example.net',
          records: [
            { type: 'CNAME', name: NAME, content: 'Challenges.Other.example' },
            { type: 'CNAME', name: '*.example.net', content: 'www.example.net' },
            { type: 'CNAME', name: '_acme-challenge.www.example.net', content: 'x.other.example', proxied: true },
          ],
        },
      ],
    });
    const adapter = provider();
    const zone = await zoneOf(adapter);
    expect([...(await adapter.aliases(zone, [NAME, '_acme-challenge.sub.example.net']))]).toEqual([[NAME, 'challenges.other.example']]);
    await expect(adapter.aliases(zone, ['_acme-challenge.www.example.net'])).rejects.toMatchObject({
      code: 'dns_name_is_alias',
      hint: expect.stringContaining('DNS only'),
    });
  });

  it('tells the TTL that is served: automatic is 300 s', async () => {
    await start({
      zones: [
        {
          name: 'example.net',
          records: [
            { type: 'TXT', name: NAME, content: '"auto"', ttl: 1 },
            { type: 'TXT', name: NAME, content: '"ours"', ttl: 60 },
          ],
        },
      ],
    });
    const adapter = provider();
    const listed = await adapter.list(await zoneOf(adapter), { type: 'TXT', names: [NAME] });
    expect(listed.map(({ value, ttl }) => [value, ttl])).toEqual([
      ['auto', 300],
      ['ours', 60],
    ]);
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

  it('never with the token in the error', async () => {
    await start();
    const thrown: unknown = await provider({}, 'unknown-token-0123456789-0123456789-0123')
      .findZone(NAME)
      .catch((error: unknown) => error);
    expect(JSON.stringify(thrown)).not.toContain('unknown-token');
  });
});
