/** Chooses the SecretStore that the configuration names. */
import type { Clock } from '../../shared/clock.ts';
import type { Configuration } from '../config/configuration.ts';
import { createAwsStore } from './aws-store.ts';
import { createCachedStore } from './cached-store.ts';
import { createSealedStore, type SecretsActor } from './sealed-store.ts';
import { Secret } from './secret.ts';
import type { SecretStore } from './store.ts';

export interface SecretStoreDeps {
  clock: Clock;
  fetch: typeof globalThis.fetch;
  /** A fresh stub of the SecretsObject named `secrets`. */
  actor(): SecretsActor;
  /** Worker secrets for `store = "aws"`; undefined when unset. */
  awsAccessKeyId: string | undefined;
  awsSecretAccessKey: string | undefined;
}

/** Reads are remembered for a moment, so keep the store as long as the object or isolate that made it. */
export function createSecretStore(configuration: Configuration['secrets'], deps: SecretStoreDeps): SecretStore {
  const store =
    configuration.store === 'sealed'
      ? createSealedStore(() => deps.actor())
      : createAwsStore({
          region: configuration.region,
          prefix: configuration.prefix,
          endpoint: configuration.endpoint,
          accessKeyId: deps.awsAccessKeyId,
          secretAccessKey: deps.awsSecretAccessKey === undefined ? undefined : new Secret(deps.awsSecretAccessKey),
          fetch: deps.fetch,
        });
  return createCachedStore(store, deps.clock);
}
