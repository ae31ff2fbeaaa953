/** The one actor per CA directory without a Durable Object: the real logic over a plain state and a plain SecretStore. */
import type { CaActor } from '../../../functions/acme/actor.ts';
import type { AuthorityDeps, AuthorityState } from '../../../functions/acme/authority.ts';
import { AuthorityRecord } from '../../../functions/acme/authority.ts';
import type { Secret } from '../../../functions/secrets/secret.ts';
import { notFound, type SecretStore } from '../../../functions/secrets/store.ts';
import { settle } from '../../../shared/errors.ts';

export interface MemoryState extends AuthorityState {
  orders: { at: number; names: string[]; replaces: boolean }[];
}

export function memoryState(): MemoryState {
  let account: ReturnType<AuthorityState['account']> = null;
  let directory: ReturnType<AuthorityState['directory']> = null;
  let route: ReturnType<AuthorityState['route']> = null;
  const breakers = new Map<string, ReturnType<AuthorityState['breakers']>[number]>();
  const orders: MemoryState['orders'] = [];
  return {
    orders,
    account: () => account,
    saveAccount(row) {
      account = row;
      return Promise.resolve();
    },
    directory: () => directory,
    saveDirectory(document, fetchedAt) {
      directory = { directory: document, fetchedAt };
    },
    route: () => route,
    saveRoute(learned, until) {
      route = { route: learned, until };
    },
    breakers: (now) => [...breakers.values()].filter((breaker) => breaker.until > now),
    saveBreaker: (breaker) => void breakers.set(breaker.scope, breaker),
    appendOrder: (order) => void orders.push(order),
  };
}

export function memorySecrets(initial: Record<string, Secret> = {}): SecretStore {
  const secrets = new Map(Object.entries(initial));
  return {
    put: (name, secret) => Promise.resolve(void secrets.set(name, secret)),
    get(name) {
      const found = secrets.get(name);
      return found === undefined ? Promise.reject(notFound(name)) : Promise.resolve(found);
    },
    has: (name) => Promise.resolve(secrets.has(name)),
    list: () => Promise.resolve([...secrets.keys()].toSorted()),
    remove: (name) => Promise.resolve(void secrets.delete(name)),
  };
}

export function actorOf(state: AuthorityState, deps: AuthorityDeps): CaActor {
  const record = new AuthorityRecord(state, deps);
  return {
    open: (request) => settle(() => record.open(request)),
    directory: (request) => settle(() => record.directory(request)),
    identity: (request) => settle(() => record.identity(request)),
    admit: (order) => settle(() => (record.admit(order), null)),
    observe: (observation) => settle(() => (record.observe(observation), null)),
  };
}
