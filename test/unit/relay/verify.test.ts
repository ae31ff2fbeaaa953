import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:tls';
import type { Server } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY } from '../../../shared/clock.ts';
import type { RelayEvent } from '../../../shared/link/frames.ts';
import { ServedWatch } from '../../../infra/relay/verify/watch.ts';
import { judge } from '../../../infra/relay/verify/verdict.ts';
import { Verification } from '../../../infra/relay/verify/verification.ts';
import { dial } from '../../../infra/relay/verify/dial.ts';
import { Roots } from '../../../infra/relay/install/roots.ts';
import { NomadClient } from '../../../infra/relay/nomad/client.ts';
import { NomadWorkloads } from '../../../infra/relay/nomad/workloads.ts';
import { verifyRequest, verifyResponse } from '../../../shared/relay/contract.ts';
import type { InstanceVerdict } from '../../../shared/relay/contract.ts';
import { TraefikStandIn, waitUntilServing } from '../../emulators/proxy/stand-in.ts';
import { NAMES, startCluster } from './support/cluster.ts';
import type { Cluster } from './support/cluster.ts';

let cluster: Cluster;
let proxies: TraefikStandIn[];
let servers: Server[];
beforeEach(async () => {
  proxies = [];
  servers = [];
  cluster = await startCluster({ signals: true });
});
afterEach(async () => {
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  for (const server of servers) server.close();
  await cluster.stop();
});

const fingerprint = (pem: string) => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
const proxy = async (options: { jobId?: string } = {}) => {
  const standIn = await TraefikStandIn.start({ nomad: cluster.nomad, throttleMs: 0, quiescenceMs: 10, ...options });
  proxies.push(standIn);
  return standIn;
};
const request = (chain: string, more: object = {}) => ({
  certificate: 'matrix',
  names: NAMES,
  sha256: fingerprint(chain),
  previous: [],
  service: 'traefik',
  ...more,
});
const verify = async (chain: string, more: object = {}): Promise<InstanceVerdict[]> => {
  const { body, error } = await cluster.edge.call('POST', '/v1/verify', request(chain, more));
  if (error !== undefined) throw new Error(error.code);
  return verifyResponse.parse(body).instances;
};
/** Delivers a certificate and waits until every proxy has loaded it. */
const deliver = async (issuance: string) => {
  const chain = await cluster.issue(issuance);
  await cluster.installed({ issuance, chain, replaceForeign: true });
  await Promise.all(proxies.map((standIn) => waitUntilServing(standIn, chain)));
  return chain;
};
const verdicts = (instances: readonly InstanceVerdict[]) => instances.map(({ verdict }) => verdict).toSorted();

