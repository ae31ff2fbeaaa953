/**
 * One cluster (DESIGN §2, §3): holds the WebSockets that its relays opened, signs requests onto them and checks what
 * comes back. Hibernates between requests; heartbeats are answered by the runtime.
 */
import { DurableObject } from 'cloudflare:workers';
import type { Clock } from '../../shared/clock.ts';
import { MINUTE, SECOND } from '../../shared/clock.ts';
import { type Outcome, PerennialError, settle, toPerennialError } from '../../shared/errors.ts';
import { CLOSE, HEARTBEAT_PING, HEARTBEAT_PONG, MAX_FRAME_LENGTH, relayEventSchema, relayToEdgeFrame } from '../../shared/link/frames.ts';
import { hashText, type PublicKey, randomNonce, verifyMessage } from '../../shared/link/signatures.ts';
import { MAX_BODY_BYTES, MAX_DEADLINE_MS, type WatchEntry } from '../../shared/relay/contract.ts';
import { certificateWaker, edgeKey, noteRelayBundle } from '../composition.ts';
import { compiled } from '../config/compiled.ts';
import type { Environment } from '../environment.ts';
import { type ClusterStatus, connectionOf, type OpenConnection, type RelayFacts } from './connection.ts';
import { acceptHello } from './handshake.ts';
import type { LinkRequest, LinkResponse } from './link.ts';
import { Requests } from './requests.ts';
import { relayRoutes } from './relay-port.ts';
import { statusOf } from './status.ts';
import { ClusterStore } from './store.ts';
import { portionsOf, watchEntryOf } from './watch-list.ts';

/** Sockets that have not said hello yet; more are turned away. */
const MAX_OPENING = 16;
const OPENING_MS = 15 * SECOND;

export class ClusterObject extends DurableObject<Environment> {
  readonly #store: ClusterStore;
  readonly #clock: Clock = () => Date.now();
  readonly #requests = new Requests(() => edgeKey(this.env), this.#clock);
  /** Verifying is asynchronous too: a hello or event is judged only after the one before it. */
  readonly #inbound = new WeakMap<WebSocket, Promise<void>>();

  constructor(context: DurableObjectState, environment: Environment) {
    super(context, environment);
    this.#store = new ClusterStore(context.storage);
    context.setWebSocketAutoResponse(new WebSocketRequestResponsePair(HEARTBEAT_PING, HEARTBEAT_PONG));
  }

  /** `GET /relay/connect?cluster=<name>` with an upgrade; the entry has checked that the cluster is configured. */
  override async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const cluster = url.searchParams.get('cluster') ?? '';
    if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') return new Response('A WebSocket upgrade was expected.\n', { status: 426 });
    const now = this.#clock();
    if (this.#dropStaleOpenings(now) >= MAX_OPENING)
      return new Response('Too many relays are opening a link.\n', { status: 503, headers: { 'retry-after': '15' } });
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    const challenge = randomNonce();
    server.serializeAttachment({ phase: 'opening', cluster, origin: url.origin, challenge, openedAt: now });
    server.send(JSON.stringify({ type: 'challenge', nonce: challenge, origin: url.origin, cluster, time: now }));
    return new Response(null, { status: 101, webSocket: client });
  }

