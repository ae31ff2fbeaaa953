/** The Namecheap emulator answers as the vendor was captured, strictly and oddly. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../../shared/clock.ts';
import { DnsWorld } from '../../emulators/dns/index.ts';
import { createLoopbackTls } from '../../emulators/acme/loopback-tls.ts';
import { intoDnsWorld, Namecheap, startNamecheapEmulator, type HostInput, type NamecheapOptions } from '../../emulators/namecheap/index.ts';

const KEY = 'a-key-of-the-account';
const ADDRESS = '203.0.113.7';
const URL_ = 'https://api.namecheap.test/xml.response';
const HOSTS: HostInput[] = [
  { name: '@', type: 'A', address: '203.0.113.9' },
  { name: '@', type: 'MX', address: 'aspmx.l.google.com.', mxPref: 1, ttl: 3_600 },
  { name: '@', type: 'TXT', address: 'v=spf1 & "all"', ttl: 3_600 },
];

let now = 1_800_000_000_000;
let dns: DnsWorld;
let api: Namecheap;

function start(options: Partial<NamecheapOptions> = {}): Namecheap {
  dns = new DnsWorld(() => now);
  dns.addZone({ name: 'example.co.uk', nameservers: ['dns1.registrar-servers.com', 'dns2.registrar-servers.com'], negativeTtl: 3_601 });
  api = new Namecheap({
    accounts: [{ user: 'example', key: KEY, addresses: [ADDRESS] }],
    domains: [{ name: 'example.co.uk', emailType: 'MX', hosts: HOSTS }],
    publisher: intoDnsWorld(dns),
    clock: () => now,
    limits: false,
    ...options,
  });
  return api;
}
beforeEach(() => start());

const form = (command: string, parameters: Record<string, string> = {}) =>
  new URLSearchParams({
    ApiUser: 'example',
    ApiKey: KEY,
    UserName: 'example',
    ClientIp: ADDRESS,
    Command: `namecheap.domains.${command}`,
    ...(command.startsWith('dns.') ? { SLD: 'example', TLD: 'co.uk' } : {}),
    ...parameters,
  });
const post = (body: URLSearchParams) => api.fetch(new Request(URL_, { method: 'POST', body }));
const call = async (command: string, parameters?: Record<string, string>) => (await post(form(command, parameters))).text();
const hostParameters = (hosts: readonly HostInput[]) =>
  Object.fromEntries(
    hosts.flatMap(({ name, type, address, mxPref, ttl }, index): [string, string][] => [
      [`HostName${index + 1}`, name],
      [`RecordType${index + 1}`, type],
      [`Address${index + 1}`, address],
      ...(mxPref === undefined ? [] : [[`MXPref${index + 1}`, String(mxPref)] satisfies [string, string]]),
      ...(ttl === undefined ? [] : [[`TTL${index + 1}`, String(ttl)] satisfies [string, string]]),
    ]),
  );
const set = (hosts: readonly HostInput[], extra: Record<string, string> = { EmailType: 'MX' }) => call('dns.setHosts', { ...extra, ...hostParameters(hosts) });
const errorOf = (text: string) => /<Error Number="(\d+)">(.*?)<\/Error>/.exec(text)?.slice(1) ?? text;
const rows = (domain = 'example.co.uk') => api.hosts(domain).map(({ name, type, address, mxPref, ttl }) => [name, type, address, mxPref, ttl].join(' '));

describe('who may call', () => {
  it.each([
    ['without a user', { ApiUser: '' }, ['1010101', 'Parameter ApiUser is missing']],
    ['without a key', { ApiKey: '' }, ['1010102', 'Parameter ApiKey is missing']],
    ['without an address', { ClientIp: '' }, ['1010105', 'Parameter ClientIp is missing']],
    ['with an IPv6 address', { ClientIp: '2001:db8::1' }, ['1011105', 'Parameter ClientIp is invalid']],
    ['with another key', { ApiKey: 'other' }, ['1011102', 'API Key is invalid or API access has not been enabled']],
    ['from an address that is not listed', { ClientIp: '203.0.113.8' }, ['1011150', 'Invalid request IP: 203.0.113.8']],
    ['in the name of another user', { UserName: 'somebody' }, ['1011103', 'Parameter UserName is invalid']],
    ['for a command that is none', { Command: 'namecheap.domains.dns.setCustom' }, ['1011104', 'Parameter Command is invalid']],
  ])('refuses a call %s, in an envelope of status 200', async (_, parameters, error) => {
    const response = await post(form('dns.getHosts', parameters));
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toContain('<ApiResponse Status="ERROR"');
    expect(text).not.toContain('CommandResponse');
    expect(errorOf(text)).toEqual(error);
  });

  it('looks at where a request comes from, when that is known, not at what it says', async () => {
    api.source = '203.0.113.99';
    expect(errorOf(await call('dns.getHosts'))).toEqual(['1011150', 'Invalid request IP: 203.0.113.99']);
    api.source = ADDRESS;
    expect(await call('dns.getHosts', { ClientIp: '127.0.0.1' })).toContain('Status="OK"');
  });

  it('takes parameters by GET and POST, from query and body together, in any case', async () => {
    const body = form('dns.getHosts');
    body.delete('ClientIp');
    body.append('clientIP', ADDRESS);
    body.delete('ApiKey');
    const mixed = await api.fetch(new Request(`${URL_}?apikey=${KEY}`, { method: 'POST', body }));
    expect(await mixed.text()).toContain('Status="OK"');
    expect(await (await api.fetch(new Request(`${URL_}?${form('dns.getHosts')}`))).text()).toContain('Status="OK"');
  });

  it('logs commands without any key', async () => {
    await call('dns.getHosts');
    await set(HOSTS);
    expect(api.requests.counts()).toEqual({ 'domains.dns.getHosts': 1, 'domains.dns.setHosts': 1 });
    expect(JSON.stringify(api.requests.all())).not.toContain(KEY);
    expect(api.requests.all()[1]).toMatchObject({ domain: 'example.co.uk', user: 'example', hosts: 3, method: 'POST', outcome: 'ok' });
  });
});

describe('limits', () => {
  it.each([
    ['minute', { perMinute: 2 }, MINUTE],
    ['hour', { perHour: 2 }, HOUR],
    ['day', { perDay: 2 }, DAY],
  ])('are bare 405 answers per %s, calls of other tools included, and pass', async (_, limits, windowMs) => {
    start({ limits });
    api.otherCalls('example', 1);
    expect((await post(form('dns.getHosts'))).status).toBe(200);
    const refused = await post(form('dns.getHosts'));
    expect([refused.status, refused.headers.get('content-type')]).toEqual([405, 'text/html; charset=utf-8']);
    now += windowMs;
    expect((await post(form('dns.getHosts'))).status).toBe(200);
  });

  it('may come as an error in an envelope', async () => {
    start({ limits: { perMinute: 1, answer: 'envelope' } });
    await call('dns.getHosts');
    expect(errorOf(await call('dns.getHosts'))).toEqual(['500000', 'Too many requests']);
  });
});

describe('reading', () => {
  it('shows the host list as captured: declaration, CRLF, lower-case <host>, entities, order of type and name', async () => {
    const text = await call('dns.getHosts');
    const [first] = api.hosts('example.co.uk');
    expect(text.split('\r\n').slice(0, 9)).toEqual([
      '<?xml version="1.0" encoding="utf-8"?>',
      '<ApiResponse Status="OK" xmlns="http://api.namecheap.com/xml.response">',
      '  <Errors />',
      '  <Warnings />',
      '  <RequestedCommand>namecheap.domains.dns.gethosts</RequestedCommand>',
      '  <CommandResponse Type="namecheap.domains.dns.getHosts">',
      '    <DomainDNSGetHostsResult Domain="example.co.uk" EmailType="MX" IsUsingOurDNS="true">',
      `      <host HostId="${first?.hostId}" Name="@" Type="A" Address="203.0.113.9" MXPref="10" TTL="1799" AssociatedAppTitle="" FriendlyName="" IsActive="true" IsDDNSEnabled="false" />`,
      expect.stringContaining('Address="aspmx.l.google.com." MXPref="1" TTL="3600"'),
    ]);
    expect(text).toContain('Address="v=spf1 &amp; &quot;all&quot;"');
  });

  it('shows an empty zone as an element that closes itself', async () => {
    api.setHosts('example.co.uk', { emailType: 'NONE', hosts: [] });
    expect(await call('dns.getHosts')).toContain('<DomainDNSGetHostsResult Domain="example.co.uk" EmailType="NONE" IsUsingOurDNS="true" />');
  });

  it('answers a foreign domain with an error beside a zeroed result, as captured', async () => {
    const text = await call('getInfo', { DomainName: 'nobody.example' });
    expect(errorOf(text)).toEqual(['2030166', 'Domain is invalid']);
    expect(text).toContain('<DomainGetInfoResult Status="" ID="0" DomainName="nobody.example"');
    expect(text).toContain('IsUsingOurDNS="false" HostCount="0"');
  });

  it('tells about a domain: owner, rights, name servers, dynamic DNS, another word for no mail', async () => {
    api.setHosts('example.co.uk', { emailType: 'NONE', hosts: [{ name: 'home', type: 'A', address: '198.51.100.7', isDDNSEnabled: true }] });
    const text = await call('getInfo', { DomainName: 'example.co.uk' });
    expect(text).toContain('Status="Ok"');
    expect(text).toContain('IsOwner="true"');
    expect(text).toContain(
      '<DnsDetails ProviderType="FREE" IsUsingOurDNS="true" HostCount="1" EmailType="No Email Service" DynamicDNSStatus="true" IsFailover="false">',
    );
    expect(text).toContain('<Nameserver>dns1.registrar-servers.com</Nameserver>');
    expect(text).toContain('<Modificationrights All="true" />');
  });

  it('lists domains by page, without those that are shared with the account', async () => {
    start({
      publisher: undefined,
      domains: [
        ...Array.from({ length: 12 }, (_, index) => ({ name: `d${String(index).padStart(2, '0')}.example` })),
        { name: 'shared.example', shared: 'hosts' },
      ],
    });
    const page = await call('getList', { PageSize: '10', Page: '2' });
    expect(page.match(/Name="[^"]+"/g)).toEqual(['Name="d10.example"', 'Name="d11.example"']);
    expect(page).toContain('<TotalItems>12</TotalItems>');
    expect(await call('getList', { SearchTerm: 'd03' })).toContain('<TotalItems>1</TotalItems>');
    expect(errorOf(await call('getList', { PageSize: '101' }))[0]).toBe('2011166');
    expect(await call('getInfo', { DomainName: 'shared.example' })).toContain('<Rights Type="hosts">OK</Rights>');
  });

  it('tells whose name servers a domain uses, and refuses hosts of one that uses others', async () => {
    expect(await call('dns.getList')).toContain(
      '<DomainDNSGetListResult Domain="example.co.uk" IsUsingOurDNS="true" IsPremiumDNS="false" IsUsingFreeDNS="false">',
    );
    start({
      publisher: undefined,
      domains: [
        { name: 'example.co.uk', dns: 'custom' },
        { name: 'free.example', dns: 'freedns' },
      ],
    });
    expect(await call('dns.getList')).toContain('IsUsingOurDNS="false"');
    expect(errorOf(await call('dns.getHosts'))[0]).toBe('2030288');
    expect(errorOf(await set(HOSTS))[0]).toBe('2030288');
    expect(errorOf(await call('dns.getList', { SLD: 'free', TLD: 'example' }))).toEqual(['2019166', 'Domain not found']);
  });

  it('knows domains of other accounts, and those cut elsewhere than at the first dot', async () => {
    start({
      publisher: undefined,
      accounts: [
        { user: 'example', key: KEY },
        { user: 'other', key: 'other-key' },
      ],
      domains: [
        { name: 'theirs.example', user: 'other' },
        { name: '1605.carlini.com', sld: '1605.carlini', tld: 'com' },
      ],
    });
    expect(errorOf(await call('dns.getHosts', { SLD: 'theirs', TLD: 'example' }))[0]).toBe('2016166');
    expect(errorOf(await call('dns.getHosts', { SLD: '1605', TLD: 'carlini.com' }))[0]).toBe('2019166');
    expect(await call('dns.getHosts', { SLD: '1605.carlini', TLD: 'com' })).toContain('Domain="1605.carlini.com"');
    expect(errorOf(await call('dns.getHosts', { SLD: '' }))).toEqual(['2010166', 'Parameter SLD is Missing']);
  });

  it('keeps SRV records in a list of their own, which it may not answer for', async () => {
    const srv = [{ service: '_sip', protocol: '_tls', priority: 100, weight: 1, port: 443, target: 'sipdir.online.lync.com' }];
    start({ domains: [{ name: 'example.co.uk', srv }] });
    const text = await call('dns.getSRVRecords');
    expect(text.replaceAll(/\s*\r\n\s*/g, '')).toContain(
      '<Result><Service>_sip</Service><Protocol>_tls</Protocol><Priority>100</Priority><Port>443</Port><Target>sipdir.online.lync.com</Target><Weight>1</Weight></Result>',
    );
    expect(await call('dns.getHosts')).not.toContain('_sip');
    start({ srvCommand: false });
    expect(errorOf(await call('dns.getSRVRecords'))[0]).toBe('1011104');
  });
});

