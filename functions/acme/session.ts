/**
 * One conversation with a CA: the AcmeSession of the certificate life cycle over one account, one nonce chain and one
 * route. Requests go out one after the other, because each needs the nonce of the reply before it.
 */
import type { Clock } from '../../shared/clock.ts';
import { PerennialError, unwrap } from '../../shared/errors.ts';
import { readChain } from '../../shared/x509/chain.ts';
import type { AcmeAuthorization, AcmeOrder, AcmeSession, PlacedOrder, RevocationReason, WantedOrder } from '../certificates/ports.ts';
import type { Authority } from '../config/configuration.ts';
import type { CaActor, OpenAnswer } from './actor.ts';
import { observationOf } from './breakers.ts';
import { identitiesOf } from './identities.ts';
import { AcmeProblem, shortType } from './problem.ts';
import { alternateLinks, readAuthorization, readOrder } from './resources.ts';
import type { SignedClient } from './signed-client.ts';
import type { Reply, Transport } from './transport.ts';

const PEM_CHAIN = 'application/pem-certificate-chain';
/** Alternate chains looked at for a preferred one; the longest public list has three. */
const MAX_ALTERNATES = 4;

export interface SessionDeps {
  clock: Clock;
  authority: Authority;
  actor: CaActor;
  transport: Transport;
  opened: OpenAnswer;
  /** A client that signs for an account URL. */
  clientFor(accountUrl: string): SignedClient;
  /** Looks the account up again after the CA has disowned `accountUrl`. */
  reopen(accountUrl: string): Promise<OpenAnswer>;
  /** Profiles the CA offers, read afresh; null when it has none. */
  profiles(): Promise<Record<string, string> | null>;
}

