/**
 * Only what the API itself says gets through: its JSON envelope with `success`. A page of a proxy, a cut-off body or a
 * failure under status 200 is a typed error, because the SDK would take each of them for an empty answer.
 */
import { z } from 'zod';
import { DnsError } from '../dns-error.ts';

const envelopeSchema = z.object({
  success: z.boolean(),
  errors: z
    .array(z.object({ code: z.number(), message: z.string().catch('') }))
    .nullish()
    .catch(null),
});

/** @throws DnsError `dns_vendor_failed`; in doubt when the answer to a write came from somebody on the way who may have passed it on. */
export function envelopeOnly(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return async (input: RequestInfo | URL, init?: RequestInit) => {
    const response = await fetch(input, init);
    const { status } = response;
    const text = await response.text();
    const envelope = envelopeSchema.safeParse(parseJson(text));
    // A rate limit is what its status says, whoever answers it.
    const passes = status === 429 || (envelope.success && envelope.data.success === response.ok);
    if (passes) return json(text, response);
    if (envelope.success) {
      const [error] = envelope.data.errors ?? [];
      const said = error === undefined ? 'without a reason' : `${error.code} ${error.message}`.slice(0, 300);
      throw new DnsError(
        'dns_vendor_failed',
        `Cloudflare answered with status ${status}, but ${envelope.data.success ? 'as a success' : `as a failure (${said})`}.`,
        {
          retryable: true,
          details: { status },
        },
      );
    }
    throw new DnsError('dns_vendor_failed', `Cloudflare answered with status ${status} and no JSON of its API.`, {
      retryable: true,
      inDoubt: isWrite(init) && (response.ok || status === 408 || status >= 500),
      details: { status },
    });
  };
}

function json(text: string, { status, headers }: Response): Response {
  const named = new Headers(headers);
  // Without this type the SDK hands out text.
  named.set('content-type', 'application/json');
  return new Response(text, { status, headers: named });
}

function isWrite(init: RequestInit | undefined): boolean {
  return (init?.method ?? 'GET').toUpperCase() !== 'GET';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
