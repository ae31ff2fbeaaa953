/**
 * `/v1/var/<path>` and `/v1/vars` (command/agent/variable_endpoint.go, nomad/variables_endpoint.go). The order of the
 * checks is Nomad's: method, body and `cas` at the agent; then rights, then the variable itself at the server.
 */
import type { RequestContext } from './context.ts';
import { queryHeaders } from './context.ts';
import { refuseVariable, variableMetadata, variableWithItems } from './variables.ts';
import type { ApplyResult, VariableTable } from './variables.ts';
import { decodeObject, json, member, PLAIN_TEXT, encodeWire, permissionDenied, Refusal, stringMapMember, stringMember } from './wire.ts';
import type { Reply } from './wire.ts';

const GO_STRUCT = 'VariableDecrypted';
const LOCK_PARAMETERS = ['lock-acquire', 'lock-release', 'lock-renew'];
const MAX_UINT64 = 18_446_744_073_709_551_615n;
/** A write that failed at the server answers with the index of the empty response. */
const NO_INDEX = { 'X-Nomad-Index': '0' };

export async function variableRoute(context: RequestContext, path: string, table: VariableTable): Promise<Reply> {
  if (path === '') throw new Refusal(400, 'missing variable path');
  switch (context.method) {
    case 'GET':
      return readVariable(context, path, table);
    case 'PUT':
    case 'POST':
      return writeVariable(context, path, table);
    case 'DELETE':
      return deleteVariable(context, path, table);
    default:
      throw new Refusal(400, 'Invalid method');
  }
}

async function readVariable(context: RequestContext, path: string, table: VariableTable): Promise<Reply> {
  const acl = context.acl();
  const { namespace } = context;
  if (!acl.allowsVariable(namespace, path, 'read')) throw permissionDenied();
  const { index, variable } = await context.block(() => {
    const row = table.get(namespace, path);
    return { variable: row, index: row?.modifyIndex ?? context.state.of('variables') };
  });
  if (variable === undefined) throw new Refusal(404, 'variable not found', queryHeaders(index));
  return json(variableWithItems(variable), queryHeaders(index));
}

function writeVariable(context: RequestContext, path: string, table: VariableTable): Reply {
  if (LOCK_PARAMETERS.some((name) => context.query.has(name))) throw new Refusal(500, 'variable locks are not emulated');
  const body = decodeObject(context.body, `structs.${GO_STRUCT}`);
  const items = stringMapMember(body, 'Items', GO_STRUCT);
  const bodyNamespace = stringMember(body, 'Namespace', `${GO_STRUCT}.VariableMetadata`);
  if (Object.keys(items).length === 0) throw new Refusal(400, 'variable missing required Items object');
  const cas = parseCas(context);
  const namespace = bodyNamespace === '' ? context.namespace : bodyNamespace;
  const acl = context.acl(NO_INDEX);
  if (!acl.allowsVariableByPolicy(namespace, path, 'write')) throw permissionDenied(NO_INDEX);
  const refused = member(body, 'Lock') === undefined ? refuseVariable(namespace, path, items) : 'RPC Error:: 400,variable should not contain lock definition';
  if (refused !== undefined) throw new Refusal(400, `RPC Error:: 400,${refused}`, NO_INDEX);
  const result = table.put(namespace, path, items, cas);
  if (!result.ok) return conflict(result, acl.allowsVariableByPolicy(namespace, path, 'read'));
  const headers = { 'X-Nomad-Index': String(result.index) };
  return result.variable === undefined ? { status: 200, headers, body: '' } : json(variableWithItems(result.variable), headers);
}

function deleteVariable(context: RequestContext, path: string, table: VariableTable): Reply {
  const cas = parseCas(context);
  const acl = context.acl(NO_INDEX);
  if (!acl.allowsVariableByPolicy(context.namespace, path, 'destroy')) throw permissionDenied(NO_INDEX);
  const result = table.delete(context.namespace, path, cas);
  if (!result.ok) return conflict(result, acl.allowsVariableByPolicy(context.namespace, path, 'read'));
  return { status: 204, headers: { 'X-Nomad-Index': String(result.index) }, body: '' };
}

/** The status is written before the Content-Type is set, so Go sniffs this JSON and calls it plain text. */
function conflict(result: ApplyResult & { ok: false }, mayRead: boolean): Reply {
  const { conflict: variable } = result;
  const shown = mayRead && variable.modifyIndex > 0 ? variableWithItems(variable) : variableMetadata(variable);
  return { status: 409, headers: { 'X-Nomad-Index': String(variable.modifyIndex), 'Content-Type': PLAIN_TEXT }, body: encodeWire(shown) };
}

function parseCas(context: RequestContext): number | undefined {
  const text = context.query.get('cas');
  if (text === null || text === '') return undefined;
  const refused = (reason: string): Refusal => new Refusal(400, `can not parse cas: strconv.ParseUint: parsing ${JSON.stringify(text)}: ${reason}`);
  if (!/^\d+$/.test(text)) throw refused('invalid syntax');
  if (BigInt(text) > MAX_UINT64) throw refused('value out of range');
  return Number(text);
}

/** Lists metadata, path by path as the caller's `list` capability allows: without any the list is empty, not refused. */
export async function variablesRoute(context: RequestContext, table: VariableTable): Promise<Reply> {
  if (context.method !== 'GET') throw new Refusal(405, 'Invalid method');
  const acl = context.acl();
  const prefix = context.query.get('prefix') ?? '';
  const perPage = Number(context.query.get('per_page') ?? '0');
  const start = context.query.get('next_token') ?? '';
  const { index, rows } = await context.block(() => ({
    index: context.state.of('variables'),
    rows: table.list(context.namespace, prefix).filter((row) => acl.allowsVariable(row.namespace, row.path, 'list')),
  }));
  // A token between two rows starts at the later one; `reverse` changes nothing here (recorded).
  const rest = rows.filter((row) => `${row.namespace}.${row.path}` >= start);
  const page = perPage > 0 ? rest.slice(0, perPage) : rest;
  const following = rest[page.length];
  const next = following === undefined ? {} : { 'X-Nomad-NextToken': `${following.namespace}.${following.path}` };
  return json(page.map(variableMetadata), { ...queryHeaders(index), ...next });
}
