/**
 * One `tls.Config` of Traefik: a TLS endpoint over a fixed certificate store. A reload makes a new generation for new
 * connections; connections of the old one live on, and its session tickets are worth nothing to the new one.
 */
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { createSecureContext } from 'node:tls';
import type { CertificatePair, CertificateStore } from './dynamic-configuration.ts';
import { leafFingerprint, selectCertificate } from './dynamic-configuration.ts';

/** Traefik's default idle timeout. */
const IDLE_TIMEOUT_MS = 180_000;

export class Generation {
  readonly store: CertificateStore;
  readonly #server: Server;
  readonly #contexts = new Map<CertificatePair, SecureContext>();

  /** @param instance told to clients in each response, so that a test sees which instance answered. */
  constructor(store: CertificateStore, instance: string) {
    this.store = store;
    this.#server = createServer(
      {
        ALPNProtocols: ['http/1.1'],
        keepAliveTimeout: IDLE_TIMEOUT_MS,
        SNICallback: (serverName, done) => {
          const pair = selectCertificate(store, serverName);
          if (pair === undefined) done(new Error('no certificate'));
          else done(null, this.#context(pair));
        },
        // Without SNI there is no callback: the default store decides.
        ...(store.default === undefined ? {} : { cert: store.default.certificate, key: store.default.key }),
      },
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
        response.end(`${JSON.stringify({ instance, certificate: this.fingerprint ?? null })}\n`);
      },
    );
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** SHA-256 of the default store's leaf; `undefined` when every handshake is cut. */
  get fingerprint(): string | undefined {
    return this.store.default === undefined ? undefined : leafFingerprint(this.store.default.certificate);
  }

  /** Takes a fresh TCP connection. Cuts it after the ClientHello when there is no certificate to answer with. */
  accept(socket: Socket): void {
    if (this.store.default === undefined) cutHandshake(socket);
    else this.#server.emit('connection', socket);
  }

  #context(pair: CertificatePair): SecureContext {
    const existing = this.#contexts.get(pair);
    if (existing !== undefined) return existing;
    const context = createSecureContext({ cert: pair.certificate, key: pair.key });
    this.#contexts.set(pair, context);
    return context;
  }
}

/** Reads the ClientHello and hangs up without an alert: the EOF a panic in Traefik looks like from outside. */
export function cutHandshake(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  socket.once('data', () => socket.end());
}
