/** The relay as a process of the demo: the very bundle that the Worker serves, with a law of its own. */
import { readFile } from 'node:fs/promises';
import { RELAY_JOB, PROXY_JOB, PROXY_SERVICE, type NomadPart } from './nomad.ts';
import type { LawDocument } from '../../relay/law.ts';
import type { NomadEmulator } from '../../../test/emulators/nomad/nomad.ts';
import { publicHalf, type DemoSecrets, type DemoState } from '../state.ts';
import type { Child, Supervisor } from '../supervisor.ts';

export interface RelayLawOptions {
  origin: string;
  cluster: string;
  secrets: DemoSecrets;
  identity: LawDocument['identity'];
  nomad: LawDocument['nomad'];
  /** Delivered variables, each with the names that may go there. */
  targets: readonly { variable: string; names: readonly string[] }[];
  roots: readonly string[];
  /** Recursive resolver and name servers of the emulated DNS. */
  resolver: string;
  nameservers: Readonly<Record<string, string>>;
  /** Accounts at Namecheap whose keys it holds. */
  namecheap: NonNullable<LawDocument['namecheap']>;
}

export function relayLaw(options: RelayLawOptions): LawDocument {
  return {
    origin: options.origin,
    cluster: options.cluster,
    edgeKeys: [publicHalf(options.secrets.edgeKey)],
    identity: options.identity,
    nomad: options.nomad,
    area: { prefix: `nomad/jobs/${RELAY_JOB}`, namespace: 'default' },
    targets: options.targets.map(({ variable, names }) => ({ variable, namespace: 'default', names: [...names] })),
    services: [{ service: PROXY_SERVICE, namespace: 'default', jobs: [PROXY_JOB] }],
    roots: [...options.roots],
    namecheap: options.namecheap,
    dns: { resolver: options.resolver, nameservers: { ...options.nameservers } },
  };
}

export interface RelayPart {
  /** The process, where it is one of the demo's own. */
  readonly child?: Child;
  /** Its log so far: one JSON object per line. */
  output(): Promise<string>;
  stop(): Promise<void>;
}

export interface RelayProcess extends RelayPart {
  readonly child: Child;
  /** Ends the process as `kill -9` does. */
  kill(): Promise<void>;
  /** Starts it again when it has ended. */
  start(): Promise<void>;
}

export interface RelayOptions {
  supervisor: Supervisor;
  state: DemoState;
  nomad: NomadPart & { emulator: NomadEmulator };
  law: LawDocument;
  /** Path of the relay's bundle. */
  bundle: string;
  environment: Readonly<Record<string, string | undefined>>;
  name?: string;
}

/** Starts the relay beside the emulated Nomad, which grants it what the shipped policy grants. */
export async function startRelay(options: RelayOptions): Promise<RelayProcess> {
  const { supervisor, state, nomad, name = 'relay' } = options;
  const lawFile = state.writeJson(`${name}/law.json`, options.law);
  const allocation = nomad.emulator.workloads.start({ jobId: RELAY_JOB, tasks: { relay: {} } });
  const token = nomad.emulator.identities.issueWorkload({ namespace: 'default', jobId: RELAY_JOB, group: RELAY_JOB, task: 'relay' });
  const run = (): Promise<Child> =>
    supervisor.start(name, {
      command: process.execPath,
      arguments: [options.bundle],
      environment: {
        PATH: options.environment['PATH'],
        PERENNIAL_RELAY_LAW: lawFile,
        NOMAD_ADDR: nomad.address,
        NOMAD_TOKEN: token,
        NOMAD_ALLOC_ID: allocation.id,
      },
    });
  let child = await run();
  return {
    get child() {
      return child;
    },
    output: () => readFile(child.log, 'utf8'),
    kill: async () => {
      const ended = child.stop();
      child.signal('SIGKILL');
      await ended;
    },
    start: async () => {
      if (!child.running) child = await run();
    },
    stop: async () => {
      await child.stop();
    },
  };
}
