/** The pages for people, and signing in. The pages themselves are in `pages/`; here they get their facts. */
import type { Context } from 'hono';
import { PerennialError, toPerennialError } from '../../shared/errors.ts';
import { hex, sameSecret, sha256 } from './auth/digest.ts';
import { administratorOf, usableAdminToken } from './auth/gate.ts';
import { closedSession, hasOwnOrigin, openSession } from './auth/session.ts';
import { readText } from './body.ts';
import type { WebDependencies } from './dependencies.ts';
import { overallState, readFacts, readStatusModel } from './overview.ts';
import { certificateModel, certificatePage, loginPage, notFoundPage, publicPage, statusPage } from './pages/index.ts';

/** Sentences a redirect may ask for; never text from the address. */
const NOTICES: Readonly<Record<string, string>> = {
  renew: 'The renewal was asked for; it starts at once.',
  redeliver: 'The delivery was asked for; it starts at once.',
  revoke: 'The revocation was asked for; a new certificate is ordered at once.',
  'not-revoked': 'Nothing was revoked: the name was not typed as it is, or another certificate is live by now.',
  'rolled-over': 'The account has a new key.',
  'not-rolled-over': 'It is not certain that the account has a new key. Its CA below says more; press again in a minute or two.',
  approved: 'The plan is approved; its records are written now.',
  'plan-changed': 'That was not the plan any more: the zone or the configuration has changed. Look at it again.',
  'zone-refused': 'The zone did not take that; its own lines say why.',
  'cooling-down': 'A renewal was forced a moment ago. Wait a minute.',
  'configuration-invalid': 'Nothing was asked for: the configuration has errors, and nothing moves until they are mended.',
  unknown: 'There is no such certificate any more.',
};
const NO_TOKEN = 'No administrator token is set. Set one of at least 20 characters: npx wrangler secret put ADMIN_TOKEN';

export function site(deps: WebDependencies) {
  const notice = (context: Context) => NOTICES[context.req.query('notice') ?? ''] ?? null;
  return {
    status: async (context: Context) => {
      if ((await administratorOf(context.req.raw, deps)) === null) return context.html(publicPage(overallState(await readFacts(deps), deps).state));
      const page = Math.min(100_000, Math.max(1, Math.trunc(Number(context.req.query('page') ?? 1)) || 1));
      const query = (context.req.query('q') ?? '').trim().slice(0, 253);
      return context.html(statusPage(await readStatusModel(deps, { page, query, notice: notice(context) })));
    },

    certificate: async (context: Context) => {
      const view = await deps.fleet.certificate(context.req.param('name') ?? '');
      if (view === null) return context.html(notFoundPage(), 404);
      return context.html(certificatePage(certificateModel(view, deps.clock()), deps.clock(), notice(context)));
    },

    loginForm: (context: Context) => (usableAdminToken(deps) === null ? context.html(loginPage(NO_TOKEN), 503) : context.html(loginPage())),

    login: async (context: Context) => {
      const request = context.req.raw;
      const adminToken = usableAdminToken(deps);
      if (adminToken === null) return context.html(loginPage(NO_TOKEN), 503);
      // A form elsewhere must not sign its visitors in here.
      if (request.headers.has('origin') && !hasOwnOrigin(request)) return context.html(loginPage('The form was sent from another site. Sign in here.'), 403);
      const token = new URLSearchParams(await readText(request, 4_096)).get('token') ?? '';
      // Counted before it is compared; addresses are kept as digests, for a quarter of an hour.
      const client = hex(await sha256(request.headers.get('cf-connecting-ip') ?? 'local'));
      try {
        await deps.fleet.beginSignIn(client);
      } catch (thrown) {
        const error = toPerennialError(thrown);
        if (error.code !== 'sign_in_limited') throw error;
        return context.html(loginPage(`${error.message} ${error.hint ?? ''}`), 429, { 'retry-after': '900' });
      }
      if (!(await sameSecret(token.trim(), adminToken))) return context.html(loginPage('That token is not right.'), 401);
      await deps.fleet.signedIn(client);
      return redirect('/', { 'set-cookie': await openSession(request.url, adminToken, deps.clock()) });
    },

    logout: (context: Context) => redirect('/', { 'set-cookie': closedSession(context.req.raw.url) }),
  };
}

/** The answer to a button: back to the page it stands on, with a sentence. */
export function backToPage(request: Request, notice: string): Response {
  const referrer = request.headers.get('referer') ?? '';
  const page = URL.canParse(referrer) ? new URL(referrer) : null;
  const path = page !== null && page.origin === new URL(request.url).origin && /^\/(certificates\/[a-z0-9-]{1,63})?$/.test(page.pathname) ? page.pathname : '/';
  return redirect(`${path}?notice=${notice}`);
}

/** Notice for a refusal that a person can make sense of; others are thrown again. */
export function noticeOf(thrown: unknown): string {
  const { code } = toPerennialError(thrown);
  if (code === 'force_cooling_down') return 'cooling-down';
  if (code === 'configuration_invalid') return 'configuration-invalid';
  if (code === 'certificate_unknown') return 'unknown';
  if (code === 'certificate_not_live' || code.startsWith('revocation_')) return 'not-revoked';
  if (code === 'authority_unknown' || code.startsWith('acme_') || code.startsWith('secret_')) return 'not-rolled-over';
  if (code === 'dns_zone_changed') return 'plan-changed';
  if (code === 'zone_unknown' || code.startsWith('dns_') || code.startsWith('relay_')) return 'zone-refused';
  throw thrown instanceof PerennialError ? thrown : toPerennialError(thrown);
}

function redirect(location: string, headers: Record<string, string> = {}): Response {
  return new Response(null, { status: 303, headers: { location, ...headers } });
}
