/** What one CA's object knows, for people: the account, the route, who is held back by what, and what is left of each limit. */
import type { Bucket, Limits } from '../config/configuration.ts';
import type { AuthorityState } from './authority-state.ts';
import { ACCOUNT_SCOPE } from './scopes.ts';
import type { Breaker } from './breakers.ts';
import type { Route } from './transport.ts';

/** Holds no secret: the name of the account key is not even in it. Times are Unix milliseconds. */
export interface AuthorityStatus {
  /** Null while no account is registered. */
  accountUrl: string | null;
  /** The route that the next request takes first. */
  route: Route;
  /** The CA refuses our account, and nobody asks it before `until`. */
  stopped: { code: string; message: string; hint: string | null; since: number; until: number } | null;
  /** Scopes that are left alone, the one that ends last first. */
  breakers: Breaker[];
  /** Limits that were taken from and are not full again, and that of new orders; null where nothing is known of this CA's limits. */
  limits: LimitLeft[] | null;
  /** A new account key whose fate the CA has not told yet. */
  rolloverOpen: boolean;
}

export interface LimitLeft {
  limit: 'newOrders' | 'perDomain' | 'perSet' | 'failedValidations';
  /** `account`, `domain:<name>`, `set:<names>`, `failures:<name>`. */
  scope: string;
  capacity: number;
  left: number;
  /** When all of it is back. */
  fullAt: number;
}

type Known = Pick<AuthorityState, 'account' | 'route' | 'accountStop' | 'rollover' | 'breakers' | 'takenBuckets'>;

/** Longest list of limits and of breakers, each: the ones that last longest. */
const MOST = 100;
/** Which limit a scope counts for. */
const LIMIT_OF: Readonly<Record<string, LimitLeft['limit']>> = {
  [ACCOUNT_SCOPE]: 'newOrders',
  domain: 'perDomain',
  set: 'perSet',
  failures: 'failedValidations',
};

/** Read-only. @param limits of the CA, from the configuration. @param now Unix ms. */
export function authorityStatus(state: Known, limits: Limits | null, now: number): AuthorityStatus {
  const learned = state.route();
  const stop = state.accountStop();
  const rollover = state.rollover();
  return {
    accountUrl: state.account()?.url ?? null,
    route: learned !== null && learned.until > now ? learned.route : { kind: 'direct' },
    stopped: stop === null ? null : { code: stop.code, message: stop.message, hint: stop.hint, since: stop.since, until: stop.until },
    breakers: state
      .breakers(now)
      .toSorted((one, other) => other.until - one.until)
      .slice(0, MOST)
      .map(({ scope, class: kind, until, detail }) => ({ scope, class: kind, until, detail })),
    limits: limits === null ? null : limitsLeft(state.takenBuckets(now, MOST), limits, now),
    rolloverOpen: rollover !== null && !rollover.done,
  };
}

function limitsLeft(buckets: readonly { scope: string; tat: number }[], limits: Limits, now: number): LimitLeft[] {
  const taken = buckets.flatMap(({ scope, tat }): LimitLeft[] => {
    const limit = LIMIT_OF[scope.split(':', 1)[0] ?? ''];
    const bucket = limit === undefined ? null : limits[limit];
    return limit === undefined || bucket === null ? [] : [{ limit, scope, capacity: bucket.capacity, left: left(bucket, tat, now), fullAt: tat }];
  });
  const { newOrders } = limits;
  if (newOrders === null || taken.some(({ limit }) => limit === 'newOrders')) return taken;
  return [{ limit: 'newOrders', scope: ACCOUNT_SCOPE, capacity: newOrders.capacity, left: newOrders.capacity, fullAt: now }, ...taken];
}

/** Tokens that may be taken now (see `buckets.ts`). */
function left({ capacity, refillMs }: Bucket, tat: number, now: number): number {
  return Math.max(0, Math.min(capacity, Math.floor((now + capacity * refillMs - tat) / refillMs)));
}
