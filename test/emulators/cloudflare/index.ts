/** The Cloudflare API emulator on the loopback: strict where the vendor is, and publishing into DNS as the vendor does. */
import { serve } from '@hono/node-server';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { MINUTE, type Clock } from '../../../shared/clock.ts';
import { Tokens, type TokenSpec } from './access.ts';
import { BASE_PATH, cloudflareApp, type AppParts } from './app.ts';
import { ApiFaults } from './faults.ts';
import { RateLimit, type RateLimitOptions } from './rate-limit.ts';
import { RequestLog } from './request-log.ts';
import type { ConflictRules, StoredRecord } from './record-store.ts';
import { Zone, type CloudflareZoneSpec, type ZonePublisher, type ZoneStatus } from './zones.ts';

export type { Permission, TokenSpec } from './access.ts';
export type { ApiFault } from './faults.ts';
export { intoDnsWorld, type CloudflareZoneSpec, type ZonePublisher, type ZoneStatus } from './zones.ts';

export interface CloudflareEmulatorOptions extends Partial<ConflictRules>, Partial<Pick<AppParts, 'validationErrors' | 'zoneListing' | 'mostPerPage'>> {
  zones: readonly CloudflareZoneSpec[];
  tokens: readonly TokenSpec[];
  /** Where records of active zones go; nowhere when absent. */
  publisher?: ZonePublisher;
  /** The vendor's 1,200 requests in five minutes by default; `false` switches it off. */
  rateLimit?: RateLimitOptions | false;
  clock?: Clock;
  port?: number;
}

export type RecordSummary = Pick<StoredRecord, 'id' | 'name' | 'type' | 'content' | 'ttl' | 'proxied' | 'comment'>;

export interface CloudflareEmulator {
  /** The API's base URL, ending in `/client/v4`. */
  url: string;
  faults: ApiFaults;
  requests: RequestLog;
  /** Id of a zone by its name. */
  zoneId(name: string): string;
  setZoneStatus(name: string, status: ZoneStatus): void;
  /** All records of a zone, as they stand. */
  records(zone: string): RecordSummary[];
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
const VENDOR_RATE_LIMIT: RateLimitOptions = { requests: 1_200, windowMs: 5 * MINUTE };

export async function startCloudflareEmulator(options: CloudflareEmulatorOptions): Promise<CloudflareEmulator> {
  const clock = options.clock ?? Date.now;
  const conflicts: ConflictRules = { duplicateCode: options.duplicateCode ?? 81_058, txtBesideCname: options.txtBesideCname ?? 'refused' };
  const zones = options.zones.map((spec) => new Zone(spec, conflicts, clock, options.publisher));
  const faults = new ApiFaults();
  const requests = new RequestLog();
  const rateLimitOptions = options.rateLimit === undefined || options.rateLimit === false ? VENDOR_RATE_LIMIT : options.rateLimit;
  const app = cloudflareApp({
    tokens: new Tokens(options.tokens),
    zones,
    faults,
    requests,
    rateLimit: options.rateLimit === false ? undefined : new RateLimit(rateLimitOptions, clock),
    rateLimitOptions,
    validationErrors: options.validationErrors ?? 'plain',
    zoneListing: options.zoneListing ?? 'denied',
    mostPerPage: options.mostPerPage ?? 5_000_000,
  });

  const server = serve({ fetch: app.fetch, hostname: LOOPBACK, port: options.port ?? 0 });
  if (!server.listening) await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  function zoneNamed(name: string): Zone {
    const zone = zones.find((candidate) => candidate.name === name.toLowerCase());
    if (zone === undefined) throw new Error(`There is no zone ${name}.`);
    return zone;
  }

  return {
    url: `http://${LOOPBACK}:${port}${BASE_PATH}`,
    faults,
    requests,
    zoneId: (name) => zoneNamed(name).id,
    setZoneStatus: (name, status) => zoneNamed(name).setStatus(status),
    records: (name) =>
      zoneNamed(name)
        .store.all()
        .map(({ id, name: owner, type, content, ttl, proxied, comment }) => ({ id, name: owner, type, content, ttl, proxied, comment })),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}
