/** What a zone at Namecheap costs of the account's budget, counted where the calls arrive. */
import { setTimeout as sleep } from 'node:timers/promises';
import { strangersZone } from '../../../infra/demo/strangers-zone.ts';
import { compareContents, readContents } from '../../../infra/demo/zones.ts';
import { PerennialError } from '../../../shared/errors.ts';
import type { NamecheapEmulator } from '../../emulators/namecheap/index.ts';
import type { Bench, Scenario } from '../bench.ts';
import type { Figure } from '../figure.ts';
import type { Laboratory } from '../laboratory.ts';
import { historiesOf, renew, untilRenewed } from '../renewal.ts';

const ZONE = 'example.co.uk';
/** Renewals one after the other. Each takes a minute: the account's budget lets its clean-up wait. */
const RENEWALS = 2;
/** Certificates that are due at once. */
const AT_ONCE = 20;
/** A zone without a call for so long is done with: clean-ups are gathered for ten seconds, and the read-back follows. */
const QUIET_MS = 15_000;
const SETTLE_TIMEOUT_MS = 240_000;

export const namecheap: Scenario = {
  name: 'namecheap',
  about: `calls of Namecheap's API per write, per renewal, and for ${AT_ONCE} certificates due at once in one zone`,
  run: async (bench) => {
    const laboratory = await bench.fresh(AT_ONCE, 'never-refused', { zone: ZONE, namecheap: { domains: [{ name: ZONE, ...strangersZone() }] } });
    try {
      const vendor = vendorOf(laboratory);
      await untilQuiet(bench, vendor);
      // A webhook may force a certificate once an hour, an administrator once a minute.
      const together = await atOnce(bench, laboratory, vendor);
      return [...(await oneByOne(bench, laboratory, vendor)), ...together];
    } finally {
      await laboratory.stop();
    }
  },
};

async function oneByOne(bench: Bench, laboratory: Laboratory, vendor: NamecheapEmulator): Promise<Figure[]> {
  const perRenewal: number[] = [];
  const perWrite: number[] = [];
  for (let round = 0; round < RENEWALS; round += 1) {
    // One after the other: that is what is measured.
    // oxlint-disable-next-line no-await-in-loop
    const candidate = await laboratory.pool.next(bench.options.signal);
    // oxlint-disable-next-line no-await-in-loop
    const known = new Set((await laboratory.view(candidate.wish.name)).history.map(({ id }) => id));
    const before = vendor.requests.all().length;
    // oxlint-disable-next-line no-await-in-loop
    await renew(laboratory, candidate, known);
    // oxlint-disable-next-line no-await-in-loop
    await untilQuiet(bench, vendor);
    requireUntouched(laboratory);
    const calls = vendor.requests.all().slice(before);
    perRenewal.push(calls.length);
    perWrite.push(calls.length / writesOf(calls));
    bench.options.say(`renewal ${round + 1} of ${RENEWALS} at Namecheap: ${calls.map(({ command }) => command).join(', ')}`);
  }
  return [
    { what: 'calls per write', unit: 'requests', samples: perWrite, budget: { of: 'max', most: 4 }, note: 'All calls of a renewal, divided by its setHosts.' },
    {
      what: 'calls per renewal',
      unit: 'requests',
      samples: perRenewal,
      budget: { of: 'max', most: 8 },
      note: 'From due to the last read-back after the clean-up.',
    },
  ];
}

async function atOnce(bench: Bench, laboratory: Laboratory, vendor: NamecheapEmulator): Promise<Figure[]> {
  const before = vendor.requests.all().length;
  const known = await historiesOf(laboratory);
  laboratory.flushResolvers();
  await laboratory.forceAll();
  await untilRenewed(laboratory, known);
  await untilQuiet(bench, vendor);
  requireUntouched(laboratory);
  const calls = vendor.requests.all().slice(before);
  bench.options.say(`${AT_ONCE} at once at Namecheap: ${calls.map(({ command }) => command).join(', ')}`);
  return [
    {
      what: `${AT_ONCE} certificates due at once, calls`,
      unit: 'requests',
      samples: [calls.length],
      budget: { of: 'max', most: 12 },
      note: 'Apex and wildcard each, 40 TXT records in one zone, clean-up included.',
    },
    { what: `${AT_ONCE} certificates due at once, writes`, unit: 'requests', samples: [writesOf(calls)], budget: null },
  ];
}

function vendorOf({ system }: Laboratory): NamecheapEmulator {
  if (system.namecheap === undefined) throw new PerennialError('bench_no_namecheap', 'The laboratory has no zone at Namecheap.');
  return system.namecheap;
}

function writesOf(calls: readonly { command: string }[]): number {
  return calls.filter(({ command }) => command === 'domains.dns.setHosts').length;
}

/** Resolves when nothing of ours is in the zone and nobody has called for a while. */
async function untilQuiet(bench: Bench, vendor: NamecheapEmulator): Promise<void> {
  const deadline = Date.now() + SETTLE_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const last = vendor.requests.all().at(-1)?.at ?? 0;
    const ours = vendor.hosts(ZONE).filter(({ type, name }) => type === 'TXT' && name.startsWith('_acme-challenge.'));
    if (ours.length === 0 && Date.now() - last > QUIET_MS) return;
    // oxlint-disable-next-line no-await-in-loop
    await sleep(250, undefined, { signal: bench.options.signal });
  }
  throw new PerennialError('bench_not_quiet', `The zone at Namecheap did not settle within ${SETTLE_TIMEOUT_MS / 1_000} s.`);
}

/** A benchmark that loses somebody's records has no figures. */
function requireUntouched({ system }: Laboratory): void {
  const { missing, challenges, further } = compareContents(system.contentsBefore, readContents(system));
  const [first] = [...missing, ...challenges, ...further];
  if (first !== undefined) throw new PerennialError('bench_zone_changed', `The zone is not what it was before: ${first}`);
}