describe('verification', () => {
  it('finds the installed certificate on every instance, under every name', async () => {
    await Promise.all([proxy(), proxy()]);
    const instances = await verify(await deliver('one'), { probes: ['chat.matrix.example.net'] });
    expect(verdicts(instances)).toEqual(['new', 'new']);
    for (const { names } of instances)
      expect(names.map(({ name, verdict }) => [name, verdict])).toEqual([...NAMES, 'chat.matrix.example.net'].map((name) => [name, 'new']));
  });

  it('has no instances to show when none is registered', async () => {
    expect(await verify(await deliver('one'))).toEqual([]);
  });

  it('tells the previous certificate from the new one, instance by instance', async () => {
    const stuck = await proxy();
    const other = await proxy();
    const first = await deliver('one');
    await stuck.misbehave({ kind: 'stuck' });
    const chain = await cluster.issue('two');
    await cluster.installed({ issuance: 'two', chain });
    await waitUntilServing(other, chain);
    expect(verdicts(await verify(chain, { previous: [fingerprint(first)] }))).toEqual(['new', 'old']);
    expect(verdicts(await verify(chain))).toEqual(['foreign', 'new']);
  });

  it.each([
    ['foreign', { kind: 'foreign', names: NAMES }],
    ['default', { kind: 'default' }],
    ['cut', { kind: 'cut' }],
    ['unreachable', { kind: 'refuse' }],
  ] as const)('calls it %s', async (verdict, misbehaviour) => {
    const standIn = await proxy();
    const chain = await deliver('one');
    await standIn.misbehave(misbehaviour);
    const [instance] = await verify(chain);
    expect(instance).toMatchObject({ verdict, port: standIn.port, job: 'proxy' });
    expect(instance?.detail).not.toBe('');
    await standIn.behave();
    expect(verdicts(await verify(chain))).toEqual(['new']);
  });

  it('shows what is served, for people', async () => {
    const standIn = await proxy();
    const chain = await deliver('one');
    const [instance] = await verify(chain);
    expect(instance?.names[0]?.served).toEqual({
      sha256: fingerprint(chain),
      names: NAMES,
      issuer: 'Test Intermediate',
      notAfter: Date.parse(new X509Certificate(chain).validTo),
    });
    expect(instance?.id).toBe(standIn.service.id);
  });

  it('does not take the right leaf with a missing intermediate for good', async () => {
    const chain = await cluster.issue('one');
    const leafOnly = `${chain.split('-----END CERTIFICATE-----')[0] ?? ''}-----END CERTIFICATE-----\n`;
    await cluster.installed({ issuance: 'one', chain });
    const server = createServer({ cert: leafOnly, key: cluster.items()?.['key'] });
    servers.push(server);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { id } = cluster.nomad.workloads.start({ jobId: 'proxy', tasks: { traefik: {} } });
    cluster.nomad.workloads.register({ name: 'traefik', address: '127.0.0.1', port: (server.address() as AddressInfo).port, jobId: 'proxy', allocationId: id });
    const [instance] = await verify(chain);
    expect(instance?.verdict).toBe('foreign');
    expect(instance?.detail).toContain('another chain');
  });

  it('dials no instance of a job that the law does not list', async () => {
    await Promise.all([proxy(), proxy({ jobId: 'impostor' }).catch(() => undefined)]);
    const chain = await cluster.issue('one');
    await cluster.installed({ issuance: 'one', chain });
    expect((await verify(chain)).map(({ job }) => job)).toEqual(['proxy']);
  });

  it('refuses a service that the law does not list', async () => {
    const chain = await cluster.issue('one');
    expect(await cluster.edge.call('POST', '/v1/verify', request(chain, { service: 'database' }))).toMatchObject({
      status: 403,
      error: { code: 'service_not_allowed' },
    });
    expect(await cluster.edge.call('POST', '/v1/verify', request(chain, { namespace: 'other' }))).toMatchObject({
      status: 403,
      error: { code: 'service_not_allowed' },
    });
  });

  it('destroys the previous pair when the new one is proven', async () => {
    await proxy();
    await deliver('one');
    const chain = await deliver('two');
    const [record] = cluster.nomad.variables.list('default', 'nomad/jobs/relay/previous/');
    expect(record?.items).toHaveProperty('previous_key');
    await verify(chain);
    expect(Object.keys(cluster.items(record?.path) ?? {}).toSorted()).toEqual(['fingerprints', 'target']);
  });
});

describe('a verification of very many instances', () => {
  it('fits into one response, dials sixteen at a time, and keeps what decides', async () => {
    const { certificate } = await cluster.authority.pair(NAMES);
    const chain = [new X509Certificate(certificate)];
    let open = 0;
    let most = 0;
    const instances = Array.from({ length: 400 }, (_, index) => ({
      id: `instance-${index}`,
      job: 'proxy',
      allocation: `allocation-${index}`,
      address: '192.0.2.1',
      port: 443,
    }));
    const verification = new Verification({
      law: { services: [{ service: 'traefik', namespace: 'default', jobs: ['proxy'], restart: false, task: 'traefik' }] },
      workloads: {
        instances: async () => instances,
        allocations: async () => [],
        checks: async () => [],
        hangUp: async () => undefined,
        restart: async () => undefined,
      },
      roots: new Roots([cluster.authority.root]),
      dial: async () => {
        open += 1;
        most = Math.max(most, open);
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
        open -= 1;
        return { kind: 'served', chain };
      },
    });
    const names = Array.from({ length: 20 }, (_, index) => `name-${index}.matrix.example.net`);
    const result = await verification.verify(verifyRequest.parse(request(certificate, { names })), { now: Date.now, signal: AbortSignal.timeout(20_000) });
    expect(JSON.stringify(result).length).toBeLessThan(1_000_000);
    expect(result).toHaveLength(400);
    expect(result.every(({ verdict, names: [first] }) => verdict === 'foreign' && first?.verdict === 'foreign')).toBe(true);
    expect(most).toBe(16);
  });
});

