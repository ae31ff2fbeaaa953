/** Everything that one simulation consists of, put together from a plan. */
import type { CertificateSpec, Configuration } from '../../../functions/config/configuration.ts';
import { Laws } from '../laws.ts';
import { type Mortal, Outside } from '../outside.ts';
import type { Parts } from '../parts.ts';
import { actingAs, actor, enter } from '../platform/virtual.ts';
import { Random } from '../random.ts';
import { Instance, Runtime } from '../runtime.ts';
import { unsettled } from '../rest.ts';
import { Scheduler } from '../scheduler.ts';
import { Trace } from '../trace.ts';
import { CALM, type Weather } from '../weather.ts';
import type { CaOrder } from './ca-records.ts';
import { SimulatedCa, type CaSettings } from './ca.ts';
import { Cluster } from './cluster.ts';
import { setCurrent } from './current.ts';
import { SimulatedDns } from './dns.ts';
import { SimulatedFleet } from './fleet.ts';
import { exchange } from './network.ts';
import { SimulatedProxy } from './proxy.ts';
import { SecretsClass } from './secrets.ts';
import type { DohAnswer } from '../../../functions/dns/doh.ts';

/** A simulation of some days has a few thousand. */
const MOST_EVENTS = 40_000;

export interface Plan {
  start: number;
  configuration: Configuration;
  authorities: CaSettings[];
  zones: string[];
  /** Longest lag of a name server, ms. */
  lagMs: number;
  proxiesPerDelivery: number;
}

export class World {
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly outside: Outside;
  readonly runtime: Runtime;
  readonly laws: Laws;
  readonly parts: Parts;
  readonly dns: SimulatedDns;
  readonly caches = new Map<string, { answer: DohAnswer; until: number }>();
  readonly authorities: SimulatedCa[];
  readonly clusters = new Map<string, Cluster>();
  readonly fleet: SimulatedFleet;
  /** Orders whose certificate cannot be used, by the simulation's own doing. */
  readonly spoilt = new Set<CaOrder>();
  weather: Weather = CALM;
  vendorDownUntil = 0;
  /** More is a loop. */
  mostEvents = MOST_EVENTS;
  readonly configurations: Configuration[];
  #deployment = 0;
  #keys = 0;

