/**
 * The whole system on loopback: CA, DNS, Cloudflare, Nomad, proxy, Worker and relay. The demo shows it, the end-to-end
 * tests and the benchmarks stand on it. Real parts are used where the environment names them, stand-ins elsewhere.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { CloudflareEmulator } from '../../test/emulators/cloudflare/index.ts';
import type { DnsEmulator } from '../../test/emulators/dns/index.ts';
import type { NamecheapEmulator } from '../../test/emulators/namecheap/index.ts';
import { startAcme, type AcmeEmulator } from '../../test/emulators/acme/acme.ts';
import { createLoopbackTls, type LoopbackTls } from '../../test/emulators/acme/loopback-tls.ts';
import type { CertificateView } from '../../functions/certificates/ports.ts';
import { PerennialError } from '../../shared/errors.ts';
import { CLOUDFLARE_SECRET, CLUSTER, demoConfiguration, WEBHOOK_SECRET, type CertificateWish } from './configuration.ts';
import { findExecutable, type Variables } from './executables.ts';
import { startAgentCluster } from './agent-cluster.ts';
import type { Cluster, ClusterOptions } from './cluster.ts';
import { startEmulatedCluster, type EmulatedCluster } from './emulated-cluster.ts';
import { DELIVERED_VARIABLE, putItem, type NomadPart } from './parts/nomad.ts';
import { startPebble, type CertificateAuthorityPart } from './parts/pebble.ts';
import { relayLaw, type RelayPart } from './parts/relay.ts';
import type { ProxyPart } from './parts/traefik.ts';
import { bundleHash, relayBundle, startWorker, type WorkerPart } from './parts/worker.ts';
import { NAMECHEAP_KEY, namecheapUsers, startZones, type ZoneOptions } from './parts/zones.ts';
import { Ports } from './ports.ts';
import { CLOUDFLARE_SHOW } from './show.ts';
import { publicHalf, type DemoSecrets, type DemoState } from './state.ts';
import type { Supervisor } from './supervisor.ts';
import type { LawDocument } from '../relay/law.ts';
import type { Proof } from './proof.ts';
import { readContents, type Contents } from './zones.ts';

/** What is real and what stands in for it, as `--json` and the proof tell it. */
export type PartKinds = Proof['parts'];

export interface SystemOptions extends ZoneOptions {
  state: DemoState;
  supervisor: Supervisor;
  /** Where `PEBBLE_BIN`, `TRAEFIK_BIN`, `NOMAD_ADDR` and `PATH` are read from. */
  environment: Variables;
  /** A line for people: what starts, what is in the way. */
  say: (line: string) => void;
  /** Ports to try first; 0 (and every one left out) takes any free port. */
  ports?: Partial<Record<'worker' | 'proxy' | 'nomad' | 'ca', number>>;
  certificates?: readonly CertificateWish[];
  /** `stand-in` takes the in-repository CA even where Pebble is. */
  ca?: 'pebble' | 'stand-in';
  /** `providersThrottleDuration` of the stand-in, milliseconds. */
  throttleMs?: number;
  /** Environment of Pebble, such as PEBBLE_WFE_NONCEREJECT. */
  pebble?: Readonly<Record<string, string>>;
  /** Changes the text of `certificates.toml` before it is compiled. */
  toml?: (text: string) => string;
  /** Entry of the Worker in place of the one in `wrangler.toml`; see WorkerOptions. */
  workerMain?: string;
  /** Changes the relay's law before it is written. */
  law?: (law: LawDocument) => LawDocument;
  /** Where the Worker and the relay reach a part, in place of its own URL: for what listens in between. */
  between?: (part: ReachedPart, url: string, tls: LoopbackTls) => Promise<string>;
}

/** Who is called: by the Worker the CA, Cloudflare and the resolvers, by the relay Nomad and the Worker. */
export type ReachedPart = 'ca' | 'cloudflare' | 'resolver' | 'nomad' | 'worker';

