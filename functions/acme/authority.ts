/**
 * One CA directory as everybody shares it: the account, the directory document, the route that works, the ledger of
 * orders and the breakers. The logic of CaObject, apart from its storage and bindings.
 *
 * Keeps: the account key is stored before it is shown to the CA; an account is registered once, however many callers
 * ask at the same time and wherever a crash falls.
 */
import { HOUR, MINUTE, SECOND, type Clock } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import type { SecretStore } from '../secrets/store.ts';
import { accountKeyName, generateAccountKey } from './account-key.ts';
import type { AuthorityIdentity, AuthorityRequest, DirectoryAnswer, Observation, OpenAnswer, OpenRequest } from './actor.ts';
import { type Breaker, breakerOpen, holdsFor, observationOf } from './breakers.ts';
import { identitiesOf } from './identities.ts';
import { AcmeProblem, shortType } from './problem.ts';
import { directorySchema, readJson, type Directory } from './resources.ts';
import { createSignedClient, type SignedClient } from './signed-client.ts';
import { routesOf, type Route, Transport, type TransportDeps } from './transport.ts';

/** A directory changes a few times a year; profiles are re-read on demand (RFC 8555 §7.1.1 allows caching). */
const DIRECTORY_TTL_MS = 12 * HOUR;
/** How long a route that was learned is used before the direct one is tried again. */
const ROUTE_TTL_MS = 6 * HOUR;
/** Longest registration: key, look-up and newAccount, each within the exchange deadline. */
const REGISTRATION_DEADLINE_MS = MINUTE;
/** Grace for a replaced object that has not noticed yet (DESIGN §3). */
const FENCE_MS = 30 * SECOND;

export interface AccountRow {
  keyName: string;
  /** Null until the CA has named it. */
  url: string | null;
  /** Unix milliseconds until which `intentBy` may be registering; null when nobody is. */
  intentUntil: number | null;
  intentBy: string | null;
}

/** What outlives the object; every write is durable before the next request leaves. */
export interface AuthorityState {
  account(): AccountRow | null;
  saveAccount(row: AccountRow): Promise<void>;
  directory(): { directory: Directory; fetchedAt: number } | null;
  saveDirectory(directory: Directory, fetchedAt: number): void;
  route(): { route: Route; until: number } | null;
  saveRoute(route: Route, until: number): void;
  breakers(now: number): Breaker[];
  saveBreaker(breaker: Breaker): void;
  appendOrder(order: { at: number; names: string[]; replaces: boolean }): void;
}

export interface AuthorityDeps extends TransportDeps {
  clock: Clock;
  secrets: SecretStore;
}

export class AuthorityRecord {
  readonly #state: AuthorityState;
  readonly #deps: AuthorityDeps;
  /** Tells this object's own intents from those of a predecessor. */
  readonly #self = crypto.randomUUID();
  #registering: Promise<string> | null = null;

  constructor(state: AuthorityState, deps: AuthorityDeps) {
    this.#state = state;
    this.#deps = deps;
  }

