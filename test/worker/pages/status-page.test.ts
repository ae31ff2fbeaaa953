import { describe, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../../../shared/clock.ts';
import type { CertificateView } from '../../../functions/certificates/ports.ts';
import { statusModel, statusPage, type StatusInput } from '../../../functions/web/pages/index.ts';
import {
  brandNew,
  delivery,
  drifted,
  failing,
  healthy,
  input,
  instance,
  LEAF,
  needsAttention,
  NOW,
  partlyLive,
  renewing,
  retired,
  revoked,
  revoking,
  rolledBack,
  troubledAuthorities,
  undelegated,
  waitingForInstance,
} from './samples.ts';
import { asDeclared, drifting, namecheap, refusing, stoppedZone, toApprove, waitingZone, zone } from './zone-samples.ts';

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

  it('that it needs attention: before everything else, with what to do and that only a button tries it again', () => {
    const html = render([needsAttention()]);
    const words = textOf(html);
    expect(words).toContain('vpn needs attention');
    expect(words).toContain('Somebody has to look. The CA has paused vpn.example.net');
    expect(words).toContain('It is not tried again by itself: press “Renew now”.');
    expect(words).toContain('Renew now : vpn');
    expect(html).not.toContain('http-equiv="refresh"');
    // The portal's address comes from the CA: it is read, never followed.
    expect(html).not.toContain('href="https://');
  });

  it('a failure that has stopped as stopped, whatever moment its report carries', () => {
    const view = needsAttention();
    if (view.issuance?.failure) view.issuance.failure.retryAt = NOW + MINUTE;
    expect(text([view])).toContain('It is not tried again by itself');
    expect(text([view])).not.toContain('Next try');
  });

  it('which CA was left during a renewal and which one is asked now, and why another one than the first has issued', () => {
    expect(text([needsAttention()])).toContain('letsencrypt was left 2 h ago : The CA &quot;letsencrypt&quot; is overloaded: Service busy; retry later.');
    expect(text([needsAttention()])).toContain('Now with google .');
    expect(text([revoked()])).toContain('GTS WR1 letsencrypt was left: the CA is overloaded.');
  });

  it('that it is revoked, and that a revocation is not done yet, with its reason', () => {
    expect(text([revoked()])).toContain('Revoked 3 min ago : key compromise.');
    expect(text([revoking()])).toContain(
      'Its revocation (superseded) was asked for 5 min ago and is not done yet. The CA &quot;letsencrypt&quot; is overloaded.',
    );
  });

  it('that it was rolled back, with both fingerprints, and that it is held until a person renews', () => {
    const words = text([rolledBack()]);
    expect(words).toContain('Rolled back 4 min ago : 74c1 f09b e7a2 5d38… stands in place of a4c1 f09b e7a2 5d38… , which is quarantined.');
    expect(words).toContain('10.20.0.11:443 cut the handshake. delivery_rolled_back Look at the log of Traefik');
  });

  it('a fingerprint in an event as a short one, since 64 characters without a gap break a narrow column', () => {
    const html = render([healthy()], {
      events: [
        { at: NOW, certificate: 'matrix', zone: null, severity: 'info', kind: 'live', message: `The certificate is live in its target (SHA-256 ${LEAF}).` },
      ],
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
    ['1 of 3 certificates needs somebody to look.', [healthy(), failing(), needsAttention()], {}],
    ['The certificate needs somebody to look.', [rolledBack()], {}],
    ['Nothing is planted yet.', [], {}],
    ['A cluster’s relay is away.', [healthy()], { clusters: [{ cluster: 'matrix', state: 'offline', since: NOW - MINUTE, relays: [] }] }],
    ['The setup is not complete.', [], { setup: [{ what: 'EDGE_KEY is missing.', why: 'Nothing can be signed.', command: 'npm run setup' }] }],
    ['A DNS zone refuses changes.', [healthy()], { zones: [refusing()] }],
    ['A DNS zone is stopped.', [partlyLive()], { zones: [stoppedZone(), refusing(), toApprove()] }],
    ['DNS records wait for you.', [healthy()], { zones: [toApprove()] }],
    ['The certificate is live.', [healthy()], { zones: [asDeclared(), waitingZone(), drifting()] }],
  ])('states: %s', (sentence, certificates, overrides) => {
    expect(render(certificates, overrides)).toMatch(new RegExp(`<h1>${sentence}</h1>`));
  });

  it('counts what needs attention, and announces no departure of what has stopped', () => {
    const html = render([needsAttention(), { ...needsAttention(), name: 'vpn-2' }, healthy()]);
    expect(textOf(html)).toContain('2 need attention 1 live');
    expect(textOf(/<table class="departures">.*?<\/table>/s.exec(html)?.[0] ?? '')).not.toContain('vpn');
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

  it('shows of each CA the account, the way there, who is left alone until when, and what is left of its limits', () => {
    const words = text([], { authorities: troubledAuthorities(), events: [], clusters: [] });
    expect(words).toContain('letsencrypt refuses the account asked directly account https://acme-v02.api.letsencrypt.org/acme/acct/2147483647');
    expect(words).toContain('Account is deactivated. acme_account_unauthorized Remove the stored key of the account');
    expect(words).toContain('google left alone asked through the relay of matrix');
    expect(words).toContain('Not asked before in 2 min 21 Nov 2026, 01:09 UTC Service busy; retry later.');
    expect(words).toContain('No order for example.net and all below it before in 3 days');
    expect(words).toContain('0 of 50 certificates left for example.net and all below it, all of them in 7 days');
    expect(words).toContain('3 of 5 certificates left for exactly *.matrix.example.net, matrix.example.net');
    expect(words).toContain('home unknown');
  });

  it('offers a new account key where there is an account that works, and says when a change is not settled', () => {
    const html = render([], { authorities: troubledAuthorities() });
    expect([...html.matchAll(/authorities\/(\w+)\/rollover/g)].map((match) => match[1])).toEqual(['google']);
    expect(textOf(html)).toContain('A change of the key is not settled yet');
    expect(html).not.toMatch(/href="https:/);
  });

  it('prints the one record that lets challenges go without a key of the vendor, and whether it is there', () => {
    const html = render([undelegated()]);
    expect(html).toContain('<pre>_acme-challenge.example.co.uk. CNAME 3f9ac01b77d2e4a8510c.acme.example.net.</pre>');
    expect(textOf(html)).toContain('create this record there once: _acme-challenge.example.co.uk. CNAME');
    expect(textOf(html)).toContain('Nothing stands there now.');
    const spoken = { ...failing(), issuance: failing().issuance };
    if (spoken.issuance?.failure) spoken.issuance.failure.hint = 'Remove the CNAME at www, or let the CNAME point into a configured zone.';
    expect(render([spoken])).toContain('<div class="hint"><p>Remove the CNAME at www, or let the CNAME point into a configured zone.</p></div>');
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
    expect(render([renewing(), retired()])).not.toContain('/api/v1/certificates/');
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

describe('the status page says of a DNS zone', () => {
  const words = (input: StatusInput['zones'][number]): string => text([], { zones: [input], events: [], clusters: [] });

  it('its vendor, the block it is reached through, the last change and how many records are ours', () => {
    expect(words(zone())).toContain('example.net well Cloudflare [dns.main] Last change 29 days ago , no record of ours in it');
    expect(words(namecheap({ live: 1 }))).toContain('example.co.uk well Namecheap [dns.registrar] Last change 29 days ago , 1 record of ours in it');
    expect(words(zone({ lastSuccessAt: null }))).toContain('not used yet');
  });

  it('what it waits for, until when, and what is still to be removed', () => {
    expect(words(waitingZone())).toContain(
      'Waits for: The budget of 600 calls an hour for the account ops is used up; clean-ups wait first. (next step in 7 min )',
    );
    expect(words(waitingZone())).toContain('4 records of ours in it, 2 of them to be removed');
  });

  it('why its vendor refuses, and what to do', () => {
    expect(words(refusing())).toContain('from 203.0.113.7. dns_address_not_listed Add 203.0.113.7 at Namecheap');
  });

  it('that it is stopped: on top of the page, with every line that differs, and both ways on', () => {
    const html = render([healthy()], { zones: [zone(), stoppedZone()] });
    expect(html.indexOf('A DNS zone is stopped')).toBeLessThan(html.indexOf('id="rows"'));
    expect(html).toContain('<a href="#zone-namecheap-ops~example.co.uk">');
    expect(html).toContain('id="zone-namecheap-ops~example.co.uk"');
    expect(html).toContain('<li class="minus"><code>- @ MX aspmx.l.google.com. 1 3600</code></li>');
    expect(html).toContain('<li class="plus"><code>+ www CNAME parkingpage.namecheap.com. 1799</code></li>');
    expect(html).toContain('<pre>npm run dns -- restore example.co.uk 42</pre>');
    expect(html).toContain('<pre>npm run dns -- release example.co.uk</pre>');
  });

  it('what is declared in it, in one line, and the plan behind a disclosure: what needs somebody first', () => {
    const said = words(toApprove());
    expect(said).toContain('Declared records: 2 to add, 1 differs, 1 to remove, 1 in conflict');
    const order = ['in conflict', 'held', 'remove', 'correct', 'add', 'as declared'].map((word) => said.indexOf(` ${word} `, said.indexOf('The plan ')));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(said).toContain('CNAME www.example.net ingress.example.net now old-host.example.net Somebody else changed our record.');
    expect(said).toContain('It is not ours and stays. Write adopt = true');
  });

  it('that a plan waits for approval, with a button that names exactly this plan', () => {
    const html = render([], { zones: [toApprove()] });
    expect(html).toContain('Nothing of it is written before you approve the plan.');
    expect(html).toContain(
      '<form method="post" action="/api/v1/zones/cloudflare/023e105f4ecef8ad9ca31a8372d0c353/plan/approve"><input type="hidden" name="digest" value="b7d1c0ffee"/>',
    );
    expect(render([], { zones: [drifting(), asDeclared()] })).not.toContain('/plan/approve');
  });

  it('no plan to approve while it cannot be shown', () => {
    const unread = { ...toApprove(), plan: { ok: false as const, message: 'The relay is away.', hint: 'Start its job.' } };
    expect(words(unread)).toContain('The plan cannot be made now: The relay is away. Start its job.');
    expect(render([], { zones: [unread] })).not.toContain('/plan/approve');
  });

  it('that approved changes are being written', () => {
    expect(words(drifting())).toContain('example.net writing Cloudflare [dns.main] Declared records: 1 differs.');
  });

  it('that all is as declared, without more ado', () => {
    expect(words(asDeclared())).toContain('example.net well Cloudflare [dns.main] Declared records: 4 as declared.');
    expect(render([], { zones: [asDeclared()], authorities: [] })).not.toContain('<details');
  });

  it('once that it is stopped, although its last error says so as well', () => {
    const stopped = stoppedZone();
    const error = { code: 'dns_zone_stopped', message: 'Nothing is written to example.co.uk.', retryable: false };
    expect(words({ ...stopped, health: { ...stopped.health, lastError: { at: NOW, error } } })).not.toContain('dns_zone_stopped');
  });

  it('what happened in it lately: the weight and the first line, since the difference stands with the zone', () => {
    const event = {
      at: NOW,
      certificate: null,
      zone: 'example.co.uk',
      severity: 'critical' as const,
      kind: 'zone_stopped',
      message: 'A row is gone.\n- @ MX mail',
    };
    const html = /<section class="health events".*?<\/section>/s.exec(render([], { events: [event] }))?.[0] ?? '';
    expect(textOf(html)).toContain('example.co.uk A row is gone. ');
    expect(html).toContain('tone-bad');
    expect(html).not.toContain('@ MX mail');
  });

  it('nothing that its vendor could make run', () => {
    const hostile = '"><script>alert(1)</script>';
    const html = render([], {
      zones: [
        zone({
          zoneName: hostile,
          stopped: { at: NOW, message: hostile, lines: [hostile], command: hostile },
          lastError: { at: NOW, error: { code: 'dns_refused', message: hostile, retryable: false, hint: `${hostile} a.example CNAME b.example` } },
        }),
      ],
    });
    expect(html).not.toContain('<script>alert');
  });
});
