/** One certificate's edge for tests: its real storage and loop over a world, with deploys, alarms, backups and losses. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import { planRestore, type CertificateDump } from '../../../functions/certificates/certificate-dump.ts';
import type { CertificatePorts } from '../../../functions/certificates/phases/context.ts';
import { reconcile } from '../../../functions/certificates/reconcile.ts';
import type { CertificateState } from '../../../functions/certificates/state.ts';
import { CertificateStore } from '../../../functions/certificates/store.ts';
import type { CertificateSpec } from '../../../functions/config/configuration.ts';
import { spec, World } from './world.ts';

let objects = 0;

export class Edge {
  readonly world = new World();
  readonly #storage: DurableObjectStorage;
  #runner = 0;
  /** What stands between the loop and the world. */
  through: (ports: CertificatePorts) => CertificatePorts = (ports) => ports;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.deploy();
  }

  get store(): CertificateStore {
    return new CertificateStore(this.#storage);
  }

  get state(): CertificateState {
    return this.store.read() ?? expect.fail('no state yet');
  }

  deploy(generation = 1, wanted: CertificateSpec = spec): void {
    this.store.receive({ name: spec.name, spec: wanted, generation, retired: false });
  }

  /** Runs until nothing is planned before `until`, or `stop` says so. */
  async run(until: number, stop: (state: CertificateState) => boolean = () => false, onHold = false): Promise<void> {
    const { world } = this;
    for (let runs = 0; runs < 200; runs += 1) {
      const { store } = this;
      store.takeReceived();
      this.#runner += 1;
      const ports = this.through(world.ports());
      // oxlint-disable-next-line no-await-in-loop -- one alarm after the other
      const next = await reconcile(
        {
          store,
          connect: () => ports,
          clock: () => world.now,
          spent: () => ({ dns: 0, relay: 0 }),
          random: () => 0,
          newId: () => crypto.randomUUID(),
          runner: `runner-${this.#runner}`,
          configuration: {
            valid: true,
            hash: 'h',
            configuration: { authorities: [], dns: [], clusters: [], certificates: [], records: [], resolvers: [], webhooks: [], secrets: { store: 'sealed' } },
          },
          onHold,
          onStep: () => undefined,
        },
        false,
      );
      if (stop(this.state) || next === null || next > until) return;
      world.now = Math.max(world.now, next);
    }
    expect.fail('it does not come to rest');
  }

  backup(): CertificateDump {
    return structuredClone({ ...this.state, history: this.store.history() });
  }

  wipe(): void {
    for (const table of ['documents', 'history', 'wakes', 'events', 'run', 'reported']) this.#storage.sql.exec(`DELETE FROM ${table}`);
  }

  restore(dump: CertificateDump): string {
    const { store } = this;
    const { restoration, state } = planRestore(store.read(), dump, store.history());
    if (state !== null) store.write(state);
    for (const entry of dump.history.toReversed()) store.finish(entry);
    return restoration.outcome;
  }
}

export function onEdge(work: (edge: Edge) => Promise<void>): Promise<void> {
  objects += 1;
  return runInDurableObject(env.CERTIFICATES.getByName(`return-${objects}`), async (_instance, { storage }) => work(new Edge(storage)));
}
