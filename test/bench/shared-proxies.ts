/**
 * Proxies for fleets: each serves a handful of certificates, as one Traefik does for many sites. They learn of a changed
 * variable at once and serve it after a pause like a template's, because it is the Worker whose cost is looked at here.
 */
import { X509Certificate } from 'node:crypto';
import { createServer, createSecureContext, type SecureContext, type Server } from 'node:tls';
import { z } from 'zod';
import type { NomadEmulator } from '../emulators/nomad/nomad.ts';

/** A template's wait and some of the file provider's throttle. */
const RENDERED_AFTER_MS = 500;

interface Served {
  context: SecureContext;
  fingerprint: string;
}

export class SharedProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #allocationId: string;
  readonly #nomad: NomadEmulator;
  readonly #unobserve: () => void;
  /** By name of a certificate as it is written there, wildcards included. */
  readonly #served = new Map<string, Served>();
  readonly #fingerprints = new Map<string, string>();

  private constructor(nomad: NomadEmulator, service: string, variables: ReadonlySet<string>, server: Server, port: number) {
    this.#nomad = nomad;
    this.#server = server;
    this.port = port;
    const allocation = nomad.workloads.start({
      jobId: service,
      group: service,
      jobType: 'system',
      tasks: { traefik: { onSignal: () => undefined, onRestart: () => Promise.resolve() } },
    });
    this.#allocationId = allocation.id;
    nomad.workloads.register({ name: service, address: '127.0.0.1', port, jobId: service, allocationId: allocation.id });
    this.#unobserve = nomad.observeVariables((change) => {
      if (change.kind !== 'written' || !variables.has(change.variable.path)) return;
      const { certificate = '', key = '' } = change.variable.items;
      setTimeout(() => this.#serve(change.variable.path, certificate, key), RENDERED_AFTER_MS).unref();
    });
  }

  static async start(nomad: NomadEmulator, service: string, variables: readonly string[]): Promise<SharedProxy> {
    let proxy: SharedProxy | undefined;
    const server = createServer({
      SNICallback: (name, done) => {
        const served = proxy?.select(name);
        if (served === undefined) done(new Error('There is no certificate of that name.'));
        else done(null, served);
      },
    });
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    server.on('secureConnection', (socket) => socket.on('error', () => socket.destroy()));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    proxy = new SharedProxy(nomad, service, new Set(variables), server, z.object({ port: z.number() }).parse(server.address()).port);
    return proxy;
  }

  select(name: string): SecureContext | undefined {
    const wildcard = name.replace(/^[^.]+/, '*');
    return (this.#served.get(name) ?? this.#served.get(wildcard))?.context;
  }

  /** SHA-256 of the leaf that a variable's names are answered with; undefined before the first. */
  fingerprint(variable: string): string | undefined {
    return this.#fingerprints.get(variable);
  }

  async stop(): Promise<void> {
    this.#unobserve();
    this.#nomad.workloads.stop(this.#allocationId);
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #serve(variable: string, certificate: string, key: string): void {
    const leaf = new X509Certificate(certificate);
    const served = { context: createSecureContext({ cert: certificate, key }), fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase() };
    for (const name of (leaf.subjectAltName ?? '').split(', ')) this.#served.set(name.replace(/^DNS:/, ''), served);
    this.#fingerprints.set(variable, served.fingerprint);
  }
}
