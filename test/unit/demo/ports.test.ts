import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { Ports } from '../../../infra/demo/ports.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function occupy(host: string): Promise<number> {
  const server = createServer();
  servers.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('ports', () => {
  it.each(['127.0.0.1', '0.0.0.0', '::'])('are named and avoided when another process holds them on %s', async (host) => {
    const said: string[] = [];
    const taken = await occupy(host);
    const port = await new Ports((line) => said.push(line)).reserve(taken, 'the status page');
    expect(port).toBeGreaterThan(taken);
    expect(said).toEqual([`Port ${taken} is occupied by another process; the status page takes ${port} instead.`]);
  });

  it('are handed out once', async () => {
    const ports = new Ports(() => undefined);
    const first = await ports.reserve(0, 'one');
    expect(await ports.reserve(first, 'two')).toBeGreaterThan(first);
  });
});
