/** The route table: which path is answered by what, and under which name it is counted. */
import * as acl from './acl-routes.ts';
import * as agent from './agent-routes.ts';
import type { RequestContext } from './context.ts';
import type { IdentityStore } from './identities.ts';
import { variableRoute, variablesRoute } from './variable-routes.ts';
import type { VariableTable } from './variables.ts';
import type { Reply } from './wire.ts';
import { clientAllocationRoute, jobAllocationsRoute, serviceRoute, servicesRoute } from './workload-routes.ts';
import type { Workloads } from './workloads.ts';

/** The parts of the agent that routes read and change. */
export interface AgentParts {
  variables: VariableTable;
  workloads: Workloads;
  identities: IdentityStore;
  /** Description by namespace. */
  namespaces: Map<string, string>;
}

interface Route {
  /** Shown by the request counter, parameters in braces. */
  name: string;
  pattern: RegExp;
  answer: (context: RequestContext, parts: AgentParts, parameters: readonly string[]) => Reply | Promise<Reply>;
}

const ROUTES: readonly Route[] = [
  { name: '/v1/var/{path}', pattern: /^\/v1\/var\/(.*)$/, answer: (context, { variables }, [path = '']) => variableRoute(context, path, variables) },
  { name: '/v1/vars', pattern: /^\/v1\/vars$/, answer: (context, { variables }) => variablesRoute(context, variables) },
  { name: '/v1/services', pattern: /^\/v1\/services$/, answer: (context, { workloads }) => servicesRoute(context, workloads) },
  { name: '/v1/service/{name}', pattern: /^\/v1\/service\/([^/]+)$/, answer: (context, { workloads }, [name = '']) => serviceRoute(context, name, workloads) },
  {
    name: '/v1/job/{id}/allocations',
    pattern: /^\/v1\/job\/(.+)\/allocations$/,
    answer: (context, { workloads }, [id = '']) => jobAllocationsRoute(context, id, workloads),
  },
  {
    name: '/v1/client/allocation/{id}/{action}',
    pattern: /^\/v1\/client\/allocation\/([^/]+)\/([^/]+)$/,
    answer: (context, { workloads }, [id = '', action = '']) => clientAllocationRoute(context, id, action, workloads),
  },
  { name: '/v1/acl/policies', pattern: /^\/v1\/acl\/policies$/, answer: (context, { identities }) => acl.policiesRoute(context, identities) },
  {
    name: '/v1/acl/policy/{name}',
    pattern: /^\/v1\/acl\/policy\/(.*)$/,
    answer: (context, { identities }, [name = '']) => acl.policyRoute(context, name, identities),
  },
  { name: '/v1/acl/token/self', pattern: /^\/v1\/acl\/token\/self$/, answer: (context) => acl.tokenSelfRoute(context) },
  { name: '/v1/acl/token', pattern: /^\/v1\/acl\/token$/, answer: (context, { identities }) => acl.createTokenRoute(context, identities) },
  { name: '/v1/namespaces', pattern: /^\/v1\/namespaces$/, answer: (context, { namespaces }) => agent.namespacesRoute(context, namespaces) },
  {
    name: '/v1/namespace/{name}',
    pattern: /^\/v1\/namespace(?:\/(.*))?$/,
    answer: (context, { namespaces }, [name = '']) => agent.namespaceRoute(context, name, namespaces),
  },
  { name: '/v1/agent/health', pattern: /^\/v1\/agent\/health$/, answer: () => agent.healthRoute() },
  { name: '/v1/agent/self', pattern: /^\/v1\/agent\/self$/, answer: (context) => agent.agentSelfRoute(context) },
  { name: '/v1/status/leader', pattern: /^\/v1\/status\/leader$/, answer: () => agent.leaderRoute() },
];

export function routeName(path: string): string {
  return ROUTES.find(({ pattern }) => pattern.test(path))?.name ?? 'unknown';
}

/** @throws {Refusal} in Nomad's wording; a path nobody knows is an empty 404. */
export async function dispatch(context: RequestContext, parts: AgentParts): Promise<Reply> {
  for (const { pattern, answer } of ROUTES) {
    const match = pattern.exec(context.path);
    // Each pattern is tried in order; only the first that matches is awaited.
    // oxlint-disable-next-line no-await-in-loop
    if (match !== null)
      return await answer(
        context,
        parts,
        match.slice(1).map((parameter) => parameter ?? ''),
      );
  }
  return { status: 404, headers: {}, body: '' };
}