describe("the relay's own look", () => {
  it('reports a change of verdicts once, and nothing while all stays the same', async () => {
    const standIn = await proxy();
    const chain = await deliver('one');
    const events: RelayEvent[] = [];
    const nomad = new NomadClient({ endpoint: { address: cluster.nomad.address }, token: () => cluster.nomad.managementToken });
    const law = { services: [{ service: 'traefik', namespace: 'default', jobs: ['proxy'], restart: false, task: 'traefik' }] };
    const verification = new Verification({ law, workloads: new NomadWorkloads(nomad), roots: new Roots([cluster.authority.root]), dial });
    const watch = new ServedWatch({ verification, report: async (event) => events.push(event) > 0, clock: Date.now, log: () => undefined });
    watch.remember(verifyRequest.parse(request(chain)), await verify(chain), Date.now());
    await watch.look();
    expect(events).toEqual([]);
    await standIn.misbehave({ kind: 'default' });
    await watch.look();
    await watch.look();
    expect(events).toMatchObject([{ kind: 'served-changed', certificate: 'matrix', verdicts: { [standIn.service.id]: 'default' } }]);
    nomad.close();
  });
});

describe('reloading', () => {
  const reload = async (mode: string, more: object = {}) =>
    cluster.edge.call('POST', '/v1/reload', { certificate: 'matrix', service: 'traefik', mode, ...more });

  it.each(['watch', 'http'])('sends nothing for %s', async (mode) => {
    const standIn = await proxy();
    expect((await reload(mode)).body).toMatchObject({ mode, signalled: 0 });
    expect(standIn.signals).toEqual([]);
  });

  it('sends SIGHUP to the task of every running allocation', async () => {
    const [one, two] = await Promise.all([proxy(), proxy()]);
    expect((await reload('sighup')).body).toMatchObject({ mode: 'sighup', signalled: 2 });
    expect([one.signals, two.signals]).toEqual([['SIGHUP'], ['SIGHUP']]);
  });

  it('restarts only when the law allows it', async () => {
    await proxy();
    expect(await reload('restart')).toMatchObject({ status: 403, error: { code: 'restart_not_allowed' } });
  });

  it('names the capability that a signal needs', async () => {
    const unsigned = await startCluster();
    const answer = await unsigned.edge.call('POST', '/v1/reload', { certificate: 'matrix', service: 'traefik', mode: 'sighup' });
    expect(answer).toMatchObject({ status: 502, error: { code: 'nomad_forbidden' } });
    expect(answer.error?.hint).toContain('read-job');
    await unsigned.stop();
  });

  it('refuses a service that the law does not list', async () => {
    expect(await reload('watch', { service: 'database' })).toMatchObject({ status: 403, error: { code: 'service_not_allowed' } });
  });
});

describe('the installed certificate', () => {
  it.each([
    ['new', 'while it is valid', -1, NAMES[0], null],
    ['foreign', 'once it has expired', 0, NAMES[0], null],
    ['foreign', 'for a name that it does not cover', -1, 'example.org', null],
    ['foreign', 'with a chain that leads nowhere', -1, NAMES[0], 'no configured root.'],
  ] as const)('counts as %s %s', (verdict, _, untilEnd, name = '', chainProblem) => {
    const now = Date.UTC(2026, 0, 1);
    const leaf = {
      sha256: 'a'.repeat(64),
      spki: 'b'.repeat(64),
      names: NAMES,
      issuer: 'Test',
      serial: '01',
      notBefore: now - DAY,
      notAfter: now - untilEnd,
      certId: null,
    };
    expect(judge(name, { leaf, subject: '', chainProblem }, { sha256: leaf.sha256, previous: [] }, now).verdict).toBe(verdict);
  });
});
