/** One Traefik instance: renders the variable after a while and serves what it read; it may be slow, cut, or away. */
import { X509Certificate } from 'node:crypto';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { Dialled } from '../../../infra/relay/verify/dial.ts';
import { current } from './current.ts';
import type { SimulatedNomad } from './nomad.ts';

export type ProxyMood = 'well' | 'slow' | 'away' | 'cut' | 'stuck';

const parsed = new Map<string, X509Certificate[]>();

export class SimulatedProxy {
  readonly id: string;
  readonly allocation: string;
  readonly address: string;
  readonly port = 443;
  readonly service: string;
  mood: ProxyMood = 'well';
  readonly #nomad: SimulatedNomad;
  readonly #variable: string;
  /** What it serves: PEM chain, or null for its own default. */
  served: string | null = null;
  fits = true;

  constructor(nomad: SimulatedNomad, service: string, variable: string, number: number) {
    this.#nomad = nomad;
    this.service = service;
    this.#variable = variable;
    this.id = `${service}-${number}`;
    this.allocation = `alloc-${nomad.cluster}-${service}-${number}`;
    this.address = `10.${nomad.cluster.length}.${number}.${nomad.proxies.length + 1}`;
  }

  registration(): object {
    return { ID: this.id, ServiceName: this.service, JobID: this.service, AllocID: this.allocation, Address: this.address, Port: this.port };
  }

  noticed(path: string): void {
    if (path !== this.#variable) return;
    const { scheduler, random } = current();
    if (this.mood === 'stuck') return;
    const delay = this.mood === 'slow' ? random.between(60_000, 400_000) : random.between(100, 2_000);
    scheduler.after(delay, () => this.load());
  }

  /** Reads the variable as it is now. */
  load(): void {
    if (this.mood === 'stuck') return;
    const items = this.#nomad.variables.get(this.#variable)?.items;
    this.served = items?.['certificate'] ?? null;
    this.fits = fits(items?.['certificate'], items?.['key']);
  }

  handshake(): Dialled {
    if (this.mood === 'away') return { kind: 'unreachable', detail: 'No connection in time.' };
    if (this.mood === 'cut' || !this.fits) return { kind: 'cut', detail: 'The handshake was cut.' };
    if (this.served === null) return { kind: 'cut', detail: 'It has no certificate.' };
    return { kind: 'served', chain: chainOf(this.served) };
  }
}

function chainOf(pem: string): X509Certificate[] {
  const known = parsed.get(pem);
  if (known !== undefined) return known;
  const chain = (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []).map((block) => new X509Certificate(block));
  if (parsed.size > 500) parsed.clear();
  parsed.set(pem, chain);
  return chain;
}

function fits(certificate: string | undefined, key: string | undefined): boolean {
  if (certificate === undefined || key === undefined) return true;
  try {
    const [leaf] = chainOf(certificate);
    const own = createPublicKey(createPrivateKey(key)).export({ type: 'spki', format: 'der' });
    return leaf?.publicKey.export({ type: 'spki', format: 'der' }).equals(own) === true;
  } catch {
    return false;
  }
}
