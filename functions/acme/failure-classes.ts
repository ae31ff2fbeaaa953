/**
 * Which failure class (DESIGN §4) an answer of a CA belongs to: every answer to exactly one. Pure.
 *
 * The code alone decides the class, so a failure keeps its class when it crosses an object border as plain data.
 */
import { PerennialError } from '../../shared/errors.ts';
import type { AcmeProblemData, FailureClass } from '../certificates/ports.ts';
import {
  type AcmeOperation,
  type Meaning,
  MEANINGS,
  OVERLOADED,
  BLOCKED,
  DIRECTORY_NOT_FOUND,
  DIRECTORY_MOVED,
  RATE_LIMITED,
  PAUSED,
  NOT_FOUND,
  REFUSED,
  NOT_AUTHORIZED,
  VALIDATION_UNAUTHORIZED,
  REVOCATION_UNAUTHORIZED,
  REPLACES_REFUSED,
  SIGNATURE_REFUSED,
} from './meanings.ts';

const ERROR_NAMESPACE = 'urn:ietf:params:acme:error:';

/** Codes that arise here rather than from a problem type. */
const LOCAL_CLASSES: Readonly<Record<string, FailureClass>> = {
  acme_timeout: 'overload',
  acme_unreachable: 'overload',
  acme_reply_too_large: 'protocol',
  acme_reply_malformed: 'protocol',
  acme_redirected: 'protocol',
  acme_foreign_url: 'protocol',
  acme_request_budget: 'protocol',
  acme_registration_busy: 'overload',
  acme_rollover_unsettled: 'overload',
  acme_rollover_not_offered: 'permanent',
  acme_revocation_not_offered: 'permanent',
  acme_limit_predicted: 'limit',
  acme_profile_unknown: 'permanent',
  acme_authority_unknown: 'permanent',
};

const CLASS_BY_CODE = new Map<string, FailureClass>([
  ...Object.entries(LOCAL_CLASSES),
  ...[
    ...Object.values(MEANINGS),
    OVERLOADED,
    BLOCKED,
    DIRECTORY_NOT_FOUND,
    DIRECTORY_MOVED,
    RATE_LIMITED,
    PAUSED,
    NOT_FOUND,
    REFUSED,
    NOT_AUTHORIZED,
    VALIDATION_UNAUTHORIZED,
    REVOCATION_UNAUTHORIZED,
    REPLACES_REFUSED,
    SIGNATURE_REFUSED,
  ].map((known): [string, FailureClass] => [known.code, known.class]),
]);

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

/** The CA's own type without its namespace, or an empty string for a foreign one. */
export function shortType(type: string): string {
  return type.startsWith(ERROR_NAMESPACE) ? type.slice(ERROR_NAMESPACE.length) : '';
}

/** What a refusal means. @param problem with empty members when the reply held no problem document. */
export function meaningOf(status: number, problem: AcmeProblemData, operation: AcmeOperation): Meaning {
  const type = shortType(problem.type);
  const known = Object.hasOwn(MEANINGS, type) ? MEANINGS[type] : undefined;
  if (type === 'rateLimited') return limitOf(status, problem.detail);
  if (operation === 'new-order' && isAboutReplaces(status, problem)) return known?.class === 'replaces' ? known : REPLACES_REFUSED;
  if (type === 'compound') return compoundOf(problem);
  if (type === 'unauthorized') return unauthorizedAt(operation, problem.detail);
  if (type === 'malformed' && isAboutSignature(problem.detail)) return SIGNATURE_REFUSED;
  if ((status === 404 || status === 405) && (type === '' || type === 'malformed')) return missingAt(operation);
  if (known !== undefined) return known;
  if (status === 429) return RATE_LIMITED;
  if (status >= 500 || status === 408) return OVERLOADED;
  return problem.type === '' && problem.detail === '' ? BLOCKED : REFUSED;
}

/**
 * Boulder answers a replacement it cannot accept with 409 alreadyReplaced (older: conflict), 403 when another account
 * owns the certificate, 404 or malformed when it does not know it (RFC 9773 §5).
 */
