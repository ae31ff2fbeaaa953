/**
 * One zone at Namecheap with strangers in it, the object that writes there in its present life, and everything that can go
 * wrong. Whatever happens, what strangers have is watched at the vendor, at every write that takes effect.
 */
import { HOUR, MINUTE, SECOND } from '../../shared/clock.ts';
import { unwrap } from '../../shared/errors.ts';
import type { NamecheapRelay } from '../../functions/dns/namecheap/relay.ts';
import type { ZoneDependencies } from '../../functions/dns/wiring.ts';
import { ZoneObject } from '../../functions/dns/zone-object.ts';
import type { PresentRequest } from '../../functions/dns/zone-requests.ts';
import type { Change, DomainSpec } from '../emulators/namecheap/domain.ts';
import type { HostInput } from '../emulators/namecheap/host.ts';
import type { NamecheapOptions } from '../emulators/namecheap/namecheap.ts';
import { couldBeOurs, DOMAIN, isPlausible, OWNERS, type Edit, type Foreign, type Lie, type Step } from './dns-namecheap-arbitraries.ts';
import { NAMECHEAP_VENDOR, NamecheapAccount, USER } from './dns-namecheap.ts';
import { Lives } from './dns-namecheap-lives.ts';
import { hostOf, missingPrecautions } from './dns-namecheap-precautions.ts';
import { identity, Strangers, whole, type Identity } from './dns-namecheap-strangers.ts';

/** Something that careless clients do, for the proof that the property sees it. */
export interface Defect {
  /** Sits between the zone and the relay. */
  relay?: (account: NamecheapAccount) => NamecheapRelay;
  /** What leads to where it shows. */
  opening?: readonly Step[];
  /** Befalls the storage between two lives. */
  forgets?: (sql: SqlStorage) => void;
}

export type Environment = ConstructorParameters<typeof ZoneObject>[1];

const MAX_ALARMS = 500;
const TARGET = { vendor: NAMECHEAP_VENDOR, zone: { id: `${USER}/${DOMAIN}`, name: DOMAIN } };

export class Scene {
  readonly account: NamecheapAccount;
  readonly strangers: Strangers;
  /** What went wrong, in sentences. */
  readonly violations: string[] = [];
  readonly #state: DurableObjectState;
  readonly #environment: Environment;
  readonly #defect: Defect | undefined;
  readonly #asked = new Set<string>();
  readonly #requests = new Map<string, PresentRequest>();
  readonly #lives = new Lives();
  #life = this.#lives.begin();
  #object: ZoneObject;
  #edits: Edit[] = [];
  #lie: Lie | null = null;
  #lastReadLied = false;
  #lastChange: Change['by'] = 'stranger';
  /** Somebody edited, and nobody has read the zone since. */
  #isUnseen = false;
  #count = 0;

  constructor(state: DurableObjectState, environment: Environment, foreign: Foreign, mood: Partial<NamecheapOptions & DomainSpec>, defect?: Defect) {
    const { srv = [], ...behaviour } = mood;
    this.#state = state;
    this.#environment = environment;
    this.#defect = defect;
    this.account = new NamecheapAccount({ domains: [{ name: DOMAIN, srv, ...foreign }], ...behaviour });
    this.strangers = new Strangers(foreign.hosts);
    this.account.emulator.onChange = (change) => this.#watch(change);
    this.account.emulator.before = ({ command }) => this.#beforeRequest(command);
    this.account.onWrite = (request) => {
      this.violations.push(...missingPrecautions(state.storage.sql, request));
    };
    this.#object = this.#born();
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'present':
        for (const { name, value } of step.records) this.#ask({ type: 'TXT', name, value });
        return this.#present({ ...TARGET, owner: step.owner, operation: `present-${(this.#count += 1)}`, records: step.records });
      case 'ask-again': {
        const request = this.#requests.get(step.owner);
        return request === undefined ? undefined : this.#present(request);
      }
      case 'clean-up':
        return this.cleanUp(step.owner);
      case 'declare':
        for (const record of step.records) this.#ask(record);
        return this.#declare(step.records);
      case 'wait':
        return this.pass(step.milliseconds);
      case 'edit':
        return this.#edit(step.edit);
      case 'edit-before-read':
        this.#edits.push(step.edit);
        return;
      case 'fault':
        return this.account.emulator.faults.next(step.fault);
      case 'lie':
        // One that is told twice is believed by everybody: between two lies there is the truth.
        if (!this.#lastReadLied) this.#lie ??= step.lie;
        return;
      case 'link':
        this.account.link = step.fault;
        return;
      case 'die':
        this.#lives.death = { when: step.when, calls: step.calls };
        return;
      case 'die-writing':
        this.#lives.death = { when: 'after', calls: 0, only: 'write' };
        if (step.travelling === 'to-relay') this.account.link = { kind: 'late', delayMs: step.delayMs };
        else this.account.emulator.faults.first({ kind: 'delayed', delayMs: step.delayMs, command: 'setHosts' });
        return;
      case 'restart':
        this.#life.end();
        return this.#revive();
    }
  }

