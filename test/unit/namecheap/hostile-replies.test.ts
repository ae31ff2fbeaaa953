/** Replies that must not be taken for a host list: whoever writes after one of them loses somebody's records (corpus, set 21). */
import { describe, expect, it } from 'vitest';
import { readHostList } from '../../../shared/namecheap/host-list.ts';
import { readSetHosts, wasRefused } from '../../../shared/namecheap/set-hosts.ts';
import type { PerennialError } from '../../../shared/errors.ts';
import { corpus, errorReply, hostElement, hostsReply, reply, type CorpusRow } from './corpus.ts';

const good = hostsReply(corpus('02-google-workspace'));
const row: CorpusRow = { name: 'www', type: 'A', address: '203.0.113.9', mxPref: 10, ttl: 1_800, attributes: {} };
const withRow = (change: Partial<CorpusRow>) => hostsReply({ emailType: 'NONE', rows: [{ ...row, ...change }] });
const withAttribute = (name: string, value: string) => withRow({ attributes: { [name]: value } });
const changed = (from: string, to: string) => {
  expect(good).toContain(from);
  return good.replace(from, to);
};

function refusal(body: string, status = 200): PerennialError {
  try {
    readHostList({ status, body, address: '198.51.100.7', at: 1_000 }, 'example.com');
  } catch (thrown) {
    return thrown as PerennialError;
  }
  throw new Error('the reply was taken for a host list');
}

it('the reply that the others are made of is taken', () => {
  expect(readHostList({ status: 200, body: good }, 'example.com').table.rows).toHaveLength(12);
});

describe('no reply at all', () => {
  const cases: [string, string][] = [
    ['empty', ''],
    ['a web page', '<!DOCTYPE html><html><head><title>Maintenance</title></head><body>We will be back.</body></html>'],
    ['a web page without a document type', '<html><body><br></body></html>'],
    ['a document type with entities', changed('<ApiResponse', '<!DOCTYPE a [<!ENTITY x "y">]><ApiResponse')],
    ['an entity that is not declared', changed('aspmx.l.google.com.', '&x;')],
    ['something after its end', `${good}<ApiResponse />`],
    ['another root', reply('x', []).replaceAll('ApiResponse', 'Response')],
    ['no status', changed(' Status="OK"', '')],
    ['another status', changed('Status="OK"', 'Status="MAYBE"')],
    ['two error lists', changed('<Errors />', '<Errors /><Errors />')],
    ['two answers', good.replace(/(<CommandResponse[\s\S]+<\/CommandResponse>)/, '$1$1')],
    ['no error list', changed('  <Errors />\r\n', '')],
    ['an attribute twice, in different case', withAttribute('NAME', 'other')],
    ['too long', good.replace('<Warnings />', `<Warnings>${'x'.repeat(700_000)}</Warnings>`)],
    ['too deep', good.replace('<Warnings />', `${'<a>'.repeat(40)}${'</a>'.repeat(40)}`)],
  ];
  it.each(cases)('%s: refused, and worth another try', (_, body) => {
    expect(refusal(body)).toMatchObject({ code: 'namecheap_unavailable', retryable: true, hint: expect.stringContaining('comes by itself') });
  });

  it('cut off at any place', () => {
    for (let length = 0; length < good.length; length += 1)
      expect(refusal(good.slice(0, length)), `${length} characters`).toMatchObject({ code: 'namecheap_unavailable', retryable: true });
  });

  it.each([500, 502, 503, 404, 302])('HTTP status %i', (status) => {
    expect(refusal(good, status)).toMatchObject({ code: 'namecheap_unavailable', retryable: true });
  });

  it.each([405, 429])('HTTP status %i is the limit', (status) => {
    expect(refusal(good, status)).toMatchObject({ code: 'namecheap_rate_limited', retryable: true, retryAt: 61_000 });
  });
});

describe('the reply to something else', () => {
  const cases: [string, string][] = [
    ['another domain', changed('Domain="example.com"', 'Domain="example.org"')],
    ['a domain that begins alike', changed('Domain="example.com"', 'Domain="example.com.au"')],
    ['another command', changed('Type="namecheap.domains.dns.getHosts"', 'Type="namecheap.domains.dns.getList"')],
    ['another requested command', changed('namecheap.domains.dns.gethosts', 'namecheap.users.getbalances')],
    ['another result', good.replaceAll('DomainDNSGetHostsResult', 'DomainDNSGetListResult')],
    ['no result', reply('namecheap.domains.dns.getHosts', [])],
    ['two results', good.replace(/(<DomainDNSGetHostsResult[\s\S]+<\/DomainDNSGetHostsResult>)/, '$1$1')],
  ];
  it.each(cases)('%s', (_, body) => {
    expect(refusal(body)).toMatchObject({ code: 'namecheap_unreadable' });
  });
});

