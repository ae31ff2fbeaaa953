/**
 * Which later requests a refusal speaks for (scopes of a CA's rate limits), as pure functions.
 *
 * A limit stops what it names and nothing else: one registered domain at its limit must not park the rest of a fleet.
 */
import { MINUTE } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import { momentAfter } from '../../shared/moment.ts';
import type { Authority, Bucket, Limits } from '../config/configuration.ts';
import { accountConfiguration } from './account-stop.ts';
import type { Observation } from './actor.ts';
import { classify } from './failure-classes.ts';
import { AcmeProblem, plainText } from './problem.ts';
import { ACCOUNT_SCOPE, AUTHORITY_SCOPE, domainScope, failureScope, setScope } from './scopes.ts';
import { OVERLOAD_SPACING_MS, spacingOf } from './slots.ts';

/** How long an overloaded CA is left alone when it gives no Retry-After. */
const OVERLOAD_PAUSE_MS = MINUTE;

/** The observation a failure is worth, or null when it says nothing about other requests. */
export function observationOf(error: unknown, names: readonly string[], authority: Authority, now: number): Observation | null {
  if (!(error instanceof AcmeProblem)) return null;
  const detail = plainText(error.problem.detail, 500);
  switch (classify(error)) {
    case 'overload':
      return { kind: 'refusal', scope: AUTHORITY_SCOPE, class: 'overload', until: error.retryAt ?? now + OVERLOAD_PAUSE_MS, detail };
    case 'limit':
      if (error.retryAt === undefined) return null;
      return { kind: 'refusal', scope: limitScope(error.problem.detail, error.operation === 'new-order', names), class: 'limit', until: error.retryAt, detail };
    case 'account':
      return {
        kind: 'account-refused',
        code: error.code,
        message: error.message.slice(0, 1_000),
        hint: error.hint ?? null,
        configuration: accountConfiguration(authority),
      };
    default:
      return error.code === 'acme_directory_moved' ? { kind: 'directory-moved' } : null;
  }
}

/** Reads the scope from the words that Let's Encrypt's limits use; an unknown limit on orders holds for the account. */
function limitScope(detail: string, onOrder: boolean, names: readonly string[]): string {
  if (!onOrder) return AUTHORITY_SCOPE;
  if (/exact set of (identifiers|domains)/i.test(detail)) return setScope(names);
  const quoted = /"([a-z0-9*_.-]{1,253})"/i.exec(detail)?.[1]?.toLowerCase();
  if (quoted !== undefined && /failed authorizations/i.test(detail)) return failureScope(quoted);
  if (quoted !== undefined && /certificates .*issued for/i.test(detail)) return domainScope(quoted);
  return ACCOUNT_SCOPE;
}

export interface Breaker {
  scope: string;
  class: 'limit' | 'overload';
  until: number;
  detail: string;
}

/** Whether `breaker` holds for an order of `names`; without names only what holds for the whole CA. */
export function holdsFor(breaker: Breaker, names: readonly string[] | null): boolean {
  if (breaker.scope === AUTHORITY_SCOPE) return true;
  if (names === null) return false;
  if (breaker.scope === ACCOUNT_SCOPE || breaker.scope === setScope(names)) return true;
  const [kind, subject] = breaker.scope.split(':', 2);
  if (subject === undefined) return false;
  const bare = names.map((name) => name.replace(/^\*\./, ''));
  if (kind === 'failures') return bare.includes(subject.replace(/^\*\./, ''));
  return kind === 'domain' && bare.some((name) => name === subject || name.endsWith(`.${subject}`));
}

/** Between two callers that come back when the breaker has closed, ms: as fast as the limit refills. */
export function spacingAfter({ scope, class: refused }: Breaker, limits: Limits | null): number {
  if (refused === 'overload') return OVERLOAD_SPACING_MS;
  return spacingOf(bucketOf(scope, limits));
}

function bucketOf(scope: string, limits: Limits | null): Bucket | null {
  if (limits === null) return null;
  if (scope === ACCOUNT_SCOPE) return limits.newOrders;
  if (scope.startsWith('domain:')) return limits.perDomain;
  if (scope.startsWith('set:')) return limits.perSet;
  return scope.startsWith('failures:') ? limits.failedValidations : null;
}

/** The refusal that spares the CA a request, `acme_breaker_open`. @param retryAt a moment of the caller's own. */
export function breakerOpen(breaker: Breaker, retryAt: number): PerennialError {
  const because = breaker.detail === '' ? '' : `: ${breaker.detail}`;
  return new PerennialError(
    'acme_breaker_open',
    `The CA asked to be left alone until ${momentAfter(breaker.until)} (${breaker.scope.slice(0, 200)})${because}`,
    {
      retryable: true,
      retryAt,
      details: { class: breaker.class, scope: breaker.scope.slice(0, 500) },
    },
  );
}
