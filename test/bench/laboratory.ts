/**
 * The demo's system with stand-ins for Nomad and the proxy, name servers without delay, and a pool of certificates that
 * are live: the same on every machine that has Pebble.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { CertificateView } from '../../functions/certificates/ports.ts';
import type { RelayProcess } from '../../infra/demo/parts/relay.ts';
import { ask } from '../../infra/demo/request.ts';
import type { LawDocument } from '../../infra/relay/law.ts';
import { DemoState } from '../../infra/demo/state.ts';
import { Supervisor } from '../../infra/demo/supervisor.ts';
import { startSystem, type System, type SystemOptions } from '../../infra/demo/system.ts';
import { PerennialError } from '../../shared/errors.ts';
import { fleetWishes, Pool, wishes, type PoolWish } from './pool.ts';
import { workerProcesses } from './processes.ts';
import { usageSchema, type Usage } from './usage.ts';

export interface LaboratoryOptions {
  certificates: number;
  /** Share of its replies that Pebble answers with badNonce, percent; Pebble's own default (5) when absent. */
  nonceRejects?: number;
  /** The zone of the certificates; the one at Cloudflare when absent. */
  zone?: string;
  /** Changes the text of `certificates.toml` before it is compiled. */
  toml?: NonNullable<SystemOptions['toml']>;
  /** The certificates share proxies: more than a hundred of them do not fit otherwise. */
  fleet?: boolean;
  /** The zones at Namecheap; none when absent. */
  namecheap?: SystemOptions['namecheap'];
  environment: Readonly<Record<string, string | undefined>>;
  say: (line: string) => void;
}

/** From the start of all certificates at once to the last one live. */
const LIVE_TIMEOUT_MS = 180_000;
/** Looks are few where there are many: they are counted as well. */
const LOOK_AGAIN_MS = 250;
const LOOK_AGAIN_PER_CERTIFICATE_MS = 5;
const LIVE_TIMEOUT_PER_CERTIFICATE_MS = 5_000;

/** Most certificates that one webhook call names. */
const NAMES_PER_CALL = 100;

/** The Worker, with routes of its own for benchmarks. */
export const BENCH_WORKER = join(import.meta.dirname, 'worker/index.ts');

/** Certificates on one page of the list. */
const LISTED = 500;
const listSchema = z.object({ certificates: z.array(z.object({ name: z.string(), state: z.string() })) });

export class Laboratory {
  readonly system: System;
  readonly relay: RelayProcess;
  readonly pool: Pool;
  /** From the first cron to the last certificate live, milliseconds: the first order of each, and the registration. */
  readonly firstLiveMs: number;
  readonly #workshop: Workshop;

  private constructor(parts: { system: System; relay: RelayProcess; pool: Pool; firstLiveMs: number; workshop: Workshop }) {
    this.system = parts.system;
    this.relay = parts.relay;
    this.pool = parts.pool;
    this.firstLiveMs = parts.firstLiveMs;
    this.#workshop = parts.workshop;
  }

  /** Starts everything and waits until all certificates are live. Throws when they do not get there. */
  static async start(options: LaboratoryOptions): Promise<Laboratory> {
    const workshop = openWorkshop(options.say);
    const { state, supervisor } = workshop;
    const wanted = options.fleet === true ? fleetWishes(options.certificates) : wishes(options.certificates, options.zone);
    const stops: (() => Promise<void>)[] = [() => supervisor.stop()];
    try {
      const system = await startSystem({
        state,
        supervisor,
        environment: withoutRealCluster(options.environment),
        say: () => undefined,
        ca: 'pebble',
        workerMain: BENCH_WORKER,
        certificates: wanted,
        nameserverDelaysMs: [0, 0],
        law: (law) => withServices(law, wanted),
        ...(options.toml === undefined ? {} : { toml: options.toml }),
        ...(options.namecheap === undefined ? {} : { namecheap: options.namecheap }),
        ...(options.nonceRejects === undefined ? {} : { pebble: { PEBBLE_WFE_NONCEREJECT: String(options.nonceRejects) } }),
      });
      stops.unshift(() => system.stop());
      const cluster = system.emulated;
      const relay = cluster?.relay;
      if (cluster === undefined || relay === undefined) throw new PerennialError('bench_no_emulator', 'The laboratory needs the Nomad emulator.');
      const { emulator } = cluster.nomad;
      const pool = options.fleet === true ? await Pool.startShared(emulator, wanted) : await Pool.start(emulator, wanted);
      stops.unshift(() => pool.stop());
      const begun = Date.now();
      await system.worker.cron();
      await untilAllLive(system, wanted.length);
      return new Laboratory({ system, relay, pool, firstLiveMs: Date.now() - begun, workshop });
    } catch (error) {
      for (const stop of stops) {
        // The other way round than they were started.
        // oxlint-disable-next-line no-await-in-loop
        await stop().catch(() => undefined);
      }
      options.say(`The logs are in ${state.path('logs')}.`);
      throw error;
    }
  }