describe('writing', () => {
  it('replaces the whole list: what is not sent is gone', async () => {
    expect(await set([{ name: 'new', type: 'TXT', address: 'a b+c=', ttl: 60 }])).toContain(
      '<DomainDNSSetHostsResult Domain="example.co.uk" EmailType="MX" IsSuccess="true">',
    );
    expect(rows()).toEqual(['new TXT a b+c= 10 60']);
  });

  it('puts rows into its own form', async () => {
    await set([
      { name: 'WWW', type: 'CNAME', address: 'Target.example', mxPref: 77 },
      { name: '@', type: 'MX', address: 'mail.example', mxPref: 20, ttl: 1_800 },
      { name: '@', type: 'CAA', address: '0 issue letsencrypt.org', ttl: 300 },
      { name: 'b', type: 'A', address: '192.0.2.2', mxPref: 5 },
      { name: 'a', type: 'A', address: '192.0.2.1' },
      { name: 'a', type: 'A', address: '192.0.2.1' },
    ]);
    expect(rows()).toEqual([
      'a A 192.0.2.1 10 1799',
      'b A 192.0.2.2 10 1799',
      '@ CAA 0 issue "letsencrypt.org" 10 300',
      'WWW CNAME Target.example. 10 1799',
      '@ MX mail.example. 20 1800',
    ]);
    start({ defaultTtlReads: 1_799 });
    await set([{ name: 'a', type: 'A', address: '192.0.2.1', ttl: 1_800 }]);
    expect(rows()).toEqual(['a A 192.0.2.1 10 1799']);
  });

  it('keeps two values of one name, and one of two MX rows with the same target', async () => {
    await set([
      { name: '_acme-challenge', type: 'TXT', address: 'one' },
      { name: '_acme-challenge', type: 'TXT', address: 'two' },
      { name: '@', type: 'MX', address: 'mx.zoho.com.', mxPref: 10 },
      { name: '@', type: 'MX', address: 'mx.zoho.com', mxPref: 20 },
    ]);
    expect(rows()).toEqual(['@ MX mx.zoho.com. 10 1799', '_acme-challenge TXT one 10 1799', '_acme-challenge TXT two 10 1799']);
  });

  it.each(['NONE', 'FWD', 'MXE'])('drops MX rows in silence while mail is routed by %s', async (EmailType) => {
    expect(await set(HOSTS, { EmailType })).toContain('IsSuccess="true"');
    expect(api.hosts('example.co.uk').map(({ type }) => type)).toEqual(['A', 'TXT']);
    expect(api.emailType('example.co.uk')).toBe(EmailType);
  });

  it.each(['OX', 'GMAIL'])('keeps the MX rows that %s shows', async (EmailType) => {
    await set(HOSTS, { EmailType });
    expect(api.hosts('example.co.uk')).toHaveLength(3);
  });

  it('switches mail off when the routing is left out, or keeps it, as reports differ', async () => {
    await set(HOSTS, {});
    expect([api.emailType('example.co.uk'), api.hosts('example.co.uk').length]).toEqual(['NONE', 2]);
    start({ omittedEmailType: 'kept' });
    await set(HOSTS, {});
    expect([api.emailType('example.co.uk'), api.hosts('example.co.uk').length]).toEqual(['MX', 3]);
  });

  it('turns dynamic records into plain ones, switches disabled ones on, and forgets labels', async () => {
    api.setHosts('example.co.uk', {
      hosts: [
        { name: 'home', type: 'A', address: '198.51.100.7', isDDNSEnabled: true, friendlyName: 'Home' },
        { name: 'off', type: 'A', address: '198.51.100.8', isActive: false },
      ],
    });
    await set(api.hosts('example.co.uk'));
    expect(api.hosts('example.co.uk')).toMatchObject([
      { name: 'home', isDDNSEnabled: false, friendlyName: '' },
      { name: 'off', isActive: true },
    ]);
  });

  it('parks a zone whose list became empty', async () => {
    await set([], { EmailType: 'NONE' });
    expect(rows()).toEqual(['www CNAME parkingpage.namecheap.com. 10 1800', '@ URL http://www.example.co.uk/ 10 1800']);
    start({ parking: false });
    await set([], { EmailType: 'NONE' });
    expect(rows()).toEqual([]);
  });

  it('leaves the SRV list alone, or clears it, as reports differ', async () => {
    const domains = [{ name: 'example.co.uk', srv: [{ service: '_a', protocol: '_tcp', priority: 1, weight: 1, port: 1, target: 't.example' }] }];
    start({ domains });
    await set(HOSTS);
    expect(api.srv('example.co.uk')).toHaveLength(1);
    start({ domains, srvAfterWrite: 'cleared' });
    await set(HOSTS);
    expect(api.srv('example.co.uk')).toEqual([]);
  });

  it.each<[string, HostInput, string]>([
    ['an unknown type', { name: 'x', type: 'SRV', address: '1 1 1 x.example.' }, 'Record type SRV is not supported.'],
    ['an empty value', { name: 'x', type: 'TXT', address: '' }, 'TXT record for host "x" has incorrect value.'],
    ['a TXT value of 2501 characters', { name: 'x', type: 'TXT', address: 'x'.repeat(2_501) }, 'TXT record for host "x" has incorrect value.'],
    ['a host name of 61 characters', { name: 'x'.repeat(61), type: 'TXT', address: 'v' }, `TXT record for host "${'x'.repeat(61)}" has incorrect host name.`],
    ['an asterisk within a name', { name: 'a.*', type: 'TXT', address: 'v' }, 'TXT record for host "a.*" has incorrect host name.'],
    ['a name as an address', { name: 'x', type: 'A', address: 'localhost' }, 'A record for host "x" has incorrect value.'],
    ['a null MX', { name: '@', type: 'MX', address: '.' }, 'MX record for host "@" has incorrect value.'],
    ['a TTL below 60', { name: 'x', type: 'TXT', address: 'v', ttl: 59 }, 'TXT record for host "x" has incorrect TTL.'],
    ['a preference above 255', { name: 'x', type: 'TXT', address: 'v', mxPref: 256 }, 'TXT record for host "x" has incorrect MX preference.'],
    ['a CAA value that came out of XML half decoded', { name: '@', type: 'CAA', address: '0 issue "x' }, 'CAA record with tag "issue" has incorrect value.'],
    [
      'a second record beside a CNAME',
      { name: 'alias', type: 'TXT', address: 'v' },
      'TXT record for host "alias" conflicts with a CNAME record of the same host.',
    ],
  ])('refuses %s, with a zeroed result, and stores nothing of the write', async (_, host, message) => {
    const before = rows();
    const text = await set([{ name: 'alias', type: 'CNAME', address: 'elsewhere.example.' }, host]);
    expect(errorOf(text)).toEqual(['2050900', message.replaceAll('"', '&quot;')]);
    expect(text).toContain('<DomainDNSSetHostsResult Domain="example.co.uk" EmailType="" IsSuccess="false">');
    expect(rows()).toEqual(before);
  });

  it('takes 150 rows and no more', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `h${index}`, type: 'A', address: '192.0.2.1' }));
    expect(await set(many(150))).toContain('IsSuccess="true"');
    expect(errorOf(await set(many(151)))).toEqual(['4013288', 'Too many records']);
    expect(api.hosts('example.co.uk')).toHaveLength(150);
  });

  it('answers 404 to more than ten hosts by GET', async () => {
    const many = (count: number) => hostParameters(Array.from({ length: count }, (_, index) => ({ name: `h${index}`, type: 'A', address: '192.0.2.1' })));
    const get = async (count: number) => (await api.fetch(new Request(`${URL_}?${form('dns.setHosts', { EmailType: 'NONE', ...many(count) })}`))).status;
    expect([await get(11), api.hosts('example.co.uk').length]).toEqual([404, 3]);
    expect([await get(10), api.hosts('example.co.uk').length]).toEqual([200, 10]);
  });

  it('refuses a locked domain and one that is shared without the right to edit hosts', async () => {
    api.domain('example.co.uk').locked = true;
    expect(errorOf(await set(HOSTS))[0]).toBe('2030166');
    start({ domains: [{ name: 'example.co.uk', shared: 'read-only' }] });
    expect(errorOf(await set(HOSTS))[0]).toBe('2030166');
  });
});

