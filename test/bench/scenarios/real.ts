/** Due → served by a real Traefik, and on a real Nomad agent, where the environment names them (DESIGN §13). */
import { setTimeout as sleep } from 'node:timers/promises';
import { CLOUDFLARE_SHOW } from '../../../infra/demo/show.ts';
import { findExecutable } from '../../../infra/demo/executables.ts';
import { followUntilLive } from '../../../infra/demo/follow.ts';
import { startSystem, type System } from '../../../infra/demo/system.ts';
import { MINUTE } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import type { Bench, Scenario } from '../bench.ts';
import type { Figure } from '../figure.ts';
import { inWorkshop } from '../laboratory.ts';
import { issuedMs, type Issued } from '../renewal.ts';

/** A person may force a certificate once a minute, and there is only one here. */
const COOL_DOWN_MS = MINUTE + 1_000;
const MOST_RUNS = 10;
const CERTIFICATE = CLOUDFLARE_SHOW.certificate.name;
const LIVE_TIMEOUT_MS = 180_000;

export const real: Scenario = {
  name: 'real',
  about: 'due to served by a real Traefik or Nomad (TRAEFIK_BIN, NOMAD_ADDR), one renewal a minute',
  unavailable: ({ options: { environment } }) =>
    environment['NOMAD_ADDR'] === undefined && findExecutable('TRAEFIK_BIN', 'traefik', environment) === undefined
      ? 'Neither TRAEFIK_BIN nor NOMAD_ADDR is set, and Traefik is not on PATH.'
      : undefined,
  run: async (bench) => {
    const { environment, say } = bench.options;
    await bench.close();
    return await inWorkshop(say, async ({ state, supervisor }) => {
      const system = await startSystem({
        state,
        supervisor,
        environment,
        say,
        ca: 'pebble',
        nameserverDelaysMs: [0, 0],
        pebble: { PEBBLE_WFE_NONCEREJECT: '0' },
      });
      try {
        await system.worker.cron();
        return figures(system, await renewals(bench, system));
      } finally {
        await system.stop();
      }
    });
  },
};

async function renewals(bench: Bench, system: System): Promise<Issued[]> {
  const { say, signal } = bench.options;
  const runs = Math.min(bench.options.runs, MOST_RUNS);
  const known = new Set<string>();
  const live = async (): Promise<Issued> => {
    const { issuance } = await followUntilLive({
      read: () => system.certificate(CERTIFICATE),
      show: () => undefined,
      known,
      timeoutMs: LIVE_TIMEOUT_MS,
      signal,
    });
    if (issuance === null) throw new PerennialError('bench_nothing_ordered', 'The certificate was live without an order.');
    known.add(issuance.id);
    return issuance;
  };
  await live();
  const measured: Issued[] = [];
  for (let run = 0; run < runs; run += 1) {
    // One after the other, outside of Traefik's throttle and the Worker's cool-down.
    // oxlint-disable-next-line no-await-in-loop
    await sleep(run === 0 ? 5_000 : COOL_DOWN_MS, undefined, { signal });
    for (const { resolver } of system.dns.doh) resolver.flush();
    // oxlint-disable-next-line no-await-in-loop
    const { status, body } = await system.worker.ask('POST', `/api/v1/certificates/${CERTIFICATE}/renew`, { force: true });
    if (status !== 202)
      throw new PerennialError('bench_renewal_refused', `The Worker answered ${status} when the certificate was to be renewed: ${body.slice(0, 300)}`);
    // oxlint-disable-next-line no-await-in-loop
    const issuance = await live();
    measured.push(issuance);
    say(`renewal ${run + 1} of ${runs}: served in ${issuance.endedAt - issuance.startedAt} ms`);
  }
  return measured;
}

function figures({ kinds }: System, measured: readonly Issued[]): Figure[] {
  const parts = `Nomad ${kinds.nomad}, Traefik ${kinds.proxy}`;
  return [
    { what: `due to served, ${parts}`, unit: 'ms', samples: measured.map(({ startedAt, endedAt }) => endedAt - startedAt), budget: { of: 'p50', most: 1_500 } },
    { what: `  issued, ${parts}`, unit: 'ms', samples: measured.map(({ phases }) => issuedMs(phases)), budget: null },
  ];
}
