/** The whole loop around a pair that a proxy cannot serve, an edit of a variable, and somebody else's certificate. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { CertificateSpec } from '../../../functions/config/configuration.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { moment } from '../../../shared/moment.ts';
import { Clusters, specFor } from './rollback-world.ts';

let objects = 0;

function withClusters(spec: CertificateSpec, work: (clusters: Clusters) => Promise<void>): Promise<void> {
  objects += 1;
  return runInDurableObject(env.CERTIFICATES.getByName(`rollback-${objects}`), async (_instance, state) => {
    await work(new Clusters(state.storage, spec));
  });
}

/** Live everywhere; then due again, with proxies of `broken` that turn visitors away with every other certificate. */
async function renewInto(clusters: Clusters, broken: readonly string[], verdict: 'default' | 'cut' = 'default'): Promise<string> {
  await clusters.run(clusters.world.now + HOUR);
  const first = clusters.state.live?.leaf.sha256 ?? '';
  expect(clusters.view().state).toBe('live');
  for (const cluster of broken) clusters.place(cluster).answers = (sha256) => (sha256 === first ? null : verdict);
  clusters.world.now += 31 * DAY;
  return first;
}

describe('a pair that the proxy cannot serve', () => {
  it.each(['default', 'cut'] as const)('is taken back within half a minute when it answers %s, is never installed again, and says so', (verdict) =>
    withClusters(specFor(['matrix']), async (clusters) => {
      const first = await renewInto(clusters, ['matrix'], verdict);
      // The start of a renewal that was slept through is spread; what counts begins with the install.
      await clusters.run(clusters.world.now + HOUR, () => clusters.calls('install') === 2);
      const installed = clusters.world.now;
      await clusters.run(installed + HOUR, () => clusters.calls('rollBack') > 0);
      expect(clusters.world.now - installed).toBeLessThan(30_000);
      await clusters.run(installed + HOUR);
      const { state } = clusters;
      expect(clusters.place('matrix').installed?.sha256).toBe(first);
      expect(state.live?.leaf.sha256).toBe(first);
      expect(state.issuance).toBeNull();
      expect(state.deliveries[0]).toMatchObject({ step: 'done', wanted: first, installed: first, rollback: { to: first, done: true } });
      expect(state.record.quarantined).toEqual([state.deliveries[0]?.rollback?.from]);
      const [entry] = clusters.store.history();
      expect(entry).toMatchObject({ outcome: 'failed', sha256: state.record.quarantined[0] });
      expect(entry?.message).toContain('traefik in matrix could not serve it');
      expect(clusters.events('rolled-back')).toHaveLength(1);
      expect(clusters.world.txt.size).toBe(0);
      // The key of what nobody will serve is gone, the live one's is there.
      expect([...clusters.world.keys.keys()]).toEqual([state.live?.issuance]);
    }),
  );

  it('holds the next issuance for about a day; a person does not have to wait', () =>
    withClusters(specFor(['matrix']), async (clusters) => {
      await renewInto(clusters, ['matrix']);
      await clusters.run(clusters.world.now + 20 * HOUR);
      expect(clusters.world.orders).toHaveLength(2);
      expect(clusters.state.record.hold).toMatchObject({ code: 'rolled_back', attention: true });
      clusters.place('matrix').answers = () => null;
      clusters.wake('force');
      await clusters.run(clusters.world.now + HOUR);
      expect(clusters.world.orders).toHaveLength(3);
      expect(clusters.view().state).toBe('live');
      expect(clusters.state.record.quarantined).not.toContain(clusters.state.live?.leaf.sha256);
    }));

  it('is followed by the next issuance when the day is over, and by another rollback when that cannot be served either', () =>
    withClusters(specFor(['matrix']), async (clusters) => {
      const first = await renewInto(clusters, ['matrix']);
      await clusters.run(clusters.world.now + 2.2 * DAY);
      expect(clusters.world.orders.length).toBeGreaterThanOrEqual(3);
      expect(clusters.world.orders.length).toBeLessThanOrEqual(4);
      expect(clusters.calls('rollBack')).toBe(clusters.world.orders.length - 1);
      expect(clusters.place('matrix').installed?.sha256).toBe(first);
    }));

  it('stays where it is, and is shown, without the option', () =>
    withClusters(specFor(['matrix'], false), async (clusters) => {
      const first = await renewInto(clusters, ['matrix']);
      await clusters.run(clusters.world.now + HOUR);
      expect(clusters.calls('rollBack')).toBe(0);
      expect(clusters.place('matrix').installed?.sha256).not.toBe(first);
      expect(clusters.view().deliveries[0]?.state).toBe('wrong');
      expect(clusters.world.orders).toHaveLength(2);
    }));

  it('stays where it is when nothing valid was served before', () =>
    withClusters(specFor(['matrix']), async (clusters) => {
      clusters.place('matrix').answers = () => 'default';
      await clusters.run(clusters.world.now + HOUR);
      expect(clusters.calls('rollBack')).toBe(0);
      expect(clusters.world.orders).toHaveLength(1);
    }));

  it.each(['unreachable', 'old', 'foreign'] as const)('is not what %s means', (verdict) =>
    withClusters(specFor(['matrix']), async (clusters) => {
      const first = await renewInto(clusters, []);
      clusters.place('matrix').answers = (sha256) => (sha256 === first ? null : verdict);
      await clusters.run(clusters.world.now + HOUR);
      expect(clusters.calls('rollBack')).toBe(0);
    }),
  );

  it('is shown as it is seen now, not as unreachable once its proxy answers again', () =>
    withClusters(specFor(['matrix']), async (clusters) => {
      const first = await renewInto(clusters, []);
      let verdict: 'unreachable' | 'old' = 'unreachable';
      clusters.place('matrix').answers = (sha256) => (sha256 === first ? null : verdict);
      await clusters.run(clusters.world.now + HOUR, () => clusters.view().state === 'partly-live');
      expect(clusters.state.deliveries[0]?.failure?.code).toBe('traefik_unreachable');
      verdict = 'old';
      await clusters.run(clusters.world.now + MINUTE);
      expect(clusters.view()).toMatchObject({ state: 'renewing', waitingFor: expect.stringContaining('old: 1') as string });
    }));

  it('is taken back after a moment of noise only when it lasts', () =>
    withClusters(specFor(['matrix']), async (clusters) => {
      const first = await renewInto(clusters, []);
      let dials = 0;
      clusters.place('matrix').answers = (sha256) => (sha256 !== first && (dials += 1) % 2 === 0 ? 'cut' : sha256 === first ? null : 'unreachable');
      await clusters.run(clusters.world.now + 10 * MINUTE);
      expect(clusters.calls('rollBack')).toBe(0);
    }));

  it('leaves the new one where the relay keeps no pair from before, asks once, and goes on dialling', () =>
    withClusters(specFor(['matrix']), async (clusters) => {
      const first = await renewInto(clusters, ['matrix']);
      clusters.world.failNext('rollBack', new PerennialError('rollback_impossible', 'The relay keeps no pair from before.'));
      await clusters.run(clusters.world.now + HOUR);
      expect(clusters.calls('rollBack')).toBe(1);
      expect(clusters.place('matrix').installed?.sha256).not.toBe(first);
      expect(clusters.state.record.quarantined).toEqual([]);
      expect(clusters.events('rollback-impossible')[0]).toContain('keeps no pair from before');
      clusters.place('matrix').answers = () => null;
      await clusters.run(clusters.world.now + HOUR);
      expect(clusters.view().state).toBe('live');
      expect(clusters.world.orders).toHaveLength(2);
    }));

  it.each(['before', 'after'] as const)('is taken back once when the process dies %s the relay was asked', (side) =>
    withClusters(specFor(['matrix']), async (clusters) => {
      const first = await renewInto(clusters, ['matrix']);
      const until = clusters.world.now + HOUR;
      await clusters.run(until, () => clusters.state.deliveries[0]?.rollback?.done === false || clusters.calls('rollBack') > 0);
      if (clusters.calls('rollBack') === 0) clusters.world.fuse = { calls: 0, side };
      await clusters.run(until);
      expect(clusters.place('matrix').installed?.sha256).toBe(first);
      expect(clusters.events('rolled-back')).toHaveLength(1);
      expect(clusters.store.history().filter(({ outcome }) => outcome === 'failed')).toHaveLength(1);
      expect(clusters.state.issuance).toBeNull();
    }),
  );

  it('is not taken back any more when the relay was away for long and the proxy has come round', () =>
    withClusters(specFor(['matrix']), async (clusters) => {
      await renewInto(clusters, ['matrix']);
      const offline = new PerennialError('relay_offline', 'No relay is connected.', { retryable: true });
      clusters.world.failNext('rollBack', ...Array.from({ length: 20 }, () => offline));
      await clusters.run(clusters.world.now + HOUR, () => {
        if (clusters.calls('rollBack') > 2) clusters.place('matrix').answers = () => null;
        return clusters.calls('rollBack') > 2 && clusters.state.issuance === null;
      });
      await clusters.run(clusters.world.now + HOUR);
      expect(clusters.view().state).toBe('live');
      expect(clusters.state.record.quarantined).toEqual([]);
      expect(clusters.store.history().every(({ outcome }) => outcome === 'live')).toBe(true);
    }));
});

