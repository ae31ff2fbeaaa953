/**
 * What the vendor's error numbers mean to us: a stable code, whether a later attempt may help, and what to do.
 *
 * Numbers, not texts, decide: the texts differ between servers. Texts are shown to people, cut and without control
 * characters. Source: Namecheap API, error-codes, and the errors that its clients have met.
 */
import { PerennialError, type PerennialErrorOptions } from '../errors.ts';

export type NamecheapErrorCode =
  /** Key, user or API access are wrong: nothing but a person helps. */
  | 'namecheap_unauthorized'
  /** The account, the key or the address is locked at the vendor. */
  | 'namecheap_account_locked'
  /** The account does not list the address that the call came from. */
  | 'namecheap_address_not_listed'
  /** The relay does not know its public IPv4 address, or the vendor takes it for none. */
  | 'namecheap_address_unknown'
  | 'namecheap_rate_limited'
  /** The account does not have the domain, or may not edit it. */
  | 'namecheap_domain_unknown'
  /** The domain uses other name servers. */
  | 'namecheap_not_delegated'
  /** A row is switched off or dynamic: `setHosts` would lose that. */
  | 'namecheap_locked'
  | 'namecheap_zone_full'
  /** The vendor refused a record; nothing was written. */
  | 'namecheap_record_refused'
  /** Another record stands where a CNAME is wanted, or the reverse. */
  | 'namecheap_name_is_alias'
  /** The vendor failed, or did not answer. */
  | 'namecheap_unavailable'
  /** The reply could not be read strictly, or holds what would be lost by writing it back. */
  | 'namecheap_unreadable'
  /** Every other refusal of the vendor. */
  | 'namecheap_refused'
  /** A plan of our own that would touch what is not ours. */
  | 'namecheap_plan_unsafe'
  /** The hosts are not what the caller expected: nothing was sent. */
  | 'namecheap_changed'
  | 'namecheap_account_not_allowed'
  | 'namecheap_domain_not_allowed'
  | 'namecheap_change_not_allowed'
  | 'namecheap_key_missing'
  /** The vendor's reply holds the key; it is withheld. */
  | 'namecheap_reply_withheld'
  /** `setHosts` left and no reply came: read before acting again. */
  | 'namecheap_in_doubt';

export function namecheapError(code: NamecheapErrorCode, message: string, options: PerennialErrorOptions = {}): PerennialError {
  return new PerennialError(code, message, options);
}

/** A reply of the vendor as the relay hands it on (`namecheapReplySchema`). */
export interface VendorReply {
  status: number;
  body: string;
  /** What the vendor was told as `ClientIp`. */
  address?: string | null;
  /** When it came, Unix ms; gives a limit its `retryAt`. */
  at?: number;
}

/** A limit of 20 calls in a minute is over after one, ms. */
export const RATE_LIMIT_PAUSE_MS = 60_000;
/** Where an account lists the addresses that may use its key. There is no API for it. */
export const WHITELIST_URL = 'https://ap.www.namecheap.com/settings/tools/apiaccess/whitelisted-ips';

/** HTTP 405, 429, and the number 500000 (per minute, hour and day alike). */
export function rateLimited(reply: VendorReply): PerennialError {
  return namecheapError('namecheap_rate_limited', 'Namecheap takes no further call of this account for now.', {
    retryable: true,
    retryAt: reply.at === undefined ? undefined : reply.at + RATE_LIMIT_PAUSE_MS,
    hint: 'The limits (20 calls a minute, 700 an hour, 8,000 a day) count for the key, other tools that use it included.',
  });
}

type Kind = [code: NamecheapErrorCode, retryable: boolean, hint: string | null];

