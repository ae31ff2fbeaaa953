/** What the declared records of a zone need: the decision alone. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planDeclared, type DeclaredDecision } from '../../../functions/dns/declared-plan.ts';
import { questionsOf, type Declaration } from '../../../functions/dns/declared-set.ts';
import type { LedgerEntry } from '../../../functions/dns/ledger-entry.ts';
import { recordKey, type ListedRecord, type RecordType } from '../../../functions/dns/provider.ts';
import type { DesiredRecord } from '../../../functions/dns/zone-requests.ts';

const NAME = 'www.example.net';
let nextId = 1;

const desired = (type: RecordType, value: string, more: Partial<DesiredRecord> = {}): DesiredRecord => ({
  type,
  name: NAME,
  value,
  ttl: 300,
  adopt: false,
  ...more,
});
/** A record at the vendor, by hand unless it says otherwise. */
const there = (type: RecordType, value: string, more: Partial<ListedRecord> = {}): ListedRecord => ({
  type,
  name: NAME,
  value,
  id: `id-${nextId++}`,
  comment: 'by hand',
  ttl: 300,
  ...more,
});
/** Our row for a record that we wrote. */
const row = (record: ListedRecord, more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  type: record.type,
  name: record.name,
  value: record.value,
  id: nextId++,
  owner: 'declared',
  state: 'written',
  recordId: record.id,
  sentAt: 5,
  found: false,
  createdAt: 1,
  expiresAt: 9,
  ttl: 300,
  ...more,
});
const plan = (records: DesiredRecord[], rows: LedgerEntry[], listed: ListedRecord[], held: Declaration['held'] = []) =>
  planDeclared({ records, held }, rows, listed);
/** `action type value` of each line. */
const lines = ({ records }: DeclaredDecision) => records.map(({ action, type, value }) => `${action} ${type} ${value}`.trim());
const done = ({ steps }: DeclaredDecision) => steps.map((step) => step.do);

describe('a zone that has nothing of it yet', () => {
  it.each<[RecordType, string]>([
    ['A', '192.0.2.1'],
    ['AAAA', '2001:db8::1'],
    ['CNAME', 'target.example'],
    ['TXT', 'v=spf1 -all'],
    ['CAA', '0 issue "ca.example"'],
  ])('gets %s', (type, value) => {
    const decision = plan([desired(type, value)], [], []);
    expect(lines(decision)).toEqual([`add ${type} ${value}`]);
    expect(decision.steps).toEqual([{ do: 'want', record: desired(type, value) }]);
  });

  it('gets a wildcard, and several values of one name', () => {
    const wild = { name: '*.example.net' };
    expect(lines(plan([desired('A', '192.0.2.1', wild), desired('A', '192.0.2.2', wild)], [], []))).toEqual(['add A 192.0.2.1', 'add A 192.0.2.2']);
  });

  it('is told that a first CAA restricts every CA, and not that a further one does', () => {
    const value = '0 issue "ca.example"';
    expect(plan([desired('CAA', value)], [], []).records[0]?.why).toContain('no CA that is not named may issue');
    expect(plan([desired('CAA', value)], [], [there('CAA', '0 issue "other.example"')]).records).toMatchObject([{ action: 'add', why: null }]);
  });
});

