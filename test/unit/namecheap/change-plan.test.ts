import { describe, expect, it } from 'vitest';
import { planHosts } from '../../../shared/namecheap/change-plan.ts';
import { difference, sameTable } from '../../../shared/namecheap/comparison.ts';
import type { HostRow, HostTable } from '../../../shared/namecheap/host-table.ts';

const row = (name: string, type: HostRow['type'], address: string, ttl = 1_799, mxPref = 10): HostRow => ({ name, type, address, mxPref, ttl });
const challenge = (address: string, name = '_acme-challenge') => row(name, 'TXT', address, 60);
const table = (...rows: HostRow[]): HostTable => ({ domain: 'example.com', emailType: 'MX', rows });
const mail = row('@', 'MX', 'mail.example.com.', 3_600, 1);

describe('a planned change', () => {
  it('changes nothing when what is wanted is there, with any TTL', () => {
    const before = table(mail, row('_ACME-challenge', 'TXT', 'value', 3_600));
    expect(planHosts(before, { add: [challenge('value')], remove: [] })).toEqual({
      table: before,
      changed: false,
      added: [],
      removed: [],
      found: [before.rows[1]],
    });
  });

  it('adds a value once, however often it is wanted', () => {
    expect(planHosts(table(mail), { add: [challenge('value'), challenge('value')], remove: [] }).added).toHaveLength(1);
  });

  it('removes by exact value: case and spaces of a TXT value count', () => {
    const before = table(challenge('value'), challenge('Value'), challenge(' value'), challenge('value', '_acme-challenge.www'));
    expect(planHosts(before, { add: [], remove: [challenge('value')] }).removed).toEqual([before.rows[0]]);
  });

  it('keeps what is wanted and unwanted at once', () => {
    const before = table(mail, challenge('value'));
    expect(planHosts(before, { add: [challenge('value')], remove: [challenge('value')] }).changed).toBe(false);
  });

  it('empties a list only when all of it goes', () => {
    expect(planHosts(table(challenge('value')), { add: [], remove: [challenge('value')] }).table.rows).toEqual([]);
    expect(planHosts(table(), { add: [], remove: [challenge('value')] })).toMatchObject({ changed: false, table: { rows: [] } });
  });

  it.each(['URL', 'URL301', 'FRAME', 'ALIAS'] as const)('adds no address beside %s, which has addresses of its own', (type) => {
    const before = table(row('Www', type, 'target.example.net.'));
    const add = [row('www', 'A', '192.0.2.1')];
    expect(() => planHosts(before, { add, remove: [] })).toThrow(
      expect.objectContaining({ code: 'namecheap_record_refused', details: { name: 'www', type: 'A' } }),
    );
    expect(planHosts(before, { add: [row('other', 'A', '192.0.2.1')], remove: [] }).changed).toBe(true);
    expect(planHosts(before, { add, remove: before.rows }).table.rows).toEqual(add);
  });

  it('lets nothing stand beside a CNAME, unless the CNAME goes', () => {
    const alias = row('_acme-challenge', 'CNAME', 'x.example.net.');
    expect(() => planHosts(table(alias), { add: [challenge('value')], remove: [] })).toThrow(expect.objectContaining({ code: 'namecheap_name_is_alias' }));
    expect(() => planHosts(table(challenge('value')), { add: [alias], remove: [] })).toThrow(expect.objectContaining({ code: 'namecheap_name_is_alias' }));
    expect(planHosts(table(alias), { add: [challenge('value')], remove: [alias] }).table.rows).toEqual([challenge('value')]);
    // Somebody's own collision is theirs, and hinders nothing elsewhere.
    const collision = table(alias, challenge('theirs'));
    expect(planHosts(collision, { add: [challenge('value', '_acme-challenge.www')], remove: [] }).added).toHaveLength(1);
  });

  it.each([
    ['a name of 61 characters', challenge('value', `_acme-challenge.${'a'.repeat(45)}`)],
    ['a value with a line break', challenge('a\nb')],
    ['a value of 2501 characters', row('a', 'TXT', 'x'.repeat(2_501))],
    ['an empty value', challenge('')],
    ['a target of 256 characters', row('a', 'CNAME', 'x'.repeat(256))],
    ['a TTL of 30', row('a', 'TXT', 'x', 30)],
  ])('is refused for %s', (_, added) => {
    expect(() => planHosts(table(mail), { add: [added], remove: [] })).toThrow(expect.objectContaining({ code: 'namecheap_record_refused' }));
  });

  it('takes a name of 60 characters', () => {
    expect(planHosts(table(), { add: [challenge('value', `_acme-challenge.${'a'.repeat(44)}`)], remove: [] }).changed).toBe(true);
  });
});

describe('two lists', () => {
  const pairs: [string, HostRow, HostRow][] = [
    ['case of a name', row('WWW', 'A', '203.0.113.1'), row('www', 'A', '203.0.113.1')],
    ['a trailing dot and case of a target', row('a', 'CNAME', 'X.example.net'), row('a', 'CNAME', 'x.example.net.')],
    ['a trailing dot of a mail server', row('@', 'MX', 'x.example.net'), row('@', 'MX', 'x.example.net.')],
    ['quotes of CAA', row('@', 'CAA', '0 issue ca.example'), row('@', 'CAA', '0 issue "ca.example"')],
    ['the automatic TTL', row('a', 'TXT', 'x', 1_799), row('a', 'TXT', 'x', 1_800)],
    ['the preference of a row that is no MX', row('a', 'TXT', 'x', 60, 0), row('a', 'TXT', 'x', 60, 10)],
    ['the form of an IPv6 address', row('a', 'AAAA', '2001:DB8::0:1'), row('a', 'AAAA', '2001:db8::1')],
  ];
  it.each(pairs)('are the same but for %s', (_, a, b) => {
    expect(sameTable(table(a, mail), table(mail, b))).toBe(true);
  });

  const others: [string, HostRow, HostRow][] = [
    ['case of a TXT value', row('a', 'TXT', 'x'), row('a', 'TXT', 'X')],
    ['a trailing dot of a TXT value', row('a', 'TXT', 'x'), row('a', 'TXT', 'x.')],
    ['two trailing dots', row('a', 'CNAME', 'x.example.net..'), row('a', 'CNAME', 'x.example.net')],
    ['the preference of an MX', row('@', 'MX', 'x.example.net.', 1_799, 1), row('@', 'MX', 'x.example.net.', 1_799, 2)],
    ['TTL', row('a', 'TXT', 'x', 60), row('a', 'TXT', 'x', 61)],
    ['type', row('a', 'URL', 'http://x/'), row('a', 'URL301', 'http://x/')],
    ['spaces', row('a', 'TXT', 'x '), row('a', 'TXT', 'x')],
  ];
  it.each(others)('differ by %s', (_, a, b) => {
    expect(difference(table(a), table(b)).lines).toHaveLength(2);
  });

  it('differ by a row that stands once in one and twice in the other', () => {
    expect(difference(table(mail), table(mail, mail)).added).toEqual([mail]);
  });

  it('differ by mail routing, which stands first', () => {
    const after: HostTable = { ...table(row('www', 'CNAME', 'parkingpage.namecheap.com.', 1_800)), emailType: 'NONE' };
    expect(difference(table(mail), after).lines).toEqual([
      '- EmailType MX',
      '+ EmailType NONE',
      '- @ MX mail.example.com. 1 3600',
      '+ www CNAME parkingpage.namecheap.com. 1800',
    ]);
  });
});