describe('several deliveries of one certificate', () => {
  it('all go back to the live one when one of them cannot serve the new one', () =>
    withClusters(specFor(['matrix', 'other']), async (clusters) => {
      const first = await renewInto(clusters, ['matrix']);
      await clusters.run(clusters.world.now + 20 * HOUR);
      expect(clusters.state.live?.leaf.sha256).toBe(first);
      expect([clusters.place('matrix').installed?.sha256, clusters.place('other').installed?.sha256]).toEqual([first, first]);
      expect(clusters.state.deliveries.map(({ step }) => step)).toEqual(['done', 'done']);
      expect(clusters.world.orders).toHaveLength(2);
      expect(clusters.store.history().map(({ outcome }) => outcome)).toEqual(['failed', 'live']);
    }));

  it('leave the new one where nothing of the old one is kept any more, and say so', () =>
    withClusters(specFor(['matrix', 'other']), async (clusters) => {
      const first = await renewInto(clusters, ['matrix']);
      // Swept after 30 days, as the relay does.
      clusters.world.keys.delete(clusters.state.live?.issuance ?? '');
      await clusters.run(clusters.world.now + 20 * HOUR);
      const { deliveries, record } = clusters.state;
      expect(clusters.place('matrix').installed?.sha256).toBe(first);
      expect(clusters.place('other').installed?.sha256).toBe(record.quarantined[0]);
      expect(deliveries[1]?.failure).toMatchObject({ code: 'relay_pair_gone' });
      expect(deliveries[1]?.failure?.message).toContain('What stands there is left as it is');
      expect(clusters.world.orders).toHaveLength(2);
      // The next issuance brings them together again.
      clusters.place('matrix').answers = () => null;
      await clusters.run(clusters.world.now + 2 * DAY);
      expect(clusters.view().state).toBe('live');
      expect(new Set([...clusters.places.values()].map(({ installed }) => installed?.sha256))).toEqual(new Set([clusters.state.live?.leaf.sha256]));
    }));
});

