/** What a test needs of zones at Namecheap that are full of somebody else's records: one account, one zone and one certificate each. */
import { strangersZone } from '../../infra/demo/strangers-zone.ts';
import { compareContents, readContents, type Contents, type Difference } from '../../infra/demo/zones.ts';
import type { NamecheapOptions } from '../../infra/demo/parts/zones.ts';
import type { LoggedCall } from '../emulators/namecheap/request-log.ts';
import type { HostInput, NamecheapEmulator, StoredHost } from '../emulators/namecheap/index.ts';
import type { Installation } from './installation.ts';

/** `<name>.co.uk`, in the account `<name>`: budgets are per account, and no test shall wait for another one's. */
export function zoneOf(name: string): string {
  return `${name}.co.uk`;
}

export function zonesFor(names: readonly string[]): NamecheapOptions {
  return { domains: names.map((name) => ({ name: zoneOf(name), user: name, ...strangersZone() })) };
}

/** Apex and wildcard of each zone, as `domains` of an installation. */
export function domainsFor(names: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(names.map((name) => [name, [zoneOf(name), `*.${zoneOf(name)}`]]));
}

type Act = () => void | Promise<void>;

export class StrangersZones {
  readonly vendor: NamecheapEmulator;
  readonly #installation: Installation;
  /** By zone and command. */
  readonly #beforeCalls = new Map<string, Act>();
  readonly #afterWrites = new Map<string, Act>();
  /** Zones in the middle of a write, each with what lets it go on. */
  readonly #held = new Map<string, () => void>();

  constructor(installation: Installation) {
    const { namecheap } = installation.system;
    if (namecheap === undefined) throw new Error('These tests need zones at Namecheap.');
    this.#installation = installation;
    this.vendor = namecheap;
    namecheap.core.before = async ({ domain, command }) => await take(this.#beforeCalls, `${domain} ${command}`)?.();
    namecheap.core.onChange = ({ domain, by }) => {
      if (by === 'api') void take(this.#afterWrites, domain)?.();
    };
  }

  /** Runs `act` once: when the next call of this command for the zone has arrived and is not carried out yet. */
  beforeNext(name: string, command: 'getHosts' | 'setHosts', act: Act): void {
    this.#beforeCalls.set(`${zoneOf(name)} domains.dns.${command}`, act);
  }

  /** Runs `act` once: when the next write by the API has taken effect and is not answered yet. */
  afterNextWrite(name: string, act: Act): void {
    this.#afterWrites.set(zoneOf(name), act);
  }

  /** Keeps the next write of a zone, arrived and not carried out, until {@link release}. */
  hold(name: string): void {
    this.beforeNext(name, 'setHosts', async () => await new Promise<void>((resolve) => this.#held.set(name, resolve)));
  }

  /** Counts a zone as held whose write has been carried out and is not answered. */
  note(name: string): void {
    this.#held.set(name, () => undefined);
  }

  release(name: string): void {
    this.#held.get(name)?.();
  }

  held(): string[] {
    return [...this.#held.keys()].toSorted();
  }

  /** Whether the last write was followed by a reading. */
  isReadBack(name: string): boolean {
    const commands = this.calls(name).map(({ command }) => command);
    return commands.lastIndexOf('domains.dns.getHosts') > commands.lastIndexOf('domains.dns.setHosts') && this.writes(name) > 0;
  }

  /** A stranger's edit by other means. */
  edit(name: string, change: (hosts: readonly StoredHost[]) => (HostInput | StoredHost)[]): void {
    this.vendor.setHosts(zoneOf(name), { hosts: change(this.vendor.hosts(zoneOf(name))) });
  }

  /** How a zone differs from what it was before anything of ours ran. */
  difference(name: string): Difference {
    const { system } = this.#installation;
    const of = (contents: Contents): Contents => contents.filter((line) => line.startsWith(`namecheap ${zoneOf(name)} `));
    return compareContents(of(system.contentsBefore), of(readContents(system)));
  }

  /** Calls for a zone so far, the first one first. */
  calls(name: string): LoggedCall[] {
    return this.vendor.requests.all().filter(({ domain }) => domain === zoneOf(name));
  }

  writes(name: string): number {
    return this.calls(name).filter(({ command }) => command === 'domains.dns.setHosts').length;
  }
}

export const UNTOUCHED: Difference = { missing: [], challenges: [], further: [] };

function take(acts: Map<string, Act>, key: string): Act | undefined {
  const act = acts.get(key);
  acts.delete(key);
  return act;
}
