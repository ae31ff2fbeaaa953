/**
 * A world in memory for the reconcile loop: a CA, a DNS, a relay with proxies, all with the semantics that matter
 * (orders move by themselves, keys are bound to issuances, variables hold one pair), and a fuse that cuts the run
 * before or after any call, as a killed process would.
 */
import * as x509 from '@peculiar/x509';
import { PerennialError } from '../../../shared/errors.ts';
import { readChain, sha256Hex } from '../../../shared/x509/chain.ts';
import { classify } from '../../../functions/acme/failure-classes.ts';
import type { CertificatePorts } from '../../../functions/certificates/phases/context.ts';
import type { AcmeOrder, AcmeSession, PlacedRecord, WantedOrder } from '../../../functions/certificates/ports.ts';
import type { CertificateSpec } from '../../../functions/config/configuration.ts';

export const spec: CertificateSpec = {
  name: 'matrix',
  domains: ['matrix.example.net', '*.matrix.example.net'],
  keyType: 'ec-p256',
  authorities: ['pebble'],
  profile: null,
  preferredChain: null,
  reuseKey: false,
  deliveries: [
    {
      id: 'matrix/default/nomad/jobs/proxy',
      cluster: 'matrix',
      target: { variable: 'nomad/jobs/proxy', namespace: 'default', certificateItem: 'certificate', keyItem: 'key' },
      service: 'traefik',
      probes: [],
      reload: 'watch',
      blind: false,
      rollback: false,
    },
  ],
};

/** Thrown where the process is taken to have died; nothing after it runs. */
export class Killed extends Error {}

interface Order extends AcmeOrder {
  authority: string;
  names: string[];
  answered: Set<string>;
  chain: string | null;
}

export class World {
  now = Date.UTC(2026, 10, 21);
  lifetimeMs = 45 * 86_400_000;
  readonly orders: Order[] = [];
  finalized = 0;
  /** Orders that the CA refuses although their records are there. */
  refuseOrders = 0;
  readonly keys = new Map<string, { pair: CryptoKeyPair; csr: string; spki: string }>();
  variable: { chain: string; sha256: string; issuance: string; index: number } | null = null;
  /** name=value -> owner */
  readonly txt = new Map<string, string>();
  /** A vendor that replaces whole zones takes this long, ms; until then it says when to ask again. */
  zoneTakesMs = 0;
  provider: 'cloudflare' | 'namecheap' = 'cloudflare';
  /** Where names lead, by name; themselves when not in here. */
  readonly aliases = new Map<string, string>();
  /** Every look of the name servers; none of them shows anything while it is false. */
  visible = true;
  /** Names that one look confirms. */
  namesPerLook = Number.POSITIVE_INFINITY;
  /** What the preflight refuses with, as long as it stands. */
  preflightRefusal: PerennialError | null = null;
  readonly preflights: { domains: string[]; authority: { identities: string[]; accountUrl: string | null }; vias: string[] }[] = [];
  /** What the CA suggests (RFC 9773); null when it has no ARI. Asked about by the CA's name and the certID. */
  suggestion: { start: number; end: number; explanationUrl: string | null; retryAt: number } | null = null;
  readonly askedAbout: { authority: string; certId: string }[] = [];
  /** Answers to challenges that get a reply and never reach the CA. */
  swallowedAnswers = 0;
  instances = 1;
  /** Dials before the proxies serve what the variable holds. */
  proxyLag = 1;
  served: string | null = null;
  /** Leaves that the proxies serve, and that lead to no root which the relay trusts. */
  readonly untrusted = new Set<string>();
  /** Next calls of a port method fail with this; `<authority>:<method>` fails at that CA alone. */
  readonly failures = new Map<string, PerennialError[]>();
  /** What every call to a CA fails with, as long as it stands. */
  readonly down = new Map<string, PerennialError>();
  /** Accounts by CA; the first conversation registers one. */
  readonly accounts = new Map([['pebble', 'https://ca.test/account/1']]);
  /** What comes of asking for a place, one after the other; a place when empty. */
  readonly turns: (number | null)[] = [];
  /** CAs that CAA forbids, by their identity. */
  readonly forbidden = new Map<string, PerennialError>();
  readonly wanted: (WantedOrder & { authority: string })[] = [];
  /** Words of a CA that takes no replacement. */
  replacesRefused: string | null = null;
  deactivates = true;
  readonly deactivated: string[] = [];
  readonly revocations: { authority: string; chain: string; reason: number; jws: string | null }[] = [];
  /** CAs that take a CSR and never issue. */
  readonly stuck = new Set<string>();
  /** What next downloads are turned into. */
  readonly spoil: ((chain: string) => string | Promise<string>)[] = [];
  readonly calls: string[] = [];
  /** Calls until the fuse blows, and on which side of the effect; null never. */
  fuse: { calls: number; side: 'before' | 'after' } | null = null;

