/**
 * The way out to the account's endpoint and its address service, and to nothing else: through {@link Egress}, which checks
 * TLS, pins the address that it checked, follows no redirect and reads no more than asked for; by IPv4, since the vendor
 * knows no other. Plain http serves an emulator on the loopback.
 */
import { lookup } from 'node:dns/promises';
import { PerennialError } from '../../../shared/errors.ts';
import { MAX_REPLY_LENGTH } from '../../../shared/namecheap/xml.ts';
import { Egress } from '../egress/egress.ts';
import type { EgressRule } from '../law.ts';
import type { NamecheapAccount } from './account.ts';

/** Milliseconds for one call; the vendor takes up to 3 seconds as a rule. */
const TIMEOUT_MS = 20_000;
/** Statuses that a Response has no body for (Fetch standard, "null body status"). */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

export class VendorFetch {
  readonly #ways = new Map<NamecheapAccount, Egress>();

  /** Throws `egress_*` as {@link Egress.send} does. */
  async send(request: Request, account: NamecheapAccount): Promise<Response> {
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    if (new URL(request.url).protocol === 'http:') return plain(request, signal);
    const body = request.method === 'GET' ? null : Buffer.from(await request.arrayBuffer()).toString('base64');
    const method = request.method === 'GET' ? 'GET' : 'POST';
    const answer = await this.#way(account).send({ url: request.url, method, headers: [...request.headers], body, maxBytes: MAX_REPLY_LENGTH }, signal);
    return response(answer.status, Buffer.from(answer.body, 'base64'));
  }

  close(): void {
    for (const way of this.#ways.values()) way.close();
  }

  #way(account: NamecheapAccount): Egress {
    const existing = this.#ways.get(account);
    if (existing !== undefined) return existing;
    const way = new Egress([ruleOf(account.endpoint, 'POST', account), ruleOf(account.addressService, 'GET', account)], async (host) =>
      lookup(host, { all: true, family: 4 }),
    );
    this.#ways.set(account, way);
    return way;
  }
}

function ruleOf(text: string, method: 'GET' | 'POST', { ca, allowPrivate }: NamecheapAccount): EgressRule {
  const { hostname, port, pathname } = new URL(text);
  return { host: hostname, port: port === '' ? 443 : Number(port), methods: [method], pathPrefix: pathname, ca, allowPrivate };
}

/** The law takes http on the loopback only. */
async function plain(request: Request, signal: AbortSignal): Promise<Response> {
  try {
    const answer = await fetch(request, { redirect: 'manual', signal });
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of answer.body ?? []) {
      size += chunk.byteLength;
      if (size > MAX_REPLY_LENGTH)
        throw new PerennialError('egress_response_too_large', `The answer is larger than the ${MAX_REPLY_LENGTH} bytes that were asked for.`);
      chunks.push(chunk);
    }
    return response(answer.status, Buffer.concat(chunks));
  } catch (thrown) {
    if (thrown instanceof PerennialError) throw thrown;
    // Without the cause: it may hold the request.
    throw signal.aborted
      ? new PerennialError('egress_timeout', 'The endpoint on the loopback did not answer before the deadline.', { retryable: true })
      : new PerennialError('egress_failed', 'The request to the endpoint on the loopback failed.', { retryable: true });
  }
}

/** Bytes that are no UTF-8 become U+FFFD, which the reader of a host list refuses. */
function response(status: number, body: Buffer): Response {
  return new Response(WITHOUT_BODY.has(status) ? null : body.toString('utf8'), { status });
}
