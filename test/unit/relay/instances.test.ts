/** `POST /v1/instances`: which instances of a listed service are healthy, by Nomad's word. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { instancesResponse } from '../../../shared/relay/contract.ts';
import { startCluster, type Cluster } from './support/cluster.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await startCluster();
});
afterEach(() => cluster.stop());

const rights = readFileSync(new URL('../../../infra/nomad/relay-instances.policy.hcl', import.meta.url), 'utf8');
const grant = () => cluster.nomad.identities.putPolicy('relay-instances', rights, { jobAcl: { namespace: 'default', jobId: 'relay', group: '', task: '' } });
const ask = (service = 'traefik', namespace = 'default') => cluster.edge.call('POST', '/v1/instances', { service, namespace });
const list = async () => instancesResponse.parse((await ask()).body).instances;

/** An allocation of the job with one instance of the service. */
function run(address: string, jobId = 'proxy'): string {
  const { id } = cluster.nomad.workloads.start({ jobId, tasks: { traefik: {} } });
  cluster.nomad.workloads.register({ name: 'traefik', address, port: 443, jobId, allocationId: id });
  return id;
}
const check = (id: string, status: 'success' | 'failure' | 'pending', service = 'traefik', name = 'alive') =>
  cluster.nomad.workloads.check(id, { service, name, status });

describe('instances', () => {
  it('are healthy when they run and every check of the service passed', async () => {
    grant();
    const [plain, passing, failing, pending] = [run('10.0.0.1'), run('10.0.0.2'), run('10.0.0.3'), run('10.0.0.4')];
    expect(plain).not.toBe(passing);
    check(passing, 'success');
    check(passing, 'success', 'traefik', 'ready');
    check(failing, 'success');
    check(failing, 'failure', 'traefik', 'ready');
    check(pending, 'pending');
    const found = new Map((await list()).map(({ address, healthy, detail }) => [address, [healthy, detail]]));
    expect(Object.fromEntries(found)).toEqual({
      '10.0.0.1': [true, 'It runs; it has no checks.'],
      '10.0.0.2': [true, 'It runs; 2 check(s) passed.'],
      '10.0.0.3': [false, 'The check ready is failure.'],
      '10.0.0.4': [false, 'The check alive is pending.'],
    });
  });

  it('are not unhealthy by the check of another service', async () => {
    grant();
    check(run('10.0.0.1'), 'failure', 'metrics');
    expect(await list()).toMatchObject([{ address: '10.0.0.1', port: 443, job: 'proxy', healthy: true }]);
  });

  it('are unhealthy when their allocation does not run, although the service is still registered', async () => {
    grant();
    const id = run('10.0.0.1');
    cluster.nomad.workloads.stop(id);
    cluster.nomad.workloads.register({ name: 'traefik', address: '10.0.0.1', port: 443, jobId: 'proxy', allocationId: id });
    expect(await list()).toMatchObject([{ healthy: false, detail: 'Its allocation does not run.' }]);
  });

  it('of a job that the law does not list are left out', async () => {
    grant();
    run('10.0.0.1');
    run('10.0.0.66', 'stranger');
    expect((await list()).map(({ address }) => address)).toEqual(['10.0.0.1']);
  });

  it('are none, without an error, when there are none', async () => {
    expect(await list()).toEqual([]);
  });

  it('of a service that the law does not list are refused, and Nomad is not asked', async () => {
    cluster.nomad.resetRequests();
    expect(await ask('vault')).toMatchObject({ status: 403, error: { code: 'service_not_allowed' } });
    expect(await ask('traefik', 'other')).toMatchObject({ status: 403, error: { code: 'service_not_allowed' } });
    expect(cluster.nomad.countRequests()).toEqual({});
  });

  it('need a right that the error names, with the policy that grants it', async () => {
    run('10.0.0.1');
    expect(await ask()).toMatchObject({ status: 502, error: { code: 'nomad_forbidden', hint: expect.stringContaining('relay-instances.policy.hcl') } });
  });
});
