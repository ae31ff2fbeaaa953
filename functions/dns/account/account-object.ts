/** The account of a user at a vendor that counts calls, named `<provider>:<user>`: {@link AccountBudget} behind RPC. */
import { DurableObject } from 'cloudflare:workers';
import { settle, type Outcome } from '../../../shared/errors.ts';
import type { Environment } from '../../environment.ts';
import type { Grant } from '../table-budget.ts';
import { AccountBudget, type SpendRequest } from './account-budget.ts';
import type { BudgetStatus } from './budget.ts';

export class DnsAccountObject extends DurableObject<Environment> {
  readonly #budget: AccountBudget;

  constructor(state: DurableObjectState, env: Environment) {
    super(state, env);
    this.#budget = new AccountBudget(state.storage, () => Date.now());
  }

  spend(request: SpendRequest): Promise<Outcome<Grant>> {
    return settle(() => this.#budget.spend(request));
  }

  limited(retryAt: number): Promise<Outcome<null>> {
    return settle(() => {
      this.#budget.limited(retryAt);
      return null;
    });
  }

  status(provider: string): Promise<Outcome<BudgetStatus>> {
    return settle(() => this.#budget.status(provider));
  }
}
