/** Requests that have arrived at each part of the system, counted where they arrive, and what came between two counts. */
import { countLines } from '../../infra/demo/logs.ts';
import type { System } from '../../infra/demo/system.ts';

export interface Counters {
  acme: number;
  /** The DNS vendor's API. */
  vendor: number;
  /** Of them, those that change something. */
  writes: number;
  /** Public resolvers, over HTTPS. */
  doh: number;
  relay: number;
  /** Whoever asked: the relay, and the proxy's template. Zero where nobody counts. */
  nomad: number;
}

export async function countNow(system: System): Promise<Counters> {
  const log = await system.relay.output();
  const vendor = system.cloudflare.requests.all();
  return {
    acme: system.ca.requests(),
    vendor: vendor.length,
    writes: vendor.filter(({ method }) => method !== 'GET').length,
    doh: system.dns.world.queries.find({ transport: 'doh-wire' }).length,
    relay: countLines(log, '"event":"request"'),
    nomad: system.nomad.requests() ?? 0,
  };
}

/** Every count of `after` less that of `before`. */
export function difference(after: Counters, before: Counters): Counters {
  const less = (name: keyof Counters): number => after[name] - before[name];
  return { acme: less('acme'), vendor: less('vendor'), writes: less('writes'), doh: less('doh'), relay: less('relay'), nomad: less('nomad') };
}

/** Requests that leave the edge for somebody else's servers; a relay is reached over a socket that is open anyway. */
export function external({ acme, vendor, doh }: Pick<Counters, 'acme' | 'vendor' | 'doh'>): number {
  return acme + vendor + doh;
}
