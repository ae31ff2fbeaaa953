/**
 * The relay's HTTP application: every route of the contract behind one signature middleware, for the link, for plain
 * HTTPS push, and for tests alike. See `shared/relay/contract.ts` for shapes.
 */
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';
import type { Clock } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import { hashText, signMessage } from '../../shared/link/signatures.ts';
import type { PrivateKey } from '../../shared/link/signatures.ts';
import {
  createKeyRequest,
  dnsQueryRequest,
  egressRequest,
  idSchema,
  installRequest,
  instancesRequest,
  MAX_BODY_BYTES,
  namecheapAccountSchema,
  namecheapQueryRequest,
  namecheapWriteRequest,
  RELAY_ROUTES,
  reloadRequest,
  rollBackRequest,
  signRevocationRequest,
  targetSchema,
  verifyRequest,
  watchRequest,
} from '../../shared/relay/contract.ts';
import type {
  CreateKeyResponse,
  DnsQueryResponse,
  EgressResponse,
  InspectResponse,
  InstallResponse,
  InstancesResponse,
  NamecheapAccountResponse,
  NamecheapReply,
  ReloadResponse,
  RollBackResponse,
  SignRevocationResponse,
  VerifyResponse,
  WatchResponse,
} from '../../shared/relay/contract.ts';
import type { Admission, Admissions } from './admission.ts';
import { tooLarge } from './admission.ts';
import type { Connections } from './connections.ts';
import type { AuthoritativeQuery } from './dns/query.ts';
import type { Egress } from './egress/egress.ts';
import type { Health } from './health.ts';
import type { Installation } from './install/install.ts';
import type { Rollback } from './install/rollback.ts';
import { namesNotAllowed } from './install/target.ts';
import type { DeliveryRecords } from './install/delivery-record.ts';
import type { KeyArea } from './keys/key-area.ts';
import type { RevocationSigner } from './keys/revocation.ts';
import { nameAllowed } from './law.ts';
import type { Law } from './law.ts';
import type { Instances } from './instances.ts';
import type { Log } from './log.ts';
import type { Namecheap } from './namecheap/namecheap.ts';
import { refusalOf, statusOf } from './refusals.ts';
import type { Reload } from './reload.ts';
import { admissionOf, body, certificateOf, parameter, shaped } from './request-reading.ts';
import type { Verification } from './verify/verification.ts';
import type { ServedWatch } from './verify/watch.ts';

/** Carries the request's JWS, and the response's. */
export const REQUEST_HEADER = 'perennial-request';
export const RESPONSE_HEADER = 'perennial-response';

/** What a caller inside the process hands over beside the Request. */
export interface RelayBindings extends Partial<HttpBindings> {
  /** The link admits its frames itself, in the order of their arrival. */
  admission?: Promise<Admission>;
}

export interface RelayEnvironment {
  Bindings: RelayBindings;
  Variables: { admission: Admission; body: string; route: string; certificate?: string; code?: string; cause?: string };
}

export interface RelayDependencies {
  law: Law;
  identity: PrivateKey;
  /** For people: `<cluster>/<allocation>`. */
  place: string;
  admissions: Admissions;
  connections: Connections;
  keys: KeyArea;
  revocations: RevocationSigner;
  installation: Installation;
  rollback: Rollback;
  records: DeliveryRecords;
  reload: Reload;
  verification: Verification;
  watch: Pick<ServedWatch, 'remember' | 'take'>;
  egress: Egress;
  dns: AuthoritativeQuery;
  instances: Instances;
  namecheap: Namecheap;
  health: Health;
  clock: Clock;
  log: Log;
  /** Offers `POST /v1/nonce` and takes signed requests over HTTP. */
  push: boolean;
}

export type RelayApp = Hono<RelayEnvironment>;
export type RelayContext = Context<RelayEnvironment>;

