/** `/api/v1/*`: the same facts and actions as the page, as JSON. */
import type { Context } from 'hono';
import { z } from 'zod';
import { MINUTE } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import type { ActionRequest } from '../fleet/admission.ts';
import { administratorOf, usableAdminToken } from './auth/gate.ts';
import { parseJsonBody, readText } from './body.ts';
import type { WebDependencies } from './dependencies.ts';
import { overallState, readFacts } from './overview.ts';
import { zoneAddress } from './zone-address.ts';

/** An administrator may force again sooner than a webhook; a double click is one renewal. */
const ADMINISTRATOR_COOL_DOWN_MS = MINUTE;
/** Largest secret of the SecretStore and its JSON. */
const MAX_SECRET_BODY_BYTES = 140_000;

const listQuery = z.object({
  page: z.coerce.number().int().min(1).max(100_000).default(1),
  size: z.coerce.number().int().min(1).max(500).default(100),
  q: z.string().max(253).default(''),
});
const renewBody = z.strictObject({ force: z.boolean().default(true) });
const secretBody = z.strictObject({ value: z.string().min(1).max(65_536) });

export function api(deps: WebDependencies) {
  const certificate = async (name: string) => {
    const view = await deps.fleet.certificate(name);
    if (view === null)
      throw new PerennialError('certificate_unknown', 'There is no certificate of that name.', { hint: 'GET /api/v1/certificates lists them.' });
    return view;
  };

  return {
    /** Anybody gets the overall state; an administrator gets everything but the certificates' details. */
    status: async (context: Context) => {
      const facts = await readFacts(deps);
      const overall = overallState(facts, deps);
      const isAdministrator = (await administratorOf(context.req.raw, deps)) !== null;
      // While nobody can sign in, what has to be set up is the one thing to say; it holds no secret.
      const setupProblems = isAdministrator || usableAdminToken(deps) === null ? { setupProblems: deps.setupProblems } : {};
      if (!isAdministrator) return context.json({ overall: { state: overall.state, sentence: overall.publicSentence }, ...setupProblems });
      const { status, clusters, zones, problems } = facts;
      return context.json({
        overall: { state: overall.state, sentence: overall.sentence },
        ...setupProblems,
        configuration: { inForce: status.configuration, problems },
        tally: status.tally,
        pending: status.pending,
        clusters,
        zones: zones.map(zoneFacts),
        events: status.events,
      });
    },

    /** The configuration of this bundle, which one is in force, and what is wrong with it. It holds no secrets. */
    configuration: async (context: Context) => {
      const { configuration: inForce } = await deps.fleet.status({ events: 0, upcoming: 0 });
      const { compiled } = deps;
      return context.json(
        compiled.valid
          ? { valid: true, hash: compiled.hash, inForce, configuration: compiled.configuration }
          : { valid: false, hash: compiled.hash, inForce, problems: compiled.problems },
      );
    },

    certificates: async (context: Context) => {
      const query = listQuery.safeParse(context.req.query());
      if (!query.success) throw new PerennialError('query_invalid', 'The query does not fit.', { hint: 'For example: ?page=1&size=100&q=example.net' });
      const { page, size, q } = query.data;
      const { rows, total } = await deps.fleet.list({ page, size, query: q });
      return context.json({ page, size, total, certificates: rows });
    },

    certificate: async (context: Context) => context.json(await certificate(context.req.param('name') ?? '')),

    operation: async (context: Context) => {
      const operation = await deps.fleet.operation(context.req.param('id') ?? '');
      if (operation === null) throw new PerennialError('operation_unknown', 'There is no such operation; they are kept for seven days.');
      return context.json(operation);
    },

    /** Renews at once, unless `{"force": false}` asks for a renewal that is due only. */
    renew: async (context: Context, name: string) => {
      const text = await readJsonText(context, 1_024);
      const { force } = parseJsonBody(text === '' ? '{}' : text, renewBody, '{"force":true}');
      return act(deps, name, force ? 'force' : 'renew');
    },

    redeliver: (_context: Context, name: string) => act(deps, name, 'redeliver'),

    putSecret: async (context: Context) => {
      const text = await readText(context.req.raw, MAX_SECRET_BODY_BYTES);
      await deps.putSecret(context.req.param('name') ?? '', parseSecret(text));
      return context.body(null, 204);
    },

    resealSecrets: async (context: Context) => context.json(await deps.resealSecrets()),
  };
}

/** A zone in the overview; `/api/v1/zones` has everything that it reports. */
function zoneFacts(zone: Awaited<ReturnType<WebDependencies['fleet']['zones']>>[number]) {
  const { zoneName, vendors, lastSuccessAt, lastError, stopped, waiting, declared } = zone.health;
  const error = lastError === null ? null : { at: lastError.at, message: lastError.error.message, hint: lastError.error.hint ?? null };
  return { zone: zoneName, vendor: vendors[0] ?? '', address: zoneAddress(zone), lastSuccessAt, lastError: error, stopped, waiting, declared };
}

/** An invalid configuration holds every certificate, so nothing that is asked for would begin. */
export function refuseWhileInvalid(deps: Pick<WebDependencies, 'compiled'>): void {
  if (!deps.compiled.valid)
    throw new PerennialError('configuration_invalid', 'The configuration has errors; nothing is issued or delivered until they are mended.', {
      retryable: true,
      hint: 'GET /api/v1/config and npm run check name each of them at its place.',
    });
}

async function act(deps: WebDependencies, name: string, action: ActionRequest['action']) {
  refuseWhileInvalid(deps);
  return deps.fleet.act({ caller: 'administrator', action, certificates: [name], coolDownMs: ADMINISTRATOR_COOL_DOWN_MS, replay: null, idempotency: null });
}

/** A form's body says nothing of interest. */
async function readJsonText(context: Context, limit: number): Promise<string> {
  const text = await readText(context.req.raw, limit);
  return context.req.header('content-type')?.startsWith('application/json') ? text : '';
}

/** What was sent may be the secret itself, so no parser's message is passed on. */
function parseSecret(text: string): string {
  try {
    return secretBody.parse(JSON.parse(text)).value;
  } catch {
    throw new PerennialError('body_invalid', 'The body is not a secret in JSON.', {
      hint: 'Send {"value":"…"} with 1 to 65536 characters, or use: npm run secret -- <name>',
    });
  }
}
