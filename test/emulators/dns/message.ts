/** DNS messages on the wire (RFC 1035 §4, EDNS(0) RFC 6891): reading queries, writing responses, truncation. */
import {
  decode,
  encode,
  AUTHORITATIVE_ANSWER,
  CHECKING_DISABLED,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
  type Answer,
  type DecodedPacket,
  type Question,
} from 'dns-packet';
import type { Rcode } from './faults.ts';
import { normalizeName } from './names.ts';
import { toAnswer, type ZoneRecord } from './records.ts';

export interface Query {
  id: number;
  question: Question;
  recursionDesired: boolean;
  /** The CD flag: answer although validation fails (RFC 4035 §3.2.2). */
  checkingDisabled: boolean;
  /** The UDP payload size the client announced; undefined without EDNS. */
  udpPayloadSize: number | undefined;
}

export interface Reply {
  rcode: Rcode;
  authoritative: boolean;
  recursionAvailable: boolean;
  answers: readonly ZoneRecord[];
  authorities: readonly ZoneRecord[];
  additionals: readonly ZoneRecord[];
}

const RCODE_NUMBERS: Record<Rcode, number> = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 };
const HEADER_BYTES = 12;
const MAX_UDP_WITHOUT_EDNS = 512;
const MAX_TCP = 65_535;
/** What the emulator announces and never exceeds over UDP: the DNS flag day 2020 size. */
const OWN_UDP_PAYLOAD_SIZE = 1_232;

export function rcodeNumber(rcode: Rcode): number {
  return RCODE_NUMBERS[rcode];
}

/**
 * Reads a query. What is too short to carry an id, or is itself a response, is ignored (`undefined`); what cannot be
 * read or is no plain question comes back as the response to send.
 */
export function readQuery(message: Buffer): Query | { refusal: Buffer } | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const flags = message.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return undefined;
  const id = message.readUInt16BE(0);
  if (((flags >> 11) & 0xf) !== 0) return { refusal: bare(id, flags, 'NOTIMP') };
  let packet: DecodedPacket;
  try {
    packet = decode(message);
  } catch {
    return { refusal: bare(id, flags, 'FORMERR') };
  }
  const question = packet.questions?.[0];
  if (question === undefined || packet.questions?.length !== 1) return { refusal: bare(id, flags, 'FORMERR') };
  const opt = packet.additionals?.find((record) => record.type === 'OPT');
  const udpPayloadSize = opt?.type === 'OPT' ? opt.udpPayloadSize : undefined;
  return { id, question, recursionDesired: packet.flag_rd, checkingDisabled: packet.flag_cd, udpPayloadSize };
}

/** Writes a response; over UDP one that does not fit is emptied and marked TC, so that the client comes back by TCP. */
export function writeReply(query: Query, reply: Reply, transport: 'udp' | 'tcp'): Buffer {
  const limit = transport === 'tcp' ? MAX_TCP : Math.min(Math.max(query.udpPayloadSize ?? 0, MAX_UDP_WITHOUT_EDNS), OWN_UDP_PAYLOAD_SIZE);
  const asked = query.question.name;
  // The owner name is echoed in the spelling of the question (case is kept, RFC 4343 §4.1).
  const spelled = (record: ZoneRecord): Answer => (record.name === normalizeName(asked) ? { ...toAnswer(record), name: asked } : toAnswer(record));
  const whole = message(query, reply, 0, reply.answers.map(spelled), reply.authorities.map(toAnswer), reply.additionals.map(toAnswer));
  return whole.length <= limit ? whole : message(query, reply, TRUNCATED_RESPONSE, [], [], []);
}

function message(query: Query, reply: Reply, extraFlags: number, answers: Answer[], authorities: Answer[], additionals: Answer[]): Buffer {
  const flags =
    (reply.authoritative ? AUTHORITATIVE_ANSWER : 0) |
    (query.recursionDesired ? RECURSION_DESIRED : 0) |
    (query.checkingDisabled ? CHECKING_DISABLED : 0) |
    (reply.recursionAvailable ? RECURSION_AVAILABLE : 0) |
    extraFlags |
    RCODE_NUMBERS[reply.rcode];
  const edns: Answer[] =
    query.udpPayloadSize === undefined
      ? []
      : [{ type: 'OPT', name: '.', udpPayloadSize: OWN_UDP_PAYLOAD_SIZE, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }];
  return encode({ type: 'response', id: query.id, flags, questions: [query.question], answers, authorities, additionals: [...additionals, ...edns] });
}

function bare(id: number, queryFlags: number, rcode: Rcode): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(id, 0);
  // QR, the query's opcode and RD, and the response code.
  header.writeUInt16BE(0x8000 | (queryFlags & 0x7900) | RCODE_NUMBERS[rcode], 2);
  return header;
}
