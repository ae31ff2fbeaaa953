import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { connect } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startNomad } from '../../emulators/nomad/nomad.ts';
import type { NomadEmulator } from '../../emulators/nomad/nomad.ts';
import type { CertificatePair } from '../../emulators/proxy/dynamic-configuration.ts';
import { leafFingerprint, loadConfiguration, selectCertificate } from '../../emulators/proxy/dynamic-configuration.ts';
import { selfSigned } from '../../emulators/proxy/self-signed.ts';
import { TraefikStandIn, waitUntilServing } from '../../emulators/proxy/stand-in.ts';
import type { StandInOptions } from '../../emulators/proxy/stand-in.ts';

const NAMES = ['matrix.example.net', '*.matrix.example.net'];
const THROTTLE_MS = 300;
const pairs: CertificatePair[] = [];

beforeAll(async () => {
  for (let count = 0; count < 4; count += 1) pairs.push(await selfSigned('matrix.example.net', NAMES));
});

function pair(number: number): CertificatePair {
  const found = pairs[number];
  if (found === undefined) throw new Error(`no pair ${number}`);
  return found;
}

/** Dials once and returns what was presented; rejects when the handshake fails. */
async function dial(
  port: number,
  servername = 'matrix.example.net',
  options: ConnectionOptions = {},
): Promise<{ fingerprint: string; subject: string; socket: TLSSocket }> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false, ...options }, () => {
      // A resumed session presents no certificate.
      const presented = socket.isSessionReused() ? undefined : socket.getPeerCertificate().raw;
      const fingerprint = presented === undefined ? 'resumed' : createHash('sha256').update(presented).digest('hex');
      resolve({ fingerprint, subject: presented === undefined ? 'resumed' : new X509Certificate(presented).subject, socket });
      socket.end();
    });
    socket.on('error', reject);
  });
}

async function get(port: number, agent: Agent): Promise<{ status: number | undefined; body: unknown }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ host: '127.0.0.1', port, agent, servername: 'matrix.example.net', rejectUnauthorized: false }, resolve).on('error', reject).end();
  });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(Buffer.from(chunk));
  return { status: response.statusCode, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
}

let nomad: NomadEmulator;
let standIns: TraefikStandIn[];

beforeEach(async () => {
  nomad = await startNomad();
  standIns = [];
});
afterEach(async () => {
  await Promise.all(standIns.map((standIn) => standIn.stop()));
  await nomad.stop();
});

async function startStandIn(options: Omit<StandInOptions, 'nomad'> = {}): Promise<TraefikStandIn> {
  const standIn = await TraefikStandIn.start({ nomad, throttleMs: THROTTLE_MS, quiescenceMs: 20, ...options });
  standIns.push(standIn);
  return standIn;
}

function write({ certificate, key }: CertificatePair): void {
  nomad.variables.put('default', 'nomad/jobs/proxy', { certificate, key }, undefined);
}

