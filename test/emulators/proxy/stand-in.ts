/**
 * The TLS stand-in for Traefik 3.7 in the shipped proxy job: it renders the variable as the job's template does, reloads
 * as Traefik's file provider does, and is an allocation with a service instance in the Nomad emulator.
 */
import { createServer } from 'node:net';
import type { Server as TcpServer, Socket } from 'node:net';
import type { Server as HttpServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { NomadEmulator } from '../nomad/nomad.ts';
import type { ServiceInstance } from '../nomad/workloads.ts';
import type { CertificatePair, DynamicConfiguration } from './dynamic-configuration.ts';
import { leafFingerprint, loadConfiguration } from './dynamic-configuration.ts';
import { cutHandshake, Generation } from './generation.ts';
import { selfSigned, traefikDefaultCertificate } from './self-signed.ts';
import { Template } from './template.ts';
import { Throttle } from './throttle.ts';
import { createTraefikApi } from './traefik-api.ts';

export interface StandInOptions {
  nomad: NomadEmulator;
  /** Path of the variable; `nomad/jobs/<jobId>` when absent. The job's identity reads that one; another needs a policy. */
  variable?: string;
  jobId?: string;
  serviceName?: string;
  /** TLS and API ports on 127.0.0.1; 0 (the default) picks free ones. */
  port?: number;
  apiPort?: number;
  /** `providers.providersThrottleDuration`, milliseconds; Traefik's default is 2000. */
  throttleMs?: number;
  /** The template's `wait { min }`, milliseconds. */
  quiescenceMs?: number;
}

/**
 * What a test may make it do instead of serving what it loaded: keep what it has whatever comes (`stuck`), serve the
 * pair before the current one (`old`), a stranger's for these names, Traefik's own default, hang up, or not listen;
 * or serve what it has loaded now and hang up as long as anything else is loaded (`fixed`): a pair that it cannot serve.
 */
export type Misbehaviour =
  | { kind: 'stuck' }
  | { kind: 'fixed' }
  | { kind: 'old' }
  | { kind: 'foreign'; names: readonly string[] }
  | { kind: 'default' }
  | { kind: 'cut' }
  | { kind: 'refuse' };

export interface AppliedConfiguration {
  /** Unix milliseconds. */
  at: number;
  /** SHA-256 of the leaf; `undefined` when the pair was bad and every handshake is cut. */
  fingerprint: string | undefined;
}

interface Parts {
  options: StandInOptions;
  jobId: string;
  defaultPair: CertificatePair;
}

/** Longest wait for connections when the stand-in stops, ms. */
const CLOSE_WAIT_MS = 1_000;

export class TraefikStandIn {
  /** Every configuration that was applied, oldest first. */
  readonly applied: AppliedConfiguration[] = [];
  /** Signals that Nomad delivered. SIGHUP makes the file provider load again what it has. */
  readonly signals: string[] = [];
  readonly service: ServiceInstance;
  readonly apiPort: number;
  readonly #parts: Parts;
  readonly #listener: TcpServer;
  readonly #api: HttpServer;
  readonly #sockets = new Set<Socket>();
  readonly #throttle: Throttle<DynamicConfiguration>;
  readonly #identity: string;
  readonly #allocationId: string;
  #template: Template | undefined;
  #loaded: DynamicConfiguration = { kind: 'empty' };
  #previous: DynamicConfiguration = { kind: 'empty' };
  #current: Generation;
  #misbehaving: { kind: Misbehaviour['kind']; generation: Generation | undefined } | undefined;

  private constructor(parts: Parts, listener: TcpServer, api: HttpServer) {
    const { nomad, serviceName = 'traefik', throttleMs = 2_000 } = parts.options;
    this.#parts = parts;
    this.#listener = listener;
    this.#api = api;
    this.apiPort = portOf(api);
    this.#throttle = new Throttle(throttleMs, (configuration) => this.#apply(configuration));
    const tasks = { traefik: { onSignal: (signal: string) => this.#signalled(signal), onRestart: () => this.restart() } };
    const allocation = nomad.workloads.start({ jobId: parts.jobId, group: parts.jobId, jobType: 'system', tasks });
    this.#allocationId = allocation.id;
    this.#identity = nomad.identities.issueWorkload({ namespace: 'default', jobId: parts.jobId, group: parts.jobId, task: 'traefik' });
    this.service = nomad.workloads.register({
      name: serviceName,
      address: '127.0.0.1',
      port: portOf(listener),
      jobId: parts.jobId,
      allocationId: allocation.id,
    });
    this.#current = new Generation(loadConfiguration(this.#loaded, parts.defaultPair), allocation.id);
    listener.on('connection', (socket) => this.#accept(socket));
    this.#template = this.#startTemplate();
  }

  static async start(options: StandInOptions): Promise<TraefikStandIn> {
    const listener = createServer();
    await listen(listener, options.port ?? 0);
    // The API answers from the instance, which needs the ports first.
    let instance: TraefikStandIn | undefined;
    const defaultPair = await traefikDefaultCertificate();
    const api = createTraefikApi(() => instance?.store ?? { default: undefined, dynamic: new Map() });
    await listen(api, options.apiPort ?? 0);
    instance = new TraefikStandIn({ options, jobId: options.jobId ?? 'proxy', defaultPair }, listener, api);
    return instance;
  }

  get port(): number {
    return this.service.port;
  }

  get allocationId(): string {
    return this.#allocationId;
  }

  /** SHA-256 of the leaf that new connections get without a matching name; `undefined` when they are cut. */
  get fingerprint(): string | undefined {
    return this.#serving()?.fingerprint;
  }

  /** What is loaded now. */
  get store(): Generation['store'] {
    return this.#current.store;
  }

  /** Misbehaves until {@link behave}. */
  async misbehave(how: Misbehaviour): Promise<void> {
    await this.behave();
    this.#misbehaving = { kind: how.kind, generation: await this.#generationFor(how) };
    if (how.kind === 'refuse') {
      // Accepted connections live on: only the listener goes.
      this.#listener.close();
    }
  }

  /** Serves again what was loaded last, also what arrived in the meantime. */
  async behave(): Promise<void> {
    const before = this.#misbehaving?.kind;
    this.#misbehaving = undefined;
    if (before === 'refuse') await listen(this.#listener, this.port);
  }

  /** As a restart of the task: connections end, everything loaded is forgotten, the template renders anew. */
  async restart(): Promise<void> {
    await this.#template?.stop();
    this.#throttle.reset();
    this.#endConnections();
    this.#loaded = { kind: 'empty' };
    this.#previous = { kind: 'empty' };
    this.#current = this.#generation(this.#loaded);
    this.#template = this.#startTemplate();
  }

  /** Leaves the cluster: service and allocation are gone, ports are free. */
  async stop(): Promise<void> {
    const { nomad } = this.#parts.options;
    await this.#template?.stop();
    this.#throttle.reset();
    nomad.workloads.stop(this.#allocationId);
    nomad.identities.revokeWorkload(this.#identity);
    this.#endConnections();
    this.#api.closeAllConnections();
    await Promise.all([close(this.#listener), close(this.#api)]);
  }

  #startTemplate(): Template {
    const { nomad, variable = `nomad/jobs/${this.#parts.jobId}`, quiescenceMs = 500 } = this.#parts.options;
    return new Template({
      address: nomad.address,
      token: this.#identity,
      namespace: 'default',
      variable,
      quiescenceMs,
      maxQuiescenceMs: Math.max(5_000, quiescenceMs),
      render: (pair) => this.#throttle.offer({ kind: 'rendered', pair }),
    });
  }

  /** Identical configurations are skipped, as Traefik's deep comparison does. */
  #apply(configuration: DynamicConfiguration): void {
    if (JSON.stringify(configuration) === JSON.stringify(this.#loaded)) return;
    this.#previous = this.#loaded;
    this.#loaded = configuration;
    this.#current = this.#generation(configuration);
    this.applied.push({ at: Date.now(), fingerprint: this.#current.fingerprint });
  }

  #signalled(signal: string): void {
    this.signals.push(signal);
    if (signal === 'SIGHUP') this.#throttle.offer(this.#loaded);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    const generation = this.#serving();
    if (generation === undefined) cutHandshake(socket);
    else generation.accept(socket);
  }

  /** The generation new connections meet; `undefined` when they are cut on purpose. */
  #serving(): Generation | undefined {
    if (this.#misbehaving === undefined || this.#misbehaving.kind === 'refuse') return this.#current;
    const { kind, generation } = this.#misbehaving;
    if (kind === 'fixed') return this.#current.fingerprint === generation?.fingerprint ? this.#current : undefined;
    return generation;
  }

  async #generationFor(how: Misbehaviour): Promise<Generation | undefined> {
    switch (how.kind) {
      case 'stuck':
      case 'fixed':
        return this.#current;
      case 'old':
        return this.#generation(this.#previous);
      case 'foreign':
        return this.#generation({ kind: 'rendered', pair: await selfSigned(how.names[0] ?? 'stranger.example', how.names) });
      case 'default':
        return this.#generation({ kind: 'empty' });
      case 'cut':
      case 'refuse':
      default:
        return undefined;
    }
  }

  #generation(configuration: DynamicConfiguration): Generation {
    return new Generation(loadConfiguration(configuration, this.#parts.defaultPair), this.#allocationId);
  }

  #endConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Resolves when new connections get this leaf; rejects after `timeoutMs`. */
export async function waitUntilServing(standIn: TraefikStandIn, certificatePem: string, timeoutMs = 10_000): Promise<void> {
  const wanted = leafFingerprint(certificatePem);
  const deadline = Date.now() + timeoutMs;
  while (standIn.fingerprint !== wanted) {
    if (Date.now() > deadline) throw new Error(`the stand-in serves ${standIn.fingerprint ?? 'nothing'}, not ${wanted}, after ${timeoutMs} ms`);
    // Polling an in-process value.
    // oxlint-disable-next-line no-await-in-loop
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}

function portOf(server: TcpServer | HttpServer): number {
  return z.object({ port: z.number() }).parse(server.address()).port;
}

async function listen(server: TcpServer | HttpServer, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1' }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/**
 * Stops listening at once and waits a moment for the connections. A TCP socket that TLS has taken over in the middle of a
 * handshake may outlive its destruction; it must not keep whoever stops the stand-in.
 */
async function close(server: TcpServer | HttpServer): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  const patience = new AbortController();
  await Promise.race([closed, pause(CLOSE_WAIT_MS, undefined, { signal: patience.signal }).catch(() => undefined)]);
  patience.abort();
  server.unref();
}
