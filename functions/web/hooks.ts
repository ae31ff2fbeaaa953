/** `POST /hooks/renew` and `POST /hooks/reload`: what a deployment, a monitor or a person's script may ask for. */
import type { Context } from 'hono';
import { z } from 'zod';
import { HOUR } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import { certificateNameSchema } from '../../shared/relay/contract.ts';
import type { ActionRequest } from '../fleet/admission.ts';
import { hex, sha256 } from './auth/digest.ts';
import { authenticateWebhook, type Webhook } from './auth/webhook.ts';
import { parseJsonBody, readText } from './body.ts';
import type { WebDependencies } from './dependencies.ts';

const MAX_BODY_BYTES = 16 * 1_024;
/** Least time between two renewals of one certificate that webhooks force: each counts against the CA's limits. */
export const FORCE_COOL_DOWN_MS = HOUR;

const certificates = z
  .array(certificateNameSchema)
  .min(1)
  .max(100)
  .transform((names) => [...new Set(names)]);
const renewBody = z.strictObject({ certificates, force: z.boolean().default(false) });
const reloadBody = z.strictObject({ certificates });

export function renewHook(deps: WebDependencies) {
  return hook(deps, (text) => {
    const body = parseJsonBody(text, renewBody, '{"certificates":["example"]}');
    return { certificates: body.certificates, action: body.force ? 'force' : 'renew' };
  });
}

export function reloadHook(deps: WebDependencies) {
  return hook(deps, (text) => ({ certificates: parseJsonBody(text, reloadBody, '{"certificates":["example"]}').certificates, action: 'reload' }));
}

function hook(deps: WebDependencies, read: (text: string) => Pick<ActionRequest, 'certificates' | 'action'>) {
  return async (context: Context): Promise<Response> => {
    const request = context.req.raw;
    const body = await readText(request, MAX_BODY_BYTES);
    if (!deps.compiled.valid)
      throw new PerennialError('configuration_invalid', 'The deployed configuration has errors, so nothing can be asked for.', {
        retryable: true,
        hint: 'Its administrator sees them on the status page and with: npm run check',
      });
    const { webhook, replay } = await authenticateWebhook(
      { headers: request.headers, body, now: deps.clock() },
      deps.compiled.configuration.webhooks,
      deps.secret,
    );
    const wanted = read(body);
    authorize(webhook, wanted);
    const key = idempotencyKey(request.headers);
    const { operation } = await deps.fleet.act({
      caller: `webhook:${webhook.name}`,
      ...wanted,
      coolDownMs: FORCE_COOL_DOWN_MS,
      replay,
      idempotency: key === null ? null : { key, request: hex(await sha256(`${context.req.path}\n${body}`)) },
    });
    const url = new URL(`/api/v1/operations/${operation.id}`, request.url).href;
    return context.json({ url, accepted: operation.certificates }, 202, { location: url });
  };
}

const SCOPE = { renew: 'renew', force: 'renew:force', reload: 'reload', redeliver: 'reload' } as const;

/** A name that does not exist and one that belongs to others are refused alike. */
function authorize(webhook: Webhook, { certificates, action }: Pick<ActionRequest, 'certificates' | 'action'>): void {
  const scope = SCOPE[action];
  if (!webhook.scopes.includes(scope))
    throw new PerennialError('webhook_scope_missing', `This webhook may not do that: it lacks the scope "${scope}".`, {
      hint: `Its administrator can add it to the webhook's scopes in certificates.toml.`,
    });
  const allowed = webhook.certificates;
  if (allowed !== '*' && certificates.some((name) => !allowed.includes(name)))
    throw new PerennialError('webhook_certificate_forbidden', 'This webhook may not act on every certificate named here.', {
      hint: 'Name only certificates that are listed for this webhook in certificates.toml.',
    });
}

function idempotencyKey(headers: Headers): string | null {
  const key = headers.get('idempotency-key');
  if (key === null) return null;
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw new PerennialError('idempotency_key_invalid', 'An Idempotency-Key has 1 to 255 visible ASCII characters.', { hint: 'Use a UUID.' });
  return key;
}
