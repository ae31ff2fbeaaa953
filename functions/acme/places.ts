/**
 * How many certificates are issued at one CA at the same time. A thousand that come due together would otherwise ask the CA,
 * the DNS vendor and every resolver within one second, run into timeouts there, and spend failed validations on it.
 *
 * A place is a lease: whoever goes on renews it, whoever has the certificate gives it back, and one that is not heard of loses
 * it. So neither a crash nor an issuance that waits for days keeps anybody from starting. Only the start waits for a place;
 * what has begun is never held up.
 */
import { MINUTE, SECOND } from '../../shared/clock.ts';
import { slotFor, type SlotState } from './slots.ts';

/** Issuances at one CA at once. */
export const PLACES = 50;
/** A place is kept this long without a sign of life, ms. */
export const LEASE_MS = 2 * MINUTE;
/** Callers that found no place come back no sooner, and no closer together, ms. */
const LEAST_WAIT_MS = SECOND;
const LEAST_SPACING_MS = 100;

export interface Place {
  caller: string;
  /** Unix ms. */
  since: number;
  until: number;
}

export interface PlaceState extends SlotState {
  /** Leases that hold at `now`. */
  places(now: number): Place[];
  savePlace(place: Place): void;
  /** Takes the place of `caller` away, and all leases that are over. */
  removePlace(caller: string, now: number): void;
}

export class Places {
  readonly #state: PlaceState;

  constructor(state: PlaceState) {
    this.#state = state;
  }

  /** @returns null when the caller has a place, else Unix ms at which to come back: a moment of its own. */
  enter(caller: string, now: number): number | null {
    const held = this.#state.places(now);
    const own = held.find((place) => place.caller === caller);
    if (own === undefined && held.length >= PLACES)
      return slotFor(this.#state, { scope: 'places', caller, from: now + LEAST_WAIT_MS, spacing: spacingOf(held, now), now });
    this.#state.savePlace({ caller, since: own?.since ?? now, until: now + LEASE_MS });
    return null;
  }

  /** A sign of life of somebody who may hold a place; costs a row only when half of the lease is over. */
  keep(caller: string, now: number): void {
    const own = this.#state.places(now).find((place) => place.caller === caller);
    if (own !== undefined && own.until - now < LEASE_MS / 2) this.#state.savePlace({ ...own, until: now + LEASE_MS });
  }

  leave(caller: string, now: number): void {
    this.#state.removePlace(caller, now);
  }
}

/**
 * About as often as a place becomes free: an issuance takes twice as long as those under way have taken on average.
 * @returns ms between two callers that come back.
 */
export function spacingOf(held: readonly Place[], now: number): number {
  const ages = held.reduce((sum, { since }) => sum + (now - since), 0);
  const whole = (2 * ages) / Math.max(1, held.length);
  return Math.round(Math.min(LEASE_MS, Math.max(LEAST_SPACING_MS * PLACES, whole)) / PLACES);
}
