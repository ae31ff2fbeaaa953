/** A Cloudflare account inside workerd: the emulator's routes behind an injected fetch, with requests that fail on demand. */
import type { CloudflareVendor } from '../../functions/config/configuration.ts';
import { ZoneObject } from '../../functions/dns/zone-object.ts';
import { zoneDependencies, type ZoneDependencies } from '../../functions/dns/wiring.ts';
import type { ZoneReport } from '../../functions/dns/zone-report.ts';
import { Tokens, type Permission } from '../emulators/cloudflare/access.ts';
import { cloudflareApp } from '../emulators/cloudflare/app.ts';
import { ApiFaults } from '../emulators/cloudflare/faults.ts';
import { RequestLog } from '../emulators/cloudflare/request-log.ts';
import type { RecordBody } from '../emulators/cloudflare/record-rules.ts';
import { Zone } from '../emulators/cloudflare/zones.ts';

export const TOKEN = 'token-for-one-zone-0123456789-0123456789';
const REVOKED = 'token-that-was-revoked-0123456789-0123456';
const WRITES = new Set(['POST', 'DELETE']);

export const VENDOR: CloudflareVendor = {
  name: 'main',
  provider: 'cloudflare',
  token: 'secret:cloudflare-token',
  endpoint: 'http://cloudflare.test/client/v4',
  zoneId: null,
  delegation: null,
};

/** What becomes of the next write: lost on the way there, lost on the way back, or travelling when the object dies. */
export type WriteFault = 'unsent' | 'reply-lost' | 'dies-before' | 'dies-after' | 'dies-travelling';

export class Account {
  now = 1_800_000_000_000;
  readonly zone: Zone;
  readonly requests = new RequestLog();
  readonly faults = new ApiFaults();
  /** Reference of a token that the vendor has revoked. */
  revoked: string | null = null;
  fault: WriteFault | null = null;
  /** What the next answer to a write is turned into, on its way back. */
  alter: ((body: string) => string) | null = null;
  /** Told of each request as it leaves. */
  watch: () => void = () => undefined;
  /** What the zone has told the fleet. */
  readonly reports: ZoneReport[] = [];
  /** Resolves when a write makes the object die. */
  died = Promise.resolve();
  readonly #app: ReturnType<typeof cloudflareApp>;
  #die: () => void = () => undefined;
  #travelling: { arrives: number; arrive: () => Promise<void> }[] = [];

  constructor(records: readonly RecordBody[] = [], permissions: readonly Permission[] = ['zone:read', 'dns:edit']) {
    this.zone = new Zone({ name: 'example.net', records }, { duplicateCode: 81_058, txtBesideCname: 'refused' }, () => this.now, undefined);
    this.#app = cloudflareApp({
      tokens: new Tokens([{ token: TOKEN, grants: [{ zones: ['example.net'], permissions }] }]),
      zones: [this.zone],
      faults: this.faults,
      requests: this.requests,
      rateLimit: undefined,
      rateLimitOptions: { requests: 1_200, windowMs: 300_000 },
      validationErrors: 'plain',
      zoneListing: 'denied',
      mostPerPage: 5_000_000,
    });
    this.revive();
  }

  revive(): void {
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  records() {
    return this.zone.store.all().map(({ id, name, type, content, comment }) => ({ id, name, type, content, comment }));
  }

  /** Writes of the account, as `METHOD route`. */
  writes(): string[] {
    return this.requests
      .all()
      .filter(({ method }) => WRITES.has(method))
      .map(({ route }) => route.replace('/client/v4/zones/:id/', ''));
  }

  /** Time goes on; requests on the way arrive when theirs has come. */
  async pass(milliseconds: number): Promise<void> {
    this.now += milliseconds;
    const arrived = this.#travelling.filter(({ arrives }) => arrives <= this.now);
    this.#travelling = this.#travelling.filter(({ arrives }) => arrives > this.now);
    for (const { arrive } of arrived) await arrive();
  }

  readonly fetch: typeof fetch = async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(input, init);
    this.watch();
    const fault = WRITES.has(request.method) ? this.fault : null;
    if (fault === null) return this.#answer(request);
    this.fault = null;
    if (fault === 'reply-lost' || fault === 'dies-after') await this.#app.fetch(request);
    if (fault === 'dies-travelling') {
      const body = await request.text();
      const { url, method, headers } = request;
      const arrive = async () => {
        await this.#app.fetch(new Request(url, { method, headers, ...(body === '' ? {} : { body }) }));
      };
      this.#travelling.push({ arrives: this.now + 25_000, arrive });
    }
    if (fault === 'unsent' || fault === 'reply-lost') throw new TypeError('fetch failed');
    this.#die();
    return new Promise<Response>(() => undefined);
  };

  async #answer(request: Request): Promise<Response> {
    const response = await this.#app.fetch(request);
    const { alter } = this;
    if (alter === null || !WRITES.has(request.method)) return response;
    this.alter = null;
    return new Response(alter(await response.text()), response);
  }

  dependencies(): ZoneDependencies {
    const elsewhere = () => {
      throw new Error('No zone is at Namecheap here.');
    };
    return zoneDependencies({
      secret: (reference) => Promise.resolve(reference === this.revoked ? REVOKED : TOKEN),
      fetch: this.fetch,
      clock: () => this.now,
      namecheap: elsewhere,
      budget: elsewhere,
      resolvers: [],
      report: (report) => Promise.resolve(void this.reports.push(report)),
    });
  }

  /** A ZoneObject on this account: a new life on the same storage each time. */
  open(state: DurableObjectState, env: ConstructorParameters<typeof ZoneObject>[1]): ZoneObject {
    const dependencies = this.dependencies();
    class ConnectedZone extends ZoneObject {
      protected override dependencies(): ZoneDependencies {
        return dependencies;
      }
    }
    return new ConnectedZone(state, env);
  }

  present(owner: string, operation: string, ...records: { name: string; value: string }[]) {
    return { vendor: VENDOR, zone: { id: this.zone.id, name: this.zone.name }, owner, operation, records };
  }
}
