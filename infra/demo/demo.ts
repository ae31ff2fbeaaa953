/**
 * One run of the demo: starts the system, runs the cron handler, shows the certificate on its way, proves it, and then
 * stays up while load runs against the proxy, so that every further certificate can be seen to replace the one before.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CertificateView } from '../../functions/certificates/ports.ts';
import { PerennialError } from '../../shared/errors.ts';
import type { Display } from './display.ts';
import type { Variables } from './executables.ts';
import { followUntilLive } from './follow.ts';
import { countRequests, gatherFacts, requestsSince, type Counts, type Made } from './gather.ts';
import { Load } from './load.ts';
import { countLines } from './logs.ts';
import { PROXY_SERVICE, serviceInstances } from './parts/nomad.ts';
import { doubt, proofOf, type Proof } from './proof.ts';
import type { Show } from './show.ts';
import type { DemoState } from './state.ts';
import { seconds } from './stepper.ts';
import type { Supervisor } from './supervisor.ts';
import { startSystem, type System } from './system.ts';
import { curlLine } from './webhook.ts';
import { compareContents, readContents } from './zones.ts';

/** Where people expect things; the next free port when one is taken. */
const PORTS = { worker: 8_787, proxy: 8_443, nomad: 4_746, ca: 14_000 } as const;
/** From the cron to a live certificate; a slow machine needs a part of it. */
const LIVE_TIMEOUT_MS = 120_000;
/** From the relay's start to its link; as a Nomad task it is scheduled and downloaded first, milliseconds. */
const LINK_TIMEOUT_MS = 60_000;
/** Whatever ends more often than this is broken. */
const MAX_REVIVALS = 10;
/** How often a certificate that is live is looked at, milliseconds. */
const IDLE_POLL_MS = 500;
/** From live to the last of our records gone from the zones: a vendor that replaces whole zones is written to rarely. */
const CLEAN_TIMEOUT_MS = 150_000;
/** After its last write such a zone is read once more, and its side list with it; so long after the last call it is done with. */
const QUIET_MS = 4_000;

export interface DemoOptions {
  show: Show;
  state: DemoState;
  supervisor: Supervisor;
  environment: Variables;
  display: Display;
  /** Aborted when the demo shall end. */
  signal: AbortSignal;
}

export class Demo {
  readonly #options: DemoOptions;
  readonly #system: System;
  #seen = new Set<string>();
  #revivals = 0;

  private constructor(options: DemoOptions, system: System) {
    this.#options = options;
    this.#system = system;
  }

  static async start(options: DemoOptions): Promise<Demo> {
    const { show, state, supervisor, environment, display } = options;
    const { certificate, zones } = show;
    const system = await startSystem({
      state,
      supervisor,
      environment,
      say: (line) => display.say(line),
      ports: PORTS,
      certificates: [certificate],
      ...zones,
    });
    state.writeJson('running.json', { origin: system.worker.origin });
    return new Demo(options, system);
  }

