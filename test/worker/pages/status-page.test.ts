import { describe, expect, it } from 'vitest';
import { DAY, MINUTE, SECOND } from '../../../shared/clock.ts';
import type { CertificateView } from '../../../functions/certificates/ports.ts';
import { statusModel, statusPage, type StatusInput } from '../../../functions/web/pages/index.ts';
import { brandNew, delivery, drifted, failing, healthy, input, instance, LEAF, NOW, partlyLive, renewing, retired, waitingForInstance } from './samples.ts';

const render = (certificates: CertificateView[], overrides: Partial<StatusInput> = {}): string =>
  statusPage(statusModel(input(certificates, overrides), NOW)).toString();
/** What a person reads, tags removed and white space closed up. */
const textOf = (html: string): string => html.replaceAll(/<script.*?<\/script>|<[^>]+>/gs, ' ').replaceAll(/\s+/g, ' ');
const text = (certificates: CertificateView[], overrides: Partial<StatusInput> = {}): string => textOf(render(certificates, overrides));

describe('the status page says of a certificate', () => {
  it('its names, issuer, days left, where it is served, its fingerprint, and when and why it renews', () => {
    const html = render([healthy()]);
    const words = textOf(html);
    for (const expected of [
      'matrix.example.net',
      '*.matrix.example.net',
      'Let’s Encrypt YE1',
      '61 days left',
      'nomad/jobs/proxy',
      '3 of 3 instances',
      'in 30 days',
      '21 Dec 2026, 04:07 UTC',
      'The CA suggests this time (ARI).',
    ])
      expect(words).toContain(expected);
    expect(words).toContain('a4c1 f09b e7a2 5d38…');
    expect(html).toContain(`title="SHA-256 ${LEAF}"`);
    expect(html).toContain('61 days left of a lifetime of 90 days');
  });

  it('where its renewal stands: done, current and pending steps, how long each took, what it waits for', () => {
    const html = render([renewing()]);
    const states = [...html.matchAll(/<li class="(\w+)"[^>]*><span class="station".*?step-name">(\w+)</g)].map((match) => `${match[2]} ${match[1]}`);
    expect(states).toEqual([
      'order done',
      'present done',
      'propagate current',
      'validate pending',
      'finalize pending',
      'download pending',
      'install pending',
      'reload pending',
      'verify pending',
    ]);
    const words = textOf(html);
    expect(words).toContain('order : done 0.6 s');
    expect(words).toContain('propagate : under way 42 s');
    expect(words).toContain('3 of 4 authoritative servers show the records, 1 of 2 public resolvers.');
    expect(words).toContain('Next look in 8 s');
    expect(html).toContain('aria-current="step"');
  });

  it('of a failure the sentence, the code, the hint and the next try', () => {
    const html = render([failing()]);
    const words = textOf(html);
    expect(words).toContain('the token may not edit DNS. dns_cloudflare_forbidden Give the token Zone:DNS:Edit on example.net');
    expect(words).toContain('Next try in 17 min 21 Nov 2026, 01:24 UTC');
    expect(words).toContain('present : failed, to be tried again');
    expect(html).toContain('days critical');
  });

  it('a fingerprint in an event as a short one, since 64 characters without a gap break a narrow column', () => {
    const html = render([healthy()], {
      events: [{ at: NOW, certificate: 'matrix', kind: 'live', message: `The certificate is live in its target (SHA-256 ${LEAF}).` }],
    });
    expect(textOf(html)).toMatch(/live in its target \(SHA-256 a4c1 f09b e7a2 5d38… \)\./);
    expect(textOf(html)).not.toContain(LEAF);
  });

  it('a reason once, although the life cycle says it twice', () => {
    const view = failing();
    const message = view.issuance?.failure?.message ?? '';
    expect(text([{ ...view, reason: message }], { upcoming: [] }).split(message)).toHaveLength(2);
  });

  it('each verdict as what it is', () => {
    const verdicts = ['new', 'old', 'foreign', 'default', 'cut', 'unreachable'];
    const words = text([{ ...healthy(), deliveries: [delivery({ state: 'wrong', instances: verdicts.map((verdict, index) => instance(index, verdict)) })] }]);
    for (const [index, verdict] of verdicts.entries()) expect(words).toContain(`10.20.0.${10 + index}:443 ${verdict}`);
    expect(words).toContain('1 of 6 instances wrong certificate served');
  });

  it.each([
    ['partly live', partlyLive()],
    ['drift', drifted()],
    ['failing', failing()],
    ['wrong certificate served', { ...healthy(), state: 'failing' as const, deliveries: [delivery({ state: 'wrong', instances: [instance(1, 'default')] })] }],
    ['waiting for an instance', waitingForInstance()],
    ['retired', retired()],
    ['new', brandNew()],
  ])('that it is %s', (label, view) => {
    expect(textOf(/<article.*?<\/header>/s.exec(render([view]))?.[0] ?? '')).toContain(` ${label} `);
  });

  it('that its key is pending without inventing days', () => {
    expect(text([brandNew()])).toContain('– not issued yet');
  });

  it('a verdict that a later relay invents, rather than hiding it', () => {
    expect(text([{ ...healthy(), deliveries: [delivery({ instances: [instance(1, 'eclipsed')] })] }])).toContain('10.20.0.11:443 eclipsed');
  });
});

describe('the status page as a whole', () => {
  it.each<[string, CertificateView[], Partial<StatusInput>]>([
    ['The certificate is live.', [healthy()], {}],
    ['All 2 certificates are live.', [healthy(), healthy('git')], {}],
    ['1 of 2 certificates is on its way.', [healthy(), renewing()], {}],
    ['1 of 2 certificates needs attention.', [healthy(), partlyLive()], {}],
    ['1 of 3 certificates is failing.', [healthy(), partlyLive(), failing()], {}],
    ['Nothing is planted yet.', [], {}],
    ['A cluster’s relay is away.', [healthy()], { clusters: [{ cluster: 'matrix', state: 'offline', since: NOW - MINUTE, relays: [] }] }],
    ['The setup is not complete.', [], { setup: [{ what: 'EDGE_KEY is missing.', why: 'Nothing can be signed.', command: 'npm run setup' }] }],
    [
      'A DNS zone refuses changes.',
      [healthy()],
      { zones: [{ zone: 'example.net', vendor: 'cloudflare', lastSuccessAt: NOW - DAY, lastError: { at: NOW, message: 'Forbidden.', hint: null } }] },
    ],
  ])('states: %s', (sentence, certificates, overrides) => {
    expect(render(certificates, overrides)).toMatch(new RegExp(`<h1>${sentence}</h1>`));
  });

  it('leaves retired certificates out of what has to be kept alive', () => {
    expect(render([healthy(), retired()])).toContain('<h1>The certificate is live.</h1>');
  });

  it('names every configuration error with its place, and says that the last good one stays in force', () => {
    const words = text([healthy()], {
      configuration: {
        lastGoodInForce: true,
        problems: [
          { line: 12, column: 11, path: 'certificates[0].deliver[0].cluster', message: 'Unknown cluster "matirx". Write "matrix".' },
          { path: 'acme.contact', message: 'No contact.' },
        ],
      },
    });
    expect(words).toContain('2 errors in the configuration The last good configuration stays in force');
    expect(words).toContain('Unknown cluster &quot;matirx&quot;. Write &quot;matrix&quot;. certificates.toml:12:11 certificates[0].deliver[0].cluster');
    expect(words).toContain('No contact. certificates.toml acme.contact');
  });

  it('shows relay health with contract, bundle and a skewed clock', () => {
    const relay = { allocation: '9b1c22aa-1111', lastSeenAt: NOW - 20 * SECOND, contract: 2, bundle: 'd'.repeat(64), skewMs: -5_400 };
    const words = text([], { clusters: [{ cluster: 'backup', state: 'silent', since: NOW - 2 * MINUTE, relays: [relay] }] });
    expect(words).toContain('backup silent');
    expect(words).toContain('9b1c22aa seen 20 s ago , clock 5 s behind contract 2, bundle ddddddd');
  });

  it('lists what leaves next, soonest first, at most six', () => {
    const views = Array.from({ length: 9 }, (_, index) => healthy(`name-${index}`, index));
    const board = /<table class="departures">.*?<\/table>/s.exec(render(views))?.[0] ?? '';
    expect([...board.matchAll(/certificates\/(name-\d)/g)].map((match) => match[1])).toEqual(['name-8', 'name-7', 'name-6', 'name-5', 'name-4', 'name-3']);
  });

  it('pages with the search kept', () => {
    const html = render([healthy()], { paging: { number: 2, size: 25, total: 10_000, query: 'a&b' } });
    expect(html).toContain('href="/?q=a%26b&amp;page=1"');
    expect(html).toContain('href="/?q=a%26b&amp;page=3"');
    expect(textOf(html)).toContain('26–50 of 10000');
  });

  it('offers buttons as plain forms, and none for what is under way or retired', () => {
    expect(render([healthy()])).toContain('<form method="post" action="/api/v1/certificates/matrix/renew"><button>');
    expect(render([healthy()])).toContain('action="/api/v1/certificates/matrix/redeliver"');
    expect(render([renewing(), retired()])).not.toContain('/api/v1/');
    expect(text([failing()])).toContain('Try now : mail');
  });

  it('asks again soon only while something moves, with and without script', () => {
    expect(render([healthy()])).toContain('data-refresh="30"');
    expect(render([healthy()])).not.toContain('http-equiv="refresh"');
    expect(render([failing()])).toContain('data-refresh="30"');
    expect(render([renewing()])).toContain('data-refresh="2"');
    expect(render([renewing()])).toContain('<noscript><meta http-equiv="refresh" content="5"/></noscript>');
  });

  it('escapes whatever came from outside', () => {
    const hostile = '"><script>alert(1)</script>';
    const view = { ...renewing(), reason: hostile, waitingFor: hostile, domains: [hostile] };
    const html = render([{ ...view, deliveries: [delivery({ variable: hostile, instances: [instance(1, hostile, hostile)] })] }], {
      notice: hostile,
      paging: { number: 1, size: 25, total: 1, query: hostile },
    });
    expect(html).not.toContain('<script>alert');
    expect(html.split('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;').length).toBeGreaterThan(5);
  });

  it('holds nothing inline that the content security policy would refuse', () => {
    const html = render([failing(), renewing(), healthy()]);
    expect(html).not.toMatch(/\sstyle=|<style|\son\w+=|javascript:/);
    expect([...html.matchAll(/<script[^>]*>/g)].map((match) => match[0])).toEqual(['<script src="/live.js" defer="">']);
  });

  it('uses each id once', () => {
    const ids = [
      ...render([failing(), renewing(), healthy(), drifted()], { paging: { number: 1, size: 2, total: 4, query: '' } }).matchAll(/\sid="([^"]+)"/g),
    ].map((match) => match[1]);
    expect(ids.toSorted()).toEqual([...new Set(ids)].toSorted());
  });
});
