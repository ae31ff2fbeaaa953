/** What CAA permits (RFC 8659, RFC 8657), and which record set counts for a name. */
import { describe, expect, it } from 'vitest';
import { refusedByCaa } from '../../../functions/dns/preflight/caa.ts';
import { caaNames, relevantCaa } from '../../../functions/dns/preflight/caa-search.ts';

const ACCOUNT = 'https://acme-v02.api.letsencrypt.org/acme/acct/1';
const request = { identities: ['letsencrypt.org'], accountUrl: ACCOUNT, wildcard: false };
const wildcard = { ...request, wildcard: true };
const judge = (...values: string[]) => refusedByCaa(values, request);
const judgeWildcard = (...values: string[]) => refusedByCaa(values, wildcard);

describe('CAA permits', () => {
  it.each<[string, string[]]>([
    ['no record at all', []],
    ['the CA by name', ['0 issue "letsencrypt.org"']],
    ['the CA in other letters', ['0 ISSUE "LetsEncrypt.ORG"']],
    ['the CA among others', ['0 issue "pki.goog; cansignhttpexchanges=yes"', '0 issue "letsencrypt.org"']],
    ['only reporting', ['0 iodef "mailto:sec@example.com"']],
    ['wildcards only for others', ['0 issue "letsencrypt.org"', '0 issuewild ";"']],
    ['a limit on wildcards alone', ['0 issuewild "pki.goog"']],
    ['unknown properties that are not critical', ['0 issue "letsencrypt.org"', '0 tbs "Unknown"', '1 tbs "Unknown"']],
    ['registered properties that are critical', ['128 issue "letsencrypt.org"', '128 issuemail ";"']],
    ['parameters that nobody knows', ['0 issue "letsencrypt.org; policy=ev"']],
    ['our account', [`0 issue "letsencrypt.org; accounturi=${ACCOUNT}"`]],
    ['our way of validation', ['0 issue "letsencrypt.org;validationmethods=http-01,dns-01"']],
    ['both, in odd white space and with a semicolon at the end', [`0 issue "  letsencrypt.org ;\tvalidationmethods = dns-01 ; ACCOUNTURI=${ACCOUNT};"`]],
    [
      'one of several accounts in records of their own',
      ['0 issue "letsencrypt.org; accounturi=https://other/1"', `0 issue "letsencrypt.org; accounturi=${ACCOUNT}"`],
    ],
  ])('%s', (_what, values) => {
    expect(judge(...values)).toBeNull();
  });

  it('wildcards by issue when there is no issuewild, and by issuewild alone when there is', () => {
    expect(judgeWildcard('0 issue "letsencrypt.org"')).toBeNull();
    expect(judgeWildcard('0 issue ";"', '0 issuewild "letsencrypt.org"')).toBeNull();
    expect(judgeWildcard('0 issue "letsencrypt.org"', '0 issuewild ";"')).toEqual({
      reason: 'it does not name letsencrypt.org',
      advice: 'Add 0 issuewild "letsencrypt.org".',
    });
  });

  it('everything where the CA says no name of its own: it cannot be judged', () => {
    expect(refusedByCaa(['0 issue ";"', '128 tbs "x"'], { ...request, identities: [] })).toBeNull();
  });

  it('any of the names of a CA', () => {
    expect(refusedByCaa(['0 issue "pki.goog"'], { ...request, identities: ['google.com', 'pki.goog'] })).toBeNull();
  });
});

