/**
 * One outbound HTTPS request on behalf of the edge.
 *
 * Invariants: it matches a rule; TLS is verified; the address that was checked is the address that is dialled (no DNS
 * rebinding); redirects come back as they are; nothing larger than asked for is read; the signed deadline ends it.
 */
import { lookup } from 'node:dns/promises';
import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { createSecureContext, rootCertificates } from 'node:tls';
import { PerennialError } from '../../../shared/errors.ts';
import type { EgressRequest, EgressResponse } from '../../../shared/relay/contract.ts';
import type { EgressRule } from '../law.ts';
import { isPublicAddress } from './addresses.ts';
import { matchEgress } from './rules.ts';

/** RFC 9110 §7.6.1, and what belongs to the message framing between relay and server. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
  'expect',
  'accept-encoding',
]);
/** Shorter than servers keep idle connections, so that a request seldom meets one that is just being closed. */
const IDLE_MS = 8_000;

interface Address {
  address: string;
  family: number;
}
export type Resolve = (host: string) => Promise<Address[]>;

const systemResolve: Resolve = (host) => lookup(host, { all: true, verbatim: true });

export class Egress {
  readonly #rules: readonly EgressRule[];
  readonly #resolve: Resolve;
  readonly #agents = new Map<EgressRule, Agent>();

  constructor(rules: readonly EgressRule[], resolve: Resolve = systemResolve) {
    this.#rules = rules;
    this.#resolve = resolve;
  }

  /**
   * Throws `egress_not_allowed`, `egress_private_address`, `egress_tls_refused`, `egress_response_too_large`,
   * `egress_malformed` (all final), `egress_failed` and `egress_timeout` (retryable; the request may have had its effect).
   */
  async send(request: EgressRequest, signal: AbortSignal): Promise<EgressResponse> {
    const { url, rule } = matchEgress(request.url, request.method, this.#rules);
    const address = await this.#address(url, rule);
    try {
      const incoming = await this.#exchange(url, rule, address, request, signal);
      const body = await readBody(incoming, request.maxBytes);
      return { status: incoming.statusCode ?? 502, headers: responseHeaders(incoming), body: body.toString('base64') };
    } catch (thrown) {
      throw describe(thrown, url.hostname, signal);
    }
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  async #address(url: URL, rule: EgressRule): Promise<Address> {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const family = isIP(host);
    let found: Address[];
    try {
      found = family === 0 ? await this.#resolve(host) : [{ address: host, family }];
    } catch (cause) {
      throw new PerennialError('egress_failed', `${host} could not be resolved.`, { retryable: true, cause });
    }
    const [usable] = rule.allowPrivate ? found : found.filter(({ address }) => isPublicAddress(address));
    if (usable !== undefined) return usable;
    throw new PerennialError('egress_private_address', `${host} resolves to addresses outside of the public internet only.`, {
      hint: 'If that is intended (a private CA), set "allowPrivate" in the egress rule of the relay\'s law.',
    });
  }

  async #exchange(url: URL, rule: EgressRule, address: Address, request: EgressRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const body = request.body === null ? undefined : Buffer.from(request.body, 'base64');
    const headers = request.headers.filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()));
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest(
        {
          agent: this.#agentFor(rule),
          host: url.hostname.replace(/^\[|\]$/g, ''),
          port: url.port === '' ? 443 : url.port,
          path: `${url.pathname}${url.search}`,
          method: request.method,
          headers: [
            ...headers,
            ['Host', url.host],
            ['Accept-Encoding', 'identity'],
            ...(body === undefined ? [] : [['Content-Length', String(body.byteLength)]]),
          ].flat(),
          lookup: (_host, options, done) => (options.all === true ? done(null, [address]) : done(null, address.address, address.family)),
          signal,
        },
        resolve,
      );
      outgoing.once('error', reject);
      outgoing.end(body);
    });
  }

  #agentFor(rule: EgressRule): Agent {
    const existing = this.#agents.get(rule);
    if (existing !== undefined) return existing;
    const agent = new Agent({
      keepAlive: true,
      maxSockets: 32,
      timeout: IDLE_MS,
      // Made once: reading all public roots anew for each connection would cost more than the handshake.
      secureContext: createSecureContext({ minVersion: 'TLSv1.2', ...(rule.ca === undefined ? {} : { ca: [...rootCertificates, rule.ca] }) }),
    });
    this.#agents.set(rule, agent);
    return agent;
  }
}

async function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    const bytes = Buffer.from(chunk);
    size += bytes.byteLength;
    if (size > maxBytes) {
      incoming.destroy();
      throw new PerennialError('egress_response_too_large', `The answer is larger than the ${maxBytes} bytes that were asked for.`);
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

function responseHeaders(incoming: IncomingMessage): [string, string][] {
  return Object.entries(incoming.headersDistinct)
    .filter(([name]) => !HOP_BY_HOP.has(name))
    .flatMap(([name, values]) => (values ?? []).map((value): [string, string] => [name, value]))
    .filter(([name, value]) => name.length <= 100 && value.length <= 8_192)
    .slice(0, 100);
}

const TLS_CODES = /^(ERR_TLS|CERT_|ERR_SSL|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|EPROTO)/;

function describe(thrown: unknown, host: string, signal: AbortSignal): PerennialError {
  if (thrown instanceof PerennialError) return thrown;
  if (signal.aborted) return new PerennialError('egress_timeout', `${host} did not answer before the deadline.`, { retryable: true });
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
  if (TLS_CODES.test(code))
    return new PerennialError('egress_tls_refused', `The certificate or TLS of ${host} was refused (${code}).`, {
      hint: 'For a private CA put the root of its own HTTPS certificate into "ca" of the egress rule in the relay\'s law.',
      cause: thrown,
    });
  if (code.startsWith('ERR_INVALID') || code.startsWith('ERR_HTTP'))
    return new PerennialError('egress_malformed', `The request to ${host} cannot be sent as it is (${code}).`, { cause: thrown });
  return new PerennialError('egress_failed', `The request to ${host} failed (${code}).`, { retryable: true, cause: thrown });
}
