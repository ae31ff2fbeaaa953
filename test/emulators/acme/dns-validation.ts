/**
 * dns-01 validation (RFC 8555 §8.4) by real DNS: TXT of `_acme-challenge.<name>` asked of one resolver over UDP, over TCP
 * when the answer is truncated, CNAMEs followed. Nothing is cached.
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { randomInt } from 'node:crypto';
import dnsPacket from 'dns-packet';
import type { Answer, DecodedPacket } from 'dns-packet';
import { AcmeProblem } from './problem.ts';

export interface Resolver {
  host: string;
  port: number;
}

const TIMEOUT_MS = 3_000;
const MAX_CNAMES = 8;
const RESPONSE_CODE_MASK = 0xf;
const RESPONSE_CODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];
const EDNS_PAYLOAD_BYTES = 1_232;

/** Every TXT value at `name`. @throws {AcmeProblem} dns, when the resolver fails or denies the name. */
export async function lookUpTxt(resolver: Resolver, name: string): Promise<string[]> {
  let current = name;
  for (let hops = 0; hops <= MAX_CNAMES; hops += 1) {
    // Each hop depends on the answer before.
    // oxlint-disable-next-line no-await-in-loop
    const answers = await askTxt(resolver, current, name);
    const end = followCnames(answers, current);
    const values = answers.flatMap((answer) => (answer.type === 'TXT' && sameName(answer.name, end) ? [textOf(answer.data)] : []));
    if (values.length > 0 || sameName(end, current)) return values;
    current = end;
  }
  throw dnsProblem(`too many CNAMEs looking up TXT for ${name}`);
}

async function askTxt(resolver: Resolver, current: string, original: string): Promise<Answer[]> {
  const reply = await exchange(resolver, current).catch(() => {
    throw dnsProblem(`query timed out looking up TXT for ${original}`);
  });
  const code = RESPONSE_CODES[(reply.flags ?? 0) & RESPONSE_CODE_MASK] ?? 'an unknown response code';
  if (code !== 'NOERROR')
    throw dnsProblem(`${code} looking up TXT for ${original}${code === 'NXDOMAIN' ? ' - check that a DNS record exists for this domain' : ''}`);
  return reply.answers ?? [];
}

function dnsProblem(detail: string): AcmeProblem {
  return new AcmeProblem('dns', 400, `DNS problem: ${detail}`);
}

function followCnames(answers: readonly Answer[], start: string): string {
  let name = start;
  for (let hops = 0; hops < MAX_CNAMES; hops += 1) {
    const cname = answers.find((answer) => answer.type === 'CNAME' && sameName(answer.name, name));
    if (cname?.type !== 'CNAME') break;
    name = cname.data;
  }
  return name;
}

function sameName(left: string, right: string): boolean {
  return left.toLowerCase().replace(/\.$/, '') === right.toLowerCase().replace(/\.$/, '');
}

function textOf(data: string | Buffer | (string | Buffer)[]): string {
  return (Array.isArray(data) ? data : [data]).map((part) => part.toString()).join('');
}

async function exchange(resolver: Resolver, name: string): Promise<DecodedPacket> {
  const query = dnsPacket.encode({
    type: 'query',
    id: randomInt(65_536),
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ type: 'TXT', name }],
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: EDNS_PAYLOAD_BYTES, flags: 0, extendedRcode: 0, ednsVersion: 0, flag_do: false, options: [] }],
  });
  const reply = await overUdp(resolver, query);
  return reply.flag_tc ? await overTcp(resolver, query) : reply;
}

async function overUdp(resolver: Resolver, query: Buffer): Promise<DecodedPacket> {
  const socket = createSocket(resolver.host.includes(':') ? 'udp6' : 'udp4');
  try {
    return await withTimeout((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (message) => {
        // Only the answer to this query counts; anything else is somebody's guess.
        if (message.length >= 12 && message.readUInt16BE(0) === query.readUInt16BE(0)) resolve(dnsPacket.decode(message));
      });
      socket.send(query, resolver.port, resolver.host);
    });
  } finally {
    socket.close();
  }
}

async function overTcp(resolver: Resolver, query: Buffer): Promise<DecodedPacket> {
  const socket = connect(resolver.port, resolver.host);
  try {
    return await withTimeout((resolve, reject) => {
      let received = Buffer.alloc(0);
      socket.on('error', reject);
      socket.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) resolve(dnsPacket.decode(received.subarray(2)));
      });
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.length);
      socket.write(Buffer.concat([length, query]));
    });
  } finally {
    socket.destroy();
  }
}

async function withTimeout<T>(work: (resolve: (value: T) => void, reject: (reason: unknown) => void) => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('timeout')), TIMEOUT_MS);
      work(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
  }
}
