/** The Worker's real web side on a real port, in front of zones in memory: what `npm run dns` talks to in tests. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { z } from 'zod';
import type { RecordStatus } from '../../functions/records/status.ts';
import { ADMIN, zoneSite } from '../worker/zone-site.ts';
import { ZoneStandIn } from '../worker/zone-stand-in.ts';

export const TOKEN = ADMIN;
const NOW = Date.UTC(2026, 10, 21, 1, 7);

const UNPLACED: RecordStatus = {
  name: 'www.elsewhere.example',
  type: 'A',
  source: 'as written',
  state: 'failing',
  values: ['192.0.2.1'],
  held: null,
  zone: null,
  failure: { code: 'dns_zone_not_found', message: 'No zone holds www.elsewhere.example.', retryable: false },
};

export interface Site {
  origin: string;
  server: Server;
  zone: (name: string) => ZoneStandIn;
  /** Requests that arrived: `GET /api/v1/zones`. */
  requests: string[];
}

export async function openSite(): Promise<Site> {
  const zones = [
    new ZoneStandIn({ provider: 'namecheap', zoneId: 'ops/example.co.uk', zoneName: 'example.co.uk' }, [
      'MX example.co.uk 1 mail.example.net',
      'TXT example.co.uk v=spf1 -all',
    ]),
    new ZoneStandIn({ provider: 'cloudflare', zoneId: '0'.repeat(32), zoneName: 'example.net' }, []),
  ];
  const app = zoneSite({
    now: () => NOW,
    zones: () => Promise.resolve(zones.map((zone) => ({ ...zone.name, sequence: 1, at: NOW, health: zone.report() }))),
    object: (provider, zoneId) => {
      const found = zones.find(({ name }) => name.provider === provider && name.zoneId === zoneId);
      if (found === undefined) throw new Error('There is no such zone.');
      return found;
    },
    records: () =>
      Promise.resolve({
        generation: 1,
        checkedAt: NOW,
        nextAt: null,
        records: [UNPLACED],
        zones: zones.map(({ name }) => ({
          ...name,
          provider: name.provider === 'namecheap' ? 'namecheap' : 'cloudflare',
          vendor: 'main',
          toldAt: NOW,
          records: 1,
          failure: null,
        })),
      }),
  });
  const requests: string[] = [];
  const listener = getRequestListener(app.fetch);
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    void listener(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = z.object({ port: z.number() }).parse(server.address());
  return {
    origin: `http://127.0.0.1:${port}`,
    server,
    requests,
    zone: (name) => {
      const found = zones.find((zone) => zone.name.zoneName === name);
      if (found === undefined) throw new Error(`There is no zone ${name}.`);
      return found;
    },
  };
}
