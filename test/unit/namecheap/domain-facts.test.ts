/** What is read about a domain besides its hosts, and the values of its records. */
import { describe, expect, it } from 'vitest';
import { domainOf } from '../../../shared/namecheap/domain-name.ts';
import { GET_DOMAINS, GET_INFO, GET_NAME_SERVERS, obstacles, readDomainInfo, readDomainList, readNameServers } from '../../../shared/namecheap/domain-info.ts';
import { queryForm } from '../../../shared/namecheap/query-form.ts';
import { relativeName, toRecord, toRow } from '../../../shared/namecheap/records.ts';
import { GET_SRV, readSrvList, sameSrvList } from '../../../shared/namecheap/srv-list.ts';
import type { DomainSpec, NamecheapOptions } from '../../emulators/namecheap/index.ts';
import { corpus, errorReply, reply } from './corpus.ts';
import { Vendor } from './vendor.ts';

const split = { sld: 'example', tld: 'com' };
const vendor = (spec: Partial<DomainSpec> = {}, options: Partial<NamecheapOptions> = {}) => new Vendor(corpus('05-email-forwarding'), spec, options);
const info = async (spec: Partial<DomainSpec>) => readDomainInfo(await vendor(spec).ask(GET_INFO, queryForm(GET_INFO, split)), 'example.com');

describe('the facts of a domain', () => {
  it("hinder nothing when it is the account's own, with the vendor's name servers", async () => {
    const facts = await info({});
    expect(facts).toEqual({
      status: 'OK',
      isOwner: true,
      dnsProvider: 'FREE',
      usesOurDns: true,
      nameServers: ['dns1.registrar-servers.com', 'dns2.registrar-servers.com'],
      lock: null,
      mayEditHosts: true,
      dynamicDns: false,
      emailType: 'FWD',
      hostCount: 2,
    });
    expect(obstacles(facts, 'example.com')).toEqual([]);
  });

  it.each<[string, Partial<DomainSpec>, RegExp]>([
    ['is locked', { locked: true }, /locked at Namecheap: Registrar lock/],
    ['has expired', { expired: true }, /status EXPIRED/],
    ['uses other name servers', { dns: 'custom' }, /does not use the DNS of Namecheap; its name servers are ns1/],
    ['is shared without the right to edit hosts', { shared: 'read-only' }, /may not edit the hosts/],
  ])('say in a sentence that it %s', async (_, spec, sentence) => {
    expect(obstacles(await info(spec), 'example.com')).toEqual(expect.arrayContaining([expect.stringMatching(sentence)]));
  });

  it('let a domain be edited that is shared with the right to do so', async () => {
    const facts = await info({ shared: 'hosts' });
    expect(facts).toMatchObject({ isOwner: false, mayEditHosts: true });
    expect(obstacles(facts, 'example.com')).toEqual([]);
  });

  it('are not taken from the empty result beside an error', async () => {
    const answer = await vendor({ name: 'other.example' }).ask(GET_INFO, queryForm(GET_INFO, split));
    expect(answer.body).toContain('DomainGetInfoResult');
    expect(() => readDomainInfo(answer, 'example.com')).toThrow(expect.objectContaining({ code: 'namecheap_domain_unknown' }));
  });

  it('tell name servers, and the domains of the account', async () => {
    expect(readNameServers(await vendor().ask(GET_NAME_SERVERS, queryForm(GET_NAME_SERVERS, split)), 'example.com').usesOurDns).toBe(true);
    expect(readDomainList(await vendor().ask(GET_DOMAINS, queryForm(GET_DOMAINS, split)))).toEqual([
      { name: 'example.com', usesOurDns: true, expired: false, locked: false },
    ]);
  });

  it('lead from a name to the longest domain that holds it, label by label', () => {
    const domains = ['example.com', 'sub.example.com', 'example.co.uk'];
    expect(domainOf('_acme-challenge.a.sub.example.com', domains)).toBe('sub.example.com');
    expect(domainOf('example.co.uk', domains)).toBe('example.co.uk');
    expect(domainOf('notexample.com', domains)).toBeNull();
  });
});

