/** The budget of one account on disk: read, decided by `budget.ts`, and written, in one go between two events. */
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import { migrate, type Migration } from '../../storage/schema.ts';
import { DnsError } from '../dns-error.ts';
import { CALL_PURPOSES, type Grant } from '../table-budget.ts';
import { budgetSchema, budgetStatus, close, EMPTY_BUDGET, spend, VENDOR_LIMITS, type Budget, type BudgetStatus, type VendorLimits } from './budget.ts';

const MIGRATIONS: readonly Migration[] = [{ version: 1, statements: ['CREATE TABLE budget (only INTEGER PRIMARY KEY CHECK (only = 1), json TEXT NOT NULL)'] }];

const spendRequestSchema = z.strictObject({
  provider: z.string().max(20),
  calls: z.number().int().min(1).max(20),
  purpose: z.enum(CALL_PURPOSES),
});
export type SpendRequest = z.infer<typeof spendRequestSchema>;

export class AccountBudget {
  readonly #sql: SqlStorage;
  readonly #clock: Clock;

  constructor(storage: DurableObjectStorage, clock: Clock) {
    migrate(storage, MIGRATIONS);
    this.#sql = storage.sql;
    this.#clock = clock;
  }

  /** What is granted counts as spent. @throws DnsError `dns_refused` for a vendor without limits, and for more calls than any grant. */
  spend(received: SpendRequest): Grant {
    const { provider, ...asked } = spendRequestSchema.parse(received);
    const { grant, budget } = spend(this.#read(), limitsOf(provider), asked, this.#clock());
    if (grant.granted) this.#write(budget);
    return grant;
  }

  limited(retryAt: number): void {
    this.#write(close(this.#read(), z.number().int().nonnegative().parse(retryAt), this.#clock()));
  }

  status(provider: string): BudgetStatus {
    return budgetStatus(this.#read(), limitsOf(provider), this.#clock());
  }

  #read(): Budget {
    const [row] = this.#sql.exec<{ json: string }>('SELECT json FROM budget').toArray();
    return row === undefined ? EMPTY_BUDGET : budgetSchema.parse(JSON.parse(row.json));
  }

  #write(budget: Budget): void {
    this.#sql.exec('INSERT OR REPLACE INTO budget (only, json) VALUES (1, ?)', JSON.stringify(budget));
  }
}

function limitsOf(provider: string): VendorLimits {
  const limits = Object.entries(VENDOR_LIMITS).find(([name]) => name === provider)?.[1];
  if (limits === undefined) throw new DnsError('dns_refused', `${provider} counts no calls per account.`);
  return limits;
}
