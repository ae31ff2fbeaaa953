/** The relay's routes to Namecheap: what its law lets through, what it reads before it writes, and where the key never is. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LawDocument } from '../../../infra/relay/law.ts';
import { parseLaw } from '../../../infra/relay/law.ts';
import type { NamecheapAccount } from '../../../infra/relay/namecheap/account.ts';
import { createNamecheap } from '../../../infra/relay/namecheap/namecheap.ts';
import { OwnAddress } from '../../../infra/relay/namecheap/own-address.ts';
import { VendorFetch } from '../../../infra/relay/namecheap/vendor-fetch.ts';
import { MINUTE } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { planHosts } from '../../../shared/namecheap/change-plan.ts';
import { GET_HOSTS, readHostList } from '../../../shared/namecheap/host-list.ts';
import type { HostRow, HostTable } from '../../../shared/namecheap/host-table.ts';
import { readSetHosts } from '../../../shared/namecheap/set-hosts.ts';
import { type NamecheapReply, namecheapAccountResponse, namecheapReplySchema, NAMECHEAP_QUERIES } from '../../../shared/relay/contract.ts';
import { type NamecheapEmulator, startNamecheapEmulator } from '../../emulators/namecheap/index.ts';
import { createLoopbackTls } from '../../emulators/acme/loopback-tls.ts';
import { startCluster, type Cluster } from './support/cluster.ts';

const KEY = '7c9e6679f0c34a1db3e18d5b2a40c2f1';
const ADDRESS = '203.0.113.7';
const VARIABLE = 'nomad/jobs/relay/namecheap';
const challenge = (address: string): HostRow => ({ name: '_acme-challenge', type: 'TXT', address, mxPref: 10, ttl: 60 });
const mail: HostRow = { name: '@', type: 'MX', address: 'mail.example.co.uk.', mxPref: 1, ttl: 3_600 };

let vendor: NamecheapEmulator;
let cluster: Cluster;
/** Everything that the relay answered. */
let answers: unknown[];

beforeEach(async () => {
  vendor = await startNamecheapEmulator({
    accounts: [{ user: 'example', key: KEY, addresses: [ADDRESS] }],
    domains: [
      { name: 'example.co.uk', emailType: 'MX', hosts: [mail, { name: 'www', type: 'A', address: '203.0.113.80' }] },
      { name: 'example.org', emailType: 'NONE', hosts: [] },
      { name: 'secret.example', emailType: 'NONE', hosts: [] },
    ],
  });
  cluster = await withAccount({});
  answers = [];
});
afterEach(async () => {
  // The key is in the Nomad variable and in the vendor's hands, and nowhere else.
  expect(JSON.stringify([answers, cluster.lines, cluster.document])).not.toContain(KEY);
  await cluster.stop();
  await vendor.close();
});

async function withAccount(change: Partial<NonNullable<LawDocument['namecheap']>[number]>): Promise<Cluster> {
  const account = {
    account: 'example',
    key: { variable: VARIABLE },
    domains: ['example.co.uk', 'example.org'],
    endpoint: vendor.url,
    address: ADDRESS,
    ...change,
  };
  const started = await startCluster({ law: { namecheap: [account] } });
  started.nomad.variables.put('default', VARIABLE, { key: `${KEY}\n` }, undefined);
  return started;
}

async function replaceAccount(change: Parameters<typeof withAccount>[0]): Promise<void> {
  await cluster.stop();
  cluster = await withAccount(change);
}

async function call(method: string, path: string, data: unknown, claims = {}) {
  const answer = await cluster.edge.call(method, path, data, { claims });
  answers.push(answer);
  return answer;
}

const query = (domain: string, command: string = GET_HOSTS, account = 'example') => call('POST', '/v1/namecheap/query', { account, command, domain });
const write = (expected: HostTable, table: HostTable, claims = {}) =>
  call('PUT', '/v1/namecheap/hosts', { account: 'example', expect: expected, write: table }, claims);
const replyIn = ({ body }: { body: unknown }): NamecheapReply => namecheapReplySchema.parse(body);
const hosts = async (domain = 'example.co.uk') => readHostList(replyIn(await query(domain)), domain).table;
const addingChallenge = (before: HostTable, value = 'value-of-ours') => planHosts(before, { add: [challenge(value)], remove: [] }).table;
const commands = () => vendor.requests.all().map(({ command }) => command.split('.').at(-1)?.toLowerCase());

