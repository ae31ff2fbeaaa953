/** Orders of every certificate as the CA was asked for them: placed, finalized, and those whose reply nobody can have kept. */
import type { Call, CallReply } from './calls.ts';

interface Account {
  placed: Set<string>;
  finalized: Set<string>;
  /** Replies to newOrder that were struck away. */
  lost: number;
  /** The last thing heard of it is newOrder: whether its reply was kept is not known yet. */
  openNewOrder: boolean;
}

export interface OrderCount {
  orders: number;
  finalized: number;
  lostReplies: number;
}

export class Orders {
  #accounts = new Map<string, Account>();

  /** Forgets what came before: a renewal begins. */
  begin(names: readonly string[]): void {
    this.#accounts = new Map(names.map((name) => [name, { placed: new Set(), finalized: new Set(), lost: 0, openNewOrder: false }]));
  }

  /** @param label of `labels.ts`. */
  reached(call: Call, label: string, owners: readonly string[]): void {
    for (const owner of owners) {
      const account = this.#accounts.get(owner);
      if (account === undefined) continue;
      if (call.part === 'ca') account.openNewOrder = label === 'newOrder';
      // The next phase asks the relay for a key, which shows that the order was kept.
      else if (call.part === 'link') account.openNewOrder = false;
    }
  }

  answered(call: Call, label: string, owners: readonly string[], reply: CallReply): void {
    if (call.part !== 'ca' || reply.status >= 400) return;
    for (const owner of owners) {
      if (label === 'newOrder' && reply.location !== null) this.#accounts.get(owner)?.placed.add(reply.location);
      if (label === 'finalize') this.#accounts.get(owner)?.finalized.add(call.path);
    }
  }

  /** The Worker was killed: what it had not yet persisted of its orders is lost. */
  struck(): void {
    for (const account of this.#accounts.values()) {
      if (!account.openNewOrder) continue;
      account.lost += 1;
      account.openNewOrder = false;
    }
  }

  of(name: string): OrderCount {
    const account = this.#accounts.get(name);
    return { orders: account?.placed.size ?? 0, finalized: account?.finalized.size ?? 0, lostReplies: account?.lost ?? 0 };
  }
}
