/** Services and allocations as Nomad writes them: every member, most of them empty. */
import type { Allocation, ServiceCheck, ServiceInstance, TaskEvent } from './workloads.ts';
import type { WireValue } from './wire.ts';

export function serviceStub(service: ServiceInstance, nodeId: string): WireValue {
  return {
    Address: service.address,
    AllocID: service.allocationId,
    CreateIndex: service.createIndex,
    Datacenter: 'dc1',
    ID: service.id,
    JobID: service.jobId,
    ModifyIndex: service.modifyIndex,
    Namespace: service.namespace,
    NodeID: nodeId,
    Port: service.port,
    ServiceName: service.name,
    Tags: service.tags,
  };
}

/** `[{"Namespace","Services":[{"ServiceName","Tags"}]}]`, one row per namespace that has any. */
export function serviceList(services: readonly ServiceInstance[]): WireValue {
  const namespaces = [...new Set(services.map(({ namespace }) => namespace))].sort();
  return namespaces.map((namespace) => {
    const here = services.filter((service) => service.namespace === namespace);
    const names = [...new Set(here.map(({ name }) => name))].sort();
    return {
      Namespace: namespace,
      Services: names.map((name) => ({
        ServiceName: name,
        Tags: [...new Set(here.filter((service) => service.name === name).flatMap(({ tags }) => tags))],
      })),
    };
  });
}

export function allocationStub(allocation: Allocation, nodeId: string): WireValue {
  return {
    ClientDescription: allocation.running ? 'Tasks are running' : 'All tasks have completed',
    ClientStatus: allocation.running ? 'running' : 'complete',
    CreateIndex: allocation.createIndex,
    CreateTime: allocation.createTime,
    DeploymentStatus: { Canary: false, Healthy: allocation.running, ModifyIndex: allocation.createIndex, Timestamp: isoTime(allocation.createTime) },
    DesiredDescription: '',
    DesiredStatus: allocation.running ? 'run' : 'stop',
    DesiredTransition: { ForceReschedule: null, Migrate: null, MigrateDisablePlacement: null, NoShutdownDelay: null, Reschedule: null },
    EvalID: '00000000-0000-0000-0000-000000000000',
    FollowupEvalID: '',
    ID: allocation.id,
    JobID: allocation.jobId,
    JobType: allocation.jobType,
    JobVersion: 0,
    ModifyIndex: allocation.modifyIndex,
    ModifyTime: allocation.modifyTime,
    Name: `${allocation.jobId}.${allocation.group}[0]`,
    Namespace: allocation.namespace,
    NextAllocation: '',
    NodeID: nodeId,
    NodeName: 'emulator',
    PreemptedAllocations: null,
    PreemptedByAllocation: '',
    RescheduleTracker: null,
    TaskGroup: allocation.group,
    TaskStates: Object.fromEntries(Object.keys(allocation.tasks).map((task) => [task, taskState(allocation, task)])),
  };
}

export function checkStub(allocation: Allocation, id: string, check: ServiceCheck): WireValue {
  return {
    Check: check.name,
    Group: `${allocation.jobId}.${allocation.group}[0]`,
    ID: id,
    Mode: 'healthiness',
    Output: check.status === 'success' ? 'nomad: tcp ok' : 'nomad: connection refused',
    Service: check.service,
    Status: check.status,
    Timestamp: Number(allocation.createTime / 1_000_000_000n),
  };
}

function taskState(allocation: Allocation, task: string): WireValue {
  const events = allocation.events.filter((event) => event.task === task);
  return {
    Events: events.map(taskEvent),
    Failed: false,
    FinishedAt: null,
    LastRestart: null,
    Paused: '',
    Restarts: events.filter(({ type }) => type === 'Restarting').length,
    StartedAt: isoTime(allocation.createTime),
    State: allocation.running ? 'running' : 'dead',
  };
}

/** Nomad writes every member of every event, most of them empty. */
function taskEvent(event: TaskEvent): WireValue {
  return {
    Details: { ...event.details },
    DiskLimit: 0,
    DisplayMessage: event.message,
    DownloadError: '',
    DriverError: '',
    DriverMessage: '',
    ExitCode: 0,
    FailedSibling: '',
    FailsTask: false,
    GenericSource: '',
    KillError: '',
    KillReason: '',
    KillTimeout: 0,
    Message: '',
    RestartReason: '',
    SetupError: '',
    Signal: 0,
    StartDelay: 0,
    TaskSignal: '',
    TaskSignalReason: '',
    Time: event.time,
    Type: event.type,
    ValidationError: '',
    VaultError: '',
  };
}

function isoTime(nanoseconds: bigint): string {
  return new Date(Number(nanoseconds / 1_000_000n)).toISOString();
}
