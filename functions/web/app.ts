/**
 * The Worker's HTTP side: mounts exactly the table in `routes.ts`, each route behind its gate. Every answer carries the
 * security headers; every error becomes one shape, `{ "error": ErrorData }`, or a page for people.
 */
import { Hono, type Context } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { PerennialError, toPerennialError } from '../../shared/errors.ts';
import { api } from './api.ts';
import { requireAdministrator } from './auth/gate.ts';
import { authorities } from './authorities.ts';
import { backups } from './backups.ts';
import type { WebDependencies } from './dependencies.ts';
import { reloadHook, renewHook } from './hooks.ts';
import { errorPage, loginPage, notFoundPage, PAGE_ASSETS, PAGE_HEADERS } from './pages/index.ts';
import { refusalHeaders, statusOf } from './refusals.ts';
import { revoke } from './revocation.ts';
import { nameOf, ROUTES, type Route, type RouteName } from './routes.ts';
import { backToPage, noticeOf, site } from './site.ts';
import { zones } from './zones.ts';

type Handler = (context: Context) => Response | Promise<Response>;

export function createApp(deps: WebDependencies): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    // A WebSocket's answer has headers that cannot be changed.
    if (context.req.path === '/relay/connect') return next();
    return secureHeaders({
      strictTransportSecurity: 'max-age=15552000',
      xFrameOptions: 'DENY',
      referrerPolicy: 'same-origin',
      crossOriginOpenerPolicy: 'same-origin',
    })(context, async () => {
      await next();
      for (const [name, value] of Object.entries(PAGE_HEADERS)) if (!context.res.headers.has(name)) context.res.headers.set(name, value);
    });
  });
  const handlers = handlersOf(deps);
  for (const route of ROUTES) {
    const handler = handlers[nameOf(route)];
    app.on(route.method, route.path, async (context) => {
      if (route.access === 'administrator' || route.access === 'token') {
        const turnedAway = await turnAway(context, route, deps);
        if (turnedAway !== null) return turnedAway;
      }
      return handler(context);
    });
  }
  app.notFound((context) =>
    wantsPage(context)
      ? context.html(notFoundPage(), 404)
      : refuse(context, new PerennialError('route_unknown', 'There is nothing at this address with this method.'), deps),
  );
  app.onError((thrown, context) => {
    const error = toPerennialError(thrown);
    if (statusOf(error) === 500)
      console.error(
        JSON.stringify({
          event: 'request-failed',
          path: context.req.path,
          code: error.code,
          cause: error.cause instanceof Error ? error.cause.message : error.message,
        }),
      );
    return wantsPage(context) ? context.html(errorPage(), statusOf(error)) : refuse(context, error, deps);
  });
  return app;
}

function handlersOf(deps: WebDependencies): Record<RouteName, Handler> {
  const pages = site(deps);
  const calls = api(deps);
  const dns = zones(deps);
  const backup = backups(deps);
  const cas = authorities(deps);
  const asset = (path: string): Handler => {
    const file = PAGE_ASSETS.find((candidate) => candidate.path === path);
    return () =>
      file === undefined
        ? new Response(null, { status: 404 })
        : new Response(file.body, { headers: { 'content-type': file.type, 'cache-control': 'public, max-age=300' } });
  };
  const renewal = (name: 'renew' | 'redeliver'): Handler =>
    button(
      name,
      (context) => calls[name](context, context.req.param('name') ?? ''),
      (context, { operation }) => {
        const url = new URL(`/api/v1/operations/${operation.id}`, context.req.raw.url).href;
        return context.json({ url, accepted: operation.certificates }, 202, { location: url });
      },
    );
  return {
    'GET /': pages.status,
    'GET /certificates/:name': pages.certificate,
    'GET /login': pages.loginForm,
    'POST /login': pages.login,
    'POST /logout': pages.logout,
    'GET /style.css': asset('/style.css'),
    'GET /live.js': asset('/live.js'),
    'GET /favicon.svg': asset('/favicon.svg'),
    'GET /healthz': (context) => context.json({ status: 'ok' }),
    'GET /api/v1/status': calls.status,
    'GET /api/v1/config': calls.configuration,
    'GET /api/v1/certificates': calls.certificates,
    'GET /api/v1/certificates/:name': calls.certificate,
    'POST /api/v1/certificates/:name/renew': renewal('renew'),
    'POST /api/v1/certificates/:name/redeliver': renewal('redeliver'),
    'POST /api/v1/certificates/:name/revoke': button(
      'revoke',
      (context) => revoke(deps, context),
      (context, accepted) => context.json(accepted, 202, { location: new URL(`/api/v1/certificates/${accepted.certificate}`, context.req.raw.url).href }),
    ),
    'GET /api/v1/authorities': cas.list,
    'POST /api/v1/authorities/:name/rollover': button('rolled-over', cas.rollOver, (context, rolled) => context.json(rolled)),
    'GET /api/v1/operations/:id': calls.operation,
    'PUT /api/v1/secrets/:name': calls.putSecret,
    'POST /api/v1/secrets/reseal': calls.resealSecrets,
    'GET /api/v1/zones': dns.zones,
    'GET /api/v1/zones/:provider/:zone/records': dns.zoneRecords,
    'GET /api/v1/zones/:provider/:zone/plan': dns.zonePlan,
    'POST /api/v1/zones/:provider/:zone/plan/approve': button('approved', dns.approvePlan, (context, approved) => context.json(approved)),
    'GET /api/v1/zones/:provider/:zone/snapshots': dns.snapshots,
    'GET /api/v1/zones/:provider/:zone/snapshots/:id': dns.snapshot,
    'POST /api/v1/zones/:provider/:zone/snapshots/:id/restore': dns.restore,
    'POST /api/v1/zones/:provider/:zone/release': dns.release,
    'GET /api/v1/records': dns.declaredRecords,
    'POST /api/v1/export': backup.exportPart,
    'POST /api/v1/import': backup.importItems,
    'POST /hooks/renew': renewHook(deps),
    'POST /hooks/reload': reloadHook(deps),
    'GET /relay/connect': (context) => deps.connectRelay(context.req.raw),
    'GET /relay/latest': latestRelay(deps),
    'GET /relay/:bundle{[0-9a-f]{64}\\.mjs}': relayBundle(deps),
  };
}

