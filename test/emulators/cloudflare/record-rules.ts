/**
 * What Cloudflare accepts as a DNS record: field rules with the vendor's codes. Codes and messages seen in public
 * reports: 9000, 9003, 9005, 9006, 9015, 9020–9022, 9041, 9101, 9300, 9313. The others (9007, 9009, 9010, 9207, 9208)
 * stand for refusals that are documented without their number.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { isWithin } from '../dns/names.ts';
import type { RecordInput } from '../dns/index.ts';
import { BODY_INVALID, RecordRejected } from './failure.ts';
import { txtStrings } from './txt-content.ts';

export const RECORD_TYPES = ['A', 'AAAA', 'CAA', 'CNAME', 'MX', 'NS', 'SRV', 'TXT'] as const;
export type RecordType = (typeof RECORD_TYPES)[number];

const caaData = z.strictObject({ flags: z.number().int().min(0).max(255), tag: z.enum(['issue', 'issuewild', 'iodef']), value: z.string().min(1).max(1_024) });
const port = z.number().int().min(0).max(65_535);
const srvData = z.strictObject({ priority: port, weight: port, port, target: z.string().min(1) });

/** The fields of a request. Unknown fields are refused, so that a misspelt one is found here. */
const body = z.strictObject({
  name: z.string().optional(),
  type: z.string().optional(),
  content: z.string().nullish(),
  ttl: z.unknown().optional(),
  proxied: z.boolean().nullish(),
  priority: z.number().int().min(0).max(65_535).nullish(),
  comment: z.string().nullish(),
  tags: z.array(z.string()).nullish(),
  settings: z.record(z.string(), z.unknown()).nullish(),
  data: z.record(z.string(), z.unknown()).nullish(),
});
export type RecordBody = z.infer<typeof body>;

/** A record that passed all rules. */
export interface RecordFields {
  name: string;
  type: RecordType;
  content: string;
  ttl: number;
  proxied: boolean;
  priority: number | null;
  data: Record<string, unknown> | null;
  comment: string | null;
  /** What the name servers say. */
  published: RecordInput;
}

export interface RecordRules {
  zone: string;
  /** Zones with the setting keep TXT content quoted even when it was sent bare. */
  autoQuoteTxt: boolean;
}

const MIN_TTL_SECONDS = 60;
const MAX_TTL_SECONDS = 86_400;
const AUTOMATIC_TTL = 1;
const AUTOMATIC_TTL_SECONDS = 300;
const MAX_COMMENT_LENGTH = 100;
const MAX_WIRE_BYTES = 4_096;
const PROXIABLE: readonly RecordType[] = ['A', 'AAAA', 'CNAME'];
/** What a proxied name resolves to: the vendor's edge, never the record's own content. */
const EDGE_ADDRESS = '104.16.132.229';

export function parseRecordBody(input: unknown): RecordBody {
  const parsed = body.safeParse(input);
  if (!parsed.success) throw BODY_INVALID;
  return parsed.data;
}

/** @throws RecordRejected with the vendor's code for the first rule that is broken. */
export function checkRecord(input: RecordBody, rules: RecordRules): RecordFields {
  const type = RECORD_TYPES.find((known) => known === input.type);
  if (type === undefined) throw new RecordRejected(9020, 'Invalid DNS record type.');
  const name = checkName(input.name, rules.zone);
  const ttl = checkTtl(input.ttl);
  const proxied = input.proxied ?? false;
  if (proxied && !PROXIABLE.includes(type)) throw new RecordRejected(9041, 'This record type cannot be proxied.');
  const comment = input.comment ?? null;
  if (comment !== null && comment.length > MAX_COMMENT_LENGTH)
    throw new RecordRejected(9313, `DNS record comment exceeds the maximum length of ${MAX_COMMENT_LENGTH} characters.`);
  if (comment !== null && /[\r\n]/.test(comment)) throw BODY_INVALID;
  const tags = input.tags ?? [];
  if (tags.length > 0) throw new RecordRejected(9300, `DNS record has ${tags.length} tags, exceeding the quota of 0.`);
  const content = checkContent(type, name, input, ttl === AUTOMATIC_TTL ? AUTOMATIC_TTL_SECONDS : ttl, rules);
  const published = proxied ? { name, ttl: AUTOMATIC_TTL_SECONDS, type: 'A' as const, data: EDGE_ADDRESS } : content.published;
  return { name, type, ttl: proxied ? AUTOMATIC_TTL : ttl, proxied, comment, priority: null, data: null, ...content, published };
}

/** Lower case, Punycode, complete and inside the zone. The API itself would hang a foreign name under the zone. */
function checkName(name: string | undefined, zone: string): string {
  const ascii = name === undefined ? '' : hostName(name);
  if (ascii === '' || !isWithin(ascii, zone)) throw new RecordRejected(9000, 'DNS name is invalid.');
  return ascii;
}