export function createRelayApp(deps: RelayDependencies): RelayApp {
  const app: RelayApp = new Hono<RelayEnvironment>();
  // 200 in any state: a relay that waits for its edge gains nothing from being restarted.
  app.get('/healthz', (c) => c.json(deps.health.report()));
  app.use('/v1/*', logged(deps));
  if (deps.push) app.post('/v1/nonce', (c) => (c.set('route', '/v1/nonce'), c.json(deps.connections.issueNonce(deps.clock))));
  app.use('/v1/*', limited, signed(deps));

  app.post(RELAY_ROUTES.createKey.path, async (c) => {
    const request = body(c, createKeyRequest);
    const outside = request.names.filter((name) => !deps.law.targets.some(({ names }) => nameAllowed(name, names)));
    if (outside.length > 0) throw namesNotAllowed(outside);
    const { csr, spki } = await deps.keys.create(request, admissionOf(c).signal);
    return c.json({ issuance: request.issuance, csr, spki, madeIn: deps.place } satisfies CreateKeyResponse);
  });
  app.delete(RELAY_ROUTES.removeKey.path, async (c) => c.json({ removed: await deps.keys.remove(parameter(c, 'issuance', idSchema), admissionOf(c).signal) }));
  app.put(RELAY_ROUTES.install.path, async (c) => {
    const certificate = certificateOf(c);
    return c.json((await deps.installation.install(certificate, body(c, installRequest), admissionOf(c))) satisfies InstallResponse);
  });
  app.get(RELAY_ROUTES.inspect.path, async (c) => {
    const certificate = certificateOf(c);
    return c.json((await deps.installation.inspect(certificate, shaped(c.req.query(), targetSchema), admissionOf(c).signal)) satisfies InspectResponse);
  });
  app.post(RELAY_ROUTES.rollBack.path, async (c) => {
    const certificate = certificateOf(c);
    return c.json((await deps.rollback.rollBack(certificate, body(c, rollBackRequest), admissionOf(c))) satisfies RollBackResponse);
  });
  app.post(RELAY_ROUTES.signRevocation.path, async (c) => {
    const issuance = parameter(c, 'issuance', idSchema);
    return c.json((await deps.revocations.sign(issuance, body(c, signRevocationRequest), admissionOf(c).signal)) satisfies SignRevocationResponse);
  });
  app.post(RELAY_ROUTES.reload.path, async (c) => {
    const request = body(c, reloadRequest);
    c.set('certificate', request.certificate);
    return c.json((await deps.reload.reload(request, admissionOf(c).signal)) satisfies ReloadResponse);
  });
  app.post(RELAY_ROUTES.verify.path, async (c) => {
    const request = body(c, verifyRequest);
    c.set('certificate', request.certificate);
    const admission = admissionOf(c);
    const instances = await deps.verification.verify(request, admission);
    deps.watch.remember(request, instances, admission.now());
    const proven = instances.length > 0 && instances.every(({ verdict }) => verdict === 'new');
    // Tidying up must not turn a good verification into a failure; the next one tries again.
    if (proven) await deps.records.forgetPrevious(request.certificate, request.sha256, admission.signal).catch(() => undefined);
    return c.json({ instances } satisfies VerifyResponse);
  });
  app.put(RELAY_ROUTES.watch.path, (c) => c.json({ watched: deps.watch.take(body(c, watchRequest).entries) } satisfies WatchResponse));
  app.post(RELAY_ROUTES.egress.path, async (c) => c.json((await deps.egress.send(body(c, egressRequest), admissionOf(c).signal)) satisfies EgressResponse));
  app.post(RELAY_ROUTES.dnsQuery.path, async (c) => {
    const { questions } = body(c, dnsQueryRequest);
    if (deps.law.contract === 1 && questions.length > 1)
      throw new PerennialError('relay_one_question', 'A relay of contract version 1 answers one question per request.');
    return c.json({ results: await deps.dns.answer(questions, admissionOf(c).signal) } satisfies DnsQueryResponse);
  });
  app.post(RELAY_ROUTES.instances.path, async (c) =>
    c.json({ instances: await deps.instances.list(body(c, instancesRequest), admissionOf(c).signal) } satisfies InstancesResponse),
  );
  app.get(RELAY_ROUTES.namecheapAccount.path, async (c) =>
    c.json((await deps.namecheap.account(parameter(c, 'account', namecheapAccountSchema), admissionOf(c).signal)) satisfies NamecheapAccountResponse),
  );
  app.post(RELAY_ROUTES.namecheapQuery.path, async (c) =>
    c.json((await deps.namecheap.query(body(c, namecheapQueryRequest), admissionOf(c).signal)) satisfies NamecheapReply),
  );
  app.put(RELAY_ROUTES.namecheapWrite.path, async (c) =>
    c.json((await deps.namecheap.write(body(c, namecheapWriteRequest), admissionOf(c).signal)) satisfies NamecheapReply),
  );

  app.notFound((c) => refuse(c, new PerennialError('route_unknown', 'The relay has no such route.')));
  app.onError((thrown, c) => refuse(c, refusalOf(thrown, c.get('admission')?.signal.aborted ?? false)));
  return app;
}

