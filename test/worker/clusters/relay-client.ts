/**
 * A relay's end of the link inside workerd: real frames with real Ed25519 signatures over a real WebSocket. It verifies
 * what the edge sends as strictly as the relay does, and can be told to lie.
 */
import {
  CLOSE,
  type ChallengeFrame,
  edgeToRelayFrame,
  HEARTBEAT_PING,
  HEARTBEAT_PONG,
  type RelayEvent,
  type RequestFrame,
  type ResponseFrame,
} from '../../../shared/link/frames.ts';
import { type Claims, hashText, type PrivateKey, type PublicKey, randomNonce, signMessage, verifyMessage } from '../../../shared/link/signatures.ts';
import { CONTRACT } from '../../../shared/relay/contract.ts';

export const ORIGIN = 'https://edge.test';
export const CLUSTER = 'matrix';
/** The key pair of RFC 8037 appendix A; its public half is the key of cluster `matrix` in fixtures/configuration.json. */
export const RELAY_KEY: PrivateKey = {
  kty: 'OKP',
  crv: 'Ed25519',
  kid: 'relay-1',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
};
/** Public half of the EDGE_KEY binding in vitest.worker.config.ts. */
export const EDGE_PUBLIC_KEY: PublicKey = { kty: 'OKP', crv: 'Ed25519', kid: 'edge-1', x: 'qfE9C432x05Slbaiuphj3fTN57IbNKWqxWEknlZR2rg' };

export interface HelloOptions {
  key?: PrivateKey;
  claims?: Partial<Claims<'hello'>>;
}

type EdgeFrame = ReturnType<typeof edgeToRelayFrame.parse>;
/** What a response says and what its signature covers; both are the truth unless a test alters one. */
interface Answer {
  frame: Omit<ResponseFrame, 'token'>;
  claims: Claims<'response'>;
  key: PrivateKey;
}

interface Connectable {
  fetch(url: string, init: RequestInit): Promise<Response>;
}

/** Opens a WebSocket to a ClusterObject; null when the edge turned it away. */
export async function dial(cluster: Connectable, name = CLUSTER): Promise<RelayClient | null> {
  const response = await cluster.fetch(`${ORIGIN}/relay/connect?cluster=${name}`, { headers: { upgrade: 'websocket' } });
  const socket = response.webSocket;
  if (socket === null || socket === undefined) return null;
  return new RelayClient(socket);
}

/** Dials and completes the handshake. */
export async function connect(cluster: Connectable, allocation = 'allocation-1', hello: HelloOptions = {}): Promise<RelayClient> {
  const client = await dial(cluster);
  if (client === null) throw new Error('the edge turned the relay away');
  await client.open({ ...hello, claims: { allocation, ...hello.claims } });
  return client;
}