const CREDENTIALS: Kind = [
  'namecheap_unauthorized',
  false,
  'Check the key in the Nomad variable of the account, that API access is switched on, that key and endpoint both are of production or both of the sandbox, and that the address is listed.',
];
const LOCKED: Kind = ['namecheap_account_locked', false, 'The account, its API user or the address is locked: only the vendor can say why.'];
const DOMAIN: Kind = [
  'namecheap_domain_unknown',
  false,
  "Check that the domain is in this account, or shared with it with the right to edit hosts, and that its SLD and TLD are split rightly in the relay's law.",
];
const FULL: Kind = [
  'namecheap_zone_full',
  false,
  'A domain holds 150 records at Namecheap: remove what is not needed any more, or delegate _acme-challenge by CNAME.',
];
const BACKEND: Kind = ['namecheap_unavailable', true, null];

const KINDS: ReadonlyMap<number, Kind> = new Map([
  ...[1_011_102, 1_010_102, 1_010_101, 1_010_104, 1_030_408, 1_016_103, 1_019_103].map((number): [number, Kind] => [number, CREDENTIALS]),
  ...[1_017_150, 1_017_105, 1_017_101, 1_017_103, 1_017_410, 1_017_411].map((number): [number, Kind] => [number, LOCKED]),
  ...[2_019_166, 2_016_166, 2_030_166].map((number): [number, Kind] => [number, DOMAIN]),
  ...[3_013_288, 4_013_288].map((number): [number, Kind] => [number, FULL]),
  ...[1_050_900, 3_031_510, 3_050_900, 3_011_288, 4_022_288, 4_023_330, 3_050_750, 5_019_169, 5_050_169, 5_050_900].map((number): [number, Kind] => [
    number,
    BACKEND,
  ]),
  [
    2_050_900,
    ['namecheap_record_refused', false, 'Namecheap checks every record of a write; nothing was written. Look for the record that its message names.'],
  ],
  [
    2_030_288,
    [
      'namecheap_not_delegated',
      false,
      'The domain uses other name servers: configure the vendor that runs them, or switch the domain back to Namecheap BasicDNS.',
    ],
  ],
]);

const ADDRESS_REFUSED = 1_011_150;
const ADDRESS_INVALID: ReadonlySet<number> = new Set([1_011_105, 1_010_105]);
const TOO_MANY_REQUESTS = 500_000;

/** The typed error for a number of the vendor. An unknown one of its back ends (3xxxxxx and above) may pass by itself. */
export function vendorFailure(number: number, text: string, reply: VendorReply): PerennialError {
  if (number === TOO_MANY_REQUESTS) return rateLimited(reply);
  const details = { vendorError: number };
  if (number === ADDRESS_REFUSED) return addressNotListed(reply.address ?? addressIn(text), details);
  const said = `Namecheap answered ${number}: ${vendorText(text)}`;
  if (ADDRESS_INVALID.has(number)) {
    return namecheapError('namecheap_address_unknown', said, {
      hint: 'Set "address" of the account in the relay\'s law to the public IPv4 address that its calls leave from.',
      details,
    });
  }
  const [code, retryable, hint] = KINDS.get(number) ?? ['namecheap_refused', number >= 3_000_000, null];
  return namecheapError(code, said, { retryable, details, hint: withAddress(code, hint, reply.address ?? null) });
}

function addressNotListed(address: string | null, details: { vendorError: number }): PerennialError {
  return namecheapError('namecheap_address_not_listed', `Namecheap does not accept calls from ${address ?? "the relay's address"}.`, {
    hint: `Add ${address ?? 'the public IPv4 address of the relay'} to the whitelisted IPs of the account: ${WHITELIST_URL}`,
    details: address === null ? details : { ...details, address },
  });
}

function withAddress(code: NamecheapErrorCode, hint: string | null, address: string | null): string | undefined {
  if (code !== 'namecheap_unauthorized' || address === null) return hint ?? undefined;
  return `${hint ?? ''} The address is ${address}; addresses are listed at ${WHITELIST_URL}`;
}

function addressIn(text: string): string | null {
  return /\b(?:\d{1,3}\.){3}\d{1,3}\b/.exec(text)?.[0] ?? null;
}

const MAX_VENDOR_TEXT = 160;

/** A text of the vendor for a sentence of ours: one line, no control or formatting characters, not long. */
export function vendorText(text: string): string {
  const plain = text
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_VENDOR_TEXT);
  return plain === '' ? 'no explanation' : plain;
}
