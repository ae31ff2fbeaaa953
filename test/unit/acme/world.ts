/** One edge against a scripted CA: port, actor, secrets and a clock that stands still. */
import type { CaActor } from '../../../functions/acme/actor.ts';
import { createAcmePort } from '../../../functions/acme/port.ts';
import type { AcmePort } from '../../../functions/certificates/ports.ts';
import type { Authority } from '../../../functions/config/configuration.ts';
import type { SecretStore } from '../../../functions/secrets/store.ts';
import { PerennialError } from '../../../shared/errors.ts';
import type { EgressRequest, EgressResponse } from '../../../shared/relay/contract.ts';
import { actorOf, memorySecrets, memoryState, type MemoryState } from './authority-in-memory.ts';
import { DIRECTORY_URL, ScriptedCa } from './scripted-ca.ts';

export const NOW = Date.parse('2031-01-01T00:00:00Z');
export const NAMES = ['example.net', '*.example.net'];

export interface ScriptedWorld {
  ca: ScriptedCa;
  authority: Authority;
  /** An object that has just started over the same storage, as after a crash. */
  restarted: () => CaActor;
  port: AcmePort;
  /** The port as another caller holds it. */
  as: (caller: string) => AcmePort;
  state: MemoryState;
  secrets: SecretStore;
  /** Moves the clock by milliseconds. */
  pass: (ms: number) => void;
  /** What left through which cluster's relay. */
  relayed: { cluster: string; url: string }[];
}

export interface WorldOptions {
  authority?: Partial<Authority>;
  secrets?: SecretStore;
  clusters?: string[];
  /** Clusters whose relay is away. */
  offline?: string[];
  /** Who asks; a certificate's name usually. */
  caller?: string;
  /** In front of the CA's storage, to fail or to watch. */
  storage?: (state: MemoryState) => MemoryState;
  /** In front of the CA's fetch on the direct route only. */
  direct?: typeof globalThis.fetch;
}

export function scriptedWorld(options: WorldOptions = {}): ScriptedWorld {
  const ca = new ScriptedCa();
  const state = (options.storage ?? ((plain) => plain))(memoryState());
  const secrets = options.secrets ?? memorySecrets();
  const relayed: ScriptedWorld['relayed'] = [];
  let now = NOW;
  const relayEgress = async (cluster: string, request: EgressRequest): Promise<EgressResponse> => {
    if (options.offline?.includes(cluster) === true) throw new PerennialError('relay_offline', 'No relay is connected.', { retryable: true });
    relayed.push({ cluster, url: request.url });
    const response = await ca.fetch(request.url, {
      method: request.method,
      headers: request.headers,
      body: request.body === null ? null : Buffer.from(request.body, 'base64').toString(),
    });
    return { status: response.status, headers: [...response.headers], body: Buffer.from(await response.arrayBuffer()).toString('base64') };
  };
  const shared = { clock: () => now, secrets, relayEgress, fetch: options.direct ?? ca.fetch };
  let actor = actorOf(state, shared);
  const authority: Authority = {
    name: 'ca',
    directory: DIRECTORY_URL,
    contact: ['mailto:ops@example.net'],
    egress: 'direct',
    externalAccount: null,
    caa: [],
    profile: null,
    limits: null,
    deactivateAuthorizations: true,
    ...options.authority,
  };
  const portOf = (caller: string | undefined) =>
    createAcmePort({
      ...shared,
      authority: (name) => (name === 'ca' ? authority : undefined),
      actor: () => actor,
      clusters: options.clusters ?? [],
      ...(caller === undefined ? {} : { caller }),
    });
  return {
    ca,
    authority,
    restarted: () => (actor = actorOf(state, shared)),
    port: portOf(options.caller),
    as: portOf,
    state,
    secrets,
    relayed,
    pass: (ms) => void (now += ms),
  };
}

export const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  );
