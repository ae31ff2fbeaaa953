/** What an import leads to, once the cluster has been asked: the loop over a world that may have moved on since the backup. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { planRestore, type CertificateDump } from '../../../functions/certificates/certificate-dump.ts';
import { reconcile } from '../../../functions/certificates/reconcile.ts';
import type { CertificateState } from '../../../functions/certificates/state.ts';
import { CertificateStore } from '../../../functions/certificates/store.ts';
import { DAY } from '../../../shared/clock.ts';
import { spec, World } from './world.ts';

let objects = 0;

class Edge {
  readonly world = new World();
  readonly #storage: DurableObjectStorage;
  #runner = 0;

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

  deploy(generation = 1): void {
    this.store.receive({ name: spec.name, spec, generation, retired: false });
  }

  /** Runs until nothing is planned before `until`, or `stop` says so. */
  async run(until: number, stop: (state: CertificateState) => boolean = () => false, onHold = false): Promise<void> {
    const { world } = this;
    for (let runs = 0; runs < 200; runs += 1) {
      const { store } = this;
      store.takeReceived();
      this.#runner += 1;
      const ports = world.ports();
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

function onEdge(work: (edge: Edge) => Promise<void>): Promise<void> {
  objects += 1;
  return runInDurableObject(env.CERTIFICATES.getByName(`return-${objects}`), async (_instance, { storage }) => work(new Edge(storage)));
}

const renewing = (phase: string) => (state: CertificateState) => state.issuance?.phase === phase;
const isLive = ({ live, issuance }: CertificateState) => live !== null && issuance === null;

/** Live, and in the middle of the next renewal, at `phase`. */
async function inTheMiddle(edge: Edge, phase = 'propagate'): Promise<void> {
  await edge.run(edge.world.now + DAY, isLive);
  edge.world.visible = false;
  edge.store.addWake('force', edge.world.now);
  await edge.run(edge.world.now + DAY, renewing(phase));
  expect(edge.state.issuance?.phase).toBe(phase);
}

describe('a certificate whose edge has lost its state', () => {
  it('adopts what is served when there is no backup, and orders nothing', () =>
    onEdge(async (edge) => {
      await edge.run(edge.world.now + DAY, isLive);
      const served = edge.world.variable?.sha256;
      edge.wipe();
      edge.deploy();
      await edge.run(edge.world.now + DAY);
      expect(edge.state.live).toMatchObject({ adopted: true, leaf: { sha256: served } });
      expect(edge.world.orders).toHaveLength(1);
    }));

  it('waits while it is on hold, whatever connects', () =>
    onEdge(async (edge) => {
      await edge.run(edge.world.now + 60_000, () => false, true);
      expect(edge.world.calls).toEqual([]);
      await edge.run(edge.world.now + DAY, isLive);
      expect(edge.world.orders).toHaveLength(1);
    }));

  it('goes on with the order of the backup, and places no other', () =>
    onEdge(async (edge) => {
      await inTheMiddle(edge);
      const backup = edge.backup();
      edge.wipe();
      edge.deploy(1);
      expect(edge.restore(backup)).toBe('restored');
      edge.world.visible = true;
      await edge.run(edge.world.now + DAY, isLive);
      expect(edge.state.live).toMatchObject({ issuance: backup.issuance?.id, adopted: false });
      expect(edge.world).toMatchObject({ finalized: 2, orders: { length: 2 }, txt: { size: 0 } });
      expect(edge.world.served).toBe(edge.state.live?.leaf.sha256);
      expect(edge.store.history()).toHaveLength(2);
    }));

  it('keeps its own facts when the cluster serves what the backup knows', () =>
    onEdge(async (edge) => {
      await edge.run(edge.world.now + DAY, isLive);
      const backup = edge.backup();
      edge.wipe();
      edge.deploy();
      // It adopts before the import arrives.
      await edge.run(edge.world.now + DAY, isLive);
      expect(edge.restore(backup)).toBe('restored');
      expect(edge.restore(backup)).toBe('identical');
      await edge.run(edge.world.now + DAY);
      expect(edge.state).toMatchObject({ live: backup.live, record: { adoptionDone: true } });
      expect(edge.world.orders).toHaveLength(1);
    }));

  it('recognises what the open order of the backup has led to since, by its key', () =>
    onEdge(async (edge) => {
      await inTheMiddle(edge);
      const backup = edge.backup();
      edge.world.visible = true;
      await edge.run(edge.world.now + DAY, isLive);
      const served = edge.state.live;
      edge.wipe();
      expect(edge.restore(backup)).toBe('restored');
      await edge.run(edge.world.now + DAY, isLive);
      expect(edge.state.live).toMatchObject({ issuance: served?.issuance, leaf: { sha256: served?.leaf.sha256 }, adopted: false });
      expect(edge.world).toMatchObject({ finalized: 2, orders: { length: 2 }, txt: { size: 0 } });
    }));

  it('never puts the certificate of an old backup over a newer one: that is adopted, and the old order given up', () =>
    onEdge(async (edge) => {
      await inTheMiddle(edge);
      const backup = edge.backup();
      edge.world.visible = true;
      await edge.run(edge.world.now + DAY, isLive);
      edge.world.now += DAY;
      edge.store.addWake('force', edge.world.now);
      await edge.run(edge.world.now, (state) => state.issuance !== null);
      await edge.run(edge.world.now + DAY, isLive);
      const newest = edge.world.variable?.sha256;
      edge.wipe();
      expect(edge.restore(backup)).toBe('restored');
      await edge.run(edge.world.now + DAY);
      expect(edge.state).toMatchObject({ live: { adopted: true, leaf: { sha256: newest } }, issuance: null });
      expect(edge.world).toMatchObject({ finalized: 3, orders: { length: 3 }, variable: { sha256: newest } });
    }));
});