/** The name in ASCII; empty when it is no DNS name. An asterisk stands alone as the first label only. */
function hostName(name: string): string {
  const bare = name.replace(/\.$/, '').toLowerCase();
  const wildcard = bare.startsWith('*.') ? '*.' : '';
  const rest = bare.slice(wildcard.length);
  const ascii = /^[\u0020-\u007e]*$/.test(rest) ? rest : domainToASCII(rest);
  const valid =
    ascii.length > 0 && wildcard.length + ascii.length <= 253 && ascii.split('.').every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
  return valid ? wildcard + ascii : '';
}

function checkTtl(ttl: unknown): number {
  if (ttl === undefined || ttl === null) return AUTOMATIC_TTL;
  if (typeof ttl !== 'number' || !Number.isInteger(ttl)) throw new RecordRejected(9022, `TTL must be a number, not a ${typeof ttl}.`);
  if (ttl !== AUTOMATIC_TTL && (ttl < MIN_TTL_SECONDS || ttl > MAX_TTL_SECONDS)) {
    throw new RecordRejected(9021, `TTL must be between ${MIN_TTL_SECONDS} and ${MAX_TTL_SECONDS} seconds, or 1 for Automatic.`);
  }
  return ttl;
}

type CheckedContent = Pick<RecordFields, 'content' | 'published'> & Partial<Pick<RecordFields, 'priority' | 'data'>>;

function checkContent(type: RecordType, name: string, input: RecordBody, ttl: number, rules: RecordRules): CheckedContent {
  const owner = { name, ttl };
  switch (type) {
    case 'A':
    case 'AAAA': {
      const sent = required(input.content);
      if (type === 'A' && !isIPv4(sent)) throw new RecordRejected(9005, 'Content for A record must be a valid IPv4 address.');
      if (type === 'AAAA' && !isIPv6(sent)) throw new RecordRejected(9006, 'Content for AAAA record must be a valid IPv6 address.');
      // Kept in the shortest form, whatever was sent.
      const content = type === 'AAAA' ? new URL(`http://[${sent}]/`).hostname.slice(1, -1) : sent;
      return { content, published: { ...owner, type, data: content } };
    }
    case 'CNAME':
    case 'NS': {
      const content = target(required(input.content), type === 'CNAME' ? 9007 : 9010, type);
      if (type === 'CNAME' && content === name) throw new RecordRejected(9039, 'CNAME record cannot reference itself.');
      return { content, published: { ...owner, type, data: content } };
    }
    case 'MX': {
      const exchange = target(required(input.content), 9009, type);
      if (input.priority === undefined || input.priority === null) throw new RecordRejected(9101, 'priority is a required field.');
      return { content: exchange, priority: input.priority, published: { ...owner, type, data: { preference: input.priority, exchange } } };
    }
    case 'TXT':
      return txt(required(input.content), owner, rules);
    case 'CAA': {
      const data = dataOf(caaData, input.data);
      return { content: `${data.flags} ${data.tag} "${data.value}"`, data, published: { ...owner, type, data } };
    }
    default: {
      const data = dataOf(srvData, input.data);
      const host = target(data.target, 9010, type);
      return { content: `${data.weight} ${data.port} ${host}`, priority: data.priority, data, published: { ...owner, type, data: { ...data, target: host } } };
    }
  }
}

function txt(content: string, owner: { name: string; ttl: number }, rules: RecordRules): CheckedContent {
  const strings = txtStrings(content);
  const wireBytes = strings.reduce((sum, string) => sum + 1 + Buffer.byteLength(string), 0);
  if (wireBytes > MAX_WIRE_BYTES) throw new RecordRejected(9015, `Record content exceeds the allowed length of ${MAX_WIRE_BYTES} wire format bytes.`);
  const kept =
    rules.autoQuoteTxt && !content.startsWith('"') ? strings.map((string) => `"${string.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(' ') : content;
  return { content: kept, published: { ...owner, type: 'TXT', data: strings } };
}

function required(content: string | null | undefined): string {
  if (content === undefined || content === null || content === '') throw new RecordRejected(9101, 'content is a required field.');
  return content;
}

function target(content: string, code: number, type: string): string {
  const host = hostName(content);
  if (host === '' || host.startsWith('*')) throw new RecordRejected(code, `Content for ${type} record is invalid.`);
  return host;
}

function dataOf<T>(schema: z.ZodType<T>, data: Record<string, unknown> | null | undefined): T {
  const parsed = schema.safeParse(data ?? {});
  if (parsed.success) return parsed.data;
  throw new RecordRejected(9101, `${parsed.error.issues[0]?.path.join('.') || 'data'} is a required data field.`);
}
