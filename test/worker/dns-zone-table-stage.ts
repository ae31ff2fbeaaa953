/** A ZoneObject in front of a Namecheap account, with its alarms: time passes only when a test says so. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { unwrap } from '../../shared/errors.ts';
import type { NamecheapRelay } from '../../functions/dns/namecheap/relay.ts';
import type { ZoneDependencies } from '../../functions/dns/wiring.ts';
import { ZoneObject } from '../../functions/dns/zone-object.ts';
import type { ZoneReport } from '../../functions/dns/zone-report.ts';
import type { PresentRequest } from '../../functions/dns/zone-requests.ts';
import type { SrvRecord } from '../emulators/namecheap/domain.ts';
import type { HostInput } from '../emulators/namecheap/host.ts';
import type { NamecheapOptions } from '../emulators/namecheap/namecheap.ts';
import { NAMECHEAP_VENDOR, NAME_SERVERS, NamecheapAccount, USER } from './dns-namecheap.ts';

export const DOMAIN = 'example.com';
const MAX_ALARMS = 300;

/** A zone with mail, CAA and a redirect in it: what somebody would miss. */
export const STRANGERS: readonly HostInput[] = [
  { name: '@', type: 'MX', address: 'aspmx.l.google.com.', mxPref: 1, ttl: 3_600 },
  { name: '@', type: 'MX', address: 'alt1.aspmx.l.google.com.', mxPref: 5, ttl: 3_600 },
  { name: '@', type: 'TXT', address: 'v=spf1 include:_spf.google.com ~all' },
  { name: '@', type: 'CAA', address: '0 issue "letsencrypt.org"' },
  { name: '@', type: 'A', address: '203.0.113.9', ttl: 300 },
  { name: 'www', type: 'CNAME', address: 'example.com.' },
  { name: 'old', type: 'URL301', address: 'http://example.org/p+q/' },
  { name: '_acme-challenge', type: 'TXT', address: 'of-another-client', ttl: 120 },
];
export const SRV: SrvRecord = { service: '_sip', protocol: '_tls', priority: 100, weight: 1, port: 443, target: 'sipdir.online.lync.com' };

export interface StageOptions extends Partial<NamecheapOptions> {
  hosts?: readonly HostInput[];
  srv?: readonly SrvRecord[];
  emailType?: string;
}

export class Stage {
  readonly account: NamecheapAccount;
  readonly reports: ZoneReport[] = [];
  /** Between the zone and the relay of its next life. */
  relay: (relay: NamecheapRelay) => NamecheapRelay = (relay) => relay;
  /** The fleet does not answer. */
  reportsFail = false;
  publicServers: string[] | null = NAME_SERVERS;
  zone: ZoneObject;
  readonly storage: DurableObjectStorage;
  readonly #state: DurableObjectState;

  constructor(state: DurableObjectState, { hosts = STRANGERS, srv = [], emailType = 'MX', ...options }: StageOptions) {
    this.#state = state;
    this.storage = state.storage;
    this.account = new NamecheapAccount({ domains: [{ name: DOMAIN, hosts, srv, emailType }], ...options });
    this.zone = this.open();
  }

  /** A life of the object on the same storage; an earlier one may go on unaware. */
  open(): ZoneObject {
    const dependencies: ZoneDependencies = {
      ...this.account.dependencies(this.relay(this.account.relay)),
      nameServers: () => Promise.resolve(this.publicServers),
      report: (report) => {
        if (this.reportsFail) return Promise.reject(new Error('The fleet does not answer.'));
        this.reports.push(report);
        return Promise.resolve();
      },
    };
    class ConnectedZone extends ZoneObject {
      protected override dependencies(): ZoneDependencies {
        return dependencies;
      }
    }
    this.zone = new ConnectedZone(this.#state, env);
    return this.zone;
  }

  /** Time passes, and alarms come. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.account.now + milliseconds;
    for (let alarms = 0; ; alarms += 1) {
      const alarm = await this.storage.getAlarm();
      if (alarm === null || alarm > end) break;
      if (alarms >= MAX_ALARMS) throw new Error(`${MAX_ALARMS} alarms within ${milliseconds} ms.`);
      await this.account.pass(Math.max(0, alarm - this.account.now));
      await this.storage.deleteAlarm();
      await this.zone.alarm();
    }
    await this.account.pass(end - this.account.now);
  }

  request(owner: string, ...records: { name: string; value: string }[]): PresentRequest {
    return { vendor: NAMECHEAP_VENDOR, zone: { id: `${USER}/${DOMAIN}`, name: DOMAIN }, owner, operation: `${owner}-present-1`, records };
  }

  /** Asks as a certificate does: again at the time it is told, until the vendor has the records. @returns how long it took, ms. */
  async publish(request: PresentRequest, patience = 10 * 60_000): Promise<number> {
    const began = this.account.now;
    for (;;) {
      const { retryAt } = unwrap(await this.zone.present(request)) ?? { retryAt: null };
      if (retryAt === null) return this.account.now - began;
      if (retryAt > began + patience) throw new Error(`Not published after ${patience} ms.`);
      await this.pass(Math.max(1, retryAt - this.account.now));
    }
  }

  async cleanUp(owner: string): Promise<void> {
    unwrap(await this.zone.cleanUp({ owner, operation: `${owner}-clean-up-1` }));
  }

  /** Rows as `name type address`, in no order that means anything. */
  rows(): string[] {
    return sorted(this.account.emulator.hosts(DOMAIN).map(line));
  }

  edit(change: (rows: HostInput[]) => HostInput[], emailType?: string): void {
    const { emulator } = this.account;
    emulator.setHosts(DOMAIN, { hosts: change([...emulator.hosts(DOMAIN)]), ...(emailType === undefined ? {} : { emailType }) });
  }

  /** Commands that reached the vendor, in their order. */
  calls(): string[] {
    return this.account.emulator.requests.all().map(({ command }) => command.replace('domains.', '').replace('dns.', ''));
  }

  writes(): number {
    return this.calls().filter((command) => command === 'setHosts').length;
  }

  async health() {
    const health = unwrap(await this.zone.health());
    if (health === null) throw new Error('The zone was never used.');
    return health;
  }

  /** Events that reached the fleet. */
  events() {
    return this.reports.flatMap(({ events }) => events);
  }
}

export function line({ name, type, address }: Pick<HostInput, 'name' | 'type' | 'address'>): string {
  return `${name} ${type} ${address}`;
}

export function sorted(rows: readonly string[]): string[] {
  return rows.toSorted((a, b) => (a < b ? -1 : 1));
}

export async function onStage(options: StageOptions, play: (stage: Stage) => Promise<void>): Promise<void> {
  await runInDurableObject(env.ZONES.getByName(`namecheap:${crypto.randomUUID()}`), async (_object, state) => {
    await play(new Stage(state, options));
    await state.storage.deleteAlarm();
  });
}
