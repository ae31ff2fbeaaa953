/**
 * A CA over HTTP (RFC 8555, RFC 9773) with Boulder's habits: nonces of one use, orders that are given again while they
 * are open, valid authorizations that are used again, token buckets, and ARI windows at two thirds of the lifetime.
 * Signatures are not verified: what is signed by whom is the business of the emulator's tests.
 */
import { createHash } from 'node:crypto';
import type { Random } from '../random.ts';
import type { Mortal } from '../outside.ts';
import { type CaLimits, RateLimits } from './ca-limits.ts';
import { CaRecords, type CaAuthorization, type CaOrder } from './ca-records.ts';
import { type CaReply, type CaRequest, documentOf, iso, isProblem, json, problem, refused } from './ca-replies.ts';
import { SimulatedIssuer } from './certificates.ts';
import { requestedKey } from './der.ts';
import type { Weather } from '../weather.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export interface CaSettings {
  name: string;
  lifetimeMs: number;
  /** Lifetimes by profile, ms; the one above for orders without. */
  profiles?: Readonly<Record<string, number>>;
  /** What its clock shows beyond the true time, ms. */
  skewMs: number;
  /** How long a valid authorization serves further orders, ms; 0: never. */
  reuseMs: number;
  orderLifeMs: number;
  limits: CaLimits;
}

export interface CaDependencies {
  random: Random;
  clock: () => number;
  weather: () => Weather;
  later: (delay: number, run: () => void) => void;
  txt: (name: string) => string[];
  /** Which issuance's key is in a request, as the caller's storage says. */
  issuanceOf: (caller: Mortal) => string | null;
  onFinalized: (ca: SimulatedCa, order: CaOrder) => void;
  /** The chain of this order is given out wrong: nobody can use it. */
  onSpoilt: (order: CaOrder) => void;
  onLimit: (ca: SimulatedCa, bucket: string) => void;
  say: (line: string) => void;
}

const issuers = new Map<string, SimulatedIssuer>();
export function issuerOf(name: string): SimulatedIssuer {
  const issuer = issuers.get(name) ?? new SimulatedIssuer(name);
  issuers.set(name, issuer);
  return issuer;
}

export class SimulatedCa {
  readonly settings: CaSettings;
  readonly origin: string;
  readonly records = new CaRecords();
  readonly issuer: SimulatedIssuer;
  /** Everything fails until then, Unix ms: an outage. */
  downUntil = 0;
  /** Certificates that are to be replaced at once (RFC 9773 §4.2: a window in the past), by id. */
  readonly incidentFor = new Set<string>();
  readonly #deps: CaDependencies;
  readonly #limits: RateLimits;
  readonly #nonces = new Set<string>();
  #nonce = 0;

