/**
 * The CA's URLs. Like Pebble's they are odd, and on top of it they differ from start to start, so that a client which
 * builds one instead of reading it from the directory or a Location fails at once.
 */
import { randomBytes } from 'node:crypto';

const WORDS = {
  directory: 'dir',
  newNonce: 'nonce-plz',
  newAccount: 'sign-me-up',
  newOrder: 'order-plz',
  keyChange: 'rollover-account-key',
  revokeCert: 'revoke-cert',
  renewalInfo: 'when-to-renew',
  account: 'my-account',
  order: 'my-order',
  authorization: 'authZ',
  challenge: 'chalZ',
  finalize: 'finalize-order',
  certificate: 'certZ',
} as const;

export type RouteName = keyof typeof WORDS;

export class Paths {
  readonly #origin: string;
  readonly #suffix: string;

  /** @param suffix random when absent; give the same one to keep URLs over a restart. */
  constructor(origin: string, suffix: string = randomBytes(3).toString('hex')) {
    this.#origin = origin;
    this.#suffix = suffix;
  }

  url(route: RouteName, ...rest: string[]): string {
    return [`${this.#origin}/${WORDS[route]}-${this.#suffix}`, ...rest].join('/');
  }

  /** The route a path belongs to, and what follows it. */
  match(path: string): { route: RouteName; rest: string[] } | undefined {
    const [, head = '', ...rest] = path.split('/');
    for (const route of routeNames()) if (head === `${WORDS[route]}-${this.#suffix}`) return { route, rest };
    return undefined;
  }

  /** The identifier in one of this CA's own URLs. */
  idOf(route: RouteName, url: string): string | undefined {
    const prefix = `${this.url(route)}/`;
    return url.startsWith(prefix) ? url.slice(prefix.length) : undefined;
  }
}

function routeNames(): RouteName[] {
  return Object.keys(WORDS).filter((name): name is RouteName => name in WORDS);
}