function logged(deps: RelayDependencies) {
  return createMiddleware<RelayEnvironment>(async (c, next) => {
    const begun = performance.now();
    await next();
    deps.log({
      event: 'request',
      route: c.get('route') ?? 'unknown',
      status: c.res.status,
      ms: Math.round(performance.now() - begun),
      certificate: c.get('certificate'),
      code: c.get('code'),
      cause: c.get('cause'),
    });
  });
}

const limited = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (c) => c.json({ error: tooLarge().toData() }, 413) });

/** Nothing behind this runs before its request is admitted; everything that it answers is signed. */
function signed(deps: RelayDependencies) {
  return createMiddleware<RelayEnvironment>(async (c, next) => {
    c.set('route', routeName(c.req.path));
    const token = c.req.header(REQUEST_HEADER) ?? '';
    const text = await c.req.text();
    c.set('body', text);
    try {
      const { pathname, search } = new URL(c.req.url);
      const message = {
        token,
        method: c.req.method,
        path: c.env?.incoming?.url ?? `${pathname}${search}`,
        contentType: c.req.header('content-type') ?? '',
        body: text,
      };
      if (c.env?.admission === undefined && !deps.push) throw new PerennialError('push_not_allowed', 'This relay takes requests over its own link only.');
      c.set('admission', await (c.env?.admission ?? deps.admissions.admit(message)));
      await next();
      if (Buffer.byteLength(await c.res.clone().text()) > MAX_BODY_BYTES)
        throw new PerennialError('relay_response_too_large', `The answer is larger than ${MAX_BODY_BYTES} bytes.`);
    } catch (thrown) {
      c.res = refuse(c, refusalOf(thrown, false));
    }
    if (token !== '') await sign(c, token, deps);
  });
}

async function sign(c: RelayContext, token: string, deps: RelayDependencies): Promise<void> {
  const contentType = c.res.headers.get('content-type') ?? '';
  const claims = {
    aud: deps.law.origin,
    requestHash: await hashText(token),
    status: c.res.status,
    contentType,
    bodyHash: await hashText(await c.res.clone().text()),
  };
  c.res.headers.set(RESPONSE_HEADER, await signMessage('response', claims, deps.identity));
}

function refuse(c: RelayContext, error: PerennialError): Response {
  c.set('code', error.code);
  if (error.code === 'internal') c.set('cause', kindOf(error.cause));
  return c.json({ error: error.toData() }, statusOf(error.code));
}

/** Name and code of an unexpected error for the log; its message may quote a request, and stays out. */
function kindOf(cause: unknown): string {
  if (!(cause instanceof Error)) return typeof cause;
  return 'code' in cause && typeof cause.code === 'string' ? `${cause.name} ${cause.code}` : cause.name;
}

/** The contract's path with its placeholders, so that names and ids stay out of the log's route. */
function routeName(path: string): string {
  const known = Object.values(RELAY_ROUTES).find((route) => new RegExp(`^${route.path.replaceAll(/:[a-z]+/g, '[^/]+')}$`).test(path));
  return known?.path ?? 'unknown';
}
