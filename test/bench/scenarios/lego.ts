/**
 * lego's time for the same order, for comparison: the same CA, the same name servers, an existing account. Its `httpreq`
 * provider publishes straight into them, which is less than an API of a vendor asks for.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { z } from 'zod';
import { findExecutable } from '../../../infra/demo/executables.ts';
import { ZONE } from '../../../infra/demo/configuration.ts';
import { PerennialError } from '../../../shared/errors.ts';
import type { DnsWorld } from '../../emulators/dns/index.ts';
import type { Scenario } from '../bench.ts';
import type { Laboratory } from '../laboratory.ts';

const MOST_RUNS = 5;
const MAX_BODY_BYTES = 10_000;
const messageSchema = z.object({ fqdn: z.string(), value: z.string() });

export const lego: Scenario = {
  name: 'lego',
  about: "lego's time for the same order, for comparison (LEGO_BIN)",
  unavailable: ({ options: { environment } }) => (environment['LEGO_BIN'] === undefined ? 'LEGO_BIN is not set.' : undefined),
  run: async (bench) => {
    const executable = findExecutable('LEGO_BIN', 'lego', bench.options.environment);
    if (executable === undefined) throw new PerennialError('bench_no_lego', 'lego was not found.');
    const laboratory = await bench.laboratory('never-refused');
    const provider = await startProvider(laboratory.system.dns.world);
    try {
      const samples: number[] = [];
      const runs = Math.min(bench.options.runs, MOST_RUNS);
      // The first run registers the account and is not counted.
      for (let run = 0; run <= runs; run += 1) {
        bench.options.signal.throwIfAborted();
        // One order after the other.
        // oxlint-disable-next-line no-await-in-loop
        const ms = await order(executable, laboratory, provider.url, `lego-${run}.${ZONE}`);
        if (run > 0) samples.push(ms);
        bench.options.say(`lego: ${Math.round(ms)} ms${run === 0 ? ' (with the registration, not counted)' : ''}`);
      }
      return [
        {
          what: 'due to issued with lego, httpreq provider',
          unit: 'ms',
          samples,
          budget: null,
          note: 'The whole process; its checks of authoritative servers are off, because it asks port 53 only.',
        },
      ];
    } finally {
      await provider.close();
    }
  },
};

/** @returns milliseconds of the whole run. Throws `bench_lego_failed` with the end of its output. */
async function order(executable: string, { system }: Laboratory, endpoint: string, domain: string): Promise<number> {
  const { address, port } = system.dns.recursive;
  const options = [
    '--accept-tos',
    '--email',
    'ops@example.net',
    '--server',
    system.ca.directory,
    '--dns',
    'httpreq',
    '--dns.resolvers',
    `${address}:${port}`,
    '--dns.propagation.disable-ans',
    '--path',
    system.state.path('lego'),
    '--domains',
    domain,
    '--domains',
    `*.${domain}`,
  ];
  const begun = performance.now();
  const child = spawn(executable, ['run', ...options], {
    env: { HTTPREQ_ENDPOINT: endpoint, LEGO_CA_CERTIFICATES: system.state.path('worker', 'loopback-ca.pem'), HOME: system.state.folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const [code] = z.tuple([z.number().nullable(), z.unknown()]).parse(await once(child, 'close'));
  if (code !== 0) throw new PerennialError('bench_lego_failed', `lego ended with ${code ?? 'a signal'}: ${output.trim().slice(-600)}`);
  return performance.now() - begun;
}

/** The receiving end of lego's `httpreq` provider: POST /present and /cleanup with `{ fqdn, value }`. */
async function startProvider(world: DnsWorld): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    void handle(request, world).then((status) => response.writeHead(status).end());
  });
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = z.object({ port: z.number() }).parse(server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function handle(request: IncomingMessage, world: DnsWorld): Promise<number> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > MAX_BODY_BYTES) return 413;
  }
  const message = messageSchema.safeParse(parseJson(text));
  if (!message.success) return 400;
  const record = { name: message.data.fqdn.replace(/\.$/, ''), type: 'TXT', data: message.data.value } as const;
  if (request.url === '/present') world.add(record);
  else if (request.url === '/cleanup') world.remove(record);
  else return 404;
  return 200;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
