/**
 * Listens between the relay and the Worker: passes the WebSocket on byte by byte, asks before a request reaches the relay
 * and before its response reaches the Worker, and can end the connection in the middle of a frame.
 */
import { connect, createServer, type Socket } from 'node:net';
import { requestFrame, responseFrame } from '../../../shared/link/frames.ts';
import type { Call, Fate, Interception } from '../calls.ts';
import { FrameReader, type WireFrame } from './frames.ts';
import { listen, type Tap } from './http-tap.ts';

/** @param origin of the Worker, http on the loopback. */
export async function startLinkTap(origin: string, interception: Interception): Promise<Tap> {
  const target = new URL(origin);
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (relay) => {
    const edge = connect({ host: target.hostname, port: Number(target.port), noDelay: true });
    for (const socket of [relay, edge]) {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    }
    new LinkConnection(relay, edge, interception).start();
  });
  const own = new URL(origin);
  own.port = String(await listen(server));
  return {
    url: own.origin,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

class LinkConnection {
  readonly #relay: Socket;
  readonly #edge: Socket;
  readonly #interception: Interception;
  /** Requests without a response so far, by frame id. */
  readonly #calls = new Map<string, Call>();

  constructor(relay: Socket, edge: Socket, interception: Interception) {
    this.#relay = relay;
    this.#edge = edge;
    this.#interception = interception;
  }

  start(): void {
    this.#pump(this.#edge, this.#relay, (text) => this.#requested(text));
    this.#pump(this.#relay, this.#edge, (text) => this.#responded(text));
  }

  #pump(from: Socket, to: Socket, stop: (text: string) => Promise<Fate> | null): void {
    const reader = new FrameReader();
    from.on('data', (chunk: Buffer) => {
      for (const frame of reader.push(chunk)) {
        const fate = frame.text === null ? null : stop(frame.text);
        if (fate === null) to.write(frame.bytes);
        else void fate.then((decided) => this.#settle(to, frame, decided));
      }
    });
    from.on('error', () => undefined);
    from.on('close', () => to.destroy());
  }

  #settle(to: Socket, frame: WireFrame, fate: Fate): void {
    if (fate === 'pass') to.write(frame.bytes);
    else if (fate === 'cut') to.write(frame.bytes.subarray(0, Math.ceil(frame.bytes.length / 2)), () => this.#end());
    else this.#end();
  }

  #end(): void {
    this.#relay.destroy();
    this.#edge.destroy();
  }

  #requested(text: string): Promise<Fate> | null {
    const frame = requestFrame.safeParse(parseJson(text));
    if (!frame.success) return null;
    const { id, method, path, body } = frame.data;
    const call: Call = { part: 'link', method, path, body: Buffer.from(body) };
    this.#calls.set(id, call);
    return this.#interception.before(call);
  }

  #responded(text: string): Promise<Fate> | null {
    const frame = responseFrame.safeParse(parseJson(text));
    const call = frame.success ? this.#calls.get(frame.data.id) : undefined;
    if (!frame.success || call === undefined) return null;
    this.#calls.delete(frame.data.id);
    return this.#interception.after(call, { status: frame.data.status, location: null, body: Buffer.from(frame.data.body) });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
