/** The cluster where there is no Nomad: the emulator, a proxy beside it (Traefik or the TLS stand-in), the relay as a process. */
import type { NomadEmulator } from '../../test/emulators/nomad/nomad.ts';
import { TraefikStandIn } from '../../test/emulators/proxy/stand-in.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../build/source.ts';
import type { Cluster, ClusterOptions } from './cluster.ts';
import { findExecutable } from './executables.ts';
import { startNomadEmulator } from './parts/nomad-emulator.ts';
import { DELIVERED_VARIABLE, PROXY_JOB, PROXY_SERVICE, RELAY_JOB, type NomadPart } from './parts/nomad.ts';
import { startRelay, type RelayProcess } from './parts/relay.ts';
import { startTraefik, type ProxyPart } from './parts/traefik.ts';

export interface EmulatedCluster extends Cluster {
  readonly nomad: NomadPart & { emulator: NomadEmulator };
  /** The TLS stand-in, when it serves in Traefik's place. */
  readonly standIn: TraefikStandIn | undefined;
  /** `undefined` until it is started. */
  readonly relay: RelayProcess | undefined;
}

export async function startEmulatedCluster(options: ClusterOptions): Promise<EmulatedCluster> {
  const { state, supervisor, environment, ports, say } = options;
  const nomad = await startNomadEmulator({ state, port: await ports.reserve(options.nomadPort, 'Nomad') });
  nomad.emulator.identities.putPolicy('relay', readFileSync(join(ROOT, 'infra/nomad/relay.policy.hcl'), 'utf8'), {
    jobAcl: { namespace: 'default', jobId: RELAY_JOB },
  });
  if (options.furtherVariables.length > 0) grant(nomad.emulator, options.furtherVariables);
  say(`Nomad: the emulator at ${nomad.address}`);
  const { proxy, standIn } = await startProxy(options, nomad.emulator);
  let relay: RelayProcess | undefined;
  return {
    nomad,
    proxy,
    standIn,
    get relay() {
      return relay;
    },
    startRelay: async ({ law, bundle }) => {
      const identity = { file: state.writeJson('relay/identity.json', law.identityKey) };
      relay = await startRelay({ supervisor, state, nomad, bundle, environment, law: law.document(identity, { via: 'address', address: nomad.address }) });
      say('Relay: its bundle on Node, dialling out to the Worker');
      return relay;
    },
    stop: async () => {
      await relay?.stop();
      await proxy.stop();
      await nomad.stop();
    },
  };
}

/** Variables beside the one that the shipped policy names, for tests with several certificates. */
function grant(emulator: NomadEmulator, variables: readonly string[]): void {
  const rules = { namespaces: [{ namespace: 'default', variables: variables.map((path) => ({ path, capabilities: ['read', 'write', 'list'] as const })) }] };
  emulator.identities.putPolicy('relay-further', rules, { jobAcl: { namespace: 'default', jobId: RELAY_JOB } });
}

async function startProxy(options: ClusterOptions, nomad: NomadEmulator): Promise<{ proxy: ProxyPart; standIn: TraefikStandIn | undefined }> {
  const { supervisor, state, environment, ports, say } = options;
  const executable = findExecutable('TRAEFIK_BIN', 'traefik', environment);
  const port = await ports.reserve(options.proxyPort, 'the TLS proxy');
  if (executable !== undefined) {
    const proxy = await startTraefik({ executable, supervisor, state, nomad, port, pingPort: await ports.reserve(0, "Traefik's health check") });
    say(`Proxy: Traefik at 127.0.0.1:${port}`);
    return { proxy, standIn: undefined };
  }
  const throttle = options.throttleMs === undefined ? {} : { throttleMs: options.throttleMs };
  const standIn = await TraefikStandIn.start({ nomad, port, jobId: PROXY_JOB, serviceName: PROXY_SERVICE, variable: DELIVERED_VARIABLE, ...throttle });
  say(`Proxy: the TLS stand-in at 127.0.0.1:${port} (Traefik is not on PATH)`);
  return { proxy: { kind: 'stand-in', stop: () => standIn.stop() }, standIn };
}
