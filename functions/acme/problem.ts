/**
 * Problem documents of a CA (RFC 7807, RFC 8555 §6.7) as typed errors, and the failure class each belongs to.
 *
 * The code alone decides the class, so a failure keeps its class when it crosses an object border as plain data.
 */
import { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';
import type { AcmeProblemData, FailureClass } from '../certificates/ports.ts';

const ERROR_NAMESPACE = 'urn:ietf:params:acme:error:';

/** Text of a CA goes to pages and logs: one line, no control characters, bounded. */
export function plainText(text: string, limit: number): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, limit);
}

const line = (limit: number) => z.string().transform((text) => plainText(text, limit));

/** RFC 7807 with the subproblems of RFC 8555 §6.7.1. Odd members become empty rather than losing the rest. */
export const problemSchema = z
  .object({
    type: line(200).catch(''),
    detail: line(1_000).catch(''),
    subproblems: z
      .array(
        z.object({
          type: line(200).catch(''),
          detail: line(500).catch(''),
          identifier: z
            .object({ value: line(253) })
            .transform(({ value }) => value)
            .nullable()
            .catch(null),
        }),
      )
      .max(100)
      .catch([]),
  })
  .transform((problem): AcmeProblemData => problem);

/** What was asked of the CA when it refused: `unauthorized` means different things in different places. */
export type AcmeOperation =
  'directory' | 'nonce' | 'account' | 'new-order' | 'order' | 'authorization' | 'challenge' | 'finalize' | 'certificate' | 'revocation' | 'renewal-info';

interface Meaning {
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

const OVERLOADED = meaning('acme_overloaded', 'overload', true);
const RATE_LIMITED = meaning('acme_rate_limited', 'limit', true);
const PAUSED = meaning(
  'acme_paused',
  'paused',
  false,
  'The CA has paused these names after many failures: fix the cause, then unpause them on the page the CA names.',
);
const NOT_FOUND = meaning('acme_not_found', 'state', true);
const REFUSED = meaning('acme_refused', 'permanent');
const NOT_AUTHORIZED = meaning('acme_order_unauthorized', 'state', true);

/** RFC 8555 §6.7 and RFC 9773 §7.4; the class is the one of DESIGN §4. */
const MEANINGS: Record<string, Meaning> = {
  badNonce: meaning('acme_bad_nonce', 'protocol', true),
  serverInternal: meaning('acme_server_internal', 'overload', true),
  orderNotReady: meaning('acme_order_not_ready', 'state', true),
  alreadyReplaced: meaning('acme_already_replaced', 'replaces', true),
  conflict: meaning('acme_already_replaced', 'replaces', true),
  dns: meaning('acme_validation_dns', 'validation', true),
  connection: meaning('acme_validation_connection', 'validation', true),
  incorrectResponse: meaning('acme_validation_incorrect_response', 'validation', true),
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
  badSignatureAlgorithm: meaning('acme_account_bad_signature_algorithm', 'account'),
  badPublicKey: meaning('acme_account_bad_public_key', 'account'),
  malformed: meaning('acme_malformed', 'permanent'),
  badCSR: meaning('acme_bad_csr', 'permanent'),
  unsupportedIdentifier: meaning('acme_unsupported_identifier', 'permanent'),
  rejectedIdentifier: meaning('acme_rejected_identifier', 'permanent', false, 'The CA does not issue for this name.'),
  invalidProfile: meaning('acme_invalid_profile', 'permanent', false, 'Choose a profile the CA lists in its directory.'),
  badRevocationReason: meaning('acme_bad_revocation_reason', 'permanent'),
  alreadyRevoked: meaning('acme_already_revoked', 'permanent'),
};

/** Codes that arise here rather than from a problem type. */
const LOCAL_CLASSES: Record<string, FailureClass> = {
  acme_timeout: 'overload',
  acme_unreachable: 'overload',
  acme_reply_too_large: 'protocol',
  acme_reply_malformed: 'protocol',
  acme_redirected: 'protocol',
  acme_foreign_url: 'protocol',
  acme_request_budget: 'protocol',
  acme_registration_busy: 'overload',
  acme_profile_unknown: 'permanent',
  acme_authority_unknown: 'permanent',
};

const CLASS_BY_CODE = new Map<string, FailureClass>([
  ...Object.entries(LOCAL_CLASSES),
  ...[...Object.values(MEANINGS), OVERLOADED, RATE_LIMITED, PAUSED, NOT_FOUND, REFUSED, NOT_AUTHORIZED].map((known): [string, FailureClass] => [
    known.code,
    known.class,
  ]),
]);

/** A refusal of the CA. `details` carries type and status as plain data across object borders. */
export class AcmeProblem extends PerennialError {
  readonly status: number;
  readonly problem: AcmeProblemData;
  readonly operation: AcmeOperation;

