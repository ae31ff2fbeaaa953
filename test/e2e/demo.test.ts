/** The demo as a person starts it: one command, exit codes, the JSON object, a second start, and every way to end it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '../..');
const hex = z.string().regex(/^[0-9a-f]{64}$/);
const part = z.enum(['real', 'stand-in']);
const proofSchema = z.object({
  served: z.object({
    sha256: hex,
    names: z.array(z.string()),
    notAfter: z.iso.datetime(),
    instances: z.array(z.object({ address: z.string(), port: z.number(), sha256: hex, dialled: z.array(z.string()) })).min(1),
  }),
  issued: z.object({
    ordered: z.boolean(),
    sha256: hex,
    variable: z.string(),
    modifyIndex: z.number().positive(),
    keyMadeIn: z.string(),
    ms: z.number().nullable(),
  }),
  phases: z.array(z.object({ name: z.string(), ms: z.number().nonnegative() })),
  requests: z.object({ acme: z.number(), dns: z.number(), relay: z.number(), nomad: z.number() }),
  dns: z.object({
    vendor: z.enum(['cloudflare', 'namecheap']),
    calls: z.number(),
    strangersRecords: z.number(),
    strangersRecordsUntouched: z.boolean(),
    txtLeft: z.number(),
    delegated: z.object({ name: z.string(), target: z.string() }).nullable(),
  }),
  parts: z.object({ ca: part, dns: part, nomad: part, proxy: part }),
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-demo-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Run {
  process: ChildProcess;
  output: () => string;
  diagnostics: () => string;
  exit: Promise<number | string>;
}

/** Starts the demo through the entry of `npm run demo`, or as the file itself. */
function demo(args: readonly string[], entry: readonly string[] = ['infra/demo/main.ts'], command: string = process.execPath): Run {
  const { NOMAD_ADDR: _address, ...environment } = process.env;
  const child = spawn(command, [...entry, ...args], {
    cwd: ROOT,
    env: { ...environment, PERENNIAL_DEMO_DIR: folder, PERENNIAL_NO_APT: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let diagnostics = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (diagnostics += chunk.toString()));
  const exit = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'));
  });
  return { process: child, output: () => output, diagnostics: () => diagnostics, exit };
}

/** Command lines of processes that belong to this test's demo: all of them name its folder, or are its watchdog. */
function leftOver(): string[] {
  return readdirSync('/proc').flatMap((id) => {
    if (!/^\d+$/.test(id) || Number(id) === process.pid) return [];
    try {
      const commandLine = readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const environment = readFileSync(`/proc/${id}/environ`, 'utf8');
      return commandLine.includes(folder) || environment.includes(`PERENNIAL_DEMO_DIR=${folder}`) ? [commandLine] : [];
    } catch {
      return [];
    }
  });
}

async function until(condition: () => boolean, what: string, timeoutMs = 120_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    // oxlint-disable-next-line no-await-in-loop
    await sleep(100);
  }
}

async function nothingIsLeft(): Promise<void> {
  await until(() => leftOver().length === 0, `the end of ${leftOver().join(' | ') || 'everything'}`, 20_000);
}

describe('npm run demo -- --once --json', () => {
  let first: z.infer<typeof proofSchema>;

  it('brings a wildcard certificate from due to served and proves it in one JSON object', async () => {
    const run = demo(['--once', '--json', '--fresh'], ['infra/bootstrap.mjs', 'infra/demo/main.ts']);
    expect(await run.exit, run.diagnostics()).toBe(0);
    first = proofSchema.parse(JSON.parse(run.output()));
    expect(first.served.names.toSorted()).toEqual(['*.matrix.example.net', 'matrix.example.net']);
    expect(first.issued).toMatchObject({ ordered: true, sha256: first.served.sha256, variable: 'nomad/jobs/proxy' });
    expect(first.served.instances.every(({ sha256, dialled }) => sha256 === first.served.sha256 && dialled.length === 2)).toBe(true);
    expect(first.phases.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['order', 'present', 'propagate', 'validate', 'finalize', 'download', 'install', 'verify']),
    );
    expect(first.requests.acme).toBeGreaterThan(0);
    expect(first.dns).toMatchObject({ vendor: 'cloudflare', strangersRecordsUntouched: true, txtLeft: 0 });
    expect(first.dns.calls).toBeGreaterThan(0);
    expect(run.diagnostics()).toContain('propagate');
    await nothingIsLeft();
  });

  it('finds the certificate live at a second start and orders nothing', async () => {
    const run = demo(['--once', '--json']);
    expect(await run.exit, run.diagnostics()).toBe(0);
    const second = proofSchema.parse(JSON.parse(run.output()));
    expect(second.served.sha256).toBe(first.served.sha256);
    expect(second.issued).toMatchObject({ ordered: false, modifyIndex: first.issued.modifyIndex, keyMadeIn: first.issued.keyMadeIn, ms: null });
    expect(second.phases).toEqual([]);
    expect(second.requests).toMatchObject({ acme: 0, dns: 0 });
  });
});

