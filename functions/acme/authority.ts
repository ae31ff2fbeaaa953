/**
 * One CA directory as everybody shares it: the account, the directory document, the route that works, the ledger of
 * orders and the breakers. The logic of CaObject, apart from its storage and bindings.
 */
import { HOUR } from '../../shared/clock.ts';
import { Account, type AccountDeps } from './account.ts';
import { accountConfiguration, accountStopped, PROBE_MS, stopped } from './account-stop.ts';
import type { AuthorityIdentity, AuthorityRequest, DirectoryAnswer, Observation, OpenAnswer, OpenRequest, RolloverAnswer, RolloverRequest } from './actor.ts';
import type { AuthorityState } from './authority-state.ts';
import { breakerOpen, holdsFor, spacingAfter } from './breakers.ts';
import { identitiesOf } from './identities.ts';
import { OrderLedger, type OrderToAdmit } from './ledger.ts';
import { type Entry, Places } from './places.ts';
import { Reach } from './reach.ts';
import { Rollover } from './rollover.ts';
import { slotFor, UNKNOWN_SPACING_MS } from './slots.ts';
import type { TransportDeps } from './transport.ts';

/** How long a route that was learned is used before the direct one is tried again. */
const ROUTE_TTL_MS = 6 * HOUR;

export interface AuthorityDeps extends TransportDeps, AccountDeps {}

export class AuthorityRecord {
  readonly #state: AuthorityState;
  readonly #deps: AuthorityDeps;
  readonly #reach: Reach;
  readonly #account: Account;
  readonly #rollover: Rollover;
  readonly #ledger: OrderLedger;
  readonly #places: Places;

  constructor(state: AuthorityState, deps: AuthorityDeps) {
    this.#state = state;
    this.#deps = deps;
    this.#reach = new Reach(state, deps, (observation) => this.observe(observation));
    this.#account = new Account(state, deps, this.#reach);
    this.#rollover = new Rollover(state, deps, this.#reach);
    this.#ledger = new OrderLedger(state);
    this.#places = new Places(state);
  }

  enter(caller: string): Entry {
    return this.#places.enter(caller, this.#deps.clock());
  }

  leave(caller: string): string[] {
    return this.#places.leave(caller, this.#deps.clock());
  }

  async open(request: OpenRequest): Promise<OpenAnswer> {
    if (request.caller !== undefined) this.#places.keep(request.caller, this.#deps.clock());
    this.#refuseWhileOpen(null, { caller: request.caller ?? null, limits: request.authority.limits });
    const probe = request.disowned === undefined && this.#passStop(request);
    const answer = await this.directory(request);
    await this.#rollover.settle(request, answer);
    const opened = await this.#account.open(request, answer);
    return { ...answer, ...opened, ...(probe ? { probe } : {}) };
  }

  directory(request: AuthorityRequest & { fresh?: boolean }): Promise<DirectoryAnswer> {
    return this.#reach.directory(request);
  }

  /**
   * How CAA records know the CA and our account there (RFC 8657 §3). Registers nothing: without an account the CA is asked
   * for its directory, and for the account of a key that outlived this object.
   */
  async identity(request: AuthorityRequest): Promise<AuthorityIdentity> {
    const answer = await this.directory(request);
    const accountUrl = this.#state.account()?.url ?? (await this.#account.find(request, answer))?.accountUrl ?? null;
    return { identities: identitiesOf(request.authority, answer.directory), accountUrl };
  }

  admit(order: OrderToAdmit): void {
    this.#refuseWhileOpen(order.names, order);
    this.#ledger.admit(order, this.#deps.clock());
  }

  observe(observation: Observation): void {
    const now = this.#deps.clock();
    switch (observation.kind) {
      case 'route':
        return this.#state.saveRoute(observation.route, now + ROUTE_TTL_MS);
      case 'refusal':
        return this.#state.saveBreaker(observation);
      case 'account-refused': {
        const { kind: _kind, ...refusal } = observation;
        return this.#state.saveAccountStop(stopped(this.#state.accountStop(), refusal, now));
      }
      case 'account-works':
        return this.#state.saveAccountStop(null);
      case 'unplaced':
        return this.#ledger.unplaced(observation.attempt);
      case 'order-invalid':
        return this.#ledger.invalid(observation.order, observation.names);
      case 'issued':
        return this.#ledger.issued(observation.names, now);
      case 'validation-failed':
        return this.#ledger.failed(observation.failures, observation.bucket, now);
      case 'directory-moved':
        return this.#reach.forgetDirectory();
    }
  }

  async rollover(request: RolloverRequest): Promise<RolloverAnswer> {
    this.#refuseWhileOpen(null, { caller: null, limits: null });
    // Read afresh: what the CA offers may have changed since the first order.
    return this.#rollover.roll(request, await this.directory({ ...request, fresh: true }));
  }

  #refuseWhileOpen(names: readonly string[] | null, { caller, limits }: Pick<OrderToAdmit, 'caller' | 'limits'>): void {
    const now = this.#deps.clock();
    const holding = this.#state.breakers(now).filter((breaker) => holdsFor(breaker, names));
    // The one that ends last: everything before it would be refused again.
    const [last] = holding.toSorted((a, b) => b.until - a.until);
    if (last === undefined) return;
    const retryAt = slotFor(this.#state, { scope: last.scope, caller, from: last.until, spacing: spacingAfter(last, limits), now });
    throw breakerOpen(last, retryAt);
  }

  /** Throws `acme_account_stopped` while the account is stopped. @returns whether this caller is the one that tries it. */
  #passStop({ authority, insist, caller }: OpenRequest): boolean {
    const stop = this.#state.accountStop();
    if (stop === null) return false;
    const now = this.#deps.clock();
    if (insist !== true && stop.configuration === accountConfiguration(authority) && now < stop.until)
      throw accountStopped(stop, slotFor(this.#state, { scope: 'account-stop', caller: caller ?? null, from: stop.until, spacing: UNKNOWN_SPACING_MS, now }));
    this.#state.saveAccountStop({ ...stop, configuration: accountConfiguration(authority), until: now + PROBE_MS });
    return true;
  }
}