describe('an account', () => {
  it('shows its domains, what may be changed, and the address that is to be listed', async () => {
    expect(namecheapAccountResponse.parse((await call('GET', '/v1/namecheap/example', undefined)).body)).toEqual({
      account: 'example',
      domains: ['example.co.uk', 'example.org'],
      changes: 'challenges',
      address: ADDRESS,
    });
    expect(vendor.requests.all()).toEqual([]);
  });

  it('that the law does not list is refused', async () => {
    expect(await call('GET', '/v1/namecheap/other', undefined)).toMatchObject({ status: 403, error: { code: 'namecheap_account_not_allowed' } });
    expect(await query('example.co.uk', GET_HOSTS, 'other')).toMatchObject({ status: 403, error: { code: 'namecheap_account_not_allowed' } });
  });
});

describe('a question', () => {
  it.each(NAMECHEAP_QUERIES)('%s comes back as the vendor answered it, with the address it was told', async (command) => {
    const answer = replyIn(await query('example.co.uk', command));
    expect(answer).toMatchObject({ status: 200, address: ADDRESS });
    expect(answer.body).toContain(`Type="${command}"`);
  });

  it('names no other domain of the account', async () => {
    const list = replyIn(await query('example.co.uk', 'namecheap.domains.getList')).body;
    expect(list).toContain('example.co.uk');
    expect(list).not.toContain('secret.example');
  });

  it.each(['secret.example', 'www.example.co.uk', 'co.uk.example', 'xample.co.uk'])('about %s is refused: the law does not list it', async (domain) => {
    expect(await query(domain)).toMatchObject({ status: 403, error: { code: 'namecheap_domain_not_allowed' } });
    expect(vendor.requests.all()).toEqual([]);
  });

  it.each(['namecheap.domains.dns.setHosts', 'namecheap.domains.create', 'namecheap.domains.dns.setCustom', 'namecheap.users.getBalances'])(
    'by %s is refused: the contract does not know it',
    async (command) => {
      expect(await query('example.co.uk', command)).toMatchObject({ status: 400, error: { code: 'request_malformed' } });
      expect(vendor.requests.all()).toEqual([]);
    },
  );

  it('goes out as a POST whose URL holds nothing', async () => {
    const urls: string[] = [];
    await rawAccount({ fetch: async (request) => (urls.push(`${request.method} ${request.url}`), new Response('<x/>')) }).query(
      { account: 'example', command: GET_HOSTS, domain: 'example.co.uk' },
      AbortSignal.timeout(1_000),
    );
    expect(urls).toEqual([`POST ${vendor.url}`]);
  });

  it('about a domain that is cut elsewhere is asked as the law cuts it', async () => {
    const forms: string[] = [];
    const domains = [{ sld: '1605.carlini', tld: 'com' }];
    await rawAccount({ fetch: async (request) => (forms.push(await request.text()), new Response('<x/>')) }, { domains }).query(
      { account: 'example', command: GET_HOSTS, domain: '1605.carlini.com' },
      AbortSignal.timeout(1_000),
    );
    expect(forms[0]).toContain('SLD=1605.carlini&TLD=com');
  });

  it('comes back with 405 as it is, for the caller to wait', async () => {
    vendor.faults.next({ kind: 'limited' });
    expect(replyIn(await query('example.co.uk'))).toMatchObject({ status: 405 });
  });

  it.each(['request-lost', 'reply-lost'] as const)('without an answer (%s) is retryable', async (kind) => {
    vendor.faults.next({ kind });
    expect((await query('example.co.uk')).error).toMatchObject({ code: 'egress_failed', retryable: true });
  });
});

