/** The one actor per CA directory without a Durable Object: the real logic over real SQL and a plain SecretStore. */
import { type CaActor, observationSchema } from '../../../functions/acme/actor.ts';
import { AuthorityRecord, type AuthorityDeps } from '../../../functions/acme/authority.ts';
import type { AuthorityState } from '../../../functions/acme/authority-state.ts';
import { createAuthorityStorage } from '../../../functions/acme/authority-storage.ts';
import type { Secret } from '../../../functions/secrets/secret.ts';
import { notFound, type SecretStore } from '../../../functions/secrets/store.ts';
import { settle } from '../../../shared/errors.ts';
import { sqliteStorage } from './sqlite-storage.ts';

export interface MemoryState extends AuthorityState {
  /** Every order in the ledger, oldest first. */
  readonly orders: { at: number; names: string[]; replaces: boolean; outcome: string | null }[];
}

export function memoryState(): MemoryState {
  const storage = sqliteStorage();
  return {
    ...createAuthorityStorage(storage),
    get orders() {
      return storage.sql
        .exec<{ at: number; names: string; replaces: number; outcome: string | null }>('SELECT at, names, replaces, outcome FROM orders ORDER BY id')
        .toArray()
        .map((row) => ({ at: row.at, names: JSON.parse(row.names) as string[], replaces: row.replaces === 1, outcome: row.outcome }));
    },
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
    enter: (caller) => settle(() => record.enter(caller).askAgainAt),
    leave: (caller) => settle(() => (record.leave(caller), null)),
    open: (request) => settle(() => record.open(request)),
    directory: (request) => settle(() => record.directory(request)),
    identity: (request) => settle(() => record.identity(request)),
    admit: (order) => settle(() => (record.admit(order), null)),
    observe: (observation) => settle(() => (record.observe(observationSchema.parse(observation)), null)),
    rollover: (request) => settle(() => record.rollover(request)),
  };
}
