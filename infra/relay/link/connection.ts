/**
 * One connection to the edge: handshake, heartbeat, requests and events over one WebSocket (`shared/link/frames.ts`).
 * It begins with an open socket and ends once, with the reason; dialling again is the link's matter.
 */
import type { RawData, WebSocket } from 'ws';
import { PerennialError } from '../../../shared/errors.ts';
import type { Clock } from '../../../shared/clock.ts';
import { CLOSE, edgeToRelayFrame, HEARTBEAT_INTERVAL_MS, HEARTBEAT_PING, HEARTBEAT_PONG } from '../../../shared/link/frames.ts';
import type { ChallengeFrame, RelayEvent, RequestFrame } from '../../../shared/link/frames.ts';
import { hashText, randomNonce, signMessage, verifyMessage } from '../../../shared/link/signatures.ts';
import type { PrivateKey } from '../../../shared/link/signatures.ts';
import type { Admission, Admissions } from '../admission.ts';
import { RESPONSE_HEADER } from '../app.ts';
import type { RelayApp } from '../app.ts';
import type { Connections } from '../connections.ts';
import type { Health } from '../health.ts';
import type { Law } from '../law.ts';
import { statusOf } from '../refusals.ts';
import { malformedFrame, refusalOfFrame, requestOf, stopping } from './request-frame.ts';

export interface ConnectionDependencies {
  law: Law;
  identity: PrivateKey;
  /** Allocation id, told in the hello. */
  allocation: string;
  /** SHA-256 of the running bundle, or `development`. */
  bundle: string;
  app: RelayApp;
  admissions: Admissions;
  connections: Connections;
  health: Health;
  clock: Clock;
  /** Milliseconds that only ever grow; deadlines hang on it, not on the wall clock. */
  monotonic: () => number;
}

export type Ended =
  | { reason: 'closed'; code: number; detail: string }
  | { reason: 'refused'; error: PerennialError }
  | { reason: 'silent' }
  | { reason: 'protocol'; message: string };

/** Milliseconds from the open socket to the welcome. */
const HANDSHAKE_MS = 10_000;
/** Frames that may wait for the welcome. */
const MAX_BACKLOG = 1_000;
/** How long a stop waits for requests in flight, milliseconds. */
const DRAIN_MS = 5_000;

export class EdgeConnection {
  readonly #deps: ConnectionDependencies;
  readonly #socket: WebSocket;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #inFlight = new Set<Promise<void>>();
  #stage: 'challenge' | 'welcome' | 'open' | 'stopping' | 'ended' = 'challenge';
  #hello: { nonce: string; sentAt: number } | null = null;
  #connection: { nonce: string; close: () => void } | null = null;
  #events = 0;
  /** Frames that came while a step of the handshake is being worked on. */
  #backlog: unknown[] | null = null;
  #lastPong: number;
  #finish: (ended: Ended) => void = () => undefined;
  /** Settles when the connection is over; never rejects. */
  readonly ended: Promise<Ended>;
  readonly #onOpen: () => void;

