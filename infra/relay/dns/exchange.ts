/** One question to one server (RFC 1035 §4.2): UDP with EDNS(0), over TCP when the answer was truncated. */
import { decode, encode, streamEncode } from 'dns-packet';
import type { DecodedPacket, Packet } from 'dns-packet';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { randomInt } from 'node:crypto';

export interface ServerAddress {
  address: string;
  port: number;
}

/** Milliseconds per server, both transports together. */
export const SERVER_TIMEOUT_MS = 3_000;
const RESEND_AFTER_MS = 1_000;
/** Fits an IPv6 path without fragments (DNS Flag Day 2020). */
const UDP_PAYLOAD = 1_232;

/**
 * Asks and returns the matching answer. Throws an Error named `TimeoutError` or a system error.
 * @param recursive sets RD; authoritative servers are asked without
 */
export async function ask(server: ServerAddress, question: { name: string; type: string }, recursive: boolean, signal: AbortSignal): Promise<DecodedPacket> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(SERVER_TIMEOUT_MS)]);
  const answer = await overUdp(server, query(question, recursive), deadline);
  return answer.flag_tc ? overTcp(server, query(question, recursive), deadline) : answer;
}

function query(question: { name: string; type: string }, recursive: boolean): Packet {
  return {
    type: 'query',
    id: randomInt(1, 65_536),
    flags: recursive ? 0x0100 : 0,
    questions: [{ name: question.name, type: question.type as 'A', class: 'IN' }],
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: UDP_PAYLOAD, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }],
  };
}

/** RFC 5452 §9.1: an answer counts when its id and question are ours; anything else may be forged and is ignored. */
function answers(packet: Packet, asked: Packet): boolean {
  const [got] = packet.questions ?? [];
  const [want] = asked.questions ?? [];
  return packet.type === 'response' && packet.id === asked.id && got?.type === want?.type && got?.name.toLowerCase() === want?.name.toLowerCase();
}

async function overUdp(server: ServerAddress, asked: Packet, signal: AbortSignal): Promise<DecodedPacket> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    const bytes = encode(asked);
    const send = () => socket.send(bytes);
    const resend = setInterval(send, RESEND_AFTER_MS);
    const finish = (settle: () => void) => {
      clearInterval(resend);
      signal.removeEventListener('abort', abort);
      socket.close();
      settle();
    };
    const abort = () => finish(() => reject(signal.reason));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', (error) => finish(() => reject(error)));
    socket.on('message', (message) => {
      const packet = decoded(message);
      if (packet !== undefined && answers(packet, asked)) finish(() => resolve(packet));
    });
    // A connected socket takes datagrams from this server only, and learns of a closed port.
    socket.connect(server.port, server.address, send);
  });
}

async function overTcp(server: ServerAddress, asked: Packet, signal: AbortSignal): Promise<DecodedPacket> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.address, port: server.port });
    const chunks: Buffer[] = [];
    const finish = (settle: () => void) => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      settle();
    };
    const abort = () => finish(() => reject(signal.reason));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', (error) => finish(() => reject(error)));
    socket.once('close', () => finish(() => reject(new Error('The server closed the connection.'))));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      // RFC 1035 §4.2.2: two octets of length, then the message.
      if (bytes.byteLength < 2 || bytes.byteLength < bytes.readUInt16BE(0) + 2) return;
      const packet = decoded(bytes.subarray(2, bytes.readUInt16BE(0) + 2));
      if (packet !== undefined && answers(packet, asked)) finish(() => resolve(packet));
      else finish(() => reject(new Error('The answer does not match the question.')));
    });
    socket.once('connect', () => socket.write(streamEncode(asked)));
  });
}

function decoded(message: Buffer): DecodedPacket | undefined {
  try {
    return decode(message);
  } catch {
    return undefined;
  }
}
