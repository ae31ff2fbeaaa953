/**
 * The ledger of orders of one CA account. It predicts the CA's own buckets (`limits` of the configuration) and refuses an
 * order that the CA would refuse, so that a limit costs nobody a request and the CA sees no zombie.
 *
 * What counts: an order from the moment it is admitted, before it is sent, because a lost reply may have created it. It is
 * given back when the CA certainly has not created it; of one that turns invalid, the certificate that will not come is given
 * back (domain, set) and the order is not. An attempt that comes again within {@link REPEAT_MS} is the same call, whose answer
 * got lost on the way here; later it is sent once more and counts once more.
 */
import { SECOND } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import { momentAfter } from '../../shared/moment.ts';
import type { Bucket, Limits } from '../config/configuration.ts';
import { availableAt, givenBack, taken } from './buckets.ts';
import { ACCOUNT_SCOPE, domainScope, failureScope, registeredDomains, setScope } from './scopes.ts';
import { slotFor, type SlotState, spacingOf } from './slots.ts';

/** Shorter than the time after which an interrupted call may be made again (its deadline and the grace after it). */
const REPEAT_MS = 10 * SECOND;
/** Certificates of a set that only an emergency may order: an incident's window is in the past, so it is not exempt (RFC 9773). */
const SET_RESERVE = 2;

export interface Charge {
  scope: string;
  refillMs: number;
}

export interface LedgerEntry {
  id: number;
  at: number;
  charges: Charge[];
}

export interface LedgerState extends SlotState {
  bucket(scope: string): number | null;
  /** @param tat Unix ms; a bucket that is full again may be forgotten. */
  saveBucket(scope: string, tat: number): void;
  /** Buckets that are not full, the emptiest first. */
  takenBuckets(now: number, most: number): { scope: string; tat: number }[];
  appendOrder(order: { at: number; names: string[]; replaces: boolean; set: string; attempt: string; charges: Charge[] }): void;
  /** The last entry of this attempt that has no end yet. */
  openAttempt(attempt: string): LedgerEntry | null;
  /** The last entry for these names that has no end yet. */
  openOrder(set: string): LedgerEntry | null;
  /** @param url of the order, where it is known. */
  closeOrder(id: number, outcome: 'unplaced' | 'invalid', url: string | null): void;
  orderClosed(url: string): boolean;
  issuedBefore(set: string): boolean;
  saveIssued(set: string, at: number): void;
  /** Enters an authorization; false when it is there already. */
  saveFailure(authorization: string, at: number): boolean;
}

/** An order that asks to be placed. */
export interface OrderToAdmit {
  names: string[];
  replaces: boolean;
  attempt: string;
  /** Now lies in the window of the certificate that is replaced (RFC 9773 §4.2). */
  inWindow: boolean;
  emergency: boolean;
  /** The CA has issued for exactly these names before, as the caller knows. */
  renewal: boolean;
  limits: Limits | null;
  /** Whose moment to come back it is. */
  caller: string | null;
}

type LimitName = keyof Limits;

interface Demand {
  limit: LimitName;
  scope: string;
  bucket: Bucket;
  reserve: number;
  /** Looked at only: failures are charged when they happen. */
  free: boolean;
}

export class OrderLedger {
  readonly #state: LedgerState;

  constructor(state: LedgerState) {
    this.#state = state;
  }

