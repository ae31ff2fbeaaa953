/** Agent, status, namespaces and the ACL administration that setting up a cluster takes (command/agent/acl_endpoint.go). */
import { z } from 'zod';
import type { JobAcl, Policy } from './acl.ts';
import type { RequestContext } from './context.ts';
import { queryHeaders } from './context.ts';
import type { IdentityStore, Token } from './identities.ts';
import { tokenHash } from './identities.ts';
import { decodeObject, json, permissionDenied, Refusal } from './wire.ts';
import type { Reply, WireValue } from './wire.ts';

export const NOMAD_VERSION = '2.0.5';

const policyBody = z.object({
  Name: z.string(),
  Description: z.string().optional(),
  Rules: z.string(),
  JobACL: z
    .object({ Namespace: z.string().optional(), JobID: z.string(), Group: z.string().optional(), Task: z.string().optional() })
    .nullish(),
});
const tokenBody = z.object({ Name: z.string().default(''), Type: z.enum(['client', 'management']), Policies: z.array(z.string()).nullish() });
const namespaceBody = z.object({ Name: z.string().regex(/^[a-zA-Z0-9-]{1,128}$/), Description: z.string().optional() });

export function healthRoute(): Reply {
  return json({ client: { message: 'ok', ok: true }, server: { message: 'ok', ok: true } });
}

export function leaderRoute(): Reply {
  return json('127.0.0.1:4647');
}

export function agentSelfRoute(context: RequestContext): Reply {
  if (!context.acl().allowsAgentRead) throw permissionDenied();
  return json({
    config: { ACL: { Enabled: true }, Datacenter: 'dc1', Region: 'global', Version: { Version: NOMAD_VERSION, VersionMetadata: '', VersionPrerelease: '' } },
    member: { Name: 'emulator.global', Status: 'alive' },
    stats: { nomad: { leader: 'true', server: 'true' } },
  });
}

export function namespacesRoute(context: RequestContext, namespaces: ReadonlyMap<string, string>): Reply {
  const acl = context.acl();
  const index = context.state.of('namespaces');
  const visible = [...namespaces].filter(([name]) => acl.seesNamespace(name));
  return json(visible.map(([name, description]) => namespaceStub(name, description)), queryHeaders(index));
}

export function namespaceRoute(context: RequestContext, name: string, namespaces: Map<string, string>): Reply {
  if (context.method === 'PUT' || context.method === 'POST') {
    requireManagement(context);
    const body = parseBody(namespaceBody, context);
    namespaces.set(body.Name, body.Description ?? '');
    const index = context.state.next();
    context.state.changed('namespaces', index);
    return { status: 200, headers: { 'X-Nomad-Index': String(index) }, body: '' };
  }
  const description = namespaces.get(name);
  if (!context.acl().seesNamespace(name)) throw permissionDenied();
  if (description === undefined) throw new Refusal(404, 'Namespace not found');
  return json(namespaceStub(name, description), queryHeaders(context.state.of('namespaces')));
}

function namespaceStub(name: string, description: string): WireValue {
  return { Capabilities: null, CreateIndex: 1, Description: description, Meta: null, ModifyIndex: 1, Name: name, NodePoolConfiguration: { Allowed: null, Default: 'default', Denied: null }, Quota: '' };
}

export function policiesRoute(context: RequestContext, identities: IdentityStore): Reply {
  requireManagement(context);
  return json(identities.policies.map(policyStub), queryHeaders(context.state.of('acl')));
}

export function policyRoute(context: RequestContext, name: string, identities: IdentityStore): Reply {
  if (name === '') throw new Refusal(400, 'Missing Policy Name');
  switch (context.method) {
    case 'GET': {
      requireManagement(context);
      const policy = identities.policy(name);
      if (policy === undefined) throw new Refusal(404, 'ACL policy not found', queryHeaders(context.state.of('acl')));
      return json(policyObject(policy), queryHeaders(context.state.of('acl')));
    }
    case 'PUT':
    case 'POST':
      return putPolicy(context, name, identities);
    case 'DELETE':
      requireManagement(context);
      identities.deletePolicy(name);
      return { status: 200, headers: { 'X-Nomad-Index': String(context.state.of('acl')) }, body: '' };
    default:
      throw new Refusal(405, 'Invalid method');
  }
}

