/**
 * The HTTP side of the agent: one handler for its TCP address and for the Task API socket, where every request needs a
 * token and a wrong one is told apart from a missing one (command/agent/http.go, authMiddleware).
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { RequestContext } from './context.ts';
import { createContext } from './context.ts';
import type { FaultPlan } from './faults.ts';
import type { Caller, IdentityStore } from './identities.ts';
import type { StateIndex } from './state.ts';
import { Refusal } from './wire.ts';
import type { Reply } from './wire.ts';

/** Larger than any valid variable as JSON; real agents have no limit, a test process should. */
const MAX_BODY_BYTES = 4_194_304;

export interface ListenerParts {
  state: StateIndex;
  identities: IdentityStore;
  faults: FaultPlan;
  dispatch: (context: RequestContext) => Promise<Reply>;
  /** Called once per request that reached the agent, with the status or `cut`. */
  count: (method: string, path: string, outcome: number | 'cut') => void;
}

/** @param taskApi whether this is the Task API socket. */
export function createListener(parts: ListenerParts, taskApi: boolean): Server {
  return createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    void serve(parts, taskApi, request, response).catch(() => request.socket.destroy());
  });
}

async function serve(parts: ListenerParts, taskApi: boolean, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://nomad.invalid');
  const facts = { method: request.method ?? 'GET', path: url.pathname };
  const body = await readBody(request);
  const fault = parts.faults.take(facts);
  const count = (outcome: number | 'cut'): void => parts.count(facts.method, facts.path, outcome);
  if (fault?.kind === 'cut-before') {
    count('cut');
    request.socket.destroy();
    return;
  }
  if (fault?.kind === 'slow') await delay(fault.ms);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const reply =
    fault?.kind === 'no-leader' ? new Refusal(500, 'rpc error: No cluster leader').toReply() : await answer(parts, taskApi, request, url, body, gone.signal);
  if (fault?.kind === 'cut-after') {
    count('cut');
    request.socket.destroy();
    return;
  }
  count(reply.status);
  write(response, reply);
}

async function answer(parts: ListenerParts, taskApi: boolean, request: IncomingMessage, url: URL, body: string, signal: AbortSignal): Promise<Reply> {
  try {
    const caller = parts.identities.resolve(presentedToken(request));
    if (taskApi) requireToken(caller);
    return await parts.dispatch(createContext({ method: request.method ?? 'GET', url, body, caller, signal }, parts.state));
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.toReply();
    throw thrown;
  }
}

/** @throws {Refusal} 401 or 403: the Task API lets nobody in anonymously. */
function requireToken(caller: Caller): void {
  if (caller.kind === 'anonymous') throw new Refusal(401, 'Unauthorized');
  if (caller.kind === 'unknown') throw new Refusal(403, 'Forbidden');
}

function presentedToken(request: IncomingMessage): string | undefined {
  const header = request.headers['x-nomad-token'];
  if (typeof header === 'string' && header !== '') return header.trim();
  const bearer = /^Bearer\s+(.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return bearer?.trim();
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > MAX_BODY_BYTES) throw new Error('request body too large');
    chunks.push(buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function write(response: ServerResponse, reply: Reply): void {
  response.writeHead(reply.status, { ...reply.headers, ...(reply.status === 204 ? {} : { 'Content-Length': Buffer.byteLength(reply.body) }) });
  response.end(reply.body);
}

async function delay(ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });
}
