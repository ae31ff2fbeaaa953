/** How a CA is reached: its directory, the route that works, and what an exchange teaches everybody. */
import { HOUR } from '../../shared/clock.ts';
import type { AuthorityRequest, DirectoryAnswer, Observation } from './actor.ts';
import type { AuthorityState } from './authority-state.ts';
import { observationOf } from './breakers.ts';
import { directorySchema, readJson } from './resources.ts';
import { type Route, routesOf, Transport, type TransportDeps } from './transport.ts';

/** A directory changes a few times a year; profiles are re-read on demand (RFC 8555 §7.1.1 allows caching). */
const DIRECTORY_TTL_MS = 12 * HOUR;

export class Reach {
  readonly #state: AuthorityState;
  readonly #deps: TransportDeps;
  readonly #observe: (observation: Observation) => void;

  constructor(state: AuthorityState, deps: TransportDeps, observe: (observation: Observation) => void) {
    this.#state = state;
    this.#deps = deps;
    this.#observe = observe;
  }

  async directory(request: AuthorityRequest & { fresh?: boolean }): Promise<DirectoryAnswer> {
    const now = this.#deps.clock();
    const cached = this.#state.directory();
    if (cached !== null && request.fresh !== true && now - cached.fetchedAt < DIRECTORY_TTL_MS) return { directory: cached.directory, route: this.route() };
    const transport = this.transport(request);
    try {
      const reply = await this.observed(request, transport, () =>
        transport.send('directory', { method: 'GET', url: request.authority.directory, headers: { accept: 'application/json' }, body: null }),
      );
      const directory = readJson(reply, directorySchema, 'its directory');
      this.#state.saveDirectory(directory, now);
      return { directory, route: this.route() };
    } catch (error) {
      // An outdated directory beats none: its URLs are stable, and what fails will say so itself.
      if (cached === null || request.fresh === true) throw error;
      return { directory: cached.directory, route: this.route() };
    }
  }

  /** The next one who asks reads the directory afresh. */
  forgetDirectory(): void {
    const cached = this.#state.directory();
    if (cached !== null) this.#state.saveDirectory(cached.directory, 0);
  }

  route(): Route {
    const learned = this.#state.route();
    return learned !== null && learned.until > this.#deps.clock() ? learned.route : { kind: 'direct' };
  }

  transport(request: AuthorityRequest): Transport {
    const { directory, egress } = request.authority;
    return new Transport(this.#deps, directory, routesOf(egress, this.route(), request.clusters));
  }

  /** Keeps what the exchange taught: the route that worked, or the refusal. */
  async observed<T>({ authority }: AuthorityRequest, transport: Transport, work: () => Promise<T>): Promise<T> {
    const before = transport.route;
    try {
      return await work();
    } catch (error) {
      const observation = observationOf(error, [], authority, this.#deps.clock());
      if (observation !== null) this.#observe(observation);
      throw error;
    } finally {
      if (transport.route !== before) this.#observe({ kind: 'route', route: transport.route });
    }
  }
}