describe('records of ours', () => {
  const ours = there('A', '192.0.2.1', { comment: 'perennial declared' });

  it('stay when they are as declared', () => {
    expect(plan([desired('A', '192.0.2.1')], [row(ours)], [ours])).toMatchObject({ records: [{ action: 'keep', found: null }], steps: [] });
  });

  it('are known again by their mark when the reply was lost', () => {
    const decision = plan([desired('A', '192.0.2.1')], [row(ours, { state: 'wanted', recordId: null })], [ours]);
    expect(lines(decision)).toEqual(['keep A 192.0.2.1']);
    expect(done(decision)).toEqual(['want']);
  });

  it('are corrected in value when somebody changed them', () => {
    const changed = { ...ours, value: '203.0.113.9' };
    const decision = plan([desired('A', '192.0.2.1')], [row(ours)], [changed]);
    expect(decision.records).toEqual([
      { action: 'correct', type: 'A', name: NAME, value: '192.0.2.1', found: '203.0.113.9', why: 'Somebody else changed our record.' },
    ]);
    expect(decision.steps).toEqual([
      { do: 'take-away', listed: changed },
      { do: 'want', record: desired('A', '192.0.2.1') },
    ]);
  });

  it.each<RecordType>(['TXT', 'CAA', 'CNAME', 'AAAA'])('are corrected for %s as well', (type) => {
    const mine = there(type, 'a');
    expect(lines(plan([desired(type, 'a')], [row(mine)], [{ ...mine, value: 'b' }]))).toEqual([`correct ${type} a`]);
  });

  it('are corrected in TTL, whether somebody changed it or the declaration did', () => {
    expect(plan([desired('A', '192.0.2.1')], [row(ours)], [{ ...ours, ttl: 1 }]).records).toMatchObject([{ action: 'correct', found: 'TTL 1' }]);
    const slower = desired('A', '192.0.2.1', { ttl: 3_600 });
    expect(plan([slower], [row(ours)], [ours])).toMatchObject({ records: [{ action: 'correct' }], steps: [{ do: 'want', record: slower }] });
  });

  it('are added again when they vanished', () => {
    const decision = plan([desired('A', '192.0.2.1')], [row(ours)], []);
    expect(lines(decision)).toEqual(['add A 192.0.2.1']);
  });

  it('that vanished and were replaced by somebody are a conflict, not a repair', () => {
    const decision = plan([desired('A', '192.0.2.1')], [row(ours)], [there('A', '203.0.113.9')]);
    expect(decision).toMatchObject({ records: [{ action: 'conflict', found: '203.0.113.9' }], steps: [] });
  });

  it('go when they are no longer declared, and are forgotten when they are gone or not ours any more', () => {
    const mine = row(ours);
    expect(plan([], [mine], [ours])).toMatchObject({ records: [{ action: 'remove', value: '192.0.2.1' }], steps: [{ do: 'give-up', entry: mine.id }] });
    for (const listed of [[], [there('A', '192.0.2.1')], [{ ...ours, value: '203.0.113.9' }]])
      expect(plan([], [mine], listed)).toMatchObject({ records: [], steps: [{ do: 'give-up', entry: mine.id }] });
  });

  it('give way to another value in one plan', () => {
    const decision = plan([desired('A', '192.0.2.2')], [row(ours)], [ours]);
    expect(lines(decision)).toEqual(['add A 192.0.2.2', 'remove A 192.0.2.1']);
  });

  it('that somebody gave the new value before us stay, as ours', () => {
    const changed = { ...ours, value: '192.0.2.2' };
    const decision = plan([desired('A', '192.0.2.2')], [row(ours)], [changed]);
    expect(lines(decision)).toEqual(['keep A 192.0.2.2']);
    expect(decision.steps).toMatchObject([{ do: 'claim', listed: changed }, { do: 'give-up' }]);
  });

  it('change type in one plan: a CNAME of ours that leaves is not in the way', () => {
    const alias = there('CNAME', 'target.example');
    const decision = plan([desired('A', '192.0.2.1')], [row(alias)], [alias]);
    expect(lines(decision)).toEqual(['add A 192.0.2.1', 'remove CNAME target.example']);
    expect(lines(plan([desired('CNAME', 'target.example')], [row(ours)], [ours]))).toEqual(['add CNAME target.example', 'remove A 192.0.2.1']);
  });

  it('that an issuance needs as well are given up without being removed', () => {
    const shared = there('TXT', 'v');
    const decision = plan([], [row(shared), row(shared, { owner: 'issuance-1', ttl: null })], [shared]);
    expect(lines(decision)).toEqual([]);
    expect(done(decision)).toEqual(['give-up']);
  });
});

