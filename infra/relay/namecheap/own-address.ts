/**
 * The public IPv4 address that calls to Namecheap leave from: written in the law, or told by a service on the internet.
 * The vendor compares it with the account's list and with where the call really comes from.
 */
import { isIPv4 } from 'node:net';
import { MINUTE, type Clock } from '../../../shared/clock.ts';
import { namecheapError } from '../../../shared/namecheap/failures.ts';
import { isPublicAddress } from '../egress/addresses.ts';
import type { NamecheapAccount } from './account.ts';

/** How long an answer is believed, ms. */
const REMEMBER_MS = 10 * MINUTE;

export class OwnAddress {
  readonly #fetch: (request: Request, account: NamecheapAccount) => Promise<Response>;
  readonly #clock: Clock;
  readonly #known = new Map<string, { address: string; at: number }>();

  constructor(deps: { fetch: (request: Request, account: NamecheapAccount) => Promise<Response>; clock: Clock }) {
    this.#fetch = deps.fetch;
    this.#clock = deps.clock;
  }

  /** Throws `namecheap_address_unknown` (retryable) with what to set in the law. */
  async of(account: NamecheapAccount, signal: AbortSignal): Promise<string> {
    if (account.address !== undefined) return account.address;
    const known = this.#known.get(account.addressService);
    const now = this.#clock();
    if (known !== undefined && now - known.at < REMEMBER_MS) return known.address;
    const address = await this.#ask(account, signal);
    this.#known.set(account.addressService, { address, at: now });
    return address;
  }

  async #ask(account: NamecheapAccount, signal: AbortSignal): Promise<string> {
    const host = new URL(account.addressService).host;
    const response = await this.#fetch(new Request(account.addressService, { signal }), account).catch((thrown: unknown) => {
      throw unknown(`${host} did not tell it`, thrown);
    });
    if (response.status !== 200) throw unknown(`${host} answered ${response.status}`);
    const text = (await response.text()).trim();
    if (!isIPv4(text)) throw unknown(`${host} did not answer with an IPv4 address`);
    if (!isPublicAddress(text) && !account.allowPrivate) throw unknown(`${text}, which ${host} told, is no address of the public internet`);
    return text;
  }
}

function unknown(why: string, cause?: unknown): Error {
  return namecheapError('namecheap_address_unknown', `The relay does not know the public IPv4 address that its calls to Namecheap leave from: ${why}.`, {
    retryable: true,
    hint: 'Set "address" of the account in the relay job file to that address, and list it in the account.',
    cause,
  });
}
