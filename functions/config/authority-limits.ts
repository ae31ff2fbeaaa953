/** Rate limits of CAs as data: what is known of the public ones, and `limits = { … }` of `[ca.<name>]`. */
import { DAY, HOUR, MINUTE, SECOND } from '../../shared/clock.ts';
import { isTable, readBlock, type Table, value } from './block.ts';
import { bucketSchema, type Bucket, type Limits } from './configuration.ts';
import type { Findings, Path } from './findings.ts';

/** `count` in every `windowMs`: that many at once, and one more as each share of the window has passed. */
const bucket = (count: number, windowMs: number): Bucket => ({ capacity: count, refillMs: Math.round(windowMs / count) });

/** What a CA's own pages say, by the CA's built-in name. A CA that is not here publishes none. */
export const KNOWN_LIMITS: Readonly<Record<string, Limits>> = {
  // https://letsencrypt.org/docs/rate-limits/, 2026-08-05
  letsencrypt: {
    newOrders: bucket(300, 3 * HOUR),
    perDomain: bucket(50, 7 * DAY),
    perSet: bucket(5, 7 * DAY),
    failedValidations: bucket(5, HOUR),
  },
  // https://letsencrypt.org/docs/staging-environment/; what it says of registered domains is left to the CA.
  'letsencrypt-staging': {
    newOrders: bucket(1_500, 3 * HOUR),
    perDomain: null,
    perSet: bucket(30_000, 7 * DAY),
    failedValidations: bucket(200, HOUR),
  },
};

const UNITS: Readonly<Record<string, number>> = { s: SECOND, m: MINUTE, h: HOUR, d: DAY };
const EXAMPLE = 'limits = { new_orders = "300 per 3h", per_domain = "50 per 7d", per_set = "5 per 7d", failed_validations = "none" }';

const limit = (key: string) =>
  value(
    { expected: 'a count and a time in seconds, minutes, hours or days, such as "300 per 3h", or "none"', example: `${key} = "300 per 3h"` },
    (input): { bucket: Bucket | null } | undefined => {
      if (input === 'none') return { bucket: null };
      const [, count = '', time = '', unit = ''] = (typeof input === 'string' ? /^(\d{1,7}) per (\d{1,5})([smhd])$/.exec(input) : null) ?? [];
      if (unit === '') return undefined;
      const found = bucketSchema.safeParse(bucket(Number(count), Number(time) * (UNITS[unit] ?? SECOND)));
      if (!found.success) throw new Error('One more must come back within 1 millisecond to 31 days, and at most 1,000,000 may come at once.');
      return { bucket: found.data };
    },
  );

const shape = {
  new_orders: limit('new_orders').optional(),
  per_domain: limit('per_domain').optional(),
  per_set: limit('per_set').optional(),
  failed_validations: limit('failed_validations').optional(),
};

/** The key of `[ca.<name>]`; its members are read by {@link readLimits}. */
export const limitsValue = value({ expected: 'a table', example: EXAMPLE }, (input) => (isTable(input) ? input : undefined));

/** What is written over what is known; null when nothing is known and nothing written. */
export function readLimits(findings: Findings, written: Table | undefined, known: Limits | null, path: Path): Limits | null {
  if (written === undefined) return known;
  const { part } = readBlock(findings, written, path, shape);
  const over = (read: { bucket: Bucket | null } | undefined, before: Bucket | null | undefined) => (read === undefined ? (before ?? null) : read.bucket);
  return {
    newOrders: over(part.new_orders, known?.newOrders),
    perDomain: over(part.per_domain, known?.perDomain),
    perSet: over(part.per_set, known?.perSet),
    failedValidations: over(part.failed_validations, known?.failedValidations),
  };
}
