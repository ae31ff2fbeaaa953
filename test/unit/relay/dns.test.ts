import { afterAll, beforeAll, afterEach, describe, expect, it } from 'vitest';
import { AuthoritativeQuery } from '../../../infra/relay/dns/query.ts';
import { resolverOptions } from '../../../infra/relay/dns/system-resolver.ts';
import { ZoneFinder } from '../../../infra/relay/dns/zone-cut.ts';
import type { DnsQuestion } from '../../../shared/relay/contract.ts';
import { startDnsEmulator } from '../../emulators/dns/index.ts';
import type { DnsEmulator } from '../../emulators/dns/index.ts';
import { startCluster } from './support/cluster.ts';

let dns: DnsEmulator;
let query: AuthoritativeQuery;
const signal = () => AbortSignal.timeout(10_000);
const law = () => ({ resolver: `${dns.recursive.address}:${dns.recursive.port}`, nameservers: dns.nameserverOverrides });

beforeAll(async () => {
  dns = await startDnsEmulator({
    zones: [
      {
        name: 'example.net',
        nameservers: ['ns1.dns.test', 'ns2.dns.test'],
        records: [
          { name: '_acme-challenge.example.net', type: 'TXT', data: 'one' },
          { name: '_acme-challenge.example.net', type: 'TXT', data: 'two' },
          { name: '_acme-challenge.www.example.net', type: 'CNAME', data: 'challenge.delegated.test' },
          { name: 'example.net', type: 'CAA', data: { flags: 0, tag: 'issue', value: 'letsencrypt.org' } },
          { name: 'big.example.net', type: 'TXT', data: Array.from({ length: 12 }, (_, index) => `${index}`.padEnd(200, 'x')) },
          { name: 'example.net', type: 'A', data: '192.0.2.1' },
        ],
      },
      { name: 'delegated.test', nameservers: ['ns3.dns.test'], records: [{ name: 'challenge.delegated.test', type: 'TXT', data: 'three' }] },
    ],
    servers: [{ name: 'ns1.dns.test' }, { name: 'ns2.dns.test' }, { name: 'ns3.dns.test' }],
  });
  query = new AuthoritativeQuery(new ZoneFinder(resolverOptions(law())));
});
afterAll(() => dns.close());
afterEach(() => dns.world.faults.clear());

const ask = async (name: string, type: DnsQuestion['type']) => {
  const [result] = await query.answer([{ name, type }], signal());
  return result;
};

describe('asking the authoritative servers', () => {
  it('asks every server of the zone, and joins what each says', async () => {
    const result = await ask('_acme-challenge.example.net', 'TXT');
    expect(result?.zone).toBe('example.net');
    expect(result?.servers.map(({ server, status, values }) => ({ server, status, values: values.toSorted() }))).toEqual([
      { server: 'ns1.dns.test', status: 'answer', values: ['one', 'two'] },
      { server: 'ns2.dns.test', status: 'answer', values: ['one', 'two'] },
    ]);
  });

  it('shows that one server is behind', async () => {
    dns.world.setDelay('ns2.dns.test', Infinity);
    dns.world.add({ name: '_acme-challenge.late.example.net', type: 'TXT', data: 'late' });
    const result = await ask('_acme-challenge.late.example.net', 'TXT');
    dns.world.setDelay('ns2.dns.test', 0);
    expect(result?.servers.map(({ status }) => status)).toEqual(['answer', 'nxdomain']);
  });

  it('reports an alias instead of following it', async () => {
    const result = await ask('_acme-challenge.www.example.net', 'TXT');
    expect(result?.zone).toBe('example.net');
    expect(result?.servers[0]).toMatchObject({ status: 'answer', values: [], cname: 'challenge.delegated.test' });
  });

  it('takes a truncated answer over TCP', async () => {
    const [first] = (await ask('big.example.net', 'TXT'))?.servers ?? [];
    expect(first?.status).toBe('answer');
    expect(first?.values[0]).toHaveLength(12 * 200);
  });

  it.each([
    ['CAA', '0 issue "letsencrypt.org"'],
    ['A', '192.0.2.1'],
  ] as const)('writes %s as people write it', async (type, value) => {
    expect((await ask('example.net', type))?.servers[0]?.values).toEqual([value]);
  });

  it('tells no data from no name', async () => {
    expect((await ask('example.net', 'AAAA'))?.servers[0]?.status).toBe('nodata');
    expect((await ask('missing.example.net', 'TXT'))?.servers[0]?.status).toBe('nxdomain');
  });

  it.each([
    ['refused', 'REFUSED'],
    ['servfail', 'SERVFAIL'],
  ] as const)('reports a server that answers %s', async (status, rcode) => {
    dns.world.faults.add({ kind: 'rcode', rcode, server: 'ns1.dns.test' });
    expect((await ask('example.net', 'A'))?.servers.map((server) => server.status)).toEqual([status, 'answer']);
  });

  it('gives a silent server three seconds, and the others are not delayed by it in what they say', async () => {
    dns.world.faults.add({ kind: 'drop', server: 'ns1.dns.test' });
    expect((await ask('example.net', 'A'))?.servers.map((server) => server.status)).toEqual(['timeout', 'answer']);
  });

  it('asks without recursion', async () => {
    const result = await ask('challenge.delegated.test', 'TXT');
    expect(result).toMatchObject({ zone: 'delegated.test', servers: [{ server: 'ns3.dns.test', values: ['three'] }] });
  });

  it('knows no zone for a name outside of all of them', async () => {
    expect(await ask('example.invalid', 'TXT')).toMatchObject({ zone: null, servers: [] });
  });

  it('says so when the recursive resolver is silent', async () => {
    dns.world.faults.add({ kind: 'drop', server: 'recursive' });
    await expect(ask('example.net', 'A')).rejects.toMatchObject({ code: 'dns_resolver_unavailable', retryable: true });
  });
});

describe('the route', () => {
  const questions = [
    { name: 'example.net', type: 'A' },
    { name: 'example.net', type: 'CAA' },
  ];

  it('answers several questions in their order', async () => {
    const cluster = await startCluster({ law: { dns: law() } });
    const { body } = await cluster.edge.call('POST', '/v1/dns/query', { questions });
    expect(body).toMatchObject({
      results: [
        { name: 'example.net', type: 'A' },
        { name: 'example.net', type: 'CAA' },
      ],
    });
    await cluster.stop();
  });

  it('answers one at a time under contract version 1', async () => {
    const cluster = await startCluster({ law: { dns: law(), contract: 1 } });
    expect(await cluster.edge.call('POST', '/v1/dns/query', { questions })).toMatchObject({ status: 400, error: { code: 'relay_one_question' } });
    expect(await cluster.edge.call('POST', '/v1/dns/query', { questions: questions.slice(0, 1) })).toMatchObject({ status: 200 });
    await cluster.stop();
  });
});
