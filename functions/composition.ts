/**
 * The one place that wires adapters to ports (DESIGN §11). It reads bindings and secrets of the Worker and hands out
 * plain ports; nothing else touches the environment.
 */
import relaySource from 'perennial:relay-bundle';
import relayFacts from 'perennial:relay-bundle-facts';
import { z } from 'zod';
import { type Clock, MINUTE } from '../shared/clock.ts';
import { PerennialError, toPerennialError, unwrap } from '../shared/errors.ts';
import { type PrivateKey, privateKeySchema } from '../shared/link/signatures.ts';
import { createAcmePort } from './acme/port.ts';
import { exportPart } from './backup/export.ts';
import { importItems } from './backup/import.ts';
import type { BackupPorts } from './backup/ports.ts';
import type { CertificatePorts } from './certificates/phases/context.ts';
import type { FleetPort } from './certificates/ports.ts';
import { connectRelay } from './clusters/connect.ts';
import { relayRoutes, type RelayRoutes } from './clusters/relay-port.ts';
import { compiled } from './config/compiled.ts';
import type { Configuration } from './config/configuration.ts';
import { accountBudgets } from './dns/account/client.ts';
import { RequestRates } from './dns/cloudflare/request-rate.ts';
import { createRecordPlacer } from './dns/declared-places.ts';
import type { NamecheapRelay } from './dns/namecheap/relay.ts';
import { createDnsPort } from './dns/port.ts';
import { zoneDependencies as wireZone, type ZoneDependencies } from './dns/wiring.ts';
import type { Environment } from './environment.ts';
import { fleetBackup } from './fleet/backup-client.ts';
import { certificatesPort } from './fleet/certificates.ts';
import { fleetClient, offerBundle } from './fleet/client.ts';
import type { CertificatesPort } from './fleet/ports.ts';
import type { RecordsDeclaration, RecordsPorts } from './records/ports.ts';
import { createSecretStore } from './secrets/create-store.ts';
import { Secret } from './secrets/secret.ts';
import type { SecretStore } from './secrets/store.ts';
import type { WebDependencies } from './web/dependencies.ts';
import { authorityReports } from './web/authority-reports.ts';
import { clusterHealth } from './web/health.ts';
import { setupProblemsOf } from './web/setup-problems.ts';

const clock: Clock = () => Date.now();
/** The platform's fetch insists on its own `this`. */
const platformFetch: typeof fetch = (input, init) => fetch(input, init);

/** What Cloudflare said to anybody in this isolate about its limits. */
const cloudflareRates = new RequestRates();

/** The configuration in this bundle. Throws `configuration_invalid`: nothing that needs it can go on. */
export function configuration(): Configuration {
  if (compiled.valid) return compiled.configuration;
  throw new PerennialError('configuration_invalid', 'certificates.toml has errors; nothing is issued until they are mended.', {
    retryable: true,
    hint: 'The status page and `npm run check` list every one of them.',
  });
}

/** The edge's signing key. Throws `edge_key_missing` or `edge_key_invalid` with what to do. */
export function edgeKey(environment: Environment): PrivateKey {
  if (environment.EDGE_KEY === undefined || environment.EDGE_KEY === '') {
    throw new PerennialError('edge_key_missing', 'The Worker has no EDGE_KEY, so it cannot prove itself to relays.', {
      hint: 'Run `npm run setup` and store it: `wrangler secret put EDGE_KEY`.',
    });
  }
  const parsed = z.string().transform(parseJson).pipe(privateKeySchema).safeParse(environment.EDGE_KEY);
  if (parsed.success) return parsed.data;
  throw new PerennialError('edge_key_invalid', 'EDGE_KEY is not an Ed25519 private JWK with a kid.', {
    hint: 'Run `npm run setup` and store its output unchanged.',
  });
}

export function secretStore(environment: Environment): SecretStore {
  return createSecretStore(configuration().secrets, {
    clock,
    fetch: platformFetch,
    actor: () => environment.SECRETS.getByName('secrets'),
    awsAccessKeyId: environment.AWS_ACCESS_KEY_ID,
    awsSecretAccessKey: environment.AWS_SECRET_ACCESS_KEY,
  });
}

/** Reads `secret:<name>` references. */
export function secretReader(environment: Environment): (reference: string) => Promise<string> {
  const store = secretStore(environment);
  return async (reference) => (await store.get(reference.replace(/^secret:/, ''))).reveal();
}

/** @param caller certificate to wake when a relay that was missing connects. */
export function relays(environment: Environment, caller: string | null): RelayRoutes {
  return relayRoutes((cluster, request) => environment.CLUSTERS.getByName(cluster).call(cluster, request), caller);
}

