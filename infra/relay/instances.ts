/**
 * `POST /v1/instances`: the instances of a listed service with what Nomad says about their health. Read-only; whoever asks
 * decides what to make of it (addresses in DNS follow the healthy ones).
 */
import { PerennialError } from '../../shared/errors.ts';
import type { InstancesRequest, InstancesResponse } from '../../shared/relay/contract.ts';
import type { Law } from './law.ts';
import type { Check, ServiceInstance, Workloads } from './nomad/workloads.ts';
import { runBounded } from './verify/bounded.ts';
import { serviceRule } from './verify/verification.ts';

type Instance = InstancesResponse['instances'][number];

/** Questions about checks at the same time: Nomad hands each on to the client that runs the allocation. */
const CONCURRENCY = 16;
const MAX_INSTANCES = 500;

export class Instances {
  readonly #law: Pick<Law, 'services'>;
  readonly #workloads: Workloads;

  constructor(law: Pick<Law, 'services'>, workloads: Workloads) {
    this.#law = law;
    this.#workloads = workloads;
  }

  /** Throws `service_not_allowed`, `too_many_instances`, `nomad_*`. No instance is an empty list, not an error. */
  async list({ service, namespace }: InstancesRequest, signal: AbortSignal): Promise<Instance[]> {
    const rule = serviceRule(this.#law, service, namespace);
    const registered = (await this.#workloads.instances(service, namespace, signal)).filter(({ job }) => rule.jobs.includes(job));
    if (registered.length > MAX_INSTANCES)
      throw new PerennialError('too_many_instances', `${registered.length} instances of ${service} are more than ${MAX_INSTANCES}.`);
    const jobs = [...new Set(registered.map(({ job }) => job))];
    const running = new Set((await Promise.all(jobs.map((job) => this.#workloads.allocations(job, namespace, signal)))).flat());
    return runBounded(registered, CONCURRENCY, async (instance) => {
      const checks = running.has(instance.allocation) ? await this.#workloads.checks(instance.allocation, namespace, signal) : [];
      return { ...addressOf(instance), ...judge(running.has(instance.allocation), checks, service) };
    });
  }
}

/** Healthy: the allocation runs, and every check of this service succeeded when it was last made. */
function judge(runs: boolean, checks: readonly Check[] | null, service: string): Pick<Instance, 'healthy' | 'detail'> {
  if (!runs) return { healthy: false, detail: 'Its allocation does not run.' };
  if (checks === null) return { healthy: false, detail: 'Nomad could not ask its client about the checks.' };
  const own = checks.filter((check) => check.service === service);
  const failing = own.find(({ status }) => status !== 'success');
  if (failing !== undefined) return { healthy: false, detail: `The check ${failing.name} is ${failing.status}.`.slice(0, 300) };
  return { healthy: true, detail: own.length === 0 ? 'It runs; it has no checks.' : `It runs; ${own.length} check(s) passed.` };
}

function addressOf({ id, address, port, job }: ServiceInstance): Pick<Instance, 'id' | 'address' | 'port' | 'job'> {
  return { id: id.slice(0, 300), address, port, job };
}
