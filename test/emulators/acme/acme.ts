/**
 * A small, strict RFC 8555 CA over HTTPS, for where Pebble cannot be had and for what Pebble cannot do: profiles,
 * renewal information that moves, replacements, and faults on demand.
 */
import { createServer } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import { account, keyChange, newAccount } from './account-routes.ts';
import type { AcmeSettings, Authority, IncomingRequest } from './authority.ts';
import { reply } from './authority.ts';
import { CertificateAuthority } from './certificate-authority.ts';
import type { SavedAuthority } from './certificate-authority.ts';
import { certificate, renewalInfo, revokeCert } from './certificate-routes.ts';
import type { Resolver } from './dns-validation.ts';
import { FaultPort } from './faults.ts';
import { createLoopbackTls } from './loopback-tls.ts';
import type { LoopbackTls } from './loopback-tls.ts';
import { Nonces } from './nonces.ts';
import { authorization, challenge, finalize, newOrder, order } from './order-routes.ts';
import { Paths } from './paths.ts';
import type { RouteName } from './paths.ts';
import { AcmeProblem, malformed } from './problem.ts';
import { Records } from './records.ts';
import type { RenewalWindow } from './renewal-information.ts';

const DAY_SECONDS = 86_400;
const HOUR_MS = 3_600_000;
const MAX_BODY_BYTES = 262_144;

export interface AcmeOptions extends Partial<Omit<AcmeSettings, 'resolver'>> {
  resolver: Resolver;
  /** TCP port on 127.0.0.1; 0 (the default) picks a free one. */
  port?: number;
  /** Host name in the URLs; the TLS certificate covers localhost, 127.0.0.1 and ::1. */
  hostname?: string;
  clock?: Clock;
  /** Percentage of good nonces refused with badNonce. */
  badNoncePercent?: number;
  tls?: LoopbackTls;
  /** Keeps roots and intermediate over a restart. */
  saved?: SavedAuthority;
  /** Keeps URLs over a restart, see {@link Paths}. */
  pathSuffix?: string;
}

export interface AcmeEmulator {
  readonly directoryUrl: string;
  /** Trust for the HTTPS listener, not for issued certificates. */
  readonly tlsCaPem: string;
  /** Trust for issued certificates. */
  readonly rootPem: string;
  readonly alternateRootPem: string;
  readonly faults: FaultPort;
  readonly nonces: Nonces;
  readonly records: Records;
  readonly paths: Paths;
  /** Mutable, for tests that change the CA's mind while it runs. */
  readonly settings: AcmeSettings;
  /** Moves the suggested window of one certificate (by its RFC 9773 identifier), or of all with `*`. */
  setRenewalWindow(identifier: string, window: RenewalWindow): void;
  /** Requests since the start or the last {@link resetRequests}, by route. */
  countRequests(): Record<string, number>;
  resetRequests(): void;
  save(): SavedAuthority;
  stop(): Promise<void>;
}

const DEFAULTS: Omit<AcmeSettings, 'resolver'> = {
  profiles: {
    classic: { description: 'The default profile: a common name, ninety days.', validitySeconds: 90 * DAY_SECONDS, commonName: true },
    tlsserver: { description: 'No common name, forty-five days.', validitySeconds: 45 * DAY_SECONDS, commonName: false },
    shortlived: { description: 'No common name, one hundred and sixty hours.', validitySeconds: 160 * 3_600, commonName: false },
  },
  defaultProfile: 'classic',
  externalAccountKeys: new Map(),
  requireExternalAccount: false,
  validationDelayMs: 0,
  issuanceDelayMs: 0,
  retryAfterSeconds: 1,
  authorizationReuse: false,
  authorizationLifetimeMs: 24 * HOUR_MS,
  orderLifetimeMs: 24 * HOUR_MS,
  maxNames: 100,
  clockSkewMs: 0,
  alterLeaf: (leaf) => leaf,
};

type Handler = (authority: Authority, request: IncomingRequest, rest: readonly string[]) => Promise<Response> | Response;

const HANDLERS: Readonly<Record<RouteName, { methods: readonly string[]; handle: Handler }>> = {
  directory: { methods: ['GET'], handle: directory },
  newNonce: { methods: ['HEAD', 'GET'], handle: (_authority, { method }) => new Response(null, { status: method === 'HEAD' ? 200 : 204 }) },
  newAccount: { methods: ['POST'], handle: newAccount },
  newOrder: { methods: ['POST'], handle: newOrder },
  keyChange: { methods: ['POST'], handle: keyChange },
  revokeCert: { methods: ['POST'], handle: revokeCert },
  renewalInfo: { methods: ['GET'], handle: (authority, _request, rest) => renewalInfo(authority, rest) },
  account: { methods: ['POST'], handle: account },
  order: { methods: ['POST'], handle: order },
  authorization: { methods: ['POST'], handle: authorization },
  challenge: { methods: ['POST'], handle: challenge },
  finalize: { methods: ['POST'], handle: finalize },
  certificate: { methods: ['POST'], handle: certificate },
};

function directory(authority: Authority): Response {
  const { paths, settings } = authority;
  const resources = (['newNonce', 'newAccount', 'newOrder', 'revokeCert', 'keyChange', 'renewalInfo'] as const).map((name) => [name, paths.url(name)]);
  return reply(200, {
    ...Object.fromEntries(resources),
    meta: {
      termsOfService: 'https://ca.example/terms',
      website: 'https://ca.example/',
      caaIdentities: ['ca.example'],
      externalAccountRequired: settings.requireExternalAccount,
      profiles: Object.fromEntries(Object.entries(settings.profiles).map(([name, { description }]) => [name, description])),
    },
  });
}

