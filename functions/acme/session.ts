/**
 * One conversation with a CA: the AcmeSession of the certificate life cycle over one account, one nonce chain and one
 * route. Requests go out one after the other, because each needs the nonce of the reply before it.
 */
import type { Clock } from '../../shared/clock.ts';
import { PerennialError, unwrap } from '../../shared/errors.ts';
import { readChain } from '../../shared/x509/chain.ts';
import type { AcmeAuthorization, AcmeOrder, AcmeSession, PlacedOrder, RevocationReason, WantedOrder } from '../certificates/ports.ts';
import type { Authority } from '../config/configuration.ts';
import type { Secret } from '../secrets/secret.ts';
import type { CaActor, Observation, OpenAnswer } from './actor.ts';
import { observationOf } from './breakers.ts';
import { chainOf, PEM_CHAIN, preferred } from './certificate-chain.ts';
import { isAboutReplaces, shortType } from './failure-classes.ts';
import { identitiesOf } from './identities.ts';
import { AcmeProblem } from './problem.ts';
import { profileFor } from './profiles.ts';
import { namesOf, readAuthorization, readOrder } from './resources.ts';
import { isRevokedAlready, postSigned, type Sign } from './revocation.ts';
import type { SignedClient } from './signed-client.ts';
import type { Reply, Transport } from './transport.ts';

/** The account as it was opened, with its key. */
export interface KnownAccount {
  opened: OpenAnswer;
  key: Secret;
}

export interface SessionDeps {
  clock: Clock;
  authority: Authority;
  /** Who asks, for the moments that refusals name. */
  caller: string | null;
  /** The actor of the CA; a fresh stub per call is fine. */
  actor(): CaActor;
  transport: Transport;
  account: KnownAccount;
  /** A client that signs for an account. */
  clientFor(account: KnownAccount): SignedClient;
  /** Asks for the account again; `disowned` is the URL that the CA does not know any more. */
  reopen(disowned?: string): Promise<KnownAccount>;
  /** Profiles the CA offers, read afresh; null when it has none. */
  profiles(): Promise<Record<string, string> | null>;
}

