/** The relay's own look after a restart: the edge hands it what it has forgotten, and a swapped certificate is noticed. */
import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MINUTE } from '../../../shared/clock.ts';
import { moment } from '../../../shared/moment.ts';
import type { RelayEvent } from '../../../shared/link/frames.ts';
import { verifyRequest, verifyResponse, watchResponse } from '../../../shared/relay/contract.ts';
import type { InstanceVerdict, VerifyRequest, WatchEntry } from '../../../shared/relay/contract.ts';
import { ServedWatch, WATCH_INTERVAL_MS } from '../../../infra/relay/verify/watch.ts';
import { TraefikStandIn, waitUntilServing } from '../../emulators/proxy/stand-in.ts';
import { NAMES, startCluster } from './support/cluster.ts';
import type { Cluster } from './support/cluster.ts';

const request: VerifyRequest = verifyRequest.parse({ certificate: 'matrix', names: NAMES, sha256: 'a'.repeat(64), previous: [], service: 'traefik' });
const row = (id: string, verdict: InstanceVerdict['verdict']): InstanceVerdict => ({
  id,
  address: '10.0.0.1',
  port: 443,
  job: 'proxy',
  verdict,
  detail: '',
  names: [],
});
const entry = (change: Partial<WatchEntry> = {}): WatchEntry => ({ request, verdicts: { i: 'new' }, at: 1_000, ...change });

/** A watch over instances that a test sets, whose link is up or down. */
function watching(instances: InstanceVerdict[]) {
  const world = { instances, linked: true, events: [] as RelayEvent[], dials: 0 };
  const watch = new ServedWatch({
    verification: { verify: async () => ((world.dials += 1), world.instances) },
    report: async (event) => {
      if (world.linked) world.events.push(event);
      return world.linked;
    },
    clock: () => 5_000,
    log: () => undefined,
  });
  return { world, watch };
}

describe('what the edge hands over', () => {
  it('is looked at, and compared with what the edge knows', async () => {
    const { world, watch } = watching([row('i', 'new')]);
    expect(watch.take([entry()])).toBe(1);
    await watch.look();
    expect(world.events).toEqual([]);
    world.instances = [row('i', 'foreign')];
    await watch.look();
    await watch.look();
    expect(world.events).toEqual([{ kind: 'served-changed', certificate: 'matrix', verdicts: { i: 'foreign' }, at: 5_000 }]);
  });

  it('tells at the first look of what changed while no relay was there', async () => {
    const { world, watch } = watching([row('i', 'foreign')]);
    watch.take([entry()]);
    await watch.look();
    expect(world.events).toHaveLength(1);
  });

  it.each([
    ['a new instance', [row('i', 'new'), row('j', 'new')]],
    ['one that is gone', []],
    ['another in its place', [row('j', 'new')]],
  ])('is reported when there is %s, whatever it serves', async (_, instances) => {
    const { world, watch } = watching(instances);
    watch.take([entry()]);
    await watch.look();
    expect(world.events).toHaveLength(1);
  });

  it('gives way to what the relay has seen since', async () => {
    const { world, watch } = watching([row('i', 'old')]);
    watch.remember(request, [row('i', 'old')], 2_000);
    watch.take([entry()]);
    await watch.look();
    expect(world.events).toEqual([]);
    watch.take([entry({ at: 3_000 })]);
    await watch.look();
    expect(world.events).toHaveLength(1);
  });

  it('is bounded', () => {
    const { watch } = watching([]);
    const many = Array.from({ length: 12_000 }, (_, number) => entry({ request: { ...request, certificate: `certificate-${number}` } }));
    expect(watch.take(many)).toBe(10_000);
  });
});

describe('a change that could not be told', () => {
  it('is told by the next look after the link is up again', async () => {
    const { world, watch } = watching([row('i', 'default')]);
    watch.take([entry()]);
    world.linked = false;
    await watch.look();
    world.linked = true;
    await watch.look();
    await watch.look();
    expect(world.events).toHaveLength(1);
  });

  it('is told again when the edge says that it has not heard of it', async () => {
    const { world, watch } = watching([row('i', 'default')]);
    watch.take([entry()]);
    await watch.look();
    // The object was lost before it could wake the certificate; its list says so at the next connection.
    watch.take([entry()]);
    await watch.look();
    expect(world.events).toHaveLength(2);
  });
});

describe('a relay that was restarted', () => {
  let cluster: Cluster;
  let proxy: TraefikStandIn;
  beforeEach(async () => {
    cluster = await startCluster();
    proxy = await TraefikStandIn.start({ nomad: cluster.nomad, throttleMs: 0, quiescenceMs: 10 });
  });
  afterEach(async () => {
    await proxy.stop();
    await cluster.stop();
  });

  it('notices a swapped certificate within the ten minutes that are promised', async () => {
    const chain = await cluster.issue('one');
    const { sha256 } = await cluster.installed({ issuance: 'one', chain });
    await waitUntilServing(proxy, chain);
    const asked = { ...request, sha256 };
    const { instances } = verifyResponse.parse((await cluster.edge.call('POST', '/v1/verify', asked)).body);
    const known = { request: asked, verdicts: Object.fromEntries(instances.map(({ id, verdict }) => [id, verdict])), at: Date.now() };

    const restarted = cluster.another();
    expect(watchResponse.parse((await restarted.edge.call('PUT', '/v1/watch', { entries: [known] })).body)).toEqual({ watched: 1 });
    const stranger = await cluster.authority.pair(NAMES);
    cluster.nomad.variables.put('default', 'nomad/jobs/proxy', { ...stranger }, undefined);
    await waitUntilServing(proxy, stranger.certificate);
    await restarted.relay.watch.look();
    expect(cluster.lines).toContainEqual({ event: 'served-changed', certificate: 'matrix' });
    expect(2 * WATCH_INTERVAL_MS).toBeLessThanOrEqual(10 * MINUTE);
    // What the edge then asks shows who issued the other one, and until when.
    const after = verifyResponse.parse((await restarted.edge.call('POST', '/v1/verify', asked)).body).instances[0];
    const { notAfter } = after?.names[0]?.served ?? { notAfter: 0 };
    expect(after?.detail).toContain(`valid until ${moment(notAfter)}`);
    expect(after?.names[0]?.served?.sha256).toBe(new X509Certificate(stranger.certificate).fingerprint256.replaceAll(':', '').toLowerCase());
  });

  it('refuses a list of another shape', async () => {
    expect(await cluster.edge.call('PUT', '/v1/watch', { entries: [{ ...entry(), verdicts: { i: 'fine' } }] })).toMatchObject({ status: 400 });
  });
});
