/** The Worker's web side over a real FleetObject's storage, with a clock that tests move. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { CertificateView } from '../../functions/certificates/ports.ts';
import type { CompiledConfiguration } from '../../functions/config/configuration.ts';
import type { FleetClient } from '../../functions/fleet/client.ts';
import { Fleet } from '../../functions/fleet/fleet.ts';
import type { RecordsStatus } from '../../functions/records/status.ts';
import { createApp } from '../../functions/web/app.ts';
import type { AuthorityReport, WebDependencies } from '../../functions/web/dependencies.ts';
import { configuration } from './web-configuration.ts';
import { ZoneStandIn } from './zone-stand-in.ts';
import { PerennialError } from '../../shared/errors.ts';

export const ORIGIN = 'https://perennial.example.net';
export const ADMIN = 'administrator-token-for-tests';
export const TOKEN = 'deploy-hook-token-0123456789';
export const FORCE_TOKEN = 'force-hook-token-0123456789';
/** 24 bytes, as Standard Webhooks secrets are. */
/** Eight bytes: anybody could try them all out in a while. */
export const WEAK_SECRET = 'whsec_AAECAwQFBgc=';
export const SIGNING_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
export const START = Date.parse('2026-11-21T00:00:00Z');
const SECRETS: Readonly<Record<string, string>> = {
  'secret:deploy': `${TOKEN}\n`,
  'secret:force': FORCE_TOKEN,
  'secret:signing': SIGNING_SECRET,
  'secret:short': 'short',
  'secret:weak': WEAK_SECRET,
};

export const AUTHORITY: NonNullable<AuthorityReport['status']> = {
  accountUrl: 'https://ca.example.net/account/1',
  route: { kind: 'direct' },
  stopped: null,
  breakers: [{ scope: 'domain:example.net', class: 'limit', until: START + 3_600_000, detail: 'too many certificates already issued for "example.net"' }],
  limits: [{ limit: 'newOrders', scope: 'account', capacity: 300, left: 299, fullAt: START + 36_000 }],
  rolloverOpen: false,
};

export interface Site {
  request: (path: string, init?: RequestInit) => Promise<Response>;
  fleet: Fleet;
  /** Wakes that certificates received: `a renew`. */
  wakes: string[];
  stored: Map<string, string>;
  /** Revocations that certificates received: `a abcd 4 account`. */
  revocations: string[];
  /** `ca <request>`. */
  rollovers: string[];
  advance: (ms: number) => void;
  /** Zones by name; the fleet knows each of them by its report. */
  zones: Map<string, ZoneStandIn>;
  /** Lets a zone tell the fleet how it is now. */
  report: (zone: ZoneStandIn) => void;
}

export interface Options {
  compiled?: CompiledConfiguration;
  adminToken?: string | undefined;
  setupProblems?: WebDependencies['setupProblems'];
}

