import { describe, expect, it } from 'vitest';
import { SECOND } from '../../../shared/clock.ts';
import { answerAsAuthority } from '../../emulators/dns/authority.ts';
import { DnsWorld } from '../../emulators/dns/index.ts';
import { presentation } from '../../emulators/dns/records.ts';
import { CachingResolver, resolve } from '../../emulators/dns/resolver.ts';

const NS1 = 'ns1.test-dns.example';
const NS2 = 'ns2.test-dns.example';
const START = 1_800_000_000_000;

function world(): { world: DnsWorld; pass: (ms: number) => void } {
  let now = START;
  const created = new DnsWorld(() => now);
  created.addNameserver({ name: NS1 });
  created.addNameserver({ name: NS2, delayMs: 5 * SECOND });
  created.addZone({
    name: 'Example.NET',
    nameservers: [NS1, NS2],
    negativeTtl: 1_800,
    records: [
      { name: '*.example.net', type: 'A', data: '192.0.2.1' },
      { name: 'www.example.net', type: 'CNAME', data: 'edge.example.net' },
      { name: '_acme-challenge.chat.example.net', type: 'TXT', data: 'token' },
      { name: 'away.example.net', type: 'CNAME', data: 'target.other.example' },
      { name: 'loop.example.net', type: 'CNAME', data: 'loop.example.net' },
      { name: 'sub.example.net', type: 'NS', data: 'ns.sub.example.net' },
      { name: 'ns.sub.example.net', type: 'A', data: '192.0.2.53' },
    ],
  });
  created.addZone({ name: 'other.example', nameservers: [NS1], records: [{ name: 'target.other.example', type: 'TXT', data: 'found' }] });
  return { world: created, pass: (ms) => (now += ms) };
}

const ask = (dns: DnsWorld, name: string, type: string, server = NS1) => answerAsAuthority(dns, server, name, type);

describe('an authoritative name server', () => {
  it('answers names in any case, with the AA flag', () => {
    const { world: dns } = world();
    expect(ask(dns, 'ANYTHING.example.Net', 'A')).toMatchObject({
      rcode: 'NOERROR',
      authoritative: true,
      answers: [{ name: 'anything.example.net', data: '192.0.2.1' }],
    });
  });

  it('tells a name without such records from a name that does not exist, both with the SOA', () => {
    const { world: dns } = world();
    expect(ask(dns, 'edge.example.net', 'TXT')).toMatchObject({ rcode: 'NOERROR', answers: [], authorities: [{ type: 'SOA', ttl: 1_800 }] });
    expect(ask(dns, 'missing.other.example', 'TXT')).toMatchObject({ rcode: 'NXDOMAIN', answers: [], authorities: [{ type: 'SOA', name: 'other.example' }] });
  });

  it('lets an empty non-terminal exist, which hides the wildcard from it', () => {
    const { world: dns } = world();
    expect(ask(dns, 'chat.example.net', 'A')).toMatchObject({ rcode: 'NOERROR', answers: [] });
    dns.remove({ name: '_acme-challenge.chat.example.net', type: 'TXT', data: 'token' });
    expect(ask(dns, 'chat.example.net', 'A').answers).toHaveLength(1);
  });

  it('does not let a wildcard cover names below an existing one', () => {
    const { world: dns } = world();
    expect(ask(dns, 'deep.www.example.net', 'A').rcode).toBe('NXDOMAIN');
  });

  it('follows a CNAME through the zones that it serves', () => {
    const { world: dns } = world();
    const reply = ask(dns, 'away.example.net', 'TXT');
    expect(reply.answers.map((record) => [record.type, presentation(record)])).toEqual([
      ['CNAME', 'target.other.example.'],
      ['TXT', '"found"'],
    ]);
  });

  it('stops at a CNAME that leaves them', () => {
    const { world: dns } = world();
    expect(ask(dns, 'away.example.net', 'TXT', NS2)).toMatchObject({ rcode: 'NOERROR', answers: [{ type: 'CNAME' }] });
  });

  it('refers to the servers of a delegated zone, with glue and without AA', () => {
    const { world: dns } = world();
    expect(ask(dns, 'a.b.sub.example.net', 'TXT')).toMatchObject({
      rcode: 'NOERROR',
      authoritative: false,
      answers: [],
      authorities: [{ type: 'NS', name: 'sub.example.net' }],
      additionals: [{ type: 'A', data: '192.0.2.53' }],
    });
  });

  it('refuses what it does not serve', () => {
    const { world: dns } = world();
    expect(ask(dns, 'target.other.example', 'TXT', NS2).rcode).toBe('REFUSED');
  });

  it('keeps several values of one TXT name apart and cuts a long one into strings', () => {
    const { world: dns } = world();
    dns.add({ name: '_acme-challenge.example.net', type: 'TXT', data: 'one' });
    dns.add({ name: '_acme-challenge.example.net', type: 'TXT', data: 'two' });
    dns.add({ name: '_acme-challenge.example.net', type: 'TXT', data: 'two' });
    expect(ask(dns, '_acme-challenge.example.net', 'TXT').answers.map(presentation)).toEqual(['"one"', '"two"']);
    dns.add({ name: 'long.example.net', type: 'TXT', data: 'x'.repeat(300) });
    expect(ask(dns, 'long.example.net', 'TXT').answers.map((record) => (record.type === 'TXT' ? record.data.map((string) => string.length) : []))).toEqual([
      [255, 45],
    ]);
  });
});

