/** How many requests may leave: one budget for each invocation, whoever sends in it. */
import type { RequestBudget } from '../certificates/ports.ts';

export type { RequestBudget } from '../certificates/ports.ts';

/** External requests of one invocation, below the 50 that the Free plan allows. */
export const MAX_REQUESTS = 40;

/** A budget of its own, for an invocation that sends nothing else. */
export function requestBudget(limit = MAX_REQUESTS): RequestBudget {
  let left = limit;
  return {
    take() {
      if (left <= 0) return false;
      left -= 1;
      return true;
    },
  };
}
