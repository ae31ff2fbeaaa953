/** The DnsPort over loopback HTTP, at the level of what the life cycle asks of it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PlacedRecord } from '../../../functions/certificates/ports.ts';
import { DAY, SECOND } from '../../../shared/clock.ts';
import { type PortWorld, startPortWorld } from './port-world.ts';

const NAME = '_acme-challenge.example.net';

let world: PortWorld;
beforeEach(async () => {
  world = await startPortWorld();
});
afterEach(() => world.close());

const place = (...names: string[]) =>
  world.port.place(
    names.map((name, index) => ({ name, value: `value-${index}` })),
    [],
  );
const publish = async (names: string[], owner = 'issuance'): Promise<PlacedRecord[]> => {
  const placed = await world.port.place(
    names.map((name, index) => ({ name, value: `${owner}-${index}` })),
    [],
  );
  await world.port.present(owner, 'operation', placed);
  return placed;
};

describe('publishing and cleaning up', () => {
  it('asks each zone once, and the others also when one refuses', async () => {
    world.alias('_acme-challenge.elsewhere.example', 'elsewhere.challenges.example');
    const placed = await place('elsewhere.example', NAME, NAME);
    world.refusing.set(world.cloudflare.zoneId('challenges.example'), { code: 'dns_forbidden', message: 'No.', retryable: false });
    await expect(world.port.present('issuance', 'operation', placed)).rejects.toMatchObject({ code: 'dns_forbidden' });
    expect(world.cloudflare.records('example.net')).toHaveLength(2);
    expect(world.zoneRequests.map(({ present }) => present?.records)).toEqual([
      [{ name: 'elsewhere.challenges.example', value: 'value-0' }],
      [
        { name: NAME, value: 'value-1' },
        { name: NAME, value: 'value-2' },
      ],
    ]);
    world.zoneRequests = [];
    world.refusing.clear();
    await world.port.cleanUp('issuance', 'operation', placed);
    expect(world.zoneRequests.map(({ zone }) => zone).sort()).toEqual(
      [`cloudflare:${world.cloudflare.zoneId('example.net')}`, `cloudflare:${world.cloudflare.zoneId('challenges.example')}`].sort(),
    );
  });

  it('says when to ask again while a vendor has the records in hand', async () => {
    const later = Date.now() + 5 * SECOND;
    world.retryAt.set(world.cloudflare.zoneId('example.net'), later);
    const placed = await place(NAME);
    expect(await world.port.present('issuance', 'operation', placed)).toBe(later);
    world.retryAt.clear();
    expect(await world.port.present('issuance', 'operation', placed)).toBeNull();
  });

  it('gives each of several certificates its value at the same name, and cleans up by certificate', async () => {
    const [first, second] = [await publish([NAME], 'one'), await publish(['*.example.net'], 'two')];
    expect(second[0]?.target).toBe(first[0]?.target);
    expect(world.cloudflare.records('example.net').map(({ name, content }) => [name, content])).toEqual([
      [NAME, '"one-0"'],
      [NAME, '"two-0"'],
    ]);
    world.zoneRequests = [];
    await world.port.cleanUp('one', 'operation', first);
    expect(world.zoneRequests.map(({ cleanUp }) => cleanUp)).toEqual([{ owner: 'one', operation: 'operation' }]);
  });

  it('cleans up in a zone whose block has left the configuration', async () => {
    const [placed] = await place(NAME);
    if (placed === undefined) throw new Error('not placed');
    await expect(world.port.present('issuance', 'operation', [{ ...placed, vendor: 'removed' }])).rejects.toMatchObject({ code: 'dns_vendor_removed' });
    await world.port.cleanUp('issuance', 'operation', [{ ...placed, vendor: 'removed' }]);
    expect(world.zoneRequests).toEqual([{ zone: `cloudflare:${placed.zoneId}`, cleanUp: { owner: 'issuance', operation: 'operation' } }]);
  });

  it('asks every kind of vendor to clean up what a release that did not note the kind has placed', async () => {
    const [placed] = await place(NAME);
    if (placed === undefined) throw new Error('not placed');
    const { provider: _, ...old } = placed;
    await world.port.cleanUp('issuance', 'operation', [{ ...old, vendor: 'removed' }]);
    expect(world.zoneRequests.map(({ zone }) => zone)).toEqual([`cloudflare:${placed.zoneId}`, `namecheap:${placed.zoneId}`]);
  });
});

describe('propagation', () => {
  it('asks resolvers only after every authoritative server agrees', async () => {
    world.dns.world.setDelay('ns2.test-dns.example', DAY);
    const placed = await publish([NAME, '*.example.net']);
    expect(await world.port.propagation(placed, ['matrix'], [])).toMatchObject({
      complete: false,
      weak: false,
      summary: '1 of 2 authoritative servers have it',
    });
    expect(world.requests.doh).toBe(0);
    world.dns.world.setDelay('ns2.test-dns.example', 0);
    expect(await world.port.propagation(placed, ['matrix'], [])).toMatchObject({
      complete: true,
      summary: '2 of 2 authoritative servers have it, 2 of 2 public resolvers',
    });
    expect(world.requests.doh).toBe(2);
    expect(world.relayRequests).toEqual([[{ name: NAME, type: 'TXT' }], [{ name: NAME, type: 'TXT' }]]);
  });

  it('is not held up by a resolver that was asked too early by somebody else', async () => {
    const [first] = world.dns.doh;
    first?.resolver.query(NAME, 'TXT');
    const placed = await publish([NAME]);
    const report = await world.port.propagation(placed, ['matrix'], []);
    expect(report).toMatchObject({ complete: true, summary: '2 of 2 authoritative servers have it, 1 of 2 public resolvers' });
    expect(report.servers.filter(({ seen }) => !seen)).toMatchObject([{ kind: 'resolver', name: first?.name }]);
  });

  it('asks the next relay when one is gone, and resolvers alone when all are', async () => {
    const placed = await publish([NAME]);
    expect(await world.port.propagation(placed, ['gone', 'matrix'], [])).toMatchObject({ complete: true, weak: false });
    world.ahead = 10 * SECOND;
    expect(await world.port.propagation(placed, ['gone'], [])).toMatchObject({ complete: true, weak: true, summary: '2 of 2 public resolvers have it' });
  });

  it('does not ask resolvers right after publishing when nobody can say whether the authorities have it', async () => {
    const placed = await publish([NAME]);
    expect(await world.port.propagation(placed, [], [])).toMatchObject({ complete: false, weak: true, summary: expect.stringContaining('waiting 10 s') });
    expect(world.requests.doh).toBe(0);
  });

  it('follows the delegation as the CA does', async () => {
    world.alias('_acme-challenge.elsewhere.example', 'elsewhere.challenges.example');
    const placed = await publish(['elsewhere.example']);
    world.relayRequests = [];
    expect(await world.port.propagation(placed, ['matrix'], [])).toMatchObject({ complete: true });
    expect(world.relayRequests).toEqual([[{ name: 'elsewhere.challenges.example', type: 'TXT' }]]);
  });

  it('counts a resolver that fails or never answers as silent', async () => {
    const placed = await publish([NAME]);
    world.dns.world.faults.add({ kind: 'rcode', rcode: 'SERVFAIL', server: world.dns.doh[0]?.name ?? '' });
    world.dns.world.faults.add({ kind: 'rcode', rcode: 'REFUSED', server: world.dns.doh[1]?.name ?? '' });
    const report = await world.port.propagation(placed, ['matrix'], []);
    expect(report.complete).toBe(true);
    expect(report.servers.filter(({ kind }) => kind === 'resolver').map(({ seen }) => seen)).toEqual([false, false]);
  });

  it('asks resolvers about many names in slices, goes on where it was, and is complete only after the last', async () => {
    const names = Array.from({ length: 24 }, (_, index) => `host-${index}.example.net`);
    const placed = await publish(names);
    const summaries: string[] = [];
    let confirmed: string[] = [];
    let complete = false;
    for (let looks = 0; looks < 3; looks += 1) {
      expect(complete).toBe(false);
      ({ confirmed, complete } = await world.port.propagation(placed, ['matrix'], confirmed).then((report) => (summaries.push(report.summary), report)));
    }
    expect(complete).toBe(true);
    expect(summaries.map((summary) => summary.split(', ').at(-1))).toEqual([
      '10 of 24 names confirmed',
      '20 of 24 names confirmed',
      '24 of 24 names confirmed',
    ]);
    expect(new Set(world.resolved()).size).toBe(24);
    expect(world.requests.doh).toBe(48);
  });

  it('does not take a name beyond the first slice for good that no resolver shows and an authority lacks', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `host-${index}.example.net`);
    const placed = await publish(names);
    world.dns.world.remove({ name: '_acme-challenge.host-11.example.net', type: 'TXT', data: 'issuance-11' });
    world.ahead = 10 * SECOND;
    const first = await world.port.propagation(placed, [], []);
    const second = await world.port.propagation(placed, [], first.confirmed);
    expect([first.complete, second.complete]).toEqual([false, false]);
    expect(second.confirmed).not.toContain('_acme-challenge.host-11.example.net');
  });
});
