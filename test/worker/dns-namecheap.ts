/**
 * A Namecheap account inside workerd: the relay's own core in front of the vendor's emulator, behind the port that a zone
 * writes through. What travels between edge and relay can be lost, and can arrive late.
 */
import type { DnsVendor } from '../../functions/config/configuration.ts';
import { createProvider } from '../../functions/dns/create-provider.ts';
import type { NamecheapRelay } from '../../functions/dns/namecheap/relay.ts';
import type { ZoneDependencies } from '../../functions/dns/wiring.ts';
import type { TableBudget } from '../../functions/dns/table-budget.ts';
import { EMPTY_BUDGET, close, spend, VENDOR_LIMITS } from '../../functions/dns/account/budget.ts';
import { createNamecheap, type Namecheap as RelayCore } from '../../infra/relay/namecheap/namecheap.ts';
import { PerennialError } from '../../shared/errors.ts';
import type { DnsQuestion, DnsResult, NamecheapReply, NamecheapWriteRequest } from '../../shared/relay/contract.ts';
import { Namecheap, type NamecheapOptions } from '../emulators/namecheap/namecheap.ts';

export const USER = 'example';
const KEY = 'key-of-the-account-in-tests';
const ENDPOINT = 'https://api.namecheap.test/xml.response';
const ADDRESS = '203.0.113.7';
/** What the registrar names. */
export const NAME_SERVERS = ['dns1.registrar-servers.com', 'dns2.registrar-servers.com'];

export const NAMECHEAP_VENDOR: DnsVendor = { name: 'registrar', provider: 'namecheap', user: USER, egress: 'matrix' };

/** What becomes of the next write on its way between edge and relay. */
export type LinkFault =
  /** Never reaches the relay. */
  | { kind: 'request-lost' }
  /** Was carried out; the edge learns nothing. */
  | { kind: 'reply-lost' }
  /** The edge gives up; the relay gets it so much later, and acts on it unless its deadline is over. */
  | { kind: 'late'; delayMs: number };

export class NamecheapAccount {
  now: number;
  readonly emulator: Namecheap;
  readonly relay: NamecheapRelay;
  readonly budget: TableBudget;
  /** For the next write. */
  link: LinkFault | null = null;
  /** Called when a write leaves the edge; a promise that never settles is an object that dies there. */
  onWrite: (request: NamecheapWriteRequest) => void | Promise<void> = () => undefined;
  readonly #core: RelayCore;
  #late: { arrives: number; arrive: () => Promise<unknown> }[] = [];

  /** @param now Unix ms. */
  constructor(options: Pick<NamecheapOptions, 'domains'> & Partial<NamecheapOptions>, now = 1_800_000_000_000) {
    this.now = now;
    const clock = () => this.now;
    this.emulator = new Namecheap({ accounts: [{ user: USER, key: KEY, addresses: [ADDRESS] }], limits: false, clock, ...options });
    this.#core = createNamecheap({
      accounts: [
        {
          account: USER,
          key: { file: 'unused' },
          domains: options.domains.map(({ name, sld, tld }) => (sld === undefined || tld === undefined ? name : { sld, tld })),
          changes: 'any',
          endpoint: ENDPOINT,
          addressService: 'https://address.test/',
          allowPrivate: false,
        },
      ],
      key: () => Promise.resolve(KEY),
      address: () => Promise.resolve(ADDRESS),
      fetch: (request) => this.emulator.fetch(request),
      clock,
    });
    this.relay = {
      account: (account) => this.#core.account(account, endless()),
      query: (request) => this.#core.query(request, endless()),
      write: (request, deadlineMs) => this.#write(request, deadlineMs),
      authoritative: (questions) => Promise.resolve(questions.map(noAlias)),
    };
    this.budget = this.#budget();
  }

  /** The vendor lists the relay's address and knows its key, or does not know the key any more. */
  accept(credentials: boolean): void {
    this.emulator.accounts.put({ user: USER, key: credentials ? KEY : 'another-key-since-today', addresses: [ADDRESS] });
  }

  /** What a ZoneObject on this account is given. @param relay another way to the vendor. */
  dependencies(relay: NamecheapRelay = this.relay): ZoneDependencies {
    const clock = () => this.now;
    const nothing = () => Promise.reject(new Error('There is no secret and no network here.'));
    return {
      clock,
      provider: (vendor) => createProvider(vendor, { secret: nothing, fetch: nothing, clock, namecheap: () => relay }),
      budget: () => this.budget,
      nameServers: () => Promise.resolve([...NAME_SERVERS]),
      report: () => Promise.resolve(),
    };
  }

  /** A command straight to the vendor, past the relay. */
  send(command: string, form: URLSearchParams): Promise<Response> {
    const body = new URLSearchParams({ ApiUser: USER, ApiKey: KEY, UserName: USER, ClientIp: ADDRESS, Command: command });
    for (const [name, value] of form) body.append(name, value);
    return this.emulator.fetch(new Request(ENDPOINT, { method: 'POST', body }));
  }

  /** Time goes on; what travels arrives when its time has come. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.now + milliseconds;
    for (;;) {
      const next = this.#late.toSorted((a, b) => a.arrives - b.arrives)[0];
      if (next === undefined || next.arrives > end) break;
      this.#late = this.#late.filter((other) => other !== next);
      this.now = Math.max(this.now, next.arrives);
      await next.arrive().catch(() => undefined);
    }
    this.now = end;
    this.emulator.arrive();
  }

  /** When nothing of ours can be on its way any more, Unix ms. */
  get quietAt(): number {
    return Math.max(this.now, this.emulator.lastArrival ?? 0, ...this.#late.map(({ arrives }) => arrives));
  }

  async #write(request: NamecheapWriteRequest, deadlineMs: number): Promise<NamecheapReply> {
    const [fault, deadline] = [this.link, this.now + deadlineMs];
    this.link = null;
    await this.onWrite(request);
    if (fault?.kind === 'request-lost') throw new PerennialError('relay_timeout', 'The relay did not answer in time.', { retryable: true });
    if (fault?.kind === 'late') {
      const arrive = () => {
        const gone = AbortSignal.abort(new PerennialError('relay_deadline', 'The deadline is over.'));
        return this.#core.write(request, this.now > deadline ? gone : endless());
      };
      this.#late.push({ arrives: this.now + fault.delayMs, arrive });
      throw new PerennialError('relay_disconnected', 'The link broke.', { retryable: true });
    }
    const reply = await this.#core.write(request, endless());
    if (fault?.kind === 'reply-lost') throw new PerennialError('relay_disconnected', 'The link broke.', { retryable: true });
    return reply;
  }

  #budget(): TableBudget {
    let budget = EMPTY_BUDGET;
    return {
      spend: (calls, purpose) => {
        const answer = spend(budget, VENDOR_LIMITS.namecheap, { calls, purpose }, this.now);
        if (answer.grant.granted) budget = answer.budget;
        return Promise.resolve(answer.grant);
      },
      limited: (retryAt) => {
        budget = close(budget, retryAt, this.now);
        return Promise.resolve();
      },
    };
  }
}

/** Requests of the relay end with their signal; here they end by themselves. */
function endless(): AbortSignal {
  return new AbortController().signal;
}

function noAlias({ name, type }: DnsQuestion): DnsResult {
  const servers = NAME_SERVERS.map((server) => ({ server, address: '192.0.2.53', status: 'nodata' as const, values: [], cname: null }));
  return { name, type, zone: name.split('.').slice(1).join('.'), servers };
}
