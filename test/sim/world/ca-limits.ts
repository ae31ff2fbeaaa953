/** Boulder's rate limits (reference: integration guide): what each counts, whom each spares, and its words. */
import type { Random } from '../random.ts';
import { type BucketSize, Buckets } from './buckets.ts';
import { limit } from './ca-replies.ts';

export interface CaLimits {
  newOrders: BucketSize | null;
  perDomain: BucketSize | null;
  perSet: BucketSize | null;
  failedValidations: BucketSize | null;
}

interface Counted {
  account: string;
  names: readonly string[];
  /** A replacement inside its ARI window: exempt from all but failed validations. */
  exempt: boolean;
  /** The same names were issued before: exempt from new orders and registered domains. */
  renewal: boolean;
}

interface LimitDependencies {
  random: Random;
  /** Share of orders that are refused although there are tokens. */
  injected: () => number;
  /** A bucket was found empty. */
  reached: (bucket: string) => void;
}

export class RateLimits {
  readonly #limits: CaLimits;
  readonly #deps: LimitDependencies;
  readonly #buckets = new Buckets();

  constructor(limits: CaLimits, deps: LimitDependencies) {
    this.#limits = limits;
    this.#deps = deps;
  }

  /**
   * Looks at each bucket that counts, and throws the refusal if one is empty. Takes the token of the new order; the others
   * are spent when a certificate is issued, as Boulder does. @param now Unix ms.
   */
  order(order: Counted, now: number): void {
    for (const name of order.names) this.#refuseAfterFailures(order.account, name.replace(/^\*\./, ''), now);
    const due = this.#countedBy(order);
    for (const { key, size, words } of due) {
      const ready = this.#buckets.readyAt(key, size, now);
      if (ready <= now) continue;
      this.#deps.reached(key);
      throw limit(words, ready, now);
    }
    const { random } = this.#deps;
    if (random.chance(this.#deps.injected())) {
      const { words } = random.pick([...due, { words: 'too many new orders recently' }]);
      throw limit(words, now + random.between(1, 120) * 60_000, now);
    }
    for (const { key, size } of due) if (isOfOrders(key)) this.#buckets.spend(key, size, now);
  }

  issued(order: Counted, now: number): void {
    for (const { key, size } of this.#countedBy(order)) if (!isOfOrders(key)) this.#buckets.spend(key, size, now);
  }

  /** A validation failed. */
  failed(account: string, name: string, now: number): void {
    const { failedValidations } = this.#limits;
    if (failedValidations !== null) this.#buckets.spend(`failures ${account} ${name}`, failedValidations, now);
  }

  #refuseAfterFailures(account: string, name: string, now: number): void {
    const { failedValidations } = this.#limits;
    if (failedValidations === null) return;
    const ready = this.#buckets.readyAt(`failures ${account} ${name}`, failedValidations, now);
    if (ready <= now) return;
    this.#deps.reached(`failures ${name}`);
    throw limit(`too many failed authorizations (5) for "${name}" in the last 1h0m0s`, ready, now);
  }

  #countedBy({ account, names, exempt, renewal }: Counted): { key: string; size: BucketSize; words: string }[] {
    if (exempt) return [];
    const { newOrders, perDomain, perSet } = this.#limits;
    const set = names.join(',');
    const domains = [...new Set(names.map(registeredDomain))];
    return [
      ...(newOrders === null || renewal ? [] : [{ key: `orders ${account}`, size: newOrders, words: 'too many new orders recently' }]),
      ...(perDomain === null || renewal
        ? []
        : domains.map((domain) => ({
            key: `domain ${domain}`,
            size: perDomain,
            words: `too many certificates (50) already issued for "${domain}" in the last 168h`,
          }))),
      ...(perSet === null
        ? []
        : [{ key: `set ${set}`, size: perSet, words: 'too many certificates (5) already issued for this exact set of identifiers in the last 168h' }]),
    ];
  }
}

function isOfOrders(key: string): boolean {
  return key.startsWith('orders ');
}

function registeredDomain(name: string): string {
  return name.split('.').slice(-2).join('.');
}
