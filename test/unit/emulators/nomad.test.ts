import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Acl } from '../../emulators/nomad/acl.ts';
import type { VariableRule } from '../../emulators/nomad/acl.ts';
import { decodeFirstValue } from '../../emulators/nomad/go-json.ts';
import { startNomad } from '../../emulators/nomad/nomad.ts';
import type { NomadEmulator } from '../../emulators/nomad/nomad.ts';
import { parsePolicyRules } from '../../emulators/nomad/policy-hcl.ts';
import { parseGoDuration } from '../../emulators/nomad/state.ts';
import { savedVariableSchema } from '../../emulators/nomad/variables.ts';

const PAIR = { Items: { certificate: 'CERT', key: 'KEY' } };
const VARIABLE = '/v1/var/nomad/jobs/proxy';
const CLAIM = { namespace: 'default', jobId: 'relay', group: 'relay', task: 'relay' };

let nomad: NomadEmulator;
const socketPath = join(tmpdir(), `perennial-${randomUUID().slice(0, 8)}.sock`);

beforeEach(async () => {
  nomad = await startNomad({ socketPath });
});
afterEach(() => nomad.stop());

async function call(
  path: string,
  options: { method?: string; token?: string; body?: unknown; signal?: AbortSignal } = {},
): Promise<{ status: number; index: number; body: string }> {
  const { method = 'GET', token = nomad.managementToken, body, signal } = options;
  const response = await fetch(`${nomad.address}${path}`, {
    method,
    headers: { 'x-nomad-token': token },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  return { status: response.status, index: Number(response.headers.get('x-nomad-index')), body: await response.text() };
}

describe('blocking queries', () => {
  it('answer as soon as the variable changes', async () => {
    const first = await call(VARIABLE, { method: 'PUT', body: PAIR });
    const waiting = call(`${VARIABLE}?index=${first.index}&wait=60s`);
    const second = await call(VARIABLE, { method: 'PUT', body: PAIR });
    expect((await waiting).index).toBe(second.index);
  });

  it('answer 404 when the variable is deleted, and 200 when it appears', async () => {
    const written = await call(VARIABLE, { method: 'PUT', body: PAIR });
    const deletion = call(`${VARIABLE}?index=${written.index}&wait=60s`);
    await call(VARIABLE, { method: 'DELETE' });
    const gone = await deletion;
    expect(gone.status).toBe(404);
    const appearance = call(`${VARIABLE}?index=${gone.index}&wait=60s`);
    await call(VARIABLE, { method: 'PUT', body: PAIR });
    expect((await appearance).status).toBe(200);
  });

  it('answer unchanged after the wait', async () => {
    const { index } = await call(VARIABLE, { method: 'PUT', body: PAIR });
    const started = performance.now();
    expect((await call(`${VARIABLE}?index=${index}&wait=80ms`)).index).toBe(index);
    expect(performance.now() - started).toBeGreaterThanOrEqual(75);
  });

  it('work on lists and services too', async () => {
    const list = await call('/v1/vars');
    const services = await call('/v1/service/traefik');
    const waiting = Promise.all([call(`/v1/vars?index=${list.index}&wait=60s`), call(`/v1/service/traefik?index=${services.index}&wait=60s`)]);
    await call(VARIABLE, { method: 'PUT', body: PAIR });
    const { id } = nomad.workloads.start({ jobId: 'proxy', tasks: { traefik: {} } });
    nomad.workloads.register({ name: 'traefik', address: '127.0.0.1', port: 8443, jobId: 'proxy', allocationId: id });
    const [paths, instances] = await waiting;
    expect(JSON.parse(paths.body)).toMatchObject([{ Path: 'nomad/jobs/proxy' }]);
    expect(JSON.parse(instances.body)).toMatchObject([{ Port: 8443, JobID: 'proxy' }]);
  });

  it('end when the caller hangs up', async () => {
    const { index } = await call(VARIABLE, { method: 'PUT', body: PAIR });
    await expect(call(`${VARIABLE}?index=${index}&wait=60s`, { signal: AbortSignal.timeout(50) })).rejects.toThrow(/timeout|aborted/i);
    await nomad.stop();
    nomad = await startNomad({ socketPath });
  });
});

describe('int64 times', () => {
  it('go over the wire with all of their digits', async () => {
    const { body } = await call(VARIABLE, { method: 'PUT', body: PAIR });
    const [, digits = ''] = /"ModifyTime":(\d+)/.exec(body) ?? [];
    expect(digits).toHaveLength(19);
    expect(BigInt(digits)).toBe(nomad.variables.get('default', 'nomad/jobs/proxy')?.modifyTime);
    expect(String(Number(digits))).not.toBe(digits);
  });
});

describe('a workload identity', () => {
  it("reads its own job's variables and no others, and never writes them", async () => {
    const token = nomad.identities.issueWorkload(CLAIM);
    nomad.variables.put('default', 'nomad/jobs/relay/relay/relay', { a: 'b' }, undefined);
    expect((await call('/v1/var/nomad/jobs/relay/relay/relay', { token })).status).toBe(200);
    expect((await call('/v1/var/nomad/jobs/relay/other', { token })).status).toBe(403);
    expect((await call('/v1/var/nomad/jobs/relay', { token, method: 'PUT', body: PAIR })).status).toBe(403);
  });

  it('gains and loses a policy attached to its job at once', async () => {
    const token = nomad.identities.issueWorkload(CLAIM);
    expect((await call(VARIABLE, { token, method: 'PUT', body: PAIR })).status).toBe(403);
    const Rules = 'namespace "default" { variables { path "nomad/jobs/proxy" { capabilities = ["write", "list"] } } }';
    await call('/v1/acl/policy/relay', { method: 'POST', body: { Name: 'relay', Rules, JobACL: { Namespace: 'default', JobID: 'relay' } } });
    expect((await call(VARIABLE, { token, method: 'PUT', body: PAIR })).status).toBe(200);
    await call('/v1/acl/policy/relay', { method: 'DELETE' });
    expect((await call(VARIABLE, { token, method: 'PUT', body: PAIR })).status).toBe(403);
  });

  it('is worth nothing once its allocation has ended', async () => {
    const token = nomad.identities.issueWorkload(CLAIM);
    expect((await call('/v1/services', { token })).status).toBe(200);
    nomad.identities.revokeWorkload(token);
    expect((await call('/v1/services', { token })).status).toBe(403);
  });
});

describe('variable rules', () => {
  function acl(variables: VariableRule[]): Acl {
    return new Acl({ management: false, policies: [{ namespaces: [{ namespace: 'default', variables }] }], claim: { ...CLAIM, jobId: 'proxy' } });
  }

  it('an exact path hides the implicit grant of the job', () => {
    expect(acl([]).allowsVariable('default', 'nomad/jobs/proxy', 'read')).toBe(true);
    expect(acl([{ path: 'nomad/jobs/proxy', capabilities: ['write'] }]).allowsVariable('default', 'nomad/jobs/proxy', 'read')).toBe(false);
  });

  it('the implicit grant comes before a glob, and the closest glob before others', () => {
    const rules = acl([
      { path: 'nomad/jobs/*', capabilities: ['deny'] },
      { path: 'nomad/jobs/relay/*', capabilities: ['write'] },
    ]);
    expect(rules.allowsVariable('default', 'nomad/jobs/proxy', 'read')).toBe(true);
    expect(rules.allowsVariable('default', 'nomad/jobs/relay/keys/a', 'write')).toBe(true);
    expect(rules.allowsVariable('default', 'nomad/jobs/other', 'read')).toBe(false);
  });

  it('are united where they name one path, deny or not, and read brings list', () => {
    const both = acl([
      { path: 'a', capabilities: ['read'] },
      { path: 'a', capabilities: ['deny'] },
      { path: 'b', capabilities: ['read'] },
    ]);
    expect(both.allowsVariable('default', 'a', 'read')).toBe(true);
    expect(acl([{ path: 'a', capabilities: ['deny'] }]).allowsVariable('default', 'a', 'read')).toBe(false);
    expect(both.allowsVariable('default', 'b', 'list')).toBe(true);
  });
});

describe('policy rules', () => {
  it('are read from HCL with comments, several paths and levels', () => {
    const rules = parsePolicyRules(`
      # the relay
      namespace "default" {
        capabilities = ["read-job", "alloc-lifecycle"] // for signals
        variables {
          path "nomad/jobs/proxy" { capabilities = ["read", "write", "list"] }
          path "nomad/jobs/relay/*" {
            capabilities = ["read", "write", "list", "destroy"]
          }
        }
      }
      agent { policy = "read" }
    `);
    expect(rules.agent).toBe('read');
    expect(rules.namespaces[0]?.variables?.map(({ path }) => path)).toEqual(['nomad/jobs/proxy', 'nomad/jobs/relay/*']);
    expect(rules.namespaces[0]?.capabilities).toEqual(['read-job', 'alloc-lifecycle']);
  });

  it.each([
    'nope {',
    'nope "x" { }',
    'namespace "default" { nope = "x" }',
    'namespace "bad name" { policy = "read" }',
    'namespace "default" { policy = "nope" }',
  ])('are refused: %s', (text) => {
    expect(() => parsePolicyRules(text)).toThrow(/Failed to parse ACL Policy/);
  });
});

describe('signals', () => {
  it('reach the task, and restart is told apart', async () => {
    const seen: string[] = [];
    const { id } = nomad.workloads.start({
      jobId: 'proxy',
      tasks: { traefik: { onSignal: (signal) => void seen.push(signal), onRestart: () => void seen.push('restart') } },
    });
    await call(`/v1/client/allocation/${id}/signal`, { method: 'PUT', body: { Signal: 'SIGHUP', Task: 'traefik' } });
    await call(`/v1/client/allocation/${id}/restart`, { method: 'PUT', body: { TaskName: 'traefik' } });
    expect(seen).toEqual(['SIGHUP', 'restart']);
    nomad.workloads.stop(id);
    expect(await call(`/v1/client/allocation/${id}/signal`, { method: 'PUT', body: { Signal: 'SIGHUP', Task: 'traefik' } })).toMatchObject({
      status: 500,
      body: 'Task not running',
    });
  });
});

describe('faults', () => {
  it('answer without a leader for as many requests as ordered', async () => {
    nomad.faults.next({ kind: 'no-leader' }, 2);
    const answers = [await call('/v1/vars'), await call('/v1/vars'), await call('/v1/vars')];
    expect(answers.map(({ status }) => status)).toEqual([500, 500, 200]);
    expect(answers[0]?.body).toBe('rpc error: No cluster leader');
  });

  it('cut the connection before the effect, or after it', async () => {
    nomad.faults.next({ kind: 'cut-before' });
    await expect(call(VARIABLE, { method: 'PUT', body: PAIR })).rejects.toThrow('fetch failed');
    expect(nomad.variables.get('default', 'nomad/jobs/proxy')).toBeUndefined();
    nomad.faults.next({ kind: 'cut-after' });
    await expect(call(VARIABLE, { method: 'PUT', body: PAIR })).rejects.toThrow('fetch failed');
    expect(nomad.variables.get('default', 'nomad/jobs/proxy')?.items).toEqual({ certificate: 'CERT', key: 'KEY' });
  });

  it('slow down only what they are meant for', async () => {
    nomad.faults.next({ kind: 'slow', ms: 500 }, 1, ({ path }) => path === VARIABLE);
    const started = performance.now();
    await call('/v1/vars');
    expect(performance.now() - started).toBeLessThan(450);
    await call(VARIABLE);
    expect(performance.now() - started).toBeGreaterThanOrEqual(490);
  });
});

describe('what a supervisor sees', () => {
  it('counts requests by route and observes variable changes', async () => {
    const changes: string[] = [];
    const stop = nomad.observeVariables((change) => changes.push(change.kind));
    await call(VARIABLE, { method: 'PUT', body: PAIR });
    await call(VARIABLE, { method: 'DELETE' });
    stop();
    await call(VARIABLE, { method: 'PUT', body: PAIR });
    expect(changes).toEqual(['written', 'deleted']);
    expect(nomad.countRequests()).toEqual({ 'PUT /v1/var/{path}': 2, 'DELETE /v1/var/{path}': 1 });
  });

  it('keeps variables over a restart, indexes and times included', async () => {
    await call(VARIABLE, { method: 'PUT', body: PAIR });
    const before = await call(VARIABLE);
    const saved = z.array(savedVariableSchema).parse(JSON.parse(JSON.stringify(nomad.variables.save())));
    await nomad.stop();
    nomad = await startNomad({ socketPath });
    nomad.variables.restore(saved);
    const after = await call(VARIABLE);
    const metadata = /"ModifyIndex":\d+,"ModifyTime":\d+/;
    expect([after.index, metadata.exec(after.body)?.[0]]).toEqual([before.index, metadata.exec(before.body)?.[0]]);
    expect((await call(`${VARIABLE}?cas=${after.index}`, { method: 'PUT', body: PAIR })).index).toBeGreaterThan(after.index);
  });
});

describe('the Task API socket', () => {
  it('speaks the same API to a bearer token', async () => {
    const token = nomad.identities.issueWorkload(CLAIM);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      request({ socketPath, path: '/v1/services', headers: { authorization: `Bearer ${token}` } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });
});

describe("Go's readings", () => {
  it('of durations', () => {
    expect(['500ms', '60s', '5m', '1h30m', '1.5s', '0', '', 'abc', '5'].map(parseGoDuration)).toEqual([
      500,
      60_000,
      300_000,
      5_400_000,
      1_500,
      0,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('of JSON: every value that JSON can write is read back, whatever follows it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('', ' ', ' nope'), (value, rest) => {
        const text = JSON.stringify(value);
        expect(decodeFirstValue(`${text}${rest}`)).toEqual(JSON.parse(text));
      }),
    );
  });
});

describe('the shipped policies', () => {
  const folder = new URL('../../../infra/nomad/', import.meta.url);
  it.each(readdirSync(folder).filter((name) => name.endsWith('.policy.hcl')))('%s is accepted', async (name) => {
    const Rules = readFileSync(new URL(name, folder), 'utf8');
    expect(await call('/v1/acl/policy/shipped', { method: 'POST', body: { Name: 'shipped', Rules } })).toMatchObject({ status: 200, body: '' });
  });
});
