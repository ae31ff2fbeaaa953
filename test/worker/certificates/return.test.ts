/** What an import leads to, once the cluster has been asked: the loop over a world that may have moved on since the backup. */
import { describe, expect, it } from 'vitest';
import type { CertificateState } from '../../../functions/certificates/state.ts';
import { DAY } from '../../../shared/clock.ts';
import { type Edge, onEdge } from './edge.ts';

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
