/** What Cloudflare's refusals mean: status and error code to {@link DnsError}. Codes: `error_chain` and `errors` of API v4. */
import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from 'cloudflare/error';
import { z } from 'zod';
import { DnsError } from '../dns-error.ts';
import type { DnsRecord } from '../provider.ts';
import { limitedUntil } from './request-rate.ts';

/** What was being done, and with it the permission a refusal is about. */
export type Permission = 'Zone → Zone → Read' | 'Zone → DNS → Read' | 'Zone → DNS → Edit';

export interface FailureContext {
  /** Name of the `[dns.x]` block and its secret reference: what the hint tells people to look at. */
  block: string;
  token: string;
  permission: Permission;
  now: number;
  /** What was refused, when one record of several was. */
  record?: DnsRecord | undefined;
}

const IDENTICAL_RECORD = new Set([81_057, 81_058]);
const RECORD_MISSING = 81_044;
const ALIAS_THERE = new Set([81_053, 81_054]);
const DELEGATED_AWAY = 81_056;
const QUOTA_EXCEEDED = new Set([81_045, 83_011]);
/** Malformed, missing or unknown credentials, reported as 400. */
const BAD_CREDENTIALS = new Set([6_003, 6_103, 6_111, 9_103, 9_106]);

const errorSchema = z.object({ code: z.number(), message: z.string().max(2_000).catch('') });
const errorsSchema = z.array(errorSchema.extend({ error_chain: z.array(errorSchema).max(10).nullish().catch(null) })).max(50);

/** Errors with their causes behind them: until October 2024 the cause of a refused record stood in the chain only. */
function errorsOf(thrown: APIError): z.infer<typeof errorSchema>[] {
  const errors = errorsSchema.safeParse(thrown.errors).data ?? [];
  return errors.flatMap(({ code, message, error_chain: causes }) => [{ code, message }, ...(causes ?? [])]);
}

function hasCode(thrown: unknown, matches: (code: number) => boolean): boolean {
  return thrown instanceof APIError && errorsOf(thrown).some(({ code }) => matches(code));
}

/** The record that we wanted to add is there already. */
export function isIdenticalRecord(thrown: unknown): boolean {
  return hasCode(thrown, (code) => IDENTICAL_RECORD.has(code));
}

/** The record that we wanted to remove is not there any more. Whether the zone is, was told by the list before. */
export function isRecordMissing(thrown: unknown): boolean {
  return hasCode(thrown, (code) => code === RECORD_MISSING) || (thrown instanceof APIError && thrown.status === 404);
}

/** The vendor refused what was asked about one record: credentials, zone and vendor are fine. */
export function isRecordRefusal(thrown: unknown): boolean {
  if (thrown instanceof DnsError) return thrown.code === 'dns_refused';
  if (!(thrown instanceof APIError) || hasCode(thrown, (code) => BAD_CREDENTIALS.has(code))) return false;
  return thrown.status === 400 || thrown.status === 409 || thrown.status === 422 || isRecordMissing(thrown);
}

export function toDnsError(thrown: unknown, context: FailureContext): DnsError {
  if (thrown instanceof DnsError) return thrown;
  if (thrown instanceof APIConnectionError && thrown.cause instanceof DnsError) return thrown.cause;
  if (thrown instanceof APIConnectionTimeoutError || thrown instanceof APIUserAbortError) {
    return new DnsError('dns_unreachable', 'Cloudflare did not answer in time.', { retryable: true, inDoubt: true, cause: thrown });
  }
  if (!(thrown instanceof APIError) || thrown.status === undefined) {
    return new DnsError('dns_unreachable', 'The connection to Cloudflare failed.', { retryable: true, inDoubt: true, cause: thrown });
  }
  const errors = errorsOf(thrown);
  const said =
    errors
      .map(({ code, message }) => `${code} ${message}`)
      .join('; ')
      .slice(0, 300) || `status ${thrown.status}`;
  const details = { status: thrown.status, code: errors[0]?.code ?? null };
  const codes = new Set(errors.map(({ code }) => code));
  const has = (known: ReadonlySet<number>) => [...known].some((code) => codes.has(code));
  const { block, token, permission, record } = context;
  const where = record === undefined ? '' : `${record.type} ${record.name}: `;

  if (thrown.status === 429) {
    const retryAt = limitedUntil(thrown.headers?.get('retry-after') ?? null, context.now);
    return new DnsError('dns_rate_limited', 'Cloudflare limits the rate of requests for this account.', { retryable: true, retryAt, details });
  }
  if (thrown.status >= 500 || thrown.status === 408) {
    return new DnsError('dns_vendor_failed', `Cloudflare failed with status ${thrown.status}.`, { retryable: true, details });
  }
  if (/cannot use the access token from location/i.test(said)) {
    return new DnsError('dns_address_not_listed', `The token of [dns.${block}] is limited to other addresses (${said}).`, {
      hint: `Remove the client IP address filter of the token in ${token}: a Worker has no address of its own.`,
      details,
    });
  }
  if (thrown.status === 401 || has(BAD_CREDENTIALS) || /invalid access token/i.test(said)) {
    return new DnsError('dns_unauthorized', `Cloudflare does not accept the token of [dns.${block}] (${said}).`, {
      hint: `Store an active API token with Zone → DNS → Edit and Zone → Zone → Read as ${token}.`,
      details,
    });
  }
  if (thrown.status === 403) {
    return new DnsError('dns_forbidden', `The token of [dns.${block}] lacks ${permission} for this zone (${said}).`, {
      hint: `Give the token in ${token} the permission ${permission} and include the zone in its resources.`,
      details: { ...details, permission },
    });
  }
  if (has(ALIAS_THERE)) {
    return new DnsError('dns_name_is_alias', `${where}A CNAME (or an address record) stands at this name (${said}).`, {
      hint: 'Remove the CNAME, or keep it and let it point into a configured zone: it is then followed.',
      details,
    });
  }
  if (codes.has(DELEGATED_AWAY)) {
    return new DnsError('dns_refused', `${where}NS records delegate this name to other name servers (${said}).`, {
      hint: 'Configure the DNS vendor of the delegated zone, or remove its NS records.',
      details,
    });
  }
  if (has(QUOTA_EXCEEDED)) {
    return new DnsError('dns_zone_full', `${where}The zone holds no more records (${said}).`, {
      hint: 'Remove records that are no longer needed, or use a zone of its own for challenges.',
      details,
    });
  }
  if (thrown.status === 404) {
    return new DnsError('dns_zone_not_found', `Cloudflare knows no such zone (${said}).`, { hint: `Check zone_id of [dns.${block}].`, details });
  }
  return new DnsError('dns_refused', `${where}Cloudflare refused the request (${said}).`, { details });
}
