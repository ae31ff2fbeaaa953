/**
 * Resource records as plain data, and their three other shapes: wire (dns-packet), presentation (RFC 1035 §5.1) and a
 * canonical key, under which two records with the same owner, type and data are the same record (RFC 2181 §5).
 */
import type { Answer, CaaData } from 'dns-packet';
import { normalizeName } from './names.ts';

export interface SoaData {
  mname: string;
  rname: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  /** Seconds that a resolver may remember a negative answer (RFC 2308 §4). */
  minimum: number;
}

export type RecordData =
  | { type: 'A' | 'AAAA' | 'CNAME' | 'NS'; data: string }
  /** The character-strings of one TXT record, each at most 255 bytes. */
  | { type: 'TXT'; data: readonly string[] }
  | { type: 'MX'; data: { preference: number; exchange: string } }
  | { type: 'SRV'; data: { priority: number; weight: number; port: number; target: string } }
  /** Any tag: a CA must stop at a critical one that it does not know (RFC 8659 §4.1). */
  | { type: 'CAA'; data: { flags: number; tag: string; value: string } }
  | { type: 'SOA'; data: SoaData };

/** One record; `name` is normalised, `ttl` in seconds. */
export type ZoneRecord = { name: string; ttl: number } & RecordData;

/** What callers may write: TTL 300 by default, and a TXT value as one string, which is cut into character-strings. */
export type RecordInput = { name: string; ttl?: number } & (Exclude<RecordData, { type: 'TXT' | 'SOA' }> | { type: 'TXT'; data: string | readonly string[] });

const DEFAULT_TTL_SECONDS = 300;
const MAX_CHARACTER_STRING_BYTES = 255;

/** @throws RangeError when a TXT character-string is longer than 255 bytes. */
export function toRecord(input: RecordInput): ZoneRecord {
  const owner = { name: normalizeName(input.name), ttl: input.ttl ?? DEFAULT_TTL_SECONDS };
  switch (input.type) {
    case 'CNAME':
    case 'NS':
      return { ...owner, type: input.type, data: normalizeName(input.data) };
    case 'A':
    case 'AAAA':
      return { ...owner, type: input.type, data: input.data };
    case 'TXT':
      return { ...owner, type: 'TXT', data: typeof input.data === 'string' ? characterStrings(input.data) : checkedStrings(input.data) };
    case 'MX':
      return { ...owner, type: 'MX', data: { ...input.data, exchange: normalizeName(input.data.exchange) } };
    case 'SRV':
      return { ...owner, type: 'SRV', data: { ...input.data, target: normalizeName(input.data.target) } };
    default:
      return { ...owner, type: 'CAA', data: { ...input.data } };
  }
}

/** Cuts a value into character-strings of at most 255 bytes without splitting a UTF-8 sequence. */
export function characterStrings(value: string): string[] {
  const strings: string[] = [];
  let current = '';
  let bytes = 0;
  for (const character of value) {
    const size = Buffer.byteLength(character);
    if (bytes + size > MAX_CHARACTER_STRING_BYTES) {
      strings.push(current);
      current = '';
      bytes = 0;
    }
    current += character;
    bytes += size;
  }
  strings.push(current);
  return strings;
}

function checkedStrings(strings: readonly string[]): readonly string[] {
  const long = strings.find((string) => Buffer.byteLength(string) > MAX_CHARACTER_STRING_BYTES);
  if (long !== undefined) throw new RangeError('A TXT character-string holds at most 255 bytes.');
  return [...strings];
}

/** Equal keys mean the same record: the TTL does not take part. */
export function recordKey(record: ZoneRecord): string {
  return `${record.name} ${record.type} ${presentation(record)}`;
}

/** The record's data as zone files and DoH JSON print it. Host names end with a dot. */
export function presentation(record: RecordData): string {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return record.data;
    case 'CNAME':
    case 'NS':
      return `${record.data}.`;
    case 'TXT':
      return record.data.map(quoted).join(' ');
    case 'MX':
      return `${record.data.preference} ${record.data.exchange}.`;
    case 'SRV':
      return `${record.data.priority} ${record.data.weight} ${record.data.port} ${record.data.target}.`;
    case 'CAA':
      return `${record.data.flags} ${record.data.tag} ${quoted(record.data.value)}`;
    default: {
      const { mname, rname, serial, refresh, retry, expire, minimum } = record.data;
      return `${mname}. ${rname}. ${serial} ${refresh} ${retry} ${expire} ${minimum}`;
    }
  }
}

/** A quoted character-string: quotes and backslashes escaped, bytes outside printable ASCII as `\DDD`. */
function quoted(value: string): string {
  let text = '';
  for (const byte of Buffer.from(value)) {
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${String(byte).padStart(3, '0')}`;
  }
  return `"${text}"`;
}

/** The record for dns-packet. Always a fresh copy, because its encoder writes into what it is given. */
export function toAnswer(record: ZoneRecord): Answer {
  const owner = { name: record.name === '' ? '.' : record.name, ttl: record.ttl, class: 'IN' as const };
  switch (record.type) {
    case 'A':
    case 'AAAA':
    case 'CNAME':
    case 'NS':
      return { ...owner, type: record.type, data: record.data };
    case 'TXT':
      return { ...owner, type: 'TXT', data: record.data.map((string) => Buffer.from(string)) };
    case 'MX':
      return { ...owner, type: 'MX', data: { ...record.data } };
    case 'SRV':
      return { ...owner, type: 'SRV', data: { ...record.data } };
    case 'CAA':
      // The package's types know three tags; the wire knows any.
      return { ...owner, type: 'CAA', data: { ...record.data } as CaaData };
    default:
      return { ...owner, type: 'SOA', data: { ...record.data } };
  }
}