describe('a list that a write would change', () => {
  const cases: [string, string][] = [
    ['no EmailType', changed(' EmailType="MX"', '')],
    ['an empty EmailType', changed('EmailType="MX"', 'EmailType=""')],
    ['an EmailType that is not known', changed('EmailType="MX"', 'EmailType="NEW"')],
    ['an EmailType in another case', changed('EmailType="MX"', 'EmailType="mx"')],
    ['no word about name servers', changed(' IsUsingOurDNS="true"', '')],
    ['an attribute of the list that is not known', changed('EmailType="MX"', 'EmailType="MX" Failover="true"')],
    ['an attribute of a row that is not known', withAttribute('Locked', 'true')],
    ['a type that is not known', withAttribute('Type', 'HTTPS')],
    ['a type in another case', withAttribute('Type', 'a')],
    ['a preference that is no number', withAttribute('MXPref', 'abc')],
    ['a preference that is too large', withAttribute('MXPref', '256')],
    ['a negative preference', withAttribute('MXPref', '-1')],
    ['a TTL of 59', withAttribute('TTL', '59')],
    ['a TTL of 60001', withAttribute('TTL', '60001')],
    ['a TTL with a fraction', withAttribute('TTL', '1799.5')],
    ['a TTL with spaces', withAttribute('TTL', ' 1799')],
    ['an activity that is neither true nor false', withAttribute('IsActive', '')],
    ['a name that is empty', withRow({ name: '' })],
    ['a name with a space', withRow({ name: 'w w' })],
    ['a name of 61 characters', withRow({ name: 'a'.repeat(61) })],
    ['a value that is empty', withRow({ address: '' })],
    ['a TXT value of 2501 characters', withRow({ type: 'TXT', address: 'a'.repeat(2_501) })],
    ['a target of 256 characters', withRow({ type: 'CNAME', address: 'a'.repeat(256) })],
    ['a line break, escaped', withRow({ type: 'TXT', address: 'a' }).replace('Address="a"', 'Address="a&#10;b"')],
    ['a line break, literal', withRow({ type: 'TXT', address: 'a\nb' })],
    ['a tab, literal', withRow({ type: 'TXT', address: 'a\tb' })],
    ['a control character', withRow({ type: 'TXT', address: 'a' }).replace('Address="a"', 'Address="a&#x85;b"')],
    ['bytes that were no UTF-8', withRow({ type: 'TXT', address: 'a\u{FFFD}b' })],
    ['the same row twice', hostsReply({ emailType: 'NONE', rows: [row, { ...row, name: 'WWW', ttl: 1_799 }] })],
    ['an element that is no host', good.replace('<host ', '<alias ')],
    ['a host with content', good.replace(' />\r\n    </DomainDNS', '><b /></host>\r\n    </DomainDNS')],
    ['text between the hosts', good.replace('    </DomainDNSGetHostsResult>', 'and more\r\n    </DomainDNSGetHostsResult>')],
    ['mail servers under a mail routing that drops them', changed('EmailType="MX"', 'EmailType="FWD"')],
    ['151 rows', hostsReply({ emailType: 'NONE', rows: Array.from({ length: 151 }, (_, index) => ({ ...row, name: `host-${index}` })) })],
  ];
  it.each(cases)('%s', (_, body) => {
    expect(refusal(body)).toMatchObject({ code: 'namecheap_unreadable', retryable: false, hint: expect.stringContaining('delegate _acme-challenge') });
  });

  it.each(['Name', 'Type', 'Address', 'MXPref', 'TTL', 'IsActive', 'IsDDNSEnabled'])('a row without %s', (name) => {
    expect(refusal(withRow({}).replace(hostElement(row), hostElement(row).replace(new RegExp(` ${name}="[^"]*"`), '')))).toMatchObject({
      code: 'namecheap_unreadable',
      details: { row: 1 },
    });
  });

  it('names the row and the reason', () => {
    const body = hostsReply({ emailType: 'NONE', rows: [row, { ...row, name: 'new', attributes: { Type: 'HTTPS' } }] });
    expect(refusal(body)).toMatchObject({
      message: 'The reply of Namecheap cannot be written back: row 2 (new HTTPS): its type cannot be written.',
      details: { row: 2, name: 'new', type: 'HTTPS' },
    });
  });

  it('of a domain that uses other name servers', () => {
    expect(refusal(changed('IsUsingOurDNS="true"', 'IsUsingOurDNS="false"'))).toMatchObject({ code: 'namecheap_not_delegated', retryable: false });
  });

  it('is flagged, not refused, for quotation marks in a TXT value', () => {
    const quoted = hostsReply(corpus('12-txt-edge-cases'));
    expect(readHostList({ status: 200, body: quoted }, 'example.com').cautions).toHaveLength(2);
  });
});

