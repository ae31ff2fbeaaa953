/**
 * Makes and takes the dump of a CA directory. The directory document and the learned route are left out, they are asked for
 * again, and so is a place among those who issue right now. A backup never replaces an account that is registered here.
 */
import { busy, IDENTICAL, kept, RESTORED, type Restoration } from '../../shared/backup/restoration.ts';
import { addRows, dumpTables } from '../storage/tables.ts';
import type { AccountRow, AuthorityState } from './authority-state.ts';
import type { AuthorityDump } from './authority-dump.ts';

const WITHOUT = ['account', 'directory', 'route', 'places', 'queue'];

export function dumpAuthority(storage: DurableObjectStorage, state: AuthorityState): AuthorityDump {
  const account = state.account();
  return { account: account?.url == null ? null : { keyName: account.keyName, url: account.url }, ledger: dumpTables(storage.sql, WITHOUT) };
}

/**
 * @param dryRun says what would come of it and changes nothing. @param keyIsSame whether the account key in the
 * SecretStore is the one of the backup. Throws when the rows of the dump do not fit this schema; nothing is changed then.
 */
export async function restoreAuthority(
  storage: DurableObjectStorage,
  state: AuthorityState,
  { account, ledger }: AuthorityDump,
  { now, dryRun, keyIsSame }: { now: number; dryRun: boolean; keyIsSame: boolean },
): Promise<Restoration> {
  const verdict = judge(state.account(), account, now, keyIsSame);
  if (verdict.outcome === 'kept' || verdict.outcome === 'busy') return verdict;
  const added = withRows(storage, dryRun, () => {
    const rows = addRows(storage.sql, ledger, WITHOUT);
    // What has been put in is read as every request reads it: a row that does not fit undoes all of them.
    state.breakers(0);
    return rows;
  });
  if (verdict.outcome === 'restored' && account !== null && !dryRun)
    await state.saveAccount({ keyName: account.keyName, url: account.url, intentUntil: null, intentBy: null });
  return verdict.outcome === 'restored' || added > 0 ? RESTORED : IDENTICAL;
}

function judge(here: AccountRow | null, account: AuthorityDump['account'], now: number, keyIsSame: boolean): Restoration {
  if (account === null) return IDENTICAL;
  if (here?.url != null) return here.url === account.url ? IDENTICAL : kept(`Another account is registered here: ${here.url}. The backup has ${account.url}.`);
  if ((here?.intentUntil ?? 0) > now) return busy('An account is being registered.');
  return keyIsSame ? RESTORED : kept(`The account key in the SecretStore is not the one of the backup, which is needed for ${account.url}.`);
}

class DryRun extends Error {}

/** Runs `change` in a transaction that a dry run takes back. */
function withRows(storage: DurableObjectStorage, dryRun: boolean, change: () => number): number {
  let rows = 0;
  try {
    storage.transactionSync(() => {
      rows = change();
      if (dryRun) throw new DryRun();
    });
  } catch (thrown) {
    if (!(thrown instanceof DryRun)) throw thrown;
  }
  return rows;
}
