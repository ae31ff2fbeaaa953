/**
 * How many certificates are issued at one CA at the same time. A thousand that come due together would otherwise ask the CA,
 * the DNS vendor and every resolver within one second, run into timeouts there, and spend failed validations on it.
 *
 * A place is a lease: whoever goes on renews it, whoever has the certificate gives it back, and one that is not heard of loses
 * it. So neither a crash nor an issuance that waits for days keeps anybody from starting. Those who find no place wait in a
 * queue; a place that becomes free goes to the first of them, who is called. Whoever is not called, because that call or its
 * place was lost, asks again at a time of its own. Only the start waits; what has begun is never held up.
 */
import { MINUTE } from '../../shared/clock.ts';

/**
 * Issuances at one CA at once: about forty a minute, when one takes half a minute. Their calls, a handful each, stay below the
 * 1,200 in five minutes that Cloudflare allows a user.
 */
export const PLACES = 20;
/** A place is kept this long without a sign of life, ms. */
export const LEASE_MS = 2 * MINUTE;

export interface Place {
  caller: string;
  /** Unix ms. */
  until: number;
}

export interface PlaceState {
  /** Leases that hold at `now`. */
  places(now: number): Place[];
  savePlace(place: Place): void;
  /** Takes the place of `caller` away, and all leases that are over. */
  removePlace(caller: string, now: number): void;
  /** Joins the queue, unless it is in it. @returns how many are before it, or a few more. */
  queue(caller: string): number;
  /** The first of the queue, who leave it. */
  unqueue(most: number): string[];
  /** Leaves the queue. */
  removeQueued(caller: string): void;
}

export interface Entry {
  /** Null: the caller has a place. Else Unix ms at which to ask again, unless it is called before. */
  askAgainAt: number | null;
  /** Others who have got a place by this and are to be called. */
  called: string[];
}

export class Places {
  readonly #state: PlaceState;

  constructor(state: PlaceState) {
    this.#state = state;
  }

  enter(caller: string, now: number): Entry {
    // Leases may have ended unnoticed: whoever has waited longest comes first.
    const called = this.#fill(now);
    const held = this.#state.places(now);
    if (held.length < PLACES || held.some((place) => place.caller === caller)) {
      this.#state.removeQueued(caller);
      this.#state.savePlace({ caller, until: now + LEASE_MS });
      return { askAgainAt: null, called: called.filter((other) => other !== caller) };
    }
    // If every lease runs to its end, so many have got a place by then.
    const askAgainAt = now + LEASE_MS + Math.round((this.#state.queue(caller) * LEASE_MS) / PLACES);
    return { askAgainAt, called };
  }

  /** A sign of life of somebody who may hold a place; costs a row only when half of the lease is over. */
  keep(caller: string, now: number): void {
    const own = this.#state.places(now).find((place) => place.caller === caller);
    if (own !== undefined && own.until - now < LEASE_MS / 2) this.#state.savePlace({ ...own, until: now + LEASE_MS });
  }

  /** Whoever has no place may leave as well. @returns who has got a place by this and is to be called. */
  leave(caller: string, now: number): string[] {
    this.#state.removePlace(caller, now);
    return this.#fill(now);
  }

  /** Gives free places to the first of the queue. */
  #fill(now: number): string[] {
    const free = PLACES - this.#state.places(now).length;
    const called = free <= 0 ? [] : this.#state.unqueue(free);
    for (const caller of called) this.#state.savePlace({ caller, until: now + LEASE_MS });
    return called;
  }
}
