/**
 * One cluster: its relay (the real application over simulated Nomad, proxies and name servers), which can be killed and
 * moved, and the link to the edge, as the ClusterObject would keep it.
 */
import type { ErrorData } from '../../../shared/errors.ts';
import type { RelayApp } from '../../../infra/relay/app.ts';
import { actingAs } from '../platform/virtual.ts';
import { type Mortal, NoReply } from '../outside.ts';
import type { World } from './world.ts';
import { SimulatedNomad } from './nomad.ts';

export interface LinkRequest {
  method: string;
  path: string;
  body: string;
  timeoutMs: number;
  caller: string | null;
}

type LinkOutcome = { ok: true; value: { status: number; body: string; contract: number } } | { ok: false; error: ErrorData };

/** What of the product makes a relay. */
export interface RelayParts {
  createRelay: (options: object) => { app: RelayApp; watch: { look(): Promise<void> } };
  parseLaw: (text: string) => object;
}

const EDGE_KEY = { kty: 'OKP', crv: 'Ed25519', kid: 'edge', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };

export class Cluster {
  readonly name: string;
  readonly nomad: SimulatedNomad;
  /** The relay is not connected until then, Unix ms. */
  downUntil = 0;
  readonly #world: World;
  readonly #law: object;
  readonly #waiting = new Set<string>();
  #relay: RelayProcess | null = null;
  #allocations = 0;

  constructor(world: World, name: string, targets: { variable: string; service: string; names: string[] }[], roots: string[]) {
    this.#world = world;
    this.name = name;
    this.nomad = new SimulatedNomad(name);
    this.#law = world.parts.parseLaw(
      JSON.stringify({
        origin: 'https://edge.test',
        cluster: name,
        edgeKeys: [EDGE_KEY],
        identity: { file: '/identity' },
        targets: targets.map(({ variable, names }) => ({ variable, names })),
        services: targets.map(({ service }) => ({ service, jobs: [service] })),
        roots,
      }),
    );
  }

  /** `ClusterObject.call`. */
  async call(who: Mortal, request: LinkRequest): Promise<LinkOutcome> {
    const { scheduler } = this.#world;
    if (this.downUntil > scheduler.now) return this.#missing(request, 'relay_offline', `No relay of cluster ${this.name} is connected.`);
    const { promise: silence, resolve: fallSilent } = Promise.withResolvers<LinkOutcome>();
    const label = `${this.name} ${request.method} ${request.path.split('?')[0]}`;
    const cancel = scheduler.after(request.timeoutMs, () =>
      fallSilent(this.#missing(request, 'relay_timeout', `The relay did not answer within ${request.timeoutMs} ms.`)),
    );
    const answered = this.#world.outside
      .call(who, 'relay', label, () => this.process().handle(request))
      .then((value): LinkOutcome => ({ ok: true, value: { ...value, contract: 2 } }))
      .catch((thrown: unknown): LinkOutcome | Promise<LinkOutcome> => {
        if (thrown instanceof NoReply) return silence;
        return this.#missing(request, 'relay_disconnected', 'The relay hung up before it answered.');
      });
    const outcome = await Promise.race([answered, silence]);
    cancel();
    return outcome;
  }

  process(): RelayProcess {
    this.#relay ??= new RelayProcess(this.#world, this, this.#law, `allocation-${(this.#allocations += 1)}`, this.#world.parts);
    return this.#relay;
  }

  /** The relay is killed; another one connects after `ms`, and whoever missed it is woken. */
  down(ms: number): void {
    this.#relay?.kill('and stays away for a while');
    this.downUntil = Math.max(this.downUntil, this.#world.scheduler.now + ms);
    this.#world.scheduler.at(this.downUntil, () => {
      if (this.downUntil > this.#world.scheduler.now) return;
      for (const name of this.#waiting) this.#world.wake(name, 'relay-connected');
      this.#waiting.clear();
    });
  }

  /** The relay's own dials. */
  look(): void {
    if (this.downUntil <= this.#world.scheduler.now) this.#relay?.look();
  }

  forget(relay: RelayProcess): void {
    if (this.#relay === relay) this.#relay = null;
  }

  #missing(request: LinkRequest, code: string, message: string): LinkOutcome {
    if (request.caller !== null) this.#waiting.add(request.caller);
    return { ok: false, error: { code, message, retryable: true } };
  }
}

class RelayProcess implements Mortal {
  readonly label: string;
  alive = true;
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #app: RelayApp;
  readonly #watch: { look(): Promise<void> };
  readonly #hangUp = new Set<(reason: Error) => void>();

  constructor(world: World, cluster: Cluster, law: object, allocation: string, parts: RelayParts) {
    this.label = `relay/${cluster.name}`;
    this.#world = world;
    this.#cluster = cluster;
    const made = parts.createRelay({
      law,
      identity: EDGE_KEY,
      nomad: cluster.nomad,
      allocation,
      bundle: 'development',
      clock: () => world.scheduler.now,
      monotonic: () => world.scheduler.now,
      random: () => world.random.next(),
      log: ({ code, cause, route }: { code?: string; cause?: string; route?: string }) => {
        if (code === 'internal') world.laws.violation('internal error', `${this.label} ${route ?? ''}: ${cause ?? ''}`);
      },
      reported: (event: { certificate: string }) => world.wake(event.certificate, 'served-changed'),
    });
    this.#app = made.app;
    this.#watch = made.watch;
  }

  gate(): boolean {
    return this.alive;
  }

  kill(why: string): void {
    if (!this.alive) return;
    this.#world.trace.add(`✗ ${this.label} is killed ${why}`);
    this.alive = false;
    this.#cluster.forget(this);
    for (const reject of this.#hangUp) reject(new Error('hung up'));
  }

  look(): void {
    void actingAs(this, () => this.#watch.look()).catch(() => undefined);
  }

  async handle({ method, path, body, timeoutMs }: LinkRequest): Promise<{ status: number; body: string }> {
    const { scheduler } = this.#world;
    const deadline = new AbortController();
    const cancel = scheduler.after(timeoutMs, () => deadline.abort());
    const { promise: hungUp, reject } = Promise.withResolvers<never>();
    hungUp.catch(() => undefined);
    this.#hangUp.add(reject);
    const admission = { now: () => scheduler.now, signal: deadline.signal };
    const init = { method, ...(body === '' ? {} : { body, headers: { 'content-type': 'application/json' } }) };
    const work = actingAs(this, async () => {
      const response = await this.#app.request(`http://relay${path}`, init, { admission: Promise.resolve(admission) });
      const text = await response.text();
      if (response.status >= 400) this.#world.trace.add(`${this.label} ${method} ${path.split('?')[0]}: ${response.status} ${text.slice(0, 160)}`);
      return { status: response.status, body: text };
    });
    try {
      return await Promise.race([work, hungUp]);
    } finally {
      cancel();
      this.#hangUp.delete(reject);
    }
  }
}