  /** Enters the order. Throws `acme_limit_predicted`, retryable at a moment of the caller's own. */
  admit(order: OrderToAdmit, now: number): void {
    const before = this.#state.openAttempt(order.attempt);
    if (before !== null && now - before.at < REPEAT_MS) return;
    const set = setScope(order.names);
    const demands = demandsOf(order, order.renewal || this.#state.issuedBefore(set));
    const latest = demands
      .map((demand) => ({ demand, at: availableAt(demand.bucket, this.#state.bucket(demand.scope), now, demand.reserve) }))
      .filter(({ at }) => at > now)
      .toSorted((one, other) => other.at - one.at)[0];
    if (latest !== undefined) throw this.#refusal(latest.demand, latest.at, order, now);
    const charges = demands.filter(({ free }) => !free);
    for (const { scope, bucket } of charges) this.#state.saveBucket(scope, taken(bucket, this.#state.bucket(scope), now));
    this.#state.appendOrder({
      at: now,
      names: order.names,
      replaces: order.replaces,
      set,
      attempt: order.attempt,
      charges: charges.map(({ scope, bucket }) => ({ scope, refillMs: bucket.refillMs })),
    });
  }

  /** The CA certainly has no order of this attempt: everything is given back. */
  unplaced(attempt: string): void {
    const entry = this.#state.openAttempt(attempt);
    if (entry === null) return;
    this.#giveBack(entry.charges);
    this.#state.closeOrder(entry.id, 'unplaced', null);
  }

  /** The order at `url` will never become a certificate. Safe to repeat. */
  invalid(url: string, names: readonly string[]): void {
    if (this.#state.orderClosed(url)) return;
    const entry = this.#state.openOrder(setScope(names));
    if (entry === null) return;
    this.#giveBack(entry.charges.filter(({ scope }) => scope !== ACCOUNT_SCOPE));
    this.#state.closeOrder(entry.id, 'invalid', url);
  }

  issued(names: readonly string[], now: number): void {
    this.#state.saveIssued(setScope(names), now);
  }

  /** Each authorization counts once, however often it is read. */
  failed(failures: readonly { authorization: string; name: string }[], bucket: Bucket, now: number): void {
    for (const { authorization, name } of failures) {
      if (!this.#state.saveFailure(authorization, now)) continue;
      const scope = failureScope(name);
      const tat = this.#state.bucket(scope);
      if (availableAt(bucket, tat, now) <= now) this.#state.saveBucket(scope, taken(bucket, tat, now));
    }
  }

  #giveBack(charges: readonly Charge[]): void {
    for (const { scope, refillMs } of charges) {
      const tat = this.#state.bucket(scope);
      if (tat !== null) this.#state.saveBucket(scope, givenBack(refillMs, tat));
    }
  }

  #refusal({ limit, scope, bucket, reserve }: Demand, from: number, { caller }: OrderToAdmit, now: number): PerennialError {
    const retryAt = slotFor(this.#state, { scope, caller, from, spacing: spacingOf(bucket), now });
    return new PerennialError(
      'acme_limit_predicted',
      `The CA would refuse this order: ${wordsOf(limit, scope)} ${bucket.capacity} at once and one more every ${span(bucket.refillMs)}${reserve === 0 ? '' : `, of which ${reserve} are kept for emergencies`}. It will be possible at ${momentAfter(retryAt)}.`,
      {
        retryable: true,
        retryAt,
        hint: 'Nothing was sent and nothing needs to be done: it is ordered by itself at that time. Limits that the CA has raised for you go into `limits` of this CA in the configuration.',
        details: { class: 'limit', limit, scope: scope.slice(0, 500), availableAt: from },
      },
    );
  }
}

/** Which buckets an order takes from. @param renewal exactly these names were issued before. */
function demandsOf(order: OrderToAdmit, renewal: boolean): Demand[] {
  const { limits } = order;
  if (limits === null || (order.inWindow && order.replaces)) return [];
  const demand = (limit: LimitName, scope: string, options: { reserve?: number; free?: boolean } = {}): Demand[] => {
    const bucket = limits[limit];
    return bucket === null ? [] : [{ limit, scope, bucket, reserve: options.reserve ?? 0, free: options.free ?? false }];
  };
  // Some must be left for those who may not touch the reserve.
  const reserve = order.emergency ? 0 : Math.min(SET_RESERVE, (limits.perSet?.capacity ?? 1) - 1);
  return [
    ...(renewal ? [] : demand('newOrders', ACCOUNT_SCOPE)),
    ...(renewal ? [] : registeredDomains(order.names).flatMap((domain) => demand('perDomain', domainScope(domain)))),
    ...demand('perSet', setScope(order.names), { reserve }),
    ...order.names.flatMap((name) => demand('failedValidations', failureScope(name), { free: true })),
  ];
}

function wordsOf(limit: LimitName, scope: string): string {
  const subject = scope.slice(scope.indexOf(':') + 1, 200);
  switch (limit) {
    case 'newOrders':
      return 'an account may place';
    case 'perDomain':
      return `for "${subject}" and everything below it may be ordered`;
    case 'perSet':
      return 'for exactly these names may be ordered';
    case 'failedValidations':
      return `of "${subject}" may fail`;
  }
}

function span(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const;
  const [unit, size] = units.find(([, each]) => ms >= 2 * each) ?? ['ms', 1];
  return `${Math.round(ms / size)} ${unit}`;
}