describe('faults', () => {
  const txt = [{ name: 'x', type: 'TXT', address: 'v' }];
  const present = () => api.hosts('example.co.uk').some(({ name }) => name === 'x');

  it('loses requests and replies, before and after their effect', async () => {
    api.faults.next({ kind: 'request-lost' });
    await expect(set(txt)).rejects.toThrow('fetch failed');
    expect(present()).toBe(false);
    api.faults.next({ kind: 'reply-lost' });
    await expect(set(txt)).rejects.toThrow('fetch failed');
    expect(present()).toBe(true);
  });

  it('lets a request travel and take effect later', async () => {
    api.faults.next({ kind: 'delayed', delayMs: 20 * SECOND, command: 'setHosts' });
    await call('dns.getHosts');
    await expect(set(txt)).rejects.toThrow('fetch failed');
    expect([present(), api.lastArrival]).toEqual([false, now + 20 * SECOND]);
    now += 20 * SECOND;
    expect([present(), api.lastArrival]).toEqual([true, null]);
  });

  it('answers over its limit before or after the effect', async () => {
    api.faults.next({ kind: 'limited' });
    expect([(await post(form('dns.setHosts', { EmailType: 'MX', ...hostParameters(txt) }))).status, present()]).toEqual([405, false]);
    api.faults.next({ kind: 'limited', answer: 'envelope', effect: true });
    expect([errorOf(await set(txt))[0], present()]).toEqual(['500000', true]);
  });

  it('sends pages, half documents and refusals without a reason', async () => {
    api.faults.next({ kind: 'html' });
    expect(await call('dns.getHosts')).toContain('<html>');
    api.faults.next({ kind: 'truncated' });
    const half = await call('dns.getHosts');
    expect([half.includes('<ApiResponse'), half.includes('</ApiResponse>')]).toEqual([true, false]);
    api.faults.next({ kind: 'not-success' });
    expect([(await set(txt)).includes('IsSuccess="false"'), present()]).toEqual([true, false]);
    api.faults.next({ kind: 'error', number: 3_050_900, text: 'Unknown error from Enom' });
    expect(errorOf(await call('dns.getHosts'))).toEqual(['3050900', 'Unknown error from Enom']);
  });

  it('shows the state before the last change once', async () => {
    await set(txt);
    api.faults.next({ kind: 'stale' });
    expect(await call('dns.getHosts')).not.toContain('Name="x"');
    expect(await call('dns.getHosts')).toContain('Name="x"');
  });

  it.each([
    ['error-in-ok', /Status="OK"[\s\S]*<Error /],
    ['other-domain', /Domain="other\.example"/],
    ['email-type-missing', /GetHostsResult Domain="example\.co\.uk" IsUsingOurDNS/],
    ['email-type-empty', /EmailType=""/],
    ['email-type-unknown', /EmailType="NEW"/],
    ['not-our-dns', /IsUsingOurDNS="false"/],
    ['unknown-attribute', /IsDDNSEnabled="false" Locked="true"/],
    ['unknown-type', /Type="HTTPS"/],
    ['bad-preference', /MXPref="abc"/],
    ['two-results', /<\/DomainDNSGetHostsResult>[\s\S]*<\/DomainDNSGetHostsResult>/],
    ['collapsed', /<DomainDNSGetHostsResult [^>]*\/>/],
  ] as const)('garbles a reply: %s', async (how, pattern) => {
    api.faults.next({ kind: 'garbled', how });
    expect(await call('dns.getHosts')).toMatch(pattern);
    expect(await call('dns.getHosts')).not.toMatch(pattern);
  });

  it('lets a stranger edit between any two requests', async () => {
    api.before = ({ command }) => {
      if (command === 'domains.dns.setHosts')
        api.setHosts('example.co.uk', { hosts: [...api.hosts('example.co.uk'), { name: 'theirs', type: 'A', address: '192.0.2.9' }] });
    };
    const changes: string[] = [];
    api.onChange = ({ by, after }) => changes.push(`${by} ${after.hosts.length}`);
    await set(HOSTS);
    expect(changes).toEqual(['stranger 4', 'api 3']);
  });
});

