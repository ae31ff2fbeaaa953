/** The Worker's real web side on a real port, in front of certificates and CAs in memory: what the commands talk to in tests. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { z } from 'zod';
import type { CertificateView } from '../../../functions/certificates/ports.ts';
import { createApp } from '../../../functions/web/app.ts';
import type { AuthorityReport, RevocationRequest } from '../../../functions/web/dependencies.ts';
import type { Terminal } from '../../../infra/administration/terminal.ts';
import type { Surroundings } from '../../../infra/administration/command.ts';
import type { PerennialError } from '../../../shared/errors.ts';
import { configuration } from '../../worker/web-configuration.ts';

export const TOKEN = 'administrator-token-for-tests';

export interface Site {
  origin: string;
  server: Server;
  views: Map<string, CertificateView>;
  authorities: AuthorityReport[];
  /** Actions that arrived: `force matrix`. */
  acted: string[];
  revoked: (RevocationRequest & { name: string })[];
  /** `letsencrypt <request>`. */
  rolledOver: string[];
  /** What the CA's object throws at the next rollover. */
  rolloverFailure: PerennialError | null;
}

export async function openSite(views: readonly CertificateView[], now: number): Promise<Site> {
  const unused = () => Promise.reject(new Error('This part of the Worker is not there.'));
  const site: Omit<Site, 'origin' | 'server'> = {
    views: new Map(views.map((view) => [view.name, view])),
    authorities: [],
    acted: [],
    revoked: [],
    rolledOver: [],
    rolloverFailure: null,
  };
  const app = createApp({
    clock: () => now,
    compiled: { valid: true, hash: 'h', configuration },
    fleet: {
      list: ({ page, size, query }) => {
        const found = [...site.views.values()].filter(({ name, domains }) => [name, ...domains].some((text) => text.includes(query)));
        const rows = found.slice((page - 1) * size, page * size);
        return Promise.resolve({
          total: found.length,
          rows: rows.map(({ name, state, domains, live, renewal }) => ({ name, state, domains, notAfter: live?.notAfter ?? null, dueAt: renewal?.at ?? null })),
        });
      },
      certificate: (name) => Promise.resolve(site.views.get(name) ?? null),
      act: ({ action, certificates }) => {
        site.acted.push(`${action} ${certificates.join(' ')}`);
        return Promise.resolve({ operation: { id: 'operation-1', at: now, action, certificates }, repeated: false });
      },
      zones: unused,
      status: unused,
      page: unused,
      operation: unused,
      beginSignIn: unused,
      signedIn: unused,
      relayBundle: unused,
      sweep: unused,
      offer: unused,
      promote: unused,
      storeRelayBundle: unused,
    },
    adminToken: TOKEN,
    setupProblems: [],
    secret: unused,
    putSecret: unused,
    resealSecrets: unused,
    clusters: unused,
    certificate: (name) => ({
      revoke: (request) => {
        site.revoked.push({ name, ...request });
        return Promise.resolve({ ok: true, value: { sha256: request.sha256 } });
      },
    }),
    authorities: () => Promise.resolve(site.authorities),
    rollOver: (authority, request) => {
      site.rolledOver.push(`${authority} ${request}`);
      if (site.rolloverFailure !== null) return Promise.reject(site.rolloverFailure);
      return Promise.resolve({ accountUrl: 'https://ca.example.net/account/1' });
    },
    zone: () => {
      throw new Error('There is no zone here.');
    },
    records: unused,
    relay: null,
    backup: { exportPart: unused, importItems: unused },
    connectRelay: unused,
  });
  const listener = getRequestListener(app.fetch);
  const server = createServer((request, response) => void listener(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = z.object({ port: z.number() }).parse(server.address());
  return Object.assign(site, { origin: `http://127.0.0.1:${port}`, server });
}

export interface Ended {
  code: number;
  out: string;
  err: string;
  asked: string[];
}

/** Runs a command with nobody at the keyboard, or with somebody who types `lines`. */
export async function execute(
  command: (args: readonly string[], surroundings: Surroundings) => Promise<number>,
  { origin }: Pick<Site, 'origin'>,
  args: string[],
  lines: string[] | null,
): Promise<Ended> {
  const said = { out: '', err: '' };
  const asked: string[] = [];
  const terminal: Terminal = {
    out: (words) => void (said.out += `${words}\n`),
    note: (words) => void (said.err += `${words}\n`),
    interactive: lines !== null,
    ask: (question) => {
      asked.push(question);
      return Promise.resolve(lines?.shift() ?? null);
    },
  };
  const code = await command(args, { environment: { ADMIN_TOKEN: TOKEN, PERENNIAL_ORIGIN: origin }, terminal, promptToken: () => Promise.resolve(''), fetch });
  return { code, ...said, asked };
}
