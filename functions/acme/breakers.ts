/**
 * Which later requests a refusal speaks for (scopes of a CA's rate limits), as pure functions.
 *
 * A limit stops what it names and nothing else: one registered domain at its limit must not park the rest of a fleet.
 */
import { MINUTE } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import type { Observation } from './actor.ts';
import { AcmeProblem, classify, plainText } from './problem.ts';

/** How long an overloaded CA is left alone when it gives no Retry-After. */
const OVERLOAD_PAUSE_MS = MINUTE;

/** The observation a failure is worth, or null when it says nothing about other requests. */
export function observationOf(error: unknown, names: readonly string[], now: number): Extract<Observation, { kind: 'refusal' }> | null {
  if (!(error instanceof AcmeProblem)) return null;
  const failureClass = classify(error);
  const detail = plainText(error.problem.detail, 500);
  if (failureClass === 'overload') return { kind: 'refusal', scope: 'authority', class: 'overload', until: error.retryAt ?? now + OVERLOAD_PAUSE_MS, detail };
  if (failureClass !== 'limit' || error.retryAt === undefined) return null;
  return { kind: 'refusal', scope: limitScope(error.problem.detail, error.operation === 'new-order', names), class: 'limit', until: error.retryAt, detail };
}

/** Reads the scope from the words that Let's Encrypt's limits use; an unknown limit on orders holds for the account. */
function limitScope(detail: string, onOrder: boolean, names: readonly string[]): string {
  if (!onOrder) return 'authority';
  if (/exact set of (identifiers|domains)/i.test(detail)) return setScope(names);
  const quoted = /"([a-z0-9*_.-]{1,253})"/i.exec(detail)?.[1]?.toLowerCase();
  if (quoted !== undefined && /failed authorizations/i.test(detail)) return `failures:${quoted}`;
  if (quoted !== undefined && /certificates .*issued for/i.test(detail)) return `domain:${quoted}`;
  return 'account';
}

function setScope(names: readonly string[]): string {
  return `set:${[...names].toSorted().join(',').slice(0, 3_900)}`;
}

export interface Breaker {
  scope: string;
  class: 'limit' | 'overload';
  until: number;
  detail: string;
}

/** Whether `breaker` holds for an order of `names`; without names only what holds for the whole CA. */
export function holdsFor(breaker: Breaker, names: readonly string[] | null): boolean {
  if (breaker.scope === 'authority') return true;
  if (names === null) return false;
  if (breaker.scope === 'account' || breaker.scope === setScope(names)) return true;
  const [kind, subject] = breaker.scope.split(':', 2);
  if (subject === undefined) return false;
  const bare = names.map((name) => name.replace(/^\*\./, ''));
  if (kind === 'failures') return bare.includes(subject.replace(/^\*\./, ''));
  return kind === 'domain' && bare.some((name) => name === subject || name.endsWith(`.${subject}`));
}

/** The refusal that spares the CA a request, `acme_breaker_open`, retryable from `retryAt` on. */
export function breakerOpen(breaker: Breaker): PerennialError {
  const because = breaker.detail === '' ? '' : `: ${breaker.detail}`;
  return new PerennialError(
    'acme_breaker_open',
    `The CA asked to be left alone until ${new Date(breaker.until).toISOString()} (${breaker.scope.slice(0, 200)})${because}`,
    {
      retryable: true,
      retryAt: breaker.until,
      details: { class: breaker.class, scope: breaker.scope.slice(0, 500) },
    },
  );
}