  /** Everything is given up, the vendor is well again, and somebody looks at a stopped zone. */
  async comeToRest(): Promise<void> {
    this.account.emulator.faults.clear();
    this.account.link = null;
    this.#lives.death = null;
    this.#edits = [];
    this.#lie = null;
    await this.pass(2 * MINUTE);
    this.#mendMail();
    for (const owner of OWNERS) await this.cleanUp(owner);
    await this.#declare([]);
    for (let round = 0; round < 6 && (await this.#restless()); round += 1) {
      unwrap(await this.#object.release());
      await this.#approve();
      await this.pass(3 * HOUR);
    }
    const owned = unwrap(await this.#object.owned());
    if (owned.length > 0)
      this.violations.push(`The ledger still answers for ${owned.map(({ name, value, state }) => `${name} ${value} (${state})`).join(', ')}.`);
    const left = this.account.emulator.hosts(DOMAIN).filter((row) => this.#isOurs(row) && !this.strangers.has(row));
    if (left.length > 0) this.violations.push(`Ours is left: ${left.map(({ name, type, address }) => `${name} ${type} ${address}`).join(', ')}.`);
    this.violations.push(...this.strangers.missingIn(this.account.emulator.domain(DOMAIN).list, (row) => this.#isOurs(row)));
  }

  async cleanUp(owner: string): Promise<void> {
    await this.#whileAlive((zone) => zone.cleanUp({ owner, operation: `clean-up-${(this.#count += 1)}` }));
  }

  /** Time passes and alarms run. An object that dies in one is called again by the platform. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.account.now + milliseconds;
    const { storage } = this.#state;
    for (let count = 0; ; count += 1) {
      const alarm = await storage.getAlarm();
      if (alarm === null || alarm > end) break;
      if (count >= MAX_ALARMS) throw new Error(`${MAX_ALARMS} alarms within ${milliseconds} ms.`);
      await this.account.pass(Math.max(0, alarm - this.account.now));
      await storage.deleteAlarm();
      const survived = await this.#whileAlive((zone) => zone.alarm());
      if (!survived && (await storage.getAlarm()) === null) await storage.setAlarm(this.account.now + SECOND);
    }
    await this.account.pass(end - this.account.now);
  }

  async #present(request: PresentRequest): Promise<void> {
    this.#requests.set(request.owner, request);
    await this.#whileAlive((zone) => zone.present(request));
  }

  async #declare(records: Extract<Step, { do: 'declare' }>['records']): Promise<void> {
    const generation = (this.#count += 1);
    await this.#whileAlive((zone) => zone.declare({ ...TARGET, generation, records, held: [] }));
    await this.#approve();
  }

  /** Somebody looks at the plan, and approves it where it asks for that. */
  async #approve(): Promise<void> {
    await this.#whileAlive(async (zone) => {
      const plan = await zone.plan();
      if (plan.ok && plan.value !== null && !plan.value.approved) await zone.approve(plan.value.digest);
    });
  }

  async #restless(): Promise<boolean> {
    const health = unwrap(await this.#object.health());
    return health !== null && (health.stopped !== null || health.live > 0);
  }

  /** False when the object's life ended meanwhile; then its successor has taken over. */
  async #whileAlive(work: (zone: ZoneObject) => Promise<unknown>): Promise<boolean> {
    const life = this.#life;
    await Promise.race([work(this.#object), life.ended]);
    if (life.over) this.#revive();
    return !life.over;
  }

  #revive(): void {
    this.#defect?.forgets?.(this.#state.storage.sql);
    this.#life = this.#lives.begin();
    this.#object = this.#born();
  }

  #born(): ZoneObject {
    const { account } = this;
    const relay = this.#life.bounded(this.#defect?.relay?.(account) ?? account.relay);
    const dependencies = account.dependencies(relay);
    class ConnectedZone extends ZoneObject {
      protected override dependencies(): ZoneDependencies {
        return dependencies;
      }
    }
    return new ConnectedZone(this.#state, this.#environment);
  }

  #ask({ type, name, value }: { type: string; name: string; value: string }): void {
    this.#asked.add(identity({ type, name: hostOf(name, DOMAIN), address: value }));
  }

  #isOurs(record: Identity): boolean {
    return this.#asked.has(identity(record));
  }

  #beforeRequest(command: string): void {
    const { emulator } = this.account;
    if (!command.endsWith('getHosts')) return;
    // Never between the last look and the write, where nobody could see it.
    for (const edit of this.#edits.splice(0)) this.#edit(edit);
    const lie = this.#lie !== null && this.#isBelievable(this.#lie) ? this.#lie : null;
    this.#lastReadLied = lie !== null;
    if (lie === null) {
      this.#isUnseen = false;
      return;
    }
    this.#lie = null;
    emulator.faults.first(lie === 'stale' ? { kind: 'stale', command } : { kind: 'garbled', how: lie, command });
  }

  /** Not one that hides just what a stranger did since the last look, or a record of theirs with a value of ours: nobody could see through it. */
  #isBelievable(lie: Lie): boolean {
    if (lie === 'stale') return this.#lastChange === 'api';
    return !this.#isUnseen && !this.strangers.rows.some((row) => this.#isOurs(row));
  }

  #edit(edit: Edit): void {
    const { emulator } = this.account;
    // What a write that is on its way will replace cannot be saved by anybody.
    if (emulator.lastArrival !== null) return;
    const { rows } = this.strangers;
    const routing = emulator.emailType(DOMAIN);
    const put = (gone: HostInput | undefined, come: HostInput | undefined, emailType = routing) => {
      // Exactly our record, written by somebody else while we write it, is one row with two owners; before, it is theirs.
      if (come !== undefined && couldBeOurs(come)) return;
      const edited = { emailType, hosts: [...this.#without(gone === undefined ? [] : [gone]), ...(come === undefined ? [] : [come])] };
      if (!isPlausible(edited)) return;
      if (gone !== undefined) this.strangers.remove(gone);
      if (come !== undefined) this.strangers.add(come);
      emulator.setHosts(DOMAIN, edited);
    };
    const some = rows[('at' in edit ? edit.at : 0) % Math.max(1, rows.length)];
    switch (edit.edit) {
      case 'add':
        return put(undefined, edit.row);
      case 'remove':
        return put(some, undefined);
      case 'change':
        return put(some, edit.row);
      case 'email-type':
        return put(undefined, undefined, edit.emailType);
    }
  }

  /** Two MX rows with one target keep a zone from being written to. Its owner leaves one of them. */
  #mendMail(): void {
    const { rows } = this.strangers;
    const doubled = rows.filter((row, index) => rows.some((other, at) => at < index && identity(other) === identity(row)));
    for (const row of doubled) this.strangers.remove(row);
    if (doubled.length > 0) this.account.emulator.setHosts(DOMAIN, { hosts: this.#without(doubled) });
  }

  #without(gone: readonly HostInput[]): readonly HostInput[] {
    const keys = new Set(gone.map(whole));
    return this.account.emulator.hosts(DOMAIN).filter((row) => !keys.has(whole(row)));
  }

  #watch(change: Change): void {
    this.#lastChange = change.by;
    this.#isUnseen ||= change.by === 'stranger';
    if (change.by === 'api') this.violations.push(...this.strangers.harmedBy(change, (row) => this.#isOurs(row)));
  }
}
