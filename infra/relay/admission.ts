/**
 * Admission: the one place where a request becomes trusted (DESIGN §7). Everything that matters is signed and compared:
 * method, raw path with query, content type, body, deadline, connection, sequence, cluster.
 *
 * Invariant: a refusal happens before anything is done; an admitted request is admitted once.
 */
import { PerennialError } from '../../shared/errors.ts';
import { hashText, verifyMessage } from '../../shared/link/signatures.ts';
import type { Claims, PublicKey } from '../../shared/link/signatures.ts';
import { MAX_BODY_BYTES, MAX_DEADLINE_MS } from '../../shared/relay/contract.ts';
import type { Connection, Connections } from './connections.ts';

export interface SignedRequest {
  /** The request's JWS. */
  token: string;
  method: string;
  /** As it came, before any URL parsing. */
  path: string;
  contentType: string;
  body: string;
}

export interface Admission {
  /** The edge's (or for a pushed request the relay's own) present time, Unix ms. */
  now(): number;
  /** Aborts at the signed deadline. */
  signal: AbortSignal;
}

/** Grace for a deadline that was signed as far ahead as allowed by a clock that runs a little ahead of ours. */
const DEADLINE_GRACE_MS = 5_000;

export class Admissions {
  readonly #keys: readonly PublicKey[];
  readonly #cluster: string;
  readonly #connections: Connections;
  #previous: Promise<unknown> = Promise.resolve();

  constructor(deps: { keys: readonly PublicKey[]; cluster: string; connections: Connections }) {
    this.#keys = deps.keys;
    this.#cluster = deps.cluster;
    this.#connections = deps.connections;
  }

  /**
   * Admits or refuses. Sequences are compared in the order of the calls, however long each signature takes.
   * Throws `relay_too_large`, `signature_missing`, `signature_invalid`, `request_altered`, `connection_unknown`,
   * `request_replayed`, `request_expired`; none is worth repeating as it is.
   */
  async admit(request: SignedRequest): Promise<Admission> {
    const verifying = this.#verify(request);
    const turn = this.#previous;
    const admitted = (async () => {
      const settled = await Promise.allSettled([verifying, turn]);
      const [verified] = settled;
      if (verified.status === 'rejected') throw verified.reason;
      return this.#accept(verified.value);
    })();
    this.#previous = admitted.catch(() => undefined);
    return admitted;
  }

  async #verify(request: SignedRequest): Promise<Claims<'request'>> {
    if (Buffer.byteLength(request.body) > MAX_BODY_BYTES) throw tooLarge();
    if (request.token === '') throw new PerennialError('signature_missing', 'The request is not signed.');
    const claims = await verifyMessage('request', request.token, this.#keys, this.#cluster);
    const altered = [
      claims.method === request.method ? [] : ['method'],
      claims.path === request.path ? [] : ['path'],
      claims.contentType === request.contentType ? [] : ['content type'],
      claims.bodyHash === (await hashText(request.body)) ? [] : ['body'],
    ].flat();
    if (altered.length > 0) throw new PerennialError('request_altered', `The request differs from what was signed: ${altered.join(', ')}.`);
    return claims;
  }

  #accept(claims: Claims<'request'>): Admission {
    const connection = this.#connections.use(claims.connection);
    if (connection === undefined) {
      throw new PerennialError('connection_unknown', 'The request belongs to a connection that is not open, or its nonce was used.', {
        hint: 'Sign the request again for the present connection.',
      });
    }
    if (claims.sequence <= connection.sequence) throw new PerennialError('request_replayed', 'The request was seen before on this connection.');
    connection.sequence = claims.sequence;
    return admission(claims.deadline, connection);
  }
}

function admission(deadline: number, connection: Connection): Admission {
  const left = deadline - connection.now();
  if (left <= 0) throw new PerennialError('request_expired', "The request's deadline has passed; nothing was done.", { retryable: true });
  if (left > MAX_DEADLINE_MS + DEADLINE_GRACE_MS)
    throw new PerennialError('request_expired', `The request's deadline is more than ${MAX_DEADLINE_MS / 1_000} seconds away.`);
  return { now: () => connection.now(), signal: AbortSignal.timeout(left) };
}

export function tooLarge(): PerennialError {
  return new PerennialError('relay_too_large', `The request is larger than ${MAX_BODY_BYTES} bytes.`);
}
