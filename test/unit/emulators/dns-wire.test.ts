import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import { decode, encode, streamDecode, streamEncode, type DecodedPacket, type Packet, type RecordType } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDnsEmulator, type DnsEmulator } from '../../emulators/dns/index.ts';

const NS1 = 'ns1.test-dns.example';
const NS2 = 'ns2.test-dns.example';

let dns: DnsEmulator;

beforeAll(async () => {
  dns = await startDnsEmulator({
    zones: [
      {
        name: 'example.net',
        nameservers: [NS1, NS2],
        records: [
          { name: 'txt.example.net', type: 'TXT', data: ['one ', 'two'] },
          { name: 'away.example.net', type: 'CNAME', data: 'v6.other.example' },
          { name: 'example.net', type: 'MX', data: { preference: 10, exchange: 'mail.example.net' } },
          { name: 'example.net', type: 'CAA', data: { flags: 128, tag: 'issue', value: 'ca.example; accounturi=https://ca.example/acct/1' } },
          { name: '_sip._tcp.example.net', type: 'SRV', data: { priority: 1, weight: 2, port: 5060, target: 'sip.example.net' } },
          ...Array.from({ length: 40 }, (_, index) => ({ name: 'many.example.net', type: 'TXT' as const, data: `value-${index}-${'x'.repeat(40)}` })),
        ],
      },
      { name: 'other.example', nameservers: [NS1], records: [{ name: 'v6.other.example', type: 'AAAA', data: '2001:db8::1' }] },
    ],
    servers: [{ name: NS1 }, { name: NS2, address: '127.0.0.2' }],
  });
});
afterAll(() => dns.close());

