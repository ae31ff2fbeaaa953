/** What is found out before an order is spent, against real name servers, resolvers and a vendor's API on loopback. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_REQUESTS } from '../../../functions/dns/preflight/questions.ts';
import { MINUTE, SECOND } from '../../../shared/clock.ts';
import { NS, type PortWorld, startPortWorld } from './port-world.ts';

const ACCOUNT = 'https://ca.test/account/1';
const authority = { identities: ['ca.test'], accountUrl: ACCOUNT };

let world: PortWorld;
beforeEach(async () => {
  world = await startPortWorld({ zones: ['example.net', 'challenges.example', 'example.co.uk', 'xn--bcher-kva.example'] });
});
afterEach(() => world.close());

const preflight = (domains: string[], vias = ['matrix']) => world.port.preflight(domains, authority, vias);
const bothWays: [string, string[]][] = [
  ['through a relay', ['matrix']],
  ['by DoH alone', []],
];

describe('nothing stands in the way', () => {
  it.each(bothWays)('of names that are as they should be (%s), and nobody is asked about a challenge name', async (_how, vias) => {
    world.vendorServers = NS;
    world.caa('example.net', `ca.test; accounturi=${ACCOUNT}; validationmethods=dns-01`);
    await preflight(['example.net', '*.example.net', 'www.example.co.uk', 'xn--bcher-kva.example'], vias);
    expect(world.resolved().filter((name) => name.startsWith('_acme-challenge'))).toEqual([]);
    expect(world.relayRequests.length + world.requests.doh).toBeLessThanOrEqual(MAX_REQUESTS);
  });

  it('costs two requests besides the look-ups of the vendor, and none but those when it is repeated soon', async () => {
    world.caa('example.net', 'ca.test');
    await preflight(['example.net', '*.example.net', 'www.example.net', 'chat.example.net']);
    expect([world.relayRequests.length, world.requests.doh]).toEqual([1, 1]);
    await preflight(['example.net', '*.example.net', 'www.example.net', 'chat.example.net']);
    expect([world.relayRequests.length, world.requests.doh]).toEqual([1, 1]);
    world.ahead = 6 * MINUTE;
    await preflight(['example.net']);
    expect([world.relayRequests.length, world.requests.doh]).toEqual([2, 2]);
  });

  it('stays within its requests for a certificate with a hundred names', async () => {
    world.caa('example.net', 'ca.test');
    await preflight(Array.from({ length: 100 }, (_, index) => `host-${index}.example.net`));
    expect(world.relayRequests.length + world.requests.doh).toBeLessThanOrEqual(MAX_REQUESTS);
    expect(Math.max(...world.relayRequests.map(({ length }) => length))).toBeLessThanOrEqual(16);
  });

  it('of a renewal while nobody can be asked', async () => {
    world.vendorServers = NS;
    world.caa('example.net', 'another.test');
    for (const { name } of world.dns.doh) world.dns.world.faults.add({ kind: 'rcode', rcode: 'REFUSED', server: name });
    await preflight(['example.net'], ['gone']);
  });

  it('of publishing what has just been placed: the vendor is not asked a second time', async () => {
    await preflight(['example.net', '*.example.net']);
    const { api } = world.requests;
    const [placed] = await world.port.place([{ name: '_acme-challenge.example.net', value: 'value' }], ['matrix']);
    expect(placed).toMatchObject({ target: '_acme-challenge.example.net', provider: 'cloudflare' });
    expect(world.requests.api).toBe(api);
  });
});

describe('CAA that forbids the CA', () => {
  it.each(bothWays)('is named with the record, what it holds and what to write (%s)', async (_how, vias) => {
    world.caa('example.co.uk', 'another.test');
    await expect(preflight(['example.net', 'a.b.example.co.uk'], vias)).rejects.toMatchObject({
      code: 'dns_caa_forbids',
      message: 'The CAA record at example.co.uk does not let ca.test issue for a.b.example.co.uk: 0 issue "another.test"; it does not name ca.test.',
      hint: expect.stringContaining('At example.co.uk, type CAA: Add 0 issue "ca.test".'),
      details: { domain: 'a.b.example.co.uk', name: 'example.co.uk', found: '0 issue "another.test"' },
    });
  });

  it.each(bothWays)('counts where an alias leads, and where it leads nowhere the name itself is climbed (%s)', async (_how, vias) => {
    world.alias('www.example.net', 'host.elsewhere.example');
    world.caa('example.net', 'ca.test');
    world.caa('elsewhere.example', 'another.test');
    await preflight(['www.example.net'], vias);
    world.caa('host.elsewhere.example', 'third.test');
    world.ahead = 6 * MINUTE;
    for (const { resolver } of world.dns.doh) resolver.flush();
    await expect(preflight(['www.example.net'], vias)).rejects.toMatchObject({
      code: 'dns_caa_forbids',
      details: { domain: 'www.example.net', name: 'host.elsewhere.example' },
    });
  });

  it('concerns a wildcard by its own property', async () => {
    world.caa('example.net', 'ca.test');
    world.caa('example.net', ';', { tag: 'issuewild' });
    await preflight(['example.net']);
    await expect(preflight(['example.net', '*.example.net'])).rejects.toMatchObject({ code: 'dns_caa_forbids', details: { domain: '*.example.net' } });
  });

  it('stops at a critical property that no CA knows', async () => {
    world.caa('example.net', 'x', { tag: 'future', flags: 128 });
    await expect(preflight(['example.net'])).rejects.toMatchObject({ code: 'dns_caa_forbids', hint: expect.stringContaining('Remove 128 future "x".') });
  });

  it('is forgotten at once when the authoritative servers have what was asked for, whatever resolvers remember', async () => {
    world.caa('example.net', 'another.test');
    await expect(preflight(['example.net'])).rejects.toMatchObject({ code: 'dns_caa_forbids' });
    world.caa('example.net', 'ca.test');
    await preflight(['example.net']);
  });

  it('does not hold up a renewal when only the inside of a cluster sees it', async () => {
    for (const { resolver } of world.dns.doh) for (const name of ['example.net', 'net']) resolver.query(name, 'CAA');
    world.caa('example.net', 'another.test');
    await preflight(['example.net']);
  });
});

describe('a zone that the public does not ask of its vendor', () => {
  it.each(bothWays)('is refused with both sets of name servers (%s)', async (_how, vias) => {
    world.vendorServers = ['dns2.vendor.example', 'dns1.vendor.example'];
    await expect(preflight(['example.net'], vias)).rejects.toMatchObject({
      code: 'dns_not_delegated',
      message: `example.net is delegated to ${NS.join(', ')}; records written through [dns.main] would stand at dns1.vendor.example, dns2.vendor.example, where nobody looks.`,
      hint: expect.stringContaining('Set the name servers of example.net at its registrar to dns1.vendor.example, dns2.vendor.example'),
      details: { zone: 'example.net', delegated: NS.join(', '), vendor: 'dns1.vendor.example, dns2.vendor.example' },
    });
  });

  it('passes when the vendor does not say, or is one of several that serve it', async () => {
    await preflight(['example.net']);
    world.ahead = 6 * MINUTE;
    world.vendorServers = [`${NS[0]?.toUpperCase()}.`, 'another.vendor.example'];
    await preflight(['example.net']);
  });

  it('is refused as well when a name lies in a zone of its own below the one we would write to', async () => {
    world.dns.world.addZone({ name: 'lab.example.net', nameservers: NS });
    world.dns.world.change('example.net', 'somebody', { add: NS.map((data) => ({ name: 'lab.example.net', type: 'NS', data })) });
    await expect(preflight(['host.lab.example.net'])).rejects.toMatchObject({
      code: 'dns_not_delegated',
      message: expect.stringContaining('lab.example.net is a zone of its own'),
      hint: expect.stringContaining('_acme-challenge.host.lab.example.net'),
    });
  });
});

describe('DNSSEC that does not validate', () => {
  it.each(bothWays)('is told from a resolver that fails (%s)', async (_how, vias) => {
    world.vendorServers = NS;
    world.dns.world.setBogus('example.net', true);
    await expect(preflight(['example.net'], vias)).rejects.toMatchObject({
      code: 'dns_dnssec_bogus',
      message: expect.stringContaining('example.net'),
      hint: expect.stringContaining('DS record of example.net'),
    });
    world.dns.world.setBogus('example.net', false);
    for (const { name } of world.dns.doh) world.dns.world.faults.add({ kind: 'rcode', rcode: 'SERVFAIL', server: name });
    await preflight(['example.net'], vias);
  });

  it('counts in the zone of a CNAME too, whether or not that can still be followed', async () => {
    world.alias('_acme-challenge.elsewhere.example', 'elsewhere.challenges.example');
    world.dns.world.setBogus('elsewhere.example', true);
    const bogus = { code: 'dns_dnssec_bogus', details: { name: 'elsewhere.example' } };
    await expect(preflight(['elsewhere.example'])).rejects.toMatchObject(bogus);
    world.dns.world.setBogus('elsewhere.example', false);
    for (const { resolver } of world.dns.doh) resolver.query('_acme-challenge.elsewhere.example', 'CNAME');
    world.dns.world.setBogus('elsewhere.example', true);
    await expect(preflight(['elsewhere.example'], [])).rejects.toMatchObject(bogus);
    expect(world.zoneRequests.at(-1)?.examine?.records).toEqual([{ name: 'elsewhere.challenges.example', values: 1 }]);
  });
});

describe('a name or a zone that cannot take a record', () => {
  it('is refused when the challenge would be too long for DNS, before anybody is asked', async () => {
    const label = 'l'.repeat(60);
    const long = `${label}.${label}.${label}.${'m'.repeat(48)}.example.net`;
    expect(long.length).toBeLessThanOrEqual(253);
    await expect(preflight([long])).rejects.toMatchObject({
      code: 'dns_name_too_long',
      message: expect.stringContaining(`${long.length + 16} characters; DNS allows 253`),
      hint: `Certify *.${long.slice(61)} instead, or shorten the name.`,
    });
    await expect(preflight([`${'l'.repeat(64)}.example.net`])).rejects.toMatchObject({ code: 'dns_name_too_long' });
    expect([world.requests.api, world.requests.doh, world.relayRequests.length]).toEqual([0, 0, 0]);
  });

  it.each(['dns_zone_full', 'dns_zone_locked', 'dns_zone_stopped', 'dns_address_not_listed', 'dns_forbidden'])(
    'is refused as its zone says: %s',
    async (code) => {
      world.refusing.set(world.cloudflare.zoneId('example.net'), { code, message: 'Not so.', hint: 'Do this.', retryable: true });
      await expect(preflight(['example.net'])).rejects.toMatchObject({ code, message: 'Not so.', hint: 'Do this.' });
    },
  );

  it.each(['dns_address_not_listed', 'dns_unauthorized', 'dns_zone_locked', 'dns_zone_unreadable', 'dns_zone_full'])(
    'is offered the way around a vendor that cannot be written to: %s',
    async (code) => {
      await world.close();
      const registrar = { name: 'registrar', provider: 'namecheap' as const, user: 'someone', egress: 'matrix' };
      world = await startPortWorld({ elsewhere: ['example.co.uk'], delegation: 'acme.challenges.example', vendors: [registrar], domains: ['example.co.uk'] });
      world.refusing.set('someone/example.co.uk', { code, message: 'Not let in.', hint: 'List 192.0.2.7.', retryable: false });
      await expect(preflight(['*.example.co.uk'])).rejects.toMatchObject({
        code,
        hint: expect.stringMatching(
          /^List 192\.0\.2\.7\. Or, without any key .* _acme-challenge\.example\.co\.uk CNAME [0-9a-f]{20}\.acme\.challenges\.example/,
        ),
      });
      world.alias('_acme-challenge.example.co.uk', 'label.acme.challenges.example');
      await preflight(['*.example.co.uk']);
      expect(world.zoneRequests.at(-1)?.examine).toMatchObject({ zone: { name: 'challenges.example' }, records: [{ name: 'label.acme.challenges.example' }] });
    },
  );

  it.each(['dns_unreachable', 'dns_rate_limited', 'dns_budget_spent', 'dns_zone_busy', 'internal'])('passes what passes by itself: %s', async (code) => {
    world.refusing.set(world.cloudflare.zoneId('example.net'), { code, message: 'Not now.', retryable: true });
    await preflight(['example.net']);
  });

  it('is examined with how many values each name is to take', async () => {
    world.alias('_acme-challenge.elsewhere.example', 'elsewhere.challenges.example');
    await preflight(['example.net', '*.example.net', 'www.example.net', 'elsewhere.example']);
    expect(world.zoneRequests.map(({ examine }) => examine?.records)).toEqual([
      [
        { name: '_acme-challenge.example.net', values: 2 },
        { name: '_acme-challenge.www.example.net', values: 1 },
      ],
      [{ name: 'elsewhere.challenges.example', values: 1 }],
    ]);
  });

  it('is told by what comes first when several things are wrong, always the same', async () => {
    world.caa('example.net', 'another.test');
    world.vendorServers = ['dns1.vendor.example'];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await expect(preflight(['example.net'])).rejects.toMatchObject({ code: 'dns_not_delegated' });
      world.ahead += SECOND;
    }
  });

  it('has no zone at all: nothing else is said', async () => {
    await expect(preflight(['www.elsewhere.example'])).rejects.toMatchObject({ code: 'dns_zone_not_found' });
  });
});
