/**
 * Requests on the link: signed in the order of their sequence, answered by whichever relay answers first, checked before
 * anybody sees the answer (DESIGN §7).
 */
import type { Clock } from '../../shared/clock.ts';
import { SECOND } from '../../shared/clock.ts';
import { PerennialError, toPerennialError } from '../../shared/errors.ts';
import type { RequestFrame, ResponseFrame } from '../../shared/link/frames.ts';
import { hashText, type PrivateKey, signMessage, verifyMessage } from '../../shared/link/signatures.ts';
import { PendingCalls } from './calls.ts';
import { connectionOf, type OpenConnection } from './connection.ts';
import type { LinkRequest, LinkResponse } from './link.ts';

/** After this silence an idempotent request goes to the next relay as well, ms (DESIGN §7). */
const SILENCE_MS = 3 * SECOND;

export class Requests {
  readonly #calls = new PendingCalls();
  /** Signing is asynchronous and sequences must arrive in order: one line per socket. */
  readonly #lines = new WeakMap<WebSocket, Promise<void>>();
  readonly #edgeKey: () => PrivateKey;
  readonly #clock: Clock;

  constructor(edgeKey: () => PrivateKey, clock: Clock) {
    this.#edgeKey = edgeKey;
    this.#clock = clock;
  }

  /** A closing socket rejects its calls at once. */
  socketClosed(socket: WebSocket): void {
    this.#calls.socketClosed(socket);
  }

  /**
   * Asks the first socket and, if the request is idempotent and that one is silent or fails, the next as well. Throws
   * `relay_timeout`, `relay_disconnected`, `signature_invalid`.
   */
  async askFirstThatAnswers(sockets: readonly WebSocket[], request: LinkRequest): Promise<LinkResponse> {
    const deadline = this.#clock() + request.timeoutMs;
    const attempts: Promise<LinkResponse>[] = [];
    for (const [position, socket] of sockets.entries()) {
      const attempt = this.#send(socket, request, deadline);
      attempts.push(attempt);
      const another = request.idempotent && position < sockets.length - 1;
      if (!another) break;
      if ((await this.#firstSign(attempt, attempts, Math.min(SILENCE_MS, request.timeoutMs))) === 'answered') break;
    }
    return Promise.any(attempts).catch((thrown: unknown) => {
      throw thrown instanceof AggregateError ? thrown.errors.at(-1) : thrown;
    });
  }

  /** A response arrived: its call gets it if it is genuine, and `signature_invalid` if it is not. */
  async answered(socket: WebSocket, connection: OpenConnection, frame: ResponseFrame): Promise<void> {
    const token = this.#calls.tokenOf(frame.id, socket);
    // Late answers of calls that timed out: nobody waits.
    if (token === null) return;
    try {
      const claims = await verifyMessage('response', frame.token, [connection.key], connection.origin);
      const genuine =
        claims.requestHash === (await hashText(token)) &&
        claims.status === frame.status &&
        claims.contentType === frame.contentType &&
        claims.bodyHash === (await hashText(frame.body));
      if (!genuine) throw new PerennialError('signature_invalid', 'The response does not carry what its signature covers.');
      this.#calls.resolve(frame);
    } catch (thrown) {
      this.#calls.reject(frame.id, toPerennialError(thrown));
    }
  }

  /** Any attempt's answer, the latest one's failure, or silence; whichever comes first. */
  async #firstSign(latest: Promise<LinkResponse>, attempts: readonly Promise<LinkResponse>[], silenceMs: number): Promise<'answered' | 'failed' | 'silent'> {
    const { promise: silence, resolve } = Promise.withResolvers<'silent'>();
    const timer = setTimeout(() => resolve('silent'), silenceMs);
    const answered = Promise.any(attempts).then(
      () => 'answered' as const,
      () => 'failed' as const,
    );
    const failed = latest.then(
      () => 'answered' as const,
      () => 'failed' as const,
    );
    try {
      return await Promise.race([answered, failed, silence]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #send(socket: WebSocket, request: LinkRequest, deadline: number): Promise<LinkResponse> {
    const id = crypto.randomUUID();
    const contentType = request.body === '' ? '' : 'application/json';
    const { promise: token, resolve, reject } = Promise.withResolvers<string>();
    const before = this.#lines.get(socket) ?? Promise.resolve();
    const turn = before.then(async () => {
      const connection = connectionOf(socket);
      if (connection?.phase !== 'open') throw new PerennialError('relay_disconnected', 'The relay hung up.', { retryable: true });
      const sequence = connection.sequence + 1;
      socket.serializeAttachment({ ...connection, sequence });
      const signed = await signMessage(
        'request',
        {
          aud: connection.cluster,
          method: request.method,
          path: request.path,
          contentType,
          bodyHash: await hashText(request.body),
          deadline,
          connection: connection.connection,
          sequence,
        },
        this.#edgeKey(),
      );
      if (socket.readyState !== WebSocket.OPEN) throw new PerennialError('relay_disconnected', 'The relay hung up before it was asked.', { retryable: true });
      const frame: RequestFrame = { type: 'request', id, token: signed, method: request.method, path: request.path, contentType, body: request.body };
      socket.send(JSON.stringify(frame));
      resolve(signed);
    });
    this.#lines.set(
      socket,
      turn.catch((error: unknown) => reject(error)),
    );
    const signed = await token;
    const frame = await this.#calls.wait(id, socket, signed, Math.max(1, deadline - this.#clock()));
    const connection = connectionOf(socket);
    return { status: frame.status, body: frame.body, contract: connection?.phase === 'open' ? connection.contract : 0 };
  }
}
