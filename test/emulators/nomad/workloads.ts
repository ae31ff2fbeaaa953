/**
 * What runs in the cluster: allocations with their tasks, and the service instances they registered. Nothing is
 * scheduled here; in-process parts (the TLS stand-in, the relay's supervisor) enter themselves and get called back.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../shared/clock.ts';
import type { StateIndex } from './state.ts';

export interface TaskCallbacks {
  /** Called for `signal` with the name as sent, e.g. `SIGHUP`. */
  onSignal?: (signal: string) => void | Promise<void>;
  onRestart?: () => void | Promise<void>;
}

export interface AllocationOptions {
  jobId: string;
  namespace?: string;
  group?: string;
  jobType?: 'service' | 'system' | 'batch';
  tasks: Readonly<Record<string, TaskCallbacks>>;
}

export interface TaskEvent {
  task: string;
  type: string;
  message: string;
  details: Readonly<Record<string, string>>;
  time: bigint;
}

/** A service check as the client reports it (nomad/structs/checks.go). */
export interface ServiceCheck {
  service: string;
  name: string;
  status: 'success' | 'failure' | 'pending';
}

export interface Allocation {
  id: string;
  namespace: string;
  jobId: string;
  group: string;
  jobType: string;
  tasks: Readonly<Record<string, TaskCallbacks>>;
  running: boolean;
  createIndex: number;
  modifyIndex: number;
  createTime: bigint;
  modifyTime: bigint;
  /** Newest last, as `TaskStates.<task>.Events`. */
  events: TaskEvent[];
  checks: ServiceCheck[];
}

export interface ServiceOptions {
  name: string;
  address: string;
  port: number;
  jobId: string;
  allocationId: string;
  namespace?: string;
  tags?: readonly string[];
}

export interface ServiceInstance extends Required<ServiceOptions> {
  id: string;
  createIndex: number;
  modifyIndex: number;
}

export class Workloads {
  readonly nodeId = randomUUID();
  readonly #allocations = new Map<string, Allocation>();
  readonly #services = new Map<string, ServiceInstance>();
  readonly #index: StateIndex;
  readonly #clock: Clock;

  constructor(index: StateIndex, clock: Clock) {
    this.#index = index;
    this.#clock = clock;
  }

  /** Enters a running allocation. */
  start(options: AllocationOptions): Allocation {
    const index = this.#index.next();
    const now = this.#now();
    const allocation: Allocation = {
      id: randomUUID(),
      namespace: options.namespace ?? 'default',
      jobId: options.jobId,
      group: options.group ?? options.jobId,
      jobType: options.jobType ?? 'service',
      tasks: options.tasks,
      running: true,
      createIndex: index,
      modifyIndex: index,
      createTime: now,
      modifyTime: now,
      events: Object.keys(options.tasks).map((task) => ({ task, type: 'Started', message: 'Task started by client', details: {}, time: now })),
      checks: [],
    };
    this.#allocations.set(allocation.id, allocation);
    this.#index.changed('allocations', index);
    return allocation;
  }

  /** Ends an allocation and withdraws its services. */
  stop(id: string): void {
    const allocation = this.#allocations.get(id);
    if (allocation === undefined) return;
    allocation.running = false;
    for (const service of this.#services.values()) if (service.allocationId === id) this.deregister(service.id);
    this.#touch(allocation);
  }

  allocation(id: string): Allocation | undefined {
    return this.#allocations.get(id);
  }

  allocationsOf(namespace: string, jobId: string): Allocation[] {
    return [...this.#allocations.values()].filter((allocation) => allocation.namespace === namespace && allocation.jobId === jobId);
  }

  /** 0, not 1, while nothing was ever placed: this table answers by its rows. */
  get allocationIndex(): number {
    return this.#allocations.size === 0 ? 0 : this.#index.of('allocations');
  }

  /** Appends a task event, as the client does when it signals or restarts a task. */
  record(allocation: Allocation, event: Omit<TaskEvent, 'time'>): void {
    allocation.events.push({ ...event, time: this.#now() });
    this.#touch(allocation);
  }

  /** Enters the outcome of a check, in place of its last one. */
  check(id: string, check: ServiceCheck): void {
    const allocation = this.#allocations.get(id);
    if (allocation === undefined) return;
    allocation.checks = [...allocation.checks.filter(({ service, name }) => service !== check.service || name !== check.name), check];
  }

  register(options: ServiceOptions): ServiceInstance {
    const index = this.#index.next();
    const id = `_nomad-task-${options.allocationId}-group-${options.jobId}-${options.name}-${options.port}`;
    const instance: ServiceInstance = {
      namespace: 'default',
      tags: [],
      ...options,
      id,
      createIndex: this.#services.get(id)?.createIndex ?? index,
      modifyIndex: index,
    };
    this.#services.set(id, instance);
    this.#index.changed('services', index);
    return instance;
  }

  deregister(id: string): void {
    if (this.#services.delete(id)) this.#index.changed('services', this.#index.next());
  }

  services(namespace: string): ServiceInstance[] {
    return [...this.#services.values()].filter((service) => namespace === '*' || service.namespace === namespace);
  }

  #touch(allocation: Allocation): void {
    allocation.modifyIndex = this.#index.next();
    allocation.modifyTime = this.#now();
    this.#index.changed('allocations', allocation.modifyIndex);
  }

  #now(): bigint {
    return BigInt(this.#clock()) * 1_000_000n + 477_223n;
  }
}