  async open(request: OpenRequest): Promise<OpenAnswer> {
    this.#refuseWhileOpen(null);
    const answer = await this.directory(request);
    const account = this.#state.account();
    if (account?.url != null && account.url !== request.disowned) return { ...answer, accountUrl: account.url, keyName: account.keyName };
    // Callers that arrive together share one registration.
    this.#registering ??= this.#register(request, answer).finally(() => {
      this.#registering = null;
    });
    const accountUrl = await this.#registering;
    return { ...answer, accountUrl, keyName: await accountKeyName(request.authority.directory) };
  }

  async directory(request: AuthorityRequest & { fresh?: boolean }): Promise<DirectoryAnswer> {
    const now = this.#deps.clock();
    const cached = this.#state.directory();
    if (cached !== null && request.fresh !== true && now - cached.fetchedAt < DIRECTORY_TTL_MS) return { directory: cached.directory, route: this.#route() };
    const transport = this.#transport(request);
    try {
      const reply = await this.#observed(transport, () =>
        transport.send('directory', { method: 'GET', url: request.authority.directory, headers: { accept: 'application/json' }, body: null }),
      );
      const directory = readJson(reply, directorySchema, 'its directory');
      this.#state.saveDirectory(directory, now);
      return { directory, route: this.#route() };
    } catch (error) {
      // An outdated directory beats none: its URLs are stable, and what fails will say so itself.
      if (cached === null || request.fresh === true) throw error;
      return { directory: cached.directory, route: this.#route() };
    }
  }

  /**
   * How CAA records know the CA and our account there (RFC 8657 §3). Registers nothing: without an account the CA is asked
   * for its directory, and for the account of a key that outlived this object.
   */
  async identity(request: AuthorityRequest): Promise<AuthorityIdentity> {
    const { directory } = await this.directory(request);
    const accountUrl = this.#state.account()?.url ?? (await this.#rediscovered(request, directory));
    return { identities: identitiesOf(request.authority, directory), accountUrl };
  }

  /** RFC 8555 §7.3.1: the account that belongs to the stored key; null when there is no key, or the CA knows none. */
  async #rediscovered(request: AuthorityRequest, directory: Directory): Promise<string | null> {
    const keyName = await accountKeyName(request.authority.directory);
    if (!(await this.#deps.secrets.has(keyName))) return null;
    const transport = this.#transport(request);
    const client = createSignedClient(transport, directory, { key: await this.#deps.secrets.get(keyName), externalAccount: null }, null);
    try {
      return located(await this.#observed(transport, () => client.account({ onlyReturnExisting: true })));
    } catch (error) {
      if (error instanceof AcmeProblem && shortType(error.type) === 'accountDoesNotExist') return null;
      throw error;
    }
  }

  admit(order: { names: string[]; replaces: boolean }): void {
    this.#refuseWhileOpen(order.names);
    this.#state.appendOrder({ at: this.#deps.clock(), ...order });
  }

  observe(observation: Observation): void {
    const now = this.#deps.clock();
    if (observation.kind === 'route') this.#state.saveRoute(observation.route, now + ROUTE_TTL_MS);
    else this.#state.saveBreaker(observation);
  }

  #route(): Route {
    const learned = this.#state.route();
    return learned !== null && learned.until > this.#deps.clock() ? learned.route : { kind: 'direct' };
  }

  #transport(request: AuthorityRequest): Transport {
    const { directory, egress } = request.authority;
    return new Transport(this.#deps, directory, routesOf(egress, this.#route(), request.clusters));
  }

  #refuseWhileOpen(names: readonly string[] | null): void {
    const holding = this.#state.breakers(this.#deps.clock()).filter((breaker) => holdsFor(breaker, names));
    // The one that ends last: everything before it would be refused again.
    const [last] = holding.toSorted((a, b) => b.until - a.until);
    if (last !== undefined) throw breakerOpen(last);
  }

  async #register(request: OpenRequest, { directory }: DirectoryAnswer): Promise<string> {
    const { externalAccount } = request.authority;
    if (directory.meta?.externalAccountRequired === true && externalAccount === null) {
      throw new PerennialError(
        'acme_account_external_account_required',
        `The CA "${request.authority.name}" registers accounts only with external account credentials.`,
        {
          hint: 'Set the key id and the HMAC key that the CA gave you for this CA in the configuration.',
        },
      );
    }
    const keyName = await accountKeyName(request.authority.directory);
    const before = this.#state.account();
    await this.#fence(before, keyName);
    const now = this.#deps.clock();
    await this.#state.saveAccount({ keyName, url: null, intentUntil: now + REGISTRATION_DEADLINE_MS, intentBy: this.#self });
    try {
      const key = await this.#accountKey(keyName);
      const credentials =
        externalAccount === null
          ? null
          : { keyId: externalAccount.keyId, hmacKey: await this.#deps.secrets.get(externalAccount.hmacKey.replace(/^secret:/, '')) };
      const transport = this.#transport(request);
      const client = createSignedClient(transport, directory, { key, externalAccount: credentials }, null);
      const url = await this.#observed(transport, () => accountUrl(client, request, before !== null));
      await this.#state.saveAccount({ keyName, url, intentUntil: null, intentBy: null });
      return url;
    } catch (error) {
      await this.#state.saveAccount({ keyName, url: null, intentUntil: null, intentBy: null });
      throw error;
    }
  }

  /**
   * The same key always leads to the same account, so a second registration is harmless once the key is stored. Before
   * that, a predecessor that may still be running could store another key.
   */
  async #fence(before: AccountRow | null, keyName: string): Promise<void> {
    if (before?.intentUntil == null || before.intentBy === this.#self) return;
    const until = before.intentUntil + FENCE_MS;
    if (until <= this.#deps.clock() || (await this.#deps.secrets.has(keyName))) return;
    throw new PerennialError('acme_registration_busy', 'An interrupted registration of the ACME account may still be running.', {
      retryable: true,
      retryAt: until,
    });
  }

  async #accountKey(keyName: string) {
    if (!(await this.#deps.secrets.has(keyName))) await this.#deps.secrets.put(keyName, await generateAccountKey());
    // Read back: what is stored is what gets registered.
    return this.#deps.secrets.get(keyName);
  }

  /** Keeps what the exchange taught: the route that worked, or the refusal. */
  async #observed<T>(transport: Transport, work: () => Promise<T>): Promise<T> {
    const before = transport.route;
    try {
      return await work();
    } catch (error) {
      const observation = observationOf(error, [], this.#deps.clock());
      if (observation !== null) this.observe(observation);
      throw error;
    } finally {
      if (transport.route !== before) this.observe({ kind: 'route', route: transport.route });
    }
  }
}

/** RFC 8555 §7.3; §7.3.1 first when a registration may have happened before: an external account key works only once. */
async function accountUrl(client: SignedClient, request: OpenRequest, mayExist: boolean): Promise<string> {
  if (mayExist) {
    try {
      return located(await client.account({ onlyReturnExisting: true }));
    } catch (error) {
      if (!(error instanceof AcmeProblem) || shortType(error.type) !== 'accountDoesNotExist') throw error;
    }
  }
  return located(await client.account({ termsOfServiceAgreed: true, contact: request.authority.contact }));
}

function located(reply: { headers: Headers; url: string }): string {
  const location = reply.headers.get('location');
  if (location === null || !URL.canParse(location, reply.url)) {
    throw new PerennialError('acme_reply_malformed', 'The CA registered an account without naming its URL.', { retryable: true });
  }
  return new URL(location, reply.url).href;
}
