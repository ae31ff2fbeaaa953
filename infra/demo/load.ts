/**
 * Steady requests against the proxy while certificates change below them: some on a new connection each, some on kept
 * ones. Each verifies the chain and the name, so a wrong certificate is a failure like a broken connection.
 */
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';

export interface LoadOptions {
  address: string;
  port: number;
  /** Host name that is asked for. */
  name: string;
  roots: readonly string[];
  /** Milliseconds between requests, of each kind. */
  newEveryMs?: number;
  keptEveryMs?: number;
  keptConnections?: number;
}

export interface LoadCount {
  /** Requests answered on a connection of their own, and on kept connections. */
  fresh: number;
  kept: number;
  failed: number;
  /** The first failure, in words. */
  firstFailure: string | undefined;
  /** Requests on new connections, by the leaf (SHA-256, hex) they met. */
  byLeaf: Readonly<Record<string, number>>;
}

const TIMEOUT_MS = 5_000;

export class Load {
  readonly #options: LoadOptions;
  readonly #stopped = new AbortController();
  readonly #agents: Agent[] = [];
  readonly #running: Promise<void>[] = [];
  #fresh = 0;
  #kept = 0;
  #failed = 0;
  #firstFailure: string | undefined;
  readonly #byLeaf = new Map<string, number>();

  constructor(options: LoadOptions) {
    this.#options = options;
    const { newEveryMs = 100, keptEveryMs = 50, keptConnections = 2 } = options;
    this.#running.push(this.#repeat(newEveryMs, () => this.#onNewConnection()));
    for (let index = 0; index < keptConnections; index += 1) {
      const agent = this.#agent(true);
      this.#running.push(
        this.#repeat(keptEveryMs, async () => {
          await this.#ask(agent);
          this.#kept += 1;
        }),
      );
    }
  }

  count(): LoadCount {
    return { fresh: this.#fresh, kept: this.#kept, failed: this.#failed, firstFailure: this.#firstFailure, byLeaf: Object.fromEntries(this.#byLeaf) };
  }

  async stop(): Promise<LoadCount> {
    this.#stopped.abort();
    await Promise.all(this.#running);
    for (const agent of this.#agents) agent.destroy();
    return this.count();
  }

  async #onNewConnection(): Promise<void> {
    const agent = this.#agent(false);
    try {
      const leaf = await this.#ask(agent);
      this.#fresh += 1;
      this.#byLeaf.set(leaf, (this.#byLeaf.get(leaf) ?? 0) + 1);
    } finally {
      agent.destroy();
      this.#agents.splice(this.#agents.indexOf(agent), 1);
    }
  }

  #agent(keepAlive: boolean): Agent {
    // No session cache: a resumed handshake would not show the certificate.
    const agent = new Agent({ keepAlive, maxSockets: 1, maxCachedSessions: 0, ca: [...this.#options.roots] });
    this.#agents.push(agent);
    return agent;
  }

  /** One request; resolves with the SHA-256 of the leaf on its connection. */
  async #ask(agent: Agent): Promise<string> {
    const { address, port, name } = this.#options;
    return await new Promise((resolve, reject) => {
      const outgoing = request({ host: address, port, servername: name, headers: { host: name }, path: '/', agent }, (response) => {
        const { socket } = response;
        const leaf = socket instanceof TLSSocket ? (socket.getPeerCertificate().fingerprint256?.replaceAll(':', '').toLowerCase() ?? '') : '';
        response.on('error', reject);
        response.on('end', () => {
          // What is behind the proxy is not the question: a 404 for want of routers is an answer.
          if ((response.statusCode ?? 500) < 500) resolve(leaf);
          else reject(new Error(`answered ${response.statusCode}`));
        });
        response.resume();
      });
      outgoing.setTimeout(TIMEOUT_MS, () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  async #repeat(everyMs: number, work: () => Promise<void>): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        // A steady rate, not a burst.
        // oxlint-disable-next-line no-await-in-loop
        await work();
      } catch (error) {
        this.#failed += 1;
        this.#firstFailure ??= error instanceof Error ? error.message : 'unknown';
      }
      // oxlint-disable-next-line no-await-in-loop
      await sleep(everyMs, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
    }
  }
}
