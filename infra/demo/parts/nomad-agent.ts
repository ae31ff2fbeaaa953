/**
 * A real Nomad agent on this machine: gets the shipped policy and the shipped jobs in their raw_exec variant, so that the
 * relay and Traefik run as its tasks. What the demo registered is recognised by its meta and taken away at the end.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { PerennialError } from '../../../shared/errors.ts';
import { ROOT } from '../../build/source.ts';
import type { Variables } from '../executables.ts';
import { ask } from '../request.ts';
import { askNomad, refused, type NomadPart } from './nomad.ts';

/** Meta key that marks the demo's jobs. */
const MARK = 'perennial_demo';
const STOP_TIMEOUT_MS = 30_000;
/** Variable and item of the relay's identity, as the shipped policy expects them. */
export const IDENTITY = { variable: 'nomad/jobs/relay', item: 'identity' } as const;

const jobSchema = z.looseObject({
  ID: z.string(),
  Stop: z.boolean().nullish(),
  Status: z.string().nullish(),
  Meta: z.record(z.string(), z.string()).nullish(),
});
const allocationsSchema = z.array(z.object({ ID: z.string(), ClientStatus: z.string(), CreateIndex: z.number() }));
const nodesSchema = z.array(z.object({ Status: z.string(), Drivers: z.record(z.string(), z.object({ Healthy: z.boolean() })).nullish() }));

/** Throws `demo_nomad_unusable` with what is missing: an answer, a token, a node with raw_exec, this machine. */
export async function connectToNomad(environment: Variables): Promise<NomadPart> {
  const address = (environment['NOMAD_ADDR'] ?? '').replace(/\/+$/, '');
  const nomad: NomadPart = {
    kind: 'agent',
    address,
    token: environment['NOMAD_TOKEN'] ?? '',
    ca: environment['NOMAD_CACERT'] === undefined || environment['NOMAD_CACERT'] === '' ? undefined : readFileSync(environment['NOMAD_CACERT'], 'utf8'),
    requests: () => undefined,
    stop: async () => undefined,
  };
  if (!/^https?:\/\/(127(\.\d+){3}|localhost|\[::1\])(:\d+)?$/.test(address)) {
    throw unusable(
      `NOMAD_ADDR is ${address}; the demo's Worker is on this machine's loopback, where only an agent on this machine reaches it`,
      'Start one here: nomad agent -dev -acl-enabled, with raw_exec enabled.',
    );
  }
  await ask(`${address}/v1/status/leader`, { ca: nomad.ca, timeoutMs: 5_000 }).catch((cause: unknown) => {
    throw unusable(
      `Nothing answers at ${address} (${cause instanceof Error ? cause.message : 'unknown'})`,
      'Start the agent, or unset NOMAD_ADDR to use the emulator.',
    );
  });
  const nodes = await askNomad(nomad, 'GET', '/v1/nodes');
  if (nodes.status === 403) throw unusable('Nomad refuses the token', 'Put a management token into NOMAD_TOKEN.');
  if (nodes.status !== 200) throw refused('GET', '/v1/nodes', nodes.status, nodes.body);
  if (!nodesSchema.parse(JSON.parse(nodes.body)).some(({ Status, Drivers }) => Status === 'ready' && Drivers?.['raw_exec']?.Healthy === true)) {
    throw unusable('No client node of this agent is ready with the driver raw_exec', 'Enable it: plugin "raw_exec" { config { enabled = true } }');
  }
  return nomad;
}

/** Attaches the shipped policy to the relay's job. */
export async function applyPolicy(nomad: NomadPart): Promise<void> {
  const path = '/v1/acl/policy/relay';
  const { status, body } = await askNomad(nomad, 'PUT', path, {
    Name: 'relay',
    Description: 'Perennial relay',
    Rules: readFileSync(join(ROOT, 'infra/nomad/relay.policy.hcl'), 'utf8'),
    JobACL: { Namespace: 'default', JobID: 'relay' },
  });
  // Without ACLs everybody may do everything, and there is nothing to attach.
  if (status === 400 && body.includes('ACL support disabled')) return;
  if (status !== 200) throw refused('PUT', path, status, body);
}

/**
 * Registers a shipped job with these HCL variables. Throws `demo_nomad_foreign_job` when a job of that name runs which
 * is not the demo's.
 */
