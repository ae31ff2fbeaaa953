/**
 * Nomad 2.0.5 as the relay and a template see it: variables, services, allocations, ACL, over TCP and the Task API
 * socket. Held to exchanges recorded on a real agent (`fixtures/`) by `test/unit/emulators/nomad-contract.test.ts`.
 */
import { rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import { FaultPlan } from './faults.ts';
import { IdentityStore } from './identities.ts';
import { createListener } from './listener.ts';
import { dispatch, routeName } from './routes.ts';
import { StateIndex } from './state.ts';
import type { VariableChange } from './variables.ts';
import { VariableTable } from './variables.ts';
import { Workloads } from './workloads.ts';

export interface NomadOptions {
  /** TCP port on 127.0.0.1; 0 (the default) picks a free one. */
  port?: number;
  /** Where to listen as the Task API socket too; the path stays below 108 bytes. */
  socketPath?: string;
  clock?: Clock;
  /** Secret of the management token; generated when absent. */
  managementToken?: string;
}

export interface CountedRequest {
  method: string;
  /** The route's name, e.g. `/v1/var/{path}`. */
  route: string;
  path: string;
  /** `cut` when the connection was broken on purpose. */
  outcome: number | 'cut';
}

/** A started emulator. Everything it offers to tests beyond HTTP is here. */
export interface NomadEmulator {
  /** e.g. `http://127.0.0.1:4646`, as `NOMAD_ADDR`. */
  readonly address: string;
  readonly socketPath: string | undefined;
  readonly managementToken: string;
  readonly variables: VariableTable;
  readonly workloads: Workloads;
  readonly identities: IdentityStore;
  readonly namespaces: Map<string, string>;
  readonly faults: FaultPlan;
  readonly state: StateIndex;
  /** Every request since the start or the last {@link resetRequests}. */
  readonly requests: readonly CountedRequest[];
  /** How many requests were made, by `METHOD route`. */
  countRequests(): Record<string, number>;
  resetRequests(): void;
  observeVariables(observer: (change: VariableChange) => void): () => void;
  /** Ends connections and blocking queries and removes the socket. */
  stop(): Promise<void>;
}

export async function startNomad(options: NomadOptions = {}): Promise<NomadEmulator> {
  const clock = options.clock ?? Date.now;
  const state = new StateIndex();
  const identities = new IdentityStore(state);
  const variables = new VariableTable(state, clock);
  const workloads = new Workloads(state, clock);
  const namespaces = new Map([['default', 'Default shared namespace']]);
  const faults = new FaultPlan();
  const requests: CountedRequest[] = [];
  const management = identities.createToken({
    name: 'Bootstrap Token',
    type: 'management',
    ...(options.managementToken === undefined ? {} : { secretId: options.managementToken }),
  });
  const parts = { variables, workloads, identities, namespaces };
  const listenerParts = {
    state,
    identities,
    faults,
    dispatch: (context: Parameters<typeof dispatch>[0]) => dispatch(context, parts),
    count: (method: string, path: string, outcome: number | 'cut') => requests.push({ method, route: routeName(path), path, outcome }),
  };
  const tcp = createListener(listenerParts, false);
  await listen(tcp, { port: options.port ?? 0, host: '127.0.0.1' });
  const servers = [tcp];
  if (options.socketPath !== undefined) {
    await rm(options.socketPath, { force: true });
    const socket = createListener(listenerParts, true);
    await listen(socket, { path: options.socketPath });
    servers.push(socket);
  }
  return {
    address: `http://127.0.0.1:${z.object({ port: z.number() }).parse(tcp.address()).port}`,
    socketPath: options.socketPath,
    managementToken: management.secretId,
    variables,
    workloads,
    identities,
    namespaces,
    faults,
    state,
    requests,
    countRequests: () => tally(requests),
    resetRequests: () => {
      requests.length = 0;
    },
    observeVariables: (observer) => variables.observe(observer),
    stop: async () => {
      await Promise.all(servers.map(close));
    },
  };
}

function tally(requests: readonly CountedRequest[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { method, route } of requests) counts[`${method} ${route}`] = (counts[`${method} ${route}`] ?? 0) + 1;
  return counts;
}

async function listen(server: Server, where: { port: number; host: string } | { path: string }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, resolve);
  });
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
