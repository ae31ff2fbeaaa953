import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY } from '../../../shared/clock.ts';
import { rollBackResponse } from '../../../shared/relay/contract.ts';
import type { RollBackRequest } from '../../../shared/relay/contract.ts';
import { TraefikStandIn, waitUntilServing } from '../../emulators/proxy/stand-in.ts';
import { NAMES, startCluster, TARGET, VARIABLE } from './support/cluster.ts';
import type { Cluster } from './support/cluster.ts';

let now = Date.now();
let cluster: Cluster;
/** Served before; and what replaced it. */
let before: string;
let bad: string;
beforeEach(async () => {
  now = Date.now();
  cluster = await startCluster({ clock: () => now });
  before = await cluster.issue('one');
  await cluster.installed({ issuance: 'one', chain: before });
  bad = await cluster.issue('two');
  await cluster.installed({ issuance: 'two', chain: bad, known: [fingerprint(before)] });
});
afterEach(() => cluster.stop());

const fingerprint = (pem: string) => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
const put = (items: Record<string, string>) => cluster.nomad.variables.put('default', VARIABLE, items, undefined);
const records = () => cluster.nomad.variables.list('default', 'nomad/jobs/relay/previous/');
const record = () => cluster.items(records()[0]?.path ?? '') ?? {};
const writes = () => cluster.nomad.requests.filter(({ method, path }) => method === 'PUT' && path === `/v1/var/${VARIABLE}`).length;
const ask = (change: Partial<RollBackRequest> = {}, edge = cluster.edge) =>
  edge.call('POST', '/v1/certificates/matrix/rollback', { target: TARGET, from: fingerprint(bad), to: fingerprint(before), ...change });
const rolledBack = async (...request: Parameters<typeof ask>) => rollBackResponse.parse((await ask(...request)).body);
const onVariable = ({ method, path }: { method: string; path: string }) => method === 'PUT' && path === `/v1/var/${VARIABLE}`;

describe('rolling back', () => {
  it('puts the pair from before back, with its key, and leaves everything else in the variable', async () => {
    const pair = { ...cluster.items() };
    put({ ...pair, note: 'kept' });
    const answer = await rolledBack();
    expect(answer).toEqual({ index: cluster.nomad.variables.get('default', VARIABLE)?.modifyIndex, sha256: fingerprint(before), changed: true });
    expect(cluster.items()).toMatchObject({ certificate: before.replaceAll('\n\n', '\n'), note: 'kept' });
    const inspected = await cluster.edge.call('GET', `/v1/certificates/matrix?${new URLSearchParams(TARGET)}`, undefined);
    expect(inspected.body).toMatchObject({ sha256: fingerprint(before), pairFits: true, ours: true });
  });

  it('takes whatever stood there before when the edge names nothing', async () => {
    expect(await rolledBack({ to: null })).toMatchObject({ sha256: fingerprint(before), changed: true });
  });

  it('does nothing when it is asked again, by the same edge or through another relay', async () => {
    await rolledBack();
    const done = writes();
    expect(await rolledBack()).toMatchObject({ changed: false, sha256: fingerprint(before) });
    expect(await rolledBack({}, cluster.another().edge)).toMatchObject({ changed: false });
    expect(writes()).toBe(done);
  });

  it('says nothing of a key', async () => {
    expect(JSON.stringify((await ask()).body)).not.toContain('PRIVATE');
    expect(JSON.stringify(cluster.lines)).not.toContain('PRIVATE');
  });

  it('is told from somebody else’s edit when the reply got lost', async () => {
    cluster.nomad.faults.next({ kind: 'cut-after' }, 1, onVariable);
    expect(await rolledBack()).toMatchObject({ changed: true, sha256: fingerprint(before) });
    expect(fingerprint(cluster.items()?.['certificate'] ?? '')).toBe(fingerprint(before));
  });

  it('merges again when other items change in between', async () => {
    cluster.nomad.faults.next({ kind: 'slow', ms: 0 }, 1, (request) => {
      const hit = onVariable(request);
      if (hit) put({ ...cluster.items(), late: 'in between' });
      return hit;
    });
    expect(await rolledBack()).toMatchObject({ changed: true });
    expect(cluster.items()).toMatchObject({ late: 'in between' });
  });

  it('destroys the pair from before once it is proven to be served again', async () => {
    const proxy = await TraefikStandIn.start({ nomad: cluster.nomad, throttleMs: 0, quiescenceMs: 10 });
    await rolledBack();
    await waitUntilServing(proxy, before);
    expect(record()).toHaveProperty('previous_key');
    await cluster.edge.call('POST', '/v1/verify', { certificate: 'matrix', names: NAMES, sha256: fingerprint(before), previous: [], service: 'traefik' });
    expect(record()).not.toHaveProperty('previous_key');
    // Asked once more, there is nothing to do, and nothing to do it with.
    expect(await rolledBack()).toMatchObject({ changed: false });
    await proxy.stop();
  });

  it('lets the next certificate be installed as any other', async () => {
    await rolledBack();
    const next = await cluster.issue('three');
    expect(await cluster.installed({ issuance: 'three', chain: next })).toMatchObject({ changed: true });
    expect(record()['previous_sha256']).toBe(fingerprint(before));
  });
});

