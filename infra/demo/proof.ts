/**
 * The proof: what is served, dialled by the demo itself, next to what the Worker says, what the variable holds and what
 * it cost. Pure; `gather.ts` collects the facts.
 */
import type { CertificateView } from '../../functions/certificates/ports.ts';
import type { ServedInstance } from './dial.ts';
import { painter, seconds } from './stepper.ts';
import type { DemoVendor } from './vendors.ts';

/** Where a part is counted by itself; null where nobody can count. */
export interface Requests {
  acme: number;
  dns: number;
  relay: number;
  nomad: number | null;
}

/** The object that `--json` prints. Times are ISO 8601. */
export interface Proof {
  served: {
    /** Lower-case hex SHA-256 of the leaf that every handshake showed. */
    sha256: string;
    names: string[];
    issuer: string;
    notBefore: string;
    notAfter: string;
    instances: { id: string; address: string; port: number; sha256: string; dialled: string[] }[];
  };
  issued: {
    /** False when an earlier start had ordered it and nothing was ordered now. */
    ordered: boolean;
    sha256: string;
    serial: string;
    authority: string | null;
    /** Cluster and allocation that made the private key. */
    keyMadeIn: string | null;
    variable: string;
    modifyIndex: number;
    /** From due to served, milliseconds; null when nothing was ordered. */
    ms: number | null;
    at: string;
  };
  phases: { name: string; ms: number }[];
  requests: Requests;
  /** What was written into the zones, and what became of everything else there. */
  dns: DnsFacts;
  parts: Record<'ca' | 'dns' | 'nomad' | 'proxy', 'real' | 'stand-in'>;
}

export interface DnsFacts {
  vendor: DemoVendor;
  /** Calls that have arrived at this vendor, from due to the last record of ours gone. */
  calls: number;
  /** Records, mail routing and side lists that were in the zones before we came. */
  strangersRecords: number;
  /** All of that is as it was: compared at the vendors, before and after. */
  strangersRecordsUntouched: boolean;
  /** Challenge records that are still there. */
  txtLeft: number;
  /** A name of the certificate whose challenge is published elsewhere, by the CNAME that its owner created; or null. */
  delegated: { name: string; target: string } | null;
}

const PARTS = ['ca', 'dns', 'nomad', 'proxy'] as const;
const PART_NAMES: Readonly<Record<(typeof PARTS)[number], Readonly<Record<'real' | 'stand-in', string>>>> = {
  ca: { real: 'Pebble', 'stand-in': 'ACME CA' },
  dns: { real: 'DNS', 'stand-in': 'DNS' },
  nomad: { real: 'Nomad', 'stand-in': 'Nomad' },
  proxy: { real: 'Traefik', 'stand-in': 'TLS proxy' },
};

export interface ProofFacts {
  view: CertificateView;
  served: readonly ServedInstance[];
  variable: { path: string; modifyIndex: number; sha256: string | undefined };
  /** The issuance that this start made, or null. */
  issuance: CertificateView['history'][number] | null;
  keyMadeIn: string | null;
  requests: Requests;
  dns: DnsFacts;
  parts: Proof['parts'];
}

/** Why the facts are no proof, in words; `undefined` when they are one. */
export function doubt({ view, served, variable, dns }: ProofFacts): string | undefined {
  if (view.live === null) return `The Worker does not call ${view.name} live: ${view.reason}`;
  if (served.length === 0) return 'No instance of the proxy is registered, so nothing is served.';
  const wanted = view.live.sha256;
  for (const instance of served) {
    const where = `${instance.address}:${instance.port}`;
    for (const dialled of instance.dialled) {
      if (dialled.sha256 !== wanted) return `${where} serves the leaf ${dialled.sha256} for ${dialled.name}, and the Worker says ${wanted}.`;
      if (!dialled.trusted) return `${where} serves a chain for ${dialled.name} that does not lead to the CA's root.`;
    }
  }
  if (variable.sha256 !== wanted) return `The variable ${variable.path} holds the leaf ${variable.sha256 ?? 'of nothing'}, and the Worker says ${wanted}.`;
  if (!dns.strangersRecordsUntouched) return 'Something in the zones that is not ours is not what it was before.';
  if (dns.txtLeft > 0) return `${dns.txtLeft} of our challenge records are still in the zones.`;
  return undefined;
}

