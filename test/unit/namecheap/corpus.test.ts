/** The record sets of real zones: whatever stands in them is still there after a change of ours and its clean-up. */
import { describe, expect, it } from 'vitest';
import { planHosts } from '../../../shared/namecheap/change-plan.ts';
import { difference, differenceAfterWrite, sameTable } from '../../../shared/namecheap/comparison.ts';
import { splitDomain } from '../../../shared/namecheap/domain-name.ts';
import { readHostList } from '../../../shared/namecheap/host-list.ts';
import type { HostRow } from '../../../shared/namecheap/host-table.ts';
import { setHostsForm } from '../../../shared/namecheap/set-hosts.ts';
import { GET_SRV, readSrvList, sameSrvList } from '../../../shared/namecheap/srv-list.ts';
import { queryForm } from '../../../shared/namecheap/query-form.ts';
import { corpus, hostElement, hostsReply, tableOf } from './corpus.ts';
import { Vendor } from './vendor.ts';

const challenge = (address: string, name = '_acme-challenge'): HostRow => ({ name, type: 'TXT', address, mxPref: 10, ttl: 60 });
const ours = [challenge('value-of-the-apex', '_acme-challenge.matrix'), challenge('value-of-the-wildcard', '_acme-challenge.matrix')];
const parsed = (body: string, domain = 'example.com') => readHostList({ status: 200, body }, domain);

