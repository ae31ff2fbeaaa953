/**
 * The account at one CA directory.
 *
 * Keeps: the account key is stored before it is shown to the CA; an account is registered once, however many callers ask
 * at the same time and wherever a crash falls.
 */
import { MINUTE, SECOND, type Clock } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import type { SecretStore } from '../secrets/store.ts';
import { accountKeyName, generateAccountKey } from './account-key.ts';
import type { AuthorityRequest, DirectoryAnswer, OpenRequest } from './actor.ts';
import type { AccountRow, AuthorityState } from './authority-state.ts';
import { shortType } from './failure-classes.ts';
import { AcmeProblem } from './problem.ts';
import type { Reach } from './reach.ts';
import { createSignedClient, type SignedClient } from './signed-client.ts';

/** Longest registration: key, look-up and newAccount, each within the exchange deadline. */
const REGISTRATION_DEADLINE_MS = MINUTE;
/** Grace for a replaced object that has not noticed yet (DESIGN §3). */
const FENCE_MS = 30 * SECOND;

export interface AccountDeps {
  clock: Clock;
  secrets: SecretStore;
}

export interface OpenedAccount {
  accountUrl: string;
  keyName: string;
}

export class Account {
  readonly #state: AuthorityState;
  readonly #deps: AccountDeps;
  readonly #reach: Reach;
  /** Tells this object's own intents from those of a predecessor. */
  readonly #self = crypto.randomUUID();
  #registering: Promise<OpenedAccount> | null = null;

  constructor(state: AuthorityState, deps: AccountDeps, reach: Reach) {
    this.#state = state;
    this.#deps = deps;
    this.#reach = reach;
  }

  async open(request: OpenRequest, answer: DirectoryAnswer): Promise<OpenedAccount> {
    const account = this.#state.account();
    if (account?.url != null && account.url !== request.disowned) return { accountUrl: account.url, keyName: account.keyName };
    if (request.register === false) return this.#existing(request, answer);
    // Callers that arrive together share one registration.
    this.#registering ??= this.#register(request, answer).finally(() => {
      this.#registering = null;
    });
    return this.#registering;
  }

  /** The account that a stored key leads to (RFC 8555 §7.3.1), as when the key has outlived this object; null when there is none. Registers nothing. */
  async find(request: AuthorityRequest, { directory }: DirectoryAnswer): Promise<OpenedAccount | null> {
    const keyName = await this.#keyName(request, this.#state.account());
    if (!(await this.#deps.secrets.has(keyName))) return null;
    const transport = this.#reach.transport(request);
    const client = createSignedClient(transport, directory, { key: await this.#deps.secrets.get(keyName), externalAccount: null }, null);
    const accountUrl = await this.#reach.observed(request, transport, () => lookUp(client));
    return accountUrl === null ? null : { accountUrl, keyName };
  }

  async #existing(request: OpenRequest, answer: DirectoryAnswer): Promise<OpenedAccount> {
    const found = await this.find(request, answer);
    if (found === null) throw notRegistered(request.authority.name);
    await this.#state.saveAccount({ keyName: found.keyName, url: found.accountUrl, intentUntil: null, intentBy: null });
    return found;
  }

  async #register(request: OpenRequest, { directory }: DirectoryAnswer): Promise<OpenedAccount> {
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
    const before = this.#state.account();
    const keyName = await this.#keyName(request, before);
    await this.#fence(before, keyName);
    const now = this.#deps.clock();
    await this.#state.saveAccount({ keyName, url: null, intentUntil: now + REGISTRATION_DEADLINE_MS, intentBy: this.#self });
    try {
      const key = await this.#accountKey(keyName);
      const credentials =
        externalAccount === null
          ? null
          : { keyId: externalAccount.keyId, hmacKey: await this.#deps.secrets.get(externalAccount.hmacKey.replace(/^secret:/, '')) };
      const transport = this.#reach.transport(request);
      const client = createSignedClient(transport, directory, { key, externalAccount: credentials }, null);
      const url = await this.#reach.observed(request, transport, () => accountUrl(client, request, before !== null));
      await this.#state.saveAccount({ keyName, url, intentUntil: null, intentBy: null });
      return { accountUrl: url, keyName };
    } catch (error) {
      await this.#state.saveAccount({ keyName, url: null, intentUntil: null, intentBy: null });
      throw error;
    }
  }

  /** After a change of the key it has another name than the first one had. */
  async #keyName({ authority }: AuthorityRequest, row: AccountRow | null): Promise<string> {
    if (row !== null && (await this.#deps.secrets.has(row.keyName))) return row.keyName;
    return accountKeyName(authority.directory);
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
}

export function notRegistered(name: string): PerennialError {
  return new PerennialError('acme_account_not_registered', `There is no account at the CA "${name}" yet.`, {
    hint: 'The first certificate that is ordered from this CA registers one.',
  });
}

/** RFC 8555 §7.3; §7.3.1 first when a registration may have happened before: an external account key works only once. */
async function accountUrl(client: SignedClient, request: OpenRequest, mayExist: boolean): Promise<string> {
  const existing = mayExist ? await lookUp(client) : null;
  return existing ?? located(await client.account({ termsOfServiceAgreed: true, contact: request.authority.contact }));
}

/** The account that the client's key leads to (RFC 8555 §7.3.1), or null. */
export async function lookUp(client: SignedClient): Promise<string | null> {
  try {
    return located(await client.account({ onlyReturnExisting: true }));
  } catch (error) {
    if (error instanceof AcmeProblem && shortType(error.type) === 'accountDoesNotExist') return null;
    throw error;
  }
}

function located(reply: { headers: Headers; url: string }): string {
  const location = reply.headers.get('location');
  if (location === null || !URL.canParse(location, reply.url)) {
    throw new PerennialError('acme_reply_malformed', 'The CA registered an account without naming its URL.', { retryable: true });
  }
  return new URL(location, reply.url).href;
}
