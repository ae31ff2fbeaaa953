/** The wire format works in workerd too: the edge's DoH client against the emulator's resolver. */
import { describe, expect, it } from 'vitest';
import { createDohClient } from '../../functions/dns/doh.ts';
import { dohApp } from '../emulators/dns/doh.ts';
import { CachingResolver } from '../emulators/dns/resolver.ts';
import { DnsWorld } from '../emulators/dns/world.ts';

const RESOLVER = { name: 'resolver', url: 'http://resolver.test/dns-query' };

function askIn(world: DnsWorld) {
  const app = dohApp(world, new CachingResolver('resolver', world));
  return createDohClient({ fetch: async (input, init) => app.fetch(new Request(input, init)) });
}

function worldOf(): DnsWorld {
  const world = new DnsWorld();
  world.addNameserver({ name: 'ns1.test-dns.example' });
  world.addZone({
    name: 'example.net',
    nameservers: ['ns1.test-dns.example'],
    records: [
      { name: '_acme-challenge.example.net', type: 'TXT', data: ['two', 'strings'] },
      { name: '_acme-challenge.example.net', type: 'TXT', data: 'one' },
      { name: 'alias.example.net', type: 'CNAME', data: '_acme-challenge.example.net' },
      { name: 'example.net', type: 'CAA', data: { flags: 128, tag: 'issue', value: 'ca.example; accounturi=https://ca.example/1' } },
      { name: 'www.example.net', type: 'CNAME', data: 'example.net' },
    ],
  });
  return world;
}

describe('asking a public resolver', () => {
  it('joins the strings of a TXT, and follows an alias', async () => {
    const ask = askIn(worldOf());
    for (const name of ['_acme-challenge.example.net', 'alias.example.net']) {
      const { status, values } = await ask(RESOLVER, name, 'TXT');
      expect(status).toBe('answer');
      expect(values.sort()).toEqual(['one', 'twostrings']);
    }
    expect(await ask(RESOLVER, 'alias.example.net', 'CNAME')).toMatchObject({ values: ['_acme-challenge.example.net'] });
  });

  it('tells a name without TXT from one that does not exist, and knows the apex', async () => {
    const ask = askIn(worldOf());
    expect(await ask(RESOLVER, 'example.net', 'TXT')).toEqual({ status: 'nodata', values: [], owner: null, apex: 'example.net' });
    expect(await ask(RESOLVER, 'nothing.example.net', 'TXT')).toEqual({ status: 'nxdomain', values: [], owner: null, apex: 'example.net' });
  });

  it('reads CAA, where it stands behind an alias, and the name servers of a zone', async () => {
    const ask = askIn(worldOf());
    expect(await ask(RESOLVER, 'www.example.net', 'CAA')).toMatchObject({
      values: ['128 issue "ca.example; accounturi=https://ca.example/1"'],
      owner: 'example.net',
    });
    expect(await ask(RESOLVER, 'example.net', 'NS')).toMatchObject({ values: ['ns1.test-dns.example'], owner: 'example.net' });
  });

  it('has an answer of a zone that does not validate only when told not to check', async () => {
    const world = worldOf();
    world.setBogus('example.net', true);
    const ask = askIn(world);
    await expect(ask(RESOLVER, 'example.net', 'NS')).rejects.toMatchObject({ code: 'dns_resolver_failed', details: { rcode: 2 } });
    expect(await ask(RESOLVER, 'example.net', 'NS', { unchecked: true })).toMatchObject({ status: 'answer' });
  });

  it('fails with a reason on anything but an answer', async () => {
    const world = worldOf();
    world.faults.add({ kind: 'rcode', rcode: 'SERVFAIL' });
    await expect(askIn(world)(RESOLVER, 'example.net', 'TXT')).rejects.toMatchObject({
      code: 'dns_resolver_failed',
      retryable: true,
      message: expect.stringContaining('response code 2'),
    });
    for (const reply of [
      new Response('<html>', { status: 200 }),
      new Response(null, { status: 302, headers: { location: '/' } }),
      new Response(new Uint8Array(70_000)),
    ]) {
      await expect(createDohClient({ fetch: () => Promise.resolve(reply) })(RESOLVER, 'example.net', 'TXT')).rejects.toMatchObject({ retryable: true });
    }
  });
});