export interface System {
  readonly kinds: PartKinds;
  readonly secrets: DemoSecrets;
  readonly state: DemoState;
  readonly worker: WorkerPart;
  readonly relay: RelayPart;
  readonly nomad: NomadPart;
  readonly proxy: ProxyPart;
  /** Everything of the cluster that tests may disturb; `undefined` on a real agent. */
  readonly emulated: EmulatedCluster | undefined;
  readonly ca: CertificateAuthorityPart;
  /** The in-repository CA, when it issues in Pebble's place. */
  readonly acme: AcmeEmulator | undefined;
  readonly dns: DnsEmulator;
  readonly cloudflare: CloudflareEmulator;
  readonly namecheap: NamecheapEmulator | undefined;
  /** Domains at Namecheap. */
  readonly domains: readonly string[];
  /** What the zones held before the Worker was started. */
  readonly contentsBefore: Contents;
  /** Roots that served chains may lead to, PEM. */
  readonly roots: readonly string[];
  /** The text of `certificates.toml` for other certificates on the same parts. */
  configuration(certificates: readonly CertificateWish[]): string;
  /** What the Worker says about a certificate; `undefined` while it does not know it. */
  certificate(name: string): Promise<CertificateView | undefined>;
  stop(): Promise<void>;
}

/** Starts everything; when something fails, what has started is stopped again and the error thrown. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const stops: (() => Promise<void>)[] = [];
  try {
    return await assemble(options, stops);
  } catch (error) {
    await stopAll(stops);
    throw error;
  }
}

async function assemble(options: SystemOptions, stops: (() => Promise<void>)[]): Promise<System> {
  const { state, supervisor, environment, say } = options;
  const certificates = options.certificates ?? [CLOUDFLARE_SHOW.certificate];
  const ports = new Ports(say);
  const secrets = await state.secrets();
  const tls = await createLoopbackTls();

  const zones = await startZones(options, secrets);
  stops.push(() => zones.close());
  const { dns, cloudflare, namecheap } = zones;
  const contentsBefore = readContents(zones);
  say('DNS: name servers, a recursive one and two public resolvers; the Cloudflare API publishes into them.');
  if (namecheap !== undefined) say('Namecheap: the API publishes into them as well, some seconds late.');

  const resolver = `${dns.recursive.address}:${dns.recursive.port}`;
  const { ca, acme } = await startAuthority(options, ports, tls, dns);
  stops.push(() => ca.stop());
  const roots = state.rememberRoot(ca.root);
  say(ca.kind === 'pebble' ? `ACME CA: Pebble at ${ca.directory}` : `ACME CA: the stand-in at ${ca.directory} (Pebble is not installed)`);

  const { cluster, emulated } = await startCluster({
    state,
    supervisor,
    environment,
    ports,
    say,
    nomadPort: options.ports?.nomad ?? 0,
    proxyPort: options.ports?.proxy ?? 0,
    throttleMs: options.throttleMs,
    furtherVariables: certificates.flatMap(({ variable }) => (variable === undefined || variable === DELIVERED_VARIABLE ? [] : [variable])),
  });
  stops.push(() => cluster.stop());
  if (namecheap !== undefined) await putItem(cluster.nomad, NAMECHEAP_KEY.variable, NAMECHEAP_KEY.item, secrets.namecheapKey);

  const reach = async (part: ReachedPart, url: string): Promise<string> => (await options.between?.(part, url, tls)) ?? url;
  const directory = await reach('ca', ca.directory);
  const cloudflareUrl = await reach('cloudflare', cloudflare.url);
  const resolvers = await Promise.all(dns.doh.map(async ({ name, url }) => ({ name, url: await reach('resolver', url) })));
  const configurationFor = (wishes: readonly CertificateWish[]): string => {
    const text = demoConfiguration({
      directory,
      cloudflareUrl,
      namecheapUsers: namecheapUsers(options.namecheap),
      resolvers,
      relayKey: publicHalf(secrets.relayKey),
      certificates: wishes,
    });
    return options.toml?.(text) ?? text;
  };
  const configuration = configurationFor(certificates);
  const worker = await startWorker({
    supervisor,
    state,
    secrets,
    configuration,
    ca: tls.caPem,
    reservePort: () => ports.reserve(options.ports?.worker ?? 0, 'the status page'),
    environment,
    ...(options.workerMain === undefined ? {} : { main: options.workerMain }),
  });
  stops.push(() => worker.stop());
  say(`Worker: workerd through wrangler at ${worker.origin}`);
  await storeSecret(worker, CLOUDFLARE_SECRET, secrets.cloudflareToken);
  await storeSecret(worker, WEBHOOK_SECRET, secrets.webhookSecret);

  const origin = await reach('worker', worker.origin);
  const nomadAddress = await reach('nomad', cluster.nomad.address);
  const relay = await cluster.startRelay({
    law: {
      origin,
      identityKey: secrets.relayKey,
      document: (identity, nomad) => {
        const law = relayLaw({
          origin,
          cluster: CLUSTER,
          secrets,
          identity,
          nomad: nomad?.via === 'address' ? { ...nomad, address: nomadAddress } : nomad,
          targets: targetsOf(certificates),
          roots,
          resolver,
          nameservers: dns.nameserverOverrides,
          namecheap: zones.accounts,
        });
        return options.law?.(law) ?? law;
      },
    },
    bundle: relayBundle(state),
    sha256: bundleHash(state),
  });

  return {
    kinds: {
      ca: ca.kind === 'pebble' ? 'real' : 'stand-in',
      dns: 'stand-in',
      nomad: cluster.nomad.kind === 'agent' ? 'real' : 'stand-in',
      proxy: cluster.proxy.kind === 'traefik' ? 'real' : 'stand-in',
    },
    secrets,
    state,
    worker,
    relay,
    nomad: cluster.nomad,
    proxy: cluster.proxy,
    emulated,
    ca,
    acme,
    dns,
    cloudflare,
    namecheap,
    domains: zones.domains,
    contentsBefore,
    roots,
    configuration: configurationFor,
    certificate: (name) => readView(worker, name),
    stop: () => stopAll(stops),
  };
}

async function startCluster(options: ClusterOptions): Promise<{ cluster: Cluster; emulated: EmulatedCluster | undefined }> {
  const address = options.environment['NOMAD_ADDR'];
  if (address !== undefined && address !== '') return { cluster: await startAgentCluster(options), emulated: undefined };
  const cluster = await startEmulatedCluster(options);
  return { cluster, emulated: cluster };
}

async function startAuthority(
  options: SystemOptions,
  ports: Ports,
  tls: LoopbackTls,
  dns: DnsEmulator,
): Promise<{ ca: CertificateAuthorityPart; acme: AcmeEmulator | undefined }> {
  const executable = options.ca === 'stand-in' ? undefined : findExecutable('PEBBLE_BIN', 'pebble', options.environment);
  if (executable === undefined && options.ca === 'pebble') throw new PerennialError('demo_no_pebble', 'Pebble is neither named by PEBBLE_BIN nor on PATH.');
  const port = await ports.reserve(options.ports?.ca ?? 0, 'the ACME CA');
  if (executable === undefined) {
    const acme = await startAcme({ resolver: { host: dns.recursive.address, port: dns.recursive.port }, port, tls });
    const requests = (): number => Object.values(acme.countRequests()).reduce((sum, count) => sum + count, 0);
    return { acme, ca: { kind: 'stand-in', directory: acme.directoryUrl, root: acme.rootPem, requests, stop: () => acme.stop() } };
  }
  const ca = await startPebble({
    executable,
    supervisor: options.supervisor,
    state: options.state,
    tls,
    resolver: `${dns.recursive.address}:${dns.recursive.port}`,
    port,
    managementPort: await ports.reserve(0, "Pebble's management"),
    environment: { PATH: options.environment['PATH'], ...options.pebble },
  });
  return { ca, acme: undefined };
}

async function storeSecret(worker: WorkerPart, name: string, value: string): Promise<void> {
  const { status, body } = await worker.ask('PUT', `/api/v1/secrets/${name}`, { value });
  if (status === 401)
    throw new PerennialError('demo_port_taken', `Another process answers at ${worker.origin}: it took the port while the Worker was starting.`, {
      hint: 'Start the demo again.',
    });
  if (status >= 300)
    throw new PerennialError('demo_secret_refused', `The Worker answered ${status} when it was given the secret ${name}: ${body.slice(0, 300)}`);
}

async function readView(worker: WorkerPart, name: string): Promise<CertificateView | undefined> {
  const { status, body } = await worker.ask('GET', `/api/v1/certificates/${name}`);
  if (status === 404) return undefined;
  if (status !== 200) throw new PerennialError('demo_worker_refused', `The Worker answered ${status} for the certificate ${name}: ${body.slice(0, 300)}`);
  // The Worker's own answer about itself; its shape is held by its tests.
  return JSON.parse(body) as CertificateView;
}

function targetsOf(certificates: readonly CertificateWish[]): { variable: string; names: readonly string[] }[] {
  return certificates.map(({ domains, variable = DELIVERED_VARIABLE }) => ({ variable, names: domains }));
}

/** Longest wait for one part to stop, ms; the supervisor ends what is left. */
const STOP_MS = 10_000;

async function stopAll(stops: (() => Promise<void>)[]): Promise<void> {
  for (const stop of stops.splice(0).reverse()) {
    const patience = new AbortController();
    // In the reverse order of the start; a part that does not stop cleanly, or not at all, does not keep the others.
    // oxlint-disable-next-line no-await-in-loop
    await Promise.race([stop().catch(() => undefined), pause(STOP_MS, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
  }
}
