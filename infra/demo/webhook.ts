/** A signed webhook call as a `curl` line (Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`). */
import { createHmac, randomUUID } from 'node:crypto';

export interface WebhookCall {
  origin: string;
  /** `whsec_` and base64. */
  secret: string;
  certificates: readonly string[];
  /** Renew although it is not due. */
  force: boolean;
  /** Unix milliseconds; the Worker accepts it for five minutes, once. */
  now: number;
  id?: string;
}

/** For a POSIX shell. */
export function curlLine(call: WebhookCall): string {
  const id = call.id ?? `msg_${randomUUID()}`;
  const timestamp = Math.floor(call.now / 1_000);
  const body = JSON.stringify({ certificates: call.certificates, ...(call.force ? { force: true } : {}) });
  const key = Buffer.from(call.secret.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  const headers = ['content-type: application/json', `webhook-id: ${id}`, `webhook-timestamp: ${timestamp}`, `webhook-signature: v1,${signature}`];
  return `curl -sS -X POST ${call.origin}/hooks/renew ${headers.map((header) => `-H '${header}'`).join(' ')} -d '${body}'`;
}