describe('a quarantined leaf', () => {
  it('is not installed, whoever asks for it', () =>
    withClusters(specFor(['matrix']), async (clusters) => {
      await clusters.run(clusters.world.now + HOUR);
      const { state } = clusters;
      state.record.quarantined = [state.live?.leaf.sha256 ?? ''];
      clusters.store.write(state);
      const before = clusters.calls('install');
      clusters.wake('redeliver');
      await clusters.run(clusters.world.now + MINUTE);
      expect(clusters.calls('install')).toBe(before);
      expect(clusters.state.deliveries[0]?.failure).toMatchObject({ code: 'traefik_quarantined' });
    }));
});

describe('an edit of the variable that the proxy has not read', () => {
  const stranger = { sha256: 'f'.repeat(64), chain: 'foreign' };

  it('is found by the daily look, shown with both fingerprints until it is over, and not overwritten', () =>
    withClusters(specFor(['matrix']), async (clusters) => {
      await clusters.run(clusters.world.now + HOUR);
      const { sha256 = '' } = clusters.place('matrix').installed ?? {};
      const place = clusters.place('matrix');
      place.installed = stranger;
      place.served = { sha256, issuer: 'Test Root', notAfter: clusters.world.now + 45 * DAY };
      await clusters.run(clusters.world.now + 1.5 * DAY);
      expect(clusters.view().deliveries[0]).toMatchObject({ state: 'drift', instances: [{ verdict: 'new' }] });
      const { failure } = clusters.view().deliveries[0] ?? {};
      expect(failure?.message).toContain(`found SHA-256 ${stranger.sha256}, expected SHA-256 ${sha256}`);
      expect(clusters.events('drift')).toHaveLength(1);
      expect(place.installed).toBe(stranger);
      expect(clusters.world.orders).toHaveLength(1);

      clusters.wake('redeliver');
      await clusters.run(clusters.world.now + MINUTE);
      expect(place.installed?.sha256).toBe(sha256);
      expect(clusters.view().state).toBe('live');
    }));

  it('is over when it is taken back, and is replaced by the next due renewal', () =>
    withClusters(specFor(['matrix']), async (clusters) => {
      await clusters.run(clusters.world.now + HOUR);
      const place = clusters.place('matrix');
      const ours = place.installed;
      place.served = { sha256: ours?.sha256 ?? '', issuer: 'Test Root', notAfter: clusters.world.now + 45 * DAY };
      place.installed = stranger;
      await clusters.run(clusters.world.now + 1.5 * DAY);
      place.installed = ours;
      await clusters.run(clusters.world.now + 7 * HOUR);
      expect(clusters.view().state).toBe('live');
      place.installed = stranger;
      place.served = null;
      await clusters.run(clusters.world.now + 30 * DAY);
      expect(clusters.world.orders).toHaveLength(2);
      expect(place.installed.sha256).toBe(clusters.state.live?.leaf.sha256);
    }));

  it('is also found when somebody emptied it', () =>
    withClusters(specFor(['matrix']), async (clusters) => {
      await clusters.run(clusters.world.now + HOUR);
      const place = clusters.place('matrix');
      place.served = { sha256: place.installed?.sha256 ?? '', issuer: 'Test Root', notAfter: clusters.world.now + 45 * DAY };
      place.installed = null;
      await clusters.run(clusters.world.now + 1.5 * DAY);
      expect(clusters.view().deliveries[0]?.failure?.message).toContain('holds no certificate any more');
      expect(clusters.calls('install')).toBe(1);
    }));
});