describe('a write', () => {
  it('reads, writes what was planned, and nothing else is different afterwards', async () => {
    const before = await hosts();
    const reply = replyIn(await write(before, addingChallenge(before)));
    expect(() => readSetHosts(reply, 'example.co.uk')).not.toThrow();
    expect(commands()).toEqual(['gethosts', 'gethosts', 'sethosts']);
    expect(
      vendor
        .hosts('example.co.uk')
        .map(({ name, type }) => `${name} ${type}`)
        .toSorted(),
    ).toEqual(['@ MX', '_acme-challenge TXT', 'www A']);
    expect(vendor.emailType('example.co.uk')).toBe('MX');
  });

  it('is not sent when the hosts are not those that were expected', async () => {
    const before = await hosts();
    vendor.setHosts('example.co.uk', { hosts: [...vendor.hosts('example.co.uk'), { name: 'new', type: 'A', address: '203.0.113.81' }] });
    const answer = await write(before, addingChallenge(before));
    expect(answer).toMatchObject({ status: 409, error: { code: 'namecheap_changed', retryable: true, details: { added: 1, removed: 0 } } });
    expect(commands()).toEqual(['gethosts', 'gethosts']);
  });

  it('is not sent when mail routing is another by now', async () => {
    const before = await hosts('example.org');
    vendor.setHosts('example.org', { emailType: 'FWD', hosts: [] });
    expect((await write(before, addingChallenge(before))).error).toMatchObject({ code: 'namecheap_changed', details: { emailType: true } });
    expect(commands()).not.toContain('sethosts');
  });

  const changes: [string, (before: HostTable) => HostTable][] = [
    ['a row of somebody else is missing', (before) => ({ ...before, rows: before.rows.slice(1) })],
    ['every row is missing', (before) => ({ ...before, rows: [] })],
    ['a row of somebody else is another', (before) => ({ ...before, rows: before.rows.map((row) => ({ ...row, ttl: 60 })) })],
    ['a row is new that is no challenge', (before) => ({ ...before, rows: [...before.rows, { ...challenge('x'), name: 'www2' }] })],
    ["an address is at the challenge's name", (before) => ({ ...before, rows: [...before.rows, { ...challenge('203.0.113.1'), type: 'A' }] })],
    ['a name only ends like a challenge', (before) => ({ ...before, rows: [...before.rows, { ...challenge('x'), name: 'www._acme-challenge' }] })],
    ['a name only begins like a challenge', (before) => ({ ...before, rows: [...before.rows, { ...challenge('x'), name: '_acme-challenge2' }] })],
    ['mail routing is another', (before) => ({ ...before, emailType: 'NONE' })],
    ['the domain is another', (before) => ({ ...before, domain: 'example.org' })],
  ];
  it.each(changes)('is refused by the law when %s, before anything is asked', async (_, change) => {
    const before = await hosts();
    expect(await write(before, change(before))).toMatchObject({ status: 403, error: { code: 'namecheap_change_not_allowed' } });
    expect(commands()).toEqual(['gethosts']);
  });

  it.each(changes.slice(0, -1))('may be made when the law allows any change: %s', async (_, change) => {
    await replaceAccount({ changes: 'any' });
    const before = await hosts();
    expect(replyIn(await write(before, change(before))).body).toContain('IsSuccess="true"');
  });

  it('to a domain that the law does not list is refused', async () => {
    const table: HostTable = { domain: 'secret.example', emailType: 'NONE', rows: [] };
    expect(await write(table, { ...table, rows: [challenge('x')] })).toMatchObject({ status: 403, error: { code: 'namecheap_domain_not_allowed' } });
    expect(vendor.requests.all()).toEqual([]);
  });

  it('of a value that would not survive is refused', async () => {
    const before = await hosts();
    expect(await write(before, { ...before, rows: [...before.rows, challenge('a\nb')] })).toMatchObject({
      status: 422,
      error: { code: 'namecheap_record_refused' },
    });
    expect(commands()).toEqual(['gethosts']);
  });

  it.each([
    ['a web page', { kind: 'html' }, 'namecheap_unavailable'],
    ['a page with status 503', { kind: 'html', status: 503 }, 'namecheap_unavailable'],
    ['half of the reply', { kind: 'truncated' }, 'namecheap_unavailable'],
    ['the limit', { kind: 'limited' }, 'namecheap_rate_limited'],
    ['the limit in an envelope', { kind: 'limited', answer: 'envelope' }, 'namecheap_rate_limited'],
    ['a row with an unknown attribute', { kind: 'garbled', how: 'unknown-attribute' }, 'namecheap_unreadable'],
    ['no EmailType', { kind: 'garbled', how: 'email-type-missing' }, 'namecheap_unreadable'],
    ['no rows', { kind: 'garbled', how: 'collapsed' }, 'namecheap_changed'],
    ['a failing back end', { kind: 'error', number: 3_050_900, text: 'Unknown error' }, 'namecheap_unavailable'],
    ['no answer', { kind: 'request-lost' }, 'egress_failed'],
  ] as const)('is not sent when the read before it brings %s', async (_, fault, code) => {
    const before = await hosts();
    vendor.faults.next(fault);
    expect((await write(before, addingChallenge(before))).error).toMatchObject({
      code,
      retryable: code !== 'namecheap_unreadable',
    });
    expect(commands()).toEqual(['gethosts', 'gethosts']);
  });

  it.each([
    ['the connection broke before the effect', { kind: 'request-lost' }],
    ['the reply got lost after the effect', { kind: 'reply-lost' }],
    ['it is still travelling', { kind: 'delayed', delayMs: 5_000 }],
  ] as const)('is in doubt when %s, and is sent once', async (_, fault) => {
    const before = await hosts();
    vendor.faults.next({ ...fault, command: 'setHosts' });
    expect(await write(before, addingChallenge(before))).toMatchObject({ status: 504, error: { code: 'namecheap_in_doubt', retryable: false } });
    expect(commands()).toEqual(['gethosts', 'gethosts', 'sethosts']);
  });

  it('is in doubt when the deadline passes after it was sent', async () => {
    const before = await hosts();
    vendor.faults.next({ kind: 'silent', effect: true, command: 'setHosts' });
    expect((await write(before, addingChallenge(before), { deadline: Date.now() + 400 })).error).toMatchObject({ code: 'namecheap_in_doubt' });
    expect(vendor.hosts('example.co.uk')).toHaveLength(3);
  });

  it('is not sent when the deadline passes during the read', async () => {
    const before = await hosts();
    vendor.faults.next({ kind: 'silent', effect: false });
    expect((await write(before, addingChallenge(before), { deadline: Date.now() + 300 })).error).toMatchObject({ code: 'relay_deadline', retryable: true });
    expect(commands()).not.toContain('sethosts');
  });

  it.each([
    ['405 before the effect', { kind: 'limited' }],
    ['405 after the effect', { kind: 'limited', effect: true }],
    ['IsSuccess="false"', { kind: 'not-success' }],
    ['a web page', { kind: 'html' }],
    ['half of the reply', { kind: 'truncated' }],
  ] as const)('answered with %s comes back unread, and is sent once', async (_, fault) => {
    const before = await hosts();
    vendor.faults.next({ ...fault, command: 'setHosts' });
    const reply = replyIn(await write(before, addingChallenge(before)));
    expect(() => readSetHosts(reply, 'example.co.uk')).toThrow(PerennialError);
    expect(commands()).toEqual(['gethosts', 'gethosts', 'sethosts']);
  });
});

