/** One place that turns an error into an HTTP answer. */
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { PerennialError } from '../../shared/errors.ts';

const STATUS: Readonly<Record<string, ContentfulStatusCode>> = {
  unauthorized: 401,
  webhook_unauthorized: 401,
  webhook_stale: 401,
  origin_foreign: 403,
  webhook_certificate_forbidden: 403,
  webhook_scope_missing: 403,
  certificate_unknown: 404,
  operation_unknown: 404,
  authority_unknown: 404,
  route_unknown: 404,
  relay_bundle_unknown: 404,
  webhook_replayed: 409,
  body_too_large: 413,
  idempotency_mismatch: 422,
  force_cooling_down: 429,
  sign_in_limited: 429,
  body_invalid: 400,
  body_not_text: 400,
  idempotency_key_invalid: 400,
  secret_too_large: 400,
  secret_name_invalid: 400,
  secret_store_read_only: 409,
  secret_store_not_sealed: 409,
  query_invalid: 400,
  zone_unknown: 404,
  zone_ambiguous: 409,
  snapshot_unknown: 404,
  backup_recipient_invalid: 400,
  backup_recipient_refused: 403,
  backup_item_invalid: 400,
  certificate_not_live: 409,
  revocation_reason_not_allowed: 400,
  revocation_not_confirmed: 409,
  revocation_not_live: 409,
  revocation_done: 409,
  revocation_key_unknown: 409,
  acme_rollover_not_offered: 409,
  acme_account_not_registered: 409,
  acme_account_rollover_conflict: 409,
  dns_refused: 409,
  dns_zone_changed: 409,
  dns_zone_stopped: 409,
  dns_zone_locked: 409,
  dns_change_not_allowed: 409,
};

/** 503 for what may work later, 502 for what a DNS vendor or a CA refuses, 500 for what is our own fault. */
export function statusOf(error: PerennialError): ContentfulStatusCode {
  return STATUS[error.code] ?? (error.retryable ? 503 : /^(dns|acme)_/.test(error.code) ? 502 : 500);
}

export function refusalHeaders(error: PerennialError, now: number): Record<string, string> {
  return {
    ...(statusOf(error) === 401 ? { 'www-authenticate': 'Bearer realm="perennial"' } : {}),
    ...(error.retryAt === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil((error.retryAt - now) / 1_000))) }),
  };
}
