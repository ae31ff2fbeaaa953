/** The errors of this part: {@link PerennialError} with a `dns_*` code, and whether the request may still take effect. */
import { PerennialError, type PerennialErrorOptions } from '../../shared/errors.ts';

export type DnsErrorCode =
  /** The vendor does not know the credentials. */
  | 'dns_unauthorized'
  /** The credentials lack a permission; the message names it. */
  | 'dns_forbidden'
  | 'dns_rate_limited'
  /** No answer: connection failed or timed out. */
  | 'dns_unreachable'
  /** The vendor failed (5xx), or answered what its API does not describe. */
  | 'dns_vendor_failed'
  /** The vendor refused a record. */
  | 'dns_refused'
  /** A CNAME stands where the record should go. */
  | 'dns_name_is_alias'
  | 'dns_zone_full'
  | 'dns_zone_not_found'
  /** The zone exists at the vendor but is not served: pending, moved, deactivated. */
  | 'dns_zone_inactive'
  /** The vendor put a record elsewhere than asked: the configured zone id belongs to another zone. */
  | 'dns_zone_mismatch'
  /** Another writer's intent has not run out yet (DESIGN §3). */
  | 'dns_zone_busy'
  /** The record was withdrawn while it was being written. */
  | 'dns_withdrawn'
  /** The credentials block that found the zone is no longer configured. */
  | 'dns_vendor_removed'
  | 'dns_delegation_loop'
  | 'dns_delegation_too_long'
  /** A CNAME leads out of the configured zones. */
  | 'dns_delegation_foreign'
  | 'dns_resolver_failed';

export interface DnsErrorOptions extends PerennialErrorOptions {
  /** The request may still take effect after this error: no reply came, and it may be travelling. */
  inDoubt?: boolean;
}

export class DnsError extends PerennialError {
  readonly inDoubt: boolean;

  constructor(code: DnsErrorCode, message: string, options: DnsErrorOptions = {}) {
    super(code, message, options);
    this.inDoubt = options.inDoubt ?? false;
  }
}