describe('what DNS says', () => {
  const said = () =>
    dns
      .snapshot('example.co.uk')
      .map((record) => `${record.name} ${record.type} ${typeof record.data === 'string' ? record.data : JSON.stringify(record.data)}`);

  it('publishes full names, wildcards, name servers, mail and services', async () => {
    start({
      domains: [
        {
          name: 'example.co.uk',
          emailType: 'MX',
          hosts: [
            ...HOSTS,
            { name: '*.dev', type: 'A', address: '192.0.2.5' },
            { name: '@', type: 'CAA', address: '0 issue "ca.example"' },
            { name: 'off', type: 'A', address: '192.0.2.6', isActive: false },
          ],
          srv: [{ service: '_sip', protocol: '_tls', priority: 100, weight: 1, port: 443, target: 'sip.example' }],
        },
      ],
    });
    expect(said().toSorted()).toEqual([
      '*.dev.example.co.uk A 192.0.2.5',
      '_sip._tls.example.co.uk SRV {"priority":100,"weight":1,"port":443,"target":"sip.example"}',
      'example.co.uk A 203.0.113.9',
      'example.co.uk CAA {"flags":0,"tag":"issue","value":"ca.example"}',
      'example.co.uk MX {"preference":1,"exchange":"aspmx.l.google.com"}',
      'example.co.uk NS dns1.registrar-servers.com',
      'example.co.uk NS dns2.registrar-servers.com',
      'example.co.uk TXT ["v=spf1 & \\"all\\""]',
    ]);
    expect(dns.viewForResolvers('example.co.uk').soa.data).toMatchObject({ mname: 'dns1.registrar-servers.com', minimum: 3_601 });
  });

  it('follows writes and edits', async () => {
    await set([...HOSTS, { name: '_acme-challenge', type: 'TXT', address: 'proof' }]);
    expect(said()).toContain('_acme-challenge.example.co.uk TXT ["proof"]');
    api.setHosts('example.co.uk', { hosts: HOSTS });
    expect(said()).not.toContain('_acme-challenge.example.co.uk TXT ["proof"]');
  });
});

