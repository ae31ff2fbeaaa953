/**
 * A real Pebble for one test file: its own ports, TLS certificate and account database, gone when stopped.
 * `PEBBLE_BIN` names another binary than the one on PATH.
 */
import 'reflect-metadata';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';

const BINARY = process.env['PEBBLE_BIN'] ?? 'pebble';

/** Whether there is a Pebble on this machine: without one its tests are skipped, visibly. */
export const pebbleInstalled = spawnSync(BINARY, ['-help'], { stdio: 'ignore' }).error === undefined;

export interface Pebble {
  directoryUrl: string;
  /** A fetch that trusts this Pebble's certificate and nothing else. */
  fetch: typeof globalThis.fetch;
  stop: () => Promise<void>;
}

export interface PebbleOptions {
  environment?: Record<string, string>;
  /** kid to base64url HMAC key; makes external accounts mandatory. */
  externalAccounts?: Record<string, string>;
  /** Keep the place of an earlier Pebble, to play its restart with an empty database. */
  port?: number;
}

export async function startPebble(options: PebbleOptions = {}): Promise<Pebble> {
  const folder = await mkdtemp(join(tmpdir(), 'pebble-'));
  const { certificate, key } = await selfSigned();
  const port = options.port ?? (await freePort());
  await writeFile(join(folder, 'certificate.pem'), certificate);
  await writeFile(join(folder, 'key.pem'), key);
  await writeFile(
    join(folder, 'config.json'),
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        managementListenAddress: `127.0.0.1:${await freePort()}`,
        certificate: join(folder, 'certificate.pem'),
        privateKey: join(folder, 'key.pem'),
        httpPort: 5002,
        tlsPort: 5001,
        ocspResponderURL: '',
        externalAccountBindingRequired: options.externalAccounts !== undefined,
        ...(options.externalAccounts === undefined ? {} : { externalAccountMACKeys: options.externalAccounts }),
        certificateValidityPeriod: 3_888_000,
        profiles: { default: { description: 'The default', validityPeriod: 3_888_000 }, shortlived: { description: 'Six days', validityPeriod: 576_000 } },
      },
    }),
  );
  const child = spawn(BINARY, ['-config', join(folder, 'config.json')], {
    env: {
      PATH: process.env['PATH'] ?? '',
      PEBBLE_VA_NOSLEEP: '1',
      PEBBLE_VA_ALWAYS_VALID: '1',
      PEBBLE_WFE_NONCEREJECT: '0',
      PEBBLE_AUTHZREUSE: '0',
      ...options.environment,
    },
    stdio: 'ignore',
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const directoryUrl = `https://localhost:${port}/dir`;
  const fetch = trusting(certificate);
  const stop = async () => {
    child.kill('SIGKILL');
    await exited;
    await rm(folder, { recursive: true });
  };
  try {
    await answering(fetch, directoryUrl);
  } catch (error) {
    await stop();
    throw error;
  }
  return { directoryUrl, fetch, stop };
}

async function answering(fetch: typeof globalThis.fetch, url: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const up = await fetch(url, { headers: { 'user-agent': 'test' } }).then(
      (response) => response.ok,
      () => false,
    );
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Pebble does not answer at ${url}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function selfSigned(): Promise<{ certificate: string; key: string }> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost',
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  });
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return { certificate: certificate.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n` };
}

/** Node's own fetch takes no CA per request. */
function trusting(ca: string): typeof globalThis.fetch {
  return (input, init) =>
    new Promise((resolve, reject) => {
      const url = input instanceof Request ? input.url : input.toString();
      const outgoing = httpsRequest(
        url,
        {
          ca,
          agent: false,
          method: init?.method ?? 'GET',
          headers: Object.fromEntries(new Headers(init?.headers)),
          ...(init?.signal == null ? {} : { signal: init.signal }),
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const headers = new Headers();
            for (const [name, value] of Object.entries(incoming.headersDistinct)) for (const each of value ?? []) headers.append(name, each);
            const status = incoming.statusCode ?? 500;
            resolve(new Response(status === 204 || status === 304 ? null : Buffer.concat(chunks), { status, headers }));
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(typeof init?.body === 'string' ? init.body : undefined);
    });
}
