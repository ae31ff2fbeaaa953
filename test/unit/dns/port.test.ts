/**
 * The DnsPort over loopback HTTP: the real SDK against the Cloudflare emulator, which publishes into the DNS emulator,
 * whose resolvers answer DoH. What a relay does for `authoritative` is done here by Node's own resolver over UDP.
 */
import { Resolver } from 'node:dns/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DnsPort, PlacedRecord } from '../../../functions/certificates/ports.ts';
import { createProvider } from '../../../functions/dns/create-provider.ts';
import { createDnsPort } from '../../../functions/dns/port.ts';
import type { CleanUpRequest, PresentRequest } from '../../../functions/dns/zone-requests.ts';
import { MINUTE, SECOND } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import type { DnsQuestion, DnsResult } from '../../../shared/relay/contract.ts';
import { intoDnsWorld, startCloudflareEmulator, type CloudflareEmulator } from '../../emulators/cloudflare/index.ts';
import { startDnsEmulator, type DnsEmulator } from '../../emulators/dns/index.ts';

const TOKEN = 'token-for-two-zones-0123456789-012345678';
const NAME = '_acme-challenge.example.net';
const NS = ['ns1.test-dns.example', 'ns2.test-dns.example'];

let dns: DnsEmulator;
let cloudflare: CloudflareEmulator;
let port: DnsPort;
let requests: Record<'api' | 'doh', number>;
let relayRequests: DnsQuestion[][];
let zoneRequests: { zone: string; present?: PresentRequest; cleanUp?: CleanUpRequest }[];
let refusing: string | null;
/** How far the port's clock is ahead, in milliseconds. */
let ahead: number;

beforeEach(async () => {
  dns = await startDnsEmulator({
    zones: ['example.net', 'challenges.example', 'elsewhere.example'].map((name) => ({ name, nameservers: NS, negativeTtl: 1_800 })),
    servers: NS.map((name) => ({ name })),
  });
  cloudflare = await startCloudflareEmulator({
    zones: [{ name: 'example.net' }, { name: 'challenges.example' }],
    tokens: [{ token: TOKEN, grants: [{ zones: ['example.net', 'challenges.example'], permissions: ['zone:read', 'dns:edit'] }] }],
    publisher: intoDnsWorld(dns.world),
  });
  requests = { api: 0, doh: 0 };
  relayRequests = [];
  zoneRequests = [];
  refusing = null;
  ahead = 0;
  const vendor = { name: 'main', provider: 'cloudflare' as const, token: 'secret:cloudflare-token', endpoint: cloudflare.url, zoneId: null };
  const secret = () => Promise.resolve(TOKEN);
  const provider = createProvider(vendor, { secret, fetch, clock: Date.now });
  port = createDnsPort({
    vendors: [vendor],
    resolvers: dns.doh,
    secret,
    fetch,
    clock: () => Date.now() + ahead,
    onRequest: (kind) => {
      requests[kind] += 1;
    },
    authoritative,
    zone: (kind, zoneId) => ({
      async present(request) {
        zoneRequests.push({ zone: `${kind}:${zoneId}`, present: request });
        if (zoneId === refusing) return { ok: false, error: { code: 'dns_forbidden', message: 'No.', retryable: false } };
        await provider.apply(
          request.zone,
          { add: request.records.map((record) => ({ type: 'TXT', ttl: 60, comment: '', ...record })), remove: [] },
          Date.now() + MINUTE,
        );
        return { ok: true, value: null };
      },
      cleanUp(request) {
        zoneRequests.push({ zone: `${kind}:${zoneId}`, cleanUp: request });
        return Promise.resolve({ ok: true, value: null });
      },
    }),
  });
});
afterEach(async () => {
  await cloudflare.close();
  await dns.close();
});

async function authoritative(cluster: string, questions: DnsQuestion[]): Promise<DnsResult[]> {
  relayRequests.push(questions);
  if (cluster === 'gone') throw new PerennialError('relay_offline', 'No relay.', { retryable: true });
  return Promise.all(
    questions.map(async ({ name, type }) => {
      const servers = await Promise.all(
        dns.servers.map(async (server): Promise<DnsResult['servers'][number]> => {
          const resolver = new Resolver({ timeout: 1_000, tries: 1 });
          resolver.setServers([`${server.address}:${server.port}`]);
          const base = { server: server.name, address: server.address, cname: null };
          try {
            return { ...base, status: 'answer', values: (await resolver.resolveTxt(name)).map((strings) => strings.join('')) };
          } catch (error) {
            const code = error instanceof Error && 'code' in error ? error.code : '';
            return { ...base, status: code === 'ENOTFOUND' ? 'nxdomain' : code === 'ENODATA' ? 'nodata' : 'error', values: [] };
          }
        }),
      );
      return { name, type, zone: 'example.net', servers };
    }),
  );
}