describe('the key', () => {
  it('is read for every call: a new one needs no restart', async () => {
    vendor.accounts.put({ user: 'example', key: 'another-key-of-the-account', addresses: [ADDRESS] });
    expect(replyIn(await query('example.co.uk')).body).toContain('Number="1011102"');
    cluster.nomad.variables.put('default', VARIABLE, { key: 'another-key-of-the-account' }, undefined);
    expect((await hosts()).rows).toHaveLength(2);
  });

  it.each([
    ['is not there', {}],
    ['is empty', { key: '' }],
    ['is no key', { key: 'two words' }],
  ])('that %s is asked for, with the command that puts it there', async (_, items) => {
    cluster.nomad.variables.put('default', VARIABLE, { other: 'item', ...items }, undefined);
    const { error } = await query('example.co.uk');
    expect(error).toMatchObject({ code: 'namecheap_key_missing', message: expect.stringContaining(`item key of the variable ${VARIABLE}`) });
    expect(error?.hint).toContain(`nomad var put -namespace default ${VARIABLE} key=@`);
  });

  it('can be read by the relay and not be written, under the shipped policy', async () => {
    const token = cluster.nomad.identities.issueWorkload({ namespace: 'default', jobId: 'relay', group: 'relay', task: 'relay' });
    const ask = async (method: string, body?: string) =>
      (await fetch(`${cluster.nomad.address}/v1/var/${VARIABLE}`, { method, headers: { 'x-nomad-token': token }, ...(body === undefined ? {} : { body }) }))
        .status;
    expect(await ask('GET')).toBe(200);
    expect(await ask('PUT', JSON.stringify({ Items: { key: 'x' } }))).toBe(403);
    expect(await ask('DELETE')).toBe(403);
  });

  it('in a reply of the vendor stays in the relay', async () => {
    const echo = rawAccount({ fetch: async (request) => new Response(`<html>${(await request.text()).toUpperCase()}</html>`) });
    const asked = echo.query({ account: 'example', command: GET_HOSTS, domain: 'example.co.uk' }, AbortSignal.timeout(1_000));
    await expect(asked).rejects.toMatchObject({ code: 'namecheap_reply_withheld', message: expect.not.stringContaining(KEY) });
  });

  it('does not come out of an error that quotes the request', async () => {
    const failing = rawAccount({
      fetch: async (request) => {
        throw new TypeError(`fetch failed for ${await request.text()}`);
      },
    });
    const error: unknown = await failing
      .query({ account: 'example', command: GET_HOSTS, domain: 'example.co.uk' }, AbortSignal.timeout(1_000))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'namecheap_unavailable' });
    expect(inspect(error, { depth: 10 })).not.toContain(KEY);
  });
});

