/**
 * Requests under way on the link, in memory: each waits for its signed response, for its deadline, or for its socket to
 * close. Losing the object loses the calls; their callers get an error and try again.
 */
import { PerennialError } from '../../shared/errors.ts';
import type { ResponseFrame } from '../../shared/link/frames.ts';

interface PendingCall {
  socket: WebSocket;
  token: string;
  resolve(frame: ResponseFrame): void;
  reject(error: PerennialError): void;
}

export class PendingCalls {
  readonly #calls = new Map<string, PendingCall>();

  /** Waits for the response to `id`, at most `timeoutMs`. Throws `relay_timeout` or `relay_disconnected` (retryable). */
  wait(id: string, socket: WebSocket, token: string, timeoutMs: number): Promise<ResponseFrame> {
    const { promise, resolve, reject } = Promise.withResolvers<ResponseFrame>();
    const timer = setTimeout(
      () => reject(new PerennialError('relay_timeout', `The relay did not answer within ${timeoutMs} ms.`, { retryable: true })),
      timeoutMs,
    );
    this.#calls.set(id, { socket, token, resolve, reject });
    return promise.finally(() => {
      clearTimeout(timer);
      this.#calls.delete(id);
    });
  }

  /** The token of the request that `id` answers; null for a response nobody waits for (any more). */
  tokenOf(id: string, socket: WebSocket): string | null {
    const call = this.#calls.get(id);
    return call?.socket === socket ? call.token : null;
  }

  resolve(frame: ResponseFrame): void {
    this.#calls.get(frame.id)?.resolve(frame);
  }

  reject(id: string, error: PerennialError): void {
    this.#calls.get(id)?.reject(error);
  }

  /** A closing socket rejects its calls at once (DESIGN §7). */
  socketClosed(socket: WebSocket): void {
    for (const call of this.#calls.values()) {
      if (call.socket === socket) call.reject(new PerennialError('relay_disconnected', 'The relay hung up before it answered.', { retryable: true }));
    }
  }
}
