import { describe, expect, it } from 'vitest';
import { judgeWrite } from '../../../functions/dns/table-verdict.ts';
import type { Attempt } from '../../../functions/dns/table-state.ts';
import type { HostRow, HostTable } from '../../../shared/namecheap/host-table.ts';

const row = (name: string, type: HostRow['type'], address: string): HostRow => ({ name, type, address, mxPref: 10, ttl: 300 });
const table = (...rows: HostRow[]): HostTable => ({ domain: 'example.com', emailType: 'NONE', rows });
const theirs = row('www', 'TXT', 'theirs');
const added = row('@', 'A', '203.0.113.9');
const NOW = 1_800_000_000_000;
/** A write without a reply, whose time is over. */
const inDoubt: Attempt = {
  id: 'one',
  kind: 'change',
  snapshot: 1,
  before: table(theirs),
  write: table(theirs, added),
  firstSent: [1],
  over: NOW - 1,
  acknowledged: false,
  readAt: NOW,
  reads: 0,
  failures: 0,
};
const isOurs = (other: HostRow) => other.type === 'A';
const judge = (read: HostTable, attempt: Partial<Attempt> = {}) => judgeWrite({ ...inDoubt, ...attempt }, read, isOurs, NOW);

describe('a write without a reply', () => {
  it('took effect when the list is as planned, and had none when twice nothing of it is seen', () => {
    expect(judge(table(theirs, added))).toEqual({ is: 'as-planned' });
    expect(judge(table(theirs))).toMatchObject({ is: 'unclear', seen: false });
    expect(judge(table(theirs), { reads: 1 })).toEqual({ is: 'without-effect' });
  });

  it('is waited for as long as it may be travelling', () => {
    expect(judge(table(theirs), { over: NOW + 1 })).toEqual({ is: 'travelling' });
  });

  // A list that was short for once took back what another had shown, and our record was left behind as a stranger's.
  it('that was seen to take effect is not without effect because the next list is short', () => {
    const first = judge(table(added));
    expect(first).toMatchObject({ is: 'unclear', seen: true });
    expect(judge(table(), { acknowledged: true, reads: 1 })).toMatchObject({ is: 'unclear' });
    expect(judge(table(added), { acknowledged: true, reads: 2 })).toMatchObject({ is: 'foreign-change', lines: ['- www TXT theirs 300'] });
  });
});
