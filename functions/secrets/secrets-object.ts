/** The sealed SecretStore of a deployment, one object named `secrets`. Its rows are useless without SEALING_KEY. */
import { DurableObject } from 'cloudflare:workers';
import { type Outcome, settle } from '../../shared/errors.ts';
import type { Environment } from '../environment.ts';
import { Secret } from './secret.ts';
import { createVault, type Resealed, type Vault } from './vault.ts';

export class SecretsObject extends DurableObject<Environment> {
  readonly #vault: Vault;

  constructor(state: DurableObjectState, env: Environment) {
    super(state, env);
    this.#vault = createVault(state.storage, { current: env.SEALING_KEY, previous: env.SEALING_KEY_PREVIOUS });
  }

  /** `null` stands for "no value": an Outcome always has one. */
  put(name: string, value: string): Promise<Outcome<null>> {
    return settle(async () => (await this.#vault.put(name, new Secret(value)), null));
  }

  /** The value leaves this object only towards the same Worker; the adapter wraps it again at once. */
  get(name: string): Promise<Outcome<string>> {
    return settle(async () => (await this.#vault.get(name)).reveal());
  }

  has(name: string): Promise<Outcome<boolean>> {
    return settle(() => this.#vault.has(name));
  }

  list(): Promise<Outcome<string[]>> {
    return settle(() => this.#vault.list());
  }

  reseal(): Promise<Outcome<Resealed>> {
    return settle(() => this.#vault.reseal());
  }

  remove(name: string): Promise<Outcome<null>> {
    return settle(async () => (await this.#vault.remove(name), null));
  }
}
