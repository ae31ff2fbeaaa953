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

/** In the directory (RFC 8555 §7.1.1, RFC 9773 §4.1). */
const LISTED: ReadonlySet<RouteName> = new Set(['newNonce', 'newAccount', 'newOrder', 'keyChange', 'revokeCert', 'renewalInfo']);

export class Paths {
  readonly #origin: string;
  readonly #suffix: string;
  /** Of what the directory lists, once that has moved. */
  #moved: string | null = null;

  /** @param suffix random when absent; give the same one to keep URLs over a restart. */
  constructor(origin: string, suffix: string = randomBytes(3).toString('hex')) {
    this.#origin = origin;
    this.#suffix = suffix;
  }

  url(route: RouteName, ...rest: string[]): string {
    return [`${this.#origin}/${this.#head(route)}`, ...rest].join('/');
  }

  /** Everything that the directory lists gets another URL; what orders name stays where it was. */
  moveDirectory(): void {
    this.#moved = randomBytes(3).toString('hex');
  }

  /** The route a path belongs to, and what follows it. */
  match(path: string): { route: RouteName; rest: string[] } | undefined {
    const [, head = '', ...rest] = path.split('/');
    for (const route of routeNames()) if (head === this.#head(route)) return { route, rest };
    return undefined;
  }

  #head(route: RouteName): string {
    return `${WORDS[route]}-${this.#moved !== null && LISTED.has(route) ? this.#moved : this.#suffix}`;
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
