/** Lives of an object: each ends while it waits for somebody outside, and hears nothing more from then on. */
import type { NamecheapRelay } from '../../functions/dns/namecheap/relay.ts';

type Kind = 'read' | 'write';

export interface Death {
  /** Before the call has left, or after it was carried out. */
  when: 'before' | 'after';
  /** Calls that are survived. */
  calls: number;
  /** Calls that count; every kind when absent. */
  only?: Kind;
}

export class Life {
  /** Resolves when it is over. */
  readonly ended: Promise<void>;
  over = false;
  readonly #lives: Lives;
  #resolve: () => void = () => undefined;

  constructor(lives: Lives) {
    this.#lives = lives;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  end(): void {
    this.over = true;
    this.#resolve();
  }

  /** The way to the vendor, as this life has it. */
  bounded(relay: NamecheapRelay): NamecheapRelay {
    return {
      account: (account) => this.#during('read', () => relay.account(account)),
      query: (request) => this.#during('read', () => relay.query(request)),
      write: (request, deadlineMs) => this.#during('write', () => relay.write(request, deadlineMs)),
      authoritative: (questions) => this.#during('read', () => relay.authoritative(questions)),
    };
  }

  async #during<T>(kind: Kind, work: () => Promise<T>): Promise<T> {
    if (this.over) return never();
    const death = this.#lives.reap(kind);
    if (death !== null) {
      if (death.when === 'after') await work().catch(() => undefined);
      this.end();
      return never();
    }
    const result = await work();
    return this.over ? never() : result;
  }
}

export class Lives {
  /** How the present life, or the next one that comes to it, ends. */
  death: Death | null = null;

  begin(): Life {
    return new Life(this);
  }

  /** Counts a call; the death that strikes in it. */
  reap(kind: Kind): Death | null {
    const { death } = this;
    if (death === null || (death.only ?? kind) !== kind) return null;
    this.death = death.calls > 0 ? { ...death, calls: death.calls - 1 } : null;
    return death.calls > 0 ? null : death;
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