describe('an error of the vendor', () => {
  it.each([
    [1_011_102, 'namecheap_unauthorized', false],
    [1_010_102, 'namecheap_unauthorized', false],
    [1_030_408, 'namecheap_unauthorized', false],
    [1_011_150, 'namecheap_address_not_listed', false],
    [1_011_105, 'namecheap_address_unknown', false],
    [1_017_101, 'namecheap_account_locked', false],
    [1_017_411, 'namecheap_account_locked', false],
    [1_050_900, 'namecheap_unavailable', true],
    [2_019_166, 'namecheap_domain_unknown', false],
    [2_016_166, 'namecheap_domain_unknown', false],
    [2_030_166, 'namecheap_domain_unknown', false],
    [2_030_288, 'namecheap_not_delegated', false],
    [2_050_900, 'namecheap_record_refused', false],
    [3_013_288, 'namecheap_zone_full', false],
    [3_031_510, 'namecheap_unavailable', true],
    [3_050_750, 'namecheap_unavailable', true],
    [5_050_900, 'namecheap_unavailable', true],
    [500_000, 'namecheap_rate_limited', true],
    [2_999_999, 'namecheap_refused', false],
    [3_999_999, 'namecheap_refused', true],
  ])('%i is %s', (number, code, retryable) => {
    expect(refusal(errorReply(number, 'Text of the vendor'))).toMatchObject({ code, retryable });
  });

  it('counts although the status is OK and a list stands beside it', () => {
    expect(refusal(changed('<Errors />', '<Errors><Error Number="2030166">Domain is invalid</Error></Errors>'))).toMatchObject({
      code: 'namecheap_domain_unknown',
    });
    expect(refusal(changed('Status="OK"', 'Status="ERROR"'))).toMatchObject({ code: 'namecheap_refused' });
    expect(refusal(changed('<Errors />', '<Errors>oh</Errors>'))).toMatchObject({ code: 'namecheap_unreadable' });
  });

  it('about the address names the address and where it is listed', () => {
    const error = refusal(errorReply(1_011_150, 'Invalid request IP: 198.51.100.7'));
    expect(error.message).toContain('198.51.100.7');
    expect(error.hint).toContain('https://ap.www.namecheap.com/settings/tools/apiaccess/whitelisted-ips');
    expect(error.hint).toContain('198.51.100.7');
    expect(refusal(errorReply(1_011_102, 'API Key is invalid or API access has not been enabled')).hint).toContain('198.51.100.7');
  });

  it('is quoted short and in one line', () => {
    const { message } = refusal(errorReply(2_050_900, `CAA\u0085 record\r\n\u202Ewrong ${'x'.repeat(5_000)}`));
    expect(message.length).toBeLessThan(300);
    expect(message).toMatch(/^Namecheap answered 2050900: CAA record wrong x+$/);
  });
});

describe('the reply to a write', () => {
  const written = (attributes: string) =>
    reply('namecheap.domains.dns.setHosts', [`<DomainDNSSetHostsResult ${attributes}><Warnings /></DomainDNSSetHostsResult>`]);
  const outcome = (body: string, status = 200) => {
    try {
      readSetHosts({ status, body }, 'example.com');
      return 'written';
    } catch (thrown) {
      return wasRefused(thrown as PerennialError) ? 'refused' : 'open';
    }
  };

  it.each([
    ['success', 'written', written('Domain="example.com" IsSuccess="true"')],
    ['success with mail routing, in another case', 'written', written('Domain="Example.com" EmailType="MX" IsSuccess="True"')],
    ['failure without a reason', 'open', written('Domain="example.com" EmailType="" IsSuccess="false"')],
    ['success of another domain', 'open', written('Domain="example.org" IsSuccess="true"')],
    ['a cut reply', 'open', written('Domain="example.com" IsSuccess="true"').slice(0, -5)],
    ['a refused record', 'refused', errorReply(2_050_900, 'CAA record with tag "issue" has incorrect value.')],
    ['a wrong key', 'refused', errorReply(1_011_102, 'API Key is invalid')],
    ['other name servers', 'refused', errorReply(2_030_288, 'not using proper DNS servers')],
    ['a failing back end', 'open', errorReply(3_050_900, 'Unknown error')],
    ['the limit in an envelope', 'open', errorReply(500_000, 'Too many requests')],
  ])('%s: %s', (_, expected, body) => {
    expect(outcome(body)).toBe(expected);
  });

  it.each([405, 500, 502])('HTTP status %i leaves it open', (status) => {
    expect(outcome(written('Domain="example.com" IsSuccess="true"'), status)).toBe('open');
  });
});

it('a host element is printed with everything a live server prints', () => {
  expect(hostElement(row)).toBe(
    '      <host HostId="746390" Name="www" Type="A" Address="203.0.113.9" MXPref="10" TTL="1800" AssociatedAppTitle="" FriendlyName="" IsActive="true" IsDDNSEnabled="false" />',
  );
});