describe('CAA forbids, and says what to write', () => {
  it.each<[string, string[], string, string]>([
    ['another CA', ['0 issue "digicert.com"'], 'it does not name letsencrypt.org', 'Add 0 issue "letsencrypt.org".'],
    ['every CA', ['0 issue ";"'], 'it does not name letsencrypt.org', 'Add 0 issue "letsencrypt.org".'],
    ['several others', ['0 issue "a.example"', '0 issue "b.example"'], 'none of them names letsencrypt.org', 'Add 0 issue "letsencrypt.org".'],
    ['a name that only begins like ours', ['0 issue "letsencrypt.org.evil.example"'], 'it does not name letsencrypt.org', 'Add 0 issue "letsencrypt.org".'],
    // RFC 8659 §4.2: what does not follow the grammar permits nobody.
    ['a value that is malformed', ['0 issue "letsencrypt.org; %%%%%"'], 'it does not name letsencrypt.org', 'Add 0 issue "letsencrypt.org".'],
    ['an unknown critical property', ['0 issue "letsencrypt.org"', '128 tbs "x"'], 'a CA has to stop at the critical property "tbs"', 'Remove 128 tbs "x".'],
    [
      'another account',
      ['0 issue "letsencrypt.org; accounturi=https://other/9"'],
      `it names letsencrypt.org for the account https://other/9, and ours is ${ACCOUNT}`,
      `Replace 0 issue "letsencrypt.org; accounturi=https://other/9" by 0 issue "letsencrypt.org; accounturi=${ACCOUNT}".`,
    ],
    // RFC 8657 §3: two of them can never both be met.
    [
      'two accounts in one record',
      [`0 issue "letsencrypt.org; accounturi=${ACCOUNT}; accounturi=https://other/9"`],
      `it names letsencrypt.org for the account ${ACCOUNT} and https://other/9, and ours is ${ACCOUNT}`,
      `Replace 0 issue "letsencrypt.org; accounturi=${ACCOUNT}; accounturi=https://other/9" by 0 issue "letsencrypt.org; accounturi=${ACCOUNT}".`,
    ],
    [
      'other ways of validation, and keeps those in what it proposes',
      [`128 issue "letsencrypt.org; validationmethods=http-01; accounturi=${ACCOUNT}"`],
      'it names letsencrypt.org for other ways of validation than dns-01',
      `Replace 128 issue "letsencrypt.org; validationmethods=http-01; accounturi=${ACCOUNT}" by 128 issue "letsencrypt.org; accounturi=${ACCOUNT}; validationmethods=http-01,dns-01".`,
    ],
  ])('%s', (_what, values, reason, advice) => {
    expect(judge(...values)).toEqual({ reason, advice });
  });

  it('in words that it would accept itself', () => {
    for (const value of ['0 issue "letsencrypt.org; accounturi=https://other/9; validationmethods=http-01"', '0 issue ";"']) {
      const proposed = /(?:Add|by) (\d+ issue ".*")\.$/.exec(judge(value)?.advice ?? '')?.[1] ?? '';
      expect(judge(proposed)).toBeNull();
    }
  });
});

describe('CAA that pins an account while we have none', () => {
  const none = { ...request, accountUrl: null };
  const pins = (...values: string[]) => refusedByCaa(values, none)?.pins;

  it('says which one: it may have been ours', () => {
    expect(pins(`0 issue "letsencrypt.org; accounturi=${ACCOUNT}"`)).toBe(ACCOUNT);
    expect(pins('0 issue "pki.goog"', `0 issue "letsencrypt.org; validationmethods=dns-01; accounturi=${ACCOUNT}"`)).toBe(ACCOUNT);
  });

  it('is only a refusal when a new account would not help, or when we have an account', () => {
    expect(pins('0 issue "pki.goog"')).toBeUndefined();
    expect(pins(`0 issue "letsencrypt.org; accounturi=${ACCOUNT}; validationmethods=http-01"`)).toBeUndefined();
    expect(pins(`0 issue "letsencrypt.org; accounturi=${ACCOUNT}; accounturi=https://other/9"`)).toBeUndefined();
    expect(judge('0 issue "letsencrypt.org; accounturi=https://other/9"')?.pins).toBeUndefined();
  });

  it('does not stand in the way of a CA that it does not pin', () => {
    expect(refusedByCaa(['0 issue "letsencrypt.org"', `0 issue "letsencrypt.org; accounturi=${ACCOUNT}"`], none)).toBeNull();
    expect(refusedByCaa([`0 issue "pki.goog; accounturi=${ACCOUNT}"`, '0 issue "letsencrypt.org"'], none)).toBeNull();
    expect(refusedByCaa([], none)).toBeNull();
  });
});

describe('the relevant record set', () => {
  const among = (sets: Record<string, string[] | null>) => (name: string) => {
    const values = name in sets ? sets[name] : [];
    return Promise.resolve(values == null ? null : { owner: name, values });
  };

  it('is that of the closest name which has one, up to the top-level domain', async () => {
    expect(caaNames('www.example.co.uk')).toEqual(['www.example.co.uk', 'example.co.uk', 'co.uk', 'uk']);
    expect(await relevantCaa('a.b.example.net', among({ 'example.net': ['far'], 'b.example.net': ['near'] }))).toEqual({
      owner: 'b.example.net',
      values: ['near'],
    });
    expect(await relevantCaa('a.example.net', among({ net: ['0 issue ";"'] }))).toMatchObject({ owner: 'net' });
    expect(await relevantCaa('a.example.net', among({}))).toMatchObject({ values: [] });
  });

  it('is unknown when a name on the way cannot be asked', async () => {
    expect(await relevantCaa('a.example.net', among({ 'a.example.net': null, 'example.net': ['far'] }))).toBeNull();
    expect(await relevantCaa('a.example.net', among({ 'a.example.net': ['near'], 'example.net': null }))).toMatchObject({ values: ['near'] });
  });
});