describe('publication', () => {
  it('reaches each name server after its own delay, for additions and removals', () => {
    const { world: dns, pass } = world();
    const challenge = { name: '_acme-challenge.example.net', type: 'TXT', data: 'value' } as const;
    dns.add(challenge);
    expect(ask(dns, challenge.name, 'TXT', NS1).answers).toHaveLength(1);
    expect(ask(dns, challenge.name, 'TXT', NS2).answers).toHaveLength(0);
    pass(5 * SECOND);
    expect(ask(dns, challenge.name, 'TXT', NS2).answers).toHaveLength(1);
    dns.remove(challenge);
    expect(ask(dns, challenge.name, 'TXT', NS1).answers).toHaveLength(0);
    expect(ask(dns, challenge.name, 'TXT', NS2).answers).toHaveLength(1);
    pass(5 * SECOND);
    expect(ask(dns, challenge.name, 'TXT', NS2).answers).toHaveLength(0);
  });

  it('never reaches a server whose delay has no end', () => {
    const { world: dns, pass } = world();
    dns.setDelay(NS2, Number.POSITIVE_INFINITY);
    dns.add({ name: '_acme-challenge.example.net', type: 'TXT', data: 'value' });
    pass(10_000 * SECOND);
    expect(ask(dns, '_acme-challenge.example.net', 'TXT', NS2).answers).toHaveLength(0);
    expect(ask(dns, 'any.example.net', 'A', NS2).answers).toHaveLength(1);
  });

  it('raises the serial once per change, and not for a change that changes nothing', () => {
    const { world: dns } = world();
    const serial = () => ask(dns, 'example.net', 'SOA').answers.map((record) => (record.type === 'SOA' ? record.data.serial : 0))[0];
    const before = serial();
    dns.add({ name: 'a.example.net', type: 'A', data: '192.0.2.7' });
    dns.add({ name: 'a.example.net', type: 'A', data: '192.0.2.7' });
    expect(serial()).toBe((before ?? 0) + 1);
  });

  it('replaces what one publisher has, and nothing of another', () => {
    const { world: dns } = world();
    dns.publish('other.example', 'vendor', [{ name: 'a.other.example', type: 'A', data: '192.0.2.8' }]);
    dns.publish('other.example', 'vendor', []);
    expect(dns.snapshot('other.example').map((record) => record.type)).toEqual(['NS', 'TXT']);
  });

  it('refuses records outside of the zone', () => {
    const { world: dns } = world();
    expect(() => dns.publish('other.example', 'vendor', [{ name: 'a.example.net', type: 'A', data: '192.0.2.8' }])).toThrow(RangeError);
  });
});