describe('the list of SRV records', () => {
  const row = { service: '_sip', protocol: '_tls', priority: 100, weight: 1, port: 443, target: 'sip.example.com' };
  const read = (result: string) => readSrvList({ status: 200, body: reply(GET_SRV, [result]) });

  it('is read from child elements and from attributes', () => {
    expect(
      read(
        '<Result><Service>_sip</Service><Protocol>_tls</Protocol><Priority>100</Priority><Port>443</Port><Target>sip.example.com</Target><Weight>1</Weight></Result>',
      ),
    ).toEqual([row]);
    expect(
      read(
        '<DomainDNSGetSrvRecordsResult Domain="example.com"><Srv Service="_sip" Protocol="_tls" Priority="100" Weight="1" Port="443" Target="sip.example.com"/></DomainDNSGetSrvRecordsResult>',
      ),
    ).toEqual([row]);
    expect(read('<DomainDNSGetSrvRecordsResult Domain="example.com" />')).toEqual([]);
  });

  it.each(['<Result><Service>_sip</Service></Result>', '<Result>text</Result>', '<Srv Service="_sip" Priority="x" />'])('is no answer as %s', (result) => {
    expect(read(result)).toBeNull();
  });

  it('is no answer where the vendor does not know the command, and a failure where it does not answer', async () => {
    expect(readSrvList(await vendor({}, { srvCommand: false }).ask(GET_SRV, queryForm(GET_SRV, split)))).toBeNull();
    expect(() => readSrvList({ status: 405, body: '' })).toThrow(expect.objectContaining({ code: 'namecheap_rate_limited' }));
    expect(() => readSrvList({ status: 200, body: errorReply(3_050_900, 'x') })).toThrow(expect.objectContaining({ code: 'namecheap_unavailable' }));
  });

  it('is the same in any order, and whatever no answer is compared with', () => {
    const other = { ...row, port: 444 };
    expect(sameSrvList([row, other], [other, { ...row, target: 'SIP.example.com.' }])).toBe(true);
    expect(sameSrvList([row], [other])).toBe(false);
    expect(sameSrvList(null, [row])).toBe(true);
  });
});

describe('a row as a record', () => {
  it.each([
    [{ name: '@', type: 'A', address: '203.0.113.1' }, 'example.com', '203.0.113.1'],
    [{ name: 'WWW', type: 'CNAME', address: 'Other.Example.net.' }, 'www.example.com', 'other.example.net'],
    [{ name: '*.dev', type: 'AAAA', address: '2001:DB8:0:0:0:0:0:1' }, '*.dev.example.com', '2001:db8::1'],
    [{ name: '@', type: 'CAA', address: '0 issue letsencrypt.org' }, 'example.com', '0 issue "letsencrypt.org"'],
    [{ name: 'a', type: 'TXT', address: ' "as it is" ' }, 'a.example.com', ' "as it is" '],
  ] as const)('%o', (row, name, value) => {
    expect(toRecord({ ...row, mxPref: 10, ttl: 300 }, 'example.com')).toEqual({ type: row.type, name, value, ttl: 300 });
  });

  it.each(['MX', 'NS', 'URL', 'ALIAS', 'FRAME'] as const)('%s is none of ours', (type) => {
    expect(toRecord({ name: '@', type, address: 'x.example.', mxPref: 10, ttl: 300 }, 'example.com')).toBeNull();
  });

  it('is stored as the vendor stores it', () => {
    const record = { name: 'www.example.com', value: 'other.example.net', ttl: 300 };
    expect(toRow({ ...record, type: 'CNAME' }, 'example.com')).toEqual({ name: 'www', type: 'CNAME', address: 'other.example.net.', mxPref: 10, ttl: 300 });
    expect(() => toRow({ ...record, type: 'CAA' }, 'example.com')).toThrow(expect.objectContaining({ code: 'namecheap_record_refused' }));
  });

  it('lies in its domain, label by label', () => {
    expect(relativeName('example.com', 'example.com')).toBe('@');
    expect(() => relativeName('notexample.com', 'example.com')).toThrow(expect.objectContaining({ code: 'namecheap_record_refused' }));
  });
});
