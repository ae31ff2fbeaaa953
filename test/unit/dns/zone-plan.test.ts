/** What a change of a zone has to do: the decision alone. */
import { describe, expect, it } from 'vitest';
import type { LedgerEntry } from '../../../functions/dns/ledger-entry.ts';
import type { ListedRecord } from '../../../functions/dns/provider.ts';
import { planChange } from '../../../functions/dns/zone-plan.ts';

const RECORD = { type: 'TXT' as const, name: '_acme-challenge.example.net', value: 'v' };
let nextId = 1;
const row = (fields: Partial<LedgerEntry>): LedgerEntry => ({
  ...RECORD,
  id: nextId++,
  owner: 'one',
  state: 'wanted',
  recordId: null,
  sentAt: null,
  found: false,
  createdAt: 1,
  expiresAt: 9,
  ttl: null,
  ...fields,
});
const listed = (fields: Partial<ListedRecord> = {}): ListedRecord => ({ ...RECORD, id: 'a1', comment: '', ttl: 60, ...fields });
const plan = (rows: LedgerEntry[], there: ListedRecord[], others: LedgerEntry[] = []) => planChange(rows, [...rows, ...others], there);
const NOTHING = { add: [], remove: [], present: [], released: [] };

describe('a wanted record', () => {
  it('is added once for all who want it', () => {
    const [one, two] = [row({}), row({ owner: 'two' })];
    expect(plan([one, two], [])).toEqual({ ...NOTHING, add: [{ record: RECORD, owner: 'one', ttl: null, entries: [one.id, two.id] }] });
  });

  it("that was there before stays somebody else's", () => {
    const one = row({});
    expect(plan([one], [listed({ comment: 'by hand' })])).toEqual({ ...NOTHING, present: [{ entry: one.id, recordId: null, found: true }] });
  });

  it('is known again by its mark when the reply was lost', () => {
    const one = row({ sentAt: 5 });
    expect(plan([one], [listed({ comment: 'perennial one' })]).present).toEqual([{ entry: one.id, recordId: 'a1', found: false }]);
    expect(plan([one], [listed({ comment: 'perennial somebody' })]).present).toMatchObject([{ found: true }]);
  });

  it('is known again without a mark where the vendor keeps none', () => {
    const one = row({ sentAt: 5 });
    expect(plan([one], [listed({ id: null, comment: null })]).present).toMatchObject([{ found: false }]);
    expect(plan([row({})], [listed({ id: null, comment: null })]).present).toMatchObject([{ found: true }]);
  });

  it('is ours when another owner of ours has written it', () => {
    const writer = row({ owner: 'two', state: 'written', recordId: 'a1', sentAt: 5 });
    expect(plan([row({})], [listed({ comment: 'edited' })], [writer]).present).toMatchObject([{ recordId: 'a1', found: false }]);
  });
});

describe('a released record', () => {
  const written = { state: 'removing', recordId: 'a1', sentAt: 5 } as const;

  it('is removed as it is listed, and only that', () => {
    const one = row(written);
    const strangers = [listed({ id: 'b2', value: 'other' }), listed({ id: 'c3', name: 'www.example.net' })];
    expect(plan([one], [...strangers, listed()])).toEqual({ ...NOTHING, remove: [{ listed: listed(), entries: [one.id] }] });
  });

  it('stays while another owner wants it, who takes over the proof', () => {
    const one = row(written);
    const heir = row({ owner: 'two' });
    expect(plan([one], [listed()], [heir])).toEqual({ ...NOTHING, released: [one.id], present: [{ entry: heir.id, recordId: 'a1', found: false }] });
  });

  it("stays when it was somebody else's from the start, or was made anew by somebody else", () => {
    const found = row({ state: 'removing', found: true });
    expect(plan([found], [listed({ comment: 'by hand' })])).toEqual({ ...NOTHING, released: [found.id] });
    const replaced = row(written);
    expect(plan([replaced], [listed({ id: 'z9', comment: 'by hand' })])).toEqual({ ...NOTHING, released: [replaced.id] });
  });

  it('is settled when it is gone already', () => {
    const one = row(written);
    expect(plan([one], [])).toEqual({ ...NOTHING, released: [one.id] });
  });
});

describe('a record with a TTL', () => {
  const declared = { owner: 'declared', state: 'written', recordId: 'a1', sentAt: 5, ttl: 300 } as const;

  it('is created with it, also when an issuance comes first', () => {
    expect(plan([row({ owner: 'declared', ttl: 300 })], []).add).toMatchObject([{ ttl: 300 }]);
    const waiting = row({ owner: 'declared', ttl: 300 });
    expect(plan([row({})], [], [waiting]).add).toMatchObject([{ ttl: 300 }]);
  });

  it('is removed and created anew in one change when ours has another one', () => {
    const one = row(declared);
    const there = listed({ ttl: 3_600 });
    expect(plan([one], [there])).toEqual({
      ...NOTHING,
      remove: [{ listed: there, entries: [] }],
      add: [{ record: RECORD, owner: 'declared', ttl: 300, entries: [one.id] }],
    });
  });

  it('is left alone when it fits, when the vendor does not say, and when it is not ours', () => {
    for (const there of [listed({ ttl: 300 }), listed({ ttl: null })]) expect(plan([row(declared)], [there])).toMatchObject({ add: [], remove: [] });
    const automatic = row({ ...declared, ttl: 1_800 });
    expect(plan([automatic], [listed({ ttl: 1_799 })])).toMatchObject({ add: [], remove: [] });
    const found = row({ owner: 'declared', ttl: 300 });
    expect(plan([found], [listed({ ttl: 3_600, comment: 'by hand' })])).toEqual({ ...NOTHING, present: [{ entry: found.id, recordId: null, found: true }] });
  });

  it('is not corrected by an issuance that wants the same record', () => {
    const challenge = row({});
    expect(plan([challenge], [listed({ ttl: 3_600 })], [row(declared)])).toMatchObject({ add: [], remove: [], present: [{ entry: challenge.id }] });
  });
});