  constructor(settings: CaSettings, deps: CaDependencies) {
    this.settings = settings;
    this.origin = `https://${settings.name}.ca.test`;
    this.issuer = issuerOf(settings.name);
    this.#deps = deps;
    this.#limits = new RateLimits(settings.limits, {
      random: deps.random,
      injected: () => deps.weather().refusals.limit,
      reached: (bucket) => deps.onLimit(this, bucket),
    });
  }

  get directory(): string {
    return `${this.origin}/directory`;
  }

  answer(request: CaRequest, caller: Mortal): CaReply {
    const path = new URL(request.url).pathname;
    const refusal = this.#front(path);
    if (refusal !== null) return refusal;
    try {
      if (path === '/directory') return json(200, this.#directory());
      if (path === '/nonce') return { status: 200, headers: { 'replay-nonce': this.#newNonce() }, body: '' };
      if (path.startsWith('/renewal/')) return this.#renewalInfo(path.slice('/renewal/'.length));
      return this.#signed(path, request.body ?? '', caller);
    } catch (thrown) {
      if (!isProblem(thrown)) throw thrown;
      return problem(thrown, this.#newNonce());
    }
  }

  /** What stands before the CA: load balancers, and the network between. */
  #front(path: string): CaReply | null {
    const { random } = this.#deps;
    const { refusals } = this.#deps.weather();
    if (this.downUntil > this.now || random.chance(refusals.busy)) {
      if (random.chance(0.3))
        return problem({ status: 503, type: 'rateLimited', detail: 'Service busy; retry later.', retryAfter: random.between(1, 120) }, '');
      return { status: 503, headers: { 'content-type': 'text/html', ...(random.chance(0.5) ? { 'retry-after': '30' } : {}) }, body: '<html>503</html>' };
    }
    if (random.chance(refusals.edge)) return { status: 525, headers: { 'content-type': 'text/plain' }, body: 'error code: 525' };
    if (random.chance(refusals.garbled)) return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"status":' };
    if (path.startsWith('/cert/') && random.chance(refusals.gone)) return problem({ status: 404, type: 'malformed', detail: 'Certificate not found' }, '');
    return null;
  }

  get now(): number {
    return this.#deps.clock() + this.settings.skewMs;
  }

  #directory(): object {
    const { origin } = this;
    return {
      newNonce: `${origin}/nonce`,
      newAccount: `${origin}/account`,
      newOrder: `${origin}/order`,
      revokeCert: `${origin}/revoke`,
      keyChange: `${origin}/key-change`,
      renewalInfo: `${origin}/renewal`,
      meta: {
        caaIdentities: [`${this.settings.name}.ca.test`],
        profiles: Object.fromEntries(Object.keys(this.settings.profiles ?? { standard: 0 }).map((name) => [name, name])),
      },
    };
  }

  #newNonce(): string {
    const nonce = `n${this.settings.name}${(this.#nonce += 1)}`;
    this.#nonces.add(nonce);
    return nonce;
  }

  #signed(path: string, body: string, caller: Mortal): CaReply {
    const jws = JSON.parse(body) as { protected: string; payload: string };
    const header = JSON.parse(Buffer.from(jws.protected, 'base64url').toString()) as { nonce: string; kid?: string; jwk?: { x: string; y: string } };
    const payload: Record<string, unknown> =
      jws.payload === '' ? {} : (JSON.parse(Buffer.from(jws.payload, 'base64url').toString()) as Record<string, unknown>);
    if (!this.#nonces.delete(header.nonce) || this.#deps.random.chance(this.#deps.weather().refusals.badNonce))
      throw refused(400, 'badNonce', 'JWS has an invalid anti-replay nonce');
    const reply = path === '/account' ? this.#account(header.jwk, payload) : this.#byAccount(path, this.#accountOf(header.kid), payload, caller);
    return { ...reply, headers: { ...reply.headers, 'replay-nonce': this.#newNonce() } };
  }

  #account(jwk: { x: string; y: string } | undefined, payload: Record<string, unknown>): CaReply {
    if (jwk === undefined) throw refused(400, 'malformed', 'A jwk is needed here');
    const key = `${jwk.x}.${jwk.y}`;
    const known = [...this.records.accounts.values()].find((each) => each.key === key);
    if (known === undefined && payload['onlyReturnExisting'] === true) throw refused(400, 'accountDoesNotExist', 'No such account');
    const thumbprint = sha256(JSON.stringify({ crv: 'P-256', kty: 'EC', x: jwk.x, y: jwk.y }));
    const account = known ?? { url: `${this.origin}/account/${this.records.id('a')}`, key, thumbprint, status: 'valid' as const };
    this.records.accounts.set(account.url, account);
    return json(known === undefined ? 201 : 200, { status: account.status }, { location: account.url });
  }

  #accountOf(kid: string | undefined): string {
    const account = kid === undefined ? undefined : this.records.accounts.get(kid);
    if (account === undefined) throw refused(400, 'accountDoesNotExist', 'Account does not exist');
    if (account.status !== 'valid') throw refused(403, 'unauthorized', 'Account is deactivated');
    return account.url;
  }

  #byAccount(path: string, account: string, payload: Record<string, unknown>, caller: Mortal): CaReply {
    const [, kind = '', id = ''] = path.split('/');
    if (kind === 'order' && id === '') return this.#newOrder(account, payload);
    if (kind === 'order') return this.#show(this.#order(id));
    if (kind === 'authz') return this.#authorization(id, payload);
    if (kind === 'chall') return this.#challenge(id);
    if (kind === 'finalize') return this.#finalize(this.#order(id), String(payload['csr']), caller);
    if (kind === 'cert') return this.#certificate(id);
    if (kind === 'revoke') return this.#revoke(String(payload['certificate']));
    throw refused(404, 'malformed', 'No such resource');
  }

  #newOrder(account: string, payload: Record<string, unknown>): CaReply {
    const names = (payload['identifiers'] as { value: string }[]).map(({ value }) => value).sort();
    const replaces = typeof payload['replaces'] === 'string' ? payload['replaces'] : null;
    const { now, records } = this;
    const same = [...records.orders.values()].find(
      (order) => order.account === account && order.names.join() === names.join() && ['pending', 'ready'].includes(records.statusOf(order, now)),
    );
    if (same !== undefined) return this.#show(same, 201);
    const exempt = this.#checkReplacement(account, names, replaces);
    const renewal = [...records.certificates.values()].some((certificate) => certificate.names.join(',') === names.join(','));
    this.#limits.order({ account, names, exempt, renewal }, now);
    const id = records.id('o');
    const bases = [...new Set(names)];
    const order: CaOrder = {
      id,
      account,
      names,
      profile: typeof payload['profile'] === 'string' ? payload['profile'] : null,
      replaces,
      authorizations: bases.map((name) => this.#authorizationFor(account, name).id),
      expires: now + this.settings.orderLifeMs,
      issuedAt: null,
      certificate: null,
      issuance: null,
      error: null,
      exempt,
      renewal,
    };
    records.orders.set(id, order);
    return this.#show(order, 201);
  }

  /** @returns whether the order is exempt from the limits: a replacement inside its window (RFC 9773 §5, Boulder). */
  #checkReplacement(account: string, names: readonly string[], replaces: string | null): boolean {
    if (replaces === null) return false;
    const predecessor = [...this.records.certificates.values()].find(({ certId }) => certId === replaces);
    if (predecessor === undefined) throw refused(404, 'malformed', 'The certificate named by replaces is unknown');
    if (predecessor.account !== account) throw refused(403, 'unauthorized', 'The certificate named by replaces belongs to another account');
    if (!names.some((name) => predecessor.names.includes(name))) throw refused(400, 'malformed', 'replaces: no identifier in common');
    const { now, records } = this;
    const successor = [...records.orders.values()].find((order) => order.replaces === replaces && records.statusOf(order, now) !== 'invalid');
    if (successor !== undefined) throw refused(409, 'alreadyReplaced', 'The certificate was already replaced');
    const { start, end } = this.#window(predecessor);
    return now >= start && now < end;
  }

  #authorizationFor(account: string, name: string): CaAuthorization {
    const { now, records } = this;
    const reusable = [...records.authorizations.values()].find(
      (authorization) =>
        authorization.account === account &&
        authorization.name === name &&
        authorization.expires > now &&
        (authorization.status === 'valid' || (authorization.status === 'pending' && !authorization.processing)),
    );
    if (reusable !== undefined) return reusable;
    const id = records.id('z');
    const made: CaAuthorization = {
      id,
      account,
      name,
      status: 'pending',
      processing: false,
      token: `token-${this.settings.name}-${id}-0123456789`,
      expires: now + this.settings.orderLifeMs,
      error: null,
    };
    records.authorizations.set(id, made);
    return made;
  }

  #authorization(id: string, payload: Record<string, unknown>): CaReply {
    const authorization = this.#theAuthorization(id);
    if (payload['status'] === 'deactivated') authorization.status = 'deactivated';
    const wildcard = authorization.name.startsWith('*.');
    return json(200, {
      identifier: { type: 'dns', value: authorization.name.replace(/^\*\./, '') },
      ...(wildcard ? { wildcard } : {}),
      status: authorization.status,
      expires: iso(authorization.expires),
      challenges: [
        { type: 'dns-persist-01', url: `${this.origin}/other/${id}`, status: 'pending' },
        {
          type: 'dns-01',
          url: `${this.origin}/chall/${id}`,
          status: authorization.processing ? 'processing' : authorization.status === 'deactivated' ? 'valid' : authorization.status,
          token: authorization.token,
          ...(authorization.error === null ? {} : { error: documentOf(authorization.error) }),
        },
      ],
    });
  }

  #challenge(id: string): CaReply {
    const authorization = this.#theAuthorization(id);
    const { random, weather, later } = this.#deps;
    if (authorization.status === 'pending' && !authorization.processing) {
      authorization.processing = true;
      later(random.between(50, 5_000), () => this.#validate(authorization, random.chance(weather().mishaps.invalid)));
    }
    return json(200, { type: 'dns-01', url: `${this.origin}/chall/${id}`, status: 'processing', token: authorization.token });
  }

  #validate(authorization: CaAuthorization, mishap: boolean): void {
    authorization.processing = false;
    if (authorization.status !== 'pending') return;
    this.#look(authorization, mishap);
    this.#deps.say(`${this.settings.name} finds ${authorization.id} ${authorization.name} ${authorization.status}`);
  }

  #look(authorization: CaAuthorization, mishap: boolean): void {
    const bare = authorization.name.replace(/^\*\./, '');
    const values = this.#deps.txt(`_acme-challenge.${bare}`);
    const wanted = sha256(`${authorization.token}.${this.records.accounts.get(authorization.account)?.thumbprint ?? ''}`);
    if (!mishap && values.includes(wanted)) {
      authorization.status = 'valid';
      authorization.expires = this.now + this.settings.reuseMs;
      return;
    }
    authorization.status = 'invalid';
    authorization.error = mishap
      ? { status: 400, type: 'dns', detail: `DNS problem: SERVFAIL looking up TXT for _acme-challenge.${bare}` }
      : { status: 403, type: 'unauthorized', detail: `Incorrect TXT record found at _acme-challenge.${bare}: ${values.length} values` };
    this.#limits.failed(authorization.account, bare, this.now);
  }

  #finalize(order: CaOrder, csr: string, caller: Mortal): CaReply {
    const { now, records } = this;
    const status = records.statusOf(order, now);
    if (status !== 'ready') throw refused(403, 'orderNotReady', `Order's status ("${status}") is not acceptable for finalization`);
    const { random, weather } = this.#deps;
    const mishaps = weather().mishaps;
    const delay = random.chance(mishaps.stuck) ? random.between(60_000, 3 * HOUR) : random.between(0, 3_000);
    const spki = requestedKey(Buffer.from(csr, 'base64url'));
    const serial = new Uint8Array(12);
    random.bytes(serial);
    serial[0] = (serial[0] ?? 0) | 1;
    const second = Math.floor(now / 1_000) * 1_000;
    const lifetimeMs = this.settings.profiles?.[order.profile ?? ''] ?? this.settings.lifetimeMs;
    const [notBefore, notAfter] = [second - HOUR, second - HOUR + lifetimeMs];
    const leaf = this.issuer.issue({ spki, names: order.names, serial, notBefore, notAfter });
    const id = records.id('c');
    records.certificates.set(id, {
      id,
      order: order.id,
      account: order.account,
      names: order.names,
      ...leaf,
      notBefore,
      notAfter,
      hiddenUntil: random.chance(mishaps.late) ? now + delay + random.between(1_000, 60_000) : 0,
      garbledReads: random.chance(mishaps.wrongChain) ? random.between(1, 2) : 0,
      revoked: false,
    });
    this.#limits.issued(order, now);
    order.issuedAt = now + delay;
    order.certificate = id;
    order.issuance = this.#deps.issuanceOf(caller);
    this.#deps.onFinalized(this, order);
    return this.#show(order);
  }

  #certificate(id: string): CaReply {
    const certificate = this.records.certificates.get(id);
    if (certificate === undefined || certificate.hiddenUntil > this.now) throw refused(404, 'malformed', 'Certificate not found');
    let body = certificate.pem;
    if (certificate.garbledReads > 0) {
      certificate.garbledReads -= 1;
      const other = [...this.records.certificates.values()].find(({ id: otherId }) => otherId !== id);
      if (other !== undefined) {
        body = other.pem;
        const order = this.records.orders.get(certificate.order);
        if (order !== undefined) this.#deps.onSpoilt(order);
      }
    }
    return { status: 200, headers: { 'content-type': 'application/pem-certificate-chain' }, body };
  }

  #revoke(der: string): CaReply {
    const wanted = Buffer.from(der, 'base64url').toString('base64');
    const found = [...this.records.certificates.values()].find(({ pem }) => pem.replaceAll('\n', '').includes(wanted));
    if (found === undefined) throw refused(404, 'malformed', 'No such certificate');
    if (found.revoked) throw refused(400, 'alreadyRevoked', 'Certificate already revoked');
    found.revoked = true;
    return { status: 200, headers: {}, body: '' };
  }

  #renewalInfo(certId: string): CaReply {
    const certificate = [...this.records.certificates.values()].find((each) => each.certId === certId);
    if (certificate === undefined) throw refused(404, 'malformed', 'No such certificate');
    const { start, end } = this.#window(certificate);
    return json(200, { suggestedWindow: { start: iso(start), end: iso(end) } }, { 'retry-after': String(this.#deps.random.between(17_280, 25_920)) });
  }

  /** Boulder: around two thirds of the validity (half below ten days), one hundredth of it wide to each side. */
  #window({ id, notBefore, notAfter, revoked }: { id: string; notBefore: number; notAfter: number; revoked: boolean }): { start: number; end: number } {
    if (revoked || this.incidentFor.has(id)) return { start: this.now - HOUR, end: this.now - HOUR / 2 };
    const validity = notAfter - notBefore;
    const ideal = notBefore + Math.floor(validity * (validity < 10 * DAY ? 1 / 2 : 2 / 3));
    const half = Math.floor(validity / 100);
    return { start: ideal - half, end: ideal + half };
  }

  #show(order: CaOrder, status = 200): CaReply {
    const { now, origin, records } = this;
    const shown = records.statusOf(order, now);
    const headers: Record<string, string> = { location: `${origin}/order/${order.id}` };
    if (shown === 'processing') headers['retry-after'] = '3';
    return json(
      status,
      {
        status: shown,
        expires: iso(order.expires),
        identifiers: order.names.map((value) => ({ type: 'dns', value })),
        authorizations: order.authorizations.map((id) => `${origin}/authz/${id}`),
        finalize: `${origin}/finalize/${order.id}`,
        ...(shown === 'valid' ? { certificate: `${origin}/cert/${order.certificate}` } : {}),
        ...(order.replaces === null ? {} : { replaces: order.replaces }),
      },
      headers,
    );
  }

  #order(id: string): CaOrder {
    const order = this.records.orders.get(id);
    if (order === undefined) throw refused(404, 'malformed', 'No such order');
    return order;
  }

  #theAuthorization(id: string): CaAuthorization {
    const found = this.records.authorizations.get(id);
    if (found === undefined) throw refused(404, 'malformed', 'No such authorization');
    return found;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
