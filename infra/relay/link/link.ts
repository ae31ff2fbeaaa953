/**
 * The link: keeps one connection to the edge alive, for ever. Dials out, so that no port needs to be open; waits with
 * exponential backoff and full jitter; says clearly why the edge refused.
 */
import { WebSocket } from 'ws';
import type { RelayEvent } from '../../../shared/link/frames.ts';
import { MAX_FRAME_LENGTH } from '../../../shared/link/frames.ts';
import type { Log } from '../log.ts';
import { reconnectDelay, refusedDelay } from './backoff.ts';
import { EdgeConnection } from './connection.ts';
import type { ConnectionDependencies, Ended } from './connection.ts';

export interface LinkDependencies extends ConnectionDependencies {
  log: Log;
  /** In [0, 1). */
  random: () => number;
}

/** A connection that lived this long, in milliseconds, starts the backoff anew. */
const STABLE_MS = 10_000;
const DIAL_TIMEOUT_MS = 10_000;
/** Frames are counted in UTF-16 units, sockets in bytes of UTF-8. */
const MAX_PAYLOAD_BYTES = 3 * MAX_FRAME_LENGTH;

export class EdgeLink {
  readonly #deps: LinkDependencies;
  readonly #stopping = new AbortController();
  #connection: EdgeConnection | null = null;
  #running: Promise<void> | null = null;

  constructor(deps: LinkDependencies) {
    this.#deps = deps;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Sends an event. @returns false without an open connection: whoever has something to say says it again later. */
  async report(event: RelayEvent): Promise<boolean> {
    return (await this.#connection?.report(event)) ?? false;
  }

  /** Finishes what is in flight (at most 5 s) and closes. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#connection?.stop();
    await this.#running;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      const begun = this.#deps.monotonic();
      // One connection after the other is the point of this loop.
      // oxlint-disable-next-line no-await-in-loop
      const ended = await this.#connect();
      if (this.#stopping.signal.aborted) return;
      failures = this.#deps.monotonic() - begun >= STABLE_MS ? 0 : failures + 1;
      const retryInMs = this.#delay(ended, failures);
      this.#tell(ended, retryInMs);
      // oxlint-disable-next-line no-await-in-loop
      await this.#pause(retryInMs);
    }
  }

  async #connect(): Promise<Ended> {
    const { law, health, log } = this.#deps;
    const url = new URL(`/relay/connect?cluster=${encodeURIComponent(law.cluster)}`, law.origin);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, { handshakeTimeout: DIAL_TIMEOUT_MS, maxPayload: MAX_PAYLOAD_BYTES, perMessageDeflate: false, followRedirects: false });
    // Listens from the first moment: the edge's challenge may come with the upgrade.
    const connection = new EdgeConnection(socket, this.#deps, () => log({ event: 'link', state: 'open' }));
    this.#connection = connection;
    const ended = await connection.ended;
    this.#connection = null;
    health.link = ended.reason === 'refused' ? 'refused' : 'connecting';
    return ended;
  }

  #delay(ended: Ended, failures: number): number {
    const random = this.#deps.random();
    return ended.reason === 'refused' && !ended.error.retryable ? refusedDelay(random) : reconnectDelay(failures, random);
  }

  #tell(ended: Ended, retryInMs: number): void {
    const { log } = this.#deps;
    switch (ended.reason) {
      case 'refused':
        return log({ event: 'link', state: 'refused', code: ended.error.code, message: ended.error.message, hint: ended.error.hint, retryInMs });
      case 'silent':
        return log({ event: 'link', state: 'lost', message: 'The edge did not answer two heartbeats.', retryInMs });
      case 'protocol':
        return log({ event: 'link', state: 'lost', code: 'link_protocol', message: ended.message, retryInMs });
      case 'closed':
        return log({
          event: 'link',
          state: 'closed',
          message: `The connection to ${this.#deps.law.origin} ended or could not be opened: ${ended.detail === '' ? `code ${ended.code}` : ended.detail}`,
          retryInMs,
        });
    }
  }

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#stopping;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
