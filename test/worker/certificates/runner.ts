/** Runs the loop of one certificate against a {@link World}, alarm by alarm, in the storage of a real object. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { it } from 'vitest';
import type { CompiledConfiguration } from '../../../functions/config/configuration.ts';
import { reconcile } from '../../../functions/certificates/reconcile.ts';
import type { CertificateState, WakeReason } from '../../../functions/certificates/state.ts';
import { CertificateStore } from '../../../functions/certificates/store.ts';
import { viewOf } from '../../../functions/certificates/view.ts';
import type { CertificateSpec } from '../../../functions/config/configuration.ts';
import { Killed, spec, World } from './world.ts';

export const valid: CompiledConfiguration = {
  valid: true,
  hash: 'h',
  configuration: { authorities: [], dns: [], clusters: [], certificates: [], records: [], resolvers: [], webhooks: [], secrets: { store: 'sealed' } },
};

let scenarios = 0;

/** Runs the loop against `world`, moving its clock to each next time, for at most `until` ms of world time. */
export class Runner {
  readonly world: World;
  readonly #storage: DurableObjectStorage;
  configuration: CompiledConfiguration = valid;
  #runner = 0;

  constructor(world: World, storage: DurableObjectStorage, change: Partial<CertificateSpec> = {}) {
    this.world = world;
    this.#storage = storage;
    this.specify(change);
  }

  #generation = 0;

  /** Another specification of the same certificate. */
  specify(change: Partial<CertificateSpec>): void {
    this.#generation += 1;
    this.store.receive({ name: spec.name, spec: { ...spec, ...change }, generation: this.#generation, retired: false });
  }

  /** Kinds of events with a severity above `info`, oldest first. */
  alerts(): string[] {
    return this.#storage.sql
      .exec<{ kind: string; severity: string }>("SELECT kind, severity FROM events WHERE severity <> 'info' ORDER BY sequence")
      .toArray()
      .map(({ kind, severity }) => `${kind} ${severity}`);
  }

  /** Messages of all events of a kind, oldest first. */
  events(kind: string): string[] {
    return this.#storage.sql
      .exec<{ message: string }>('SELECT message FROM events WHERE kind = ? ORDER BY sequence', kind)
      .toArray()
      .map(({ message }) => message);
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

  wake(reason: WakeReason): void {
    this.store.addWake(reason, this.world.now);
  }

  /** One alarm. A blown fuse leaves everything as a kill would: written rows stay, memory goes. */
  async alarm(): Promise<number | null> {
    const { store, world } = this;
    const interrupted = store.beginRun(world.now);
    store.takeReceived();
    this.#runner += 1;
    const runner = `runner-${world.fuse === null ? 'steady' : this.#runner}`;
    let killed = false;
    const guarded = new Proxy(store, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          // A dead process writes nothing.
          if (killed) throw new Killed();
          return Reflect.apply(member, target, args);
        };
      },
    });
    const ports = world.ports();
    const dying = <T extends object>(port: T): T =>
      new Proxy(port, {
        get: (target, property) => {
          const member: unknown = Reflect.get(target, property);
          if (typeof member !== 'function') return member;
          return async (...args: unknown[]): Promise<unknown> => {
            try {
              return await Reflect.apply(member, target, args);
            } catch (error) {
              if (error instanceof Killed) killed = true;
              throw error;
            }
          };
        },
      });
    try {
      const next = await reconcile(
        {
          store: guarded,
          connect: () => ({ acme: acmePort(ports.acme, () => (killed = true)), dns: dying(ports.dns), relay: dying(ports.relay) }),
          clock: () => world.now,
          spent: () => ({ dns: 0, relay: world.calls.length }),
          random: () => 0,
          newId: () => crypto.randomUUID(),
          runner,
          configuration: this.configuration,
          onStep: () => undefined,
        },
        interrupted,
      );
      store.endRun();
      return next;
    } catch (error) {
      if (error instanceof Killed || killed) return world.now;
      throw error;
    }
  }

  /** Alarms until nothing is planned before `until` (world time). */
  async until(until: number): Promise<void> {
    for (let alarms = 0; alarms < 500; alarms += 1) {
      const next = await this.alarm();
      if (next === null || next > until) return;
      this.world.now = Math.max(this.world.now, next);
    }
    throw new Error(`no rest: ${JSON.stringify(this.view(), null, 1)}`);
  }
}

/** An AcmePort whose session reports a blown fuse; its synchronous members stay synchronous. */
function acmePort(port: ReturnType<World['ports']>['acme'], onKill: () => void): ReturnType<World['ports']>['acme'] {
  const watch = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (error instanceof Killed) onKill();
      throw error;
    }
  };
  return {
    classify: (error) => port.classify(error),
    deactivatesAuthorizations: (authority) => port.deactivatesAuthorizations(authority),
    enter: (authority) => watch(port.enter(authority)),
    leave: (authority) => watch(port.leave(authority)),
    identity: (authority) => watch(port.identity(authority)),
    renewalInfo: (authority, certId) => watch(port.renewalInfo(authority, certId)),
    open: async (authority, nonce) => {
      const session = await watch(port.open(authority, nonce));
      return {
        ...session,
        newOrder: (order) => watch(session.newOrder(order)),
        order: (url) => watch(session.order(url)),
        authorizations: (urls) => watch(session.authorizations(urls)),
        answer: (url) => watch(session.answer(url)),
        finalize: (order, csr) => watch(session.finalize(order, csr)),
        download: (order, chain) => watch(session.download(order, chain)),
        deactivate: (url) => watch(session.deactivate(url)),
        revoke: (chain, reason, sign) => watch(session.revoke(chain, reason, sign)),
      };
    },
  };
}

export function scenario(title: string, body: (runner: Runner, world: World) => Promise<void>): void {
  it(title, async () => {
    scenarios += 1;
    const name = `${title}-${scenarios}`;
    await runInDurableObject(env.CERTIFICATES.getByName(name), async (_object, state) => {
      const world = new World();
      await body(new Runner(world, state.storage), world);
    });
  });
}