describe('a resolver', () => {
  it('follows CNAME records across zones', () => {
    const { world: dns } = world();
    expect(resolve(dns, 'away.example.net', 'TXT')).toMatchObject({ rcode: 'NOERROR', answers: [{ type: 'CNAME' }, { type: 'TXT' }] });
  });

  it('fails on a CNAME loop and on a delegation to nobody', () => {
    const { world: dns } = world();
    expect(resolve(dns, 'loop.example.net', 'TXT').rcode).toBe('SERVFAIL');
    expect(resolve(dns, 'x.sub.example.net', 'TXT').rcode).toBe('SERVFAIL');
  });

  it('follows a delegation into the zone it leads to', () => {
    const { world: dns } = world();
    dns.addZone({ name: 'sub.example.net', nameservers: [NS1], records: [{ name: 'x.sub.example.net', type: 'TXT', data: 'below' }] });
    expect(resolve(dns, 'x.sub.example.net', 'TXT').answers).toMatchObject([{ data: ['below'] }]);
  });

  it('asks the slowest server of a zone, or the fastest where a test says so', () => {
    const { world: dns, pass } = world();
    dns.add({ name: '_acme-challenge.example.net', type: 'TXT', data: 'value' });
    expect(resolve(dns, '_acme-challenge.example.net', 'TXT').answers).toHaveLength(0);
    dns.resolversAsk = 'fastest';
    expect(resolve(dns, '_acme-challenge.example.net', 'TXT').answers).toHaveLength(1);
    dns.resolversAsk = 'slowest';
    pass(5 * SECOND);
    expect(resolve(dns, '_acme-challenge.example.net', 'TXT').answers).toHaveLength(1);
  });

  it('remembers that a name did not exist for as long as the SOA says: asking too early hurts', () => {
    const { world: dns, pass } = world();
    dns.setDelay(NS2, 0);
    const resolver = new CachingResolver('one', dns);
    const other = new CachingResolver('two', dns);
    const name = '_acme-challenge.new.other.example';
    expect(resolver.query(name, 'TXT').resolution.rcode).toBe('NXDOMAIN');
    dns.add({ name, type: 'TXT', data: 'value' });
    pass(1_799 * SECOND);
    expect(resolver.query(name, 'TXT')).toMatchObject({ cached: true, resolution: { rcode: 'NXDOMAIN', authorities: [{ type: 'SOA', ttl: 1 }] } });
    expect(other.query(name, 'TXT').resolution.answers).toHaveLength(1);
    pass(SECOND);
    expect(resolver.query(name, 'TXT')).toMatchObject({ cached: false, resolution: { rcode: 'NOERROR' } });
  });

  it('remembers nothing longer than its own limit', () => {
    const { world: dns, pass } = world();
    const resolver = new CachingResolver('one', dns, 5);
    dns.add({ name: 'a.other.example', type: 'TXT', data: 'old', ttl: 60 });
    resolver.query('a.other.example', 'TXT');
    pass(4 * SECOND);
    expect(resolver.query('a.other.example', 'TXT').cached).toBe(true);
    pass(SECOND);
    expect(resolver.query('a.other.example', 'TXT').cached).toBe(false);
  });

  it('remembers an answer for its TTL and counts it down', () => {
    const { world: dns, pass } = world();
    const resolver = new CachingResolver('one', dns);
    dns.add({ name: 'a.other.example', type: 'TXT', data: 'old', ttl: 60 });
    resolver.query('a.other.example', 'TXT');
    dns.remove({ name: 'a.other.example', type: 'TXT', data: 'old' });
    pass(59 * SECOND);
    expect(resolver.query('A.Other.Example', 'TXT').resolution.answers).toMatchObject([{ ttl: 1 }]);
    resolver.flush();
    expect(resolver.query('a.other.example', 'TXT').resolution.rcode).toBe('NXDOMAIN');
  });
});
