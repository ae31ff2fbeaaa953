/**
 * Which CA an issuance asks next (DESIGN §5): the CAs of its specification in their order, left for the next one only
 * when the CA itself stands in the way. Pure.
 *
 * Keeps: what concerns the names, DNS or the cluster would fail at every CA, and never leads to another one; a first blip
 * neither; an order that may have been finalized is not left while it can still become the certificate; rounds through
 * all CAs have a pause between them.
 */
import { DAY, HOUR, MINUTE } from '../../shared/clock.ts';
import { moment } from '../../shared/moment.ts';
import type { FailureClass } from './ports.ts';
import type { Issuance } from './state.ts';

export interface FallbackInput {
  issuance: Pick<Issuance, 'authority' | 'left' | 'order' | 'phase' | 'refusedChains'> & { spec: { authorities: readonly string[] } };
  /** `count` in a row at this CA; `retryAt` is the CA's own word (Retry-After), Unix ms. */
  failure: { class: FailureClass; code: string; count: number; retryAt: number | undefined };
  /** Life left of the certificate that is served, and its whole lifetime, ms; null when there is none. */
  life: { left: number; whole: number } | null;
  now: number;
}

export type Fallback =
  | { do: 'stay' }
  /** Ask `authority`, at once. */
  | { do: 'switch'; authority: string }
  /** Every CA was asked in this round: the first one again, not before `at` (Unix ms). `rounds` so far, this one included. */
  | { do: 'return'; authority: string; at: number; rounds: number };

/** Failures in a row that a CA is given before the next one is asked, the first time round. */
const FAILURES = 3;
/** Orders whose chain could not be used, before the CA is left. */
const REFUSED_CHAINS = 2;
/** Pauses after the first, second, … round through all CAs; the last one repeats, ms. */
const ROUND_PAUSES = [HOUR, 6 * HOUR, DAY] as const;
const SHORTEST_PAUSE_MS = 10 * MINUTE;

/** Failures of a CA that time alone mends. */
const PASSING: ReadonlySet<FailureClass> = new Set(['overload', 'limit', 'protocol']);
/** Codes among those that are about ourselves. */
const OUR_OWN: ReadonlySet<string> = new Set(['acme_request_budget', 'acme_registration_busy']);
/** Neither patience nor a repetition changes these: the CA's own rules, an order it let expire, a CA that is configured no more. */
const FINAL: ReadonlySet<string> = new Set(['acme_rejected_identifier', 'acme_unsupported_identifier', 'acme_order_stuck', 'acme_authority_unknown']);
/** CAA lets the CA, or our account there, not issue. */
export const FORBIDDEN_BY_CAA: ReadonlySet<string> = new Set(['dns_caa_forbids', 'dns_caa_account_pinned']);

/** How long a CA that asks for time is waited for, ms: a hundredth of the life that is left, 10 minutes to 6 hours. */
export function patience(lifeLeft: number | null): number {
  return Math.min(6 * HOUR, Math.max(10 * MINUTE, (lifeLeft ?? 0) / 100));
}

export function fallback(input: FallbackInput): Fallback {
  const { issuance, life, now } = input;
  const { authorities } = issuance.spec;
  const [first] = authorities;
  if (first === undefined || authorities.length < 2 || !mayLeave(input)) return { do: 'stay' };
  const next = authorities[authorities.indexOf(issuance.authority) + 1];
  if (next !== undefined) return { do: 'switch', authority: next };
  const rounds = roundsOf(issuance) + 1;
  const pause = ROUND_PAUSES[Math.min(rounds, ROUND_PAUSES.length) - 1] ?? DAY;
  const bearable = life === null ? pause : Math.max(SHORTEST_PAUSE_MS, life.left / 10);
  return { do: 'return', authority: first, at: now + Math.round(Math.min(pause, bearable)), rounds };
}

function mayLeave(input: FallbackInput): boolean {
  const { issuance, failure, life, now } = input;
  // Only a CA that was come to by falling back is passed over: what CAA says about the first one is for a person to mend.
  if (FORBIDDEN_BY_CAA.has(failure.code)) return issuance.authority !== issuance.spec.authorities[0];
  if (failure.code.startsWith('chain_')) return issuance.refusedChains !== undefined && issuance.refusedChains >= REFUSED_CHAINS;
  if (!failure.code.startsWith('acme_') || OUR_OWN.has(failure.code) || mayBecomeCertificate(input)) return false;
  if (FINAL.has(failure.code) || failure.class === 'account' || failure.class === 'paused') return true;
  if (!PASSING.has(failure.class)) return false;
  // A CA that has failed in this issuance before has had its blip.
  const tries = roundsOf(issuance) === 0 ? FAILURES : 1;
  return failure.count >= tries || (failure.retryAt ?? 0) > now + patience(life?.left ?? null);
}

/** Its CSR may have reached the CA: another order could end in a second certificate. Close to the end that is the lesser evil. */
function mayBecomeCertificate({ issuance: { phase, order }, life, now }: FallbackInput): boolean {
  if (order === null || (phase !== 'finalize' && phase !== 'download')) return false;
  if (order.expires !== null && order.expires <= now) return false;
  return life === null || life.left > life.whole / 20;
}

/** How often all CAs were gone through: each round ends with the last one being left. */
function roundsOf({ left, spec }: FallbackInput['issuance']): number {
  const last = spec.authorities.at(-1);
  return left.filter(({ authority }) => authority === last).length;
}

/** Why a CA that is not the first one issued, in a sentence; null for the first. */
export function whyNotTheFirst({ authority, left, spec }: Pick<Issuance, 'authority' | 'left'> & { spec: { authorities: readonly string[] } }): string | null {
  const [first] = spec.authorities;
  if (first === undefined || authority === first) return null;
  const reason = left.findLast((entry) => entry.authority === first);
  if (reason === undefined) return `${authority} issued it in place of ${first}.`;
  const skipped = [...new Set(left.map((entry) => entry.authority))].filter((name) => name !== first && name !== authority);
  const others = skipped.length === 0 ? '' : ` (nor did ${skipped.join(', ')})`;
  return `${first} did not issue at ${moment(reason.at)}${others}: ${reason.message}`.slice(0, 600);
}