describe('what the stand-in serves', () => {
  it("is Traefik's self-signed default until the variable exists", async () => {
    const standIn = await startStandIn();
    expect((await dial(standIn.port)).subject).toBe('CN=TRAEFIK DEFAULT CERT');
  });

  it("is the variable's pair soon after it is written, on every instance", async () => {
    const [first, second] = [await startStandIn(), await startStandIn()];
    write(pair(0));
    for (const standIn of [first, second]) {
      await waitUntilServing(standIn, pair(0).certificate);
      expect((await dial(standIn.port)).fingerprint).toBe(leafFingerprint(pair(0).certificate));
    }
    expect(first.port).not.toBe(second.port);
  });

  it('falls to the default store for names the certificate does not cover', async () => {
    const standIn = await startStandIn();
    write(pair(0));
    await waitUntilServing(standIn, pair(0).certificate);
    expect((await dial(standIn.port, 'stranger.example')).fingerprint).toBe(leafFingerprint(pair(0).certificate));
  });

  it('stays the last pair when the variable is deleted, and follows the next one', async () => {
    const standIn = await startStandIn();
    write(pair(0));
    await waitUntilServing(standIn, pair(0).certificate);
    nomad.variables.delete('default', 'nomad/jobs/proxy', undefined);
    write(pair(1));
    await waitUntilServing(standIn, pair(1).certificate);
    nomad.variables.delete('default', 'nomad/jobs/proxy', undefined);
    await standInQuiet();
    expect((await dial(standIn.port)).fingerprint).toBe(leafFingerprint(pair(1).certificate));
  });

  it('is forgotten by a restart and rendered anew', async () => {
    const standIn = await startStandIn();
    write(pair(0));
    await waitUntilServing(standIn, pair(0).certificate);
    nomad.variables.delete('default', 'nomad/jobs/proxy', undefined);
    await standIn.restart();
    expect((await dial(standIn.port)).subject).toBe('CN=TRAEFIK DEFAULT CERT');
    write(pair(2));
    await waitUntilServing(standIn, pair(2).certificate);
  });
});

/** Longer than quiescence and throttle together. */
async function standInQuiet(): Promise<void> {
  await new Promise<void>((resolve) => {
    setTimeout(resolve, THROTTLE_MS + 100);
  });
}

describe('reloads', () => {
  it('apply the first change at once and coalesce those within the throttle to the newest', async () => {
    const throttleMs = 1_500;
    const standIn = await startStandIn({ quiescenceMs: 0, throttleMs });
    write(pair(0));
    await waitUntilServing(standIn, pair(0).certificate);
    write(pair(1));
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 50);
    });
    write(pair(2));
    expect(standIn.fingerprint).toBe(leafFingerprint(pair(0).certificate));
    await waitUntilServing(standIn, pair(2).certificate);
    expect(standIn.applied.map(({ fingerprint }) => fingerprint)).toEqual([leafFingerprint(pair(0).certificate), leafFingerprint(pair(2).certificate)]);
    const [first, second] = standIn.applied;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(throttleMs - 20);
  });

  it('leave established connections alone: kept-alive requests go on and new connections get the new pair', async () => {
    const standIn = await startStandIn();
    write(pair(0));
    await waitUntilServing(standIn, pair(0).certificate);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await get(standIn.port, agent)).toMatchObject({ status: 200, body: { certificate: leafFingerprint(pair(0).certificate) } });
    write(pair(1));
    await waitUntilServing(standIn, pair(1).certificate);
    expect(await get(standIn.port, agent)).toMatchObject({ status: 200, body: { certificate: leafFingerprint(pair(0).certificate) } });
    agent.destroy();
    expect((await dial(standIn.port)).fingerprint).toBe(leafFingerprint(pair(1).certificate));
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('make session tickets of the old certificate worthless (%s)', async (version) => {
    const standIn = await startStandIn();
    write(pair(0));
    await waitUntilServing(standIn, pair(0).certificate);
    const session = await newSession(standIn.port, version);
    const before = await resume(standIn.port, version, session);
    expect(before.reused).toBe(true);
    write(pair(1));
    await waitUntilServing(standIn, pair(1).certificate);
    expect(await resume(standIn.port, version, session)).toEqual({ reused: false, fingerprint: leafFingerprint(pair(1).certificate) });
  });
});

async function newSession(port: number, version: 'TLSv1.2' | 'TLSv1.3'): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'matrix.example.net', rejectUnauthorized: false, minVersion: version, maxVersion: version });
    socket.on('session', (session) => {
      resolve(session);
      socket.end();
    });
    socket.on('error', reject);
  });
}

async function resume(port: number, version: 'TLSv1.2' | 'TLSv1.3', session: Buffer): Promise<{ reused: boolean; fingerprint: string }> {
  const { fingerprint, socket } = await dial(port, 'matrix.example.net', { session, minVersion: version, maxVersion: version });
  return { reused: socket.isSessionReused(), fingerprint };
}