/** A button of the page and a program call the same route; each gets the answer it can use. */
function button<T>(notice: string, act: (context: Context) => Promise<T>, answer: (context: Context, done: T) => Response): Handler {
  return async (context) => {
    if (!context.req.header('content-type')?.startsWith('application/x-www-form-urlencoded')) return answer(context, await act(context));
    try {
      await act(context);
      return backToPage(context.req.raw, notice);
    } catch (thrown) {
      return backToPage(context.req.raw, noticeOf(thrown));
    }
  };
}

/** A job file pins the checksum, so what stands at an address never changes. */
function relayBundle({ relay, fleet }: WebDependencies): Handler {
  return async (context) => {
    const sha256 = (context.req.param('bundle') ?? '').slice(0, 64);
    const source = relay?.sha256 === sha256 ? relay.source : await fleet.relayBundle(sha256);
    if (source === null)
      throw new PerennialError('relay_bundle_unknown', 'There is no relay bundle with this checksum.', {
        hint: relay === null ? undefined : `The current one is /relay/${relay.sha256}.mjs`,
      });
    return new Response(source, {
      headers: { 'content-type': 'application/javascript; charset=utf-8', 'cache-control': 'public, max-age=31536000, immutable', etag: `"${sha256}"` },
    });
  };
}

/** The checksum of this Worker's relay, for the job file: `curl -fsS <origin>/relay/latest`. */
function latestRelay({ relay }: WebDependencies): Handler {
  return (context) => {
    if (relay === null) throw new PerennialError('relay_bundle_unknown', 'This Worker carries no relay bundle.');
    return context.text(`${relay.sha256}\n`);
  };
}

/** The answer for somebody who may not call the route; null lets them through. */
async function turnAway(context: Context, route: Route, deps: WebDependencies): Promise<Response | null> {
  try {
    const administrator = await requireAdministrator(context.req.raw, deps);
    if (route.access === 'token' && administrator !== 'token')
      throw new PerennialError('unauthorized', 'This needs the administrator token itself, not a session.', { hint: 'Use npm run export and npm run import.' });
    return null;
  } catch (thrown) {
    const error = toPerennialError(thrown);
    if (route.answers !== 'page') return refuse(context, error, deps);
    if (error.code === 'origin_foreign') return context.html(loginPage(`${error.message} ${error.hint ?? ''}`), 403);
    return route.method === 'GET' ? new Response(null, { status: 303, headers: { location: '/login' } }) : context.html(loginPage('Sign in first.'), 401);
  }
}

function refuse(context: Context, error: PerennialError, deps: WebDependencies): Response {
  return context.json({ error: error.toData() }, statusOf(error), refusalHeaders(error, deps.clock()));
}

function wantsPage(context: Context): boolean {
  return !/^\/(api|hooks|relay)\//.test(context.req.path) && (context.req.header('accept') ?? '').includes('text/html');
}
