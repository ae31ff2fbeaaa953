import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleRelay } from '../../../infra/relay/bundle.ts';
import type { RelayBundle } from '../../../infra/relay/bundle.ts';
import { CLOSE } from '../../../shared/link/frames.ts';
import { startCluster } from './support/cluster.ts';
import { EdgeServer } from './support/edge-server.ts';
import { makeSigningKeys } from './support/signing-edge.ts';

let bundle: RelayBundle;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-relay-'));
  bundle = await bundleRelay();
  await writeFile(join(folder, 'relay.mjs'), bundle.source);
});
afterAll(() => rm(folder, { recursive: true }));

/** The Node that runs this test, and the system's when it is another one. */
const runtimes = [...new Set([process.execPath, ...(existsSync('/usr/bin/node') ? ['/usr/bin/node'] : [])])];

async function run(runtime: string, env: Record<string, string>): Promise<{ exit: Promise<{ code: number | null; output: string }>; stop(): void }> {
  // Far from node_modules, so that nothing is found there by accident.
  const child = spawn(runtime, [join(folder, 'relay.mjs')], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exit = new Promise<{ code: number | null; output: string }>((resolve) => {
    child.once('exit', (code) => resolve({ code, output }));
  });
  return { exit, stop: () => child.kill('SIGTERM') };
}

describe('the bundle', () => {
  it('is the same every time, small, and named by its hash', async () => {
    expect(await bundleRelay()).toEqual(bundle);
    expect(bundle.sha256).toBe(createHash('sha256').update(bundle.source).digest('hex'));
    expect(bundle.bytes).toBe(Buffer.byteLength(bundle.source));
    expect(bundle.bytes).toBeLessThan(1_500_000);
  });

  it('knows nothing of the machine it was built on', () => {
    expect(bundle.source).not.toContain(process.cwd());
  });

  it.each(runtimes)('links, works and stops on SIGTERM as a process of %s', async (runtime) => {
    const keys = { edge: await makeSigningKeys(), relay: await makeSigningKeys() };
    const edge = await EdgeServer.start({ keys: keys.edge, relay: keys.relay });
    const cluster = await startCluster({ origin: edge.origin, keys });
    cluster.nomad.variables.put('default', 'nomad/jobs/relay', { identity: JSON.stringify(keys.relay.private) }, undefined);
    await writeFile(join(folder, 'law.json'), JSON.stringify({ ...cluster.document, listen: undefined, nomad: { via: 'address' } }));
    const linked = edge.link();
    const relay = await run(runtime, {
      PERENNIAL_RELAY_LAW: join(folder, 'law.json'),
      NOMAD_ADDR: cluster.nomad.address,
      NOMAD_TOKEN: cluster.nomad.managementToken,
      NOMAD_ALLOC_ID: 'allocation-of-the-bundle',
    });
    const link = await linked;
    expect(link.hello).toMatchObject({ allocation: 'allocation-of-the-bundle', bundle: bundle.sha256 });
    expect(await edge.request(link, 'POST', '/v1/keys', { issuance: 'one', names: ['matrix.example.net'], keyType: 'ec-p256' })).toMatchObject({ status: 200 });
    relay.stop();
    expect(await link.closed).toBe(CLOSE.shutdown);
    const { code, output } = await relay.exit;
    expect(code).toBe(0);
    expect(output).not.toContain(keys.relay.private.d);
    await cluster.stop();
    await edge.stop();
  });

  it('refuses to start under a wrong law, and says everything that is wrong with it', async () => {
    await writeFile(join(folder, 'wrong.json'), JSON.stringify({ origin: 'nonsense', cluster: 'matrix' }));
    const { code, output } = await (await run(process.execPath, { PERENNIAL_RELAY_LAW: join(folder, 'wrong.json') })).exit;
    expect(code).toBe(1);
    for (const place of ['origin: ', 'edgeKeys: ', 'identity: ', 'targets: ']) expect(output).toContain(place);
  });

  it('refuses to start without its key, and says where it belongs', async () => {
    const cluster = await startCluster();
    await writeFile(join(folder, 'law.json'), JSON.stringify({ ...cluster.document, nomad: { via: 'address' } }));
    const { code, output } = await (
      await run(process.execPath, {
        PERENNIAL_RELAY_LAW: join(folder, 'law.json'),
        NOMAD_ADDR: cluster.nomad.address,
        NOMAD_TOKEN: cluster.nomad.managementToken,
      })
    ).exit;
    expect(code).toBe(1);
    expect(output).toContain('relay_identity_missing');
    await cluster.stop();
  });
});
