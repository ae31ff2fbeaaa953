/**
 * The HTTP layer under every ACME request of one session.
 *
 * Keeps: only URLs of the directory's own origin are asked; a reply is small, typed and not a redirect; each nonce is
 * used once and the next one comes from the reply (RFC 8555 §6.5); a refusal is thrown as {@link AcmeProblem}.
 */
import type { Clock } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import type { Authority } from '../config/configuration.ts';
import type { Exchange, ExchangeReply, ExchangeRequest, RelayEgress } from './exchange.ts';
import { directExchange, relayExchange } from './exchange.ts';
import type { AcmeOperation } from './meanings.ts';
import { AcmeProblem, problemSchema } from './problem.ts';
import { type RequestBudget, requestBudget } from './request-budget.ts';
import { parseRetryAfter } from './retry-after.ts';

/** RFC 8555 §6.1: clients identify themselves. */
export const USER_AGENT = 'Perennial/0.1 (ACME DNS-01 certificate service)';
/** How requests leave: straight from the Worker, or through the relay of a cluster. */
export type Route = { kind: 'direct' } | { kind: 'relay'; cluster: string };

/** Routes in the order in which they are tried; a later one only when the network refuses the one before. */
export type Routes = readonly [Route, ...Route[]];

/** What a configured egress means, given the route that worked last and the clusters that have a relay. */
export function routesOf(egress: Authority['egress'], learned: Route, clusters: readonly string[]): Routes {
  if (egress === 'direct') return [{ kind: 'direct' }];
  if (egress !== 'auto') return [{ kind: 'relay', cluster: egress.cluster }];
  const others = clusters.map((cluster): Route => ({ kind: 'relay', cluster })).filter((route) => !sameRoute(route, learned));
  return learned.kind === 'direct' ? [learned, ...others] : [learned, ...others, { kind: 'direct' }];
}

export function sameRoute(one: Route, other: Route): boolean {
  return one.kind === 'relay' ? other.kind === 'relay' && one.cluster === other.cluster : other.kind === 'direct';
}

export interface TransportDeps {
  clock: Clock;
  fetch: typeof globalThis.fetch;
  relayEgress: RelayEgress;
}

export interface Reply extends ExchangeReply {
  url: string;
  /** Media type without parameters, lower case. */
  mediaType: string;
  /** Unix milliseconds of Retry-After, or null. */
  retryAt: number | null;
}

/** Statuses of Cloudflare's own edge when it could not open the connection: the CA has not seen the request. */
const NEVER_SENT = new Set([521, 522, 523, 525, 526, 530]);

export class Transport {
  readonly #deps: TransportDeps;
  readonly #origin: string;
  readonly #direct: Exchange;
  readonly #routes: Routes;
  #route: Route;
  #nonce: string | null;
  readonly #budget: RequestBudget;
  #requests = 0;

  /**
   * @param directoryUrl https, or http for an emulator. @param nonce an unused one of an earlier session.
   * @param budget of the invocation, shared by everything that sends in it.
   */
  constructor(deps: TransportDeps, directoryUrl: string, routes: Routes, nonce: string | null = null, budget: RequestBudget = requestBudget()) {
    this.#deps = deps;
    this.#budget = budget;
    this.#origin = new URL(directoryUrl).origin;
    this.#direct = directExchange(deps.fetch);
    this.#routes = routes;
    this.#route = routes[0];
    this.#nonce = nonce;
  }

  /** The route in use now: differs from the first one when that was refused by the network. */
  get route(): Route {
    return this.#route;
  }

  get requests(): number {
    return this.#requests;
  }

  /** The unused nonce at hand, left in place. */
  get nonce(): string | null {
    return this.#nonce;
  }