  constructor(socket: WebSocket, deps: ConnectionDependencies, onOpen: () => void) {
    this.#socket = socket;
    this.#deps = deps;
    this.#onOpen = onOpen;
    this.#lastPong = deps.monotonic();
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
    socket.on('message', (data: RawData, isBinary: boolean) => this.#receive(data, isBinary));
    // `close` follows every error, and says less.
    let detail = '';
    socket.on('error', (error: Error) => (detail = error.message.slice(0, 200)));
    socket.on('close', (code: number, reason: Buffer) => this.#end({ reason: 'closed', code, detail: detail === '' ? reason.toString('utf8') : detail }));
    this.#timers.add(setTimeout(() => this.#violation('no welcome in time'), HANDSHAKE_MS));
  }

  get open(): boolean {
    return this.#stage === 'open';
  }

  /** Sends an event if the connection is open; false otherwise. */
  async report(event: RelayEvent): Promise<boolean> {
    if (this.#stage !== 'open' || this.#connection === null) return false;
    const body = JSON.stringify(event);
    this.#events += 1;
    const claims = { aud: this.#deps.law.origin, connection: this.#connection.nonce, sequence: this.#events, bodyHash: await hashText(body) };
    this.#send({ type: 'event', token: await signMessage('event', claims, this.#deps.identity), body });
    return true;
  }

  /** Takes no more requests, finishes those in flight (at most 5 s), and says goodbye. */
  async stop(): Promise<void> {
    if (this.#stage === 'ended') return;
    this.#stage = 'stopping';
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, DRAIN_MS);
    });
    await Promise.race([Promise.allSettled(this.#inFlight), patience]);
    clearTimeout(timer);
    this.#socket.close(CLOSE.shutdown, 'the relay stops');
    this.#timers.add(setTimeout(() => this.#socket.terminate(), 1_000));
    await this.ended;
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#stage === 'ended') return;
    if (isBinary) return this.#violation('a binary frame came');
    const bytes = Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? Buffer.from(data) : data;
    const text = bytes.toString('utf8');
    this.#deps.health.heard();
    if (text === HEARTBEAT_PONG) {
      this.#lastPong = this.#deps.monotonic();
      return;
    }
    let frame: unknown;
    try {
      frame = JSON.parse(text);
    } catch {
      return this.#violation('a frame is not JSON');
    }
    if (this.#backlog === null) return this.#dispatch(frame);
    if (this.#backlog.push(frame) > MAX_BACKLOG) this.#violation('too many frames came before the welcome was read');
  }

  #dispatch(data: unknown): void {
    const parsed = edgeToRelayFrame.safeParse(data);
    if (!parsed.success) return this.#refuseFrame(data);
    const frame = parsed.data;
    if (frame.type === 'refused') return this.#end({ reason: 'refused', error: PerennialError.fromData(frame.error) });
    if (frame.type === 'challenge' && this.#stage === 'challenge') return this.#handshake(this.#sayHello(frame));
    if (frame.type === 'welcome' && this.#stage === 'welcome') return this.#handshake(this.#beWelcomed(frame.token));
    if (frame.type === 'request' && (this.#stage === 'open' || this.#stage === 'stopping')) return this.#serve(frame);
    this.#violation(`a ${frame.type} frame came out of turn`);
  }

  /** The edge may send requests right behind its welcome; they wait until the welcome's signature has been verified. */
  #handshake(step: Promise<void>): void {
    this.#backlog = [];
    const release = () => {
      const frames = this.#backlog ?? [];
      this.#backlog = null;
      for (const frame of frames) if (this.#stage !== 'ended') this.#dispatch(frame);
    };
    this.#background(step.then(release));
  }

  async #sayHello(challenge: ChallengeFrame): Promise<void> {
    const { law, identity, allocation, bundle, clock, monotonic } = this.#deps;
    if (challenge.origin !== law.origin || challenge.cluster !== law.cluster) {
      const error = new PerennialError(
        'link_wrong_edge',
        `The edge calls itself ${challenge.origin} and this cluster ${challenge.cluster}; the relay's law says ${law.origin} and ${law.cluster}.`,
        {
          hint: 'Correct "origin" and "cluster" in the relay job file, or the name of the cluster in certificates.toml.',
        },
      );
      return this.#end({ reason: 'refused', error });
    }
    this.#stage = 'welcome';
    const nonce = randomNonce();
    const claims = { aud: law.origin, cluster: law.cluster, allocation, challenge: challenge.nonce, nonce, contract: law.contract, bundle, time: clock() };
    const token = await signMessage('hello', claims, identity);
    this.#hello = { nonce, sentAt: monotonic() };
    this.#send({ type: 'hello', token });
  }

  async #beWelcomed(token: string): Promise<void> {
    const { law, allocation, connections, health, monotonic } = this.#deps;
    const claims = await verifyMessage('welcome', token, law.edgeKeys, `${law.cluster}/${allocation}`);
    if (this.#hello === null || claims.challenge !== this.#hello.nonce) throw new PerennialError('signature_invalid', 'The welcome answers another hello.');
    // The edge took its time after the hello was sent: so counted, its clock is never behind, and no deadline is overrun.
    const { sentAt } = this.#hello;
    const close = connections.openLink(claims.connection, () => Math.ceil(claims.time + (monotonic() - sentAt)));
    this.#connection = { nonce: claims.connection, close };
    this.#stage = 'open';
    this.#clearTimers();
    this.#lastPong = monotonic();
    this.#timers.add(setInterval(() => this.#beat(), HEARTBEAT_INTERVAL_MS));
    this.#socket.send(HEARTBEAT_PING);
    health.link = 'open';
    this.#onOpen();
  }

  #beat(): void {
    if (this.#deps.monotonic() - this.#lastPong > 2 * HEARTBEAT_INTERVAL_MS) return this.#end({ reason: 'silent' });
    this.#socket.send(HEARTBEAT_PING);
  }

  #serve(frame: RequestFrame): void {
    const { token, method, path, contentType, body } = frame;
    const request = requestOf(frame);
    if (request === null) return this.#background(this.#answerRefusal(frame.id, token, malformedFrame('it cannot be taken for a request exactly as it is')));
    if (this.#stage === 'stopping') return this.#background(this.#answerRefusal(frame.id, token, stopping()));
    // Called at once, so that sequences are compared in the order of arrival.
    const admission = this.#deps.admissions.admit({ token, method, path, contentType, body });
    // The application awaits it; until it does, a rejection is not unhandled.
    admission.catch(() => undefined);
    this.#background(this.#answer(frame.id, request, admission));
  }

  async #answer(id: string, request: Request, admission: Promise<Admission>): Promise<void> {
    const response = await this.#deps.app.fetch(request, { admission });
    const { status, headers } = response;
    this.#send({
      type: 'response',
      id,
      token: headers.get(RESPONSE_HEADER) ?? '',
      status,
      contentType: headers.get('content-type') ?? '',
      body: await response.text(),
    });
  }

  /** A frame that is no frame: a request that names itself gets a signed refusal, anything else ends the connection. */
  #refuseFrame(data: unknown): void {
    const refusal = refusalOfFrame(data);
    if (refusal === null || this.#stage !== 'open') return this.#violation('a frame has an unknown shape');
    this.#background(this.#answerRefusal(refusal.id, refusal.token, refusal.error));
  }

  async #answerRefusal(id: string, token: string, error: PerennialError): Promise<void> {
    const body = JSON.stringify({ error: error.toData() });
    const status = statusOf(error.code);
    const contentType = 'application/json';
    const claims = { aud: this.#deps.law.origin, requestHash: await hashText(token), status, contentType, bodyHash: await hashText(body) };
    this.#send({ type: 'response', id, token: await signMessage('response', claims, this.#deps.identity), status, contentType, body });
  }

  /** Work whose failure ends the connection; remembered, so that a stop can wait for it. */
  #background(work: Promise<void>): void {
    const guarded = work
      .catch((thrown: unknown) => this.#violation(thrown instanceof PerennialError ? thrown.message : 'a frame could not be worked on'))
      .finally(() => this.#inFlight.delete(guarded));
    this.#inFlight.add(guarded);
  }

  #send(frame: { type: string; token: string; [member: string]: string | number }): void {
    if (this.#stage !== 'ended') this.#socket.send(JSON.stringify(frame));
  }

  #violation(message: string): void {
    this.#socket.close(CLOSE.protocol, message.slice(0, 100));
    this.#end({ reason: 'protocol', message });
  }

  #end(ended: Ended): void {
    if (this.#stage === 'ended') return;
    this.#stage = 'ended';
    this.#clearTimers();
    this.#connection?.close();
    if (ended.reason === 'silent') this.#socket.terminate();
    else if (ended.reason === 'refused') this.#socket.close(1_000);
    this.#finish(ended);
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