export async function runJob(nomad: NomadPart, id: string, variables: Readonly<Record<string, string | number>>): Promise<void> {
  await refuseForeign(nomad, id);
  const hcl = readFileSync(join(ROOT, `infra/nomad/${id}.nomad.hcl`), 'utf8');
  const parsed = await askNomad(nomad, 'POST', '/v1/jobs/parse', { JobHCL: hcl, Variables: hclVariables(variables), Canonicalize: true });
  if (parsed.status !== 200) throw refused('POST', '/v1/jobs/parse', parsed.status, parsed.body);
  const job = jobSchema.parse(JSON.parse(parsed.body));
  const { status, body } = await askNomad(nomad, 'POST', '/v1/jobs', { Job: { ...job, Meta: { ...job.Meta, [MARK]: 'yes' } } });
  if (status !== 200) throw refused('POST', '/v1/jobs', status, body);
}

/** Takes the demo's jobs away and waits until their tasks have ended. Other jobs of these names are left alone. */
export async function stopJobs(nomad: NomadPart, ids: readonly string[]): Promise<void> {
  const own = (await Promise.all(ids.map(async (id) => ((await isDemoJob(nomad, id)) ? [id] : [])))).flat();
  const allocations = (await Promise.all(own.map((id) => allocationsOf(nomad, id)))).flat();
  for (const id of own) {
    // Forgotten only when its tasks have ended: of a purged job nobody tells any more that they still run.
    // oxlint-disable-next-line no-await-in-loop
    await askNomad(nomad, 'DELETE', `/v1/job/${id}`);
  }
  await untilEnded(
    nomad,
    allocations.map(({ ID }) => ID),
  );
  for (const id of own) {
    // oxlint-disable-next-line no-await-in-loop
    await askNomad(nomad, 'DELETE', `/v1/job/${id}?purge=true`);
  }
}

async function untilEnded(nomad: NomadPart, allocations: readonly string[]): Promise<void> {
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (Date.now() < deadline) {
    // Polling is sequential by nature.
    // oxlint-disable-next-line no-await-in-loop
    const states = await Promise.all(allocations.map(async (id) => await askNomad(nomad, 'GET', `/v1/allocation/${id}`)));
    if (states.every(({ status, body }) => status !== 200 || !/"ClientStatus":"(running|pending)"/.test(body))) return;
    // oxlint-disable-next-line no-await-in-loop
    await sleep(200);
  }
}

/** What the newest allocation's task has printed. */
export async function taskOutput(nomad: NomadPart, job: string, task: string): Promise<string> {
  const newest = (await allocationsOf(nomad, job)).sort((left, right) => right.CreateIndex - left.CreateIndex)[0];
  if (newest === undefined) return '';
  const { status, body } = await askNomad(nomad, 'GET', `/v1/client/fs/logs/${newest.ID}?task=${task}&type=stdout&plain=true&origin=start`);
  return status === 200 ? body : '';
}

async function allocationsOf(nomad: NomadPart, job: string): Promise<z.infer<typeof allocationsSchema>> {
  const { status, body } = await askNomad(nomad, 'GET', `/v1/job/${job}/allocations`);
  return status === 200 ? allocationsSchema.parse(JSON.parse(body)) : [];
}

async function isDemoJob(nomad: NomadPart, id: string): Promise<boolean> {
  const { status, body } = await askNomad(nomad, 'GET', `/v1/job/${id}`);
  return status === 200 && jobSchema.parse(JSON.parse(body)).Meta?.[MARK] === 'yes';
}

async function refuseForeign(nomad: NomadPart, id: string): Promise<void> {
  const { status, body } = await askNomad(nomad, 'GET', `/v1/job/${id}`);
  if (status === 404) return;
  if (status !== 200) throw refused('GET', `/v1/job/${id}`, status, body);
  const job = jobSchema.parse(JSON.parse(body));
  if (job.Meta?.[MARK] === 'yes' || job.Stop === true) return;
  throw new PerennialError('demo_nomad_foreign_job', `The agent runs a job "${id}" that is not the demo's; it is left alone.`, {
    hint: 'Use a throw-away agent for the demo: nomad agent -dev -acl-enabled',
  });
}

/** A var file: JSON strings are HCL strings once template markers are escaped. */
function hclVariables(variables: Readonly<Record<string, string | number>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name} = ${JSON.stringify(value).replaceAll('${', '$${').replaceAll('%{', '%%{')}\n`)
    .join('');
}

function unusable(what: string, hint: string): PerennialError {
  return new PerennialError('demo_nomad_unusable', `${what}.`, { hint });
}
