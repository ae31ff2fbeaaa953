/** Loopback ports: a friendly one when it is free, else the next, and a word about who was in the way. */
import { createServer } from 'node:net';
import { PerennialError } from '../../shared/errors.ts';

/** How far a search goes up from the wanted port. */
const ATTEMPTS = 50;

/** Hands out ports that were free a moment ago, none of them twice. */
export class Ports {
  readonly #taken = new Set<number>();
  readonly #say: (line: string) => void;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /**
   * @param wanted port to try first; 0 takes any.
   * @param what whom the port is for, as people know it.
   * Throws `demo_no_port` when {@link ATTEMPTS} ports in a row are occupied.
   */
  async reserve(wanted: number, what: string): Promise<number> {
    if (wanted === 0) {
      const port = await tryPort(0);
      if (port === undefined || this.#taken.has(port)) return await this.reserve(0, what);
      this.#taken.add(port);
      return port;
    }
    for (let port = wanted; port < wanted + ATTEMPTS && port <= 65_535; port += 1) {
      if (this.#taken.has(port)) continue;
      // Each attempt depends on the failure before it.
      // oxlint-disable-next-line no-await-in-loop
      if ((await tryPort(port)) === undefined) continue;
      this.#taken.add(port);
      if (port !== wanted) this.#say(`Port ${wanted} is occupied by another process; ${what} takes ${port} instead.`);
      return port;
    }
    throw new PerennialError('demo_no_port', `Ports ${wanted} to ${wanted + ATTEMPTS - 1} are all occupied; ${what} has none.`, {
      hint: 'Stop what listens there and start the demo again.',
    });
  }
}

async function tryPort(port: number): Promise<number | undefined> {
  // Whoever listens on every address leaves 127.0.0.1 free to bind, and would still get part of the connections.
  if (port !== 0 && (await bind(port, '0.0.0.0')) === undefined) return undefined;
  return await bind(port, '127.0.0.1');
}

async function bind(port: number, host: string): Promise<number | undefined> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}
