/** Where challenge records go: zones, CNAMEs, and what a person is told when a name has no place. */
import { afterEach, describe, expect, it } from 'vitest';
import { delegationFor } from '../../../functions/dns/delegation.ts';
import type { DnsVendor } from '../../../functions/config/configuration.ts';
import { challengeName, findZone } from '../../../functions/dns/placement.ts';
import type { Zone, ZoneLocator } from '../../../functions/dns/provider.ts';
import { type PortWorld, startPortWorld, type PortWorldOptions, TOKEN } from './port-world.ts';

const NAME = '_acme-challenge.example.net';
const DELEGATION = 'acme.challenges.example';
const namecheap = { name: 'registrar', provider: 'namecheap' as const, user: 'someone', egress: 'matrix' };

let world: PortWorld;
const start = async (options?: PortWorldOptions) => {
  world = await startPortWorld(options);
};
afterEach(() => world.close());

const place = (names: string[], vias: string[] = []) =>
  world.port.place(
    names.map((name) => ({ name, value: 'value' })),
    vias,
  );
const caught = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

describe('the zone of a name', () => {
  it('is found once for apex and wildcard, and no resolver is asked about a name that does not exist yet', async () => {
    await start();
    const placed = await place(['example.net', '_acme-challenge.*.example.net']);
    expect(placed).toEqual(
      [1, 2].map(() => ({
        name: NAME,
        value: 'value',
        vendor: 'main',
        provider: 'cloudflare',
        zoneId: world.cloudflare.zoneId('example.net'),
        zoneName: 'example.net',
        target: NAME,
      })),
    );
    expect(world.requests).toEqual({ api: 2, doh: 0 });
  });

  it('is the longest one: below a public suffix of two labels, three labels deep, and of an internationalised name', async () => {
    await start({ zones: ['example.co.uk', 'example.net', 'dev.eu.example.net', 'xn--bcher-kva.example'] });
    const placed = await place(['www.example.co.uk', 'a.dev.eu.example.net', 'b.eu.example.net', '*.xn--bcher-kva.example']);
    expect(placed.map(({ zoneName, target }) => [zoneName, target])).toEqual([
      ['example.co.uk', '_acme-challenge.www.example.co.uk'],
      ['dev.eu.example.net', '_acme-challenge.a.dev.eu.example.net'],
      ['example.net', '_acme-challenge.b.eu.example.net'],
      ['xn--bcher-kva.example', '_acme-challenge.xn--bcher-kva.example'],
    ]);
  });

  it('costs few requests for a certificate with many names', async () => {
    await start();
    const placed = await place(Array.from({ length: 60 }, (_, index) => `host-${index}.example.net`));
    expect(placed).toHaveLength(60);
    expect(world.requests.api).toBeLessThanOrEqual(30);
    expect(world.requests.doh).toBe(0);
  });

  it('is the configured one when only public DNS can say its name, without asking for the challenge itself', async () => {
    await start({ configured: 'example.net' });
    world.alias('www.example.net', 'host.elsewhere.example');
    expect(await place(['www.example.net', 'example.net'])).toMatchObject([{ zoneName: 'example.net' }, { zoneName: 'example.net' }]);
    expect(world.resolved()).toEqual(['www.example.net', 'example.net', 'example.net']);
  });

  it('is the certain one where another block only assumes that its empty zone is the one', async () => {
    await start();
    const answers: Record<string, Zone> = { assuming: { id: '1', name: 'example.net', assumed: true }, certain: { id: '2', name: 'example.net' } };
    const vendors = Object.keys(answers).map((name) => ({ ...namecheap, name }));
    const provider = ({ name }: DnsVendor): ZoneLocator => ({
      findZone: () => Promise.resolve(answers[name] ?? { id: '0', name: '' }),
      aliases: () => Promise.resolve(new Map()),
    });
    for (const ordered of [vendors, vendors.toReversed()])
      expect(await findZone(NAME, { vendors: ordered, provider })).toMatchObject({ vendor: { name: 'certain' }, zone: { id: '2' } });
  });

  it('is in none of several blocks, when all of them say so: the message names each', async () => {
    await start({ vendors: [namecheap], domains: ['example.org'] });
    await expect(place(['elsewhere.example'])).rejects.toMatchObject({
      code: 'dns_zone_not_found',
      message: expect.stringContaining('_acme-challenge.elsewhere.example: [dns.main], [dns.registrar].'),
    });
  });

  it('is not looked for by a delegation while its vendor is down', async () => {
    await start();
    world.cloudflare.faults.next({ kind: 'html', status: 502, times: 5 });
    await expect(place([NAME])).rejects.toMatchObject({ code: 'dns_vendor_failed', retryable: true });
    expect(world.requests.doh).toBe(0);
  });
});