function putPolicy(context: RequestContext, name: string, identities: IdentityStore): Reply {
  const body = parseBody(policyBody, context);
  if (body.Name !== name) throw new Refusal(400, 'ACL policy name does not match request path');
  requireManagement(context);
  try {
    const policy = identities.putPolicy(name, body.Rules, { description: body.Description ?? '', jobAcl: jobAclOf(body.JobACL) });
    return { status: 200, headers: { 'X-Nomad-Index': String(policy.modifyIndex) }, body: '' };
  } catch (thrown) {
    throw new Refusal(400, `policy 0 invalid: ${thrown instanceof Error ? thrown.message : 'unreadable rules'}`);
  }
}

function jobAclOf(body: z.infer<typeof policyBody>['JobACL']): JobAcl | undefined {
  if (body === undefined || body === null) return undefined;
  return { namespace: body.Namespace ?? 'default', jobId: body.JobID, group: body.Group ?? '', task: body.Task ?? '' };
}

function policyStub(policy: Policy): WireValue {
  return { Name: policy.name, Description: policy.description, Hash: '', CreateIndex: policy.createIndex, ModifyIndex: policy.modifyIndex };
}

function policyObject(policy: Policy): WireValue {
  const { jobAcl } = policy;
  return {
    Name: policy.name,
    Description: policy.description,
    Rules: policy.source,
    JobACL: jobAcl === undefined ? null : { Namespace: jobAcl.namespace, JobID: jobAcl.jobId, Group: jobAcl.group ?? '', Task: jobAcl.task ?? '' },
    Hash: '',
    CreateIndex: policy.createIndex,
    ModifyIndex: policy.modifyIndex,
  };
}

export function createTokenRoute(context: RequestContext, identities: IdentityStore): Reply {
  if (context.method !== 'PUT' && context.method !== 'POST') throw new Refusal(405, 'Invalid method');
  const body = parseBody(tokenBody, context);
  requireManagement(context);
  const token = identities.createToken({ name: body.Name, type: body.Type, policies: body.Policies ?? [] });
  return json(tokenObject(token), { 'X-Nomad-Index': String(token.createIndex) });
}

export function tokenSelfRoute(context: RequestContext): Reply {
  const { caller } = context;
  if (caller.kind === 'unknown' || caller.kind === 'workload') throw permissionDenied();
  if (caller.token === undefined) return json(ANONYMOUS_TOKEN, queryHeaders(0));
  return json(tokenObject(caller.token), queryHeaders(caller.token.createIndex));
}

const ANONYMOUS_TOKEN: WireValue = {
  ExpirationTTL: '',
  AccessorID: 'anonymous',
  SecretID: '',
  Name: 'Anonymous Token',
  Type: 'client',
  Policies: ['anonymous'],
  Roles: null,
  Global: false,
  Hash: null,
  CreateTime: '0001-01-01T00:00:00Z',
  ExpirationTime: null,
  CreateIndex: 0,
  ModifyIndex: 0,
};

function tokenObject(token: Token): WireValue {
  return {
    ExpirationTTL: '',
    AccessorID: token.accessorId,
    SecretID: token.secretId,
    Name: token.name,
    Type: token.type,
    Policies: token.policies.length === 0 ? null : token.policies,
    Roles: null,
    Global: false,
    Hash: tokenHash(token),
    CreateTime: token.createTime.toISOString(),
    ExpirationTime: null,
    CreateIndex: token.createIndex,
    ModifyIndex: token.createIndex,
  };
}

function requireManagement(context: RequestContext): void {
  if (!context.acl().isManagement) throw permissionDenied();
}

function parseBody<T>(schema: z.ZodType<T>, context: RequestContext): T {
  const parsed = schema.safeParse(decodeObject(context.body, 'structs.Request'));
  if (!parsed.success) throw new Refusal(400, `json: ${parsed.error.issues[0]?.message ?? 'invalid body'}`);
  return parsed.data;
}