describe('the address', () => {
  let service: Server;
  let told: string | number;
  let asked: number;
  let clock: number;
  beforeEach(async () => {
    told = '198.51.100.20';
    asked = 0;
    clock = Date.now();
    service = createServer((_, response) => {
      asked += 1;
      if (typeof told === 'number') response.writeHead(told).end('busy');
      else response.end(`${told}\n`);
    });
    await new Promise<void>((resolve) => {
      service.listen(0, '127.0.0.1', resolve);
    });
  });
  afterEach(() => {
    service.closeAllConnections();
    service.close();
  });

  const discovered = (change: Partial<NamecheapAccount> = {}) => {
    const vendorFetch = new VendorFetch();
    const own = new OwnAddress({ fetch: async (request, account) => vendorFetch.send(request, account), clock: () => clock });
    const account = accountRule({ address: undefined, addressService: `http://127.0.0.1:${(service.address() as AddressInfo).port}/getip`, ...change });
    return async () => own.of(account, AbortSignal.timeout(2_000));
  };

  it('is asked for when the law does not say it, and believed for ten minutes', async () => {
    told = '8.8.4.4';
    const address = discovered();
    expect([await address(), await address()]).toEqual(['8.8.4.4', '8.8.4.4']);
    expect(asked).toBe(1);
    told = '8.8.8.8';
    clock += 10 * MINUTE;
    expect(await address()).toBe('8.8.8.8');
  });

  it.each([
    ['no address of the public internet', '10.1.2.3'],
    ['an IPv6 address', '2606:4700::1111'],
    ['a page', '<html></html>'],
    ['nothing', ''],
    ['an error', 503],
  ])('that is %s is not used, and the error says what to set', async (_, answer) => {
    told = answer;
    const address = discovered();
    await expect(address()).rejects.toMatchObject({
      code: 'namecheap_address_unknown',
      retryable: true,
      hint: expect.stringContaining('"address" of the account'),
    });
    // A failure is not remembered.
    told = '8.8.4.4';
    expect(await address()).toBe('8.8.4.4');
  });

  it('may be a private one where the law says so', async () => {
    told = '10.1.2.3';
    expect(await discovered({ allowPrivate: true })()).toBe('10.1.2.3');
  });

  it('that cannot be learned is null for the account, and stops every call', async () => {
    told = 503;
    await replaceAccount({ address: undefined, addressService: `http://127.0.0.1:${(service.address() as AddressInfo).port}/getip` });
    expect((await call('GET', '/v1/namecheap/example', undefined)).body).toMatchObject({ address: null });
    expect((await query('example.co.uk')).error).toMatchObject({ code: 'namecheap_address_unknown' });
    expect(vendor.requests.all()).toEqual([]);
  });

  it('that the account does not list is named by the error, with the page to list it on', async () => {
    vendor.accounts.put({ user: 'example', key: KEY, addresses: ['192.0.2.1'] });
    const reply = replyIn(await query('example.co.uk'));
    expect(() => readHostList(reply, 'example.co.uk')).toThrow(
      expect.objectContaining({ code: 'namecheap_address_not_listed', hint: expect.stringMatching(/203\.0\.113\.7.+whitelisted-ips/) }),
    );
  });
});

