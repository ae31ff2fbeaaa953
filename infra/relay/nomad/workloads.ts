/** Service instances, allocations and their signals, as far as verifying and reloading a proxy needs them. */
import { z } from 'zod';
import { PerennialError } from '../../../shared/errors.ts';
import type { NomadClient, NomadReply } from './client.ts';

export interface ServiceInstance {
  id: string;
  job: string;
  allocation: string;
  address: string;
  port: number;
}

/** One service check of an allocation, as its client made it last. */
export interface Check {
  service: string;
  name: string;
  /** `success`, `failure`, or `pending` before the first time. */
  status: string;
}

export interface Workloads {
  /** Registered instances; health is not part of it. An unknown service has none. */
  instances(service: string, namespace: string, signal?: AbortSignal): Promise<ServiceInstance[]>;
  /** Ids of allocations that run and shall run. Needs `read-job`. */
  allocations(job: string, namespace: string, signal?: AbortSignal): Promise<string[]>;
  /**
   * Checks of the services that an allocation registered with Nomad; null when its client cannot be asked. Needs `read-job`.
   * Nomad answers 404 for an allocation or client that is away, and 500 when the client does not answer.
   */
  checks(allocation: string, namespace: string, signal?: AbortSignal): Promise<Check[] | null>;
  /** Needs `alloc-lifecycle` in the allocation's namespace. */
  hangUp(allocation: string, task: string, namespace: string, signal?: AbortSignal): Promise<void>;
  restart(allocation: string, task: string, namespace: string, signal?: AbortSignal): Promise<void>;
}

const instances = z.array(z.object({ ID: z.string(), JobID: z.string(), AllocID: z.string(), Address: z.string(), Port: z.number().int() }));
const allocations = z.array(z.object({ ID: z.string(), DesiredStatus: z.string(), ClientStatus: z.string() }));
const checks = z.record(z.string(), z.object({ Service: z.string(), Check: z.string(), Status: z.string() }));

/** Beyond discovery: what `relay-instances.policy.hcl` grants. */
const readJob = (namespace: string) => `read-job in namespace ${namespace} (relay-instances.policy.hcl)`;

export class NomadWorkloads implements Workloads {
  readonly #client: NomadClient;

  constructor(client: NomadClient) {
    this.#client = client;
  }

  async instances(service: string, namespace: string, signal?: AbortSignal): Promise<ServiceInstance[]> {
    const path = `/v1/service/${encodeURIComponent(service)}?namespace=${encodeURIComponent(namespace)}`;
    const reply = await this.#client.call({
      method: 'GET',
      path,
      capability: `read-job in namespace ${namespace} (a workload identity of that namespace needs no policy)`,
      signal,
    });
    return understand(reply, instances).map(({ ID, JobID, AllocID, Address, Port }) => ({
      id: ID,
      job: JobID,
      allocation: AllocID,
      address: Address,
      port: Port,
    }));
  }

  async allocations(job: string, namespace: string, signal?: AbortSignal): Promise<string[]> {
    const path = `/v1/job/${encodeURIComponent(job)}/allocations?namespace=${encodeURIComponent(namespace)}`;
    const reply = await this.#client.call({ method: 'GET', path, capability: readJob(namespace), signal });
    return understand(reply, allocations)
      .filter(({ DesiredStatus, ClientStatus }) => DesiredStatus === 'run' && ClientStatus === 'running')
      .map(({ ID }) => ID);
  }

  async checks(allocation: string, namespace: string, signal?: AbortSignal): Promise<Check[] | null> {
    const path = `/v1/client/allocation/${encodeURIComponent(allocation)}/checks?namespace=${encodeURIComponent(namespace)}`;
    const reply = await this.#client.call({ method: 'GET', path, capability: readJob(namespace), signal, answers500: true });
    if (reply.status === 404 || reply.status === 500) return null;
    return Object.values(understand(reply, checks)).map(({ Service, Check: name, Status }) => ({ service: Service, name, status: Status }));
  }

  async hangUp(allocation: string, task: string, namespace: string, signal?: AbortSignal): Promise<void> {
    // `Task` here, `TaskName` below; an empty or misspelt one reaches every task of the allocation.
    await this.#lifecycle(allocation, 'signal', { Signal: 'SIGHUP', Task: task }, namespace, signal);
  }

  async restart(allocation: string, task: string, namespace: string, signal?: AbortSignal): Promise<void> {
    await this.#lifecycle(allocation, 'restart', { TaskName: task, AllTasks: false }, namespace, signal);
  }

  async #lifecycle(
    allocation: string,
    action: 'signal' | 'restart',
    body: Record<string, string | boolean>,
    namespace: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const path = `/v1/client/allocation/${encodeURIComponent(allocation)}/${action}?namespace=${encodeURIComponent(namespace)}`;
    const reply = await this.#client.call({
      method: 'PUT',
      path,
      body: JSON.stringify(body),
      capability: `alloc-lifecycle in namespace ${namespace}`,
      signal,
      answers500: true,
    });
    if (reply.status >= 300) throw refused(reply);
  }
}

function understand<S extends z.ZodType>(reply: NomadReply, schema: S): z.infer<S> {
  if (reply.status >= 300) throw refused(reply);
  try {
    return schema.parse(JSON.parse(reply.body));
  } catch (cause) {
    throw new PerennialError('nomad_unavailable', 'Nomad sent an answer of another shape than expected.', { retryable: true, cause });
  }
}

function refused(reply: NomadReply): PerennialError {
  return new PerennialError('nomad_refused', `Nomad refused the call with status ${reply.status}: ${reply.body.slice(0, 200)}`);
}