describe('records of somebody else', () => {
  const theirs = there('A', '203.0.113.9');

  it('of the same name and type are a conflict for A and AAAA', () => {
    for (const type of ['A', 'AAAA'] as const)
      expect(plan([desired(type, 'x')], [], [there(type, 'y')])).toMatchObject({
        records: [{ action: 'conflict', found: 'y', why: expect.stringContaining('adopt = true') }],
        steps: [],
      });
  });

  it('that join ours are reported, and both stay', () => {
    const ours = there('A', '192.0.2.1');
    const decision = plan([desired('A', '192.0.2.1')], [row(ours)], [ours, theirs]);
    expect(decision).toMatchObject({ records: [{ action: 'conflict', found: '203.0.113.9' }], steps: [] });
  });

  it('with exactly the declared value do, stay theirs, and let further values be added', () => {
    const decision = plan([desired('A', '203.0.113.9'), desired('A', '192.0.2.1')], [], [theirs]);
    expect(decision.records).toMatchObject([{ action: 'keep', found: '203.0.113.9, by somebody else' }, { action: 'add' }]);
    expect(done(decision)).toEqual(['want']);
  });

  it('of types that live side by side are no conflict', () => {
    for (const type of ['TXT', 'CAA'] as const) expect(lines(plan([desired(type, 'ours')], [], [there(type, 'theirs')]))).toEqual([`add ${type} ours`]);
  });

  it('that are a CNAME are in the way of everything, with adopt as well', () => {
    for (const type of ['A', 'AAAA', 'TXT', 'CAA'] as const)
      for (const adopt of [false, true])
        expect(plan([desired(type, 'x', { adopt })], [], [there('CNAME', 'target.example')])).toMatchObject({
          records: [{ action: 'conflict', found: 'CNAME target.example' }],
          steps: [],
        });
  });

  it('of any type are in the way of a CNAME, with adopt as well', () => {
    for (const type of ['A', 'AAAA', 'TXT', 'CAA'] as const)
      for (const adopt of [false, true])
        expect(plan([desired('CNAME', 'target.example', { adopt })], [], [there(type, 'x')])).toMatchObject({
          records: [{ action: 'conflict', found: `${type} x` }],
          steps: [],
        });
  });

  it('at other names are nothing to us', () => {
    expect(lines(plan([desired('CNAME', 'target.example')], [], [there('A', 'x', { name: 'other.example.net' })]))).toEqual(['add CNAME target.example']);
  });
});

describe('adopt', () => {
  it('takes over the whole set of A: what fits is kept, the rest corrected and removed', () => {
    const [same, wrong, further] = [there('A', '192.0.2.1'), there('A', '203.0.113.8'), there('A', '203.0.113.9')];
    const adopt = { adopt: true };
    const decision = plan([desired('A', '192.0.2.1', adopt), desired('A', '192.0.2.2', adopt)], [], [same, wrong, further]);
    expect(decision.records).toMatchObject([
      { action: 'adopt', value: '192.0.2.1', found: null },
      { action: 'adopt', value: '192.0.2.2', found: '203.0.113.8' },
      { action: 'remove', value: '203.0.113.9' },
    ]);
    expect(decision.steps).toMatchObject([
      { do: 'claim', listed: same, ttl: 300 },
      { do: 'take-away', listed: wrong },
      { do: 'want', record: { value: '192.0.2.2' } },
      { do: 'take-away', listed: further },
    ]);
  });

  it('takes over a CNAME', () => {
    expect(plan([desired('CNAME', 'a.example', { adopt: true })], [], [there('CNAME', 'b.example')]).records).toMatchObject([
      { action: 'adopt', found: 'b.example' },
    ]);
  });

  it('removes nothing of a set that cannot be taken over as a whole', () => {
    const decision = plan([desired('CNAME', 'a.example', { adopt: true })], [], [there('CNAME', 'b.example'), there('TXT', 'x')]);
    expect(decision).toMatchObject({ records: [{ action: 'conflict', found: 'TXT x' }], steps: [] });
  });

  it('takes over of TXT and CAA only what has exactly the declared value', () => {
    for (const type of ['TXT', 'CAA'] as const) {
      const [same, other] = [there(type, 'a'), there(type, 'b')];
      const decision = plan([desired(type, 'a', { adopt: true }), desired(type, 'c', { adopt: true })], [], [same, other]);
      expect(lines(decision)).toEqual([`adopt ${type} a`, `add ${type} c`]);
      expect(decision.steps).toMatchObject([{ do: 'claim', listed: same }, { do: 'want' }]);
    }
  });
});

