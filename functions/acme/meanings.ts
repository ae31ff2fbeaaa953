/** What a CA's refusals mean, as data: the code, the failure class, whether trying again helps, and what to do. */
import type { FailureClass } from '../certificates/ports.ts';

/** What was asked of the CA when it refused: `unauthorized` means different things in different places. */
export const ACME_OPERATIONS = [
  'directory',
  'nonce',
  'account',
  'new-order',
  'order',
  'authorization',
  'challenge',
  'finalize',
  'certificate',
  'revocation',
  'key-change',
  'renewal-info',
] as const;
export type AcmeOperation = (typeof ACME_OPERATIONS)[number];

export interface Meaning {
  code: string;
  class: FailureClass;
  retryable: boolean;
  hint?: string;
}

const meaning = (code: string, failureClass: FailureClass, retryable = false, hint?: string): Meaning => ({
  code,
  class: failureClass,
  retryable,
  ...(hint === undefined ? {} : { hint }),
});

export const OVERLOADED = meaning('acme_overloaded', 'overload', true);
export const BLOCKED = meaning(
  'acme_blocked',
  'overload',
  true,
  'This is not the word of the CA but of something in front of it. If it lasts, let ACME requests leave through a relay: egress = "auto", or the name of a cluster.',
);
export const DIRECTORY_NOT_FOUND = meaning(
  'acme_directory_not_found',
  'overload',
  true,
  'If it lasts, correct the `directory` of this CA in the configuration.',
);
export const DIRECTORY_MOVED = meaning('acme_directory_moved', 'protocol', true, 'The directory of the CA is read afresh before the next try.');
export const RATE_LIMITED = meaning('acme_rate_limited', 'limit', true, 'It is tried again by itself when the CA allows it.');
export const PAUSED = meaning('acme_paused', 'paused', false);
export const NOT_FOUND = meaning('acme_not_found', 'state', true);
export const REFUSED = meaning('acme_refused', 'permanent', false, 'Read what the CA says and correct the certificate in the configuration.');
export const NOT_AUTHORIZED = meaning('acme_order_unauthorized', 'state', true);
export const VALIDATION_UNAUTHORIZED = meaning(
  'acme_validation_unauthorized',
  'validation',
  true,
  'The CA did not find the challenge record it was promised: see that the zone at its name servers is the one that is written to.',
);
export const REVOCATION_UNAUTHORIZED = meaning(
  'acme_revocation_unauthorized',
  'permanent',
  false,
  'This account may not revoke that certificate: revoke it with the key of the certificate.',
);
export const REPLACES_REFUSED = meaning('acme_replaces_refused', 'replaces', true);
export const SIGNATURE_REFUSED = meaning(
  'acme_account_signature_refused',
  'account',
  false,
  'The CA knows another key for this account than the one that is stored: restore the right key, or remove it to have a new account registered.',
);

/** RFC 8555 §6.7 and RFC 9773 §7.4. */
export const MEANINGS: Readonly<Record<string, Meaning>> = {
  badNonce: meaning('acme_bad_nonce', 'protocol', true),
  serverInternal: meaning('acme_server_internal', 'overload', true),
  orderNotReady: meaning('acme_order_not_ready', 'state', true),
  alreadyReplaced: meaning('acme_already_replaced', 'replaces', true),
  conflict: meaning('acme_already_replaced', 'replaces', true),
  dns: meaning(
    'acme_validation_dns',
    'validation',
    true,
    'The CA could not look the challenge up: see that every name server of the zone answers, DNSSEC included.',
  ),
  connection: meaning(
    'acme_validation_connection',
    'validation',
    true,
    'The CA could not reach a server for its challenge: see that the name servers answer everywhere.',
  ),
  incorrectResponse: meaning(
    'acme_validation_incorrect_response',
    'validation',
    true,
    'Another challenge record is served than ours: look for a second writer or a stale zone.',
  ),
  tls: meaning('acme_validation_tls', 'validation', true),
  caa: meaning('acme_validation_caa', 'validation', true, 'A CAA record forbids this CA or account to issue: correct the record or the configuration.'),
  unauthorized: meaning('acme_account_unauthorized', 'account', false, 'Check that the account at the CA is valid and belongs to the stored key.'),
  accountDoesNotExist: meaning('acme_account_does_not_exist', 'account', false, 'The CA does not know this account any more.'),
  externalAccountRequired: meaning(
    'acme_account_external_account_required',
    'account',
    false,
    'Set external account credentials (key id and HMAC key) for this CA.',
  ),
  userActionRequired: meaning('acme_account_user_action_required', 'account', false, 'The CA wants a person to visit its page, usually to agree to new terms.'),
  invalidContact: meaning('acme_account_invalid_contact', 'account', false, 'Correct the contact address in the configuration.'),
  unsupportedContact: meaning('acme_account_unsupported_contact', 'account', false, 'Use a plain mail address as contact.'),
  badSignatureAlgorithm: meaning('acme_account_bad_signature_algorithm', 'account', false, 'The CA does not take ECDSA P-256 account keys: use another CA.'),
  badPublicKey: meaning(
    'acme_account_bad_public_key',
    'account',
    false,
    'The CA refuses the account key: roll it over, or remove it to have a new account registered.',
  ),
  malformed: meaning('acme_malformed', 'permanent'),
  badCSR: meaning(
    'acme_bad_csr',
    'permanent',
    false,
    'The CA does not take this key or these names: choose another `key_type`, or read what it says about the names.',
  ),
  unsupportedIdentifier: meaning(
    'acme_unsupported_identifier',
    'permanent',
    false,
    'The CA does not issue for names of this kind: use another CA or leave the name out.',
  ),
  rejectedIdentifier: meaning(
    'acme_rejected_identifier',
    'permanent',
    false,
    'The CA does not issue for this name: correct it, leave it out, or use another CA.',
  ),
  invalidProfile: meaning('acme_invalid_profile', 'permanent', false, 'Choose a profile the CA lists in its directory.'),
  badRevocationReason: meaning('acme_bad_revocation_reason', 'permanent', false, 'Choose another reason; most CAs take 0, 1, 3, 4 and 5 (RFC 5280 §5.3.1).'),
  alreadyRevoked: meaning('acme_already_revoked', 'permanent'),
};