/** The ports of one certificate. Keep them as long as the object: they remember zones and secrets for a while. */
export function certificatePorts(environment: Environment, caller: string, onDnsRequest: () => void): CertificatePorts {
  const { authorities, clusters, dns, resolvers } = configuration();
  const relay = relays(environment, caller);
  return {
    relay,
    acme: createAcmePort({
      clock,
      authority: (name) => authorities.find((candidate) => candidate.name === name),
      actor: (directory) => environment.AUTHORITIES.getByName(directory),
      secrets: secretStore(environment),
      fetch: platformFetch,
      relayEgress: (cluster, request) => relay.egress(cluster, request),
      clusters: clusters.map((cluster) => cluster.name),
      caller,
    }),
    dns: createDnsPort({
      vendors: dns,
      resolvers,
      secret: secretReader(environment),
      zone: (provider, zoneId) => environment.ZONES.getByName(`${provider}:${zoneId}`),
      authoritative: (cluster, questions) => relay.dnsQuery(cluster, questions),
      namecheap: (cluster) => namecheapRelay(relay, cluster),
      rates: cloudflareRates,
      fetch: platformFetch,
      clock,
      onRequest: onDnsRequest,
    }),
  };
}

/** A cluster's relay as the vendor's adapter asks it. */
function namecheapRelay(relay: RelayRoutes, cluster: string): NamecheapRelay {
  return {
    account: (account) => relay.namecheapAccount(cluster, account),
    query: (request) => relay.namecheapQuery(cluster, request),
    write: (request, deadlineMs) => relay.namecheapWrite(cluster, request, deadlineMs),
    authoritative: (questions) => relay.dnsQuery(cluster, questions),
  };
}

/** The ports of what keeps declared records, for the configuration that declares them: it may be another one than this bundle's. */
export function recordsPorts(environment: Environment, { vendors, authorities, clusters }: RecordsDeclaration): RecordsPorts {
  const relay = relays(environment, null);
  const place = createRecordPlacer({
    vendors,
    resolvers: compiled.valid ? compiled.configuration.resolvers : [],
    secret: async (reference) => secretReader(environment)(reference),
    namecheap: (cluster) => namecheapRelay(relay, cluster),
    rates: cloudflareRates,
    fetch: platformFetch,
    clock,
  });
  return {
    place,
    instances: ({ cluster, service, namespace }) => relay.instances(cluster, { service, namespace }),
    async authority(name) {
      const authority = authorities.find((candidate) => candidate.name === name);
      if (authority === undefined) throw new PerennialError('acme_authority_unknown', `No CA named "${name}" is configured.`);
      return unwrap(await environment.AUTHORITIES.getByName(authority.directory).identity({ authority, clusters: [...clusters] }));
    },
    async declare(request) {
      unwrap(await environment.ZONES.getByName(`${request.vendor.provider}:${request.zone.id}`).declare(request));
    },
  };
}

export function zoneDependencies(environment: Environment): ZoneDependencies {
  const relay = relays(environment, null);
  return wireZone({
    secret: secretReader(environment),
    namecheap: (cluster) => namecheapRelay(relay, cluster),
    rates: cloudflareRates,
    budget: accountBudgets(environment.DNS_ACCOUNTS),
    async report(report) {
      unwrap(await environment.FLEET.getByName('fleet').zoneReport(report));
    },
    resolvers: configuration().resolvers,
    fetch: platformFetch,
    clock,
  });
}

export function fleetPort(environment: Environment): FleetPort {
  return {
    async report(report) {
      unwrap(await environment.FLEET.getByName('fleet').report(report));
    },
  };
}

/** When this isolate offered its bundle last, Unix ms. A failed offer is made again by the next request. */
let offeredAt = Number.NEGATIVE_INFINITY;

/** Problems of the configuration that one line of the log names. */
const LOGGED_PROBLEMS = 20;

/**
 * Tells the fleet what this bundle carries, at most once a minute for each isolate; a failure is logged, not thrown. What
 * is wrong with the configuration is logged as often: whoever follows the log of a deploy meets it there.
 */
export async function offerOnceAMinute(environment: Environment): Promise<void> {
  const now = clock();
  if (now - offeredAt < MINUTE) return;
  offeredAt = now;
  if (!compiled.valid)
    console.error(JSON.stringify({ event: 'configuration-invalid', count: compiled.problems.length, problems: compiled.problems.slice(0, LOGGED_PROBLEMS) }));
  try {
    await offerBundle(fleetClient(environment.FLEET), compiled, { ...relayFacts, source: relaySource });
  } catch (thrown) {
    offeredAt = Number.NEGATIVE_INFINITY;
    const error = toPerennialError(thrown);
    console.error(JSON.stringify({ event: 'offer-failed', code: error.code, message: error.message }));
  }
}

