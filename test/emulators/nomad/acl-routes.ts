/** Policies and tokens, as far as setting up a cluster takes them (command/agent/acl_endpoint.go). */
import { z } from 'zod';
import type { JobAcl, NamespaceRule, Policy } from './acl.ts';
import { namespaceCapabilities } from './acl.ts';
import { parseBody, requireManagement } from './administration.ts';
import type { RequestContext } from './context.ts';
import { queryHeaders } from './context.ts';
import type { IdentityStore, Token } from './identities.ts';
import { policyHash, tokenHash } from './identities.ts';
import { json, permissionDenied, Refusal } from './wire.ts';
import type { Reply, WireValue } from './wire.ts';

const policyBody = z.object({
  Name: z.string(),
  Description: z.string().optional(),
  Rules: z.string(),
  JobACL: z.object({ Namespace: z.string().optional(), JobID: z.string(), Group: z.string().optional(), Task: z.string().optional() }).nullish(),
});
const tokenBody = z.object({ Name: z.string().default(''), Type: z.string().default(''), Policies: z.array(z.string()).nullish() });

export function policiesRoute(context: RequestContext, identities: IdentityStore): Reply {
  const acl = context.acl();
  const own = context.caller.kind === 'token' ? (context.caller.token?.policies ?? []) : [];
  const visible = identities.policies.filter(({ name }) => acl.isManagement || own.includes(name));
  return json(visible.map(policyStub), queryHeaders(context.state.of('acl')));
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
    throw invalid('policy', `failed to parse rules: ${thrown instanceof Error ? thrown.message : 'unreadable'}`);
  }
}

function jobAclOf(body: z.infer<typeof policyBody>['JobACL']): JobAcl | undefined {
  if (body === undefined || body === null) return undefined;
  return { namespace: body.Namespace ?? 'default', jobId: body.JobID, group: body.Group ?? '', task: body.Task ?? '' };
}

/** The rules as the server has parsed and expanded them. */
function rulesObject({ rules, source }: Policy): WireValue {
  const level = (policy: string | undefined): WireValue => (policy === undefined ? null : { Policy: policy });
  return {
    Agent: level(rules.agent),
    ExtraKeysHCL: null,
    HostVolumes: null,
    Namespaces: rules.namespaces.map((rule) => ({
      Capabilities: namespaceCapabilities(rule),
      Name: rule.namespace,
      Policy: rule.policy ?? '',
      Variables: variablesObject(rule),
    })),
    Node: level(rules.node),
    NodePools: null,
    Operator: level(rules.operator),
    Plugin: null,
    Quota: null,
    Raw: source,
    Sentinel: null,
  };
}

function variablesObject({ variables = [] }: NamespaceRule): WireValue {
  if (variables.length === 0) return null;
  return { Paths: variables.map(({ capabilities, path }) => ({ Capabilities: capabilities, PathSpec: path })) };
}

function policyStub(policy: Policy): WireValue {
  const { createIndex, description, jobAcl, modifyIndex, name } = policy;
  return { CreateIndex: createIndex, Description: description, Hash: policyHash(policy), JobACL: jobAclObject(jobAcl), ModifyIndex: modifyIndex, Name: name };
}

function jobAclObject(jobAcl: JobAcl | undefined): WireValue {
  if (jobAcl === undefined) return null;
  return { Group: jobAcl.group ?? '', JobID: jobAcl.jobId, Namespace: jobAcl.namespace, Task: jobAcl.task ?? '' };
}

/** A validation error as Go's multierror prints it. */
function invalid(what: 'policy' | 'token', reason: string): Refusal {
  return new Refusal(400, `${what} 0 invalid: 1 error occurred:\n\t* ${reason}\n\n`);
}

function policyObject(policy: Policy): WireValue {
  return {
    Name: policy.name,
    Description: policy.description,
    Rules: policy.source,
    RulesJSON: rulesObject(policy),
    JobACL: jobAclObject(policy.jobAcl),
    Hash: policyHash(policy),
    CreateIndex: policy.createIndex,
    ModifyIndex: policy.modifyIndex,
  };
}

export function createTokenRoute(context: RequestContext, identities: IdentityStore): Reply {
  if (context.method !== 'PUT' && context.method !== 'POST') throw new Refusal(405, 'Invalid method');
  const body = parseBody(tokenBody, context);
  requireManagement(context);
  const type = body.Type;
  if (type !== 'client' && type !== 'management') throw invalid('token', 'token type must be client or management');
  const token = identities.createToken({ name: body.Name, type, policies: body.Policies ?? [] });
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