  async #through<T>(name: string, effect: () => T | Promise<T>, authority?: string): Promise<T> {
    this.calls.push(name);
    const due = this.fuse !== null && (this.fuse.calls -= 1) < 0;
    if (due && this.fuse?.side === 'before') throw this.#blow();
    const failure =
      this.failures.get(name)?.shift() ??
      (authority === undefined ? undefined : (this.failures.get(`${authority}:${name}`)?.shift() ?? this.down.get(authority)));
    if (failure !== undefined) throw failure;
    const value = await effect();
    if (due) throw this.#blow();
    return value;
  }

  #blow(): Killed {
    this.fuse = null;
    return new Killed();
  }

  failNext(name: string, ...errors: PerennialError[]): void {
    this.failures.set(name, [...(this.failures.get(name) ?? []), ...errors]);
  }

  ports(): CertificatePorts {
    const session = (authority: string): AcmeSession => {
      let requests = 0;
      const counted = <T>(name: string, effect: () => T | Promise<T>) => ((requests += 1), this.#through(name, effect, authority));
      const accountUrl = this.accounts.get(authority) ?? `https://${hostOf(authority)}/account/1`;
      this.accounts.set(authority, accountUrl);
      return {
        authority,
        accountUrl,
        caaIdentities: [hostOf(authority)],
        requests: () => requests,
        nonce: () => null,
        newOrder: (order) =>
          counted('newOrder', () => {
            this.wanted.push({ ...order, authority });
            const refused = order.replaces === null ? null : this.replacesRefused;
            return { ...this.#newOrder(authority, order.names), replacesRefused: refused, profile: order.profile };
          }),
        order: (url) => counted('order', () => snapshot(this.#find(url))),
        authorizations: (urls) =>
          counted('authorizations', () => {
            const order = this.#find(urls[0]?.split('/authz/')[0] ?? '');
            return urls.map((url) => {
              const position = Number(url.split('/').at(-1));
              const name = order.names[position] ?? '';
              const done = order.answered.has(`${url}/challenge`);
              return {
                url,
                identifier: name.replace('*.', ''),
                wildcard: name.startsWith('*.'),
                status: order.status === 'invalid' ? ('invalid' as const) : done ? ('valid' as const) : ('pending' as const),
                dns01: {
                  url: `${url}/challenge`,
                  status: done ? ('valid' as const) : ('pending' as const),
                  txtValue: `value-${order.url.at(-1)}-${position}`,
                  error: null,
                },
              };
            });
          }),
        answer: (url) =>
          counted('answer', () => {
            if (this.swallowedAnswers > 0) this.swallowedAnswers -= 1;
            else this.#answer(url);
          }),
        finalize: (order, csr) => counted('finalize', () => this.#finalize(order.url, csr)),
        deactivate: (url) => counted('deactivate', () => void this.deactivated.push(url)),
        revoke: (chain, reason, sign) =>
          counted('revoke', async () => {
            const jws = sign === null ? null : await sign({ url: `https://${hostOf(authority)}/revoke`, nonce: 'nonce' });
            this.revocations.push({ authority, chain, reason, jws });
          }),
        download: (order) =>
          counted('download', () => {
            const chain = this.#find(order.url).chain ?? '';
            return this.spoil.shift()?.(chain) ?? chain;
          }),
      };
    };
    return {
      acme: {
        open: (authority) => this.#through('open', () => session(authority), authority),
        enter: (authority) => this.#through('enter', () => this.turns.shift() ?? null, authority),
        leave: (authority) => this.#through('leave', () => undefined, authority),
        identity: (authority) =>
          this.#through('identity', () => ({ identities: [hostOf(authority)], accountUrl: this.accounts.get(authority) ?? null }), authority),
        deactivatesAuthorizations: () => this.deactivates,
        renewalInfo: (authority, certId) =>
          this.#through(
            'renewalInfo',
            () => {
              this.askedAbout.push({ authority, certId });
              return this.suggestion;
            },
            authority,
          ),
        classify,
      },
      dns: {
        preflight: (domains, authority, vias) =>
          this.#through('preflight', () => {
            this.preflights.push({ domains, authority, vias });
            if (this.preflightRefusal !== null) throw this.preflightRefusal;
            const refusal = authority.identities.map((identity) => this.forbidden.get(identity)).find((found) => found !== undefined);
            if (refusal !== undefined) throw refusal;
          }),
        place: (records) =>
          this.#through('place', () =>
            records.map((record) => {
              const target = this.aliases.get(record.name) ?? record.name;
              const zoneId = target === record.name ? 'z' : 'delegated';
              return { ...record, vendor: 'main', provider: this.provider, zoneId, zoneName: 'example.net', target };
            }),
          ),
        present: (owner, operation, records) => this.#through('present', () => this.#present(owner, operation, records)),
        propagation: (records, _vias, confirmed) =>
          this.#through('propagation', () => {
            const shown = records.filter((record) => this.visible && this.txt.has(`${record.target}=${record.value}`)).map(({ name }) => name);
            const known = [...new Set([...confirmed, ...shown.filter((name) => !confirmed.includes(name)).slice(0, this.namesPerLook)])];
            const complete = records.every(({ name }) => known.includes(name));
            return {
              complete,
              summary: `${complete ? 4 : 3} of 4 authoritative servers`,
              weak: false,
              servers: complete ? [] : [{ name: 'ns4.test-dns.example', kind: 'authoritative' as const, seen: false, detail: 'says that it does not exist' }],
              confirmed: known,
            };
          }),
        cleanUp: (owner, operation) =>
          this.#through('cleanUp', () => {
            if (this.#operations.has(operation)) return;
            this.#operations.add(operation);
            for (const [record, by] of this.txt) if (by === owner) this.txt.delete(record);
          }),
      },
      relay: {
        createKey: (_cluster, { issuance, names, reuse }) => this.#through('createKey', () => this.#createKey(issuance, names, reuse)),
        removeKey: (_cluster, issuance) => this.#through('removeKey', () => void this.keys.delete(issuance)),
        install: (_cluster, _name, request) =>
          this.#through('install', async () => {
            const chain = await readChain(request.chain);
            const { sha256, spki } = chain.leaf;
            // As the relay does, which alone knows roots.
            if (chain.certificates.length === 1) throw new PerennialError('chain_root_unknown', 'The chain does not lead to a root.');
            if (this.variable?.sha256 === sha256) return { index: this.variable.index, sha256, changed: false, keptItems: [] };
            if (this.keys.get(request.issuance)?.spki !== spki) throw new PerennialError('key_missing', 'No such key.');
            const foreign = this.variable !== null && !request.known.includes(this.variable.sha256);
            if (foreign && !request.replaceForeign) throw new PerennialError('drift', 'A foreign pair is there.');
            this.variable = { chain: chain.pem, sha256, issuance: request.issuance, index: (this.variable?.index ?? 10) + 1 };
            this.#lag = this.proxyLag;
            return { index: this.variable.index, sha256, changed: true, keptItems: [] };
          }),
        inspect: () =>
          this.#through('inspect', () => ({
            found: this.variable !== null,
            index: this.variable?.index ?? 0,
            chain: this.variable?.chain ?? null,
            sha256: this.variable?.sha256 ?? null,
            pairFits: this.variable === null ? null : true,
            ours: this.variable !== null,
          })),
        rollBack: () => this.#through('rollBack', () => ({ index: 0, sha256: this.variable?.sha256 ?? '', changed: false })),
        signRevocation: (_cluster, issuance, { nonce }) =>
          this.#through('signRevocation', () => {
            if (!this.keys.has(issuance)) throw new PerennialError('key_missing', 'No such key.');
            return { jws: `signed by ${issuance} with ${nonce}` };
          }),
        reload: (_cluster, { mode }) => this.#through('reload', () => ({ mode, signalled: 0, note: 'watched' })),
        verify: (_cluster, request) =>
          this.#through('verify', () => {
            if (this.#lag > 0) this.#lag -= 1;
            else this.served = this.variable?.sha256 ?? null;
            const verdict =
              this.served === request.sha256
                ? this.untrusted.has(request.sha256)
                  ? ('foreign' as const)
                  : ('new' as const)
                : this.served === null
                  ? ('default' as const)
                  : request.previous.includes(this.served)
                    ? ('old' as const)
                    : ('foreign' as const);
            return {
              instances: Array.from({ length: this.instances }, (_, position) => ({
                id: `i${position}`,
                address: '10.0.0.1',
                port: 443,
                job: 'proxy',
                verdict,
                detail: verdict === 'foreign' ? 'It leads to no root that is trusted.' : '',
                names:
                  this.served === null
                    ? []
                    : request.names.map((name) => ({
                        name,
                        verdict,
                        detail: '',
                        served: { sha256: this.served ?? '', names: [], issuer: 'somebody', notAfter: 0 },
                      })),
              })),
            };
          }),
      },
    };
  }

  /** A chain of the same CA and names for a key that nobody here has. */
  async strangerChain(names: string[]): Promise<string> {
    const { csr } = await request(await keyPair(), names);
    return issue(csr, names, this.now, this.lifetimeMs, 9_000);
  }

  /** A pair that somebody has made for themselves, without any CA. */
  async selfSigned(names: string[]): Promise<string> {
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=placeholder',
      keys: await keyPair(),
      notBefore: new Date(this.now),
      notAfter: new Date(this.now + 365 * 86_400_000),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions: [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value })))],
    });
    return certificate.toString('pem');
  }

  #lag = 0;
  /** When a vendor took changes in hand, by operation. */
  readonly #underWay = new Map<string, number>();

  #present(owner: string, operation: string, records: readonly PlacedRecord[]): number | null {
    if (this.#operations.has(operation)) return null;
    if (records.some(({ name, target }) => name === target && this.aliases.has(name)))
      throw new PerennialError('dns_name_is_alias', 'A CNAME stands there.', { retryable: true });
    const since = this.#underWay.get(operation) ?? this.now;
    this.#underWay.set(operation, since);
    const done = since + this.zoneTakesMs;
    if (done > this.now) return Math.min(done, this.now + 3_600_000);
    for (const record of records) this.txt.set(`${record.target}=${record.value}`, owner);
    this.#operations.add(operation);
    return null;
  }

  /** Operations that succeeded: a repeat is answered and not done, as the real objects do. */
  readonly #operations = new Set<string>();

  #find(url: string): Order {
    const order = this.orders.find((candidate) => candidate.url === url);
    if (order === undefined) throw new PerennialError('acme_not_found', 'No such order.', { retryable: true });
    return order;
  }

  #newOrder(authority: string, names: string[]): AcmeOrder {
    const url = `https://${hostOf(authority)}/order/${this.orders.length + 1}`;
    const order: Order = {
      authority,
      url,
      status: 'pending',
      expires: this.now + 86_400_000,
      authorizations: names.map((_, position) => `${url}/authz/${position}`),
      finalize: `${url}/finalize`,
      certificate: null,
      error: null,
      retryAt: null,
      names,
      answered: new Set(),
      chain: null,
    };
    this.orders.push(order);
    return snapshot(order);
  }

  #answer(url: string): void {
    const order = this.#find(url.split('/authz/')[0] ?? '');
    const position = Number(url.split('/').at(-2));
    const visible = [...this.txt.keys()].some((record) => record.endsWith(`=value-${order.url.at(-1)}-${position}`));
    order.answered.add(url);
    if (this.refuseOrders > 0 && order.status === 'pending') {
      this.refuseOrders -= 1;
      order.status = 'invalid';
    }
    if (!visible) order.status = 'invalid';
    else if (order.answered.size === order.names.length && order.status === 'pending') order.status = 'ready';
  }

  async #finalize(url: string, csr: string): Promise<AcmeOrder> {
    const order = this.#find(url);
    if (order.status !== 'ready') throw new PerennialError('acme_order_not_ready', `The order is ${order.status}.`, { retryable: true });
    if (this.stuck.has(order.authority)) {
      order.status = 'processing';
      return snapshot(order);
    }
    this.finalized += 1;
    order.status = 'valid';
    order.certificate = `${url}/certificate`;
    order.chain = await issue(csr, order.names, this.now, this.lifetimeMs, this.finalized);
    return snapshot(order);
  }

  async #createKey(issuance: string, names: string[], reuse?: string): Promise<{ issuance: string; csr: string; spki: string; madeIn: string }> {
    let key = this.keys.get(issuance);
    if (key === undefined) {
      const pair = (reuse === undefined ? undefined : this.keys.get(reuse)?.pair) ?? (await keyPair());
      key = { pair, ...(await request(pair, names)) };
      this.keys.set(issuance, key);
    }
    return { issuance, csr: key.csr, spki: key.spki, madeIn: 'matrix/alloc' };
  }
}

