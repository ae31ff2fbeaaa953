/** Property: whatever text stands in a zone, a change of ours and its clean-up leave every other row as it was. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planHosts } from '../../../shared/namecheap/change-plan.ts';
import { difference, differenceAfterWrite, rowKey, sameTable } from '../../../shared/namecheap/comparison.ts';
import { splitDomain } from '../../../shared/namecheap/domain-name.ts';
import { readHostList } from '../../../shared/namecheap/host-list.ts';
import { EMAIL_TYPES, type HostRow, type HostTable } from '../../../shared/namecheap/host-table.ts';
import { toRecord, toRow } from '../../../shared/namecheap/records.ts';
import { setHostsForm } from '../../../shared/namecheap/set-hosts.ts';
import { hostsReply } from './corpus.ts';
import { Vendor } from './vendor.ts';

const RUNS = { numRuns: 300 };

/** Any text that a vendor could hold: no control characters, no unpaired surrogates. */
const text = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 300 })
  .map((raw) => raw.replaceAll(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u{FFFD}\u{FFFE}\u{FFFF}]/gu, ''))
  .filter((cleaned) => cleaned !== '');
const spicy = fc
  .array(fc.constantFrom('"', "'", '&', '<', '>', '+', '%', '=', ';', ' ', '\\', '&amp;', '%20', '&#65;', 'ü', '日', '🙂', 'a'), {
    minLength: 1,
    maxLength: 40,
  })
  .map((parts) => parts.join(''));
const name = fc.constantFrom('@', 'www', 'WWW', '*', 'a', '_acme-challenge', '_acme-challenge.a', '_dmarc', 'mail', 'x.y');
const ttl = fc.constantFrom(60, 300, 1_799, 1_800, 3_600, 60_000);
const txt = fc.record({ name, type: fc.constant('TXT' as const), address: fc.oneof(text, spicy), mxPref: fc.constant(10), ttl });
const target = fc.record({
  name: fc.constantFrom('c1', 'c2', 'c3'),
  type: fc.constant('CNAME' as const),
  address: fc.domain().map((host) => `${host}.`),
  mxPref: fc.constant(10),
  ttl,
});
const address = fc.record({ name, type: fc.constant('A' as const), address: fc.ipV4(), mxPref: fc.constant(10), ttl });
const mail = fc.record({
  name: fc.constantFrom('@', 'sub'),
  type: fc.constant('MX' as const),
  address: fc.domain().map((host) => `${host}.`),
  mxPref: fc.integer({ min: 0, max: 255 }),
  ttl,
});
const caa = fc.record({
  name,
  type: fc.constant('CAA' as const),
  address: fc.domain().map((host) => `0 issue "${host}; accounturi=https://x/?a=1&b=2"`),
  mxPref: fc.constant(10),
  ttl,
});

const table: fc.Arbitrary<HostTable> = fc
  .record({
    emailType: fc.constantFrom(...EMAIL_TYPES),
    rows: fc.uniqueArray(fc.oneof(txt, target, address, mail, caa), { maxLength: 40, selector: rowKey }),
  })
  .map(({ emailType, rows }) => {
    const aliases = new Set<string>();
    const kept = rows.filter((row) => {
      if (row.type !== 'CNAME') return true;
      return !aliases.has(row.name) && aliases.add(row.name);
    });
    const targets = new Set<string>();
    const without = kept.filter(
      (row) =>
        row.type !== 'MX' ||
        (['MX', 'OX', 'GMAIL'].includes(emailType) && !targets.has(`${row.name} ${row.address}`) && targets.add(`${row.name} ${row.address}`)),
    );
    return { domain: 'example.com', emailType, rows: without };
  });
const ours: fc.Arbitrary<HostRow[]> = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('_acme-challenge', '_acme-challenge.a', '_acme-challenge.new'),
    type: fc.constant('TXT' as const),
    address: fc.string({ unit: fc.constantFrom('a', 'B', '7', '-', '_'), minLength: 43, maxLength: 43 }),
    mxPref: fc.constant(10),
    ttl: fc.constant(60),
  }),
  { minLength: 1, maxLength: 5, selector: rowKey },
);
const withAttributes = ({ emailType, rows }: HostTable) => ({ emailType, rows: rows.map((row) => ({ ...row, attributes: {} })) });

describe('any zone', () => {
  it('is read from XML as it was printed', () => {
    fc.assert(
      fc.property(table, (zone) => {
        expect(readHostList({ status: 200, body: hostsReply(withAttributes(zone)) }, 'example.com').table).toEqual(zone);
      }),
      RUNS,
    );
  });

  it('is encoded into a form that decodes to the same rows', () => {
    fc.assert(
      fc.property(table, (zone) => {
        const form = new URLSearchParams(setHostsForm(zone, splitDomain(zone.domain)).toString());
        const rows = zone.rows.map((_, index) => [
          form.get(`HostName${index + 1}`),
          form.get(`RecordType${index + 1}`),
          form.get(`Address${index + 1}`),
          Number(form.get(`MXPref${index + 1}`)),
          Number(form.get(`TTL${index + 1}`)),
        ]);
        expect(rows).toEqual(zone.rows.map((row) => [row.name, row.type, row.address, row.mxPref, row.ttl]));
        expect(form.get('EmailType')).toBe(zone.emailType);
      }),
      RUNS,
    );
  });

  it('comes back from the vendor as it was, after a change and its clean-up', async () => {
    await fc.assert(
      fc.asyncProperty(table, ours, async (zone, added) => {
        const vendor = new Vendor(withAttributes(zone), {}, { parking: false });
        const before = (await vendor.read()).table;
        const plan = planHosts(before, { add: added, remove: [] });
        await vendor.write(plan.table);
        const between = (await vendor.read()).table;
        expect(differenceAfterWrite(plan.table, between).lines).toEqual([]);
        await vendor.write(planHosts(between, { add: [], remove: plan.added }).table);
        expect(difference(before, (await vendor.read()).table).lines).toEqual([]);
      }),
      RUNS,
    );
  });

  it('keeps others verbatim, whatever is added and removed', () => {
    fc.assert(
      fc.property(table, ours, fc.infiniteStream(fc.boolean()), (zone, added, coin) => {
        const remove = zone.rows.filter((row) => row.type === 'TXT' && coin.next().value);
        const plan = planHosts(zone, { add: added, remove });
        const others = zone.rows.filter((row) => !plan.removed.includes(row));
        expect(plan.table.rows.slice(0, others.length)).toEqual(others);
        expect(plan.table.rows.slice(others.length)).toEqual(plan.added);
        expect(plan.table.emailType).toBe(zone.emailType);
        // Planned again, nothing is left to do.
        expect(planHosts(plan.table, { add: added, remove: plan.removed }).changed).toBe(false);
      }),
      RUNS,
    );
  });

  it('differs from another by exactly what the difference says', () => {
    fc.assert(
      fc.property(table, table, (a, b) => {
        const { added, removed, emailType } = difference(a, b);
        const rest = a.rows.filter((row) => !removed.includes(row));
        expect(sameTable({ ...a, emailType: emailType?.after ?? a.emailType, rows: [...rest, ...added] }, b)).toBe(true);
      }),
      RUNS,
    );
  });

  it('shows its records by full name and takes them back', () => {
    fc.assert(
      fc.property(table, (zone) => {
        for (const row of zone.rows) {
          const record = toRecord(row, zone.domain);
          if (record !== null) expect(rowKey(toRow(record, zone.domain))).toBe(rowKey(row));
        }
      }),
      RUNS,
    );
  });
});
