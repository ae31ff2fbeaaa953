/** The verdict on propagation, from what servers said. */
import { describe, expect, it } from 'vitest';
import type { DnsResult } from '../../../shared/relay/contract.ts';
import type { DohAnswer } from '../../../functions/dns/doh.ts';
import {
  authoritativeViews,
  authoritiesAgree,
  isConfirmed,
  propagationReport,
  resolverView,
  type Expectation,
  type ServerView,
} from '../../../functions/dns/propagation.ts';

const NAME = '_acme-challenge.example.net';
const EXPECTED: Expectation[] = [{ name: NAME, target: NAME, values: ['apex', 'wildcard'] }];

type Server = DnsResult['servers'][number];
const says = (server: string, values: string[] = ['apex', 'wildcard', 'theirs'], address = '192.0.2.1'): Server => ({
  server,
  address,
  status: 'answer',
  values,
  cname: null,
});
const fails = (server: string, status: Exclude<Server['status'], 'answer'>, address = '192.0.2.2'): Server => ({
  server,
  address,
  status,
  values: [],
  cname: null,
});
const views = (...servers: Server[]) => authoritativeViews(EXPECTED, [{ name: NAME, type: 'TXT', zone: 'example.net', servers }]);

const shows = (values: string[]): DohAnswer => ({ status: 'answer', values, owner: NAME, apex: null });
const denies: DohAnswer = { status: 'nxdomain', values: [], owner: null, apex: 'example.net' };
const resolver = (name: string, answer: DohAnswer | null) => resolverView(name, EXPECTED, [answer]);
const good = shows(['wildcard', 'apex']);
/** The report on one name. */
const reportOf = (authorities: ServerView[] | null, resolvers: ServerView[]) =>
  propagationReport(authorities, resolvers, { confirmed: isConfirmed(authorities, resolvers) ? [NAME] : [], total: 1, sliced: false });

describe('authoritative servers', () => {
  it('agree when every one shows every value', () => {
    expect(authoritiesAgree(views(says('ns1.example'), says('ns2.example')))).toBe(true);
    expect(authoritiesAgree(views(says('ns1.example'), says('ns2.example', ['apex'])))).toBe(false);
    expect(authoritiesAgree(views(says('ns1.example'), fails('ns2.example', 'nxdomain')))).toBe(false);
    expect(authoritiesAgree([])).toBe(false);
  });

  it('count once per server, by the addresses that answer', () => {
    const seen = views(says('ns1.example'), fails('ns1.example', 'timeout', '2001:db8::1'));
    expect(seen).toMatchObject([{ name: 'ns1.example', state: 'seen' }]);
    expect(views(says('ns1.example'), says('ns1.example', ['apex'], '192.0.2.9'))).toMatchObject([{ state: 'old' }]);
  });

  it('have to show all names: the least of them counts', () => {
    const two: Expectation[] = [...EXPECTED, { name: '_acme-challenge.www.example.net', target: '_acme-challenge.www.example.net', values: ['www'] }];
    const results: DnsResult[] = two.map(({ name, values }) => ({ name, type: 'TXT', zone: 'example.net', servers: [says('ns1.example', values)] }));
    expect(authoritativeViews(two, results)).toMatchObject([{ state: 'seen' }]);
    expect(
      authoritativeViews(two, [
        ...results.slice(0, 1),
        { name: '_acme-challenge.www.example.net', type: 'TXT', zone: 'example.net', servers: [fails('ns1.example', 'nodata')] },
      ]),
    ).toMatchObject([{ state: 'absent' }]);
  });
});

describe('the report', () => {
  const agreeing = views(says('ns1.example'), says('ns2.example'));

  it('is complete when all authorities and one resolver have it', () => {
    expect(reportOf(agreeing, [resolver('one', good), resolver('two', denies)])).toMatchObject({
      complete: true,
      weak: false,
      summary: '2 of 2 authoritative servers have it, 1 of 2 public resolvers',
    });
  });

  it('is not held up by resolvers that remember a denial or fail, and says so', () => {
    const report = reportOf(agreeing, [resolver('one', denies), resolver('two', null)]);
    expect(report.complete).toBe(true);
    expect(report.servers.find(({ name }) => name === 'one')).toMatchObject({ seen: false, detail: expect.stringContaining('remembered denial') });
  });

  it('waits for a resolver that still shows the older values: its memory lasts one TTL only', () => {
    expect(reportOf(agreeing, [resolver('one', shows(['theirs'])), resolver('two', denies)])).toMatchObject({
      complete: false,
      summary: '2 of 2 authoritative servers have it, 0 of 2 public resolvers (older values are still in their caches)',
    });
  });

  it('wants a resolver that has it while an authority cannot be asked', () => {
    const silent = views(says('ns1.example'), fails('ns2.example', 'timeout'));
    expect(reportOf(silent, [resolver('one', denies)]).complete).toBe(false);
    expect(reportOf(silent, [resolver('one', good)])).toMatchObject({
      complete: true,
      summary: '1 of 2 authoritative servers have it, 1 of 1 public resolvers',
    });
  });

  it('is incomplete and names the laggard while an authority differs', () => {
    const report = reportOf(views(says('ns1.example'), fails('ns2.example', 'nxdomain')), []);
    expect(report).toMatchObject({ complete: false, summary: '1 of 2 authoritative servers have it' });
    expect(report.servers).toMatchObject([
      { name: 'ns1.example', seen: true },
      { name: 'ns2.example', seen: false, detail: expect.stringContaining('does not exist') },
    ]);
  });

  it('rests on a majority of resolvers without a relay, and says that it is weak', () => {
    expect(reportOf(null, [resolver('one', good), resolver('two', denies)])).toMatchObject({ complete: false, weak: true });
    expect(reportOf(null, [resolver('one', good), resolver('two', denies), resolver('three', good)])).toMatchObject({ complete: true, weak: true });
    expect(reportOf(null, [])).toMatchObject({ complete: false, summary: 'no server could be asked' });
  });
});
