/**
 * The platform of Durable Objects: instances that come and go over disks that stay, one alarm each, calls between them,
 * and the two ways in which an instance ends: killed at once, or replaced while it runs on unaware.
 */
import { actingAs, type Actor } from './platform/virtual.ts';
import { type Mortal, NoReply, type Outside } from './outside.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import { Disk, storageOf } from './storage.ts';
import type { Trace } from './trace.ts';

type Method = (...args: unknown[]) => Promise<unknown>;
/** A Durable Object as the platform sees it. */
export type ObjectInstance = Record<string, unknown> & { alarm?: () => Promise<void> };
export type ObjectClass = new (context: unknown, environment: unknown) => ObjectInstance;

export interface RuntimeDependencies {
  scheduler: Scheduler;
  random: Random;
  trace: Trace;
  outside: Outside;
  classes: Record<string, ObjectClass>;
  /** What an instance is given as its environment; called once for each. */
  environment: (instance: Instance) => unknown;
  /** Number of the deployment that new instances belong to. */
  deployment: () => number;
  violation: (law: string, text: string) => void;
  onAlarm: (host: Host) => void;
  onCommit: (host: Host) => void;
}

/** How long a write takes to become durable by itself, ms. */
const DURABLE_MS = [1, 15] as const;
const LOST_STUB = 'The Durable Object this call was made to has been reset.';

/** What a replaced instance meets when it touches storage. Whatever it leaves unhandled then is nobody's concern. */
export class Replaced extends Error {
  override readonly name = 'Replaced';
}

export class Runtime {
  readonly deps: RuntimeDependencies;
  readonly hosts = new Map<string, Host>();

  constructor(deps: RuntimeDependencies) {
    this.deps = deps;
  }

  host(kind: string, name: string): Host {
    const id = `${kind}/${name}`;
    let host = this.hosts.get(id);
    if (host === undefined) {
      host = new Host(this, kind, name);
      this.hosts.set(id, host);
    }
    return host;
  }

  /** A namespace binding for calls by `who`. */
  namespace(who: Mortal, kind: string): { getByName(name: string): unknown } {
    return {
      getByName: (name) =>
        new Proxy(
          {},
          {
            get: (_, method) =>
              // A stub is no thenable.
              typeof method === 'string' && method !== 'then' ? (...args: unknown[]) => this.#call(who, this.host(kind, name), method, args) : undefined,
          },
        ),
    };
  }

  /** A call by nobody in particular: the fleet's, a person's. It is not lost. */
  async send(kind: string, name: string, method: string, ...args: unknown[]): Promise<unknown> {
    return this.host(kind, name).invoke(method, args);
  }

  #call(who: Mortal, host: Host, method: string, args: unknown[]): Promise<unknown> {
    const sent = JSON.stringify(args);
    const label = `${host.label}.${method}`;
    return this.deps.outside
      .call(who, 'object', label, async () => JSON.stringify((await host.invoke(method, JSON.parse(sent) as unknown[])) ?? null))
      .then(
        (reply) => JSON.parse(reply) as unknown,
        (thrown: unknown) => {
          throw thrown instanceof NoReply ? new Error('Network connection lost.') : thrown;
        },
      );
  }

  close(): void {
    for (const host of this.hosts.values()) host.disk.close();
  }
}

export class Host {
  readonly label: string;
  readonly kind: string;
  readonly name: string;
  readonly disk: Disk;
  instance: Instance | null = null;
  /** Alarms that were delivered. */
  alarms = 0;
  readonly #runtime: Runtime;
  #armedFor: number | null = null;
  #ringing = false;

  constructor(runtime: Runtime, kind: string, name: string) {
    this.#runtime = runtime;
    this.kind = kind;
    this.name = name;
    this.label = `${kind}/${name}`;
    this.disk = new Disk(
      () => this.#dirty(),
      (value) => {
        if (kind !== 'secrets' && /PRIVATE KEY|MIGHAgEAMBMGByqGSM49/.test(value))
          runtime.deps.violation('key at the edge', `${this.label} stores a private key.`);
      },
    );
  }

  /** Runs a method in the present instance, or in a new one. What it returns leaves after what it wrote is durable. */
  async invoke(method: string, args: unknown[]): Promise<unknown> {
    const instance = this.present();
    const value = await instance.run((object) => (object[method] as Method).apply(object, args));
    this.commit();
    return value;
  }

