/**
 * Every bundle that runs offers what it carries, at most once a minute per isolate: its configuration, which the fleet
 * may promote, and its relay. An invalid configuration is not offered; the last good one stays in force.
 */
import { type Clock, MINUTE } from '../../shared/clock.ts';
import { unwrap } from '../../shared/errors.ts';
import type { CompiledConfiguration } from '../config/configuration.ts';
import type { FleetObject } from './fleet-object.ts';
import type { RelayBundle } from './relay-bundles.ts';

export interface Offer {
  compiled: CompiledConfiguration;
  relay: RelayBundle;
}

const OFFER_INTERVAL_MS = MINUTE;

export class Offering {
  #offeredAt = Number.NEGATIVE_INFINITY;
  readonly #offer: Offer;
  readonly #fleet: () => DurableObjectStub<FleetObject>;
  readonly #clock: Clock;

  constructor(offer: Offer, fleet: () => DurableObjectStub<FleetObject>, clock: Clock) {
    this.#offer = offer;
    this.#fleet = fleet;
    this.#clock = clock;
  }

  /** Throws what the fleet threw; the next call tries again. */
  async make(): Promise<void> {
    const now = this.#clock();
    if (now - this.#offeredAt < OFFER_INTERVAL_MS) return;
    this.#offeredAt = now;
    const { compiled, relay } = this.#offer;
    try {
      const wanted = unwrap(await this.#fleet().offer(compiled.hash, relay.sha256));
      if (wanted.wantsRelay) unwrap(await this.#fleet().storeRelayBundle(relay));
      if (compiled.valid && wanted.configuration.decision === 'promote') unwrap(await this.#fleet().promote(compiled.hash, compiled.configuration));
    } catch (thrown) {
      this.#offeredAt = Number.NEGATIVE_INFINITY;
      throw thrown;
    }
  }
}
