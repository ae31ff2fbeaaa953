/** What stands in `content` and the value it stands for: whatever the vendor or another client made of it, values compare. */
import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostName, toParameters, valueOf } from '../../../functions/dns/cloudflare/record-content.ts';
import { quoteTxt, unquoteTxt } from '../../../functions/dns/cloudflare/txt-content.ts';

describe('TXT', () => {
  it.each([
    ['bare', 'bare'],
    ['"quoted"', 'quoted'],
    ['"in " "parts"', 'in parts'],
    ['"in""parts"', 'inparts'],
    [' "padded" ', 'padded'],
    [String.raw`"a\"b\\c"`, String.raw`a"b\c`],
    [String.raw`"\195\188ber"`, 'über'],
    [String.raw`"\195" "\188ber"`, 'über'],
    [String.raw`"100\037"`, '100%'],
    ['""', ''],
    ['"unbalanced', '"unbalanced'],
    ['say "hi"', 'say "hi"'],
    [String.raw`bare\"escape`, String.raw`bare\"escape`],
    ['v=DKIM1; p=a+b/c==', 'v=DKIM1; p=a+b/c=='],
  ])('%j stands for %j', (content, value) => {
    expect(unquoteTxt(content)).toBe(value);
  });

  it('is written in strings of at most 255 bytes, none of which splits a character', () => {
    expect(quoteTxt('x'.repeat(255))).toBe(`"${'x'.repeat(255)}"`);
    expect(quoteTxt('x'.repeat(256))).toBe(`"${'x'.repeat(255)}" "x"`);
    expect(quoteTxt('ü'.repeat(128))).toBe(`"${'ü'.repeat(127)}" "ü"`);
    expect(quoteTxt(`a"b\\c${String.fromCharCode(9)}`)).toBe(String.raw`"a\"b\\c\009"`);
  });

  it('any value comes back as it was', () => {
    assert(
      property(string({ unit: 'grapheme', maxLength: 600 }), (value) => {
        const content = quoteTxt(value);
        expect(unquoteTxt(content)).toBe(value);
        // Nothing that a text protocol could break on.
        expect(/\p{Cc}/u.test(content)).toBe(false);
      }),
      { numRuns: 200, seed: 20_261_121 },
    );
    assert(
      property(string({ unit: 'binary', maxLength: 300 }), (value) => {
        expect(unquoteTxt(quoteTxt(value))).toBe(value);
      }),
      { numRuns: 200, seed: 20_261_121 },
    );
  });
});

describe('CAA', () => {
  it.each([
    ['0 issue "ca.example"', undefined],
    ['0 issue ca.example', undefined],
    ['0  ISSUE  "ca.example"', undefined],
    ['whatever the vendor shows', { flags: 0, tag: 'issue', value: 'ca.example' }],
  ])('%j is 0 issue "ca.example"', (content, data) => {
    expect(valueOf('CAA', content, data)).toBe('0 issue "ca.example"');
  });

  it('is written in its parts', () => {
    const record = (value: string) => toParameters({ type: 'CAA', name: 'example.net', value, ttl: 300, comment: '' });
    expect(record('128 issuewild ";"')).toMatchObject({ data: { flags: 128, tag: 'issuewild', value: ';' } });
    expect(record(String.raw`0 iodef "mailto:\"a\"@example.net"`)).toMatchObject({ data: { value: 'mailto:"a"@example.net' } });
    for (const value of ['issue "ca.example"', '300 issue "ca.example"', '0 issue "open', '0 is-sue "x"', ''])
      expect(() => record(value)).toThrow(expect.objectContaining({ code: 'dns_refused', message: expect.stringContaining('example.net') }));
  });
});

it.each([
  ['AAAA', '2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['AAAA', 'fe80::', 'fe80::'],
  ['A', '192.0.2.1', '192.0.2.1'],
  ['CNAME', 'Other.Example.', 'other.example'],
  ['CNAME', 'bücher.example', 'xn--bcher-kva.example'],
] as const)('%s %s is served as %s', (type, content, value) => {
  expect(valueOf(type, content)).toBe(value);
});

it('names are lower-case A-labels without final dot', () => {
  expect(['Example.NET.', '*.Bücher.example', '_acme-challenge.example.net'].map(hostName)).toEqual([
    'example.net',
    '*.xn--bcher-kva.example',
    '_acme-challenge.example.net',
  ]);
});

it('nothing is ever proxied', () => {
  for (const type of ['A', 'AAAA', 'CNAME'] as const)
    expect(toParameters({ type, name: 'www.example.net', value: 'x', ttl: 300, comment: '' })).toMatchObject({ proxied: false });
});
