/** The SecretStore over SecretsObject: unwraps before the call, wraps after it. */
import { type Outcome, unwrap } from '../../shared/errors.ts';
import { Secret } from './secret.ts';
import { checkName, type SecretStore } from './store.ts';

/** The calls of SecretsObject; a stub of it satisfies this. */
export interface SecretsActor {
  put(name: string, value: string): Promise<Outcome<null>>;
  get(name: string): Promise<Outcome<string>>;
  has(name: string): Promise<Outcome<boolean>>;
  list(): Promise<Outcome<string[]>>;
  remove(name: string): Promise<Outcome<null>>;
}

/** @param actor gives a fresh stub per call: a stub that has seen an error may stay broken. */
export function createSealedStore(actor: () => SecretsActor): SecretStore {
  return {
    async put(name, secret) {
      checkName(name);
      unwrap(await actor().put(name, secret.reveal()));
    },
    get: async (name) => new Secret(unwrap(await actor().get(name))),
    has: async (name) => unwrap(await actor().has(name)),
    list: async () => unwrap(await actor().list()),
    async remove(name) {
      unwrap(await actor().remove(name));
    },
  };
}
