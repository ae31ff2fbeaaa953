/** A relay with its law and keys in front of the Nomad emulator, with the shipped ACL policy and a signing edge. */
import { readFileSync } from 'node:fs';
import { parseLaw } from '../../../../infra/relay/law.ts';
import type { LawDocument } from '../../../../infra/relay/law.ts';
import type { LifecycleLine, RequestLine } from '../../../../infra/relay/log.ts';
import { NomadClient } from '../../../../infra/relay/nomad/client.ts';
import { createRelay } from '../../../../infra/relay/relay.ts';
import type { Relay } from '../../../../infra/relay/relay.ts';
import type { Clock } from '../../../../shared/clock.ts';
import { createKeyResponse, installResponse } from '../../../../shared/relay/contract.ts';
import type { CreateKeyRequest, InstallRequest, InstallResponse } from '../../../../shared/relay/contract.ts';
import { startNomad } from '../../../emulators/nomad/nomad.ts';
import type { NomadEmulator } from '../../../emulators/nomad/nomad.ts';
import { createAuthority } from './authority.ts';
import type { Authority } from './authority.ts';
import { makeSigningKeys, SigningEdge } from './signing-edge.ts';
import type { Answer, SigningKeys } from './signing-edge.ts';

export const NAMES = ['matrix.example.net', '*.matrix.example.net'];
export const VARIABLE = 'nomad/jobs/proxy';
export const TARGET = { variable: VARIABLE, namespace: 'default', certificateItem: 'certificate', keyItem: 'key' };

const policy = (name: string) => readFileSync(new URL(`../../../../infra/nomad/${name}.policy.hcl`, import.meta.url), 'utf8');

export interface Cluster {
  nomad: NomadEmulator;
  authority: Authority;
  relay: Relay;
  edge: SigningEdge;
  edgeKeys: SigningKeys;
  relayKeys: SigningKeys;
  /** The law as written. */
  document: LawDocument;
  lines: (RequestLine | LifecycleLine)[];
  /** Another process of the same relay: same law and key, own memory. */
  another(): { relay: Relay; edge: SigningEdge };
  /** Makes a key and issues for it. */
  issue(issuance: string): Promise<string>;
  install(request: Partial<InstallRequest> & { issuance: string; chain: string }): Promise<Answer>;
  installed(request: Partial<InstallRequest> & { issuance: string; chain: string }): Promise<InstallResponse>;
  items(path?: string): Readonly<Record<string, string>> | undefined;
  stop(): Promise<void>;
}

export interface ClusterOptions {
  law?: Partial<LawDocument>;
  clock?: Clock;
  /** Milliseconds that only ever grow. */
  monotonic?: () => number;
  signals?: boolean;
  /** Policy in place of the shipped one. */
  policy?: string;
  origin?: string;
  /** Keys made before, for an edge that needs them first. */
  keys?: { edge: SigningKeys; relay: SigningKeys };
}

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const [nomad, authority, edgeKeys, relayKeys] = await Promise.all([
    startNomad(options.clock === undefined ? {} : { clock: options.clock }),
    createAuthority(),
    options.keys?.edge ?? makeSigningKeys(),
    options.keys?.relay ?? makeSigningKeys(),
  ]);
  nomad.identities.putPolicy('relay', options.policy ?? policy('relay'), { jobAcl: { namespace: 'default', jobId: 'relay', group: '', task: '' } });
  if (options.signals === true)
    nomad.identities.putPolicy('relay-signal', policy('relay-signal'), { jobAcl: { namespace: 'default', jobId: 'relay', group: '', task: '' } });
  const token = nomad.identities.issueWorkload({ namespace: 'default', jobId: 'relay', group: 'relay', task: 'relay' });
  const origin = options.origin ?? 'https://perennial.example';
  const document: LawDocument = {
    origin,
    cluster: 'matrix',
    edgeKeys: [edgeKeys.public],
    identity: { variable: 'nomad/jobs/relay', namespace: 'default' },
    nomad: { via: 'address', address: nomad.address },
    area: { prefix: 'nomad/jobs/relay', namespace: 'default' },
    targets: [{ certificate: 'matrix', variable: VARIABLE, namespace: 'default', names: ['matrix.example.net', '.matrix.example.net'] }],
    services: [{ service: 'traefik', namespace: 'default', jobs: ['proxy'] }],
    roots: [authority.root],
    listen: { port: 1, push: true },
    ...options.law,
  };
  const law = parseLaw(JSON.stringify(document));
  const lines: Cluster['lines'] = [];
  const relays: Relay[] = [];
  const another = () => {
    const relay = createRelay({
      law,
      identity: relayKeys.private,
      nomad: new NomadClient({ endpoint: { address: nomad.address }, token: () => token }),
      allocation: `allocation-${relays.length}`,
      bundle: 'development',
      clock: options.clock ?? Date.now,
      monotonic: options.monotonic ?? (() => performance.now()),
      random: Math.random,
      log: (line) => lines.push(line),
    });
    relays.push(relay);
    return { relay, edge: new SigningEdge({ app: relay.app, keys: edgeKeys, relay: relayKeys.public, cluster: 'matrix', origin }) };
  };
  const { relay, edge } = another();
  const install = (request: Partial<InstallRequest> & { issuance: string; chain: string }) =>
    edge.call('PUT', '/v1/certificates/matrix', { names: NAMES, target: TARGET, known: [], replaceForeign: false, blind: false, ...request });
  return {
    nomad,
    authority,
    relay,
    edge,
    edgeKeys,
    relayKeys,
    document,
    lines,
    another,
    install,
    issue: async (issuance) => {
      const request: CreateKeyRequest = { issuance, names: NAMES, keyType: 'ec-p256' };
      return authority.issue(createKeyResponse.parse((await edge.call('POST', '/v1/keys', request)).body).csr);
    },
    installed: async (request) => {
      const { body, error } = await install(request);
      if (error !== undefined) throw new Error(`${error.code}: ${error.message}`);
      return installResponse.parse(body);
    },
    items: (path = VARIABLE) => nomad.variables.get('default', path)?.items,
    stop: async () => {
      await Promise.all(relays.map((each) => each.stop()));
      await nomad.stop();
    },
  };
}
