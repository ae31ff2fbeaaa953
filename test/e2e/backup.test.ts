/**
 * The way back after everything the edge knew is lost, and the replacement of every key, with the commands that people run:
 * no account is registered anew, no order is placed twice, no renewal fails.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'smol-toml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CLUSTER } from '../../infra/demo/configuration.ts';
import { publicHalf } from '../../infra/demo/state.ts';
import { ROOT } from '../../infra/build/source.ts';
import { makeSealingKey, makeSigningKey } from '../../infra/setup/keys.ts';
import { Installation, wishFor } from './installation.ts';

const ROTATIONS = ['sealing', 'edge', 'relay'] as const;
/** A person may force one certificate once a minute, so each renewal is of another one. */
const CERTIFICATES = ['idle', 'open', ...ROTATIONS.flatMap((key) => [`${key}-during`, `${key}-after`]), 'sealing-end', 'edge-end'];

let installation: Installation;

beforeAll(async () => {
  installation = await Installation.start({ ca: 'pebble', certificates: CERTIFICATES });
}, 120_000);

afterAll(async () => installation?.stop());

/** A command as `npm run` starts it. Rejects with what it said when it fails. */
async function command(file: string, ...args: string[]): Promise<string> {
  const { secrets, worker } = installation.system;
  const child = spawn(process.execPath, [join(ROOT, file), ...args], {
    cwd: installation.system.state.folder,
    env: { PATH: process.env['PATH'], ADMIN_TOKEN: secrets.adminToken, PERENNIAL_ORIGIN: worker.origin },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${file} ended with ${String(code)}: ${output}`);
  return output;
}

/** What Pebble has counted in its log: accounts and orders, ever. */
function atTheCa(): { accounts: number; orders: number } {
  const log = readFileSync(installation.system.ca.child?.log ?? '', 'utf8');
  const last = (what: string) => Number([...log.matchAll(new RegExp(String.raw`There are now (\d+) ${what}`, 'g'))].at(-1)?.[1] ?? 0);
  return { accounts: last('accounts'), orders: last('orders') };
}

async function restartWorker(change: Parameters<Installation['system']['worker']['set']>[0]): Promise<void> {
  const { worker } = installation.system;
  await worker.kill();
  worker.set(change);
  await worker.start();
  await worker.cron();
}

/** The Worker's storage is gone, as after the loss of an account; its secrets are set anew. */
async function loseEverything(change: Parameters<Installation['system']['worker']['set']>[0] = {}): Promise<void> {
  await installation.system.worker.kill();
  installation.system.state.remove('worker/storage');
  await restartWorker(change);
}

/** Lets no name server but one show the records of this certificate, until the returned function is called. */
function keepPropagating(name: string): () => void {
  const { domains } = wishFor(name);
  return installation.system.dns.world.faults.add({ kind: 'rcode', rcode: 'NXDOMAIN', server: 'ns2.test-dns.example', name: `_acme-challenge.${domains[0]}` });
}

describe('a backup', () => {
  it('brings account, ledger and open order back into a wiped Worker that is on hold, and nothing is ordered or registered', async () => {
    const { state } = installation.system;
    await command('infra/backup/export.ts', '--new-key', 'operator.jwk');
    const release = keepPropagating('open');
    await installation.force('open');
    const open = await installation.untilPhase('open', 'propagate');
    const idle = await installation.view('idle');
    expect(await command('infra/backup/export.ts', '--out', 'backup.jwe')).toContain(
      'Exported 10 certificate(s), 3 secret(s), 1 CA(s) and 1 zone(s) into backup.jwe',
    );
    await expect(command('infra/backup/export.ts', '--out', 'backup.jwe'), 'a backup is not overwritten').rejects.toThrow('is not overwritten');
    const file = readFileSync(state.path('backup.jwe'), 'utf8');
    expect(file).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const before = { ...atTheCa(), issued: installation.issued() };

    await loseEverything({ HOLD: 'import' });
    const held = await installation.until('open', 'held', ({ reason }) => reason.includes('HOLD'));
    expect(held.live).toBeNull();
    expect(await command('infra/backup/import.ts', '--key', 'operator.jwk', '--yes', 'backup.jwe')).toMatch(
      /secrets +3 to bring back.*certificates +10 to bring back.*Done\..*certificates +10 brought back, 0 here already, 0 kept.*on hold/s,
    );
    expect(await command('infra/backup/import.ts', '--key', 'operator.jwk', '--yes', 'backup.jwe'), 'again').toMatch(
      /certificates +0 brought back, 10 here already/,
    );
    expect(atTheCa()).toEqual({ accounts: before.accounts, orders: before.orders });

    release();
    installation.letTimePassForResolvers();
    await restartWorker({ HOLD: null });
    const live = await installation.untilLive('open', 40_000, 2);
    expect(
      live.history.map(({ id }) => id),
      'the order that was open has become the certificate',
    ).toContain(open.issuance?.id);
    expect(installation.proxy('open').fingerprint).toBe(live.live?.sha256);
    const same = await installation.untilLive('idle', 40_000);
    expect(same.live).toMatchObject({ sha256: idle.live?.sha256, adopted: false, authority: 'demo' });
    expect(atTheCa()).toEqual({ accounts: before.accounts, orders: before.orders });
    expect(installation.issued() - before.issued).toBe(1);
    await expect.poll(() => installation.challengeRecords(), { timeout: 10_000 }).toEqual([]);
  });

  it('may come after the Worker has adopted by itself what is served, without a hold', async () => {
    const before = atTheCa();
    await command('infra/backup/export.ts', '--out', 'second.jwe');
    await loseEverything();
    for (const name of CERTIFICATES) {
      // oxlint-disable-next-line no-await-in-loop -- they run at the same time; this only reads
      await installation.until(name, 'adopted', ({ state, live }) => state === 'live' && live?.adopted === true, 40_000);
    }
    expect(await command('infra/backup/import.ts', '--key', 'operator.jwk', '--yes', 'second.jwe')).toMatch(
      /certificates +10 brought back, 0 here already, 0 kept/,
    );
    for (const name of CERTIFICATES) {
      // oxlint-disable-next-line no-await-in-loop
      await installation.until(name, 'as it was', ({ state, live }) => state === 'live' && live?.adopted === false, 40_000);
    }
    expect(atTheCa()).toEqual(before);
    await installation.force('idle');
    await installation.untilLive('idle', 40_000, 2);
    expect(atTheCa(), 'the next order is of the same account').toEqual({ accounts: before.accounts, orders: before.orders + 1 });
  });
});

async function renew(name: string): Promise<void> {
  const { history } = await installation.view(name);
  const issued = installation.issued();
  await installation.force(name);
  const live = await installation.untilLive(name, 40_000, history.length + 1);
  expect(live.history[0]?.outcome, name).toBe('live');
  expect(installation.issued() - issued, name).toBe(1);
  expect(installation.proxy(name).fingerprint, name).toBe(live.live?.sha256);
}

/** A renewal that `change` falls into the middle of, and one after it: both go through at their first attempt. */
async function renewAcross(key: (typeof ROTATIONS)[number], change: () => Promise<void>): Promise<void> {
  const during = `${key}-during`;
  const { history } = await installation.view(during);
  installation.nomad.faults.next({ kind: 'slow', ms: 1_000 }, 1, ({ method, path }) => method === 'PUT' && path.endsWith(`/${wishFor(during).variable}`));
  await installation.force(during);
  const before = await installation.untilPhase(during, 'install');
  await change();
  const live = await installation.untilLive(during, 40_000, history.length + 1);
  expect(live.history[0]).toMatchObject({ id: before.issuance?.id, outcome: 'live' });
  await renew(`${key}-after`);
}

const clustersSchema = z.looseObject({ clusters: z.looseObject({ [CLUSTER]: z.looseObject({ keys: z.array(z.string()) }) }) });

describe('renewals go on while', () => {
  it('the sealing key is replaced', async () => {
    const former = installation.system.secrets.sealingKey;
    const next = makeSealingKey();
    await renewAcross('sealing', () => restartWorker({ SEALING_KEY: next, SEALING_KEY_PREVIOUS: former }));
    expect(await command('infra/rotate/main.ts', 'sealing', '--finish')).toMatch(
      /^3 secret\(s\) were sealed anew; every secret is sealed with SEALING_KEY now/,
    );
    await restartWorker({ SEALING_KEY_PREVIOUS: null });
    await renew('sealing-end');
  });

  it("the edge's key is replaced", async () => {
    const next = await makeSigningKey('edge-2');
    await installation.changeLaw((law) => ({ ...law, edgeKeys: [...law.edgeKeys, publicHalf(next)] }));
    await renewAcross('edge', () => restartWorker({ EDGE_KEY: JSON.stringify(next) }));
    await installation.changeLaw((law) => ({ ...law, edgeKeys: [publicHalf(next)] }));
    await renew('edge-end');
  });

  it("the relay's key is replaced, and a deploy in the middle of an issuance changes nothing for it", async () => {
    const { state } = installation.system;
    const next = await makeSigningKey('relay-2');
    const issued = installation.issued();
    const release = keepPropagating('relay-during');
    await installation.force('relay-during');
    const before = await installation.untilPhase('relay-during', 'propagate');
    const document = clustersSchema.parse(parse(readFileSync(state.path('worker', 'certificates.toml'), 'utf8')));
    document.clusters[CLUSTER]?.keys.push(`${next.kid}:${next.x}`);
    await installation.redeploy(stringify(document));
    state.writeJson('relay/identity.json', next);
    await installation.restartRelay();
    release();
    installation.letTimePassForResolvers();
    const live = await installation.untilLive('relay-during', 40_000, before.history.length + 1);
    expect(live.history[0]).toMatchObject({ id: before.issuance?.id, outcome: 'live' });
    expect(live.generation).toBeGreaterThanOrEqual(before.generation);
    expect(installation.issued() - issued).toBe(1);
    await renew('relay-after');
  });
});