export async function onSite(object: string, work: (site: Site) => Promise<void>, options: Options = {}): Promise<void> {
  await runInDurableObject(env.FLEET.getByName(object), async (_object, { storage }) => {
    let now = START;
    const clock = () => now;
    const wakes: string[] = [];
    const stored = new Map<string, string>();
    const revocations: string[] = [];
    const rollovers: string[] = [];
    const fleet = new Fleet({
      storage,
      clock,
      certificates: { apply: async () => undefined, retire: async () => undefined, wake: async (name, reason) => void wakes.push(`${name} ${reason}`) },
      records: { declare: async (_configuration, generation) => generation },
    });
    let sequence = 0;
    const report = (zone: ZoneStandIn) => {
      sequence += 1;
      fleet.zoneReport({ ...zone.name, sequence, at: now, health: zone.report(), events: [] });
    };
    const zones = new Map(
      [
        { provider: 'cloudflare', zoneId: '0'.repeat(32), zoneName: 'example.net' },
        { provider: 'namecheap', zoneId: 'ops/example.co.uk', zoneName: 'example.co.uk' },
      ].map((name) => [name.zoneName, new ZoneStandIn(name, [`MX ${name.zoneName} 1 mail.example.net`])]),
    );
    for (const zone of zones.values()) {
      zone.declare([`A www.${zone.name.zoneName} 192.0.2.1`]);
      zone.snapshot('before a test', START);
      report(zone);
    }
    await fleet.promote('hash', configuration);
    await fleet.alarm();
    const app = createApp({
      clock,
      compiled: options.compiled ?? { valid: true, hash: 'hash', configuration },
      fleet: clientOf(fleet),
      adminToken: 'adminToken' in options ? options.adminToken : ADMIN,
      setupProblems: options.setupProblems ?? [],
      secret: async (reference) => {
        const value = SECRETS[reference];
        if (value === undefined) throw new PerennialError('secret_not_found', 'There is no such secret.');
        return value;
      },
      putSecret: async (name, value) => void stored.set(name, value),
      resealSecrets: async () => ({ resealed: 0, unreadable: [] }),
      clusters: async () => [],
      certificate: (name) => ({
        revoke: async (request) => {
          revocations.push(`${name} ${request.sha256.slice(0, 4)} ${request.reason} ${request.signer}`);
          return { ok: true, value: { sha256: request.sha256 } };
        },
      }),
      authorities: async () => [
        { name: 'ca', directory: 'https://ca.example.net/directory', status: AUTHORITY, failure: null },
        { name: 'lost', directory: 'https://lost.example.net/directory', status: null, failure: { code: 'internal', message: 'Gone.', retryable: true } },
      ],
      rollOver: async (authority, request) => {
        rollovers.push(`${authority} ${request}`);
        if (request === 'unsettled')
          throw new PerennialError('acme_rollover_unsettled', 'It is not certain yet which account key the CA knows; both are kept.', { retryable: true });
        return { accountUrl: 'https://ca.example.net/account/1' };
      },
      zone: (provider, zoneId) => {
        const zone = [...zones.values()].find(({ name }) => name.provider === provider && name.zoneId === zoneId);
        if (zone === undefined) throw new Error(`Nobody made the object ${provider}:${zoneId}.`);
        return zone;
      },
      records: async () => ({ generation: 1, checkedAt: START, nextAt: null, records: [], zones: [...zones.values()].map(({ name }) => told(name)) }),
      backup: {
        exportPart: () => Promise.reject(new PerennialError('backup_none', 'Nobody makes backups here.')),
        importItems: () => Promise.reject(new PerennialError('backup_none', 'Nobody makes backups here.')),
      },
      relay: { sha256: 'a'.repeat(64), source: 'export {};\n' },
      connectRelay: async () => new Response('relay', { status: 426 }),
    });
    try {
      await work({
        request: async (path, init) => app.request(new Request(ORIGIN + path, { redirect: 'manual', ...init })),
        fleet,
        wakes,
        stored,
        revocations,
        rollovers,
        advance: (ms) => (now += ms),
        zones,
        report,
      });
    } finally {
      await storage.deleteAlarm();
    }
  });
}

function told({ provider, zoneId, zoneName }: ZoneStandIn['name']): RecordsStatus['zones'][number] {
  return { provider: provider === 'namecheap' ? 'namecheap' : 'cloudflare', vendor: 'main', zoneId, zoneName, toldAt: START, records: 1, failure: null };
}

export function view(name: string, more: Partial<CertificateView> = {}): CertificateView {
  return {
    name,
    domains: [`${name}.example.net`],
    state: 'live',
    phase: 'idle',
    reason: 'It is live.',
    waitingFor: null,
    nextAt: null,
    renewal: null,
    ari: null,
    live: null,
    issuance: null,
    deliveries: [],
    hold: null,
    quarantined: [],
    revocation: null,
    history: [],
    zones: [],
    generation: 1,
    ...more,
  };
}

function clientOf(fleet: Fleet): FleetClient {
  return {
    status: async (limits) => fleet.status(limits),
    list: async (query) => fleet.list(query),
    page: async (query) => fleet.page(query),
    certificate: async (name) => fleet.certificate(name),
    zones: async () => fleet.zones(),
    act: (request) => fleet.act(request),
    operation: async (id) => fleet.operation(id),
    beginSignIn: async (client) => fleet.beginSignIn(client),
    signedIn: async (client) => fleet.signedIn(client),
    relayBundle: async (sha256) => fleet.bundles.source(sha256),
    sweep: () => fleet.sweep(),
    offer: async (hash) => ({ configuration: fleet.offer(hash), wantsRelay: false }),
    promote: (hash, next) => fleet.promote(hash, next),
    storeRelayBundle: (bundle) => fleet.bundles.store(bundle, START),
  };
}
