/**
 * A whole installation for one test file: the demo's system with real processes, and for every certificate a proxy of its
 * own, so that what is done to one certificate's delivery leaves the others alone.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CertificateView } from '../../functions/certificates/ports.ts';
import { ZONE, type CertificateWish } from '../../infra/demo/configuration.ts';
import { countLines } from '../../infra/demo/logs.ts';
import { startRelay, type RelayProcess } from '../../infra/demo/parts/relay.ts';
import { relayBundle } from '../../infra/demo/parts/worker.ts';
import { DemoState } from '../../infra/demo/state.ts';
import { Supervisor } from '../../infra/demo/supervisor.ts';
import { startSystem, type System, type SystemOptions } from '../../infra/demo/system.ts';
import { lawSchema, type LawDocument } from '../../infra/relay/law.ts';
import type { RecordSummary } from '../emulators/cloudflare/index.ts';
import type { NomadEmulator } from '../emulators/nomad/nomad.ts';
import { TraefikStandIn } from '../emulators/proxy/stand-in.ts';
import { workerProcess } from './workerd.ts';

/** A certificate for a name and its wildcard, with a variable and a service of its own. */
export type Wish = Required<CertificateWish>;

export interface InstallationOptions extends Pick<
  SystemOptions,
  'ca' | 'nameserverDelaysMs' | 'strangersRecords' | 'toml' | 'law' | 'pebble' | 'namecheap' | 'furtherZones' | 'between' | 'workerMain'
> {
  /** Names of the certificates. */
  certificates: readonly string[];
  /** What a certificate is for, where that is not `<name>.example.net` and its wildcard. */
  domains?: Readonly<Record<string, readonly string[]>>;
  /** Further proxies, each of a variable below `certificates/`. */
  proxies?: readonly string[];
  /** `false` leaves the relay down and the certificates without an order; `begin` does not wait until they are live. */
  issue?: boolean | 'begin';
  /** Called before the first certificate is ordered. */
  prepare?: (installation: Installation) => void;
}

/** No cluster that the user happens to have, and nothing else of theirs but what programs need to run. */
const ENVIRONMENT = Object.fromEntries(['PATH', 'HOME', 'TMPDIR', 'LANG', 'PEBBLE_BIN'].map((name) => [name, process.env[name]]));
const POLL_MS = 50;
const PROXY_THROTTLE_MS = 100;
const PROXY_QUIESCENCE_MS = 50;

export function wishFor(name: string): Wish {
  return { name, domains: [`${name}.${ZONE}`, `*.${name}.${ZONE}`], variable: `certificates/${name}`, service: `proxy-${name}` };
}

export class Installation {
  readonly system: System;
  readonly nomad: NomadEmulator;
  /** The certificates that it was started with. */
  readonly wishes: readonly Wish[];
  /** By the name of the certificate, or as given in `proxies`. */
  readonly #proxies: ReadonlyMap<string, TraefikStandIn>;
  readonly #supervisor: Supervisor;

  private constructor(system: System, wishes: readonly Wish[], nomad: NomadEmulator, proxies: ReadonlyMap<string, TraefikStandIn>, supervisor: Supervisor) {
    this.system = system;
    this.wishes = wishes;
    this.nomad = nomad;
    this.#proxies = proxies;
    this.#supervisor = supervisor;
  }

