/** What the page shows of a CA: whether it is asked, and what is left of its limits. Pure. */
import type { AuthorityStatus, LimitLeft } from '../../acme/authority-status.ts';
import type { Wording } from './wording.ts';

export interface AuthorityInput {
  name: string;
  directory: string;
  /** Null when its object could not be asked. */
  status: AuthorityStatus | null;
}

export interface AuthorityModel extends AuthorityInput {
  wording: Wording;
  route: string;
  /** Scopes that are left alone, in words. */
  breakers: { until: number; held: string; detail: string }[];
  limits: { words: string; fullAt: number; spent: boolean }[];
  /** There is an account whose key can be changed. */
  mayRollOver: boolean;
}

export function authorityModel(input: AuthorityInput, now: number): AuthorityModel {
  const { status } = input;
  return {
    ...input,
    wording: wordingOf(status, now),
    route: status === null ? '' : routeWords(status.route),
    breakers: (status?.breakers ?? []).map(({ scope, until, detail }) => ({ until, held: heldWords(scope), detail })),
    limits: (status?.limits ?? []).map((limit) => ({ words: limitWords(limit), fullAt: limit.fullAt, spent: limit.left <= 0 })),
    mayRollOver: status?.accountUrl != null && status.stopped === null,
  };
}

function wordingOf(status: AuthorityStatus | null, now: number): Wording {
  if (status === null) return { label: 'unknown', tone: 'warn', meaning: 'Its state could not be read.' };
  if (status.stopped !== null) return { label: 'refuses the account', tone: 'bad', meaning: status.stopped.message };
  if (status.breakers.some(({ scope, until }) => (scope === 'authority' || scope === 'account') && until > now))
    return { label: 'left alone', tone: 'warn', meaning: 'It asked for a pause; nothing is ordered there before it ends.' };
  if (status.accountUrl === null) return { label: 'not used yet', tone: 'quiet', meaning: 'No account is registered there yet.' };
  return { label: 'well', tone: 'well', meaning: 'Orders go there.' };
}

export function routeWords(route: AuthorityStatus['route']): string {
  return route.kind === 'direct' ? 'asked directly' : `asked through the relay of ${route.cluster}`;
}

/** `No order for example.net and all below it`: what a breaker keeps from being sent. */
export function heldWords(scope: string): string {
  const { kind } = partsOf(scope);
  if (kind === 'authority') return 'Not asked';
  if (kind === 'account') return 'No order';
  return kind === 'failures' ? `No validation of ${subjectWords(scope)}` : `No order for ${subjectWords(scope)}`;
}

/** Whom a limit counts. */
function subjectWords(scope: string): string {
  const { kind, subject } = partsOf(scope);
  if (kind === 'domain') return `${subject} and all below it`;
  return kind === 'set' ? `exactly ${subject.replaceAll(',', ', ')}` : subject;
}

function partsOf(scope: string): { kind: string; subject: string } {
  const colon = scope.indexOf(':');
  return colon < 0 ? { kind: scope, subject: scope } : { kind: scope.slice(0, colon), subject: scope.slice(colon + 1, colon + 301) };
}

/** `298 of 300 new orders`. */
export function limitWords({ limit, scope, left, capacity }: LimitLeft): string {
  const count = `${Math.max(0, left)} of ${capacity}`;
  switch (limit) {
    case 'newOrders':
      return `${count} new orders left`;
    case 'perDomain':
    case 'perSet':
      return `${count} certificates left for ${subjectWords(scope)}`;
    case 'failedValidations':
      return `${count} failed validations left for ${subjectWords(scope)}`;
  }
}
