/**
 * Which webhook calls. Every configured one is tried, so that the time taken tells nothing; a refusal says whether
 * credentials were missing, unknown or stale, and never which webhooks or certificates exist.
 */
import { PerennialError, toPerennialError } from '../../../shared/errors.ts';
import type { Configuration } from '../../config/configuration.ts';
import { bearerToken, sameSecret } from './digest.ts';
import { isStale, readSignature, TOLERANCE_MS, verifySignature } from './standard-webhooks.ts';

export type Webhook = Configuration['webhooks'][number];
const MIN_TOKEN = 16;

export interface WebhookCaller {
  webhook: Webhook;
  /** For signed messages: accepted once until its timestamp is stale anyway (Unix ms). */
  replay: { id: string; expiresAt: number } | null;
}

export interface WebhookCall {
  headers: Headers;
  body: string;
  now: number;
}

/** Throws `webhook_unauthorized`, `webhook_stale` or `webhook_secret_unavailable`. */
export async function authenticateWebhook(
  call: WebhookCall,
  webhooks: readonly Webhook[],
  secret: (reference: string) => Promise<string>,
): Promise<WebhookCaller> {
  if (call.headers.has('webhook-signature') || call.headers.has('webhook-id')) return authenticateSigned(call, webhooks, secret);
  const token = bearerToken(call.headers);
  if (token === null)
    throw new PerennialError('webhook_unauthorized', 'The call carries no credentials.', {
      hint: 'Send "Authorization: Bearer <token>" or the three Standard Webhooks headers (webhook-id, webhook-timestamp, webhook-signature).',
    });
  const webhook = await match(webhooks, 'token', secret, async (expected) => expected.length >= MIN_TOKEN && (await sameSecret(token, expected)));
  if (webhook === null)
    throw new PerennialError('webhook_unauthorized', 'No webhook has this token.', { hint: 'Compare it with the value stored by: npm run secret -- <name>' });
  return { webhook, replay: null };
}

async function authenticateSigned(
  { headers, body, now }: WebhookCall,
  webhooks: readonly Webhook[],
  secret: (reference: string) => Promise<string>,
): Promise<WebhookCaller> {
  const message = readSignature(headers);
  if (message === null)
    throw new PerennialError('webhook_unauthorized', 'The signature headers are not well formed.', {
      hint: 'Send webhook-id (no full stop in it), webhook-timestamp (Unix seconds) and webhook-signature ("v1,<base64>").',
    });
  const webhook = await match(webhooks, 'signing', secret, (expected) => verifySignature(message, body, expected));
  if (webhook === null)
    throw new PerennialError('webhook_unauthorized', 'No webhook has made this signature.', {
      hint: 'Sign "<webhook-id>.<webhook-timestamp>.<body>" byte for byte as it is sent, with HMAC-SHA256 under the decoded secret.',
    });
  if (isStale(message, now))
    throw new PerennialError('webhook_stale', 'The timestamp is more than five minutes away from our clock.', {
      hint: `Sign anew with the current time; here it is ${new Date(now).toISOString()}.`,
    });
  return { webhook, replay: { id: message.id, expiresAt: message.timestamp + 2 * TOLERANCE_MS } };
}

async function match(
  webhooks: readonly Webhook[],
  kind: Webhook['kind'],
  secret: (reference: string) => Promise<string>,
  fits: (expected: string) => Promise<boolean>,
): Promise<Webhook | null> {
  const unreadable: { webhook: string; error: PerennialError }[] = [];
  const results = await Promise.all(
    webhooks.map(async (webhook) => {
      if (webhook.kind !== kind) return false;
      try {
        return await fits((await secret(webhook.secret)).trim());
      } catch (thrown) {
        // A secret that was never stored fits nothing.
        unreadable.push({ webhook: webhook.name, error: toPerennialError(thrown) });
        return false;
      }
    }),
  );
  const webhook = webhooks[results.indexOf(true)];
  if (webhook !== undefined) return webhook;
  for (const { webhook: name, error } of unreadable) console.warn(JSON.stringify({ event: 'webhook-secret-unreadable', webhook: name, code: error.code }));
  const passing = unreadable.find(({ error }) => error.retryable);
  if (passing !== undefined)
    throw new PerennialError('webhook_secret_unavailable', 'The secrets cannot be read just now.', { retryable: true, cause: passing.error });
  return null;
}
