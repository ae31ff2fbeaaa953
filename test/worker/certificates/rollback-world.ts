/**
 * Several clusters for the reconcile loop, with what matters for a rollback: a variable each that keeps the pair before
 * until a verification proves the present one, and proxies that cannot serve what they are told they cannot.
 */
import type { CertificatePorts } from '../../../functions/certificates/phases/context.ts';
import type { RelayPort } from '../../../functions/certificates/ports.ts';
import { reconcile } from '../../../functions/certificates/reconcile.ts';
import type { CertificateState, WakeReason } from '../../../functions/certificates/state.ts';
import { CertificateStore } from '../../../functions/certificates/store.ts';
import { viewOf } from '../../../functions/certificates/view.ts';
import type { CertificateSpec, CompiledConfiguration } from '../../../functions/config/configuration.ts';
import { PerennialError } from '../../../shared/errors.ts';
import type { Verdict } from '../../../shared/relay/contract.ts';
import { readChain } from '../../../shared/x509/chain.ts';
import { Killed, spec as single, World } from './world.ts';

const configuration: CompiledConfiguration = {
  valid: true,
  hash: 'h',
  configuration: { authorities: [], dns: [], clusters: [], certificates: [], records: [], resolvers: [], webhooks: [], secrets: { store: 'sealed' } },
};

/** One delivery to each of these clusters, each with the rollback option unless it is switched off. */
export function specFor(clusters: readonly string[], rollback = true): CertificateSpec {
  const [first] = single.deliveries;
  if (first === undefined) throw new Error('a delivery was expected');
  return { ...single, deliveries: clusters.map((cluster) => ({ ...first, id: `${cluster}/default/nomad/jobs/proxy`, cluster, rollback })) };
}

interface Place {
  index: number;
  installed: { sha256: string; chain: string } | null;
  previous: { sha256: string; chain: string } | null;
  /** What its proxies answer in place of what the variable holds, by leaf; null while all is well. */
  answers: (sha256: string) => Verdict | null;
  /** What somebody else's proxy serves. */
  served: { sha256: string; issuer: string; notAfter: number } | null;
}

export class Clusters {
  readonly world = new World();
  readonly places = new Map<string, Place>();
  readonly #storage: DurableObjectStorage;
  readonly spec: CertificateSpec;
  #runner = 0;

  constructor(storage: DurableObjectStorage, spec: CertificateSpec) {
    this.#storage = storage;
    this.spec = spec;
    for (const { cluster } of spec.deliveries) this.places.set(cluster, { index: 10, installed: null, previous: null, answers: () => null, served: null });
    this.store.receive({ name: spec.name, spec, generation: 1, retired: false });
  }