function server(name: string): { address: string; port: number } {
  const found = dns.servers.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no server ${name}`);
  return found;
}

const query = (name: string, type: RecordType, extra: Partial<Packet> = {}): Packet => ({ type: 'query', id: 4711, questions: [{ name, type }], ...extra });

async function udp(to: { address: string; port: number }, message: Buffer): Promise<DecodedPacket> {
  const socket = createSocket('udp4');
  try {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('timeout')), 500);
      socket.once('message', (reply) => {
        clearTimeout(timer);
        resolve(decode(reply));
      });
      socket.send(message, to.port, to.address);
    });
  } finally {
    socket.close();
  }
}

function tcp(to: { address: string; port: number }, packets: Packet[]): Promise<Packet[]> {
  return new Promise((resolve, reject) => {
    const replies: Packet[] = [];
    let pending = Buffer.alloc(0);
    const socket = connect(to.port, to.address, () => {
      // One byte first: a frame may arrive in any number of pieces.
      const frames = Buffer.concat(packets.map((packet) => streamEncode(packet)));
      socket.write(frames.subarray(0, 1));
      socket.write(frames.subarray(1));
    });
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        replies.push(streamDecode(pending));
        pending = pending.subarray(2 + pending.readUInt16BE(0));
      }
      if (replies.length === packets.length) socket.end(() => resolve(replies));
    });
  });
}

const edns = (size: number): Partial<Packet> => ({
  additionals: [{ type: 'OPT', name: '.', udpPayloadSize: size, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }],
});

describe('a name server on the wire', () => {
  it('is understood by the resolver of Node, over every record type', async () => {
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    const { address, port } = server(NS1);
    resolver.setServers([`${address}:${port}`]);
    expect(await resolver.resolveTxt('TXT.example.net')).toEqual([['one ', 'two']]);
    expect(await resolver.resolveMx('example.net')).toMatchObject([{ exchange: 'mail.example.net', priority: 10 }]);
    expect(await resolver.resolveSrv('_sip._tcp.example.net')).toMatchObject([{ name: 'sip.example.net', port: 5060, priority: 1, weight: 2 }]);
    expect(await resolver.resolveCaa('example.net')).toMatchObject([{ critical: 128, issue: 'ca.example; accounturi=https://ca.example/acct/1' }]);
    expect((await resolver.resolveNs('example.net')).sort()).toEqual([NS1, NS2]);
    expect(await resolver.resolveSoa('example.net')).toMatchObject({ nsname: NS1, minttl: 1_800 });
    expect(await resolver.resolve6('away.example.net')).toEqual(['2001:db8::1']);
    expect(await resolver.resolveTxt('many.example.net')).toHaveLength(40);
    await expect(resolver.resolveTxt('nowhere.example.net')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(resolver.resolve4('txt.example.net')).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(resolver.resolveTxt('elsewhere.example')).rejects.toMatchObject({ code: 'EREFUSED' });
  });

  it('sets AA, echoes id and spelling of the question', async () => {
    const reply = await udp(server(NS1), encode(query('TxT.eXample.net', 'TXT')));
    expect(reply).toMatchObject({ id: 4711, flag_aa: true, flag_ra: false, questions: [{ name: 'TxT.eXample.net' }], answers: [{ name: 'TxT.eXample.net' }] });
  });

  it('truncates over UDP what exceeds 512 bytes or the announced size, and answers in full over TCP', async () => {
    const plain = await udp(server(NS1), encode(query('many.example.net', 'TXT')));
    expect(plain).toMatchObject({ flag_tc: true, answers: [] });
    expect(await udp(server(NS1), encode(query('many.example.net', 'TXT', edns(4_096))))).toMatchObject({ flag_tc: true });
    const [first, second] = await tcp(server(NS1), [query('many.example.net', 'TXT'), query('txt.example.net', 'TXT')]);
    expect(first?.answers).toHaveLength(40);
    expect(second?.answers).toHaveLength(1);
  });

  it('listens on other loopback addresses too', async () => {
    expect(dns.nameserverOverrides[NS2]).toBe(`127.0.0.2:${server(NS2).port}`);
    expect(await udp(server(NS2), encode(query('txt.example.net', 'TXT')))).toMatchObject({ flag_aa: true });
  });

  it('answers garbage with FORMERR, other opcodes with NOTIMP, responses not at all', async () => {
    const message = encode(query('txt.example.net', 'TXT'));
    const broken = Buffer.from(message.subarray(0, 14));
    expect((await udp(server(NS1), broken)).flags).toBe(1);
    const update = Buffer.from(message);
    update.writeUInt16BE(5 << 11, 2);
    expect(((await udp(server(NS1), update)).flags ?? 0) & 0xf).toBe(4);
    const response = Buffer.from(message);
    response.writeUInt16BE(0x8000, 2);
    await expect(udp(server(NS1), response)).rejects.toThrow('timeout');
  });

  it('fails, is silent or slow on demand, as often as told', async () => {
    dns.world.faults.add({ kind: 'rcode', rcode: 'SERVFAIL', name: 'txt.example.net', server: NS1, times: 1 });
    expect((await udp(server(NS1), encode(query('txt.example.net', 'TXT')))).flags).toBe(2);
    expect((await udp(server(NS1), encode(query('txt.example.net', 'TXT')))).answers).toHaveLength(1);
    const stop = dns.world.faults.add({ kind: 'drop', server: NS1 });
    await expect(udp(server(NS1), encode(query('txt.example.net', 'TXT')))).rejects.toThrow('timeout');
    expect((await udp(server(NS2), encode(query('txt.example.net', 'TXT')))).answers).toHaveLength(1);
    stop();
    dns.world.faults.add({ kind: 'slow', delayMs: 100, times: 1 });
    const before = performance.now();
    await udp(server(NS1), encode(query('txt.example.net', 'TXT')));
    expect(performance.now() - before).toBeGreaterThan(90);
  });

  it('says so when its port is taken, and leaves nothing open', async () => {
    const { port } = server(NS1);
    const free = await startDnsEmulator({ zones: [], servers: [{ name: NS2 }] });
    const freed = free.servers[0]?.port ?? 0;
    await free.close();
    await expect(
      startDnsEmulator({
        zones: [],
        servers: [
          { name: NS2, port: freed },
          { name: NS1, port },
        ],
      }),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' });
    const again = await startDnsEmulator({ zones: [], servers: [{ name: NS2, port: freed }] });
    await again.close();
  });

  it('logs who was asked for what', async () => {
    dns.world.queries.clear();
    await udp(server(NS2), encode(query('Txt.example.net', 'TXT')));
    await tcp(server(NS1), [query('none.example.net', 'A')]);
    expect(dns.world.queries.find()).toMatchObject([
      { server: NS2, name: 'txt.example.net', type: 'TXT', transport: 'udp', outcome: 'NOERROR' },
      { server: NS1, name: 'none.example.net', type: 'A', transport: 'tcp', outcome: 'NXDOMAIN' },
    ]);
  });
});

describe('the recursive server', () => {
  it('answers for every zone, across CNAME records, and offers recursion', async () => {
    const reply = await udp(dns.recursive, encode(query('away.example.net', 'AAAA', { flags: 256 })));
    expect(reply).toMatchObject({ flag_aa: false, flag_ra: true, flag_rd: true, answers: [{ type: 'CNAME' }, { type: 'AAAA' }] });
  });

  it('keeps no cache', async () => {
    const name = '_acme-challenge.fresh.example.net';
    expect((await udp(dns.recursive, encode(query(name, 'TXT')))).flags).toBe(0x83);
    dns.world.add({ name, type: 'TXT', data: 'value' });
    expect((await udp(dns.recursive, encode(query(name, 'TXT')))).answers).toHaveLength(1);
  });
});
