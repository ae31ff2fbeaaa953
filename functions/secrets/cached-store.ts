/**
 * Remembers secrets for a moment, so that a renewal does not ask for the same token at every phase. A value replaced
 * elsewhere is seen within that moment, which no wait after a refused token is shorter than; one replaced here at once.
 */
import { SECOND, type Clock } from '../../shared/clock.ts';
import type { Secret } from './secret.ts';
import type { SecretStore } from './store.ts';

export const CACHE_TTL_MS = 10 * SECOND;

export function createCachedStore(store: SecretStore, clock: Clock): SecretStore {
  const known = new Map<string, { secret: Secret; until: number }>();
  /** Counts changes: a read that began before one must not be remembered after it. */
  let changes = 0;
  const change = async (name: string, work: () => Promise<void>) => {
    changes += 1;
    known.delete(name);
    try {
      await work();
    } finally {
      changes += 1;
      known.delete(name);
    }
  };
  return {
    put: (name, secret) => change(name, () => store.put(name, secret)),
    remove: (name) => change(name, () => store.remove(name)),
    async get(name) {
      const remembered = known.get(name);
      if (remembered !== undefined && remembered.until > clock()) return remembered.secret;
      const before = changes;
      const secret = await store.get(name);
      if (before === changes) known.set(name, { secret, until: clock() + CACHE_TTL_MS });
      return secret;
    },
    has: (name) => store.has(name),
    list: () => store.list(),
  };
}
