/**
 * Who calls: users with their keys, and the addresses they have listed. Everything an account owns hangs on its one key.
 */
import { isIPv4 } from 'node:net';
import { ApiFailure } from './failure.ts';
import type { Parameters } from './parameters.ts';

export interface AccountSpec {
  user: string;
  key: string;
  /** Whitelisted IPv4 addresses, one by one: the vendor takes no ranges. Every address when absent. */
  addresses?: readonly string[];
  /** `locked` is an account whose API user is switched off. */
  status?: 'active' | 'locked';
}

const GLOBALS = [
  ['ApiUser', 1_010_101],
  ['ApiKey', 1_010_102],
  ['UserName', 1_010_103],
  ['Command', 1_010_104],
  ['ClientIp', 1_010_105],
] as const;
const MAX_USER = 20;

export class Accounts {
  readonly #byUser: Map<string, AccountSpec>;

  constructor(accounts: readonly AccountSpec[]) {
    this.#byUser = new Map(accounts.map((account) => [account.user.toLowerCase(), account]));
  }

  /** Replaces what is known about a user: another key, other addresses, a lock. */
  put(account: AccountSpec): void {
    this.#byUser.set(account.user.toLowerCase(), account);
  }

  /**
   * The account that calls.
   * @param source the address the request came from; what the caller says of itself counts when it is not known.
   * @throws ApiFailure in the vendor's order: missing, malformed, key, address, user.
   */
  authenticate(parameters: Parameters, source: string | undefined): AccountSpec {
    const missing = GLOBALS.find(([name]) => parameters.get(name) === '');
    if (missing !== undefined) throw new ApiFailure(missing[1], `Parameter ${missing[0]} is missing`);
    const clientIp = parameters.get('ClientIp');
    if (!isIPv4(clientIp)) throw new ApiFailure(1_011_105, 'Parameter ClientIp is invalid');
    const user = parameters.get('ApiUser');
    const account = this.#byUser.get(user.toLowerCase());
    if (user.length > MAX_USER || account === undefined || account.key !== parameters.get('ApiKey'))
      throw new ApiFailure(1_011_102, 'API Key is invalid or API access has not been enabled');
    const address = source ?? clientIp;
    if (account.addresses !== undefined && !account.addresses.includes(address)) throw new ApiFailure(1_011_150, `Invalid request IP: ${address}`);
    if (account.status === 'locked') throw new ApiFailure(1_017_101, 'ApiUser is disabled');
    if (parameters.get('UserName').toLowerCase() !== account.user.toLowerCase()) throw new ApiFailure(1_011_103, 'Parameter UserName is invalid');
    return account;
  }
}
