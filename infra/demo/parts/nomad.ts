/**
 * Nomad as the rest of the demo sees it, whether emulated or real: an HTTP API with a token, a variable that gets the
 * certificate, and service instances that serve it.
 */
import { z } from 'zod';
import { PerennialError } from '../../../shared/errors.ts';
import type { NomadEmulator } from '../../../test/emulators/nomad/nomad.ts';
import { ask, type PartResponse } from '../request.ts';

export const RELAY_JOB = 'relay';
export const PROXY_JOB = 'proxy';
export const PROXY_SERVICE = 'traefik';
/** The job's own variable, which its tasks may read without any policy. */
export const DELIVERED_VARIABLE = 'nomad/jobs/proxy';

const variableSchema = z.object({ ModifyIndex: z.number(), Items: z.record(z.string(), z.string()) });
const instancesSchema = z.array(z.object({ ID: z.string(), Address: z.string(), Port: z.number() }));

export interface ServiceInstanceAddress {
  id: string;
  address: string;
  port: number;
}

export interface NomadPart {
  kind: 'agent' | 'emulator';
  address: string;
  token: string;
  /** PEM of a private CA in front of the agent. */
  ca: string | undefined;
  emulator?: NomadEmulator;
  /** Requests since the start; `undefined` where nobody counts them. */
  requests(): number | undefined;
  stop(): Promise<void>;
}

/** A request with the management token of the demo. */
export async function askNomad(nomad: NomadPart, method: string, path: string, body?: unknown): Promise<PartResponse> {
  return await ask(`${nomad.address}${path}`, {
    method,
    headers: { 'x-nomad-token': nomad.token, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ca: nomad.ca,
  });
}

/** The delivered variable, `undefined` while it does not exist. */
export async function readVariable(nomad: NomadPart, path: string): Promise<{ modifyIndex: number; items: Record<string, string> } | undefined> {
  const { status, body } = await askNomad(nomad, 'GET', `/v1/var/${path}`);
  if (status === 404) return undefined;
  if (status !== 200) throw refused('GET', `/v1/var/${path}`, status, body);
  const { ModifyIndex: modifyIndex, Items: items } = variableSchema.parse(JSON.parse(body));
  return { modifyIndex, items };
}

/** Writes one item of a variable and leaves the others as they are. */
export async function putItem(nomad: NomadPart, variable: string, item: string, value: string): Promise<void> {
  const path = `/v1/var/${variable}`;
  const present = await askNomad(nomad, 'GET', path);
  const items = present.status === 200 ? variableSchema.parse(JSON.parse(present.body)).Items : {};
  if (items[item] === value) return;
  const { status, body } = await askNomad(nomad, 'PUT', path, { Items: { ...items, [item]: value } });
  if (status !== 200) throw refused('PUT', path, status, body);
}

export async function serviceInstances(nomad: NomadPart, service: string): Promise<ServiceInstanceAddress[]> {
  const { status, body } = await askNomad(nomad, 'GET', `/v1/service/${service}`);
  if (status === 404) return [];
  if (status !== 200) throw refused('GET', `/v1/service/${service}`, status, body);
  return instancesSchema.parse(JSON.parse(body)).map(({ ID, Address, Port }) => ({ id: ID, address: Address, port: Port }));
}

/** The error for an answer that Nomad should not have given. */
export function refused(method: string, path: string, status: number, body: string): PerennialError {
  return new PerennialError('demo_nomad_refused', `Nomad answered ${method} ${path} with ${status}: ${body.trim().slice(0, 300)}`, {
    hint: 'The demo needs a management token in NOMAD_TOKEN.',
  });
}
