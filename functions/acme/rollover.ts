/**
 * A new key for the account (RFC 8555 §7.3.5), wherever a crash falls.
 *
 * Keeps: the intent and then the new key are stored before the CA hears of it; where it is unknown whether the CA took it,
 * both keys are looked up there and the CA's answer decides; the old key goes only when the CA has proven the new one.
 */
import { MINUTE, SECOND } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import { type AccountDeps, lookUp, notRegistered } from './account.ts';
import { generateAccountKey, rolledKeyName } from './account-key.ts';
import type { AuthorityRequest, DirectoryAnswer, RolloverAnswer, RolloverRequest } from './actor.ts';
import type { AuthorityState, RolloverRow } from './authority-state.ts';
import { AcmeProblem } from './problem.ts';
import type { Reach } from './reach.ts';
import { createSignedClient, type SignedClient } from './signed-client.ts';

/** A keyChange that was sent may arrive, and a replaced object go on, for this long: until then "the old key" is no last word. */
const SETTLING_MS = MINUTE + 30 * SECOND;

export class Rollover {
  readonly #state: AuthorityState;
  readonly #deps: AccountDeps;
  readonly #reach: Reach;
  #running: Promise<unknown> = Promise.resolve();

  constructor(state: AuthorityState, deps: AccountDeps, reach: Reach) {
    this.#state = state;
    this.#deps = deps;
    this.#reach = reach;
  }

  /** One after the other: two changes at once would each prove the other's key wrong. */
  roll(request: RolloverRequest, answer: DirectoryAnswer): Promise<RolloverAnswer> {
    return this.#inTurn(() => this.#roll(request, answer));
  }

  /** Before anybody signs: finds out what became of an unfinished change. Leaves it open while that cannot be final. */
  async settle(request: AuthorityRequest, answer: DirectoryAnswer): Promise<void> {
    const open = this.#state.rollover();
    if (open === null || open.done) return;
    await this.#inTurn(() => this.#settle(request, answer));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#running.then(work);
    this.#running = next.catch(() => undefined);
    return next;
  }

  async #roll(request: RolloverRequest, answer: DirectoryAnswer): Promise<RolloverAnswer> {
    await this.#settle(request, answer);
    const before = this.#state.rollover();
    if (before !== null && !before.done) throw unsettled(before);
    const account = this.#state.account();
    if (account?.url == null) throw notRegistered(request.authority.name);
    if (before?.request === request.request) return { accountUrl: account.url, keyName: account.keyName };
    const { keyChange } = answer.directory;
    if (keyChange === undefined)
      throw new PerennialError('acme_rollover_not_offered', `The CA "${request.authority.name}" lets nobody change the key of an account.`, {
        hint: 'To use another key there, remove the stored one: a new account is registered with the next order, and CAA records that pin the old one must follow.',
      });
    const row: RolloverRow = {
      request: request.request,
      oldKey: account.keyName,
      newKey: await rolledKeyName(request.authority.directory),
      startedAt: this.#deps.clock(),
      done: false,
    };
    await this.#state.saveRollover(row);
    await this.#deps.secrets.put(row.newKey, await generateAccountKey());
    // Read back: what is stored is what the CA gets.
    const newKey = await this.#deps.secrets.get(row.newKey);
    const transport = this.#reach.transport(request);
    const key = await this.#deps.secrets.get(row.oldKey);
    const client = createSignedClient(transport, answer.directory, { key, externalAccount: null }, account.url);
    try {
      await client.changeKey(keyChange, newKey);
    } catch (error) {
      // The CA's own no is the only answer that is certain.
      if (!(error instanceof AcmeProblem) || error.status >= 500) {
        await this.#settle(request, answer);
        const after = this.#state.rollover();
        if (after?.request === request.request && after.done) return { accountUrl: account.url, keyName: row.newKey };
        throw unsettled(row, error);
      }
      await this.#discard(row);
      throw error;
    }
    await this.#settle(request, answer);
    const after = this.#state.rollover();
    if (after === null || !after.done) throw unsettled(row);
    return { accountUrl: account.url, keyName: row.newKey };
  }

  async #settle(request: AuthorityRequest, { directory }: DirectoryAnswer): Promise<void> {
    const row = this.#state.rollover();
    const account = this.#state.account();
    if (row === null || row.done || account === null) return;
    const final = this.#deps.clock() - row.startedAt >= SETTLING_MS;
    if (!(await this.#deps.secrets.has(row.newKey))) {
      // Never stored, so never shown to the CA.
      if (final) await this.#state.saveRollover(null);
      return;
    }
    const found = await this.#ask(request, directory, row.newKey);
    if (found === null) {
      // A CA that knows neither key has lost the account: nothing that is under way can change that.
      if (final || (await this.#ask(request, directory, row.oldKey)) === null) await this.#discard(row);
      return;
    }
    if (account.url !== null && found !== account.url)
      throw new PerennialError('acme_account_rollover_conflict', 'The new account key leads to another account than ours; nothing was changed.', {
        hint: 'Remove the new key from the SecretStore and roll over again.',
        details: { newKey: row.newKey },
      });
    await this.#state.saveAccount({ keyName: row.newKey, url: found, intentUntil: null, intentBy: null });
    await this.#deps.secrets.remove(row.oldKey);
    await this.#state.saveRollover({ ...row, done: true });
  }

  async #ask(request: AuthorityRequest, directory: DirectoryAnswer['directory'], keyName: string): Promise<string | null> {
    const transport = this.#reach.transport(request);
    const client: SignedClient = createSignedClient(transport, directory, { key: await this.#deps.secrets.get(keyName), externalAccount: null }, null);
    return this.#reach.observed(request, transport, () => lookUp(client));
  }

  /** In this order: a key without an intent would be forgotten. */
  async #discard(row: RolloverRow): Promise<void> {
    await this.#deps.secrets.remove(row.newKey);
    await this.#state.saveRollover(null);
  }
}

function unsettled(row: RolloverRow, cause?: unknown): PerennialError {
  return new PerennialError('acme_rollover_unsettled', 'It is not certain yet which account key the CA knows; both are kept.', {
    retryable: true,
    retryAt: row.startedAt + SETTLING_MS,
    hint: 'Ask again with the same request: the CA is asked about both keys, and its answer decides.',
    cause,
  });
}