describe('nothing is rolled back', () => {
  const refused = async (change: Partial<RollBackRequest> = {}) => {
    const items = cluster.items();
    const { status, error } = await ask(change);
    expect(cluster.items()).toEqual(items);
    return { status, code: error?.code };
  };

  it('over a pair of somebody else, which is named', async () => {
    const stranger = await cluster.authority.pair(NAMES);
    put({ ...stranger });
    const { error } = await ask();
    expect(error).toMatchObject({ code: 'drift', details: { found: fingerprint(stranger.certificate), wanted: fingerprint(bad) } });
    expect(error?.message).toContain(fingerprint(stranger.certificate));
    expect(cluster.items()).toEqual(stranger);
  });

  it('over a pair that somebody puts there between read and write', async () => {
    const stranger = await cluster.authority.pair(NAMES);
    cluster.nomad.faults.next({ kind: 'slow', ms: 0 }, 1, (request) => {
      const hit = onVariable(request);
      if (hit) put({ ...stranger });
      return hit;
    });
    expect((await ask()).error?.code).toBe('drift');
    expect(cluster.items()).toEqual(stranger);
  });

  it('when the pair from before is another one than the edge means', async () => {
    expect(await refused({ to: 'f'.repeat(64) })).toEqual({ status: 409, code: 'rollback_impossible' });
  });

  it('when no pair from before is kept', async () => {
    for (const { path } of records()) cluster.nomad.variables.delete('default', path, undefined);
    expect(await refused()).toEqual({ status: 409, code: 'rollback_impossible' });
    expect(await refused({ to: null })).toEqual({ status: 409, code: 'rollback_impossible' });
  });

  it('to a certificate that has expired', async () => {
    now += 91 * DAY;
    expect(await refused()).toEqual({ status: 409, code: 'rollback_impossible' });
  });

  it('to a pair whose key does not fit', async () => {
    const [kept] = records();
    cluster.nomad.variables.put('default', kept?.path ?? '', { ...record(), previous_key: (await cluster.authority.pair(NAMES)).key }, undefined);
    expect(await refused()).toEqual({ status: 409, code: 'rollback_impossible' });
  });

  it.each([
    ['another variable', { target: { ...TARGET, variable: 'nomad/jobs/other' } }],
    ['another namespace', { target: { ...TARGET, namespace: 'other' } }],
  ])('in %s than the law allows', async (_, change) => {
    expect(await refused(change)).toEqual({ status: 403, code: 'target_not_allowed' });
  });

  it('where the relay may only write: a blind delivery', async () => {
    const policy = (capabilities: string) => `namespace "default" {
      variables {
        path "${VARIABLE}" { capabilities = [${capabilities}] }
        path "nomad/jobs/relay/*" { capabilities = ["read", "write", "list", "destroy"] }
      }
    }`;
    const blind = await startCluster({ policy: policy('"write", "list"') });
    await blind.installed({ issuance: 'one', chain: await blind.issue('one'), blind: true });
    const chain = await blind.issue('two');
    await blind.installed({ issuance: 'two', chain, blind: true });
    expect(await ask({ from: fingerprint(chain), to: null }, blind.edge)).toMatchObject({ status: 409, error: { code: 'rollback_impossible' } });
    await blind.stop();
  });

  it('while Nomad has no leader, which is worth repeating', async () => {
    cluster.nomad.faults.next({ kind: 'no-leader' }, 100);
    expect(await refused()).toEqual({ status: 503, code: 'nomad_unavailable' });
    cluster.nomad.faults.clear();
    expect(await rolledBack()).toMatchObject({ changed: true });
  });
});