  /** Runs the cron handler and follows the certificate until the proof holds. Throws when it does not. */
  async prove(): Promise<Proof> {
    const { display } = this.#options;
    const before = await countRequests(this.#system);
    this.#remember(await this.#system.certificate(this.#name));
    await this.#untilRelayIsLinked();
    display.say('The hourly cron runs now.');
    display.heading(this.#name);
    await this.#system.worker.cron();
    return await this.#follow(before);
  }

  /** Where to look and what to try while the demo is up. */
  invitation(): string[] {
    const { worker, secrets } = this.#system;
    const { vendor } = this.#options.show;
    const webhook = `npm run -s demo -- --webhook${vendor === 'cloudflare' ? '' : ` --dns ${vendor}`}`;
    return [
      `Status page    ${worker.origin}/`,
      `Sign in with   ${secrets.adminToken}   (then press "renew now")`,
      `Or send the signed webhook, once and within five minutes (${webhook} prints a fresh one):`,
      '',
      curlLine({ origin: worker.origin, secret: secrets.webhookSecret, certificates: [this.#name], force: true, now: Date.now() }),
      '',
      'Requests run against the proxy all the time, on new and on kept connections. Ctrl-C ends everything.',
    ];
  }

  /** Keeps load on the proxy and shows each renewal until the signal comes. */
  async stayUp(): Promise<void> {
    const { display, signal } = this.#options;
    const [instance] = await serviceInstances(this.#system.nomad, PROXY_SERVICE);
    if (instance === undefined) throw new PerennialError('demo_no_instance', 'No instance of the proxy is registered.');
    const load = new Load({ address: instance.address, port: instance.port, name: this.#options.show.visited, roots: this.#system.roots });
    try {
      for (;;) {
        // One look after the other.
        // oxlint-disable-next-line no-await-in-loop
        await sleep(IDLE_POLL_MS, undefined, { signal });
        // oxlint-disable-next-line no-await-in-loop
        const view = await this.#system.certificate(this.#name).catch(() => this.#reviveSilentWorker());
        const finished = view?.history.find(({ id }) => !this.#seen.has(id));
        if (view === undefined || (view.issuance === null && finished === undefined)) continue;
        // oxlint-disable-next-line no-await-in-loop
        await this.#showRenewal(load);
      }
    } finally {
      const total = await load.stop();
      display.say(
        `Requests through the proxy: ${total.fresh} on new connections, ${total.kept} on kept ones, ${total.failed} failed${total.firstFailure === undefined ? '' : ` (the first: ${total.firstFailure})`}.`,
      );
    }
  }

  /** Starts the relay or the Worker again when it has ended, as Nomad and Cloudflare do. Other parts stay away: an outage. */
  async revive(name: string): Promise<void> {
    const { worker, emulated } = this.#system;
    if ((name !== 'worker' && name !== 'relay') || this.#revivals >= MAX_REVIVALS) return;
    this.#revivals += 1;
    this.#options.display.say(`The ${name} is started again.`);
    await (name === 'worker' ? worker.start() : emulated?.relay?.start());
  }

  /** Wrangler whose workerd processes all died at once stays up and leaves every request without an answer. */
  async #reviveSilentWorker(): Promise<undefined> {
    const { worker } = this.#system;
    if (!worker.child.running || (await worker.answers())) return;
    if (this.#revivals >= MAX_REVIVALS) return;
    this.#revivals += 1;
    this.#options.display.say('The worker is there and answers nothing; it is started again.');
    await worker.kill();
    await worker.start();
  }

  get #name(): string {
    return this.#options.show.certificate.name;
  }

  async stop(): Promise<void> {
    this.#options.state.remove('running.json');
    await this.#system.stop();
  }

  async #showRenewal(load: Load): Promise<void> {
    const { display, signal } = this.#options;
    const start = load.count();
    display.heading(`${this.#name}, again`);
    try {
      const proof = await this.#follow(await countRequests(this.#system));
      // Kept connections go on as well; give both a moment with the new certificate.
      await sleep(1_000, undefined, { signal });
      const end = load.count();
      const failed = end.failed - start.failed;
      display.proof(proof);
      display.say(
        `Meanwhile ${end.fresh - start.fresh} requests on new connections and ${end.kept - start.kept} on kept ones: ${failed} failed. ${end.byLeaf[proof.served.sha256] ?? 0} of the new connections met the new certificate.`,
      );
    } catch (error) {
      signal.throwIfAborted();
      display.failure(error);
      this.#remember(await this.#system.certificate(this.#name).catch(() => undefined));
    }
  }

  async #follow(before: Counts): Promise<Proof> {
    const { display, signal } = this.#options;
    const followed = await followUntilLive({
      read: () => this.#system.certificate(this.#name),
      show: (view) => display.step(view),
      known: this.#seen,
      timeoutMs: LIVE_TIMEOUT_MS,
      signal,
    });
    this.#remember(followed.view);
    await this.#untilZonesAreClean();
    return await this.#settle(followed.view, this.#withMemory(followed), await requestsSince(this.#system, before));
  }

  async #settle(view: CertificateView, made: Made, counts: Counts): Promise<Proof> {
    const facts = await gatherFacts(this.#system, this.#options.show, view, made, counts);
    const reason = doubt(facts);
    if (reason !== undefined)
      throw new PerennialError('demo_no_proof', reason, {
        hint: 'If files of earlier starts were lost or changed: npm run demo -- --fresh begins with nothing.',
      });
    return proofOf(facts);
  }

  /** Clean-ups of a vendor that replaces whole zones are gathered, and go out some seconds after the certificate is live. */
  async #untilZonesAreClean(): Promise<void> {
    const deadline = Date.now() + CLEAN_TIMEOUT_MS;
    const { contentsBefore, namecheap } = this.#system;
    const left = (): number => compareContents(contentsBefore, readContents(this.#system)).challenges.length;
    const isQuiet = (): boolean => Date.now() - (namecheap?.requests.all().at(-1)?.at ?? 0) > QUIET_MS;
    if (left() > 0) this.#options.display.say('It is served. The challenge records are taken out of the zones now, all of them in one write.');
    while ((left() > 0 || !isQuiet()) && Date.now() < deadline) {
      // oxlint-disable-next-line no-await-in-loop
      await sleep(100, undefined, { signal: this.#options.signal });
    }
  }

  /** The Worker forgets where a key was made when the issuance is over; the demo's own note outlives a restart. */
  #withMemory({ view, issuance, keyMadeIn }: { view: CertificateView } & Made): Made {
    const name = `keys-made/${view.live?.sha256 ?? 'none'}.json`;
    if (issuance !== null && keyMadeIn !== null) this.#options.state.writeJson(name, keyMadeIn);
    return { issuance, keyMadeIn: keyMadeIn ?? this.#options.state.readText(name) };
  }

  #remember(view: CertificateView | undefined): void {
    for (const { id } of view?.history ?? []) this.#seen.add(id);
    if (view !== undefined && view.issuance === null) this.#options.display.skip(view);
  }

  /** The cron may run before the relay has dialled; then the certificate waits for it, which is no part of the show. */
  async #untilRelayIsLinked(): Promise<void> {
    const deadline = Date.now() + LINK_TIMEOUT_MS;
    while (Date.now() < deadline) {
      // oxlint-disable-next-line no-await-in-loop
      if (countLines(await this.#system.relay.output(), '"state":"open"') > 0) return;
      // oxlint-disable-next-line no-await-in-loop
      await sleep(100, undefined, { signal: this.#options.signal });
    }
    this.#options.display.say(`The relay has not reached the Worker within ${seconds(LINK_TIMEOUT_MS)}; going on, the certificate will wait for it.`);
  }
}