export class Session implements AcmeSession {
  readonly authority: string;
  readonly #deps: SessionDeps;
  #account: KnownAccount;
  #client: SignedClient;
  #probing: boolean;

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.authority = deps.authority.name;
    this.#account = deps.account;
    this.#client = deps.clientFor(deps.account);
    this.#probing = deps.account.opened.probe === true;
  }

  get accountUrl(): string {
    return this.#account.opened.accountUrl;
  }

  get caaIdentities(): readonly string[] {
    return identitiesOf(this.#deps.authority, this.#account.opened.directory);
  }

  /** RFC 8555 §7.4; `replaces` per RFC 9773 §5 with one retry without it when the refusal is about it. */
  async newOrder(wanted: WantedOrder): Promise<PlacedOrder> {
    const { opened } = this.#account;
    const profile = await profileFor(this.#deps.authority, wanted, opened.directory.meta?.profiles, () => this.#deps.profiles());
    const attempt = wanted.attempt ?? crypto.randomUUID();
    const payload = {
      identifiers: wanted.names.map((value) => ({ type: 'dns', value })),
      ...(profile === null ? {} : { profile }),
    };
    let replacesRefused: string | null = null;
    let reply: Reply;
    try {
      reply = await this.#place(wanted, attempt, wanted.replaces === null ? payload : { ...payload, replaces: wanted.replaces });
    } catch (refused) {
      // Issuing matters more than the exemption.
      if (wanted.replaces === null || !(refused instanceof AcmeProblem) || !mayBeAboutReplaces(refused)) throw refused;
      replacesRefused = refused.message;
      reply = await this.#place({ ...wanted, replaces: null }, `${attempt}-without`, payload);
    }
    const location = reply.headers.get('location');
    if (location === null || !URL.canParse(location, reply.url)) {
      throw new PerennialError('acme_reply_malformed', 'The CA created an order without naming its URL.', { retryable: true });
    }
    return { ...readOrder(reply, new URL(location, reply.url).href), replacesRefused, profile };
  }

  async order(url: string): Promise<AcmeOrder> {
    const reply = await this.#signed([], (client) => client.read('order', url));
    const order = readOrder(reply, url);
    const names = order.status === 'invalid' && this.#limits !== null ? namesOf(reply) : [];
    if (names.length > 0) await this.#observe({ kind: 'order-invalid', order: url, names });
    return order;
  }

  async authorizations(urls: string[]): Promise<AcmeAuthorization[]> {
    const found: AcmeAuthorization[] = [];
    for (const url of urls) {
      const reply = await this.#signed([], (client) => client.read('authorization', url));
      found.push(readAuthorization(reply, (token) => this.#client.txtValue(token)));
    }
    const bucket = this.#limits?.failedValidations ?? null;
    const failures = found
      .filter(({ status }) => status === 'invalid')
      .map(({ url, identifier, wildcard }) => ({ authorization: url, name: wildcard ? `*.${identifier}` : identifier }));
    if (bucket !== null && failures.length > 0) await this.#observe({ kind: 'validation-failed', failures: failures.slice(0, 100), bucket });
    return found;
  }

  async answer(challengeUrl: string): Promise<void> {
    await this.#signed([], (client) => client.answer(challengeUrl));
  }

  async finalize(order: AcmeOrder, csr: string): Promise<AcmeOrder> {
    return readOrder(await this.#signed([], (client) => client.finalize(order.finalize, csr)), order.url);
  }

  async download(order: AcmeOrder, preferredChain: string | null): Promise<string> {
    if (order.certificate === null)
      throw new PerennialError('acme_order_not_ready', `The order is ${order.status} and has no certificate yet.`, { retryable: true });
    const read = (url: string) => this.#signed([], (client) => client.read('certificate', url, PEM_CHAIN));
    const reply = await read(order.certificate);
    const first = await chainOf(reply);
    // The ledger learns which set of names the next order renews.
    if (this.#limits !== null && first.names.length > 0) await this.#observe({ kind: 'issued', names: first.names });
    return preferred(first, reply, preferredChain, async (url) => chainOf(await read(url)));
  }

  /** RFC 8555 §7.5.2. */
  async deactivate(authorizationUrl: string): Promise<void> {
    try {
      await this.#signed([], (client) => client.deactivate(authorizationUrl));
    } catch (refused) {
      if (!(refused instanceof AcmeProblem) || refused.status >= 500 || refused.status === 429) throw refused;
      if (refused.status !== 404 && !(await this.#isClosed(authorizationUrl))) throw refused;
    }
  }

  /** RFC 8555 §7.6. */
  async revoke(chain: string, reason: RevocationReason, sign: Sign | null): Promise<void> {
    const { directory } = this.#account.opened;
    const url = directory.revokeCert;
    if (url === undefined)
      throw new PerennialError('acme_revocation_not_offered', `The CA "${this.authority}" offers no revocation.`, {
        hint: 'Ask the CA itself to revoke the certificate, and order a new one with a new key.',
      });
    try {
      if (sign !== null) {
        await this.#observed([], () => postSigned(this.#deps.transport, directory.newNonce, url, sign));
        return;
      }
      const { certificates } = await readChain(chain);
      const der = Buffer.from(certificates[0]?.rawData ?? new ArrayBuffer(0)).toString('base64url');
      await this.#signed([], (client) => client.revoke(url, der, reason));
    } catch (refused) {
      if (!isRevokedAlready(refused)) throw refused;
    }
  }

  requests(): number {
    return this.#deps.transport.requests;
  }

  nonce(): string | null {
    return this.#deps.transport.nonce;
  }

  get #limits(): Authority['limits'] {
    return this.#deps.authority.limits;
  }

  /** Into the ledger, then to the CA; out of the ledger again when the CA certainly has no such order. */
  async #place(wanted: WantedOrder, attempt: string, payload: object): Promise<Reply> {
    const { caller, authority } = this.#deps;
    const replaces = wanted.replaces !== null;
    const { names, inWindow = false, emergency = false, renewal = false } = wanted;
    unwrap(await this.#deps.actor().admit({ names, replaces, attempt, inWindow, emergency, renewal, limits: authority.limits, caller }));
    try {
      return await this.#signed(names, (client) => client.newOrder(payload));
    } catch (error) {
      if (certainlyUnplaced(error)) await this.#observe({ kind: 'unplaced', attempt });
      throw error;
    }
  }

  /** An authorization that was used up, refused, expired or given up needs no deactivation. */
  async #isClosed(url: string): Promise<boolean> {
    try {
      const [found] = await this.authorizations([url]);
      return found !== undefined && found.status !== 'pending' && found.status !== 'valid';
    } catch (error) {
      if (error instanceof AcmeProblem && error.status === 404) return true;
      throw error;
    }
  }

  /**
   * A request of our account. A CA that has lost the account (a reset staging CA, a restarted test CA), or knows another key
   * of it since a moment ago, is asked once more after looking the account up.
   */
  #signed(names: readonly string[], work: (client: SignedClient) => Promise<Reply>): Promise<Reply> {
    return this.#observed(names, async () => {
      const { opened } = this.#account;
      try {
        return await this.#proven(work);
      } catch (refused) {
        if (!(refused instanceof AcmeProblem)) throw refused;
        const lost = shortType(refused.type) === 'accountDoesNotExist';
        if (!lost && refused.code !== 'acme_account_signature_refused') throw refused;
        const account = await this.#deps.reopen(lost ? opened.accountUrl : undefined);
        const same = account.opened.accountUrl === opened.accountUrl;
        if (!lost && same && account.opened.keyName === opened.keyName) throw refused;
        this.#account = account;
        this.#client = this.#deps.clientFor(account);
        // What belonged to the lost account is not there for the new one; an order is placed anew.
        if (lost && !same && refused.operation !== 'new-order') throw new LostWithItsAccount(refused);
        return this.#proven(work);
      }
    });
  }

  async #proven(work: (client: SignedClient) => Promise<Reply>): Promise<Reply> {
    const reply = await work(this.#client);
    if (this.#probing) {
      this.#probing = false;
      await this.#observe({ kind: 'account-works' });
    }
    return reply;
  }

  /** Best effort: that others cannot be told must not hide what the CA said. */
  async #observe(observation: Observation): Promise<void> {
    await this.#deps
      .actor()
      .observe(observation)
      .catch(() => undefined);
  }

  /** Lets every other session profit from what this request taught: a route that works, a limit that holds. */
  async #observed(names: readonly string[], work: () => Promise<Reply>): Promise<Reply> {
    const { transport, authority, clock } = this.#deps;
    const before = transport.route;
    try {
      return await work();
    } catch (error) {
      const observation = observationOf(error, names, authority, clock());
      if (observation !== null) await this.#observe(observation);
      throw error;
    } finally {
      if (transport.route !== before) await this.#observe({ kind: 'route', route: transport.route });
    }
  }
}

/** The account is registered anew; what was asked for went with the old one. Says the same, and stops nothing. */
class LostWithItsAccount extends PerennialError {
  constructor(refused: AcmeProblem) {
    super(refused.code, refused.message, { ...refused.toData(), hint: 'The account has been registered anew; a new order follows by itself.' });
  }
}

/** With `replaces` sent, 404 and 409 are about it whatever they say. */
function mayBeAboutReplaces({ status, problem }: AcmeProblem): boolean {
  return status === 404 || status === 409 || isAboutReplaces(status, problem);
}

/** Refused by the CA itself, or never on its way. What timed out, or failed inside the CA, may have created the order. */
function certainlyUnplaced(error: unknown): boolean {
  if (error instanceof AcmeProblem) return error.status < 500;
  return error instanceof PerennialError && (error.code === 'relay_offline' || error.code === 'acme_foreign_url' || error.details?.['neverSent'] === true);
}