describe('a CNAME', () => {
  it('is followed from a zone that nobody configured into one that is', async () => {
    await start();
    world.alias('_acme-challenge.elsewhere.example', 'step.elsewhere.example');
    world.alias('step.elsewhere.example', 'elsewhere.challenges.example');
    expect(await place(['_acme-challenge.elsewhere.example'])).toMatchObject([
      { name: '_acme-challenge.elsewhere.example', zoneName: 'challenges.example', target: 'elsewhere.challenges.example' },
    ]);
  });

  it('is asked of the authoritative servers of all such names at once, so that one created a moment ago counts', async () => {
    await start();
    const names = ['a', 'b', 'c'].map((host) => `_acme-challenge.${host}.elsewhere.example`);
    for (const name of names) for (const { resolver } of world.dns.doh) resolver.query(name, 'CNAME');
    for (const name of names) world.alias(name, `${name.split('.')[1] ?? ''}.challenges.example`);
    expect((await place(names, ['matrix'])).map(({ target }) => target)).toEqual(['a', 'b', 'c'].map((host) => `${host}.challenges.example`));
    expect(world.relayRequests).toHaveLength(1);
    expect(world.requests.doh).toBe(0);
  });

  it('is refused when it leads out, goes round in circles, is too long, or points at no host name', async () => {
    await start();
    world.alias('_acme-challenge.a.elsewhere.example', 'somewhere.invalid.example');
    await expect(place(['a.elsewhere.example'])).rejects.toMatchObject({
      code: 'dns_delegation_foreign',
      message: expect.stringContaining('somewhere.invalid.example'),
    });
    world.alias('_acme-challenge.b.elsewhere.example', 'round.elsewhere.example');
    world.alias('round.elsewhere.example', '_acme-challenge.b.elsewhere.example');
    await expect(place(['b.elsewhere.example'])).rejects.toMatchObject({
      code: 'dns_delegation_loop',
      message: expect.stringContaining('→ round.elsewhere.example →'),
    });
    world.alias('_acme-challenge.c.elsewhere.example', 'hop0.elsewhere.example');
    for (let hop = 0; hop < 10; hop += 1) world.alias(`hop${hop}.elsewhere.example`, `hop${hop + 1}.elsewhere.example`);
    await expect(place(['c.elsewhere.example'])).rejects.toMatchObject({ code: 'dns_delegation_too_long' });
    world.alias('_acme-challenge.d.elsewhere.example', 'com');
    await expect(place(['d.elsewhere.example'])).rejects.toMatchObject({ code: 'dns_delegation_foreign' });
  });

  it('that a wildcard made is explained', async () => {
    await start();
    world.alias('*.shop.elsewhere.example', 'web.invalid.example');
    await expect(place(['shop.elsewhere.example'])).rejects.toMatchObject({
      code: 'dns_delegation_foreign',
      message: expect.stringContaining('wildcard CNAME'),
      details: { wildcard: true },
    });
  });

  it('of a wildcard in a configured zone does not make a name look delegated', async () => {
    await start();
    world.alias('*.example.net', 'web.elsewhere.example');
    expect(await place(['shop.example.net'])).toMatchObject([{ zoneName: 'example.net', target: '_acme-challenge.shop.example.net' }]);
    expect(world.requests.doh).toBe(0);
  });

  it('that a writer met where the record should go is followed by the next attempt', async () => {
    await start();
    const zoneId = world.cloudflare.zoneId('example.net');
    const placed = await place([NAME]);
    expect(placed).toMatchObject([{ target: NAME }]);
    await createCname(zoneId, NAME, 'net.challenges.example');
    world.refusing.set(zoneId, { code: 'dns_name_is_alias', message: 'A CNAME stands there.', retryable: true });
    await expect(world.port.present('issuance', 'operation', placed)).rejects.toMatchObject({ code: 'dns_name_is_alias' });
    expect(await place([NAME])).toMatchObject([{ zoneName: 'challenges.example', target: 'net.challenges.example' }]);
  });
});

/** As a person does at the vendor's own page. */
async function createCname(zoneId: string, name: string, content: string): Promise<void> {
  const response = await fetch(`${world.cloudflare.url}/zones/${zoneId}/dns_records`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'CNAME', name, content, ttl: 60 }),
  });
  expect(response.status).toBe(200);
}

