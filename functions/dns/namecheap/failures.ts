/** What refusals of Namecheap and of the relay that speaks to it mean: their codes to {@link DnsError}. */
import { PerennialError } from '../../../shared/errors.ts';
import type { NamecheapErrorCode } from '../../../shared/namecheap/failures.ts';
import { DnsError, type DnsErrorCode } from '../dns-error.ts';

const CODES: Record<NamecheapErrorCode, DnsErrorCode> = {
  namecheap_unauthorized: 'dns_unauthorized',
  namecheap_account_locked: 'dns_forbidden',
  namecheap_address_not_listed: 'dns_address_not_listed',
  namecheap_address_unknown: 'dns_address_not_listed',
  namecheap_rate_limited: 'dns_rate_limited',
  namecheap_domain_unknown: 'dns_zone_not_found',
  namecheap_not_delegated: 'dns_not_delegated',
  namecheap_locked: 'dns_zone_locked',
  namecheap_zone_full: 'dns_zone_full',
  namecheap_record_refused: 'dns_refused',
  namecheap_name_is_alias: 'dns_name_is_alias',
  namecheap_unavailable: 'dns_vendor_failed',
  namecheap_unreadable: 'dns_zone_unreadable',
  namecheap_refused: 'dns_refused',
  namecheap_plan_unsafe: 'dns_refused',
  namecheap_changed: 'dns_zone_changed',
  namecheap_account_not_allowed: 'dns_change_not_allowed',
  namecheap_domain_not_allowed: 'dns_change_not_allowed',
  namecheap_change_not_allowed: 'dns_change_not_allowed',
  namecheap_key_missing: 'dns_unauthorized',
  namecheap_reply_withheld: 'dns_vendor_failed',
  namecheap_in_doubt: 'dns_unreachable',
};

/** The relay cannot be asked at all, or is too old to be asked this. */
const NO_RELAY: ReadonlySet<string> = new Set(['relay_offline', 'relay_too_old', 'route_unknown']);
/** Refusals from before anything left for the vendor: of its admission, of the law, of Nomad, of the read before the write. */
const NOTHING_SENT =
  /^(namecheap_(?!in_doubt$)|nomad_|egress_|request_|route_unknown$|connection_unknown$|push_not_allowed$|relay_(offline|too_old|deadline|stopping|too_large)$)/;

/** Whether an error of a write, as the relay reports it, leaves open what became of it. Anything unknown does. */
export function isInDoubt(thrown: unknown): boolean {
  return !(thrown instanceof PerennialError && NOTHING_SENT.test(thrown.code));
}

/** @param inDoubt what was asked for may still take effect. */
export function toDnsError(thrown: unknown, { inDoubt = false }: { inDoubt?: boolean } = {}): DnsError {
  if (thrown instanceof DnsError) return thrown;
  if (!(thrown instanceof PerennialError)) return new DnsError('dns_unreachable', 'The relay could not be asked.', { retryable: true, cause: thrown, inDoubt });
  const { message, retryAt, details, code } = thrown;
  const options = { retryAt, details, hint: hintOf(thrown), inDoubt, cause: thrown };
  const known = Object.entries(CODES).find(([theirs]) => theirs === code)?.[1];
  // What nobody knows is settled by reading and trying again.
  if (known !== undefined) return new DnsError(known, message, { ...options, retryable: thrown.retryable || inDoubt });
  if (NO_RELAY.has(code)) return new DnsError('dns_relay_missing', message, { ...options, retryable: true });
  return new DnsError('dns_unreachable', message, { ...options, retryable: true });
}

function hintOf({ code, hint }: PerennialError): string | undefined {
  if (code !== 'namecheap_not_delegated') return hint;
  return 'Configure a [dns.x] block for the vendor that runs its name servers, delegate _acme-challenge by CNAME into a configured zone, or switch the domain back to Namecheap BasicDNS.';
}