  constructor(seed: number | string, plan: Plan, parts: Parts, wholeTrace: boolean) {
    this.random = new Random(seed);
    this.scheduler = new Scheduler(plan.start, this.random);
    this.trace = new Trace(() => this.scheduler.now, wholeTrace);
    this.parts = parts;
    this.configurations = [plan.configuration];
    this.outside = new Outside({ scheduler: this.scheduler, random: this.random, trace: this.trace, weather: () => this.weather });
    this.dns = new SimulatedDns(this.random, () => this.scheduler.now);
    this.dns.lagMs = plan.lagMs;
    setCurrent(this);
    this.#surround();
    this.laws = new Laws(this);
    this.fleet = new SimulatedFleet(this);
    for (const zone of plan.zones) this.dns.addZone(zone, 'main');
    this.authorities = plan.authorities.map((settings) => this.#authority(settings));
    this.runtime = new Runtime({
      scheduler: this.scheduler,
      random: this.random,
      trace: this.trace,
      outside: this.outside,
      classes: { ...parts.classes, secrets: SecretsClass },
      environment: (instance) => this.#environment(instance),
      deployment: () => this.#deployment,
      violation: (law, text) => this.laws.violation(law, text),
      onAlarm: (host) => this.laws.alarmed(host),
      onCommit: (host) => this.laws.committed(host),
    });
    this.#buildClusters(plan);
  }

  get configuration(): Configuration {
    return this.configurations[this.#deployment] ?? (this.configurations[0] as Configuration);
  }

  get names(): string[] {
    return this.configuration.certificates.map(({ name }) => name);
  }

  specOf(name: string): CertificateSpec | undefined {
    return this.configuration.certificates.find((spec) => spec.name === name);
  }

  wake(name: string, reason: string): void {
    this.trace.add(`wake ${name}: ${reason}`);
    if (reason === 'renew' || reason === 'force') this.laws.asked(name);
    void this.runtime.send('certificate', name, 'wake', reason);
  }

  /** Hands every certificate its specification of the present configuration. */
  apply(): void {
    for (const spec of this.configuration.certificates) {
      void this.runtime.send('certificate', spec.name, 'apply', spec.name, spec, this.#deployment + 1);
    }
  }

  /** A deploy ends every instance; what they had written stays. */
  deploy(next: Configuration): void {
    this.trace.add('a new bundle is deployed');
    this.configurations.push(next);
    this.#deployment = this.configurations.length - 1;
    for (const host of this.runtime.hosts.values()) {
      host.commit();
      host.instance?.kill('by the deploy');
    }
    this.apply();
  }

  /** After every event. */
  check(): void {
    if (this.scheduler.events === this.mostEvents) this.laws.violation('hot loop', `${this.mostEvents} events, and no end.`);
  }

  unsettled(): string[] {
    return unsettled(this);
  }

  /** A person presses the button that the page offers. */
  help(name: string): void {
    const view = this.fleet.rows.get(name)?.view;
    if (view === undefined || view.state === 'live') return;
    this.wake(name, view.deliveries.some(({ state }) => state === 'drift') ? 'redeliver' : 'renew');
  }

  recover(proxy: SimulatedProxy): void {
    proxy.mood = 'well';
    proxy.load();
  }

  readonly proxyAt = (address: string, port: number): SimulatedProxy | undefined =>
    [...this.clusters.values()].flatMap(({ nomad }) => nomad.proxies).find((proxy) => proxy.address === address && proxy.port === port);

  close(): void {
    this.runtime.close();
    setCurrent(null);
    enter(null);
  }

  #surround(): void {
    enter({
      now: () => this.scheduler.now,
      random: () => this.random.next(),
      uuid: () => this.random.uuid(),
      bytes: (target) => this.random.bytes(target),
      keyIndex: () => (this.#keys += 1),
      later: (delay, run) => this.scheduler.after(delay, run),
      fetch: (who, url, init) => exchange(this, who as Mortal, url, init),
      log: (level, text) => this.trace.add(`${actor()?.label ?? ''} ${level}: ${text}`),
      configuration: (who) => (who instanceof Instance ? this.configurations[who.deployment] : this.configuration),
    });
  }

  #authority(settings: CaSettings): SimulatedCa {
    return new SimulatedCa(settings, {
      random: this.random,
      clock: () => this.scheduler.now,
      weather: () => this.weather,
      later: (delay, run) => this.scheduler.after(delay, run),
      txt: (name) => this.dns.txt(name),
      issuanceOf: (caller) => {
        if (!(caller instanceof Instance)) return null;
        const [row] = caller.host.disk.look("SELECT json_extract(json, '$.id') AS id FROM documents WHERE key = 'issuance'");
        return row === undefined ? null : String(row['id']);
      },
      onFinalized: (ca, order) => this.laws.finalizedOrder(ca, order),
      onSpoilt: (order) => this.spoilt.add(order),
      say: (line) => this.trace.add(line),
      onLimit: (ca, bucket) => this.laws.violation('limits', `${ca.settings.name} refuses by its limit "${bucket}", which the ledger should have seen coming.`),
    });
  }

  #buildClusters(plan: Plan): void {
    const roots = this.authorities.map(({ issuer }) => issuer.root.pem);
    const deliveries = plan.configuration.certificates.flatMap((spec) => spec.deliveries.map((delivery) => ({ spec, delivery })));
    for (const { name } of plan.configuration.clusters) {
      const here = deliveries.filter(({ delivery }) => delivery.cluster === name);
      if (here.length === 0) continue;
      const targets = here.map(({ delivery }) => ({
        variable: delivery.target.variable,
        service: delivery.service,
        names: plan.zones.flatMap((zone) => [zone, `.${zone}`]),
      }));
      const cluster = new Cluster(this, name, targets, roots);
      for (const { delivery } of here) {
        for (let number = 1; number <= plan.proxiesPerDelivery; number += 1)
          cluster.nomad.proxies.push(new SimulatedProxy(cluster.nomad, delivery.service, delivery.target.variable, number));
      }
      this.clusters.set(name, cluster);
    }
  }

  #environment(instance: Instance): object {
    const fleetCall = (work: () => unknown) => this.outside.call(instance, 'object', 'fleet', () => JSON.parse(JSON.stringify(work() ?? null)) as unknown);
    return {
      CERTIFICATES: this.runtime.namespace(instance, 'certificate'),
      ZONES: this.runtime.namespace(instance, 'zone'),
      AUTHORITIES: this.runtime.namespace(instance, 'ca'),
      SECRETS: this.runtime.namespace(instance, 'secrets'),
      CLUSTERS: {
        getByName: (name: string) => ({
          call: (_: string, request: Parameters<Cluster['call']>[1]) => {
            const cluster = this.clusters.get(name);
            if (cluster === undefined) throw new Error(`There is no cluster ${name}.`);
            return cluster.call(instance, request);
          },
        }),
      },
      FLEET: {
        getByName: () => ({
          report: (report: Parameters<SimulatedFleet['report']>[0]) => fleetCall(() => this.fleet.report(report)),
          zoneReport: () => fleetCall(() => ({ ok: true, value: null })),
        }),
      },
    };
  }
}

/** For code that the simulation itself starts on behalf of an actor. */
export { actingAs };
