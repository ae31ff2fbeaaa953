/** Services, allocations and their signals (command/agent/service_registration_endpoint.go, alloc_endpoint.go). */
import type { RequestContext } from './context.ts';
import { queryHeaders } from './context.ts';
import type { Allocation, Workloads } from './workloads.ts';
import { allocationStub, checkStub, serviceList, serviceStub } from './workload-stubs.ts';
import { decodeObject, json, member, permissionDenied, Refusal, stringMember } from './wire.ts';
import type { Reply } from './wire.ts';

export async function serviceRoute(context: RequestContext, name: string, workloads: Workloads): Promise<Reply> {
  requireMethod(context, 'GET');
  if (!context.acl().allowsServices(context.namespace)) throw permissionDenied();
  const { index, instances } = await context.block(() => ({
    index: context.state.of('services'),
    instances: workloads.services(context.namespace).filter((service) => service.name === name),
  }));
  return json(
    instances.map((instance) => serviceStub(instance, workloads.nodeId)),
    queryHeaders(index),
  );
}

export async function servicesRoute(context: RequestContext, workloads: Workloads): Promise<Reply> {
  requireMethod(context, 'GET');
  if (!context.acl().allowsServices(context.namespace)) throw permissionDenied();
  const { index, instances } = await context.block(() => ({
    index: context.state.of('services'),
    instances: workloads.services(context.namespace),
  }));
  return json(serviceList(instances), queryHeaders(index));
}

export async function jobAllocationsRoute(context: RequestContext, jobId: string, workloads: Workloads): Promise<Reply> {
  requireMethod(context, 'GET');
  if (!context.acl().allowsNamespace(context.namespace, 'read-job')) throw permissionDenied();
  const { index, allocations } = await context.block(() => ({
    index: workloads.allocationIndex,
    allocations: workloads.allocationsOf(context.namespace, jobId),
  }));
  return json(
    allocations.map((allocation) => allocationStub(allocation, workloads.nodeId)),
    queryHeaders(index),
  );
}

/** `/v1/client/allocation/<id>/signal`, `/restart`, `/checks`. The member is `Task` for one and `TaskName` for the other. */
export async function clientAllocationRoute(context: RequestContext, id: string, action: string, workloads: Workloads): Promise<Reply> {
  if (action === 'checks') return allocationChecks(context, id, workloads);
  if (action !== 'signal' && action !== 'restart') throw new Refusal(404, 'resource not found');
  requireMethod(context, 'PUT', 'POST');
  const body = decodeClientBody(context.body, action);
  const acl = context.acl();
  const allocation = workloads.allocation(id);
  if (allocation === undefined) throw new Refusal(404, `Unknown allocation ${JSON.stringify(id)}`);
  if (!acl.allowsNamespace(allocation.namespace, 'alloc-lifecycle')) throw permissionDenied();
  const task = stringMember(body, action === 'signal' ? 'Task' : 'TaskName', action === 'signal' ? 'AllocSignalRequest' : '');
  const names = task === '' ? Object.keys(allocation.tasks) : [task];
  const signal = action === 'signal' ? stringMember(body, 'Signal', 'AllocSignalRequest') : undefined;
  for (const name of names) {
    // Tasks are told one after the other, as the allocation runner does.
    // oxlint-disable-next-line no-await-in-loop
    await tell(allocation, name, signal, workloads);
  }
  return json({ Index: 0 });
}

/** Each check by its id (an MD5 of its coordinates in Nomad). Held to the documents, not to a recording. */
function allocationChecks(context: RequestContext, id: string, workloads: Workloads): Reply {
  requireMethod(context, 'GET');
  const acl = context.acl();
  const allocation = workloads.allocation(id);
  if (allocation === undefined) throw new Refusal(404, `Unknown allocation ${JSON.stringify(id)}`);
  if (!acl.allowsNamespace(allocation.namespace, 'read-job')) throw permissionDenied();
  return json(Object.fromEntries(allocation.checks.map((check, index) => [`check-${index}`, checkStub(allocation, `check-${index}`, check)])));
}

function decodeClientBody(body: string, action: 'signal' | 'restart'): Record<string, unknown> {
  if (action === 'restart' && body === '') return {};
  try {
    const decoded = decodeObject(body, 'structs.AllocSignalRequest');
    if (member(decoded, 'AllTasks') === true) delete decoded['TaskName'];
    return decoded;
  } catch (thrown) {
    if (thrown instanceof Refusal && action === 'signal') throw new Refusal(400, `Failed to decode body: ${thrown.message}`);
    throw thrown instanceof Refusal ? new Refusal(500, thrown.message) : thrown;
  }
}

async function tell(allocation: Allocation, task: string, signal: string | undefined, workloads: Workloads): Promise<void> {
  const callbacks = allocation.tasks[task];
  if (callbacks === undefined) throw new Refusal(500, signal === undefined ? `Could not find task runner for task: ${task}` : 'Task not found');
  if (!allocation.running) throw new Refusal(500, 'Task not running');
  if (signal === undefined) {
    workloads.record(allocation, { task, type: 'Restart Signaled', message: 'User requested task to restart', details: {} });
    workloads.record(allocation, { task, type: 'Restarting', message: 'Task restarting in 0s', details: {} });
    await callbacks.onRestart?.();
    return;
  }
  workloads.record(allocation, { task, type: 'Signaling', message: 'Task being sent a signal', details: { signal } });
  await callbacks.onSignal?.(signal);
}

function requireMethod(context: RequestContext, ...methods: string[]): void {
  if (!methods.includes(context.method)) throw new Refusal(405, 'Invalid method');
}
