/** DnsAccountObject as a zone asks it: {@link BudgetOf}, with a fresh stub for every call. */
import { unwrap } from '../../../shared/errors.ts';
import type { Environment } from '../../environment.ts';
import { DnsError } from '../dns-error.ts';
import type { BudgetOf } from '../table-budget.ts';

export function accountBudgets(namespace: Environment['DNS_ACCOUNTS']): BudgetOf {
  return (vendor) => {
    if (vendor.provider !== 'namecheap') throw new DnsError('dns_refused', `[dns.${vendor.name}] has no budget of calls.`);
    const { provider, user } = vendor;
    const account = () => namespace.getByName(`${provider}:${user}`);
    return {
      spend: async (calls, purpose) => unwrap(await account().spend({ provider, calls, purpose })),
      async limited(retryAt) {
        unwrap(await account().limited(retryAt));
      },
    };
  };
}
