/** Who calls: the part of access that is the same for every route. */
import { PerennialError } from '../../../shared/errors.ts';
import { ADMIN_TOKEN_MIN, type WebDependencies } from '../dependencies.ts';
import { bearerToken, sameSecret } from './digest.ts';
import { hasOwnOrigin, hasSession } from './session.ts';

type Administration = Pick<WebDependencies, 'adminToken' | 'clock'>;
export type Administrator = 'token' | 'session';

/** The token that opens anything, or null when none is set or it is too short to be safe. */
export function usableAdminToken({ adminToken }: Pick<WebDependencies, 'adminToken'>): string | null {
  return adminToken !== undefined && adminToken.length >= ADMIN_TOKEN_MIN ? adminToken : null;
}

/** How the caller is an administrator; null when they are none. A token that is presented and wrong is never made up for by a session. */
export async function administratorOf(request: Request, deps: Administration): Promise<Administrator | null> {
  const adminToken = usableAdminToken(deps);
  if (adminToken === null) return null;
  if (request.headers.has('authorization')) {
    const token = bearerToken(request.headers);
    return token !== null && (await sameSecret(token, adminToken)) ? 'token' : null;
  }
  return (await hasSession(request, adminToken, deps.clock())) ? 'session' : null;
}

/** Throws `unauthorized`, or `origin_foreign` when another site makes a browser use its session here. */
export async function requireAdministrator(request: Request, deps: Administration): Promise<Administrator> {
  const administrator = await administratorOf(request, deps);
  if (administrator === null)
    throw usableAdminToken(deps) === null
      ? new PerennialError('unauthorized', 'No administrator token is set, so nobody can be let in.', {
          hint: 'Set one of at least 20 characters: npx wrangler secret put ADMIN_TOKEN',
        })
      : new PerennialError('unauthorized', 'An administrator is needed here.', { hint: 'Send "Authorization: Bearer <ADMIN_TOKEN>", or sign in at /login.' });
  const safe = request.method === 'GET' || request.method === 'HEAD';
  if (administrator === 'session' && !safe && !hasOwnOrigin(request))
    throw new PerennialError('origin_foreign', 'The request comes from another site.', { hint: 'Use the buttons of this page, or the bearer token.' });
  return administrator;
}
