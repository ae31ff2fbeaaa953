/** How many external requests one run may send, whoever sends them (DESIGN §13). */
import type { RequestBudget } from './ports.ts';

/** Below the 50 that the Free plan allows an invocation. */
const REQUESTS_PER_INVOCATION = 40;

/** Shared by the conversations with every CA of one run. @param others what else the run has sent so far. */
export function requestBudget(others: () => number): RequestBudget {
  let taken = 0;
  return {
    take() {
      if (taken + others() >= REQUESTS_PER_INVOCATION) return false;
      taken += 1;
      return true;
    },
  };
}
