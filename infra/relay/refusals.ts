/** From an error to the refusal that goes over the wire: `{ "error": ErrorData }` and a status that fits its code. */
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { PerennialError, toPerennialError } from '../../shared/errors.ts';

const STATUSES: Readonly<Record<string, ContentfulStatusCode>> = {
  signature_missing: 401,
  signature_invalid: 401,
  request_altered: 401,
  request_replayed: 401,
  request_expired: 401,
  connection_unknown: 401,
  request_malformed: 400,
  relay_one_question: 400,
  route_unknown: 404,
  relay_too_large: 413,
  drift: 409,
  rollback_impossible: 409,
  revocation_not_this_key: 409,
  key_conflict: 409,
  key_missing: 409,
  key_unreadable: 409,
  nomad_conflict: 409,
  nomad_variable_too_large: 422,
  nomad_refused: 422,
  nomad_forbidden: 502,
  nomad_unavailable: 503,
  too_many_instances: 422,
  namecheap_changed: 409,
  namecheap_record_refused: 422,
  namecheap_rate_limited: 503,
  namecheap_key_missing: 503,
  namecheap_address_unknown: 503,
  namecheap_in_doubt: 504,
  egress_private_address: 403,
  egress_timeout: 504,
  relay_deadline: 504,
  relay_stopping: 503,
  relay_response_too_large: 500,
  internal: 500,
};

export function statusOf(code: string): ContentfulStatusCode {
  const listed = STATUSES[code];
  if (listed !== undefined) return listed;
  if (code.endsWith('_not_allowed')) return 403;
  if (code.startsWith('chain_')) return 422;
  return /^(egress|dns|namecheap)_/.test(code) ? 502 : 500;
}

/** Whatever was thrown, as an error that may be shown. `ended`: the signed deadline has passed meanwhile. */
export function refusalOf(thrown: unknown, ended: boolean): PerennialError {
  if (ended && !(thrown instanceof PerennialError && !thrown.retryable)) {
    return new PerennialError('relay_deadline', "The request's deadline passed while it was being worked on.", { retryable: true, cause: thrown });
  }
  return toPerennialError(thrown, 'internal', 'The relay met an unexpected error.');
}