describe('a bad pair', () => {
  it.each([
    ['a key of another certificate', () => ({ certificate: pair(0).certificate, key: pair(1).key })],
    ['no key', () => ({ certificate: pair(0).certificate, key: '' })],
    ['garbage', () => ({ certificate: 'garbage', key: 'garbage' })],
  ])('with %s cuts every handshake while ping stays green, until a good write heals it', async (_what, bad) => {
    const standIn = await startStandIn();
    write(pair(0));
    await waitUntilServing(standIn, pair(0).certificate);
    write(bad());
    await expect.poll(() => standIn.fingerprint, { timeout: 5_000 }).toBeUndefined();
    for (const name of ['matrix.example.net', 'a.matrix.example.net', 'stranger.example']) {
      await expect(dial(standIn.port, name)).rejects.toThrow(/disconnected|ECONNRESET|socket hang up/);
    }
    const ping = await fetch(`http://127.0.0.1:${standIn.apiPort}/ping`);
    expect([ping.status, await ping.text()]).toEqual([200, 'OK']);
    write(pair(2));
    await waitUntilServing(standIn, pair(2).certificate);
    expect((await dial(standIn.port)).fingerprint).toBe(leafFingerprint(pair(2).certificate));
  });
});

describe('certificate selection', () => {
  it('prefers an exact name to a wildcard, which stands for exactly one label', async () => {
    const [exact, wildcard, fallback] = [await selfSigned('a.example.net', ['a.example.net']), await selfSigned('example.net', ['*.example.net']), pair(0)];
    const store = {
      default: fallback,
      dynamic: new Map([
        ['a.example.net', exact],
        ['*.example.net', wildcard],
      ]),
    };
    expect(selectCertificate(store, 'A.example.net')).toBe(exact);
    expect(selectCertificate(store, 'b.example.net')).toBe(wildcard);
    expect(selectCertificate(store, 'example.net')).toBe(fallback);
    expect(selectCertificate(store, 'x.b.example.net')).toBe(fallback);
    expect(selectCertificate(store, undefined)).toBe(fallback);
  });

  it('has nothing to offer after a mismatched pair', () => {
    const store = loadConfiguration({ kind: 'rendered', pair: { certificate: pair(0).certificate, key: pair(1).key } }, pair(2));
    expect(selectCertificate(store, 'matrix.example.net')).toBeUndefined();
  });
});

describe('misbehaviour on demand', () => {
  it('serves the old pair, a foreign one, the default, cuts, and refuses connections, then heals', async () => {
    const standIn = await startStandIn();
    write(pair(0));
    await waitUntilServing(standIn, pair(0).certificate);
    write(pair(1));
    await waitUntilServing(standIn, pair(1).certificate);

    await standIn.misbehave({ kind: 'old' });
    expect((await dial(standIn.port)).fingerprint).toBe(leafFingerprint(pair(0).certificate));
    await standIn.misbehave({ kind: 'foreign', names: NAMES });
    const foreign = await dial(standIn.port);
    expect(foreign.subject).toBe('CN=matrix.example.net');
    expect([leafFingerprint(pair(0).certificate), leafFingerprint(pair(1).certificate)]).not.toContain(foreign.fingerprint);
    await standIn.misbehave({ kind: 'default' });
    expect((await dial(standIn.port)).subject).toBe('CN=TRAEFIK DEFAULT CERT');
    await standIn.misbehave({ kind: 'cut' });
    await expect(dial(standIn.port)).rejects.toThrow(/disconnected|ECONNRESET/);
    await standIn.misbehave({ kind: 'refuse' });
    await expect(dial(standIn.port)).rejects.toThrow(/ECONNREFUSED/);
    await standIn.behave();
    expect((await dial(standIn.port)).fingerprint).toBe(leafFingerprint(pair(1).certificate));
  });

  it('keeps what it has when stuck, and catches up afterwards', async () => {
    const standIn = await startStandIn();
    write(pair(0));
    await waitUntilServing(standIn, pair(0).certificate);
    await standIn.misbehave({ kind: 'stuck' });
    write(pair(1));
    await expect.poll(() => standIn.applied.length, { timeout: 5_000 }).toBe(2);
    expect((await dial(standIn.port)).fingerprint).toBe(leafFingerprint(pair(0).certificate));
    await standIn.behave();
    expect((await dial(standIn.port)).fingerprint).toBe(leafFingerprint(pair(1).certificate));
  });
});

