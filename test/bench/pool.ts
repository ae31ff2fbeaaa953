/**
 * Certificates that stand ready to be renewed, each with a variable, a service and a TLS stand-in of its own: a swap of
 * one never falls into the throttle of another. A person may force each once a minute, so they take turns.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MINUTE } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import { ZONE, type CertificateWish } from '../../infra/demo/configuration.ts';
import type { NomadEmulator } from '../emulators/nomad/nomad.ts';
import { TraefikStandIn } from '../emulators/proxy/stand-in.ts';
import { SharedProxy } from './shared-proxies.ts';

/** The Worker's cool-down of an administrator's forced renewals, and a little. */
const COOL_DOWN_MS = MINUTE + 1_000;

export interface Candidate {
  wish: CertificateWish & { variable: string; service: string };
  /** What serves it: the leaf that it shows, and where. */
  standIn: { readonly fingerprint: string | undefined; readonly port: number; stop(): Promise<void> };
  /** Unix ms. */
  forcedAt: number;
}

export type PoolWish = Candidate['wish'];

/** Apex and wildcard each, as in the promise of DESIGN §13. */
export function wishes(count: number, zone: string = ZONE): PoolWish[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `bench-${index + 1}`;
    return { name, domains: [`${name}.${zone}`, `*.${name}.${zone}`], variable: `certificates/${name}`, service: `proxy-${name}` };
  });
}

/** Certificates behind one proxy in a fleet; the relay's law lists at most a hundred services. */
const PER_PROXY = 10;

/** The same for a fleet, whose certificates share proxies. */
export function fleetWishes(count: number): PoolWish[] {
  return wishes(count).map((wish, index) => ({ ...wish, service: `proxy-${Math.floor(index / PER_PROXY) + 1}` }));
}

export class Pool {
  readonly candidates: readonly Candidate[];

  private constructor(candidates: readonly Candidate[]) {
    this.candidates = candidates;
  }

  /** Starts a proxy for each; every job may read the one variable that it renders. */
  static async start(nomad: NomadEmulator, wanted: readonly PoolWish[]): Promise<Pool> {
    const candidates = await Promise.all(
      wanted.map(async (wish): Promise<Candidate> => {
        const { variable, service } = wish;
        nomad.identities.putPolicy(
          service,
          { namespaces: [{ namespace: 'default', capabilities: [], variables: [{ path: variable, capabilities: ['read'] }] }] },
          { jobAcl: { namespace: 'default', jobId: service } },
        );
        const standIn = await TraefikStandIn.start({ nomad, jobId: service, serviceName: service, variable });
        return { wish, standIn, forcedAt: 0 };
      }),
    );
    return new Pool(candidates);
  }

  /** Starts a proxy for each service, which serves all of its certificates. */
  static async startShared(nomad: NomadEmulator, wanted: readonly PoolWish[]): Promise<Pool> {
    const services = Map.groupBy(wanted, ({ service }) => service);
    const candidates = await Promise.all(
      [...services].map(async ([service, members]): Promise<Candidate[]> => {
        const proxy = await SharedProxy.start(
          nomad,
          service,
          members.map(({ variable }) => variable),
        );
        return members.map((wish, index) => ({
          wish,
          standIn: {
            get fingerprint() {
              return proxy.fingerprint(wish.variable);
            },
            port: proxy.port,
            stop: () => (index === 0 ? proxy.stop() : Promise.resolve()),
          },
          forcedAt: 0,
        }));
      }),
    );
    return new Pool(candidates.flat());
  }

  /** The one that was forced longest ago, as soon as it may be forced again. */
  async next(signal: AbortSignal): Promise<Candidate> {
    const [candidate] = this.candidates.toSorted((one, other) => one.forcedAt - other.forcedAt);
    if (candidate === undefined) throw new PerennialError('bench_empty_pool', 'There is no certificate to renew.');
    const wait = candidate.forcedAt + COOL_DOWN_MS - Date.now();
    if (wait > 0) await sleep(wait, undefined, { signal });
    candidate.forcedAt = Date.now();
    return candidate;
  }

  async stop(): Promise<void> {
    await Promise.all(this.candidates.map(({ standIn }) => standIn.stop()));
  }
}