  /** The workerd processes that run the Worker. */
  workerProcesses(): number[] {
    const { child, origin } = this.system.worker;
    return workerProcesses(child.pid, Number(new URL(origin).port));
  }

  /** What the Worker and its objects have used so far. Asking is not counted. */
  async usage(): Promise<Usage> {
    const { body } = await this.system.worker.ask('GET', '/bench/usage');
    return usageSchema.parse(JSON.parse(body));
  }

  /** The most that one invocation asks is looked for anew from here on. */
  async forgetMost(): Promise<void> {
    await this.#bench('/bench/forget-most');
  }

  /** Lets the Worker's clock go forward; its alarms are late then, and the next sweep wakes who is due. */
  async letPass(ms: number): Promise<void> {
    await this.#bench('/bench/pass', { ms });
  }

  /** Public resolvers forget what they were asked: in production a certificate's renewals are weeks apart, and not minutes. */
  flushResolvers(): void {
    for (const { resolver } of this.system.dns.doh) resolver.flush();
  }

  async view(name: string): Promise<CertificateView> {
    const view = await this.system.certificate(name);
    if (view === undefined) throw new PerennialError('bench_unknown_certificate', `The Worker does not know the certificate ${name}.`);
    return view;
  }

  /** Signed webhooks renew all of them now (Standard Webhooks 1.0), as many at once as one may name. */
  async forceAll(): Promise<void> {
    const names = this.pool.candidates.map(({ wish }) => wish.name);
    const calls = Array.from({ length: Math.ceil(names.length / NAMES_PER_CALL) }, (_, call) =>
      names.slice(call * NAMES_PER_CALL, (call + 1) * NAMES_PER_CALL),
    );
    await Promise.all(calls.map((certificates) => this.#force(certificates)));
  }

  async #force(certificates: readonly string[]): Promise<void> {
    const { worker, secrets } = this.system;
    const id = `msg_${randomUUID()}`;
    const timestamp = Math.floor(Date.now() / 1_000);
    const body = JSON.stringify({ certificates, force: true });
    const key = Buffer.from(secrets.webhookSecret.replace(/^whsec_/, ''), 'base64');
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
    const headers = { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${signature}` };
    const answer = await ask(`${worker.origin}/hooks/renew`, { method: 'POST', headers, body, timeoutMs: 30_000 });
    if (answer.status !== 202) throw new PerennialError('bench_webhook_refused', `The webhook was answered ${answer.status}: ${answer.body.slice(0, 300)}`);
  }

  /** The finished issuances of each certificate, by its name. */
  async histories(): Promise<Map<string, CertificateView['history']>> {
    const histories = new Map<string, CertificateView['history']>();
    for (const { wish } of this.pool.candidates) {
      // Few at once: a fleet may be large.
      // oxlint-disable-next-line no-await-in-loop
      histories.set(wish.name, (await this.view(wish.name)).history);
    }
    return histories;
  }

  /** Resolves when no certificate is on its way any more. Throws when one is not live in time. */
  async settle(): Promise<void> {
    await untilAllLive(this.system, this.pool.candidates.length);
  }

  async #bench(path: string, body: object = {}): Promise<void> {
    const { status } = await this.system.worker.ask('POST', path, body);
    if (status !== 204) throw new PerennialError('bench_not_counted', `The Worker answered ${status} at ${path}.`);
  }

  async stop(): Promise<void> {
    await this.pool.stop();
    await this.system.stop();
    await this.#workshop.supervisor.stop();
    this.#workshop.remove();
  }
}

/** A folder and a supervisor for one start of the system. */
export interface Workshop {
  state: DemoState;
  supervisor: Supervisor;
  /** Removes the folder with its logs. */
  remove(): void;
}

/** Work in a workshop of its own: its processes end with it, and its logs stay when it fails. */
export async function inWorkshop<T>(say: (line: string) => void, work: (workshop: Workshop) => Promise<T>): Promise<T> {
  const workshop = openWorkshop(say);
  try {
    const result = await work(workshop);
    await workshop.supervisor.stop();
    workshop.remove();
    return result;
  } catch (error) {
    await workshop.supervisor.stop();
    say(`The logs are in ${workshop.state.path('logs')}.`);
    throw error;
  }
}

/** Whatever ends by itself in it is said. */
function openWorkshop(say: (line: string) => void): Workshop {
  const state = new DemoState(mkdtempSync(join(tmpdir(), 'perennial-bench-')));
  const supervisor = new Supervisor(state.path('logs'), (child, how) => say(`${child.name} ${how}; its log: ${child.log}`));
  return { state, supervisor, remove: () => rmSync(state.folder, { recursive: true, force: true }) };
}

/** What is real here or there would make figures of different machines differ; the scenario `real` measures that. */
function withoutRealCluster(environment: LaboratoryOptions['environment']): LaboratoryOptions['environment'] {
  return { ...environment, NOMAD_ADDR: undefined, TRAEFIK_BIN: undefined };
}

function withServices(law: LawDocument, wanted: readonly PoolWish[]): LawDocument {
  const services = [...new Set(wanted.map(({ service }) => service))];
  return { ...law, services: services.map((service) => ({ service, namespace: 'default', jobs: [service] })) };
}

async function untilAllLive(system: System, count: number): Promise<void> {
  const deadline = Date.now() + LIVE_TIMEOUT_MS + count * LIVE_TIMEOUT_PER_CERTIFICATE_MS;
  for (;;) {
    // Polling is sequential by nature.
    // oxlint-disable-next-line no-await-in-loop
    const waiting = await notLive(system, count).catch(unanswered);
    if (waiting === null) return;
    if (Date.now() > deadline) throw new PerennialError('bench_not_live', `Not every certificate got live in time: ${waiting}`.slice(0, 1_000));
    // oxlint-disable-next-line no-await-in-loop
    await sleep(Math.max(LOOK_AGAIN_MS, count * LOOK_AGAIN_PER_CERTIFICATE_MS));
  }
}

/** A Worker that has a thousand certificates to move may be silent for a while, locally: all of its objects share one thread. */
function unanswered(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : 'nothing is known of them';
}

/** Who is not live, in words; null when all are. */
async function notLive(system: System, count: number): Promise<string | null> {
  const certificates = [];
  for (let page = 1; page <= Math.ceil(count / LISTED); page += 1) {
    // One page after the other, and none after one that already shows a certificate on its way: those come first.
    // oxlint-disable-next-line no-await-in-loop
    const { status, body } = await system.worker.ask('GET', `/api/v1/certificates?size=${LISTED}&page=${page}`);
    if (status !== 200) return `the list was answered ${status}`;
    certificates.push(...listSchema.parse(JSON.parse(body)).certificates);
    if (certificates.some(({ state }) => state !== 'live')) break;
  }
  const waiting = certificates.filter(({ state }) => state !== 'live');
  if (certificates.length === count && waiting.length === 0) return null;
  const [first] = waiting;
  if (first === undefined) return `${certificates.length} of ${count} are known`;
  const view = await system.certificate(first.name);
  const failure = view?.issuance?.failure ?? view?.deliveries.find((delivery) => delivery.failure !== null)?.failure;
  return `${waiting.length} or more of ${count}, such as ${first.name} (${view?.phase ?? 'unknown'}): ${failure?.message ?? view?.reason ?? first.state}`;
}