  /** The nonce for the next signature; asks `newNonce` only when no reply has brought one (RFC 8555 §7.2). */
  async takeNonce(newNonceUrl: string): Promise<string> {
    if (this.#nonce === null) await this.send('nonce', { method: 'HEAD', url: newNonceUrl, headers: {}, body: null });
    const nonce = this.#nonce;
    this.#nonce = null;
    if (nonce === null) throw new PerennialError('acme_reply_malformed', 'The CA gave no usable nonce.', { retryable: true });
    return nonce;
  }

  /** Sends one request. Throws AcmeProblem for a refusal, PerennialError for everything that never became one. */
  async send(operation: AcmeOperation, request: ExchangeRequest): Promise<Reply> {
    this.#checkOrigin(request.url);
    const prepared = { ...request, headers: { ...request.headers, 'user-agent': USER_AGENT } };
    // A nonce given out belongs to this request; whatever happens, it is spent.
    if (request.method === 'POST') this.#nonce = null;
    const { status, headers, body } = await this.#exchangeOverBestRoute(prepared);
    this.#nonce = usableNonce(headers.get('replay-nonce')) ?? this.#nonce;
    const now = this.#deps.clock();
    const reply: Reply = { status, headers, body, url: request.url, mediaType: mediaType(headers), retryAt: parseRetryAfter(headers.get('retry-after'), now) };
    if (status >= 300 && status < 400)
      throw new PerennialError('acme_redirected', `The CA answered with a redirect (HTTP ${status}), which is not followed.`, { retryable: true });
    if (status >= 400) throw refusal(reply, operation);
    return reply;
  }

  /** Tries the routes in turn. A signed request that the CA may have seen goes out once; its successors move on. */
  async #exchangeOverBestRoute(request: ExchangeRequest): Promise<ExchangeReply> {
    const first = this.#route;
    const rest = this.#routes.filter((route) => !sameRoute(route, first));
    let tried = await this.#attempt(request);
    for (const next of rest) {
      const fate = fateOf(tried, this.#route);
      if (fate === 'answered') break;
      this.#route = next;
      if (fate === 'perhaps sent' && request.method === 'POST') return settled(tried);
      tried = await this.#attempt(request);
    }
    if (fateOf(tried, this.#route) !== 'answered') this.#route = first;
    return settled(tried);
  }

  async #attempt(request: ExchangeRequest): Promise<Attempt> {
    if (!this.#budget.take()) {
      throw new PerennialError('acme_request_budget', 'This run has sent as many requests as one run may; the next one goes on.', {
        retryable: true,
        retryAt: this.#deps.clock(),
        details: { neverSent: true },
      });
    }
    this.#requests += 1;
    const exchange = this.#route.kind === 'direct' ? this.#direct : relayExchange(this.#deps.relayEgress, this.#route.cluster);
    try {
      return { reply: await exchange(request), error: null };
    } catch (error) {
      return { reply: null, error };
    }
  }

  /** What a CA names is untrusted: another origin would turn the Worker or the relay into somebody's proxy. */
  #checkOrigin(url: string): void {
    const origin = URL.canParse(url) ? new URL(url).origin : null;
    if (origin !== this.#origin) {
      throw new PerennialError('acme_foreign_url', `The CA named a URL outside of its own origin ${this.#origin}.`, { retryable: true });
    }
  }
}

type Attempt = { reply: ExchangeReply; error: null } | { reply: null; error: unknown };

function settled(attempt: Attempt): ExchangeReply {
  if (attempt.reply === null) throw attempt.error;
  return attempt.reply;
}

/** Whether the CA itself has answered, or the network in its place; and then, whether the CA can have seen the request. */
function fateOf(attempt: Attempt, route: Route): 'answered' | 'never sent' | 'perhaps sent' {
  if (attempt.reply === null) {
    const code = attempt.error instanceof PerennialError ? attempt.error.code : '';
    if (code === 'relay_offline') return 'never sent';
    return code === 'acme_unreachable' ? 'perhaps sent' : 'answered';
  }
  const { status, headers } = attempt.reply;
  if (route.kind === 'relay' || status < 520 || status > 530 || mediaType(headers).endsWith('json')) return 'answered';
  return NEVER_SENT.has(status) ? 'never sent' : 'perhaps sent';
}

function mediaType(headers: Headers): string {
  return (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** RFC 8555 §6.5.1: base64url. Anything else is ignored, as the RFC demands. */
function usableNonce(value: string | null): string | null {
  return value !== null && /^[A-Za-z0-9_-]{1,512}$/.test(value) ? value : null;
}

function refusal(reply: Reply, operation: AcmeOperation): PerennialError {
  const { status, retryAt, mediaType: type, body } = reply;
  const parsed = type.endsWith('json') ? problemSchema.safeParse(parseJson(body)) : null;
  if (parsed?.success === true) return new AcmeProblem(status, parsed.data, operation, retryAt);
  if (status >= 520 && status <= 530) {
    return new PerennialError('acme_unreachable', `The CA cannot be reached: the network answered HTTP ${status} in its place.`, {
      retryable: true,
      retryAt: retryAt ?? undefined,
      hint: 'Let ACME requests leave through a relay: egress = "auto", or the name of a cluster.',
      details: { status, operation, neverSent: NEVER_SENT.has(status) },
    });
  }
  // Load balancers answer 429 and 503 in HTML; the text is of no use to anybody.
  return new AcmeProblem(status, { type: '', detail: '', subproblems: [] }, operation, retryAt);
}

/** The JSON value, or undefined when the text is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