export function isAboutReplaces(status: number, problem: AcmeProblemData): boolean {
  const type = shortType(problem.type);
  if (type === 'alreadyReplaced' || type === 'conflict') return true;
  return [400, 403, 404, 409].includes(status) && /\breplac|certid|renewal|\bARI\b/i.test(problem.detail);
}

/** RFC 8555 has no type for a signature that does not fit; CAs say `malformed` or `unauthorized` and explain. */
export function isAboutSignature(detail: string): boolean {
  return /JWS verification error|signature (is )?(invalid|verification)|invalid signature/i.test(detail);
}

/** Let's Encrypt sends `rateLimited` also when it is merely busy (503) and when it has paused a name (429). */
function limitOf(status: number, detail: string): Meaning {
  if (status >= 500 || /service busy/i.test(detail)) return OVERLOADED;
  if (!/\bpaused\b|\bunpause\b|temporarily prevented from requesting/i.test(detail)) return RATE_LIMITED;
  const portal = portalOf(detail);
  const where = portal === null ? 'on the page that the CA names' : `at this address of the CA (copy it): ${portal}`;
  return { ...PAUSED, hint: `The CA has paused these names after many failures. Mend the cause, unpause them ${where} and renew by hand.` };
}

/** The page where a person lifts a pause: shown as text, never fetched, https only and no longer than a hint may be. */
function portalOf(detail: string): string | null {
  const found = /https:\/\/[^\s"'<>()]{1,700}(?=$|[\s"'<>()])/i.exec(detail)?.[0].replace(/[.,;:!]+$/, '');
  if (found === undefined || !URL.canParse(found)) return null;
  const { href, username, password } = new URL(found);
  return username === '' && password === '' && href.length <= 700 ? href : null;
}

function unauthorizedAt(operation: AcmeOperation, detail: string): Meaning {
  if (isAboutSignature(detail)) return SIGNATURE_REFUSED;
  const account = MEANINGS['unauthorized'] ?? REFUSED;
  if (/account\b.*\b(deactivated|revoked|not valid|suspended)/i.test(detail)) return account;
  switch (operation) {
    case 'order':
    case 'authorization':
    case 'challenge':
    case 'finalize':
    case 'certificate':
      return NOT_AUTHORIZED;
    case 'revocation':
      return REVOCATION_UNAUTHORIZED;
    default:
      return account;
  }
}

/** 404 where the directory sends everybody means that the directory has changed; elsewhere, that the resource is gone. */
function missingAt(operation: AcmeOperation): Meaning {
  switch (operation) {
    case 'directory':
      return DIRECTORY_NOT_FOUND;
    case 'nonce':
    case 'account':
    case 'new-order':
    case 'key-change':
      return DIRECTORY_MOVED;
    default:
      return NOT_FOUND;
  }
}

/** Of several reasons the one that time heals least decides (RFC 8555 §6.7.1): trying the others again is for nothing. */
const GRAVEST_FIRST: readonly FailureClass[] = ['account', 'permanent', 'validation', 'replaces', 'limit', 'state', 'overload', 'protocol'];

function compoundOf(problem: AcmeProblemData): Meaning {
  const parts = problem.subproblems.flatMap(({ type, detail }): Meaning[] => {
    const short = shortType(type);
    // Of a name, not of the account.
    if (short === 'unauthorized') return [VALIDATION_UNAUTHORIZED];
    if (short === 'rateLimited') return [limitOf(429, detail)];
    const known = Object.hasOwn(MEANINGS, short) ? MEANINGS[short] : undefined;
    return known === undefined ? [] : [known];
  });
  const paused = parts.find((part) => part.class === 'paused');
  if (paused !== undefined) return paused;
  return parts.toSorted((one, other) => GRAVEST_FIRST.indexOf(one.class) - GRAVEST_FIRST.indexOf(other.class))[0] ?? REFUSED;
}