describe('the way out', () => {
  let secure: NamecheapEmulator;
  let ca: string;
  beforeEach(async () => {
    const tls = await createLoopbackTls();
    ca = tls.caPem;
    secure = await startNamecheapEmulator({ tls, accounts: [{ user: 'example', key: KEY }], domains: [{ name: 'example.co.uk' }] });
  });
  afterEach(() => secure.close());

  it('is TLS that a root of the law may stand behind', async () => {
    await replaceAccount({ endpoint: secure.url, ca, allowPrivate: true });
    expect((await hosts()).rows).toHaveLength(2);
  });

  it.each([
    ['egress_tls_refused', 'a certificate that nobody trusts', { allowPrivate: true }],
    ['egress_private_address', 'a private address that the law does not allow', {}],
  ])('ends with %s at %s, and nothing was sent', async (code, _, change) => {
    await replaceAccount({ endpoint: secure.url, ...change });
    expect((await query('example.co.uk')).error).toMatchObject({ code, retryable: false });
    expect(secure.requests.all()).toEqual([]);
  });

  it('leads to no other place: a redirect comes back as it is', async () => {
    const elsewhere = createServer((_, response) => response.writeHead(307, { location: vendor.url }).end());
    await new Promise<void>((resolve) => {
      elsewhere.listen(0, '127.0.0.1', resolve);
    });
    await replaceAccount({ endpoint: `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/xml.response` });
    expect(replyIn(await query('example.co.uk'))).toMatchObject({ status: 307, body: '' });
    expect(vendor.requests.all()).toEqual([]);
    elsewhere.closeAllConnections();
    elsewhere.close();
  });

  it("takes no reply that is larger than any of the vendor's", async () => {
    const flood = createServer((_, response) => response.end('x'.repeat(700_001)));
    await new Promise<void>((resolve) => {
      flood.listen(0, '127.0.0.1', resolve);
    });
    await replaceAccount({ endpoint: `http://127.0.0.1:${(flood.address() as AddressInfo).port}/xml.response` });
    expect((await query('example.co.uk')).error).toMatchObject({ code: 'egress_response_too_large' });
    flood.closeAllConnections();
    flood.close();
  });
});

describe('the law of an account', () => {
  const problems = (account: object) => {
    try {
      parseLaw(JSON.stringify({ ...cluster.document, namecheap: [account] }));
      return '';
    } catch (thrown) {
      return thrown instanceof PerennialError ? thrown.message : '';
    }
  };
  const account = { account: 'example', key: { variable: VARIABLE }, domains: ['example.net'] };

  it('needs a name, a key and domains', () => {
    expect(problems(account)).toBe('');
    expect(problems({})).toMatch(/namecheap\[0\]\.account[\s\S]+namecheap\[0\]\.key[\s\S]+namecheap\[0\]\.domains/);
  });

  it.each([
    ['endpoint', 'http://api.namecheap.com/xml.response'],
    ['endpoint', 'https://user:secret@api.namecheap.com/xml.response'],
    ['endpoint', 'https://api.namecheap.com/xml.response?ApiKey=x'],
    ['addressService', 'http://10.0.0.1/getip'],
    ['address', '2001:db8::1'],
    ['domains', ['*.example.net']],
    ['domains', ['net']],
    ['domains', [{ sld: 'a b', tld: 'com' }]],
    ['changes', 'everything'],
    ['account', 'a name of more than twenty characters'],
  ])('does not take %s %j', (member, value) => {
    expect(problems({ ...account, [member]: value })).toContain(`namecheap[0].${member}`);
  });

  it('does not take an account twice', () => {
    expect(() => parseLaw(JSON.stringify({ ...cluster.document, namecheap: [account, account] }))).toThrow(/namecheap: an account stands there twice/);
  });
});

function accountRule(change: Partial<NamecheapAccount> = {}): NamecheapAccount {
  const [rule] = parseLaw(
    JSON.stringify({ ...cluster.document, namecheap: [{ account: 'example', key: { variable: VARIABLE }, domains: ['example.co.uk'], endpoint: vendor.url }] }),
  ).namecheap;
  if (rule === undefined) throw new Error('the law has no account');
  return { ...rule, address: ADDRESS, ...change };
}

/** The core without a relay around it, with another way out. */
function rawAccount(deps: { fetch: (request: Request) => Promise<Response> }, change: Partial<NamecheapAccount> = {}) {
  return createNamecheap({ accounts: [accountRule(change)], key: async () => KEY, address: async () => ADDRESS, clock: Date.now, ...deps });
}
