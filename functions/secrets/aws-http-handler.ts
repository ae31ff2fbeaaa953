/**
 * The HTTP handler the AWS SDK is given: the injected fetch with a deadline, a size cap and no redirect. The SDK's own
 * FetchHttpHandler takes no fetch, so it could not be pointed at anything in a test.
 */
import { PerennialError } from '../../shared/errors.ts';

/** A secret has at most 64 KiB; JSON escaping and a page of 100 names stay well below this. In bytes. */
const MAX_REPLY_BYTES = 1_048_576;

/** The members of the SDK's HttpRequest that are used here. */
export interface AwsHttpRequest {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  method: string;
  headers: Record<string, string>;
  query?: Record<string, string | string[] | null>;
  body?: unknown;
}

export interface AwsHttpHandler {
  handle(request: AwsHttpRequest): Promise<{ response: { statusCode: number; reason: string; headers: Record<string, string>; body: Uint8Array } }>;
  updateHttpClientConfig(): void;
  httpHandlerConfigs(): Record<string, never>;
}

export function createAwsHttpHandler(fetch: typeof globalThis.fetch, deadlineMs: number): AwsHttpHandler {
  return {
    async handle(request) {
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), deadlineMs);
      try {
        const response = await fetch(urlOf(request), {
          method: request.method,
          headers: withoutHost(request.headers),
          body: bodyOf(request.body),
          redirect: 'manual',
          signal: abort.signal,
        });
        const body = new Uint8Array(await response.arrayBuffer());
        if (body.byteLength > MAX_REPLY_BYTES) throw unavailable('AWS Secrets Manager answered with more than it may.');
        return { response: { statusCode: response.status, reason: response.statusText, headers: Object.fromEntries(response.headers), body } };
      } catch (thrown) {
        if (thrown instanceof PerennialError) throw thrown;
        throw unavailable(abort.signal.aborted ? `AWS Secrets Manager did not answer within ${deadlineMs} ms.` : 'AWS Secrets Manager cannot be reached.');
      } finally {
        clearTimeout(timer);
      }
    },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
  };
}

function unavailable(message: string): PerennialError {
  return new PerennialError('secret_store_unavailable', message, { retryable: true });
}

function urlOf(request: AwsHttpRequest): string {
  const url = new URL(`${request.protocol}//${request.hostname}${request.port === undefined ? '' : `:${request.port}`}${request.path}`);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    for (const each of Array.isArray(value) ? value : [value ?? '']) url.searchParams.append(name, each);
  }
  return url.href;
}

/** `host` is signed and follows from the URL; fetch does not accept it. */
function withoutHost(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'host' && name.toLowerCase() !== 'content-length'));
}

function bodyOf(body: unknown): string | Uint8Array<ArrayBuffer> | null {
  if (body === undefined || body === null) return null;
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return new Uint8Array(body);
  throw unavailable('The request to AWS Secrets Manager has a body that cannot be sent.');
}
