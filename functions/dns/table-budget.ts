/**
 * The budget of calls of one account at a vendor that counts them: the port of a whole-zone writer to it. The account is
 * shared by several zones and with the user's own tools, so its keeper grants a part of the vendor's limits only.
 */
import type { DnsVendor } from '../config/configuration.ts';

/** What calls are for, the most urgent first: near the limit clean-ups wait before challenges do. */
export const CALL_PURPOSES = ['challenge', 'records', 'clean-up'] as const;
export type CallPurpose = (typeof CALL_PURPOSES)[number];

/** `retryAt`: Unix ms at which the same question may be granted; nothing was spent. */
export type Grant = { granted: true } | { granted: false; retryAt: number };

export interface TableBudget {
  /** Takes `calls` (1 to 20) off the budget, all or none. What was granted counts as spent, whatever becomes of the calls. */
  spend(calls: number, purpose: CallPurpose): Promise<Grant>;
  /** The vendor itself said "too many" (HTTP 405): nobody asks before `retryAt`, Unix ms. */
  limited(retryAt: number): Promise<void>;
}

/** The budget of the account behind a `[dns.x]` block. */
export type BudgetOf = (vendor: DnsVendor) => TableBudget;