  constructor(status: number, problem: AcmeProblemData, operation: AcmeOperation, retryAt: number | null) {
    const found = meaningOf(status, problem, operation);
    const names = problem.subproblems.map((each) => each.identifier).filter((name) => name !== null);
    super(found.code, `The CA refused: ${problem.detail === '' ? `HTTP ${status}` : problem.detail}${namesOf(problem)}`, {
      retryable: found.retryable,
      retryAt: retryAt ?? undefined,
      hint: found.hint,
      details: { type: problem.type, status, operation, ...(names.length === 0 ? {} : { identifiers: names.join(' ').slice(0, 1_000) }) },
    });
    this.status = status;
    this.problem = problem;
    this.operation = operation;
  }

  get type(): string {
    return this.problem.type;
  }
}

function namesOf(problem: AcmeProblemData): string {
  const causes = problem.subproblems.slice(0, 5).map((each) => `${each.identifier ?? 'unnamed'}: ${each.detail.slice(0, 120)}`);
  return causes.length === 0 ? '' : ` (${causes.join('; ')})`;
}

function meaningOf(status: number, problem: AcmeProblemData, operation: AcmeOperation): Meaning {
  const type = shortType(problem.type);
  if (type === 'rateLimited') return limitOf(status, problem.detail);
  if (type === 'unauthorized' && (operation === 'finalize' || operation === 'challenge')) return NOT_AUTHORIZED;
  if (type === 'compound') return compoundOf(problem);
  if (status === 404 && (type === '' || type === 'malformed')) return NOT_FOUND;
  const known = MEANINGS[type];
  if (known !== undefined) return known;
  if (status === 429) return RATE_LIMITED;
  if (status >= 500) return OVERLOADED;
  return REFUSED;
}

/** The CA's own type without its namespace, or an empty string for a foreign one. */
export function shortType(type: string): string {
  return type.startsWith(ERROR_NAMESPACE) ? type.slice(ERROR_NAMESPACE.length) : '';
}

/** Let's Encrypt sends `rateLimited` also when it is merely busy (503) and when it has paused a name (429). */
function limitOf(status: number, detail: string): Meaning {
  if (status >= 500 || /service busy/i.test(detail)) return OVERLOADED;
  return /\bpaused\b/i.test(detail) ? PAUSED : RATE_LIMITED;
}

/** The class of a compound problem is the first of its parts that is known (RFC 8555 §6.7.1). */
function compoundOf(problem: AcmeProblemData): Meaning {
  for (const part of problem.subproblems) {
    const known = MEANINGS[shortType(part.type)];
    if (known !== undefined)
      return part.type.endsWith(':unauthorized') ? { ...NOT_AUTHORIZED, class: 'validation', code: 'acme_validation_unauthorized' } : known;
  }
  return REFUSED;
}

const PREFIX_CLASSES: readonly (readonly [string, FailureClass])[] = [
  ['acme_validation_', 'validation'],
  ['acme_account_', 'account'],
  ['acme_', 'protocol'],
  ['chain_', 'protocol'],
  ['secret_store_unavailable', 'internal'],
  ['secret_', 'account'],
  ['dns_', 'dns'],
  ['relay_', 'relay'],
  ['nomad_', 'nomad'],
  ['traefik_', 'traefik'],
];

/** Class of anything that was thrown (DESIGN §4). What is not a typed error is `internal`. */
export function classify(error: unknown): FailureClass {
  if (!(error instanceof PerennialError)) return 'internal';
  // A breaker speaks for the refusal that opened it.
  const opened = error.code === 'acme_breaker_open' ? error.details?.['class'] : undefined;
  if (opened !== undefined) return opened === 'limit' ? 'limit' : 'overload';
  return CLASS_BY_CODE.get(error.code) ?? PREFIX_CLASSES.find(([prefix]) => error.code.startsWith(prefix))?.[1] ?? 'internal';
}
