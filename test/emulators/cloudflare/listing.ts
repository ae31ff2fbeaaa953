/** Query parameters of the two lists: filters, order, pages. Unknown parameters are refused, so that none is ignored. */
import { z } from 'zod';
import { ApiFailure } from './failure.ts';
import type { StoredRecord } from './record-store.ts';

const flag = z.enum(['true', 'false']).transform((value) => value === 'true');
const page = z.coerce.number().int().min(1).default(1);
const direction = z.enum(['asc', 'desc']).default('asc');
const match = z.enum(['any', 'all']).default('all');

const operators = ['exact', 'contains', 'startswith', 'endswith'] as const;
const text = z.string().optional();

const recordQuery = z.strictObject({
  type: text,
  name: text,
  'name.exact': text,
  'name.contains': text,
  'name.startswith': text,
  'name.endswith': text,
  content: text,
  'content.exact': text,
  'content.contains': text,
  'content.startswith': text,
  'content.endswith': text,
  'comment.exact': text,
  'comment.contains': text,
  'comment.startswith': text,
  'comment.endswith': text,
  'comment.present': text,
  'comment.absent': text,
  proxied: flag.optional(),
  match,
  order: z.enum(['type', 'name', 'content', 'ttl', 'proxied']).optional(),
  direction,
  page,
  per_page: z.coerce.number().int().min(1).max(5_000_000).default(100),
});

const zoneQuery = z.strictObject({
  name: text,
  status: z.enum(['initializing', 'pending', 'active', 'moved']).optional(),
  'account.id': text,
  'account.name': text,
  match,
  order: z.enum(['name', 'status', 'account.id', 'account.name', 'plan.id']).optional(),
  direction,
  page,
  per_page: z.coerce.number().int().min(5).max(50).default(20),
});

export type RecordQuery = z.infer<typeof recordQuery>;
export type ZoneQuery = z.infer<typeof zoneQuery>;

export const parseRecordQuery = (query: Record<string, string>): RecordQuery => parse(recordQuery, query);
export const parseZoneQuery = (query: Record<string, string>): ZoneQuery => parse(zoneQuery, query);

function parse<T>(schema: z.ZodType<T>, query: Record<string, string>): T {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  const places = parsed.error.issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.join('.')]));
  throw new ApiFailure(400, [{ code: 6_007, message: `Malformed JSON or query parameter: ${places.join(', ')}` }]);
}

/** Filters and sorts. Text filters disregard case, as the vendor says. */
export function selectRecords(records: readonly StoredRecord[], query: RecordQuery): StoredRecord[] {
  const tests: ((record: StoredRecord) => boolean)[] = [];
  if (query.type !== undefined) tests.push((record) => record.type === query.type);
  if (query.proxied !== undefined) tests.push((record) => record.proxied === query.proxied);
  for (const field of ['name', 'content', 'comment'] as const) {
    for (const operator of operators) {
      const wanted = query[`${field}.${operator}`] ?? (operator === 'exact' && field !== 'comment' ? query[field] : undefined);
      if (wanted !== undefined) tests.push((record) => matches(record[field] ?? '', operator, wanted));
    }
  }
  if (query['comment.present'] !== undefined) tests.push((record) => record.comment !== null);
  if (query['comment.absent'] !== undefined) tests.push((record) => record.comment === null);
  const selected = records.filter((record) =>
    query.match === 'any' && tests.length > 0 ? tests.some((test) => test(record)) : tests.every((test) => test(record)),
  );
  const { order } = query;
  if (order === undefined) return selected;
  const sign = query.direction === 'asc' ? 1 : -1;
  return selected.sort((a, b) => sign * compare(a[order], b[order]));
}

function matches(value: string, operator: (typeof operators)[number], wanted: string): boolean {
  const [have, want] = [value.toLowerCase(), wanted.toLowerCase()];
  switch (operator) {
    case 'exact':
      return have === want;
    case 'contains':
      return have.includes(want);
    case 'startswith':
      return have.startsWith(want);
    default:
      return have.endsWith(want);
  }
}

function compare(a: string | number | boolean, b: string | number | boolean): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** One page and the `result_info` that goes with it. A page past the end is empty and no error. */
export function paged<T>(items: readonly T[], query: { page: number; per_page: number }): { result: T[]; result_info: Record<string, number> } {
  const start = (query.page - 1) * query.per_page;
  const result = items.slice(start, start + query.per_page);
  return {
    result,
    result_info: {
      page: query.page,
      per_page: query.per_page,
      count: result.length,
      total_count: items.length,
      total_pages: Math.ceil(items.length / query.per_page),
    },
  };
}
