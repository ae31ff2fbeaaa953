/**
 * The Namecheap API as far as DNS needs it: a function from Request to Response, so that it runs inside workerd as well as
 * behind the listener of `index.ts`. State changes only while a request is answered, and where the clock has come to a
 * request that was travelling.
 */
import type { Clock } from '../../../shared/clock.ts';
import { Accounts, type AccountSpec } from './accounts.ts';
import { CallLimits, VENDOR_LIMITS, type CallLimitOptions } from './call-limits.ts';
import { COMMANDS, type Answer } from './commands.ts';
import { Domain, VENDOR_BEHAVIOUR, type Behaviour, type Change, type DomainSpec, type SrvRecord } from './domain.ts';
import { ApiFailure, ConnectionLost, page } from './failure.ts';
import { ApiFaults, type ApiFault } from './faults.ts';
import type { HostInput, StoredHost } from './host.ts';
import { afterEffect, insteadOfEffect } from './interference.ts';
import { MAX_HOSTS_BY_GET, Parameters } from './parameters.ts';
import { publishedRecords, type HostPublisher } from './publication.ts';
import { RequestLog } from './request-log.ts';
import { emulatedError, envelope, failed, overLimit, xmlReply } from './reply.ts';
import { element, printDocument } from './xml.ts';

export interface NamecheapOptions extends Partial<Behaviour> {
  accounts: readonly AccountSpec[];
  domains: readonly DomainSpec[];
  /** Where the host lists go; nowhere when absent. */
  publisher?: HostPublisher | undefined;
  /** The vendor's 20, 700 and 8,000 calls by default; `false` switches them off. */
  limits?: Partial<CallLimitOptions> | false;
  /** Whether the undocumented command for SRV records answers. */
  srvCommand?: boolean;
  clock?: Clock;
  /** How a slow reply waits. */
  sleep?: (milliseconds: number) => Promise<void>;
}

/** What a request is about, for whoever looks on. */
export interface Seen {
  command: string;
  domain: string;
  user: string;
}

const PREFIX = 'namecheap.';

export class Namecheap {
  readonly faults = new ApiFaults();
  readonly requests = new RequestLog();
  readonly accounts: Accounts;
  /** Told about every change of a host list, whoever made it. */
  onChange: (change: Change) => void = () => undefined;
  /** Called after a request was read and before it is answered: the moment for somebody else's edit. */
  before: (seen: Seen) => void | Promise<void> = () => undefined;
  /** Address the requests come from; what they say themselves (`ClientIp`) when null. */
  source: string | null = null;
  readonly #domains: Domain[];
  readonly #limits: CallLimits | undefined;
  readonly #clock: Clock;
  readonly #sleep: (milliseconds: number) => Promise<void>;
  readonly #srvCommand: boolean;
  readonly #publisher: HostPublisher | undefined;
  #travelling: { arrives: number; arrive: () => void }[] = [];