describe('its place in the cluster', () => {
  it('is a service instance of its job while it runs', async () => {
    const standIn = await startStandIn();
    const read = async (): Promise<unknown> =>
      (await fetch(`${nomad.address}/v1/service/traefik`, { headers: { 'x-nomad-token': nomad.managementToken } })).json();
    expect(await read()).toMatchObject([{ Address: '127.0.0.1', Port: standIn.port, JobID: 'proxy', AllocID: standIn.allocationId }]);
    await standIn.stop();
    standIns = [];
    expect(await read()).toEqual([]);
  });

  it('takes SIGHUP from Nomad and lives on', async () => {
    const standIn = await startStandIn();
    write(pair(0));
    await waitUntilServing(standIn, pair(0).certificate);
    const answer = await fetch(`${nomad.address}/v1/client/allocation/${standIn.allocationId}/signal`, {
      method: 'PUT',
      headers: { 'x-nomad-token': nomad.managementToken },
      body: JSON.stringify({ Signal: 'SIGHUP', Task: 'traefik' }),
    });
    expect([answer.status, await answer.text()]).toEqual([200, '{"Index":0}']);
    expect(standIn.signals).toEqual(['SIGHUP']);
    expect((await dial(standIn.port)).fingerprint).toBe(leafFingerprint(pair(0).certificate));
  });

  it('renders again after Nomad was unreachable', async () => {
    const standIn = await startStandIn();
    nomad.faults.next({ kind: 'cut-before' }, 1);
    nomad.faults.next({ kind: 'no-leader' }, 1);
    write(pair(0));
    await waitUntilServing(standIn, pair(0).certificate);
  });
});

const recording = z
  .object({
    exchanges: z.array(
      z.object({
        name: z.string(),
        request: z.object({ path: z.string() }),
        response: z.object({ status: z.number(), headers: z.record(z.string(), z.string()), body: z.string() }),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('../../emulators/proxy/fixtures/api.json', import.meta.url), 'utf8')));

describe('the side port answers as the recorded Traefik', () => {
  it.each(recording.exchanges.map((exchange) => [exchange.name, exchange] as const))('%s', async (_name, { request: recorded, response }) => {
    const standIn = await startStandIn();
    write(pair(0));
    await waitUntilServing(standIn, pair(0).certificate);
    const path = recorded.path.replace(/801c[0-9a-f]{60}/, leafFingerprint(pair(0).certificate));
    const answer = await fetch(`http://127.0.0.1:${standIn.apiPort}${path}`);
    const body = await answer.text();
    expect(answer.status).toBe(response.status);
    if (response.headers['Content-Type'] !== undefined) expect(answer.headers.get('content-type')).toBe(response.headers['Content-Type']);
    if (!response.body.startsWith('{') && !response.body.startsWith('[')) expect(body).toBe(response.body);
    else expect(memberNames(JSON.parse(body))).toEqual(memberNames(JSON.parse(response.body)));
    if (response.status === 404) expect(body).toBe(response.body);
  });
});

function memberNames(value: unknown): string[] {
  const one: unknown = Array.isArray(value) ? value[0] : value;
  return Object.keys(z.record(z.string(), z.unknown()).parse(one)).sort();
}
