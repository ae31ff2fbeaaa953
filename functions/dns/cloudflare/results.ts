/** What the API answers, as far as we read it, validated and limited: the SDK only declares types. */
import { z } from 'zod';
import { DnsError } from '../dns-error.ts';
import { recordTypeSchema, type ListedRecord } from '../provider.ts';
import { hostName, valueOf } from './record-content.ts';

const identifier = z.string().regex(/^[0-9a-f]{32}$/);

export const zoneSchema = z.object({
  id: identifier,
  name: z.string().max(253).transform(hostName),
  status: z.string().max(40).nullish(),
  /** `full`, or a kind of zone whose records the vendor does not serve to the public as they are written. */
  type: z.string().max(40).nullish(),
  name_servers: z.array(z.string().max(253).transform(hostName)).max(20).nullish(),
  /** Name servers under the user's own names, which serve the zone as well as the vendor's do. */
  vanity_name_servers: z.array(z.string().max(253)).max(20).nullish(),
  account: z.object({ id: identifier.nullish().catch(null) }).nullish(),
});
export const zonesSchema = z.object({ result: z.array(zoneSchema).max(50) });
/** Of records of any type, also those that we never write. */
export const namesSchema = z.object({ result: z.array(z.object({ name: z.string().max(255).transform(hostName), type: z.string().max(40) })).max(10_000) });
export type CloudflareZone = z.infer<typeof zoneSchema>;

/** `GET /user/tokens/verify` and its twin for tokens that an account owns. */
export const tokenSchema = z.object({ status: z.string().max(40), expires_on: z.string().max(40).nullish(), not_before: z.string().max(40).nullish() });

/** The vendor's word for "automatic", and what it then serves, in seconds. */
const AUTOMATIC_TTL = 1;
const AUTOMATIC_TTL_SECONDS = 300;

const recordSchema = z
  .object({
    id: identifier,
    name: z.string().max(255).transform(hostName),
    type: recordTypeSchema,
    content: z.string().max(8_192),
    comment: z.string().max(1_000).nullish(),
    ttl: z.number().int().nullish(),
    proxied: z.boolean().nullish(),
    data: z.unknown().optional(),
  })
  .transform(({ id, name, type, content, comment, ttl, proxied, data }) => ({
    id,
    type,
    name,
    value: valueOf(type, content, data),
    comment: comment ?? '',
    ttl: ttl === AUTOMATIC_TTL ? AUTOMATIC_TTL_SECONDS : (ttl ?? null),
    proxied: proxied ?? false,
  }));
const recordsSchema = z.array(recordSchema).max(10_000);
const pageSchema = z.object({
  result: recordsSchema,
  result_info: z.object({ total_pages: z.number().int().nonnegative().optional(), total_count: z.number().int().nonnegative().optional() }).nullish(),
});
const batchSchema = z.object({
  posts: z.array(recordSchema).max(1_000).nullish(),
  deletes: z
    .array(z.object({ id: identifier }))
    .max(1_000)
    .nullish(),
});
const deletedSchema = z.object({ id: identifier });

export interface CloudflareRecord extends ListedRecord {
  id: string;
  /** The vendor answers for this name with its own addresses. */
  proxied: boolean;
}

/** @throws DnsError `dns_vendor_failed` when the answer is not what the API describes. */
export function parseAnswer<S extends z.ZodType>(schema: S, answer: unknown): z.infer<S> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new DnsError('dns_vendor_failed', 'Cloudflare answered something that its API does not describe.', { retryable: true, cause: parsed.error });
}

export function parseRecord(answer: unknown): CloudflareRecord {
  return parseAnswer(recordSchema, answer);
}

/** One page of a list; `pages` and `total` are null when the vendor does not say. */
export function parsePage(answer: unknown): { records: CloudflareRecord[]; pages: number | null; total: number | null } {
  const { result, result_info: info } = parseAnswer(pageSchema, answer);
  return { records: result, pages: info?.total_pages ?? null, total: info?.total_count ?? null };
}

/** What a batch says that it created and deleted. */
export function parseBatch(answer: unknown): { created: CloudflareRecord[]; deleted: ReadonlySet<string> } {
  const { posts, deletes } = parseAnswer(batchSchema, answer);
  return { created: posts ?? [], deleted: new Set((deletes ?? []).map(({ id }) => id)) };
}

/** Id of the record that a request deleted. */
export function parseDeleted(answer: unknown): string {
  return parseAnswer(deletedSchema, answer).id;
}
