/** One HTTP request to a part of the demo, over TLS with the loopback CA where it has one. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface PartRequest {
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** PEM that an https server must chain to. */
  ca?: string | undefined;
  /** Milliseconds until the request is given up. */
  timeoutMs?: number;
}

export interface PartResponse {
  status: number;
  body: string;
}

/** Rejects when there is no answer; a status >= 400 is an answer. */
export async function ask(url: string, options: PartRequest = {}): Promise<PartResponse> {
  const { method = 'GET', headers = {}, body, ca, timeoutMs = 10_000 } = options;
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  return await new Promise((resolve, reject) => {
    const outgoing = send(
      url,
      {
        method,
        headers: { 'user-agent': 'perennial-demo', ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
        agent: false,
        ...(ca === undefined ? {} : { ca }),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
      },
    );
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`${method} ${url} got no answer within ${timeoutMs} ms`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
