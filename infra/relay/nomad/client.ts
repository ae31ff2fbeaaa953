/**
 * HTTP to Nomad: the task API socket with the workload identity, or an agent's address with a token. Knows transport,
 * rights and availability; what the answers mean is for `variables.ts` and `workloads.ts`.
 *
 * Invariant: a token is sent to Nomad only and appears in no error.
 */
import { request as httpRequest, Agent as HttpAgent } from 'node:http';
import { request as httpsRequest, Agent as HttpsAgent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { PerennialError } from '../../../shared/errors.ts';

export interface NomadAccess {
  endpoint: { socketPath: string } | { address: string; ca?: string | undefined };
  /** Asked for every request, since a token file may change. */
  token: () => string;
}

export interface NomadReply {
  status: number;
  body: string;
}

export interface NomadCall {
  method: 'GET' | 'PUT' | 'DELETE';
  /** Path and query. */
  path: string;
  body?: string;
  /** Capability that the call needs, for the hint of a refusal: `write on nomad/jobs/proxy`. */
  capability: string;
  signal?: AbortSignal | undefined;
  /** A status of 500 is an answer here, not an outage: Nomad says `Task not found` that way. */
  answers500?: boolean;
}

/** Milliseconds for one exchange. */
const TIMEOUT_MS = 10_000;
const MAX_REPLY_BYTES = 16 * 1_048_576;
/** The socket is away while the client agent restarts; nothing was sent then, so trying again is safe. */
const CONNECT_RETRY_MS = [150, 400, 1_000] as const;

export class NomadClient {
  readonly #access: NomadAccess;
  readonly #agent: HttpAgent;
  readonly #secure: boolean;

  constructor(access: NomadAccess) {
    this.#access = access;
    this.#secure = 'address' in access.endpoint && new URL(access.endpoint.address).protocol === 'https:';
    const options = { keepAlive: true, maxSockets: 16, timeout: 30_000 };
    this.#agent = this.#secure
      ? new HttpsAgent({ ...options, ...('ca' in access.endpoint && access.endpoint.ca !== undefined ? { ca: access.endpoint.ca } : {}) })
      : new HttpAgent(options);
  }

  /**
   * One exchange. Statuses below 500 other than 401 and 403 come back as they are. Throws `nomad_forbidden` and
   * `nomad_unavailable` (retryable; the call may have taken effect).
   */
  async call(call: NomadCall): Promise<NomadReply> {
    const reply = await this.#exchangeWithRetries(call);
    if (reply.status === 401 || reply.status === 403) {
      throw new PerennialError('nomad_forbidden', `Nomad refused ${call.method} ${call.path.split('?')[0] ?? ''} with status ${reply.status}.`, {
        hint: `The relay's policy or token lacks: ${call.capability}. The policies in infra/nomad/ show what to apply.`,
      });
    }
    if (reply.status > 500 || (reply.status === 500 && call.answers500 !== true)) {
      throw new PerennialError(
        'nomad_unavailable',
        `Nomad answered ${reply.status} to ${call.method} ${call.path.split('?')[0] ?? ''}: ${reply.body.slice(0, 200)}`,
        { retryable: true },
      );
    }
    return reply;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #exchangeWithRetries(call: NomadCall): Promise<NomadReply> {
    for (const wait of [...CONNECT_RETRY_MS, null]) {
      try {
        // Each try waits for the one before by intention.
        // oxlint-disable-next-line no-await-in-loop
        return await this.#exchange(call);
      } catch (thrown) {
        const code = errorCode(thrown);
        const mayRepeat = code === 'ECONNREFUSED' || code === 'ENOENT' || (code === 'ECONNRESET' && call.method === 'GET');
        if (!mayRepeat || wait === null || call.signal?.aborted === true) {
          throw this.#unavailable(code, thrown);
        }
        // oxlint-disable-next-line no-await-in-loop
        await sleep(wait);
      }
    }
    throw new PerennialError('nomad_unavailable', 'Nomad could not be reached.', { retryable: true });
  }

  #unavailable(code: string, cause: unknown): PerennialError {
    if (code === 'ABORT_ERR')
      return new PerennialError('nomad_unavailable', 'Nomad did not answer in time.', {
        retryable: true,
        cause,
        hint: 'The agent is there but busy, paused, or waiting for its servers.',
      });
    return new PerennialError('nomad_unavailable', `Nomad could not be reached (${code}).`, { retryable: true, cause, hint: this.#unreachableHint() });
  }

  #unreachableHint(): string {
    const { endpoint } = this.#access;
    return 'socketPath' in endpoint
      ? `Is ${endpoint.socketPath} there? Nomad leaves it out when the path is longer than about 107 bytes: shorten data_dir or the task's name.`
      : 'Is NOMAD_ADDR right, and its certificate signed by NOMAD_CACERT?';
  }

  async #exchange(call: NomadCall): Promise<NomadReply> {
    const { endpoint } = this.#access;
    const target = 'socketPath' in endpoint ? { socketPath: endpoint.socketPath, host: 'localhost' } : urlOptions(endpoint.address);
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const body = call.body === undefined ? undefined : Buffer.from(call.body);
    const options = {
      ...target,
      method: call.method,
      path: call.path,
      agent: this.#agent,
      signal: call.signal === undefined ? timeout : AbortSignal.any([timeout, call.signal]),
      headers: {
        host: 'host' in target ? target.host : 'localhost',
        'x-nomad-token': this.#access.token(),
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.byteLength }),
      },
    };
    return new Promise<NomadReply>((resolve, reject) => {
      const outgoing = (this.#secure ? httpsRequest : httpRequest)(options, (incoming) => {
        const chunks: Buffer[] = [];
        let size = 0;
        incoming.on('data', (chunk: Buffer) => {
          size += chunk.byteLength;
          if (size > MAX_REPLY_BYTES) incoming.destroy(new Error('reply too large'));
          else chunks.push(chunk);
        });
        incoming.once('error', reject);
        incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
      });
      outgoing.once('error', reject);
      outgoing.end(body);
    });
  }
}

function urlOptions(address: string): { hostname: string; port: string; host: string } {
  const url = new URL(address);
  return { hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port, host: url.host };
}

function errorCode(thrown: unknown): string {
  if (thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string') return thrown.code;
  return thrown instanceof Error ? thrown.name : 'unknown';
}
