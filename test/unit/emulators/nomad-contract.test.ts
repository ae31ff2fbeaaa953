/**
 * The Nomad emulator answers every recorded request as the real agent did. With `NOMAD_ADDR` and a management
 * `NOMAD_TOKEN`, the same recordings are replayed against that agent, which must hold no variables: they are overwritten.
 */
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { departures, loadExchanges, send, Substitutions } from '../../emulators/nomad/contract.ts';
import type { Destination, Exchange } from '../../emulators/nomad/contract.ts';
import { startNomad } from '../../emulators/nomad/nomad.ts';
import type { NomadEmulator } from '../../emulators/nomad/nomad.ts';

const VARIABLES = loadExchanges(new URL('../../emulators/nomad/fixtures/variables.json', import.meta.url));
const EDGES = loadExchanges(new URL('../../emulators/nomad/fixtures/edges.json', import.meta.url));
const TASK_API = loadExchanges(new URL('../../emulators/nomad/fixtures/task-api.json', import.meta.url));

const POLICIES = {
  w: 'namespace "default" { variables { path "nomad/jobs/proxy" { capabilities = ["write", "list"] } } }',
  r: 'namespace "default" { variables { path "nomad/jobs/proxy" { capabilities = ["read"] } } }',
  n: 'namespace "default" { policy = "write" }',
};
const ROLES = { writer: 'w', reader: 'r', nsread: 'n' };

/** Writes the policies and makes the tokens of the recording, over HTTP as an operator does. */
async function createRoles(destination: Destination, management: string): Promise<Record<string, string>> {
  for (const [name, rules] of Object.entries(POLICIES)) {
    const answer = await send(destination, 'POST', `/v1/acl/policy/${name}`, management, JSON.stringify({ Name: name, Rules: rules }));
    expect(answer.status, answer.body).toBe(200);
  }
  const tokens: Record<string, string> = { management, bad: randomUUID() };
  for (const [role, policy] of Object.entries(ROLES)) {
    const answer = await send(destination, 'POST', '/v1/acl/token', management, JSON.stringify({ Name: role, Type: 'client', Policies: [policy] }));
    expect(answer.status, answer.body).toBe(200);
    tokens[role] = z.object({ SecretID: z.string() }).parse(JSON.parse(answer.body)).SecretID;
  }
  return tokens;
}

async function replay(exchange: Exchange, destination: Destination, token: string | undefined, substitutions: Substitutions): Promise<string[]> {
  const { method, path, body } = exchange.request;
  const actual = await send(destination, method, substitutions.path(path), token, substitutions.body(body));
  substitutions.learnIndexes(exchange.response, actual);
  return departures(exchange.response, actual, substitutions);
}

describe.each([
  ['variables and neighbours', VARIABLES],
  ['edges', EDGES],
])('the emulator answers as the recorded agent: %s', (_recording, exchanges) => {
  const substitutions = new Substitutions();
  let nomad: NomadEmulator;
  let tokens: Record<string, string>;

  beforeAll(async () => {
    nomad = await startNomad();
    tokens = await createRoles({ origin: nomad.address }, nomad.managementToken);
  });
  afterAll(() => nomad.stop());

  it.each(exchanges.map((exchange) => [exchange.name, exchange] as const))('%s', async (_name, exchange) => {
    const token = exchange.token === null || exchange.token === undefined ? undefined : tokens[exchange.token];
    expect(await replay(exchange, { origin: nomad.address }, token, substitutions)).toEqual([]);
  });
});

describe('the emulator answers as the recorded agent: the Task API socket', () => {
  const substitutions = new Substitutions();
  const socketPath = join(tmpdir(), `perennial-${randomUUID().slice(0, 8)}.sock`);
  let nomad: NomadEmulator;
  let identity: string;

  beforeAll(async () => {
    nomad = await startNomad({ socketPath });
    const jobAcl = { namespace: 'default', jobId: 'relay' };
    identity = nomad.identities.issueWorkload({ ...jobAcl, group: 'relay', task: 'relay' });
    nomad.identities.putPolicy('relay', POLICIES.w, { jobAcl });
    nomad.variables.put('default', 'nomad/jobs/proxy', { certificate: '<PEM>', key: '<PEM>' }, undefined);
    const written = nomad.variables.get('default', 'nomad/jobs/proxy');
    const allocation = nomad.workloads.start({ jobId: 'proxy', jobType: 'system', tasks: { traefik: {} } });
    nomad.workloads.register({ name: 'traefik', address: '127.0.0.1', port: 8443, jobId: 'proxy', allocationId: allocation.id });
    substitutions.text('f6ca0092-48c2-cbd6-3a4b-61747f029b61', allocation.id);
    substitutions.text('f6ca0092-48c2-cbd6-3a4b-61747f029b60', randomUUID());
    expect(written?.createIndex).toBeGreaterThan(0);
  });
  afterAll(() => nomad.stop());

  it.each(TASK_API.map((exchange) => [exchange.name, exchange] as const))('%s', async (name, exchange) => {
    if (exchange.via?.includes('alloc-lifecycle') === true) {
      const rules = 'namespace "default" { capabilities = ["read-job", "alloc-lifecycle"] }';
      nomad.identities.putPolicy('relay-signals', rules, { jobAcl: { namespace: 'default', jobId: 'relay' } });
    }
    const token = name === 'no token' ? undefined : name === 'unknown token' ? randomUUID() : identity;
    expect(await replay(exchange, { socketPath }, token, substitutions)).toEqual([]);
  });
});

const realAddress = process.env['NOMAD_ADDR'];
const realToken = process.env['NOMAD_TOKEN'];

describe.skipIf(realAddress === undefined || realToken === undefined).each([
  ['variables and neighbours', VARIABLES],
  ['edges', EDGES],
])('the recording still holds on the agent at NOMAD_ADDR (skipped without NOMAD_ADDR and a management NOMAD_TOKEN): %s', (_recording, exchanges) => {
  const substitutions = new Substitutions();
  const destination = { origin: realAddress ?? 'http://127.0.0.1:4646' };
  const management = realToken ?? '';
  const tokens: Record<string, string> = {};

  async function variables(): Promise<{ Namespace: string; Path: string }[]> {
    const answer = await send(destination, 'GET', '/v1/vars?namespace=*', management, undefined);
    return z.array(z.object({ Namespace: z.string(), Path: z.string() })).parse(JSON.parse(answer.body));
  }

  beforeAll(async () => {
    if ((await variables()).length > 0) throw new Error('this agent holds variables: replaying would overwrite and then delete them');
    Object.assign(tokens, await createRoles(destination, management));
  });
  afterAll(async () => {
    for (const { Namespace, Path } of await variables()) await send(destination, 'DELETE', `/v1/var/${Path}?namespace=${Namespace}`, management, undefined);
  });

  it.each(exchanges.map((exchange) => [exchange.name, exchange] as const))('%s', async (_name, exchange) => {
    const token = exchange.token === null || exchange.token === undefined ? undefined : tokens[exchange.token];
    expect(await replay(exchange, destination, token, substitutions)).toEqual([]);
  });
});
