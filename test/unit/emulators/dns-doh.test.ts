import { decode, encode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SECOND } from '../../../shared/clock.ts';
import { startDnsEmulator, type DnsEmulator } from '../../emulators/dns/index.ts';

const NAME = '_acme-challenge.example.net';

let now = 1_800_000_000_000;
let dns: DnsEmulator;

beforeEach(async () => {
  dns = await startDnsEmulator({
    zones: [
      {
        name: 'example.net',
        nameservers: ['ns1.test-dns.example'],
        negativeTtl: 1_800,
        records: [{ name: 'txt.example.net', type: 'TXT', data: ['a"b', 'c'], ttl: 60 }],
      },
    ],
    servers: [{ name: 'ns1.test-dns.example' }],
    clock: () => now,
  });
});
afterEach(() => dns.close());

function resolver(index: number): DnsEmulator['doh'][number] {
  const found = dns.doh[index];
  if (found === undefined) throw new Error('no such resolver');
  return found;
}

async function json(index: number, name: string, type = 'TXT'): Promise<unknown> {
  const response = await fetch(`${resolver(index).url}?name=${name}&type=${type}`, { headers: { accept: 'application/dns-json' } });
  expect(response.headers.get('content-type')).toContain('application/dns-json');
  return response.json();
}

describe('DoH in JSON', () => {
  it('has the shape of Cloudflare, with TXT strings quoted one by one', async () => {
    expect(await json(0, 'TXT.example.net')).toEqual({
      Status: 0,
      TC: false,
      RD: true,
      RA: true,
      AD: false,
      CD: false,
      Question: [{ name: 'TXT.example.net', type: 16 }],
      Answer: [{ name: 'txt.example.net', type: 16, TTL: 60, data: '"a\\"b" "c"' }],
    });
  });

  it('has the shape of Google under /resolve, with names dotted and TXT strings joined', async () => {
    const response = await fetch(`${resolver(0).jsonUrl}?name=txt.example.net&type=16`);
    expect(await response.json()).toMatchObject({
      Status: 0,
      Question: [{ name: 'txt.example.net.', type: 16 }],
      Answer: [{ name: 'txt.example.net.', data: 'a"bc' }],
    });
  });

  it('denies with status 3 and the SOA', async () => {
    expect(await json(0, NAME)).toMatchObject({ Status: 3, Authority: [{ name: 'example.net', type: 6, TTL: 1_800, data: expect.stringContaining(' 1800') }] });
  });

  it('keeps a denial as long as the SOA says, each resolver for itself', async () => {
    expect(await json(0, NAME)).toMatchObject({ Status: 3 });
    dns.world.add({ name: NAME, type: 'TXT', data: 'value' });
    expect(await json(0, NAME)).toMatchObject({ Status: 3 });
    expect(await json(1, NAME)).toMatchObject({ Status: 0, Answer: [{ data: '"value"' }] });
    now += 1_800 * SECOND;
    expect(await json(0, NAME)).toMatchObject({ Status: 0 });
    expect(dns.world.queries.find({ server: 'resolver-one', name: NAME }).map(({ outcome, cached }) => [outcome, cached])).toEqual([
      ['NXDOMAIN', false],
      ['NXDOMAIN', true],
      ['NOERROR', false],
    ]);
  });

  it('reports SERVFAIL as status 2 and does not remember it', async () => {
    dns.world.faults.add({ kind: 'rcode', rcode: 'SERVFAIL', name: NAME, times: 1 });
    expect(await json(0, NAME)).toMatchObject({ Status: 2 });
    dns.world.add({ name: NAME, type: 'TXT', data: 'value' });
    expect(await json(0, NAME)).toMatchObject({ Status: 0 });
  });

  it('never answers a dropped query', async () => {
    dns.world.faults.add({ kind: 'drop', server: 'resolver-one' });
    await expect(
      fetch(`${resolver(0).url}?name=${NAME}&type=TXT`, { headers: { accept: 'application/dns-json' }, signal: AbortSignal.timeout(100) }),
    ).rejects.toThrow();
  });

  it('refuses a request without the JSON media type, without a name, or with an unknown type', async () => {
    const status = async (query: string, accept: string) => (await fetch(`${resolver(0).url}?${query}`, { headers: { accept } })).status;
    expect(await status(`name=${NAME}&type=TXT`, '*/*')).toBe(400);
    expect(await status('type=TXT', 'application/dns-json')).toBe(400);
    expect(await status(`name=${NAME}&type=NOPE`, 'application/dns-json')).toBe(400);
  });
});

describe('DoH in wire format', () => {
  const query = encode({ type: 'query', id: 0, flags: 256, questions: [{ name: 'txt.example.net', type: 'TXT' }] });

  it('answers GET and POST', async () => {
    const responses = [
      await fetch(`${resolver(0).url}?dns=${query.toString('base64url')}`, { headers: { accept: 'application/dns-message' } }),
      await fetch(resolver(0).url, { method: 'POST', body: new Uint8Array(query), headers: { 'content-type': 'application/dns-message' } }),
    ];
    for (const response of responses) {
      expect(response.headers.get('content-type')).toBe('application/dns-message');
      expect(response.headers.get('cache-control')).toBe('max-age=60');
      const packet = decode(Buffer.from(await response.arrayBuffer()));
      expect(packet).toMatchObject({ flag_ra: true, flag_rd: true, answers: [{ type: 'TXT', data: [Buffer.from('a"b'), Buffer.from('c')] }] });
    }
  });

  it('refuses what is no DNS message', async () => {
    expect((await fetch(`${resolver(0).url}?dns=AAAA`)).status).toBe(400);
    expect((await fetch(resolver(0).url, { method: 'POST', body: new Uint8Array(query), headers: { 'content-type': 'text/plain' } })).status).toBe(415);
  });
});

describe('a zone that does not validate', () => {
  it('is SERVFAIL at every resolver unless the question says not to check, and is never remembered the one way for the other', async () => {
    dns.world.setBogus('example.net', true);
    const ask = async (flags: number) => {
      const query = encode({ type: 'query', id: 0, flags, questions: [{ type: 'TXT', name: 'txt.example.net' }] });
      const response = await fetch(resolver(0).url, { method: 'POST', headers: { 'content-type': 'application/dns-message' }, body: new Uint8Array(query) });
      return decode(Buffer.from(await response.arrayBuffer())).answers?.length;
    };
    const [checked, unchecked] = [0x0100, 0x0110];
    expect([await ask(checked), await ask(unchecked), await ask(checked)]).toEqual([0, 1, 0]);
    dns.world.setBogus('example.net', false);
    expect(await ask(checked)).toBe(1);
  });
});
