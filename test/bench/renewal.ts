/** One forced renewal, measured from outside: its times as the Worker recorded them, what it cost, what it asked of whom. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CertificateView, Phase } from '../../functions/certificates/ports.ts';
import { PerennialError } from '../../shared/errors.ts';
import { countNow, difference, type Counters } from './counters.ts';
import type { Laboratory } from './laboratory.ts';
import type { Candidate } from './pool.ts';
import { cpuMsOf } from './processes.ts';
import { billed, total, type Billed } from './usage.ts';

export type Issued = CertificateView['history'][number];

export interface MeasuredRenewal {
  /** From the request that asked for it until its first phase began, milliseconds. */
  askedMs: number;
  /** From due to the chain in hand, milliseconds. */
  issuedMs: number;
  /** From due to every dial showing the new chain, milliseconds. */
  servedMs: number;
  phases: Issued['phases'];
  requests: Counters;
  /** CPU time of workerd, milliseconds; 0 where /proc does not tell. */
  cpuMs: number;
  /** Of the Worker and its objects, those included by which this benchmark asks for the renewal and follows it. */
  invocations: number;
  usage: Billed;
  /** External subrequests of the one invocation that made the most. */
  mostSubrequests: number;
}

/** Phases that end with the chain in hand. */
const ISSUING: readonly Phase[] = ['order', 'present', 'propagate', 'validate', 'finalize', 'download'];
const TIMEOUT_MS = 120_000;
/** What follows by itself, such as the question for the next renewal window, belongs to the renewal. */
const AFTERMATH_MS = 500;

/** Sum of the phases until the chain was in hand. Pure. */
export function issuedMs(phases: Issued['phases']): number {
  return phases.filter(({ name }) => ISSUING.includes(name)).reduce((sum, { ms }) => sum + ms, 0);
}

/** Renews the next certificate of the pool. Throws `bench_renewal_failed` when it does not get live. */
export async function measureRenewal(laboratory: Laboratory, signal: AbortSignal): Promise<MeasuredRenewal> {
  const { system, pool } = laboratory;
  const candidate = await pool.next(signal);
  const known = new Set((await laboratory.view(candidate.wish.name)).history.map(({ id }) => id));
  const workers = process.platform === 'linux' ? laboratory.workerProcesses() : [];
  const requestsBefore = await countNow(system);
  await laboratory.forgetMost();
  const usageBefore = await laboratory.usage();
  const cpuBefore = cpuMsOf(workers);
  const askedAt = Date.now();
  const issuance = await renew(laboratory, candidate, known);
  await sleep(AFTERMATH_MS);
  const cpuMs = cpuMsOf(workers) - cpuBefore;
  const usageAfter = await laboratory.usage();
  const requests = difference(await countNow(system), requestsBefore);
  return {
    askedMs: Math.max(0, issuance.startedAt - askedAt),
    issuedMs: issuedMs(issuance.phases),
    servedMs: issuance.endedAt - issuance.startedAt,
    phases: issuance.phases,
    requests,
    cpuMs,
    invocations: total(usageAfter.invocations) - total(usageBefore.invocations),
    usage: billed(usageAfter, usageBefore),
    mostSubrequests: usageAfter.most.subrequests,
  };
}

/** Asks for a renewal and waits until it is live. Watches the proxy and not the Worker, which is what is measured. */
export async function renew(laboratory: Laboratory, { wish, standIn }: Candidate, known: ReadonlySet<string>): Promise<Issued> {
  const deadline = Date.now() + TIMEOUT_MS;
  const before = standIn.fingerprint;
  laboratory.flushResolvers();
  const { status, body } = await laboratory.system.worker.ask('POST', `/api/v1/certificates/${wish.name}/renew`, { force: true });
  if (status !== 202)
    throw new PerennialError('bench_renewal_refused', `The Worker answered ${status} when ${wish.name} was to be renewed: ${body.slice(0, 300)}`);
  while (standIn.fingerprint === before && Date.now() < deadline) {
    // Polling a value of this process.
    // oxlint-disable-next-line no-await-in-loop
    await sleep(10);
  }
  let view: CertificateView;
  do {
    // The relay's dial follows within moments.
    // oxlint-disable-next-line no-await-in-loop
    await sleep(200);
    // oxlint-disable-next-line no-await-in-loop
    view = await laboratory.view(wish.name);
    const issuance = view.history.find(({ id }) => !known.has(id));
    if (issuance?.outcome === 'live') return issuance;
    if (issuance !== undefined) throw new PerennialError('bench_renewal_failed', `The renewal of ${wish.name} was given up: ${issuance.message}`);
  } while (Date.now() < deadline);
  throw new PerennialError(
    'bench_renewal_failed',
    `${wish.name} did not get live within ${TIMEOUT_MS / 1_000} s; it is in phase ${view.phase}: ${view.issuance?.failure?.message ?? view.reason}`.slice(
      0,
      1_000,
    ),
  );
}

/** Ids of the finished issuances of each certificate. */
export async function historiesOf(laboratory: Laboratory): Promise<Map<string, ReadonlySet<string>>> {
  const names = laboratory.pool.candidates.map(({ wish }) => wish.name);
  const entries = await Promise.all(names.map(async (name) => [name, new Set((await laboratory.view(name)).history.map(({ id }) => id))] as const));
  return new Map(entries);
}

/** Resolves with what became of each since `before`, as soon as all have come to an end. */
export async function untilRenewed(laboratory: Laboratory, before: ReadonlyMap<string, ReadonlySet<string>>): Promise<Issued[]> {
  const finished = new Map<string, Issued>();
  while (finished.size < before.size) {
    // Few reads: the Worker is what is measured.
    // oxlint-disable-next-line no-await-in-loop
    await laboratory.settle();
    for (const [name, known] of before) {
      if (finished.has(name)) continue;
      // oxlint-disable-next-line no-await-in-loop
      const entry = (await laboratory.view(name)).history.find(({ id }) => !known.has(id));
      if (entry !== undefined) finished.set(name, entry);
    }
  }
  return [...finished.values()];
}
