/** The ACME CA: Pebble, validating against the emulated DNS and listening with a certificate of the loopback CA. */
import type { LoopbackTls } from '../../../test/emulators/acme/loopback-tls.ts';
import { linesWith } from '../logs.ts';
import { ask } from '../request.ts';
import type { DemoState } from '../state.ts';
import { untilReady, type Child, type Supervisor } from '../supervisor.ts';

/** What Let's Encrypt's certificates live from 2027 on; renewal windows look as they will. */
const VALIDITY_SECONDS = 45 * 24 * 3_600;
const START_TIMEOUT_MS = 20_000;

export interface PebbleOptions {
  executable: string;
  supervisor: Supervisor;
  state: DemoState;
  tls: LoopbackTls;
  /** `address:port` of the recursive server its validation asks. */
  resolver: string;
  port: number;
  managementPort: number;
  /** Further settings of its environment, `PEBBLE_WFE_NONCEREJECT` and the like. */
  environment: Readonly<Record<string, string | undefined>>;
}

export interface CertificateAuthorityPart {
  kind: 'pebble' | 'stand-in';
  directory: string;
  /** Root of the certificates it issues, PEM. */
  root: string;
  /** Requests that have arrived so far. */
  requests(): number;
  /** The process, when it is one. */
  child?: Child;
  stop(): Promise<void>;
}

export async function startPebble(options: PebbleOptions): Promise<CertificateAuthorityPart> {
  const { supervisor, state, tls, port, managementPort } = options;
  const certificate = state.write('pebble/listener.pem', tls.certificatePem);
  const privateKey = state.write('pebble/listener-key.pem', tls.keyPem);
  const config = state.writeJson('pebble/config.json', {
    pebble: {
      listenAddress: `127.0.0.1:${port}`,
      managementListenAddress: `127.0.0.1:${managementPort}`,
      certificate,
      privateKey,
      httpPort: 5_002,
      tlsPort: 5_001,
      ocspResponderURL: '',
      externalAccountBindingRequired: false,
      certificateValidityPeriod: VALIDITY_SECONDS,
      // Newer releases: seconds of Retry-After while validating and issuing, and profiles instead of one period.
      retryAfter: { authz: 1, order: 1 },
      keyAlgorithm: 'ecdsa',
      profiles: { default: { description: 'The only profile', validityPeriod: VALIDITY_SECONDS } },
    },
  });
  const child = await supervisor.start('pebble', {
    command: options.executable,
    arguments: ['-config', config, '-dnsserver', options.resolver],
    // Authorizations are not reused, so that every renewal goes the whole way.
    environment: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_AUTHZREUSE: '0', ...options.environment },
  });
  const directory = `https://127.0.0.1:${port}/dir`;
  await untilReady(child, async () => (await ask(directory, { ca: tls.caPem, timeoutMs: 1_000 })).status === 200, START_TIMEOUT_MS);
  const root = await ask(`https://127.0.0.1:${managementPort}/roots/0`, { ca: tls.caPem });
  return { kind: 'pebble', directory, root: root.body, requests: () => linesWith(child.log, '-> calling handler()'), child, stop: () => child.stop() };
}
