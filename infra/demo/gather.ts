/** Collects the facts of a proof from the running system: dials, asks Nomad and the Worker, and counts requests where they arrive. */
import { X509Certificate } from 'node:crypto';
import type { CertificateView } from '../../functions/certificates/ports.ts';
import { dialEverywhere, type ServedInstance } from './dial.ts';
import { countLines } from './logs.ts';
import { DELIVERED_VARIABLE, PROXY_SERVICE, readVariable, serviceInstances } from './parts/nomad.ts';
import type { DnsFacts, ProofFacts, Requests } from './proof.ts';
import type { Show } from './show.ts';
import type { System } from './system.ts';
import type { DemoVendor } from './vendors.ts';
import { compareContents, readContents } from './zones.ts';

/** Requests that have arrived at the parts so far, and how many of them at each DNS vendor. */
export interface Counts {
  requests: Requests;
  vendors: Record<DemoVendor, number>;
}

export async function countRequests(system: System): Promise<Counts> {
  const vendors = { cloudflare: system.cloudflare.requests.all().length, namecheap: system.namecheap?.requests.all().length ?? 0 };
  const requests = {
    acme: system.ca.requests(),
    dns: vendors.cloudflare + vendors.namecheap,
    relay: countLines(await system.relay.output(), '"event":"request"'),
    nomad: system.nomad.requests() ?? null,
  };
  return { requests, vendors };
}

export async function requestsSince(system: System, before: Counts): Promise<Counts> {
  const { requests, vendors } = await countRequests(system);
  return {
    requests: {
      acme: requests.acme - before.requests.acme,
      dns: requests.dns - before.requests.dns,
      relay: requests.relay - before.requests.relay,
      nomad: requests.nomad === null ? null : requests.nomad - (before.requests.nomad ?? 0),
    },
    vendors: { cloudflare: vendors.cloudflare - before.vendors.cloudflare, namecheap: vendors.namecheap - before.vendors.namecheap },
  };
}

export interface Made {
  /** The issuance that this start made, or null. */
  issuance: CertificateView['history'][number] | null;
  keyMadeIn: string | null;
}

export async function gatherFacts(system: System, show: Show, view: CertificateView, made: Made, counts: Counts): Promise<ProofFacts> {
  const variable = await readVariable(system.nomad, DELIVERED_VARIABLE);
  const certificate = variable?.items['certificate'];
  return {
    view,
    served: await dialServed(system, view.domains),
    variable: { path: DELIVERED_VARIABLE, modifyIndex: variable?.modifyIndex ?? 0, sha256: certificate === undefined ? undefined : leafOf(certificate) },
    ...made,
    requests: counts.requests,
    dns: dnsFacts(system, show, counts),
    parts: system.kinds,
  };
}

function dnsFacts(system: System, { vendor, delegated }: Show, { vendors }: Counts): DnsFacts {
  const { missing, challenges, further } = compareContents(system.contentsBefore, readContents(system));
  return {
    vendor,
    calls: vendors[vendor],
    strangersRecords: system.contentsBefore.length,
    strangersRecordsUntouched: missing.length === 0 && further.length === 0,
    txtLeft: challenges.length,
    delegated,
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