  /** Sends one signed request to a relay and returns its signed answer, whatever its status. */
  call(cluster: string, request: LinkRequest): Promise<Outcome<LinkResponse>> {
    return settle(async () => {
      if (request.body.length > MAX_BODY_BYTES)
        throw new PerennialError('relay_too_large', `A request of ${request.body.length} characters exceeds the limit of ${MAX_BODY_BYTES}.`);
      try {
        const sockets = this.#openSockets();
        if (sockets.length === 0) throw this.#offline(cluster);
        const response = await this.#requests.askFirstThatAnswers(
          sockets.map(({ socket }) => socket),
          { ...request, timeoutMs: Math.min(request.timeoutMs, MAX_DEADLINE_MS) },
        );
        this.#noteVerification(request, response);
        return response;
      } catch (thrown) {
        // A relay that was missing, hung up or fell silent: who called goes on as soon as one connects.
        if (request.caller !== null) this.#store.rememberWaiting(request.caller, this.#clock());
        throw thrown;
      }
    });
  }

  /** Relays that were not asked are told as well: each looks by itself, and any of them may be the last one left. */
  #noteVerification(request: LinkRequest, response: LinkResponse): void {
    const entry = watchEntryOf(request, response, this.#clock());
    if (entry === null || !this.#store.rememberWatched(entry)) return;
    const sockets = this.#openSockets();
    if (sockets.length > 1) this.ctx.waitUntil(Promise.all(sockets.map(({ socket, connection }) => this.#tellWatch(socket, connection.cluster, [entry]))));
  }

  async #tellWatch(socket: WebSocket, cluster: string, entries: readonly WatchEntry[]): Promise<void> {
    const relay = relayRoutes((_cluster, request) => settle(() => this.#requests.askFirstThatAnswers([socket], request)), null);
    try {
      // One portion after the other: the link has other things to carry.
      for (const portion of portionsOf(entries)) await relay.watch(cluster, { entries: portion });
    } catch (thrown) {
      // A relay of the release before has no such route; the daily dials remain.
      console.error(JSON.stringify({ event: 'watch-not-told', cluster, code: toPerennialError(thrown).code }));
    }
  }

  status(cluster: string): Promise<Outcome<ClusterStatus>> {
    return settle(() => {
      const relays = this.#openSockets().map(({ socket, connection }) => this.#facts(socket, connection));
      return statusOf({ cluster, now: this.#clock(), relays, lastSeenAt: this.#store.lastSeenAt(), refused: this.#store.refused() });
    });
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    try {
      await this.#receive(socket, message);
    } catch (thrown) {
      const error = toPerennialError(thrown);
      socket.close(CLOSE.protocol, error.code);
      this.#requests.socketClosed(socket);
    }
  }

  override webSocketClose(socket: WebSocket, code: number): void {
    this.#gone(socket);
    // Completing the closing handshake is ours; reserved codes cannot be echoed.
    socket.close(code >= 3000 && code < 5000 ? code : 1000);
  }

  override webSocketError(socket: WebSocket): void {
    this.#gone(socket);
  }

  #gone(socket: WebSocket): void {
    const connection = connectionOf(socket);
    if (connection?.phase === 'open') this.#store.seen(this.#lastSeen(socket, connection));
    this.#requests.socketClosed(socket);
  }

  async #receive(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    // What was still on its way when this side hung up.
    if (socket.readyState !== WebSocket.OPEN) return;
    if (typeof message !== 'string' || message.length > MAX_FRAME_LENGTH)
      throw new PerennialError('relay_protocol', 'A text frame within the size limit was expected.');
    const frame = relayToEdgeFrame.safeParse(parseJson(message));
    if (!frame.success) throw new PerennialError('relay_protocol', 'The frame has a shape this edge does not know.');
    const { data } = frame;
    if (data.type === 'response') await this.#requests.answered(socket, openConnection(socket), data);
    else if (data.type === 'event') await this.#inTurn(socket, () => this.#event(socket, data.token, data.body));
    else await this.#inTurn(socket, () => this.#open(socket, data.token));
  }

  #inTurn(socket: WebSocket, work: () => Promise<void>): Promise<void> {
    const turn = (this.#inbound.get(socket) ?? Promise.resolve()).then(work);
    this.#inbound.set(
      socket,
      turn.catch(() => undefined),
    );
    return turn;
  }

  async #open(socket: WebSocket, token: string): Promise<void> {
    const opening = connectionOf(socket);
    if (opening?.phase !== 'opening') throw new PerennialError('relay_protocol', 'A second hello on one connection.');
    if (socket.readyState !== WebSocket.OPEN) return;
    const now = this.#clock();
    try {
      const accepted = await acceptHello(opening, token, this.#keys(opening.cluster), edgeKey(this.env), now);
      socket.serializeAttachment(accepted.connection);
      socket.send(JSON.stringify({ type: 'welcome', token: accepted.token }));
      this.#store.accepted(now);
      await this.#endFormer(socket, accepted.connection);
    } catch (thrown) {
      const error = toPerennialError(thrown);
      this.#noteRefusal(error, now);
      socket.send(JSON.stringify({ type: 'refused', error: error.toData() }));
      socket.close(CLOSE.refused, error.code);
      return;
    }
    // Not awaited: what else this relay has to say must not wait for its answer.
    this.ctx.waitUntil(
      this.#tellWatch(
        socket,
        opening.cluster,
        this.#store.watched((certificate) => !compiled.valid || this.#knows(certificate)),
      ),
    );
    await Promise.all([this.#wakeWaiting(), noteRelayBundle(this.env, this.#bundleOf(socket))]);
  }

  /**
   * A relay that connects again has lost the connection before, also when its end was never heard of here (a path that went
   * dead half-way): whatever waits for an answer there waits in vain. It fails now, while somebody is there to ask again.
   */
  async #endFormer(socket: WebSocket, { allocation, key }: OpenConnection): Promise<void> {
    const former = this.#openSockets().filter(
      ({ socket: other, connection }) => other !== socket && connection.allocation === allocation && connection.key.kid === key.kid,
    );
    for (const { socket: other } of former) {
      other.close(CLOSE.replaced, 'the relay has connected again');
      this.#requests.socketClosed(other);
    }
    // Whose calls have failed by this is among those who are woken next.
    if (former.length > 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }

  /** Anybody may send a hello nobody signed: such refusals cost a row a minute at most, and never hide a better reason. */
  #noteRefusal(error: PerennialError, now: number): void {
    const former = this.#store.refused();
    const unsigned = error.code === 'signature_invalid';
    if (unsigned && former !== null && (former.code !== error.code || now - former.at < MINUTE)) return;
    this.#store.refuse({ code: error.code, message: error.message, hint: error.hint ?? null, at: now });
  }

  #bundleOf(socket: WebSocket): string {
    const connection = connectionOf(socket);
    return connection?.phase === 'open' ? connection.bundle : '';
  }

  async #event(socket: WebSocket, token: string, body: string): Promise<void> {
    const connection = openConnection(socket);
    const claims = await verifyMessage('event', token, [connection.key], connection.origin);
    const fresh = claims.connection === connection.connection && claims.sequence > connection.eventSequence;
    if (!fresh || claims.bodyHash !== (await hashText(body)))
      throw new PerennialError('signature_invalid', 'The event is altered, replayed or of another connection.');
    socket.serializeAttachment({ ...(connectionOf(socket) ?? connection), eventSequence: claims.sequence });
    const event = relayEventSchema.safeParse(parseJson(body));
    if (event.success && this.#knows(event.data.certificate)) await this.#wake(event.data.certificate, 'served-changed');
  }

  /** A relay may only wake certificates that this bundle delivers somewhere. */
  #knows(certificate: string): boolean {
    return compiled.valid && compiled.configuration.certificates.some((spec) => spec.name === certificate);
  }

  /** Open links, the newest sign of life first. */
  #openSockets(): { socket: WebSocket; connection: OpenConnection }[] {
    return this.ctx
      .getWebSockets()
      .flatMap((socket) => {
        const connection = connectionOf(socket);
        return connection?.phase === 'open' && socket.readyState === WebSocket.OPEN ? [{ socket, connection }] : [];
      })
      .sort((one, other) => this.#lastSeen(other.socket, other.connection) - this.#lastSeen(one.socket, one.connection));
  }

  #lastSeen(socket: WebSocket, connection: OpenConnection): number {
    return Math.max(connection.since, this.ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0);
  }

  #facts(socket: WebSocket, connection: OpenConnection): RelayFacts {
    const { allocation, contract, bundle, skewMs, since } = connection;
    return { allocation, contract, bundle, skewMs, since, lastSeenAt: this.#lastSeen(socket, connection) };
  }

  #offline(cluster: string): PerennialError {
    const refused = this.#store.refused();
    if (refused !== null) {
      // Always `relay_…`: that is what a connecting relay lifts the backoff of.
      const code = refused.code.startsWith('relay_') ? refused.code : 'relay_refused';
      return new PerennialError(code, `The relay of cluster ${cluster} was refused: ${refused.message}`, {
        retryable: true,
        hint: refused.hint ?? "Compare the relay's public key and its law with the cluster's block in certificates.toml.",
      });
    }
    return new PerennialError('relay_offline', `No relay of cluster ${cluster} is connected.`, {
      retryable: true,
      hint: 'Check that the relay job runs and that its log says "connected".',
    });
  }

  /** Keys of the bundle's configuration; while that is invalid, the ones that were good last. */
  #keys(cluster: string): PublicKey[] {
    if (!compiled.valid) return this.#store.keys();
    const keys = compiled.configuration.clusters.find((candidate) => candidate.name === cluster)?.keys ?? [];
    this.#store.rememberKeys(keys);
    return keys;
  }

  async #wakeWaiting(): Promise<void> {
    for (const certificate of this.#store.waiting()) {
      if (await this.#wake(certificate, 'relay-connected')) this.#store.forgetWaiting(certificate);
    }
  }

  /** @returns false when the certificate could not be told: its own alarm and the sweep remain, and the link stays up. */
  async #wake(certificate: string, reason: 'relay-connected' | 'served-changed'): Promise<boolean> {
    try {
      await certificateWaker(this.env).wake(certificate, reason);
      return true;
    } catch (thrown) {
      console.error(JSON.stringify({ event: 'wake-failed', certificate, reason, code: toPerennialError(thrown).code }));
      return false;
    }
  }

  #dropStaleOpenings(now: number): number {
    let opening = 0;
    for (const socket of this.ctx.getWebSockets()) {
      const connection = connectionOf(socket);
      // A closed one lingers until the other side has said goodbye as well.
      if (connection?.phase === 'open' || socket.readyState !== WebSocket.OPEN) continue;
      if (connection === null || now - connection.openedAt > OPENING_MS) socket.close(CLOSE.protocol, 'no hello');
      else opening += 1;
    }
    return opening;
  }
}

function openConnection(socket: WebSocket): OpenConnection {
  const connection = connectionOf(socket);
  if (connection?.phase === 'open') return connection;
  throw new PerennialError('relay_protocol', 'The relay has not said hello yet.');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
