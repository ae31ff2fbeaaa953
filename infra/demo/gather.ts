/** Collects the facts of a proof from the running system: dials, asks Nomad and the Worker, and counts requests where they arrive. */
import { X509Certificate } from 'node:crypto';
import type { CertificateView } from '../../functions/certificates/ports.ts';
import { dialEverywhere, type ServedInstance } from './dial.ts';
import { countLines } from './logs.ts';
import { DELIVERED_VARIABLE, PROXY_SERVICE, readVariable, serviceInstances } from './parts/nomad.ts';
import type { ProofFacts, Requests } from './proof.ts';
import type { System } from './system.ts';

/** Requests that have arrived at the parts so far. */
export async function countRequests(system: System): Promise<Requests> {
  return {
    acme: system.ca.requests(),
    dns: system.cloudflare.requests.all().length,
    relay: countLines(await system.relay.output(), '"event":"request"'),
    nomad: system.nomad.requests() ?? null,
  };
}

export async function requestsSince(system: System, before: Requests): Promise<Requests> {
  const now = await countRequests(system);
  return {
    acme: now.acme - before.acme,
    dns: now.dns - before.dns,
    relay: now.relay - before.relay,
    nomad: now.nomad === null ? null : now.nomad - (before.nomad ?? 0),
  };
}

export interface Made {
  /** The issuance that this start made, or null. */
  issuance: CertificateView['history'][number] | null;
  keyMadeIn: string | null;
}

export async function gatherFacts(system: System, view: CertificateView, made: Made, requests: Requests): Promise<ProofFacts> {
  const variable = await readVariable(system.nomad, DELIVERED_VARIABLE);
  const certificate = variable?.items['certificate'];
  return {
    view,
    served: await dialServed(system, view.domains),
    variable: { path: DELIVERED_VARIABLE, modifyIndex: variable?.modifyIndex ?? 0, sha256: certificate === undefined ? undefined : leafOf(certificate) },
    ...made,
    requests,
    parts: system.kinds,
  };
}

export async function dialServed(system: System, names: readonly string[]): Promise<ServedInstance[]> {
  return await dialEverywhere(await serviceInstances(system.nomad, PROXY_SERVICE), names, system.roots);
}

function leafOf(pem: string): string | undefined {
  try {
    return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
  } catch {
    return undefined;
  }
}
