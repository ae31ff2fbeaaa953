/** Agent, status and namespaces (command/agent/agent_endpoint.go, namespace_endpoint.go). */
import { z } from 'zod';
import type { RequestContext } from './context.ts';
import { queryHeaders } from './context.ts';
import { parseBody, requireManagement } from './administration.ts';
import { opaqueHash } from './identities.ts';
import { json, permissionDenied, Refusal } from './wire.ts';
import type { Reply, WireValue } from './wire.ts';

export const NOMAD_VERSION = '2.0.5';

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
  return json(
    visible.map(([name, description]) => namespaceStub(name, description)),
    queryHeaders(index),
  );
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
  if (description === undefined) throw new Refusal(404, 'Namespace not found', queryHeaders(context.state.of('namespaces')));
  return json(namespaceStub(name, description), queryHeaders(context.state.of('namespaces')));
}

function namespaceStub(name: string, description: string): WireValue {
  return {
    Capabilities: null,
    ConsulConfiguration: null,
    CreateIndex: 1,
    Description: description,
    Hash: opaqueHash(`${name}${description}`),
    Meta: null,
    ModifyIndex: 1,
    Name: name,
    NodePoolConfiguration: null,
    OptionalExtraClaims: null,
    Quota: '',
    RequiredExtraClaims: null,
    VaultConfiguration: null,
  };
}
