/**
 * Listens between a caller and an HTTP part: forwards every request as it is, `Host` included, and asks before it is
 * sent and before its reply is passed on.
 */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, request as httpsRequest } from 'node:https';
import type { Server } from 'node:net';
import { z } from 'zod';
import type { LoopbackTls } from '../../emulators/acme/loopback-tls.ts';
import type { Call, CallReply, Interception } from '../calls.ts';

export interface Tap {
  /** Where callers reach the part through it. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Headers of one connection, and an encoding that would hide what a reply says. */
const NOT_FORWARDED: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding', 'accept-encoding', 'content-length']);

/** @param url base URL of the part; the tap keeps its path. @param tls for an https part: what the tap shows and trusts. */
export async function startHttpTap(part: Call['part'], url: string, tls: LoopbackTls, interception: Interception): Promise<Tap> {
  const target = new URL(url);
  const secure = target.protocol === 'https:';
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    pass(part, target, tls, interception, request, response).catch(() => request.socket.destroy());
  };
  const server = secure ? createSecureServer({ cert: tls.certificatePem, key: tls.keyPem }, serve) : createServer(serve);
  const port = await listen(server);
  const own = new URL(url);
  own.port = String(port);
  return {
    url: own.href.replace(/\/$/, url.endsWith('/') ? '/' : ''),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function pass(
  part: Call['part'],
  target: URL,
  tls: LoopbackTls,
  interception: Interception,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const call: Call = { part, method: request.method ?? 'GET', path: request.url ?? '/', body: await readAll(request) };
  if ((await interception.before(call)) !== 'pass') {
    request.socket.destroy();
    return;
  }
  const { incoming, body } = await forward(target, tls, request, call);
  const reply: CallReply = { status: incoming.statusCode ?? 0, location: incoming.headers.location ?? null, body };
  if ((await interception.after(call, reply)) !== 'pass') {
    request.socket.destroy();
    return;
  }
  response.writeHead(reply.status, headersOf(incoming));
  response.end(body);
}

async function forward(target: URL, tls: LoopbackTls, request: IncomingMessage, call: Call): Promise<{ incoming: IncomingMessage; body: Buffer }> {
  const secure = target.protocol === 'https:';
  return await new Promise((resolve, reject) => {
    const outgoing = (secure ? httpsRequest : httpRequest)(
      {
        host: target.hostname,
        port: target.port,
        method: call.method,
        path: call.path,
        headers: { ...headersOf(request), ...(call.body.length === 0 ? {} : { 'content-length': String(call.body.length) }) },
        agent: false,
        ...(secure ? { ca: tls.caPem } : {}),
      },
      (incoming) => void readAll(incoming).then((body) => resolve({ incoming, body }), reject),
    );
    outgoing.on('error', reject);
    outgoing.end(call.body);
  });
}

/** As they came, repeated ones included. */
function headersOf({ headersDistinct }: IncomingMessage): Record<string, string | string[]> {
  const kept = Object.entries(headersDistinct).flatMap(([name, values]) => (values === undefined || NOT_FORWARDED.has(name) ? [] : [[name, values] as const]));
  return Object.fromEntries(kept.map(([name, values]) => [name, values.length === 1 ? (values[0] ?? '') : values]));
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return z.object({ port: z.number() }).parse(server.address()).port;
}
