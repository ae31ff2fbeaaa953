/**
 * Every route of the Worker and who may call it. The app mounts exactly this table, and a test walks it.
 *
 * - `public`: anybody; what it shows without a session is the overall state at most.
 * - `administrator`: the administrator's bearer token, or a session; a session's POST, PUT and DELETE need our own Origin.
 * - `token`: the administrator's bearer token alone. What leaves there holds every secret, if encrypted: no browser asks for it.
 * - `webhook`: a webhook's bearer token or a Standard Webhooks signature; never the administrator's token.
 * - `relay`: a relay, which proves itself on the link.
 * - `holder`: whoever knows the unguessable id in the path.
 */
export type Access = 'public' | 'administrator' | 'token' | 'webhook' | 'relay' | 'holder';
export interface Route {
  method: 'GET' | 'POST' | 'PUT';
  path: string;
  access: Access;
  /** What it answers: people who are turned away get the sign-in page on `page`, an error in JSON on `json`. */
  answers: 'page' | 'json' | 'file';
}

export const ROUTES = [
  { method: 'GET', path: '/', access: 'public', answers: 'page' },
  { method: 'GET', path: '/certificates/:name', access: 'administrator', answers: 'page' },
  { method: 'GET', path: '/login', access: 'public', answers: 'page' },
  { method: 'POST', path: '/login', access: 'public', answers: 'page' },
  { method: 'POST', path: '/logout', access: 'administrator', answers: 'page' },
  { method: 'GET', path: '/style.css', access: 'public', answers: 'file' },
  { method: 'GET', path: '/live.js', access: 'public', answers: 'file' },
  { method: 'GET', path: '/favicon.svg', access: 'public', answers: 'file' },
  { method: 'GET', path: '/healthz', access: 'public', answers: 'json' },
  { method: 'GET', path: '/api/v1/status', access: 'public', answers: 'json' },
  { method: 'GET', path: '/api/v1/config', access: 'administrator', answers: 'json' },
  { method: 'GET', path: '/api/v1/certificates', access: 'administrator', answers: 'json' },
  { method: 'GET', path: '/api/v1/certificates/:name', access: 'administrator', answers: 'json' },
  { method: 'POST', path: '/api/v1/certificates/:name/renew', access: 'administrator', answers: 'json' },
  { method: 'POST', path: '/api/v1/certificates/:name/redeliver', access: 'administrator', answers: 'json' },
  { method: 'POST', path: '/api/v1/certificates/:name/revoke', access: 'administrator', answers: 'json' },
  { method: 'GET', path: '/api/v1/authorities', access: 'administrator', answers: 'json' },
  { method: 'POST', path: '/api/v1/authorities/:name/rollover', access: 'administrator', answers: 'json' },
  { method: 'GET', path: '/api/v1/operations/:id', access: 'holder', answers: 'json' },
  { method: 'PUT', path: '/api/v1/secrets/:name', access: 'administrator', answers: 'json' },
  { method: 'POST', path: '/api/v1/secrets/reseal', access: 'administrator', answers: 'json' },
  { method: 'GET', path: '/api/v1/zones', access: 'administrator', answers: 'json' },
  { method: 'GET', path: '/api/v1/zones/:provider/:zone/records', access: 'administrator', answers: 'json' },
  { method: 'GET', path: '/api/v1/zones/:provider/:zone/plan', access: 'administrator', answers: 'json' },
  { method: 'POST', path: '/api/v1/zones/:provider/:zone/plan/approve', access: 'administrator', answers: 'json' },
  { method: 'GET', path: '/api/v1/zones/:provider/:zone/snapshots', access: 'administrator', answers: 'json' },
  { method: 'GET', path: '/api/v1/zones/:provider/:zone/snapshots/:id', access: 'administrator', answers: 'json' },
  { method: 'POST', path: '/api/v1/zones/:provider/:zone/snapshots/:id/restore', access: 'administrator', answers: 'json' },
  { method: 'POST', path: '/api/v1/zones/:provider/:zone/release', access: 'administrator', answers: 'json' },
  { method: 'GET', path: '/api/v1/records', access: 'administrator', answers: 'json' },
  { method: 'POST', path: '/api/v1/export', access: 'token', answers: 'json' },
  { method: 'POST', path: '/api/v1/import', access: 'token', answers: 'json' },
  { method: 'POST', path: '/hooks/renew', access: 'webhook', answers: 'json' },
  { method: 'POST', path: '/hooks/reload', access: 'webhook', answers: 'json' },
  { method: 'GET', path: '/relay/connect', access: 'relay', answers: 'file' },
  { method: 'GET', path: '/relay/latest', access: 'public', answers: 'file' },
  { method: 'GET', path: '/relay/:bundle{[0-9a-f]{64}\\.mjs}', access: 'public', answers: 'file' },
] as const satisfies readonly Route[];

/** `GET /api/v1/status`, one for each row. */
type NameOf<R extends Route> = R extends Route ? `${R['method']} ${R['path']}` : never;
export type RouteName = NameOf<(typeof ROUTES)[number]>;

export function nameOf(route: (typeof ROUTES)[number]): RouteName {
  // The row's two literals make the name; the compiler sees two unions.
  return `${route.method} ${route.path}` as RouteName;
}
