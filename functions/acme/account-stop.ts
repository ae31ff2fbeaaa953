/**
 * An account that the CA refuses is refused for every certificate: after the first refusal nobody knocks until a time that
 * grows with each, and then one at a time. A success, a changed configuration of the CA, or a person lifts it. Pure.
 */
import { DAY, HOUR, MINUTE } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import { momentAfter } from '../../shared/moment.ts';
import type { Authority } from '../config/configuration.ts';
import { ACCOUNT_SCOPE } from './scopes.ts';

const BACKOFF_MS = [HOUR, 6 * HOUR, DAY] as const;
/** How long the one that knocks may take until the next one may. */
export const PROBE_MS = 5 * MINUTE;

export interface AccountStop {
  code: string;
  /** The CA's words. */
  message: string;
  hint: string | null;
  /** Refusals in a row. */
  count: number;
  since: number;
  /** Unix ms until which nobody asks. */
  until: number;
  /** {@link accountConfiguration} that was refused. */
  configuration: string;
}

/** What of a CA's configuration decides about its account; no secret, a name of one at most. */
export function accountConfiguration({ contact, externalAccount }: Pick<Authority, 'contact' | 'externalAccount'>): string {
  return JSON.stringify([contact, externalAccount === null ? null : [externalAccount.keyId, externalAccount.hmacKey]]);
}

/** The stop after one more refusal. */
export function stopped(before: AccountStop | null, refusal: Pick<AccountStop, 'code' | 'message' | 'hint' | 'configuration'>, now: number): AccountStop {
  const again = before !== null && before.configuration === refusal.configuration ? before : null;
  // Refusals of those that were on their way already are the same refusal.
  if (again !== null && now < again.until && again.until - now > PROBE_MS) return { ...again, ...refusal };
  const count = (again?.count ?? 0) + 1;
  return { ...refusal, count, since: again?.since ?? now, until: now + (BACKOFF_MS[Math.min(count, BACKOFF_MS.length) - 1] ?? DAY) };
}

/** What everybody else gets, without a request. @param retryAt a moment of the caller's own. */
export function accountStopped(stop: AccountStop, retryAt: number): PerennialError {
  return new PerennialError(
    'acme_account_stopped',
    `The CA refuses our account, so it is not asked until ${momentAfter(stop.until)}. ${stop.message}`.slice(0, 1_900),
    {
      retryable: true,
      retryAt,
      hint: `${stop.hint === null ? '' : `${stop.hint} `}Then renew by hand, or wait for the next try.`.slice(0, 1_000),
      details: { class: 'account', scope: ACCOUNT_SCOPE, refusal: stop.code, refusals: stop.count },
    },
  );
}