export class Session implements AcmeSession {
  readonly authority: string;
  readonly #deps: SessionDeps;
  #accountUrl: string;
  #client: SignedClient;

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.authority = deps.authority.name;
    this.#accountUrl = deps.opened.accountUrl;
    this.#client = deps.clientFor(deps.opened.accountUrl);
  }

  get accountUrl(): string {
    return this.#accountUrl;
  }

  get caaIdentities(): readonly string[] {
    return identitiesOf(this.#deps.authority, this.#deps.opened.directory);
  }

  /** RFC 8555 §7.4; `replaces` per RFC 9773 §5 with one retry without it when the refusal is about it. */
  async newOrder(wanted: WantedOrder): Promise<PlacedOrder> {
    await this.#checkProfile(wanted.profile);
    unwrap(await this.#deps.actor.admit({ names: wanted.names, replaces: wanted.replaces !== null }));
    const payload = {
      identifiers: wanted.names.map((value) => ({ type: 'dns', value })),
      ...(wanted.profile === null ? {} : { profile: wanted.profile }),
    };
    let replacesRefused: string | null = null;
    const reply = await this.#observed(wanted.names, async () => {
      if (wanted.replaces === null) return this.#postOrder(payload);
      try {
        return await this.#postOrder({ ...payload, replaces: wanted.replaces });
      } catch (refused) {
        if (!isAboutReplaces(refused)) throw refused;
        replacesRefused = refused.message;
        return this.#postOrder(payload);
      }
    });
    const location = reply.headers.get('location');
    if (location === null || !URL.canParse(location, reply.url)) {
      throw new PerennialError('acme_reply_malformed', 'The CA created an order without naming its URL.', { retryable: true });
    }
    return { ...readOrder(reply, new URL(location, reply.url).href), replacesRefused, profile: wanted.profile };
  }

  async order(url: string): Promise<AcmeOrder> {
    return readOrder(await this.#observed([], () => this.#client.read('order', url)), url);
  }

  async authorizations(urls: string[]): Promise<AcmeAuthorization[]> {
    const found: AcmeAuthorization[] = [];
    for (const url of urls) {
      const reply = await this.#observed([], () => this.#client.read('authorization', url));
      found.push(readAuthorization(reply, (token) => this.#client.txtValue(token)));
    }
    return found;
  }

  async answer(challengeUrl: string): Promise<void> {
    await this.#observed([], () => this.#client.answer(challengeUrl));
  }

  async finalize(order: AcmeOrder, csr: string): Promise<AcmeOrder> {
    return readOrder(await this.#observed([], () => this.#client.finalize(order.finalize, csr)), order.url);
  }

  async download(order: AcmeOrder, preferredChain: string | null): Promise<string> {
    if (order.certificate === null)
      throw new PerennialError('acme_order_not_ready', `The order is ${order.status} and has no certificate yet.`, { retryable: true });
    const reply = await this.#readChain(order.certificate);
    const chosen = await chainOf(reply);
    if (preferredChain === null || chosen.topIssuer === preferredChain) return chosen.pem;
    for (const url of alternateLinks(reply.headers.get('link'), reply.url).slice(0, MAX_ALTERNATES)) {
      const alternate = await chainOf(await this.#readChain(url));
      if (alternate.topIssuer === preferredChain) return alternate.pem;
    }
    return chosen.pem;
  }

  async deactivate(authorizationUrl: string): Promise<void> {
    await this.#observed([], () => this.#client.deactivate(authorizationUrl));
  }

  async revoke(chain: string, reason: RevocationReason, sign: ((target: { url: string; nonce: string }) => Promise<string>) | null): Promise<void> {
    const url = this.#deps.opened.directory.revokeCert;
    if (url === undefined) throw new PerennialError('acme_revocation_not_offered', `The CA "${this.authority}" offers no revocation.`);
    if (sign !== null) throw new PerennialError('internal', 'Not wired yet.');
    const { certificates } = await readChain(chain);
    const der = Buffer.from(certificates[0]?.rawData ?? new ArrayBuffer(0)).toString('base64url');
    await this.#observed([], () => this.#client.revoke(url, der, reason));
  }

  requests(): number {
    return this.#deps.transport.requests;
  }

  nonce(): string | null {
    return this.#deps.transport.nonce;
  }

  #readChain(url: string): Promise<Reply> {
    return this.#observed([], () => this.#client.read('certificate', url, PEM_CHAIN));
  }

  /** A CA that has lost the account (a reset staging CA, a restarted test CA) is asked once more after registering. */
  async #postOrder(payload: object): Promise<Reply> {
    try {
      return await this.#client.newOrder(payload);
    } catch (refused) {
      if (!(refused instanceof AcmeProblem) || shortType(refused.type) !== 'accountDoesNotExist') throw refused;
      const opened = await this.#deps.reopen(this.#accountUrl);
      this.#accountUrl = opened.accountUrl;
      this.#client = this.#deps.clientFor(opened.accountUrl);
      return this.#client.newOrder(payload);
    }
  }

  /** A configured profile that the CA does not offer is an error, never a silent default (draft-ietf-acme-profiles §4). */
  async #checkProfile(profile: string | null): Promise<void> {
    if (profile === null || Object.hasOwn(this.#deps.opened.directory.meta?.profiles ?? {}, profile)) return;
    const offered = await this.#deps.profiles();
    if (offered !== null && Object.hasOwn(offered, profile)) return;
    const names = Object.keys(offered ?? {});
    throw new PerennialError(
      'acme_profile_unknown',
      `The CA "${this.authority}" offers no profile "${profile}". ${names.length === 0 ? 'It offers none at all.' : `It offers: ${names.join(', ')}.`}`,
      {
        hint: names.length === 0 ? 'Remove `profile` for this CA.' : 'Choose one of the offered profiles or remove `profile`.',
      },
    );
  }

  /** Lets every other session profit from what this request taught: a route that works, a limit that holds. */
  async #observed(names: readonly string[], work: () => Promise<Reply>): Promise<Reply> {
    const { transport, actor, clock } = this.#deps;
    const before = transport.route;
    try {
      return await work();
    } catch (error) {
      const observation = observationOf(error, names, clock());
      if (observation !== null) await actor.observe(observation);
      throw error;
    } finally {
      if (transport.route !== before) await actor.observe({ kind: 'route', route: transport.route });
    }
  }
}

/**
 * Boulder answers a replacement it cannot accept with 409 alreadyReplaced (older: conflict), 403 when another account
 * owns the certificate, 404 or malformed when it does not know it. Issuing matters more than the exemption.
 */
function isAboutReplaces(refused: unknown): refused is AcmeProblem {
  if (!(refused instanceof AcmeProblem)) return false;
  const type = shortType(refused.type);
  if (type === 'alreadyReplaced' || type === 'conflict' || refused.status === 409 || refused.status === 404) return true;
  const canBe = refused.status === 400 || refused.status === 403;
  return canBe && /replac|certid|renewal|\bARI\b/i.test(refused.problem.detail);
}

async function chainOf(reply: Reply): Promise<{ pem: string; topIssuer: string }> {
  if (reply.mediaType !== PEM_CHAIN) {
    throw new PerennialError('acme_reply_malformed', `The CA sent the certificate as "${reply.mediaType.slice(0, 60)}" instead of ${PEM_CHAIN}.`, {
      retryable: true,
    });
  }
  const chain = await readChain(reply.body);
  return { pem: chain.pem, topIssuer: chain.certificates.at(-1)?.issuerName.getField('CN')[0] ?? '' };
}
