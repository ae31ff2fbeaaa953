/** Anti-replay nonces (RFC 8555 §6.5): each is good for one request. A share of good ones may be refused on purpose. */
import { randomBytes } from 'node:crypto';

const MAX_OUTSTANDING = 100_000;

export class Nonces {
  /** Percentage of good nonces refused, as Pebble's `PEBBLE_WFE_NONCEREJECT`. */
  rejectPercent: number;
  readonly #outstanding = new Set<string>();

  constructor(rejectPercent: number) {
    this.rejectPercent = rejectPercent;
  }

  issue(): string {
    const nonce = randomBytes(16).toString('base64url');
    this.#outstanding.add(nonce);
    if (this.#outstanding.size > MAX_OUTSTANDING) {
      const [oldest] = this.#outstanding;
      if (oldest !== undefined) this.#outstanding.delete(oldest);
    }
    return nonce;
  }

  /** Whether the nonce was issued here and never used; uses it up. */
  redeem(nonce: string | undefined): boolean {
    return nonce !== undefined && this.#outstanding.delete(nonce) && Math.random() * 100 >= this.rejectPercent;
  }
}
