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
  | 'dns_resolver_failed'
  /** The vendor's reply could not be read strictly, or holds what would be lost by writing it back: nothing was written. */
  | 'dns_zone_unreadable'
  /** The zone changed between reading and writing: nothing was written, the next attempt reads anew. */
  | 'dns_zone_changed'
  /** Writing is refused until somebody has looked: something of theirs differs after a write of ours, or vanished. */
  | 'dns_zone_stopped'
  /** The zone cannot be written at this vendor as it is: locked, dynamic DNS, a disabled row, no modification rights. */
  | 'dns_zone_locked'
  /** Public name servers of the zone are not the vendor's. */
  | 'dns_not_delegated'
  /** The relay's law does not allow this change, account or domain. */
  | 'dns_change_not_allowed'
  /** The vendor does not accept the address the request came from. */
  | 'dns_address_not_listed'
  /** The budget of calls is used up for now. */
  | 'dns_budget_spent'
  /** CAA (RFC 8659) forbids the CA. */
  | 'dns_caa_forbids'
  /** CAA (RFC 8657) pins an account at the CA while we have none there: nothing is registered. */
  | 'dns_caa_account_pinned'
  /** DNSSEC validation fails for the name (RFC 4035): every validating resolver answers SERVFAIL. */
  | 'dns_dnssec_bogus'
  | 'dns_name_too_long'
  /** The records are not visible everywhere within the vendor's time. */
  | 'dns_propagation_timeout'
  /** A declared record meets one of somebody else. */
  | 'dns_record_conflict'
  /** The relay is too old for what is asked, or none of its cluster is connected. */
  | 'dns_relay_missing';

export interface DnsErrorOptions extends PerennialErrorOptions {
  /** The request may still take effect after this error: no reply came, and it may be travelling. */
  inDoubt?: boolean;
}

export class DnsError extends PerennialError {
  declare readonly code: DnsErrorCode;
  readonly inDoubt: boolean;

  constructor(code: DnsErrorCode, message: string, options: DnsErrorOptions = {}) {
    super(code, message, options);
    this.inDoubt = options.inDoubt ?? false;
  }
}
