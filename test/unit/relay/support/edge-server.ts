/** The edge's end of the link on a loopback port: challenges, welcomes and sends signed requests, as ClusterObject does. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { MINUTE } from '../../../../shared/clock.ts';
import { HEARTBEAT_PING, HEARTBEAT_PONG, relayToEdgeFrame } from '../../../../shared/link/frames.ts';
import type { ResponseFrame } from '../../../../shared/link/frames.ts';
import { hashText, randomNonce, signMessage, verifyMessage } from '../../../../shared/link/signatures.ts';
import type { Claims, PrivateKey } from '../../../../shared/link/signatures.ts';
import type { SigningKeys } from './signing-edge.ts';

export interface EdgeServerOptions {
  keys: SigningKeys;
  relay: SigningKeys;
  cluster?: string;
  /** Signs welcomes with this key instead. */
  welcomeKey?: PrivateKey;
  /** Answers this challenge in place of the one in the hello: a welcome of another connection. */
  welcomeChallenge?: string;
  /** How far its clock is from this machine's, milliseconds. */
  skewMs?: number;
  /** Leaves heartbeats without an answer. */
  mute?: boolean;
  /** Refuses every relay. */
  refuse?: { code: string; retryable: boolean };
}

export interface Link {
  socket: WebSocket;
  hello: Claims<'hello'>;
  nonce: string;
  /** What came that is not a response. */
  events: { token: string; body: string }[];
  closed: Promise<number>;
}

export class EdgeServer {
  readonly origin: string;
  readonly links: Link[] = [];
  readonly closes: number[] = [];
  attempts = 0;
  readonly #server: WebSocketServer;
  readonly #options: EdgeServerOptions;
  readonly #waiting: ((link: Link) => void)[] = [];
  readonly #replies = new Map<string, (frame: ResponseFrame) => void>();
  #sequence = 0;

  private constructor(server: WebSocketServer, options: EdgeServerOptions) {
    this.#server = server;
    this.#options = options;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket, request) => void this.#accept(socket, new URL(request.url ?? '/', this.origin)));
  }

  static async start(options: EdgeServerOptions): Promise<EdgeServer> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    return new EdgeServer(server, options);
  }

  /** The next link that is welcomed. */
  async link(): Promise<Link> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  now(): number {
    return Date.now() + (this.#options.skewMs ?? 0);
  }

  /** A signed request frame; `claims` are signed in place of the right ones, `frame` is sent in place of what was signed. */
  async frame(
    link: Link,
    method: string,
    path: string,
    data: unknown,
    change: { claims?: Partial<Claims<'request'>>; frame?: Record<string, unknown> } = {},
  ): Promise<Record<string, unknown>> {
    const body = data === undefined ? '' : JSON.stringify(data);
    this.#sequence += 1;
    const sequence = this.#sequence;
    const claims = {
      aud: this.#options.cluster ?? 'matrix',
      method,
      path,
      contentType: 'application/json',
      bodyHash: await hashText(body),
      deadline: this.now() + MINUTE / 2,
      connection: link.nonce,
      sequence,
      ...change.claims,
    };
    const token = await signMessage('request', claims, this.#options.keys.private);
    return { type: 'request', id: randomNonce().slice(0, 16), token, method, path, contentType: 'application/json', body, ...change.frame };
  }

  /** Sends a frame and awaits the response to it. */
  async send(link: Link, frame: Record<string, unknown>): Promise<ResponseFrame> {
    return new Promise((resolve) => {
      this.#replies.set(String(frame['id']), resolve);
      link.socket.send(JSON.stringify(frame));
    });
  }

  async request(link: Link, method: string, path: string, data: unknown): Promise<ResponseFrame> {
    return this.send(link, await this.frame(link, method, path, data));
  }

  async stop(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #accept(socket: WebSocket, url: URL): Promise<void> {
    this.attempts += 1;
    const { keys, relay, refuse, welcomeKey, welcomeChallenge, cluster = 'matrix' } = this.#options;
    const challenge = randomNonce();
    const nonce = randomNonce();
    const events: Link['events'] = [];
    const closed = once(socket, 'close').then(([code]) => Number(code));
    closed.then(
      (code) => this.closes.push(code),
      () => undefined,
    );
    if (url.pathname !== '/relay/connect' || url.searchParams.get('cluster') !== cluster) return socket.close(4000);
    const receive = async (text: string) => {
      if (text === HEARTBEAT_PING) return void (this.#options.mute === true || socket.send(HEARTBEAT_PONG));
      const frame = relayToEdgeFrame.parse(JSON.parse(text));
      if (frame.type === 'response') return this.#replies.get(frame.id)?.(frame);
      if (frame.type === 'event') return void events.push(frame);
      const hello = await verifyMessage('hello', frame.token, [relay.public], this.origin);
      const claims = {
        aud: `${cluster}/${hello.allocation}`,
        challenge: welcomeChallenge ?? hello.nonce,
        connection: nonce,
        contract: hello.contract,
        time: this.now(),
      };
      this.#sequence = 0;
      socket.send(JSON.stringify({ type: 'welcome', token: await signMessage('welcome', claims, welcomeKey ?? keys.private) }));
      const link = { socket, hello, nonce, events, closed };
      this.links.push(link);
      this.#waiting.shift()?.(link);
    };
    socket.on('message', (data: Buffer) => void receive(data.toString()));
    if (refuse !== undefined) {
      socket.send(JSON.stringify({ type: 'refused', error: { message: 'The cluster is not configured.', hint: 'Add it to certificates.toml.', ...refuse } }));
      return;
    }
    socket.send(JSON.stringify({ type: 'challenge', nonce: challenge, origin: this.origin, cluster, time: this.now() }));
  }
}