export class RelayClient {
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly #frames: EdgeFrame[] = [];
  readonly #waiting: ((frame: EdgeFrame) => void)[] = [];
  #pong: (() => void) | null = null;
  #allocation = '';
  #connection = '';
  #sequence = 0;
  #events = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.closed = promise;
    socket.addEventListener('message', ({ data }) => {
      if (data === HEARTBEAT_PONG) return this.#pong?.();
      const frame = edgeToRelayFrame.parse(JSON.parse(String(data)));
      const taker = this.#waiting.shift();
      if (taker === undefined) this.#frames.push(frame);
      else taker(frame);
    });
    socket.addEventListener('close', ({ code }) => resolve(code));
    socket.accept();
  }

  get connection(): string {
    return this.#connection;
  }

  next(): Promise<EdgeFrame> {
    const frame = this.#frames.shift();
    return frame === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(frame);
  }

  async challenge(): Promise<ChallengeFrame> {
    const frame = await this.next();
    if (frame.type !== 'challenge') throw new Error(`a challenge was expected, not ${frame.type}`);
    return frame;
  }

  /** Says hello and returns the edge's verdict. */
  async hello({ key = RELAY_KEY, claims = {} }: HelloOptions = {}): Promise<EdgeFrame> {
    const challenge = await this.challenge();
    const nonce = randomNonce();
    const all = {
      aud: challenge.origin,
      cluster: challenge.cluster,
      allocation: 'allocation-1',
      challenge: challenge.nonce,
      nonce,
      contract: CONTRACT.current,
      bundle: 'development',
      time: Date.now(),
      ...claims,
    };
    this.#allocation = all.allocation;
    this.send({ type: 'hello', token: await signMessage('hello', all, key) });
    const verdict = await this.next();
    if (verdict.type === 'welcome') {
      const welcome = await verifyMessage('welcome', verdict.token, [EDGE_PUBLIC_KEY], `${all.cluster}/${this.#allocation}`);
      if (welcome.challenge !== nonce) throw new Error('the welcome answers another hello');
      this.#connection = welcome.connection;
    }
    return verdict;
  }

  async open(options: HelloOptions = {}): Promise<void> {
    const verdict = await this.hello(options);
    if (verdict.type !== 'welcome') throw new Error(`not welcome: ${JSON.stringify(verdict)}`);
  }

  /** The next request, verified as a relay does: signature, every signed part, this connection, a sequence that grows. */
  async request(): Promise<{ frame: RequestFrame; claims: Claims<'request'> }> {
    const frame = await this.next();
    if (frame.type !== 'request') throw new Error(`a request was expected, not ${frame.type}`);
    const claims = await verifyMessage('request', frame.token, [EDGE_PUBLIC_KEY], CLUSTER);
    const covered =
      claims.method === frame.method &&
      claims.path === frame.path &&
      claims.contentType === frame.contentType &&
      claims.bodyHash === (await hashText(frame.body));
    if (!covered) throw new Error('the request does not carry what its signature covers');
    if (claims.connection !== this.#connection) throw new Error('the request is of another connection');
    if (claims.sequence <= this.#sequence) throw new Error(`sequence ${claims.sequence} after ${this.#sequence}`);
    this.#sequence = claims.sequence;
    return { frame, claims };
  }

  /** Answers a request; `lie` may alter what is sent, what is signed, or the key. */
  async respond(request: RequestFrame, body: unknown = { ok: true }, status = 200, lie: (answer: Answer) => void = () => undefined): Promise<void> {
    const text = JSON.stringify(body);
    const answer: Answer = {
      frame: { type: 'response', id: request.id, status, contentType: 'application/json', body: text },
      claims: { aud: ORIGIN, requestHash: await hashText(request.token), status, contentType: 'application/json', bodyHash: await hashText(text) },
      key: RELAY_KEY,
    };
    lie(answer);
    this.send({ ...answer.frame, token: await signMessage('response', answer.claims, answer.key) });
  }

  /** Answers every request with `body` until the socket closes. */
  serve(answer: (frame: RequestFrame) => { status?: number; body: unknown }): void {
    const forever = async (): Promise<never> => {
      for (;;) {
        const { frame } = await this.request();
        const { status = 200, body } = answer(frame);
        await this.respond(frame, body, status);
      }
    };
    // It never ends by itself; a violation shows as a call that is never answered.
    forever().catch((error: unknown) => this.close(CLOSE.protocol, String(error)));
  }

  /** Sends an event; `claims` overrides what is signed. @returns the frame, to be replayed. */
  async event(event: RelayEvent, claims: Partial<Claims<'event'>> = {}, key: PrivateKey = RELAY_KEY): Promise<unknown> {
    const body = JSON.stringify(event);
    this.#events += 1;
    const all = { aud: ORIGIN, connection: this.#connection, sequence: this.#events, bodyHash: await hashText(body), ...claims };
    const frame = { type: 'event', token: await signMessage('event', all, key), body };
    this.send(frame);
    return frame;
  }

  /** One heartbeat, answered by the runtime. */
  async beat(): Promise<void> {
    const pong = new Promise<void>((resolve) => (this.#pong = resolve));
    this.#socket.send(HEARTBEAT_PING);
    await pong;
  }

  send(frame: unknown): void {
    this.#socket.send(JSON.stringify(frame));
  }

  sendRaw(data: string | Uint8Array): void {
    this.#socket.send(data);
  }

  close(code = 1000, reason = 'done'): void {
    this.#socket.close(code, reason.slice(0, 100));
  }
}