export async function startAcme(options: AcmeOptions): Promise<AcmeEmulator> {
  const { port = 0, hostname = 'localhost', clock = Date.now, badNoncePercent = 0, tls, saved, pathSuffix, ...settings } = options;
  const serverTls = tls ?? (await createLoopbackTls());
  const ca = saved === undefined ? await CertificateAuthority.create(clock()) : await CertificateAuthority.restore(saved);
  const faults = new FaultPort();
  const counts = new Map<string, number>();
  const work = new BackgroundWork();
  let authority: Authority | undefined;
  const listener = getRequestListener(async (request, env) => {
    if (authority === undefined) return new Response(null, { status: 503 });
    return await serve(authority, faults, counts, request, env.incoming);
  });
  const server = createServer({ cert: serverTls.certificatePem, key: serverTls.keyPem }, (incoming, outgoing) => void listener(incoming, outgoing));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const bound = z.object({ port: z.number() }).parse(server.address()).port;
  const paths = new Paths(`https://${hostname}:${bound}`, pathSuffix);
  const running: AcmeSettings = { ...DEFAULTS, ...settings };
  const parts: Authority = {
    settings: running,
    clock: () => clock() + running.clockSkewMs,
    paths,
    nonces: new Nonces(badNoncePercent),
    records: new Records(),
    ca,
    renewalWindows: new Map(),
    later: (delayMs, task) => work.schedule(delayMs, task),
  };
  authority = parts;
  return {
    directoryUrl: paths.url('directory'),
    tlsCaPem: serverTls.caPem,
    rootPem: ca.rootPem,
    alternateRootPem: ca.alternateRootPem,
    faults,
    nonces: parts.nonces,
    records: parts.records,
    paths,
    settings: parts.settings,
    setRenewalWindow: (identifier, window) => parts.renewalWindows.set(identifier, window),
    countRequests: () => Object.fromEntries(counts),
    resetRequests: () => counts.clear(),
    save: () => ca.save(),
    stop: async () => {
      await work.stop();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function serve(
  authority: Authority,
  faults: FaultPort,
  counts: Map<string, number>,
  request: Request,
  incoming: Pick<IncomingMessage, 'socket' | 'headers' | 'url'>,
): Promise<Response> {
  const matched = authority.paths.match(incoming.url?.split('?', 1)[0] ?? '/');
  const name = matched?.route ?? 'unknown';
  counts.set(name, (counts.get(name) ?? 0) + 1);
  // A copy for hooks that look at the reply: by then the body has been read.
  const fault = { route: matched?.route, request: request.clone() };
  const faulty = await faults.answer(fault);
  if (faulty !== undefined) return withNonce(authority, request, faulty);
  const response = await answer(authority, matched, request, `https://${incoming.headers.host ?? ''}${incoming.url ?? ''}`);
  const replaced = await faults.replace(fault, response);
  if (replaced === 'lost' || faults.takeLoss(matched?.route)) incoming.socket.destroy();
  return replaced === 'lost' ? response : replaced;
}

/** A problem in the CA's own words brings a nonce like any other reply to a POST (§6.5); a page of its load balancer does not. */
function withNonce(authority: Authority, request: Request, response: Response): Response {
  if (request.method !== 'POST' || response.headers.get('content-type') !== 'application/problem+json') return response;
  const headers = new Headers(response.headers);
  headers.set('replay-nonce', authority.nonces.issue());
  return new Response(response.body, { status: response.status, headers });
}

async function answer(authority: Authority, matched: ReturnType<Paths['match']>, request: Request, url: string): Promise<Response> {
  const response = await handle(authority, matched, request, url).catch((thrown: unknown) => {
    return (thrown instanceof AcmeProblem ? thrown : new AcmeProblem('serverInternal', 500, 'The CA failed unexpectedly')).toResponse();
  });
  response.headers.set('cache-control', 'public, max-age=0, no-cache');
  if (matched?.route !== 'directory') response.headers.append('link', `<${authority.paths.url('directory')}>;rel="index"`);
  // §6.5: after a POST, whatever came of it, and from newNonce.
  if (request.method === 'POST' || matched?.route === 'newNonce') response.headers.set('replay-nonce', authority.nonces.issue());
  return response;
}

async function handle(authority: Authority, matched: ReturnType<Paths['match']>, request: Request, url: string): Promise<Response> {
  if (matched === undefined) throw malformed('Page not found', 404);
  const { methods, handle: route } = HANDLERS[matched.route];
  if (!methods.includes(request.method)) throw new AcmeProblem('malformed', 405, 'Method not allowed', { headers: { allow: methods.join(', ') } });
  // §6.1: clients must send one.
  if ((request.headers.get('user-agent') ?? '') === '') throw malformed('A User-Agent header is required');
  const body = request.method === 'POST' ? await request.text() : '';
  if (Buffer.byteLength(body) > MAX_BODY_BYTES) throw malformed('The request is too large', 413);
  return await route(authority, { method: request.method, url, headers: request.headers, body }, matched.rest);
}

/** Validation and issuance go on after the reply; a stopping CA waits for what has begun and drops the rest. */
class BackgroundWork {
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #running = new Set<Promise<void>>();

  schedule(delayMs: number, task: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const run = task().finally(() => this.#running.delete(run));
      this.#running.add(run);
    }, delayMs);
    this.#timers.add(timer);
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#running);
  }
}