describe('a name without a place', () => {
  it('is told with the names tried, and with the line that would offer a delegation', async () => {
    await start();
    await expect(place(['www.elsewhere.example'])).rejects.toMatchObject({
      code: 'dns_zone_not_found',
      message: expect.stringContaining('www.elsewhere.example, elsewhere.example'),
      hint: expect.stringMatching(/set zone_id\. Or delegate it: add the line delegation = .* to \[dns\.main\]/),
    });
  });

  it('is told with the one record to create, and what stands there now', async () => {
    await start({ delegation: DELEGATION, elsewhere: ['example.co.uk'] });
    const offer = await delegationFor('_acme-challenge.example.co.uk', [{ ...cloudflareBlock, delegation: DELEGATION }]);
    await expect(place(['*.example.co.uk'])).rejects.toMatchObject({
      code: 'dns_zone_not_found',
      hint: expect.stringContaining(`_acme-challenge.example.co.uk CNAME ${offer?.target}`),
      details: { delegationName: '_acme-challenge.example.co.uk', delegationTarget: offer?.target, delegationFound: null },
    });
    world.alias('_acme-challenge.example.co.uk', 'old-service.invalid.example');
    await expect(place(['example.co.uk'], ['matrix'])).rejects.toMatchObject({
      code: 'dns_delegation_foreign',
      hint: expect.stringContaining('Now it points at old-service.invalid.example.'),
      details: { delegationTarget: offer?.target, delegationFound: 'old-service.invalid.example' },
    });
  });

  it('has one as soon as that record is there', async () => {
    await start({ delegation: DELEGATION, elsewhere: ['example.co.uk'] });
    const error = await caught(place(['example.co.uk'], ['matrix']));
    const target = (error as { details: { delegationTarget: string } }).details.delegationTarget;
    world.alias('_acme-challenge.example.co.uk', target);
    expect(await place(['example.co.uk', '*.example.co.uk'], ['matrix'])).toMatchObject([{ zoneName: 'challenges.example', target }, { target }]);
  });

  it('is offered the way without a key when its vendor needs a relay that is not there', async () => {
    await start({ delegation: DELEGATION, vendors: [namecheap], elsewhere: ['example.co.uk'] });
    await expect(place(['example.co.uk'])).rejects.toMatchObject({
      code: 'dns_relay_missing',
      hint: expect.stringMatching(
        /^Start it\. Or, without any key of its vendor, create this record there once: _acme-challenge\.example\.co\.uk CNAME [0-9a-f]{20}\.acme\./,
      ),
    });
    const target = (await delegationFor('_acme-challenge.example.co.uk', [{ ...cloudflareBlock, delegation: DELEGATION }]))?.target ?? '';
    world.alias('_acme-challenge.example.co.uk', target);
    expect(await place(['example.co.uk'], ['matrix'])).toMatchObject([{ zoneName: 'challenges.example', target }]);
  });

  it('stays with its own vendor while that needs a relay and nothing is delegated to us', async () => {
    await start({ delegation: DELEGATION, vendors: [namecheap], elsewhere: ['example.co.uk'] });
    world.alias('_acme-challenge.example.co.uk', 'somebody.challenges.example');
    await expect(place(['example.co.uk'], ['matrix'])).rejects.toMatchObject({
      code: 'dns_relay_missing',
      details: { delegationFound: 'somebody.challenges.example' },
    });
  });
});

const cloudflareBlock = { name: 'main', provider: 'cloudflare' as const, token: 'secret:t', endpoint: null, zoneId: null, delegation: null };

describe('the delegation of a name', () => {
  it('is always the same, another for each name, and shared by apex and wildcard', async () => {
    world = await startPortWorld();
    const vendors = [cloudflareBlock, { ...cloudflareBlock, name: 'second', delegation: DELEGATION }];
    const of = async (domain: string) => (await delegationFor(challengeName(domain), vendors))?.target;
    // People have created this record: it must not change.
    expect(await of('example.co.uk')).toBe('e18786e70016492ad694.acme.challenges.example');
    expect(await of('*.example.co.uk')).toBe(await of('example.co.uk'));
    expect(await of('example.co.uk')).not.toBe(await of('www.example.co.uk'));
    expect(await delegationFor(NAME, vendors)).toMatchObject({ block: 'second', name: NAME });
    expect(await delegationFor(NAME, [cloudflareBlock, namecheap])).toBeNull();
  });
});
