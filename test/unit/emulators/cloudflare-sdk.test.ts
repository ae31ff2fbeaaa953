import { APIConnectionError, InternalServerError, RateLimitError } from 'cloudflare';
import { BaseRecords } from 'cloudflare/resources/dns/records';
import { BaseZones } from 'cloudflare/resources/zones/zones';
import { createClient } from 'cloudflare/tree-shakable';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answerAsAuthority } from '../../emulators/dns/authority.ts';
import { presentation } from '../../emulators/dns/records.ts';
import { intoDnsWorld, startCloudflareEmulator, type CloudflareEmulator } from '../../emulators/cloudflare/index.ts';
import { DnsWorld } from '../../emulators/dns/index.ts';

const TOKEN = 't'.repeat(40);
const NS = 'ada.ns.cloudflare.com';
const NAME = '_acme-challenge.example.net';

let dns: DnsWorld;
let api: CloudflareEmulator;

beforeEach(async () => {
  dns = new DnsWorld();
  dns.addNameserver({ name: NS });
  dns.addZone({ name: 'example.net', nameservers: [NS] });
  api = await startCloudflareEmulator({
    zones: [{ name: 'example.net', records: [{ name: 'example.net', type: 'A', content: '192.0.2.1', ttl: 300 }] }],
    tokens: [{ token: TOKEN, grants: [{ zones: ['example.net'], permissions: ['zone:read', 'dns:edit'] }] }],
    publisher: intoDnsWorld(dns),
  });
});
afterEach(() => api.close());

function client(timeout = 5_000) {
  return createClient({ resources: [BaseRecords, BaseZones], apiToken: TOKEN, apiKey: null, apiEmail: null, baseURL: api.url, maxRetries: 0, timeout });
}
const served = (name = NAME) => answerAsAuthority(dns, NS, name, 'TXT').answers.map(presentation);
const post = (content: string) => ({ zone_id: api.zoneId('example.net'), type: 'TXT' as const, name: NAME, content, ttl: 60 });

describe('the official SDK against the Cloudflare emulator', () => {
  it('finds the zone by its name', async () => {
    const found = [];
    for await (const zone of client().zones.list({ name: 'example.net' })) found.push([zone.id, zone.status]);
    expect(found).toEqual([[api.zoneId('example.net'), 'active']]);
  });

  it('creates, lists, edits and deletes, and DNS follows', async () => {
    const cf = client();
    const zone_id = api.zoneId('example.net');
    const created = await cf.dns.records.create({ ...post('"one"'), comment: 'perennial' });
    expect(created).toMatchObject({ type: 'TXT', name: NAME, content: '"one"', ttl: 60, proxied: false, comment: 'perennial', tags: [] });
    expect(served()).toEqual(['"one"']);
    const listed = [];
    for await (const record of cf.dns.records.list({ zone_id, type: 'TXT', name: { exact: NAME.toUpperCase() } })) listed.push(record.id);
    expect(listed).toEqual([created.id]);
    await cf.dns.records.edit(created.id, { zone_id, type: 'TXT', name: NAME, ttl: 120, content: '"two"' });
    expect(served()).toEqual(['"two"']);
    expect(await cf.dns.records.delete(created.id, { zone_id })).toEqual({ id: created.id });
    expect(served()).toEqual([]);
    expect(api.records('example.net')).toHaveLength(1);
  });

  it('walks every page of a long list', async () => {
    const cf = client();
    const zone_id = api.zoneId('example.net');
    await cf.dns.records.batch({
      zone_id,
      posts: Array.from({ length: 25 }, (_, index) => ({ type: 'TXT' as const, name: NAME, content: `"${index}"`, ttl: 60 })),
    });
    const contents = [];
    for await (const record of cf.dns.records.list({ zone_id, type: 'TXT', per_page: 10 })) contents.push(record.content);
    expect(contents).toHaveLength(25);
    expect(api.requests.counts()).toMatchObject({ 'GET /client/v4/zones/:id/dns_records': 4, 'POST /client/v4/zones/:id/dns_records/batch': 1 });
  });

  it('gets typed errors with the vendor’s code', async () => {
    await client().dns.records.create(post('"one"'));
    await expect(client().dns.records.create(post('one'))).rejects.toMatchObject({
      status: 400,
      errors: [{ code: 81_058, message: 'An identical record already exists.' }],
    });
    await expect(client().dns.records.delete('0'.repeat(32), { zone_id: api.zoneId('example.net') })).rejects.toMatchObject({
      status: 404,
      errors: [{ code: 81_044 }],
    });
  });

  it('deletes and creates in one batch', async () => {
    const zone_id = api.zoneId('example.net');
    const old = await client().dns.records.create(post('"same"'));
    const result = await client().dns.records.batch({ zone_id, deletes: [{ id: old.id }], posts: [{ type: 'TXT', name: NAME, content: '"same"', ttl: 60 }] });
    expect(result).toMatchObject({ deletes: [{ id: old.id }], posts: [{ content: '"same"' }], patches: [], puts: [] });
  });

  it('sees an outage as an HTML page', async () => {
    api.faults.next({ kind: 'html', status: 503, times: 2 });
    await expect(client().dns.records.create(post('"one"'))).rejects.toBeInstanceOf(InternalServerError);
    await expect(client().dns.records.create(post('"one"'))).rejects.toBeInstanceOf(InternalServerError);
    await client().dns.records.create(post('"one"'));
  });

  it('sees a rate limit with its advice', async () => {
    api.faults.next({ kind: 'rate-limited', retryAfterSeconds: 17 });
    const error: unknown = await client()
      .dns.records.create(post('"one"'))
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error instanceof RateLimitError ? error.headers?.get('retry-after') : undefined).toBe('17');
    expect(api.records('example.net')).toHaveLength(1);
  });

  it('runs into its timeout without anything being applied', async () => {
    api.faults.next({ kind: 'timeout' });
    await expect(client(100).dns.records.create(post('"one"'))).rejects.toBeInstanceOf(APIConnectionError);
    expect(served()).toEqual([]);
  });

  it('loses a reply though the record was written', async () => {
    api.faults.next({ kind: 'reply-lost', method: 'POST' });
    await expect(client().dns.records.create(post('"one"'))).rejects.toBeInstanceOf(APIConnectionError);
    expect(served()).toEqual(['"one"']);
  });
});