describe('a set of the corpus', () => {
  it.each([
    '01-parking',
    '02-google-workspace',
    '03-private-email-visible',
    '04-private-email-hidden',
    '05-email-forwarding',
    '06-mxe',
    '07-caa',
    '08-redirects',
    '09-wildcard-alias-ns',
    '11-gmail-mode',
    '12-txt-edge-cases',
    '15-concurrent-challenges',
  ])('%s is read as it is, and is the same after a write and its clean-up', async (name) => {
    const set = corpus(name);
    expect(parsed(hostsReply(set)).table).toEqual(tableOf(set));
    const vendor = new Vendor(set);
    const before = (await vendor.read()).table;
    expect(difference(tableOf(set), before).lines).toEqual([]);
    const added = planHosts(before, { add: ours, remove: [] });
    await vendor.write(added.table);
    const between = (await vendor.read()).table;
    expect(differenceAfterWrite(added.table, between).lines).toEqual([]);
    expect(difference(before, between).lines).toEqual(ours.map(({ name: host, address }) => `+ ${host} TXT ${address} 60`));
    await vendor.write(planHosts(between, { add: [], remove: ours }).table);
    const after = (await vendor.read()).table;
    expect(difference(before, after).lines).toEqual([]);
    expect(after.emailType).toBe(set.emailType);
  });

  it('09 already has a CNAME at _acme-challenge: a TXT record is refused there, and only there', () => {
    const table = tableOf(corpus('09-wildcard-alias-ns'));
    expect(() => planHosts(table, { add: [challenge('value')], remove: [] })).toThrow(expect.objectContaining({ code: 'namecheap_name_is_alias' }));
    expect(planHosts(table, { add: ours, remove: [] }).added).toEqual(ours);
  });

  it('10 names one mail server with two preferences: a write keeps one of them, so none is made until the owner has chosen', async () => {
    const set = corpus('10-mail-migration');
    await expect(new Vendor(set).read()).rejects.toThrow(
      expect.objectContaining({ code: 'namecheap_locked', message: expect.stringContaining('another preference'), details: { row: 5, name: '@', type: 'MX' } }),
    );
    const chosen = { ...set, rows: set.rows.filter(({ mxPref }) => mxPref !== 20) };
    const vendor = new Vendor(chosen);
    const before = (await vendor.read()).table;
    await vendor.write(planHosts(before, { add: ours, remove: [] }).table);
    await vendor.write(planHosts((await vendor.read()).table, { add: [], remove: ours }).table);
    expect(difference(before, (await vendor.read()).table).lines).toEqual([]);
  });

  it.each([
    ['13-dynamic-dns', 'home'],
    ['14-disabled-row', 'api'],
  ])('%s is refused with the row that is in the way', (name, host) => {
    expect(() => parsed(hostsReply(corpus(name)))).toThrow(expect.objectContaining({ code: 'namecheap_locked', details: { row: 1, name: host, type: 'A' } }));
  });

  it('15 loses exactly our two values, none of the others at the same name', async () => {
    const vendor = new Vendor(corpus('15-concurrent-challenges'));
    const before = (await vendor.read()).table;
    const plan = planHosts(before, { add: [], remove: [challenge('A-apex-ours'), challenge('B-wild-ours')] });
    await vendor.write(plan.table);
    expect((await vendor.read()).table.rows.map(({ address }) => address).toSorted()).toEqual(['foreign-Traefik', 'stale']);
    expect(planHosts(plan.table, { add: [], remove: [challenge('A-apex-ours')] }).changed).toBe(false);
  });

  it("16 is empty, holds one of ours, and is empty again; parking rows that appear there are the vendor's", async () => {
    const vendor = new Vendor(corpus('16-zero-rows'));
    const before = (await vendor.read()).table;
    expect(before.rows).toEqual([]);
    const added = planHosts(before, { add: ours, remove: [] }).table;
    await vendor.write(added);
    const emptied = planHosts((await vendor.read()).table, { add: [], remove: ours }).table;
    expect(emptied.rows).toEqual([]);
    await vendor.write(emptied);
    const after = (await vendor.read()).table;
    expect(after.rows.map(({ name, type }) => `${name} ${type}`)).toEqual(['www CNAME', '@ URL']);
    expect(differenceAfterWrite(emptied, after).lines).toEqual([]);
    // In a list that was not empty they are somebody's.
    expect(differenceAfterWrite(added, { ...added, rows: [...added.rows, ...after.rows] }).added).toHaveLength(2);
  });

  it('17 is full: nothing is added to 150 rows, one to 149, two are not', () => {
    const full = tableOf(corpus('17-full'));
    const one = { ...full, rows: full.rows.slice(1) };
    expect(parsed(hostsReply(corpus('17-full'))).table).toEqual(full);
    expect(() => planHosts(full, { add: ours.slice(1), remove: [] })).toThrow(
      expect.objectContaining({ code: 'namecheap_zone_full', details: { rows: 150, adding: 1 } }),
    );
    expect(planHosts(one, { add: ours.slice(1), remove: [] }).table.rows).toHaveLength(150);
    expect(() => planHosts(one, { add: ours, remove: [] })).toThrow(expect.objectContaining({ code: 'namecheap_zone_full' }));
    // What goes makes room in the same write.
    expect(planHosts(full, { add: ours.slice(1), remove: full.rows.slice(0, 1) }).table.rows).toHaveLength(150);
  });

  it.each([
    ['example.co.uk', 'example', 'co.uk'],
    ['example.com.au', 'example', 'com.au'],
    ['xn--bcher-kva.example', 'xn--bcher-kva', 'example'],
  ])('18 splits %s at its first dot', async (name, sld, tld) => {
    expect(splitDomain(name)).toEqual({ sld, tld });
    const vendor = new Vendor(corpus('01-parking'), { name });
    expect((await vendor.read()).table.domain).toBe(name);
  });

  it('18 splits a FreeDNS domain as it is written out', async () => {
    const vendor = new Vendor(corpus('04-private-email-hidden'), { name: '1605.carlini.com', sld: '1605.carlini', tld: 'com', dns: 'freedns' });
    const before = (await vendor.read()).table;
    await vendor.write(planHosts(before, { add: ours, remove: [] }).table);
    expect((await vendor.read()).table.rows).toHaveLength(4);
  });

  it('19 has SRV records beside its hosts, the same after a write', async () => {
    const srv = [
      { service: '_sip', protocol: '_tls', priority: 100, weight: 1, port: 443, target: 'sipdir.online.lync.com' },
      { service: '_minecraft', protocol: '_tcp', priority: 0, weight: 5, port: 25_565, target: 'mc.example.com' },
    ];
    const vendor = new Vendor(corpus('04-private-email-hidden'), { srv });
    const read = async () => readSrvList(await vendor.ask(GET_SRV, queryForm(GET_SRV, splitDomain('example.com'))));
    const before = await read();
    expect(before).toEqual(srv);
    await vendor.write(planHosts((await vendor.read()).table, { add: ours, remove: [] }).table);
    expect(sameSrvList(before, await read())).toBe(true);
    vendor.emulator.setSrv('example.com', srv.slice(1));
    expect(sameSrvList(before, await read())).toBe(false);
  });

  it('20 is spelled in another way and is the same list', () => {
    const row = { name: 'www', type: 'CNAME' as const, address: 'example.com.', mxPref: 10, ttl: 1_800, attributes: {} };
    const usual = hostsReply({ emailType: 'NONE', rows: [row] });
    const chaos = usual
      .replace('IsUsingOurDNS="true"', 'IsUsingOurDNS="True"')
      .replace(
        hostElement(row),
        '<Host HostID="12" TTL="1799" IsDDNSEnabled="False" IsActive="True" MXPref="10" Address="example.com" Type="CNAME" Name="WWW"/>',
      )
      .replaceAll('\r\n', '\n');
    expect(chaos).not.toBe(usual);
    expect(sameTable(parsed(chaos).table, parsed(usual).table)).toBe(true);
    // Verbatim all the same: what was read is what a write sends.
    expect(parsed(chaos).table.rows).toEqual([{ name: 'WWW', type: 'CNAME', address: 'example.com', mxPref: 10, ttl: 1_799 }]);
  });
});

describe('the form of a write', () => {
  it('has mail routing, and five members for every row', () => {
    const table = tableOf(corpus('02-google-workspace'));
    const form = setHostsForm(table, splitDomain('example.co.uk'));
    expect([...form].slice(0, 8)).toEqual([
      ['SLD', 'example'],
      ['TLD', 'co.uk'],
      ['EmailType', 'MX'],
      ['HostName1', '@'],
      ['RecordType1', 'MX'],
      ['Address1', 'aspmx.l.google.com.'],
      ['MXPref1', '1'],
      ['TTL1', '3600'],
    ]);
    expect([...form.keys()]).toHaveLength(3 + 5 * table.rows.length);
    // DKIM keys die of a plus sign that is not escaped.
    expect(form.toString()).toContain('%2B');
  });
});