describe('what is held', () => {
  it('stays as it is, whatever stands there', () => {
    const ours = there('A', '192.0.2.1');
    const held = [{ type: 'A' as const, name: NAME, why: 'No instance is healthy.' }];
    expect(plan([], [row(ours)], [ours, there('A', '203.0.113.9')], held)).toMatchObject({
      records: [{ action: 'held', value: '', found: '192.0.2.1, 203.0.113.9', why: 'No instance is healthy.' }],
      steps: [],
      vanishing: false,
    });
  });
});

describe('a declaration that vanishes', () => {
  const names = ['a', 'b', 'c', 'd'].map((label) => ({ name: `${label}.example.net` }));
  const standing = names.map((name) => there('A', '192.0.2.1', name));
  const rows = standing.map((record) => row(record));

  it('is noticed when more than half of four records would go', () => {
    const declared = (count: number) => names.slice(0, count).map((name) => desired('A', '192.0.2.1', name));
    expect([4, 2, 1, 0].map((count) => plan(declared(count), rows, standing).vanishing)).toEqual([false, false, true, true]);
    expect(plan([], rows.slice(0, 3), standing.slice(0, 3)).vanishing).toBe(false);
  });

  it('is not what instances do that all move to other addresses', () => {
    expect(
      plan(
        names.map((name) => desired('A', '192.0.2.2', name)),
        rows,
        standing,
      ).vanishing,
    ).toBe(false);
  });
});

describe('what is asked of the vendor', () => {
  it('is each type where it is declared, and CNAMEs everywhere', () => {
    expect(questionsOf({ records: [desired('A', 'x'), desired('TXT', 'x', { name: 'b.example.net' })], held: [] }, [])).toEqual([
      { type: 'A', names: [NAME] },
      { type: 'CNAME', names: ['b.example.net', NAME] },
      { type: 'TXT', names: ['b.example.net'] },
    ]);
  });

  it('is every type where a CNAME is to stand alone', () => {
    expect(
      questionsOf({ records: [desired('CNAME', 'x')], held: [] }, [])
        .map(({ type }) => type)
        .toSorted(),
    ).toEqual(['A', 'AAAA', 'CAA', 'CNAME', 'TXT']);
  });
});

describe('any declaration over any zone', () => {
  const type = fc.constantFrom<RecordType>('A', 'AAAA', 'CNAME', 'TXT', 'CAA');
  const name = fc.constantFrom('a.example.net', '*.example.net');
  const value = fc.constantFrom('x', 'y', 'z');
  const wish = fc.record({ type, name, value, ttl: fc.constantFrom(60, 300), adopt: fc.boolean() });
  const standing = fc.record({ type, name, value, ttl: fc.constantFrom(60, 300, null), ours: fc.boolean(), drifted: fc.option(value) });
  const world = fc.record({
    wishes: fc.uniqueArray(wish, { maxLength: 8, selector: recordKey }),
    held: fc.uniqueArray(fc.record({ type, name, why: fc.constant('unknown') }), { maxLength: 2 }),
    zone: fc.uniqueArray(standing, { maxLength: 8, selector: recordKey }),
  });

  it('touches of what is not ours only sets that are adopted, of exactly that name and type', () => {
    fc.assert(
      fc.property(world, ({ wishes, held, zone }) => {
        const listed = zone.map(({ ours: _ours, drifted, ...record }, index) => ({
          ...record,
          value: drifted ?? record.value,
          id: `id-${index}`,
          comment: 'by hand',
        }));
        const rows = zone.flatMap((record, index) => (record.ours ? [row({ ...record, id: `id-${index}`, comment: '' })] : []));
        const { steps } = plan(wishes, rows, listed, held);
        const own = new Set(rows.map(({ recordId }) => recordId));
        for (const step of steps) {
          if (step.do !== 'claim' && step.do !== 'take-away') continue;
          if (own.has(step.listed.id)) continue;
          const asked = wishes.filter((each) => each.type === step.listed.type && each.name === step.listed.name && each.adopt);
          expect(asked.length).toBeGreaterThan(0);
          if (step.listed.type === 'TXT' || step.listed.type === 'CAA') expect(asked.map(recordKey)).toContain(recordKey(step.listed));
        }
        for (const each of held)
          expect(steps.filter((step) => 'record' in step && step.record.type === each.type && step.record.name === each.name)).toEqual([]);
      }),
      { numRuns: 5_000, seed: 20_261_121 },
    );
  });
});
