/**
 * The system that is struck: real workerd, real Pebble and the real relay, with something listening in between wherever
 * the Worker or the relay calls somebody. Every certificate has a proxy of its own.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { ZONE } from '../../infra/demo/configuration.ts';
import { dialEverywhere } from '../../infra/demo/dial.ts';
import { Installation, wishFor, type InstallationOptions } from '../e2e/installation.ts';
import { Switchboard } from './switchboard.ts';
import { startHttpTap, type Tap } from './taps/http-tap.ts';
import { startLinkTap } from './taps/link-tap.ts';

const listSchema = z.object({ certificates: z.array(z.object({ name: z.string(), state: z.string() })) });
const ledgerSchema = z.object({ records: z.array(z.object({ name: z.string(), type: z.string(), found: z.boolean() })) });

/** The Worker, with a route of its own that renews at once. */
const WORKER = join(import.meta.dirname, 'worker/index.ts');

export interface LaboratoryOptions extends Pick<InstallationOptions, 'toml' | 'pebble'> {
  certificates: number;
}

export class Laboratory {
  readonly installation: Installation;
  readonly switchboard: Switchboard;
  readonly certificates: readonly string[];
  readonly #taps: readonly Tap[];
  readonly #foreign: string;

  private constructor(installation: Installation, switchboard: Switchboard, certificates: readonly string[], taps: readonly Tap[]) {
    this.installation = installation;
    this.switchboard = switchboard;
    this.certificates = certificates;
    this.#taps = taps;
    this.#foreign = JSON.stringify(installation.foreignRecords());
  }

  /** Every certificate is live then. */
  static async start({ certificates: count, ...rest }: LaboratoryOptions): Promise<Laboratory> {
    const certificates = Array.from({ length: count }, (_, index) => `struck-${String(index + 1).padStart(2, '0')}`);
    const switchboard = new Switchboard(certificates);
    const taps: Tap[] = [];
    try {
      const installation = await Installation.start({
        ca: 'pebble',
        ...rest,
        certificates,
        workerMain: WORKER,
        strangersRecords: [
          { name: ZONE, type: 'A', content: '192.0.2.10' },
          { name: `www.${ZONE}`, type: 'CNAME', content: ZONE },
          // Somebody else proves something at the names that we use.
          ...certificates.map((name) => ({ name: `_acme-challenge.${name}.${ZONE}`, type: 'TXT', content: '"a-strangers-proof"' })),
        ],
        // Nonces that are refused at random would make every renewal another sequence of calls.
        pebble: { PEBBLE_WFE_NONCEREJECT: '0', ...rest.pebble },
        between: async (part, url, tls) => {
          const tap = part === 'worker' ? await startLinkTap(url, switchboard) : await startHttpTap(part, url, tls, switchboard);
          taps.push(tap);
          return tap.url;
        },
      });
      return new Laboratory(installation, switchboard, certificates, taps);
    } catch (error) {
      await Promise.all(taps.map((tap) => tap.stop()));
      throw error;
    }
  }

  /** Begins a renewal of every certificate. */
  async renewAll(): Promise<void> {
    this.installation.letTimePassForResolvers();
    const { status, body } = await this.installation.system.worker.ask('POST', '/faults/renew', { certificates: this.certificates });
    if (status !== 204) throw new Error(`The renewals could not be begun: HTTP ${status} ${body.slice(0, 300)}`);
  }

  /** SHA-256 of the certificate that counts as live; null while one is on its way or the Worker is away. */
  async settled(name: string): Promise<string | null> {
    const view = await this.installation.view(name).catch(() => null);
    return view?.state === 'live' && view.issuance === null ? (view.live?.sha256 ?? null) : null;
  }

  /** Names that the list shows as live; none while the Worker is away. One request, where looking at each would be one for each. */
  async shownLive(): Promise<ReadonlySet<string>> {
    const answer = await this.installation.system.worker.ask('GET', '/api/v1/certificates?size=100').catch(() => null);
    if (answer === null || answer.status !== 200) return new Set();
    const { certificates } = listSchema.parse(JSON.parse(answer.body));
    return new Set(certificates.filter(({ state }) => state === 'live').map(({ name }) => name));
  }

  /** What is wrong with how a certificate is served: fresh handshakes for its name and for a label below it. */
  async servedWrongly(name: string, sha256: string): Promise<string | null> {
    const { port } = this.installation.proxy(name);
    const [instance] = await dialEverywhere([{ id: name, address: '127.0.0.1', port }], wishFor(name).domains, this.installation.system.roots);
    const wrong = instance?.dialled.find((dialled) => dialled.sha256 !== sha256 || !dialled.trusted);
    return wrong === undefined
      ? null
      : `${wrong.name} is served ${wrong.sha256.slice(0, 12)}${wrong.trusted ? '' : ' (not trusted)'} instead of ${sha256.slice(0, 12)}`;
  }

  /** Names at which the vendor still holds a TXT of ours, and rows that the ledger still holds. */
  async leftBehind(): Promise<string[]> {
    const { cloudflare, worker } = this.installation.system;
    const records = this.installation.challengeRecords().filter(({ comment }) => comment !== null && comment !== '');
    const { status, body } = await worker.ask('GET', `/api/v1/zones/cloudflare/${cloudflare.zoneId(ZONE)}/records`);
    if (status !== 200) return [`the ledger could not be read: HTTP ${status}`];
    const rows = ledgerSchema.parse(JSON.parse(body)).records.filter(({ type }) => type === 'TXT');
    return [...records.map(({ name }) => `a TXT at ${name}`), ...rows.map(({ name }) => `a ledger row for ${name}`)];
  }

  foreignTouched(): boolean {
    return JSON.stringify(this.installation.foreignRecords()) !== this.#foreign;
  }

  async stop(): Promise<void> {
    await this.installation.stop();
    await Promise.all(this.#taps.map((tap) => tap.stop()));
  }
}