/** `pebble` is at home at ca.test, another CA at its own name. */
function hostOf(authority: string): string {
  return authority === 'pebble' ? 'ca.test' : `${authority}.test`;
}

function snapshot(order: Order): AcmeOrder {
  const { authority: _authority, names: _names, answered: _answered, chain: _chain, ...rest } = order;
  return structuredClone(rest);
}

async function request(keys: CryptoKeyPair, names: string[]): Promise<{ csr: string; spki: string }> {
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value })))],
  });
  return { csr: csr.toString('base64url'), spki: await sha256Hex(csr.publicKey.rawData) };
}

async function keyPair(): Promise<CryptoKeyPair> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  if (!('privateKey' in pair)) throw new Error('a pair was expected');
  return pair;
}

let authority: Promise<{ pair: CryptoKeyPair; certificate: x509.X509Certificate }> | undefined;

async function makeAuthority() {
  const pair = await keyPair();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Test Root',
    keys: pair,
    notBefore: new Date(0),
    notAfter: new Date(Date.UTC(2040, 0)),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new x509.BasicConstraintsExtension(true)],
  });
  return { pair, certificate };
}

async function issue(csr: string, names: string[], now: number, lifetimeMs: number, serial: number): Promise<string> {
  authority ??= makeAuthority();
  const { pair, certificate } = await authority;
  const request = new x509.Pkcs10CertificateRequest(csr);
  const leaf = await x509.X509CertificateGenerator.create({
    serialNumber: serial.toString(16).padStart(4, '0'),
    subject: '',
    issuer: certificate.subject,
    notBefore: new Date(now),
    notAfter: new Date(now + lifetimeMs),
    publicKey: request.publicKey,
    signingKey: pair.privateKey,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value }))),
      await x509.AuthorityKeyIdentifierExtension.create(certificate.publicKey),
    ],
  });
  return `${leaf.toString('pem')}\n${certificate.toString('pem')}\n`;
}
