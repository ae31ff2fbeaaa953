import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PerennialError } from '../../../shared/errors.ts';
import { Supervisor, untilReady } from '../../../infra/demo/supervisor.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-supervisor-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const shell = (script: string) => ({ command: '/bin/sh', arguments: ['-c', script], environment: { PATH: process.env['PATH'] } });

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // A zombie has ended; whoever is its parent in this container may not collect it.
  return !/^\d+ \(.*\) Z/.test(spawnSync('cat', [`/proc/${pid}/stat`], { encoding: 'utf8' }).stdout);
}

async function until(condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    // oxlint-disable-next-line no-await-in-loop
    await sleep(20);
  }
}

/** A process of its own that supervises two children, one of which has a child; prints their ids. */
function startDemo(ending = ''): ReturnType<typeof spawn> {
  const file = join(folder, 'demo.ts');
  writeFileSync(
    file,
    `import { Supervisor } from ${JSON.stringify(join(import.meta.dirname, '../../../infra/demo/supervisor.ts'))};
const supervisor = new Supervisor(${JSON.stringify(join(folder, 'logs'))});
const shell = (script) => ({ command: '/bin/sh', arguments: ['-c', script], environment: process.env });
const plain = await supervisor.start('plain', shell('exec sleep 600'));
const family = await supervisor.start('family', shell('trap "" TERM; sleep 601 & echo $!; wait; sleep 602'));
supervisor.onDeath(${JSON.stringify(join(folder, 'farewell.sh'))});
console.log(plain.pid, family.pid);
${ending}
setInterval(() => {}, 1000);
`,
  );
  writeFileSync(join(folder, 'farewell.sh'), `echo bye > ${join(folder, 'farewell')}\n`);
  return spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function pidsOf(demo: ReturnType<typeof spawn>): Promise<number[]> {
  let text = '';
  demo.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await until(() => text.includes('\n'));
  await until(() => /^\d+\n/.test(readFileSync(join(folder, 'logs/family.log'), 'utf8')));
  return [...text.trim().split(' '), readFileSync(join(folder, 'logs/family.log'), 'utf8').trim()].map(Number);
}

describe('a demo that dies', () => {
  it('leaves no process behind after kill -9, not even one that ignores SIGTERM or a grandchild', async () => {
    const demo = startDemo();
    const pids = await pidsOf(demo);
    expect(pids.every(alive)).toBe(true);
    demo.kill('SIGKILL');
    await until(() => !pids.some(alive));
  });

  it('leaves no process behind after an exception that nobody caught', async () => {
    const demo = startDemo('setTimeout(() => { throw new Error("crash"); }, 300);');
    demo.stderr?.resume();
    const pids = await pidsOf(demo);
    await once(demo, 'exit');
    await until(() => !pids.some(alive));
  });

  it('has its farewell run, for what lives outside of its process groups', async () => {
    const demo = startDemo();
    await pidsOf(demo);
    demo.kill('SIGKILL');
    await until(() => spawnSync('cat', [join(folder, 'farewell')], { encoding: 'utf8' }).stdout === 'bye\n');
  });
});

describe('a supervisor', () => {
  it('stops its children and their children, and ends the watchdog without the farewell', async () => {
    const supervisor = new Supervisor(join(folder, 'logs'));
    const child = await supervisor.start('family', shell('sleep 603 & echo $!; wait'));
    await until(() => readFileSync(child.log, 'utf8').includes('\n'));
    const grandchild = Number(readFileSync(child.log, 'utf8'));
    writeFileSync(join(folder, 'farewell.sh'), `echo bye > ${join(folder, 'farewell')}\n`);
    supervisor.onDeath(join(folder, 'farewell.sh'));
    await supervisor.stop();
    expect([child.pid, grandchild].some(alive)).toBe(false);
    expect(spawnSync('cat', [join(folder, 'farewell')]).status).not.toBe(0);
  });

  it('tells of a child that ends unasked, and not of one that was stopped', async () => {
    const told: string[] = [];
    const supervisor = new Supervisor(join(folder, 'logs'), (child, how) => told.push(`${child.name} ${how}`));
    await (
      await supervisor.start('quick', shell('exit 3'))
    ).exited;
    await (await supervisor.start('stopped', shell('exec sleep 604'))).stop();
    await supervisor.stop();
    expect(told).toEqual(['quick ended with exit code 3']);
  });

  it('says which command is missing', async () => {
    const supervisor = new Supervisor(join(folder, 'logs'));
    const starting = supervisor.start('pebble', { command: join(folder, 'nothing'), arguments: [], environment: {} });
    await expect(starting).rejects.toThrow(/pebble cannot be started: .*nothing is missing/);
    await supervisor.stop();
  });

  it('quotes the end of the log of a child that ends before it is ready', async () => {
    const supervisor = new Supervisor(join(folder, 'logs'));
    const child = await supervisor.start('pebble', shell('echo the address is in use; exit 1'));
    const ready = await untilReady(child, async () => false, 5_000).catch((error: unknown) => error);
    await supervisor.stop();
    expect(ready).toBeInstanceOf(PerennialError);
    expect(String(ready)).toContain('pebble ended with exit code 1 while starting. Its log ends with:\nthe address is in use');
  });
});
