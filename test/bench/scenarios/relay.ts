/** The relay's weight: bytes, time until it is connected, and memory after it has worked (DESIGN §13). */
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { linesWith } from '../../../infra/demo/logs.ts';
import type { RelayProcess } from '../../../infra/demo/parts/relay.ts';
import { relayBundle } from '../../../infra/demo/parts/worker.ts';
import { PerennialError } from '../../../shared/errors.ts';
import type { Bench, Scenario } from '../bench.ts';
import type { Figure } from '../figure.ts';
import type { Laboratory } from '../laboratory.ts';
import { residentMiB } from '../processes.ts';

const STARTS = 5;
/** Deliveries that the relay has made before its memory is read, each an install and a dial at least. */
const DELIVERIES = 50;
const CONNECT_TIMEOUT_MS = 20_000;
const DELIVERY_TIMEOUT_MS = 20_000;

const linkLine = z.object({ time: z.iso.datetime().transform((text) => Date.parse(text)), event: z.literal('link'), state: z.literal('open') });

export const relay: Scenario = {
  name: 'relay',
  about: 'bundle size, start to connected, resident memory after 50 deliveries',
  run: async (bench) => {
    const laboratory = await bench.laboratory('never-refused');
    const bytes = statSync(relayBundle(laboratory.system.state)).size;
    const starts: number[] = [];
    for (let start = 0; start < STARTS; start += 1) {
      bench.options.signal.throwIfAborted();
      // One start after the other.
      // oxlint-disable-next-line no-await-in-loop
      starts.push(await restart(laboratory.relay));
    }
    return [
      { what: 'bundle', unit: 'bytes', samples: [bytes], budget: { of: 'max', most: 1_500_000 } },
      {
        what: 'start to connected',
        unit: 'ms',
        samples: starts,
        budget: { of: 'p50', most: 1_000 },
        note: `From spawning Node ${process.versions.node} to the log line that says so.`,
      },
      ...(await memory(bench, laboratory)),
    ];
  },
};

/** @returns milliseconds from the spawn until the link was open. */
async function restart(part: RelayProcess): Promise<number> {
  const before = openings(part.child.log).length;
  await part.stop();
  const begun = Date.now();
  await part.start();
  for (;;) {
    const opened = openings(part.child.log)[before];
    if (opened !== undefined) return opened - begun;
    if (Date.now() - begun > CONNECT_TIMEOUT_MS)
      throw new PerennialError('bench_relay_away', 'The relay did not connect.', { hint: `Its log: ${part.child.log}` });
    // Polling a file.
    // oxlint-disable-next-line no-await-in-loop
    await sleep(20);
  }
}

/** Unix ms of every time the link was opened. */
function openings(log: string): number[] {
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"event":"link"'))
    .flatMap((line) => {
      const parsed = linkLine.safeParse(JSON.parse(line));
      return parsed.success ? [parsed.data.time] : [];
    });
}

async function memory(bench: Bench, laboratory: Laboratory): Promise<Figure[]> {
  if (process.platform !== 'linux') return [];
  const { child } = laboratory.relay;
  const fresh = residentMiB(child.pid).now;
  const dials = (): number => linesWith(child.log, '"route":"/v1/verify"');
  for (let delivery = 0; delivery < DELIVERIES; delivery += 1) {
    bench.options.signal.throwIfAborted();
    const before = dials();
    const { wish } = laboratory.pool.candidates[delivery % laboratory.pool.candidates.length] ?? { wish: { name: '' } };
    // One delivery after the other.
    // oxlint-disable-next-line no-await-in-loop
    const { status, body } = await laboratory.system.worker.ask('POST', `/api/v1/certificates/${wish.name}/redeliver`);
    if (status !== 202) throw new PerennialError('bench_redelivery_refused', `The Worker answered ${status} to a redelivery: ${body.slice(0, 300)}`);
    const deadline = Date.now() + DELIVERY_TIMEOUT_MS;
    while (dials() === before) {
      if (Date.now() > deadline) throw new PerennialError('bench_no_dial', `${wish.name} was to be delivered again, and the relay was not asked to dial.`);
      // oxlint-disable-next-line no-await-in-loop
      await sleep(20);
    }
  }
  const { now, peak } = residentMiB(child.pid);
  return [
    { what: 'resident after the start', unit: 'MiB', samples: [fresh], budget: null },
    {
      what: `resident after ${DELIVERIES} deliveries`,
      unit: 'MiB',
      samples: [now],
      budget: { of: 'max', most: 90 },
      note: 'VmRSS; each delivery is an install and a dial of every name. The peak is VmHWM.',
    },
    { what: 'resident at its peak', unit: 'MiB', samples: [peak], budget: null },
  ];
}