  constructor(options: NamecheapOptions) {
    const { accounts, domains, publisher, limits, srvCommand = true, clock = Date.now, sleep = pause, ...behaviour } = options;
    this.accounts = new Accounts(accounts);
    this.#clock = clock;
    this.#sleep = sleep;
    this.#srvCommand = srvCommand;
    this.#publisher = publisher;
    this.#limits = limits === false ? undefined : new CallLimits({ ...VENDOR_LIMITS, ...limits }, clock);
    this.#domains = domains.map((spec, index) => {
      const user = spec.user ?? accounts[0]?.user ?? '';
      return new Domain(spec, 677_625 + index, user, { ...VENDOR_BEHAVIOUR, ...defined(behaviour) }, (change) => {
        this.#publish(change.domain);
        this.onChange(change);
      });
    });
    for (const { name } of this.#domains) this.#publish(name);
  }

  /** The rows of a domain as they stand, in the vendor's order. */
  hosts(domain: string): readonly StoredHost[] {
    return this.domain(domain).list.hosts;
  }

  emailType(domain: string): string {
    return this.domain(domain).list.emailType;
  }

  srv(domain: string): readonly SrvRecord[] {
    return this.domain(domain).srv;
  }

  /** A stranger's edit, as from the web interface: unchecked, and not counted as a call. */
  setHosts(domain: string, edited: { emailType?: string; hosts: readonly (HostInput | StoredHost)[] }): void {
    this.domain(domain).edit(edited);
  }

  /** A stranger's edit of the side list. */
  setSrv(domain: string, records: readonly SrvRecord[]): void {
    this.domain(domain).srv = [...records];
    this.#publish(domain);
  }

  /** Calls of other tools with the same key. */
  otherCalls(user: string, calls: number): void {
    this.#limits?.take(user.toLowerCase(), calls);
  }

  domain(name: string): Domain {
    this.arrive();
    const domain = this.#domains.find((candidate) => candidate.name === name.toLowerCase());
    if (domain === undefined) throw new Error(`There is no domain ${name}.`);
    return domain;
  }

  /** Lets the requests take effect that were travelling and whose time has come, in their order. */
  arrive(): void {
    const now = this.#clock();
    const arrived = this.#travelling.filter(({ arrives }) => arrives <= now).toSorted((a, b) => a.arrives - b.arrives);
    this.#travelling = this.#travelling.filter(({ arrives }) => arrives > now);
    for (const { arrive } of arrived) arrive();
  }

  /** When the last request that is travelling takes effect; null when none is. */
  get lastArrival(): number | null {
    return this.#travelling.length === 0 ? null : Math.max(...this.#travelling.map(({ arrives }) => arrives));
  }

  /** @throws ConnectionLost where the connection would break; the abort reason of a request that gives up. */
  readonly fetch = async (request: Request): Promise<Response> => {
    const parameters = await Parameters.of(request);
    const seen = seenOf(parameters);
    const log = (outcome: string) => this.requests.record({ at: this.#clock(), method: request.method, ...seen, hosts: parameters.hosts().length, outcome });
    await this.before(seen);
    this.arrive();
    const fault = this.faults.take(seen.command, seen.domain);
    try {
      const response = await this.#answer(request, parameters, fault);
      log(fault?.kind ?? (response.status === 200 ? (emulatedError(response) ?? 'ok') : String(response.status)));
      return response;
    } catch (thrown) {
      log(fault?.kind ?? 'lost');
      throw thrown;
    }
  };

  async #answer(request: Request, parameters: Parameters, fault: ApiFault | undefined): Promise<Response> {
    const command = parameters.get('Command');
    if (!isApiRequest(request, parameters)) return page(404, '404 - File or directory not found.');
    if (fault?.kind === 'slow') await this.#sleep(fault.delayMs);
    const instead = fault === undefined ? undefined : insteadOfEffect(fault, request, command);
    if (instead !== undefined) return instead;
    try {
      const { type, answer } = this.#run(parameters, fault);
      if (fault?.kind === 'delayed') {
        this.#delay(answer.effect, fault.delayMs);
        throw new ConnectionLost();
      }
      if (fault?.kind !== 'not-success') answer.effect?.();
      const document = envelope(command, [], element('CommandResponse', { Type: type }, answer.children));
      return await (fault === undefined ? xmlReply(printDocument(document)) : afterEffect(fault, request, command, document));
    } catch (thrown) {
      if (thrown instanceof OverLimit) return overLimit(command, this.#limits?.options.answer);
      if (thrown instanceof ApiFailure) return failed(command, thrown);
      throw thrown;
    }
  }

  #run(parameters: Parameters, fault: ApiFault | undefined): { type: string; answer: Answer } {
    const account = this.accounts.authenticate(parameters, this.source ?? undefined);
    if (this.#limits?.take(account.user.toLowerCase()) === false) throw new OverLimit();
    const command = COMMANDS.get(parameters.get('Command').toLowerCase());
    if (command === undefined || (!this.#srvCommand && command.type.endsWith('SRVRecords'))) throw new ApiFailure(1_011_104, 'Parameter Command is invalid');
    const seen = (domain: Domain) => (fault?.kind === 'stale' ? domain.previous : domain.list);
    return { type: command.type, answer: command.run({ account, parameters, domains: this.#domains, seen }) };
  }

  #delay(effect: (() => void) | undefined, delayMs: number): void {
    const arrive = () => {
      try {
        effect?.();
      } catch (thrown) {
        // What the vendor refuses changes nothing, and there is nobody left to tell.
        if (!(thrown instanceof ApiFailure)) throw thrown;
      }
    };
    this.#travelling.push({ arrives: this.#clock() + delayMs, arrive });
  }

  #publish(name: string): void {
    const domain = this.#domains.find((candidate) => candidate.name === name);
    if (domain !== undefined && this.#publisher !== undefined) this.#publisher.publish(domain.name, publishedRecords(domain));
  }
}

class OverLimit extends Error {}

/** The one path, by GET or POST, and more than ten hosts by POST only. */
function isApiRequest({ method, url }: Request, parameters: Parameters): boolean {
  if (!/\/xml\.response$/i.test(new URL(url).pathname)) return false;
  return method === 'POST' || (method === 'GET' && parameters.hosts().length <= MAX_HOSTS_BY_GET);
}

function seenOf(parameters: Parameters): Seen {
  const sent = parameters.get('Command').slice(0, 80);
  const command = COMMANDS.get(sent.toLowerCase())?.type ?? sent;
  const [sld, tld] = [parameters.get('SLD'), parameters.get('TLD')];
  const domain = (sld === '' ? parameters.get('DomainName') : `${sld}.${tld}`).toLowerCase().slice(0, 253);
  return { command: command.startsWith(PREFIX) ? command.slice(PREFIX.length) : command, domain, user: parameters.get('ApiUser').slice(0, 20) };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function defined<T extends object>(some: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(some).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };
}