  present(): Instance {
    this.instance ??= new Instance(this, this.#runtime);
    return this.instance;
  }

  commit(): void {
    if (!this.disk.dirty) return;
    this.disk.commit();
    this.#runtime.deps.onCommit(this);
    this.arm();
  }

  /** Sets the timer for the alarm on the disk. */
  arm(): void {
    const { alarm } = this.disk;
    if (alarm === null || alarm === this.#armedFor) return;
    this.#armedFor = alarm;
    this.#runtime.deps.scheduler.at(alarm, () => {
      if (this.#armedFor === alarm) this.#armedFor = null;
      this.ring();
    });
  }

  /** Delivers the alarm if it is due; one that comes due while another runs waits for its end. */
  ring(): void {
    const { scheduler, trace, onAlarm, violation } = this.#runtime.deps;
    this.commit();
    const { alarm } = this.disk;
    if (alarm === null) return;
    if (alarm > scheduler.now) return this.arm();
    if (this.#ringing) return;
    const instance = this.present();
    this.#ringing = true;
    this.alarms += 1;
    onAlarm(this);
    trace.add(`${this.label} alarm`);
    this.disk.setAlarm(null);
    void instance
      .run((object) => object.alarm?.() ?? Promise.resolve())
      .catch((thrown: unknown) => {
        if (instance.alive) violation('alarm threw', `${this.label}: ${String(thrown)}`);
      })
      .finally(() => {
        if (this.instance !== instance) return;
        this.#ringing = false;
        scheduler.after(1, () => this.ring());
      });
  }

  /** The instance is gone; its successor comes with the next call or alarm. */
  forget(instance: Instance): void {
    if (this.instance !== instance) return;
    this.instance = null;
    this.#ringing = false;
    this.#armedFor = null;
    const { scheduler, random } = this.#runtime.deps;
    scheduler.after(random.between(1, 1_500), () => this.ring());
  }

  #dirty(): void {
    const { scheduler, random } = this.#runtime.deps;
    scheduler.after(random.between(...DURABLE_MS), () => this.commit());
  }
}

export class Instance implements Mortal, Actor {
  readonly label: string;
  readonly host: Host;
  readonly deployment: number;
  alive = true;
  /** Replaced, and not yet aware of it. */
  stale = false;
  readonly #runtime: Runtime;
  readonly #object: ObjectInstance;
  readonly #calls = new Set<(reason: Error) => void>();

  constructor(host: Host, runtime: Runtime) {
    this.host = host;
    this.label = host.label;
    this.#runtime = runtime;
    this.deployment = runtime.deps.deployment();
    const Class = runtime.deps.classes[host.kind];
    if (Class === undefined) throw new Error(`There are no objects of kind ${host.kind}.`);
    const storage = storageOf(host.disk, () => this.#touch());
    this.#object = actingAs(this, () => new Class({ storage }, runtime.deps.environment(this)));
  }

  /** Runs code of the object; ends with an error when the instance does. */
  run(work: (object: ObjectInstance) => Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#calls.add(reject);
      actingAs(this, () => work(this.#object))
        .then(resolve, reject)
        .finally(() => this.#calls.delete(reject));
    });
  }

  gate(): boolean {
    if (!this.stale) this.host.commit();
    return this.alive;
  }

  kill(why: string): void {
    if (!this.alive) return;
    this.#runtime.deps.trace.add(`✗ ${this.label} is killed ${why}`);
    if (!this.stale) this.host.disk.crash(this.#runtime.deps.random.between(0, this.host.disk.units));
    this.#end();
  }

  replace(): void {
    if (!this.alive || this.stale) return;
    this.#runtime.deps.trace.add(`✗ ${this.label} is replaced and does not know it`);
    this.stale = true;
    this.host.disk.crash(this.#runtime.deps.random.between(0, this.host.disk.units));
    this.host.forget(this);
  }

  #touch(): void {
    if (this.alive && !this.stale) return;
    if (this.alive) this.#end();
    throw new Replaced('The storage of this Durable Object belongs to its successor.');
  }

  #end(): void {
    this.alive = false;
    this.host.forget(this);
    const { scheduler, random } = this.#runtime.deps;
    // Callers learn of it, sooner or later.
    scheduler.after(random.between(1, 200), () => {
      for (const reject of this.#calls) reject(new Error(LOST_STUB));
    });
  }
}