describe('on the loopback', () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((emulator) => emulator.close()));
  });
  const options = { accounts: [{ user: 'example', key: KEY }], domains: [{ name: 'example.co.uk', hosts: HOSTS }] };

  it('answers over HTTP and cuts the connection where a reply is lost', async () => {
    const emulator = await startNamecheapEmulator(options);
    open.push(emulator);
    const send = () => fetch(emulator.url, { method: 'POST', body: form('dns.getHosts') });
    expect(await (await send()).text()).toContain('Status="OK"');
    expect((await fetch(emulator.url.replace('xml.response', 'other'))).status).toBe(404);
    emulator.faults.next({ kind: 'reply-lost' });
    await expect(send()).rejects.toThrow('fetch failed');
    emulator.faults.next({ kind: 'silent', effect: false });
    await expect(fetch(emulator.url, { method: 'POST', body: form('dns.getHosts'), signal: AbortSignal.timeout(50) })).rejects.toThrow('timeout');
  });

  it('answers over HTTPS with the certificate it is given', async () => {
    const emulator = await startNamecheapEmulator({ ...options, tls: await createLoopbackTls() });
    open.push(emulator);
    expect(emulator.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/xml\.response$/);
    await expect(fetch(emulator.url)).rejects.toThrow('fetch failed');
  });
});
