/** The sessions of one run: one with each CA that it talks to, opened on first use. */
import type { AcmePort, AcmeSession, OpenOptions } from './ports.ts';

export class Conversations {
  readonly #sessions = new Map<string, AcmeSession>();

  /** @param nonce an unused one of that CA from an earlier run. */
  async with(acme: AcmePort, authority: string, nonce: string | null, options: OpenOptions): Promise<AcmeSession> {
    const session = this.#sessions.get(authority) ?? (await acme.open(authority, nonce, options));
    this.#sessions.set(authority, session);
    return session;
  }

  /** The session with a CA, if there is one already. */
  of(authority: string): AcmeSession | undefined {
    return this.#sessions.get(authority);
  }

  /** Requests sent to all CAs so far. */
  requests(): number {
    return [...this.#sessions.values()].reduce((sum, session) => sum + session.requests(), 0);
  }
}
