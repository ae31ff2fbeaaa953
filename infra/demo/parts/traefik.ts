/**
 * A real Traefik beside the emulated Nomad. What the shipped job does with a `template` block is done here by hand: the
 * variable is rendered into one file with both PEMs, replaced in one step, and Traefik watches the folder.
 */
import { Template } from '../../../test/emulators/proxy/template.ts';
import type { CertificatePair } from '../../../test/emulators/proxy/dynamic-configuration.ts';
import type { NomadEmulator } from '../../../test/emulators/nomad/nomad.ts';
import { ask } from '../request.ts';
import type { DemoState } from '../state.ts';
import { untilReady, type Child, type Supervisor } from '../supervisor.ts';
import { DELIVERED_VARIABLE, PROXY_JOB, PROXY_SERVICE } from './nomad.ts';

const START_TIMEOUT_MS = 20_000;
/** `wait { min }` and `wait { max }` of the shipped job, milliseconds. */
const QUIESCENCE_MS = 500;
const MAX_QUIESCENCE_MS = 5_000;

export interface ProxyPart {
  kind: 'traefik' | 'stand-in';
  /** The process, when it is one of the demo's own. */
  child?: Child;
  stop(): Promise<void>;
}

export interface TraefikOptions {
  executable: string;
  supervisor: Supervisor;
  state: DemoState;
  nomad: NomadEmulator;
  /** Loopback ports of the TLS entry point and of the health check. */
  port: number;
  pingPort: number;
}

export async function startTraefik(options: TraefikOptions): Promise<ProxyPart> {
  const { supervisor, state, nomad, port, pingPort } = options;
  // What an earlier start rendered may hold a certificate that the variable does not hold any more.
  state.remove('traefik');
  state.write('traefik/dynamic/routes.yml', routes());
  const child = await supervisor.start('traefik', {
    command: options.executable,
    arguments: [`--configFile=${state.write('traefik/traefik.yml', staticConfiguration(state.path('traefik', 'dynamic'), port, pingPort))}`],
    environment: { HOME: state.folder },
  });
  const onSignal = (signal: string): void => {
    if (signal === 'SIGHUP') child.signal('SIGHUP');
  };
  const allocation = nomad.workloads.start({ jobId: PROXY_JOB, jobType: 'system', tasks: { traefik: { onSignal } } });
  const identity = nomad.identities.issueWorkload({ namespace: 'default', jobId: PROXY_JOB, group: PROXY_JOB, task: 'traefik' });
  const template = new Template({
    address: nomad.address,
    token: identity,
    namespace: 'default',
    variable: DELIVERED_VARIABLE,
    quiescenceMs: QUIESCENCE_MS,
    maxQuiescenceMs: MAX_QUIESCENCE_MS,
    render: (pair) => void state.write('traefik/dynamic/tls.yml', renderedTls(pair)),
  });
  await untilReady(child, async () => (await ask(`http://127.0.0.1:${pingPort}/ping`, { timeoutMs: 1_000 })).status === 200, START_TIMEOUT_MS);
  nomad.workloads.register({ name: PROXY_SERVICE, address: '127.0.0.1', port, jobId: PROXY_JOB, allocationId: allocation.id });
  return {
    kind: 'traefik',
    child,
    stop: async () => {
      await template.stop();
      nomad.workloads.stop(allocation.id);
      await child.stop();
    },
  };
}

function staticConfiguration(folder: string, port: number, pingPort: number): string {
  return [
    'global: { checkNewVersion: false, sendAnonymousUsage: false }',
    'log: { level: INFO }',
    'entryPoints:',
    `  websecure: { address: "127.0.0.1:${port}", http: { tls: {} } }`,
    `  ping: { address: "127.0.0.1:${pingPort}" }`,
    'ping: { entryPoint: ping }',
    // As in the shipped job.
    `providers: { providersThrottleDuration: 500ms, file: { directory: ${JSON.stringify(folder)}, watch: true } }`,
    '',
  ].join('\n');
}

/** Something to answer with, so that requests through the proxy can succeed or fail. */
function routes(): string {
  return ['http:', '  routers:', '    hello: { rule: "PathPrefix(`/`)", entryPoints: [websecure], service: "ping@internal" }', ''].join('\n');
}

function renderedTls(pair: CertificatePair): string {
  const files = `certFile: ${JSON.stringify(pair.certificate)}, keyFile: ${JSON.stringify(pair.key)}`;
  return ['tls:', `  certificates: [{ ${files} }]`, `  stores: { default: { defaultCertificate: { ${files} } } }`, ''].join('\n');
}