  get store(): CertificateStore {
    return new CertificateStore(this.#storage);
  }

  get state(): CertificateState {
    const state = this.store.read();
    if (state === null) throw new Error('no state yet');
    return state;
  }

  view() {
    return viewOf({ state: this.state, history: this.store.history(), now: this.world.now, held: false });
  }

  place(cluster: string): Place {
    const place = this.places.get(cluster);
    if (place === undefined) throw new Error(`no cluster ${cluster}`);
    return place;
  }

  wake(reason: WakeReason): void {
    this.store.addWake(reason, this.world.now);
  }

  events(kind: string): string[] {
    return this.#storage.sql
      .exec<{ message: string }>('SELECT message FROM events WHERE kind = ? ORDER BY sequence', kind)
      .toArray()
      .map(({ message }) => message);
  }

  calls(name: string): number {
    return this.world.calls.filter((call) => call === name).length;
  }

  /** One alarm. A blown fuse leaves what was written, as a kill would. */
  async alarm(): Promise<number | null> {
    const { store, world } = this;
    const interrupted = store.beginRun(world.now);
    store.takeReceived();
    this.#runner += 1;
    const runner = `runner-${this.#runner}`;
    let killed = false;
    const guarded = new Proxy(store, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          if (killed) throw new Killed();
          return Reflect.apply(member, target, args);
        };
      },
    });
    const ports = this.#ports(() => (killed = true));
    try {
      const next = await reconcile(
        {
          store: guarded,
          connect: () => ports,
          clock: () => world.now,
          spent: () => ({ dns: 0, relay: 0 }),
          random: () => 0,
          newId: () => crypto.randomUUID(),
          runner,
          configuration,
          onStep: () => undefined,
        },
        interrupted,
      );
      store.endRun();
      return next;
    } catch (error) {
      if (killed) return world.now;
      throw error;
    }
  }

  /** Alarms until `reached`, or until nothing is planned before `until` (world time). */
  async run(until: number, reached: () => boolean = () => false): Promise<void> {
    for (let alarms = 0; alarms < 500; alarms += 1) {
      const next = await this.alarm();
      if (reached() || next === null || next > until) return;
      this.world.now = Math.max(this.world.now, next);
    }
    throw new Error(`no rest: ${JSON.stringify(this.view(), null, 1)}`);
  }

  #ports(onKill: () => void): CertificatePorts {
    const { acme, dns, relay } = this.world.ports();
    const through = async <T>(name: string, effect: () => T | Promise<T>): Promise<T> => {
      this.world.calls.push(name);
      const failure = this.world.failures.get(name)?.shift();
      if (failure !== undefined) throw failure;
      const { fuse } = this.world;
      const due = fuse !== null && (fuse.calls -= 1) < 0;
      const blow = () => {
        this.world.fuse = null;
        onKill();
        return new Killed();
      };
      if (due && fuse.side === 'before') throw blow();
      const value = await effect();
      if (due) throw blow();
      return value;
    };
    const own: RelayPort = {
      ...relay,
      install: (cluster, _name, request) =>
        through('install', async () => {
          const { leaf, pem } = await readChain(request.chain);
          const place = this.place(cluster);
          const { sha256 } = leaf;
          if (place.installed?.sha256 === sha256) return { index: place.index, sha256, changed: false, keptItems: [] };
          if (this.world.keys.get(request.issuance)?.spki !== leaf.spki) throw new PerennialError('key_missing', 'No such key.');
          if (place.installed !== null && !request.known.includes(place.installed.sha256) && !request.replaceForeign)
            throw new PerennialError('drift', 'A foreign pair is there.');
          place.previous = place.installed;
          place.installed = { sha256, chain: pem };
          return { index: (place.index += 1), sha256, changed: true, keptItems: [] };
        }),
      inspect: (cluster) =>
        through('inspect', () => {
          const { installed, index } = this.place(cluster);
          const found = installed !== null;
          return { found, index, chain: installed?.chain ?? null, sha256: installed?.sha256 ?? null, pairFits: found ? true : null, ours: found };
        }),
      rollBack: (cluster, _name, { from, to }) =>
        through('rollBack', () => {
          const place = this.place(cluster);
          const wanted = to ?? place.previous?.sha256;
          if (place.installed?.sha256 === wanted) return { index: place.index, sha256: wanted ?? '', changed: false };
          if (place.installed?.sha256 !== from) throw new PerennialError('drift', 'Another pair is there.');
          if (place.previous === null || place.previous.sha256 !== wanted) throw new PerennialError('rollback_impossible', 'No pair from before is kept.');
          place.installed = place.previous;
          return { index: (place.index += 1), sha256: place.previous.sha256, changed: true };
        }),
      verify: (cluster, request) =>
        through('verify', () => {
          const place = this.place(cluster);
          const { served } = place;
          const present = served?.sha256 ?? place.installed?.sha256 ?? '';
          const known = request.previous.includes(present) ? ('old' as const) : ('foreign' as const);
          const verdict = place.answers(present) ?? (present === request.sha256 ? ('new' as const) : known);
          if (verdict === 'new') place.previous = null;
          const names = served === null ? [] : [{ name: 'matrix.example.net', verdict, served: { ...served, names: [] }, detail: '' }];
          return { instances: [{ id: `${cluster}-i`, address: '10.0.0.1', port: 443, job: 'proxy', verdict, detail: '', names }] };
        }),
    };
    return { acme, dns, relay: own };
  }
}
