/** What the API answers, as far as we read it, validated and limited: the SDK only declares types. */
import { z } from 'zod';
import { DnsError } from '../dns-error.ts';
import { recordTypeSchema, type ListedRecord } from '../provider.ts';
import { unquoteTxt } from './txt-content.ts';

const identifier = z.string().regex(/^[0-9a-f]{32}$/);

export const zoneSchema = z.object({
  id: identifier,
  name: z.string().max(253),
  status: z.string().max(40).nullish(),
  name_servers: z.array(z.string().max(253)).max(20).nullish(),
});
export const zonesSchema = z.array(zoneSchema).max(50);
export type CloudflareZone = z.infer<typeof zoneSchema>;

const recordSchema = z.object({
  id: identifier,
  name: z.string().max(255),
  type: recordTypeSchema,
  content: z.string().max(8_192),
  comment: z.string().max(1_000).nullish(),
  ttl: z.number().int().nullish(),
});
const recordsSchema = z.array(recordSchema).max(10_000);
const batchSchema = z.object({ posts: recordsSchema.nullish() });

/** @throws DnsError `dns_vendor_failed` when the answer is not what the API describes. */
export function parseAnswer<S extends z.ZodType>(schema: S, answer: unknown): z.infer<S> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new DnsError('dns_vendor_failed', 'Cloudflare answered something that its API does not describe.', { retryable: true, cause: parsed.error });
}

export function parseRecord(answer: unknown): ListedRecord {
  return toListed(parseAnswer(recordSchema, answer));
}

export function parseRecords(answer: unknown): ListedRecord[] {
  return parseAnswer(recordsSchema, answer).map(toListed);
}

/** The records that a batch created, in the order of its posts. */
export function parseBatch(answer: unknown): ListedRecord[] {
  return (parseAnswer(batchSchema, answer).posts ?? []).map(toListed);
}

function toListed({ id, name, type, content, comment, ttl }: z.infer<typeof recordSchema>): ListedRecord {
  const value = type === 'TXT' ? unquoteTxt(content) : type === 'CNAME' ? withoutDot(content).toLowerCase() : content;
  return { id, type, name: withoutDot(name).toLowerCase(), value, comment: comment ?? '', ttl: ttl ?? null };
}

function withoutDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