describe('somebody else’s certificate', () => {
  const foreign = (now: number) => ({ sha256: 'e'.repeat(64), issuer: 'Somebody’s CA', notAfter: now + 3 * DAY });

  it('is noticed when a relay sees the change, and shown with both fingerprints, its issuer and its own expiry', () =>
    withClusters(specFor(['matrix']), async (clusters) => {
      await clusters.run(clusters.world.now + HOUR);
      const expected = clusters.state.live?.leaf.sha256 ?? '';
      const served = foreign(clusters.world.now);
      clusters.place('matrix').served = served;
      clusters.wake('served-changed');
      await clusters.alarm();
      const [told = ''] = clusters.events('no-longer-served');
      for (const part of [served.sha256, expected, served.issuer, moment(served.notAfter)]) expect(told).toContain(part);
      const view = clusters.view().deliveries[0];
      expect(view?.instances).toMatchObject([{ verdict: 'foreign', issuer: served.issuer, notAfter: served.notAfter }]);
      expect(view?.failure?.message).toContain(moment(served.notAfter));
      clusters.place('matrix').served = null;
      await clusters.run(clusters.world.now + HOUR);
      expect(clusters.view().state).toBe('live');
      expect(clusters.world.orders).toHaveLength(1);
    }));

  it('is noticed by the daily dial where no relay says anything', () =>
    withClusters(specFor(['matrix']), async (clusters) => {
      await clusters.run(clusters.world.now + HOUR);
      clusters.place('matrix').served = foreign(clusters.world.now);
      await clusters.run(clusters.world.now + 1.2 * DAY, () => clusters.events('no-longer-served').length > 0);
      expect(clusters.events('no-longer-served')).toHaveLength(1);
    }));
});

describe('a delivery that fails', () => {
  it.each([
    ['install', 'nomad_unavailable'],
    ['install', 'relay_timeout'],
    ['install', 'target_not_allowed'],
    ['install', 'drift'],
    ['install', 'chain_root_unknown'],
    ['verify', 'relay_disconnected'],
    ['verify', 'service_not_allowed'],
    ['verify', 'nomad_forbidden'],
    ['verify', 'too_many_instances'],
  ])('in %s with %s is tried again by itself, without another order', (call, code) =>
    withClusters(specFor(['matrix']), async (clusters) => {
      const errors = Array.from({ length: 3 }, () => new PerennialError(code, 'It failed.'));
      clusters.world.failNext(call, ...errors);
      await clusters.run(clusters.world.now + 3 * DAY, () => clusters.view().state === 'live');
      expect(clusters.view().state).toBe('live');
      expect(clusters.world.orders).toHaveLength(1);
    }),
  );

  it('for want of a relay goes on as soon as one connects', () =>
    withClusters(specFor(['matrix']), async (clusters) => {
      const offline = new PerennialError('relay_offline', 'No relay is connected.', { retryable: true });
      clusters.world.failNext('install', ...Array.from({ length: 6 }, () => offline));
      await clusters.run(clusters.world.now + HOUR, () => clusters.calls('install') === 6);
      const next = await clusters.alarm();
      expect(next).toBeGreaterThan(clusters.world.now + MINUTE);
      clusters.wake('relay-connected');
      await clusters.alarm();
      expect(clusters.calls('install')).toBe(7);
      expect(clusters.view().state).toBe('live');
    }));
});
