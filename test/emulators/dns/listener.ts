/** One address that answers DNS over UDP and TCP (RFC 1035 §4.2, RFC 7766) on the same port. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Turns a message into its response, or into silence. */
export type DnsHandler = (message: Buffer, transport: 'udp' | 'tcp') => Promise<Buffer | undefined>;

export interface DnsListener {
  address: string;
  port: number;
  close(): Promise<void>;
}

const TCP_IDLE_MS = 10_000;
const PORT_ATTEMPTS = 20;

/**
 * Listens on `address`; port 0 takes a free one for both protocols.
 * @throws Error with code `EADDRINUSE` when a fixed port is taken.
 */
export async function listenDns(address: string, port: number, handle: DnsHandler): Promise<DnsListener> {
  for (let attempt = 1; ; attempt += 1) {
    const connections = new Set<Socket>();
    const tcp = createServer((socket) => serveConnection(socket, connections, handle));
    const bound = await bindTcp(tcp, address, port);
    const udp = createSocket('udp4');
    let open = true;
    udp.once('close', () => (open = false));
    udp.on('message', (message, from) => {
      void handle(message, 'udp').then(
        (reply) => {
          // A slow answer may come when the server is gone.
          if (reply !== undefined && open) udp.send(reply, from.port, from.address, () => undefined);
        },
        () => undefined,
      );
    });
    try {
      udp.bind(bound, address);
      await once(udp, 'listening');
    } catch (error) {
      await closeAll(tcp, udp, connections);
      // The TCP port was free but its UDP twin was not: draw another one.
      if (port !== 0 || attempt >= PORT_ATTEMPTS) throw error;
      continue;
    }
    udp.on('error', () => undefined);
    return { address, port: bound, close: () => closeAll(tcp, udp, connections) };
  }
}

async function bindTcp(server: Server, address: string, port: number): Promise<number> {
  server.listen(port, address);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Messages are framed by a two-byte length; several may follow each other on one connection. */
function serveConnection(socket: Socket, connections: Set<Socket>, handle: DnsHandler): void {
  connections.add(socket);
  socket.setTimeout(TCP_IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('close', () => connections.delete(socket));
  let pending: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const end = 2 + pending.readUInt16BE(0);
      const message = pending.subarray(2, end);
      pending = pending.subarray(end);
      void handle(message, 'tcp').then(
        (reply) => {
          if (reply !== undefined && !socket.destroyed) socket.write(framed(reply));
        },
        () => socket.destroy(),
      );
    }
  });
}

function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length, 0);
  return Buffer.concat([length, message]);
}

async function closeAll(tcp: Server, udp: UdpSocket, connections: ReadonlySet<Socket>): Promise<void> {
  for (const socket of connections) socket.destroy();
  await Promise.all([
    new Promise<void>((resolve) => {
      tcp.close(() => resolve());
    }),
    new Promise<void>((resolve) => {
      udp.close(() => resolve());
    }),
  ]);
}