const alias = (name: string, target: string) => dns.world.add({ name, type: 'CNAME', data: target, ttl: 60 });
const published = async (...values: string[]): Promise<PlacedRecord[]> => {
  const placed = await port.place(values.map((value) => ({ name: NAME, value })));
  await port.present('issuance', 'operation', placed);
  return placed;
};

describe('placing a record', () => {
  it('finds the zone of apex and wildcard once, and asks no resolver about a name that does not exist yet', async () => {
    const placed = await port.place([
      { name: 'example.net', value: 'a' },
      { name: '_acme-challenge.*.example.net', value: 'b' },
    ]);
    expect(placed).toEqual(
      ['a', 'b'].map((value) => ({ name: NAME, value, vendor: 'main', zoneId: cloudflare.zoneId('example.net'), zoneName: 'example.net', target: NAME })),
    );
    expect(requests).toEqual({ api: 2, doh: 0 });
  });

  it('costs few requests for a certificate with many names', async () => {
    const placed = await port.place(Array.from({ length: 60 }, (_, index) => ({ name: `host-${index}.example.net`, value: 'a' })));
    expect(placed).toHaveLength(60);
    expect(requests.api).toBeLessThanOrEqual(30);
    expect(requests.doh).toBe(0);
  });

  it('follows a CNAME from a zone that nobody configured into one that is', async () => {
    alias('_acme-challenge.elsewhere.example', 'step.elsewhere.example');
    alias('step.elsewhere.example', 'elsewhere.challenges.example');
    expect(await port.place([{ name: '_acme-challenge.elsewhere.example', value: 'a' }])).toMatchObject([
      { name: '_acme-challenge.elsewhere.example', zoneName: 'challenges.example', target: 'elsewhere.challenges.example' },
    ]);
  });

  it('refuses a delegation that leads out, goes round in circles, or is too long', async () => {
    alias('_acme-challenge.a.elsewhere.example', 'somewhere.invalid.example');
    await expect(port.place([{ name: 'a.elsewhere.example', value: 'x' }])).rejects.toMatchObject({
      code: 'dns_delegation_foreign',
      message: expect.stringContaining('somewhere.invalid.example'),
    });
    alias('_acme-challenge.b.elsewhere.example', 'round.elsewhere.example');
    alias('round.elsewhere.example', '_acme-challenge.b.elsewhere.example');
    await expect(port.place([{ name: 'b.elsewhere.example', value: 'x' }])).rejects.toMatchObject({
      code: 'dns_delegation_loop',
      message: expect.stringContaining('→ round.elsewhere.example →'),
    });
    alias('_acme-challenge.c.elsewhere.example', 'hop0.elsewhere.example');
    for (let hop = 0; hop < 10; hop += 1) alias(`hop${hop}.elsewhere.example`, `hop${hop + 1}.elsewhere.example`);
    await expect(port.place([{ name: 'c.elsewhere.example', value: 'x' }])).rejects.toMatchObject({ code: 'dns_delegation_too_long' });
  });

  it('explains a wildcard CNAME that makes a name look delegated', async () => {
    alias('*.shop.elsewhere.example', 'web.invalid.example');
    await expect(port.place([{ name: 'shop.elsewhere.example', value: 'x' }])).rejects.toMatchObject({
      code: 'dns_delegation_foreign',
      message: expect.stringContaining('wildcard CNAME'),
      details: { wildcard: true },
    });
  });

  it('says that no zone was found, and which names were tried, when there is no delegation either', async () => {
    await expect(port.place([{ name: 'www.elsewhere.example', value: 'x' }])).rejects.toMatchObject({
      code: 'dns_zone_not_found',
      message: expect.stringContaining('www.elsewhere.example, elsewhere.example'),
    });
  });

  it('does not take an outage of the vendor for a delegation', async () => {
    cloudflare.faults.next({ kind: 'html', status: 502, times: 5 });
    await expect(port.place([{ name: NAME, value: 'x' }])).rejects.toMatchObject({ code: 'dns_vendor_failed', retryable: true });
    expect(requests.doh).toBe(0);
  });
});

