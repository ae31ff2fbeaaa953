/** How much of a domain the law lets a write change. Pure: two host lists in, a refusal or nothing out. */
import { difference } from '../../../shared/namecheap/comparison.ts';
import { namecheapError } from '../../../shared/namecheap/failures.ts';
import { rowProblem } from '../../../shared/namecheap/host-list.ts';
import type { HostRow, HostTable } from '../../../shared/namecheap/host-table.ts';
import type { NamecheapAccount } from './account.ts';

/**
 * @throws PerennialError `namecheap_change_not_allowed`, and `namecheap_record_refused` for a new row that the vendor
 *   would not keep.
 */
export function requireAllowed({ changes }: Pick<NamecheapAccount, 'changes'>, before: HostTable, after: HostTable): void {
  if (before.domain !== after.domain) throw refused(`it is about ${before.domain} and about ${after.domain}`);
  const { added, removed, emailType } = difference(before, after);
  for (const row of added) {
    const problem = rowProblem(row, after.domain);
    if (problem !== null) throw namecheapError('namecheap_record_refused', `The ${row.type} record ${row.name} cannot be written: ${problem}.`);
  }
  if (changes === 'any') return;
  if (emailType !== null) throw refused('it changes the mail routing');
  const other = [...removed, ...added].find((row) => !isChallenge(row));
  if (other !== undefined) throw refused(`it changes the ${other.type} record ${other.name}`);
}

/** A TXT record at `_acme-challenge` or below it (RFC 8555 §8.4). */
function isChallenge({ name, type }: HostRow): boolean {
  const labels = name.toLowerCase().split('.');
  return type === 'TXT' && labels[0] === '_acme-challenge';
}

function refused(why: string): Error {
  return namecheapError('namecheap_change_not_allowed', `The relay's law does not allow this write: ${why}.`, {
    hint: 'With "changes": "any" for the account in the relay job file, declared records and restored snapshots may be written too.',
  });
}