  /** Starts everything; unless `issue` is false, every certificate is live then. */
  static async start(options: InstallationOptions): Promise<Installation> {
    const { certificates, domains = {}, proxies: further = [], issue = true, prepare, law, ...rest } = options;
    const wishes = certificates.map((name) => ({ ...wishFor(name), ...(domains[name] === undefined ? {} : { domains: domains[name] }) }));
    const services = [...certificates, ...further].map((name) => wishFor(name).service);
    const state = new DemoState(mkdtempSync(join(tmpdir(), 'perennial-e2e-')));
    const supervisor = new Supervisor(state.path('logs'));
    try {
      const system = await startSystem({
        nameserverDelaysMs: [0, 0],
        ...rest,
        state,
        supervisor,
        environment: ENVIRONMENT,
        say: () => undefined,
        certificates: wishes,
        law: (document) => {
          const own: LawDocument = { ...document, services: services.map((service) => ({ service, namespace: 'default', jobs: [service] })) };
          return law?.(own) ?? own;
        },
      });
      if (system.emulated === undefined) throw new Error('These tests need the emulated cluster.');
      const nomad = system.emulated.nomad.emulator;
      allowRelay(
        nomad,
        further.map((name) => wishFor(name).variable),
      );
      const proxies = new Map<string, TraefikStandIn>();
      const installation = new Installation(system, wishes, nomad, proxies, supervisor);
      for (const name of [...certificates, ...further]) {
        // oxlint-disable-next-line no-await-in-loop -- each is ready in milliseconds
        proxies.set(name, await startProxy(nomad, wishFor(name)));
      }
      prepare?.(installation);
      if (issue !== false) {
        await system.worker.cron();
      }
      if (issue === true) {
        await Promise.all(certificates.map((name) => installation.untilLive(name, 60_000)));
      } else if (issue === false) {
        await installation.relay.stop();
      }
      return installation;
    } catch (error) {
      await supervisor.stop();
      throw error;
    }
  }

  get relay(): RelayProcess {
    const relay = this.system.emulated?.relay;
    if (relay === undefined) throw new Error('The relay was not started.');
    return relay;
  }

  proxy(name: string): TraefikStandIn {
    const proxy = this.#proxies.get(name);
    if (proxy === undefined) throw new Error(`No proxy serves ${name}.`);
    return proxy;
  }

  async view(name: string): Promise<CertificateView> {
    const view = await this.system.certificate(name);
    if (view === undefined) throw new Error(`The Worker does not know ${name}.`);
    return view;
  }

  /** Polls a certificate until `reached`, also while the Worker is away. Throws with its last view after `timeoutMs`. */
  async until(name: string, what: string, reached: (view: CertificateView) => boolean, timeoutMs = 30_000): Promise<CertificateView> {
    const deadline = Date.now() + timeoutMs;
    let last: CertificateView | undefined;
    for (;;) {
      // Polling is sequential by nature.
      // oxlint-disable-next-line no-await-in-loop
      last = (await this.system.certificate(name).catch(() => undefined)) ?? last;
      if (last !== undefined && reached(last)) return last;
      if (Date.now() > deadline) throw new Error(`${name} is not ${what} after ${timeoutMs / 1_000} s: ${describe(last)}`);
      // oxlint-disable-next-line no-await-in-loop
      await sleep(POLL_MS);
    }
  }

  async untilPhase(name: string, phase: CertificateView['phase'], timeoutMs?: number): Promise<CertificateView> {
    return await this.until(name, `in the phase ${phase}`, (view) => view.phase === phase && view.issuance !== null, timeoutMs);
  }

  /** Until it is live and nothing is on its way; with `renewals`, after that many finished issuances. */
  async untilLive(name: string, timeoutMs?: number, renewals = 1): Promise<CertificateView> {
    return await this.until(
      name,
      `live after ${renewals} issuance(s)`,
      (view) => view.state === 'live' && view.issuance === null && view.history.length >= renewals,
      timeoutMs,
    );
  }

  /** Resolvers forget what they remember of the renewal before, which in life is older than any TTL. */
  letTimePassForResolvers(): void {
    for (const { resolver } of this.system.dns.doh) resolver.flush();
  }

  /** A person renews it now, whether it is due or not. */
  async force(name: string): Promise<void> {
    this.letTimePassForResolvers();
    await this.#act(`/api/v1/certificates/${name}/renew`, { force: true });
  }

  /** A person's wake: what waits is tried again now. */
  async wake(name: string): Promise<void> {
    await this.#act(`/api/v1/certificates/${name}/renew`, { force: false });
  }

  async redeliver(name: string): Promise<void> {
    await this.#act(`/api/v1/certificates/${name}/redeliver`);
  }

  /** Certificates that the CA has issued so far, as the CA counts them. */
  issued(): number {
    const { acme, ca } = this.system;
    if (acme !== undefined) return acme.records.certificates.size;
    return ca.child === undefined ? 0 : countLines(readFileSync(ca.child.log, 'utf8'), 'Issued certificate serial');
  }