describe('npm run demo -- --dns namecheap --once --json', () => {
  it("takes a certificate through a stranger's zone and a delegated name, and proves that nothing of theirs has changed", async () => {
    const run = demo(['--dns', 'namecheap', '--once', '--json', '--fresh']);
    expect(await run.exit, run.diagnostics()).toBe(0);
    const { served, dns } = proofSchema.parse(JSON.parse(run.output()));
    expect(served.names.toSorted()).toEqual(['*.example.co.uk', 'example.co.uk', 'example.org']);
    expect(dns).toMatchObject({ vendor: 'namecheap', strangersRecordsUntouched: true, txtLeft: 0, delegated: { name: 'example.org' } });
    // Mail, CAA, redirect, wildcard, a stranger's challenge, the routing and a service record.
    expect(dns.strangersRecords).toBe(14);
    // With the first look at a zone that was never seen before.
    expect(dns.calls).toBeLessThanOrEqual(10);
    expect(run.diagnostics()).toContain('Namecheap');
    await nothingIsLeft();
  });
});

describe('a demo that stays up', () => {
  /** Starts it and waits for the invitation. */
  async function up(entry?: readonly string[], command?: string): Promise<Run> {
    const run = demo([], entry, command);
    await until(() => run.output().includes('Ctrl-C ends everything'), `the demo: ${run.output()}${run.diagnostics()}`);
    return run;
  }

  it('names an occupied port and takes another, takes the signed webhook it prints, replaces the certificate without a failed request, and ends with Ctrl-C', async () => {
    const inTheWay = createServer();
    // Where somebody has the port already, that is as good.
    await new Promise((resolve) => {
      inTheWay.once('listening', resolve).once('error', resolve);
      inTheWay.listen(8_443, '127.0.0.1');
    });
    const run = await up();
    inTheWay.close();
    expect(run.output()).toMatch(/Port 8443 is occupied by another process; the TLS proxy takes \d+ instead\./);

    const curl =
      run
        .output()
        .split('\n')
        .find((line) => line.trim().startsWith('curl ')) ?? '';
    const url = /POST (\S+)/.exec(curl)?.[1] ?? '';
    const headers = Object.fromEntries([...curl.matchAll(/-H '([a-z-]+): ([^']*)'/g)].map(([, name, value]) => [name ?? '', value ?? '']));
    const body = /-d '([^']*)'/.exec(curl)?.[1] ?? '';
    const answer = await fetch(url, { method: 'POST', headers, body });
    expect(answer.status, await answer.clone().text()).toBe(202);
    expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(409);

    await until(() => run.output().includes('Meanwhile '), `the second certificate: ${run.output()}`);
    expect(run.output()).toMatch(
      /Meanwhile \d+ requests on new connections and \d+ on kept ones: 0 failed\. [1-9]\d* of the new connections met the new certificate\./,
    );

    run.process.kill('SIGINT');
    expect(await run.exit).toBe(0);
    expect(run.output()).toMatch(/, 0 failed\.\n$/);
    await nothingIsLeft();
  });

  it('refuses a second demo beside it, leaves no process behind when it is killed, and then signs no call for it', async () => {
    const run = await up();
    const other = demo(['--once']);
    expect(await other.exit).toBe(1);
    expect(other.diagnostics()).toContain(`The demo runs already`);
    run.process.kill('SIGKILL');
    await run.exit;
    await nothingIsLeft();
    const webhook = demo(['--webhook']);
    expect(await webhook.exit, webhook.output()).toBe(1);
    expect(webhook.diagnostics()).toContain('No demo is running');
  });

  it('leaves no process behind when what started it is killed', async () => {
    const run = await up(['infra/bootstrap.mjs', 'infra/demo/main.ts']);
    run.process.kill('SIGKILL');
    await run.exit;
    await nothingIsLeft();
  });

  it('leaves no process behind when npm is killed above the shell of its script', async () => {
    const run = await up(['run', 'demo'], 'npm');
    run.process.kill('SIGKILL');
    await nothingIsLeft();
  });
});

describe('wrong use', () => {
  it('is answered with the usage and exit code 2', async () => {
    const run = demo(['--onse']);
    expect(await run.exit).toBe(2);
    expect(run.diagnostics()).toContain("Unknown option '--onse'");
    expect(run.diagnostics()).toContain('Usage: npm run demo');
  });

  it('is answered with the choices where there are some', async () => {
    const run = demo(['--dns', 'route53']);
    expect(await run.exit).toBe(2);
    expect(run.diagnostics()).toContain('--dns takes cloudflare or namecheap, and not "route53".');
  });
});