describe('publishing and cleaning up', () => {
  it('asks each zone once, and the others also when one refuses', async () => {
    alias('_acme-challenge.elsewhere.example', 'elsewhere.challenges.example');
    const placed = await port.place([
      { name: 'elsewhere.example', value: 'a' },
      { name: NAME, value: 'b' },
      { name: NAME, value: 'c' },
    ]);
    refusing = cloudflare.zoneId('challenges.example');
    await expect(port.present('issuance', 'operation', placed)).rejects.toMatchObject({ code: 'dns_forbidden' });
    expect(cloudflare.records('example.net')).toHaveLength(2);
    expect(zoneRequests.map(({ present }) => present?.records)).toEqual([
      [{ name: 'elsewhere.challenges.example', value: 'a' }],
      [
        { name: NAME, value: 'b' },
        { name: NAME, value: 'c' },
      ],
    ]);
    zoneRequests = [];
    await port.cleanUp('issuance', 'operation', placed);
    expect(zoneRequests.map(({ zone }) => zone).sort()).toEqual(
      [`cloudflare:${cloudflare.zoneId('example.net')}`, `cloudflare:${cloudflare.zoneId('challenges.example')}`].sort(),
    );
  });

  it('cleans up in a zone whose block has left the configuration', async () => {
    const [placed] = await port.place([{ name: NAME, value: 'a' }]);
    if (placed === undefined) throw new Error('not placed');
    await expect(port.present('issuance', 'operation', [{ ...placed, vendor: 'removed' }])).rejects.toMatchObject({ code: 'dns_vendor_removed' });
    await port.cleanUp('issuance', 'operation', [{ ...placed, vendor: 'removed' }]);
    expect(zoneRequests).toEqual([{ zone: `cloudflare:${placed.zoneId}`, cleanUp: { owner: 'issuance', operation: 'operation' } }]);
  });
});

describe('propagation', () => {
  it('asks resolvers only after every authoritative server agrees', async () => {
    dns.world.setDelay('ns2.test-dns.example', Number.POSITIVE_INFINITY);
    const placed = await published('a', 'b');
    expect(await port.propagation(placed, ['matrix'])).toMatchObject({ complete: false, weak: false, summary: '1 of 2 authoritative servers' });
    expect(requests.doh).toBe(0);
    dns.world.setDelay('ns2.test-dns.example', 0);
    expect(await port.propagation(placed, ['matrix'])).toMatchObject({ complete: true, summary: '2 of 2 authoritative servers, 2 of 2 public resolvers' });
    expect(requests.doh).toBe(2);
    expect(relayRequests).toEqual([[{ name: NAME, type: 'TXT' }], [{ name: NAME, type: 'TXT' }]]);
  });

  it('is not held up by a resolver that was asked too early by somebody else', async () => {
    const [first] = dns.doh;
    first?.resolver.query(NAME, 'TXT');
    const placed = await published('a');
    const report = await port.propagation(placed, ['matrix']);
    expect(report).toMatchObject({ complete: true, summary: '2 of 2 authoritative servers, 1 of 2 public resolvers' });
    expect(report.servers.filter(({ seen }) => !seen)).toMatchObject([{ kind: 'resolver', name: first?.name }]);
  });

  it('asks the next relay when one is gone, and resolvers alone when all are', async () => {
    const placed = await published('a');
    expect(await port.propagation(placed, ['gone', 'matrix'])).toMatchObject({ complete: true, weak: false });
    ahead = 10 * SECOND;
    expect(await port.propagation(placed, ['gone'])).toMatchObject({ complete: true, weak: true, summary: '2 of 2 public resolvers' });
  });

  it('does not ask resolvers right after publishing when nobody can say whether the authorities have it', async () => {
    const placed = await published('a');
    expect(await port.propagation(placed, [])).toMatchObject({ complete: false, weak: true, summary: expect.stringContaining('waiting 10 s') });
    expect(requests.doh).toBe(0);
  });

  it('follows the delegation as the CA does', async () => {
    alias('_acme-challenge.elsewhere.example', 'elsewhere.challenges.example');
    const placed = await port.place([{ name: 'elsewhere.example', value: 'a' }]);
    await port.present('issuance', 'operation', placed);
    expect(await port.propagation(placed, ['matrix'])).toMatchObject({ complete: true });
    expect(relayRequests).toEqual([[{ name: 'elsewhere.challenges.example', type: 'TXT' }]]);
  });

  it('counts a resolver that fails or never answers as silent', async () => {
    const placed = await published('a');
    dns.world.faults.add({ kind: 'rcode', rcode: 'SERVFAIL', server: dns.doh[0]?.name ?? '' });
    dns.world.faults.add({ kind: 'drop', server: dns.doh[1]?.name ?? '' });
    const report = await port.propagation(placed, ['matrix']);
    expect(report.complete).toBe(true);
    expect(report.servers.filter(({ kind }) => kind === 'resolver').map(({ seen }) => seen)).toEqual([false, false]);
  });
});