/** Facts without {@link doubt} as the object people and programs get. Throws a RangeError when nothing was dialled. */
export function proofOf({ view, served, variable, issuance, keyMadeIn, requests, dns, parts }: ProofFacts): Proof {
  const leaf = served[0]?.dialled[0];
  if (leaf === undefined || view.live === null) throw new RangeError('Nothing was dialled.');
  return {
    served: {
      sha256: leaf.sha256,
      names: leaf.names,
      issuer: leaf.issuer,
      notBefore: new Date(leaf.notBefore).toISOString(),
      notAfter: new Date(leaf.notAfter).toISOString(),
      instances: served.map(({ id, address, port, dialled }) => ({
        id,
        address,
        port,
        sha256: dialled[0]?.sha256 ?? '',
        dialled: dialled.map(({ name }) => name),
      })),
    },
    issued: {
      ordered: issuance !== null,
      sha256: view.live.sha256,
      serial: view.live.serial,
      authority: view.live.authority,
      keyMadeIn,
      variable: variable.path,
      modifyIndex: variable.modifyIndex,
      ms: issuance === null ? null : issuance.endedAt - issuance.startedAt,
      at: new Date(view.live.since).toISOString(),
    },
    phases: (issuance?.phases ?? []).map(({ name, ms }) => ({ name, ms })),
    requests,
    dns,
    parts,
  };
}

/** The proof block for people. */
export function renderProof(proof: Proof, colour: boolean): string[] {
  const paint = painter(colour);
  const { served, issued, requests, dns, parts } = proof;
  const row = (label: string, value: string): string => `  ${paint.dim(label.padEnd(14))}${value}`;
  const days = Math.round((Date.parse(served.notAfter) - Date.parse(served.notBefore)) / 86_400_000);
  const where = served.instances.map(({ address, port }) => `${address}:${port}`).join(', ');
  const dialled = served.instances[0]?.dialled.join(', ') ?? '';
  return [
    paint.bold(issued.ordered ? '  Served, and here is the proof' : '  Served already; nothing was ordered'),
    '',
    row('leaf SHA-256', paint.green(served.sha256)),
    row('dialled', `${where} as ${dialled}`),
    row('names', served.names.join(', ')),
    row('issuer', served.issuer),
    row('valid', `${minute(served.notBefore)} to ${minute(served.notAfter)} UTC (${days} days)`),
    row('variable', `${issued.variable}, ModifyIndex ${issued.modifyIndex}, holds the same leaf`),
    row('key made in', issued.keyMadeIn === null ? 'the cluster, at an earlier start' : `${issued.keyMadeIn}; it never left the cluster`),
    row('requests', `ACME ${requests.acme}, DNS API ${requests.dns}, relay ${requests.relay}, Nomad ${requests.nomad ?? 'not counted'}`),
    ...zoneRows(dns).map(([label, value]) => row(label, value)),
    ...(issued.ms === null
      ? []
      : [row('time', `${proof.phases.map(({ name, ms }) => `${name} ${seconds(ms)}`).join(', ')}; ${paint.bold(`${seconds(issued.ms)} from due to served`)}`)]),
    row('parts', PARTS.map((part) => `${PART_NAMES[part][parts[part]]} (${parts[part]})`).join(', ')),
  ];
}

const VENDOR_NAMES: Readonly<Record<DemoVendor, string>> = { cloudflare: 'Cloudflare', namecheap: 'Namecheap' };

function zoneRows({ vendor, calls, strangersRecords, delegated }: DnsFacts): [string, string][] {
  const kept =
    strangersRecords === 0 ? 'nothing of ours is left' : `${strangersRecords} records and settings of others are as they were, nothing of ours is left`;
  return [
    ['zone', `${VENDOR_NAMES[vendor]}, ${calls} calls; ${kept}`],
    ...(delegated === null
      ? []
      : [['delegated', `_acme-challenge.${delegated.name}, a CNAME, is answered from ${delegated.target}`] satisfies [string, string]]),
  ];
}

function minute(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}
