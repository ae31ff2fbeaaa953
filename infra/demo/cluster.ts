/** What the system needs of a cluster, be it emulated or a real Nomad agent. */
import type { LawDocument } from '../relay/law.ts';
import type { PrivateKey } from '../../shared/link/signatures.ts';
import type { Variables } from './executables.ts';
import type { NomadPart } from './parts/nomad.ts';
import type { RelayPart } from './parts/relay.ts';
import type { ProxyPart } from './parts/traefik.ts';
import type { Ports } from './ports.ts';
import type { DemoState } from './state.ts';
import type { Supervisor } from './supervisor.ts';

export interface ClusterOptions {
  state: DemoState;
  supervisor: Supervisor;
  environment: Variables;
  ports: Ports;
  say: (line: string) => void;
  /** Ports to try first; 0 takes any. */
  nomadPort: number;
  proxyPort: number;
  /** `providersThrottleDuration` of the stand-in, milliseconds. */
  throttleMs: number | undefined;
  /** Delivered variables beside the one of the proxy's job. */
  furtherVariables: readonly string[];
}

export interface RelayStart {
  law: {
    origin: string;
    identityKey: PrivateKey;
    /** The law, with where the relay finds its key and its Nomad. */
    document(identity: LawDocument['identity'], nomad: NonNullable<LawDocument['nomad']>): LawDocument;
  };
  /** Path of the bundle, and its SHA-256 under which the Worker serves it. */
  bundle: string;
  sha256: string;
}

export interface Cluster {
  readonly nomad: NomadPart;
  readonly proxy: ProxyPart;
  /** Once, when the Worker is up. */
  startRelay(start: RelayStart): Promise<RelayPart>;
  stop(): Promise<void>;
}