export async function sweepFleet(environment: Environment): Promise<void> {
  const { woken, failed } = await fleetClient(environment.FLEET).sweep();
  console.log(JSON.stringify({ event: 'swept', woken, failed }));
}

/** Keeps a bundle that a relay runs from being forgotten. Best effort: the next hello says it again. */
export async function noteRelayBundle(environment: Environment, sha256: string): Promise<void> {
  if (!/^[0-9a-f]{64}$/.test(sha256)) return;
  await environment.FLEET.getByName('fleet')
    .relayRuns(sha256)
    .catch(() => undefined);
}

export function webDependencies(environment: Environment): WebDependencies {
  const fleet = fleetClient(environment.FLEET);
  return {
    clock,
    compiled,
    fleet,
    adminToken: environment.ADMIN_TOKEN,
    setupProblems: setupProblemsOf(environment, !compiled.valid || compiled.configuration.secrets.store === 'sealed'),
    secret: async (reference) => secretReader(environment)(reference),
    putSecret: async (name, value) => secretStore(environment).put(name, new Secret(value)),
    async resealSecrets() {
      if (configuration().secrets.store === 'sealed') return unwrap(await environment.SECRETS.getByName('secrets').reseal());
      throw new PerennialError('secret_store_not_sealed', 'Secrets are kept in AWS Secrets Manager, which seals them itself.');
    },
    clusters: () =>
      clusterHealth(compiled.valid ? compiled.configuration.clusters.map(({ name }) => name) : [], (name) => environment.CLUSTERS.getByName(name).status(name)),
    certificate: (name) => environment.CERTIFICATES.getByName(name),
    authorities: () =>
      authorityReports(compiled.valid ? compiled.configuration.authorities : [], ({ directory, limits }) =>
        environment.AUTHORITIES.getByName(directory).status(limits),
      ),
    rollOver: async (name, request) => {
      const { authorities, clusters } = configuration();
      const authority = authorities.find((candidate) => candidate.name === name);
      if (authority === undefined) throw new PerennialError('authority_unknown', `No CA named "${name}" is configured.`);
      const relaying = clusters.map((cluster) => cluster.name);
      return unwrap(await environment.AUTHORITIES.getByName(authority.directory).rollover({ authority, clusters: relaying, request }));
    },
    zone: (provider, zoneId) => environment.ZONES.getByName(`${provider}:${zoneId}`),
    records: async () => unwrap(await environment.RECORDS.getByName('records').status()),
    backup: {
      exportPart: (request) =>
        exportPart(request, { ports: backupPorts(environment), clock, newId: () => crypto.randomUUID(), only: environment.BACKUP_KEY?.trim() || null }),
      importItems: (request) => importItems(request, backupPorts(environment)),
    },
    relay: { sha256: relayFacts.sha256, source: relaySource },
    connectRelay: (request) => connectRelay(request, environment, () => edgeKey(environment)),
  };
}

/** What a backup reads and an import writes. */
export function backupPorts(environment: Environment): BackupPorts {
  const fleet = environment.FLEET;
  return {
    secrets: secretStore(environment),
    fleet: fleetBackup(fleet),
    async directories() {
      const inForce = unwrap(await fleet.getByName('fleet').configuration());
      const known = [inForce, compiled.valid ? compiled.configuration : null];
      return known.flatMap((each) => each?.authorities ?? []).map(({ directory }) => directory);
    },
    authority: (directory) => ({
      dump: async () => unwrap(await environment.AUTHORITIES.getByName(directory).dump()),
      restore: async (dump, keyIsSame, dryRun) => unwrap(await environment.AUTHORITIES.getByName(directory).restoreDump(dump, keyIsSame, dryRun)),
    }),
    zone: (name) => ({
      dump: async () => unwrap(await environment.ZONES.getByName(name).dump()),
      restore: async (dump, dryRun) => unwrap(await environment.ZONES.getByName(name).restoreDump(dump, dryRun)),
    }),
    certificate: (name) => ({
      dump: async () => unwrap(await environment.CERTIFICATES.getByName(name).dump()),
      restore: async (dump, dryRun) => unwrap(await environment.CERTIFICATES.getByName(name).restoreDump(dump, dryRun)),
    }),
  };
}

/** Whether somebody holds all certificates, for the time of an import. */
export function onHold({ HOLD }: Pick<Environment, 'HOLD'>): boolean {
  return (HOLD ?? '').trim() !== '';
}

export function certificateWaker(environment: Environment): CertificatesPort {
  return certificatesPort(environment.CERTIFICATES);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
