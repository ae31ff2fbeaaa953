/**
 * Which connections a signed request may name. A link's connection lives as long as its socket and counts sequences; a
 * pushed request's is one nonce for one request. Neither survives the process, so nothing recorded before a restart can
 * be replayed after it.
 */
import { MINUTE } from '../../shared/clock.ts';
import { randomNonce } from '../../shared/link/signatures.ts';

export interface Connection {
  /** Present time in the clock that this connection's deadlines count in, in whole Unix milliseconds. */
  now(): number;
  /** Highest sequence that was accepted. */
  sequence: number;
  /** Gone after one request. */
  single: boolean;
  /** In `now()` time; Infinity for a link. */
  expiresAt: number;
}

const NONCE_LIFETIME_MS = MINUTE;
/** Above this the oldest unused nonce is dropped: asking for nonces needs no signature. */
const MAX_NONCES = 1_000;

export class Connections {
  readonly #open = new Map<string, Connection>();

  /** A link was opened; `now` maps the edge's clock onto this machine. Returns how to close it. */
  openLink(nonce: string, now: () => number): () => void {
    this.#open.set(nonce, { now, sequence: 0, single: false, expiresAt: Infinity });
    return () => this.#open.delete(nonce);
  }

  /** A nonce for one pushed request, whose deadline counts in `now`. */
  issueNonce(now: () => number): { nonce: string; time: number; expiresAt: number } {
    this.#dropNonces(now());
    const nonce = randomNonce();
    const expiresAt = now() + NONCE_LIFETIME_MS;
    this.#open.set(nonce, { now, sequence: 0, single: true, expiresAt });
    return { nonce, time: now(), expiresAt };
  }

  /** The connection of a verified request; a single one is used up by this. */
  use(nonce: string): Connection | undefined {
    const connection = this.#open.get(nonce);
    if (connection?.single === true) this.#open.delete(nonce);
    return connection === undefined || connection.now() >= connection.expiresAt ? undefined : connection;
  }

  #dropNonces(now: number): void {
    const nonces = [...this.#open].filter(([, { single }]) => single);
    const surplus = nonces.length - MAX_NONCES + 1;
    for (const [position, [nonce, { expiresAt }]] of nonces.entries()) if (position < surplus || expiresAt <= now) this.#open.delete(nonce);
  }
}
