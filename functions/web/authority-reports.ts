/** What each configured CA's object knows, asked in parallel; one that fails says why in its place. */
import { toPerennialError, type Outcome } from '../../shared/errors.ts';
import type { AuthorityStatus } from '../acme/authority-status.ts';
import type { Authority } from '../config/configuration.ts';
import type { AuthorityReport } from './dependencies.ts';

/** @param ask reads the object of one CA; nothing is asked of the CA itself. */
export async function authorityReports(
  authorities: readonly Authority[],
  ask: (authority: Authority) => Promise<Outcome<AuthorityStatus>>,
): Promise<AuthorityReport[]> {
  return Promise.all(
    authorities.map(async (authority): Promise<AuthorityReport> => {
      const { name, directory } = authority;
      try {
        const outcome = await ask(authority);
        return outcome.ok ? { name, directory, status: outcome.value, failure: null } : { name, directory, status: null, failure: outcome.error };
      } catch (thrown) {
        return { name, directory, status: null, failure: toPerennialError(thrown).toData() };
      }
    }),
  );
}