  /** Challenge records in the zone, as the vendor keeps them. */
  challengeRecords(): RecordSummary[] {
    return this.system.cloudflare.records(ZONE).filter(({ name, type }) => type === 'TXT' && name.startsWith('_acme-challenge.'));
  }

  /** Everything in the zone but challenge records that carry our mark of ownership. */
  foreignRecords(): RecordSummary[] {
    const ours = new Set(this.challengeRecords().filter(({ comment }) => comment !== null && comment !== ''));
    return this.system.cloudflare.records(ZONE).filter((record) => ![...ours].some(({ id }) => id === record.id));
  }

  /** `kill -9` of the workerd that runs the Worker; wrangler starts another. */
  killWorkerd(): void {
    const { child, origin } = this.system.worker;
    const pid = workerProcess(child.pid, Number(new URL(origin).port));
    if (pid === undefined) throw new Error('No workerd runs the Worker.');
    process.kill(pid, 'SIGKILL');
  }

  /** Another deployment on the same storage, as after an edit of `certificates.toml`. */
  async redeploy(configuration: string): Promise<void> {
    const { worker } = this.system;
    await worker.kill();
    await worker.start(configuration);
    await worker.cron();
  }

  /** Another law for the relay, which reads it when it starts. */
  async changeLaw(change: (law: LawDocument) => LawDocument): Promise<void> {
    const { state } = this.system;
    const law = state.read('relay/law.json', lawSchema);
    if (law === undefined) throw new Error('The relay has no law.');
    state.writeJson('relay/law.json', change(law));
    await this.restartRelay();
  }

  async restartRelay(): Promise<void> {
    await this.relay.stop();
    await this.relay.start();
  }

  /** A relay beside the first one, with the same identity, and a law that `change` makes of the first one's. */
  async startAnotherRelay(name: string, change: (law: LawDocument) => LawDocument = (law) => law): Promise<RelayProcess> {
    const { state } = this.system;
    const { nomad } = this.system.emulated ?? {};
    if (nomad === undefined) throw new Error('Only the emulated cluster runs further relays.');
    const law = state.read('relay/law.json', lawSchema);
    if (law === undefined) throw new Error('The first relay has no law.');
    return await startRelay({ supervisor: this.#supervisor, state, nomad, law: change(law), bundle: relayBundle(state), environment: ENVIRONMENT, name });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.stop()));
    await this.system.stop();
    await this.#supervisor.stop();
    rmSync(this.system.state.folder, { recursive: true, force: true });
  }

  async #act(path: string, body?: unknown): Promise<void> {
    const { status, body: answer } = await this.system.worker.ask('POST', path, body);
    if (status >= 300) throw new Error(`${path} was answered ${status}: ${answer.slice(0, 300)}`);
  }
}

async function startProxy(nomad: NomadEmulator, { service, variable }: Wish): Promise<TraefikStandIn> {
  // The proxy's identity may read the one variable that its template renders.
  nomad.identities.putPolicy(
    service,
    { namespaces: [{ namespace: 'default', capabilities: [], variables: [{ path: variable, capabilities: ['read'] }] }] },
    { jobAcl: { namespace: 'default', jobId: service } },
  );
  return await TraefikStandIn.start({
    nomad,
    jobId: service,
    serviceName: service,
    variable,
    throttleMs: PROXY_THROTTLE_MS,
    quiescenceMs: PROXY_QUIESCENCE_MS,
  });
}

function allowRelay(nomad: NomadEmulator, variables: readonly string[]): void {
  if (variables.length === 0) return;
  const rules = {
    namespaces: [{ namespace: 'default', capabilities: [], variables: variables.map((path) => ({ path, capabilities: ['read', 'write', 'list'] as const })) }],
  };
  nomad.identities.putPolicy('relay-further-proxies', rules, { jobAcl: { namespace: 'default', jobId: 'relay' } });
}

function describe(view: CertificateView | undefined): string {
  if (view === undefined) return 'the Worker does not know it';
  const { state, phase, reason, waitingFor, issuance, deliveries, history } = view;
  return JSON.stringify({
    state,
    phase,
    reason,
    waitingFor,
    failure: issuance?.failure,
    deliveries: deliveries.map(({ id, state: at, instances, failure }) => ({ id, at, verdicts: instances.map(({ verdict }) => verdict), failure })),
    history: history.length,
  });
}
