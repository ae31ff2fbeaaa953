import { describe, expect, it } from 'vitest';
import {
  certificateModel,
  certificatePage,
  errorPage,
  loginPage,
  notFoundPage,
  PAGE_ASSETS,
  publicPage,
  type OverallState,
} from '../../../functions/web/pages/index.ts';
import { delivery, drifted, healthy, instance, LEAF, needsAttention, NOW, partlyLive, renewing, revoked, revoking, rolledBack } from './samples.ts';

const textOf = (html: string): string => html.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');

describe('without a token', () => {
  const states: OverallState[] = ['well', 'working', 'attention', 'failing', 'misconfigured', 'empty'];
  it.each(states)('the page of state "%s" is one sentence without names or numbers', (state) => {
    expect(textOf(publicPage(state).toString()).trim()).toMatch(/^Perennial [A-Z][a-z ]+\. Sign in to see more\.$/);
  });

  it('sign-in posts the token, never puts it into an address, and announces a refusal', () => {
    const html = loginPage('That token does not open this page.').toString();
    expect(html).toContain('<form class="login" method="post" action="/login">');
    expect(html).toContain('type="password"');
    expect(html).toContain('role="alert"');
    expect(loginPage().toString()).not.toContain('role="alert"');
  });

  it('pages that say no reveal no cause', () => {
    expect(textOf(notFoundPage().toString())).toContain('There is no such page, or no certificate of that name.');
    expect(textOf(errorPage('8f2c').toString())).toContain('The log has the cause under 8f2c.');
  });
});

describe('the page of one certificate', () => {
  const page = (view: ReturnType<typeof healthy>): string => certificatePage(certificateModel(view, NOW), NOW).toString();

  it('has the whole fingerprint, serial and validity', () => {
    const words = textOf(page(healthy()));
    expect(words.replaceAll(' ', '')).toContain(LEAF);
    expect(words).toContain('05a1f2c3d4e5f60718293a4b5c6d7e8f9a0b');
    expect(words).toContain('23 Oct 2026, 01:07 UTC to 21 Jan 2027, 01:07 UTC');
  });

  it('lists every instance with verdict and detail, however many', () => {
    const words = textOf(page({ ...healthy(), deliveries: [delivery({ instances: Array.from({ length: 40 }, (_, index) => instance(index)) })] }));
    for (let index = 0; index < 40; index += 1) expect(words).toContain(`10.20.0.${10 + index}:443 `);
    expect(textOf(page(partlyLive()))).toContain('unreachable connect: no route to host');
  });

  it('says what an instance serves that is not ours: leaf, issuer and until when', () => {
    expect(textOf(page(rolledBack()))).toContain('served another certificate 74c1 f09b e7a2 5d38… Somebody’s own CA, valid until 31 Dec 2026');
  });

  it('names key, profile and the CA’s suggestion, and gives the address of its explanation as text alone', () => {
    expect(textOf(page(revoked()))).toContain('RSA 2048');
    expect(textOf(page(needsAttention()))).toContain('Ordered from google, ECDSA P-256, profile tlsserver');
    const html = page(revoked());
    expect(textOf(html)).toContain('19 Nov 2026, 01:07 UTC to 20 Nov 2026, 01:07 UTC Chosen in it: 2 days ago');
    expect(html).toContain('<code>https://ca.example/incidents/2026-11-20?a=&lt;b&gt;</code>');
    expect(html).not.toMatch(/<a [^>]*href="(?!\/)/);
    expect(textOf(html)).toContain('the last 2 answers could not be had');
  });

  it('shows both fingerprints of a drift, and those that are quarantined', () => {
    const view = drifted();
    const message = `The variable holds ${'7'.repeat(64)}, and ${LEAF} was installed.`;
    const failure = { code: 'drift', message, hint: 'Redeliver to put ours back.', retryAt: NOW };
    expect(textOf(page({ ...view, deliveries: [delivery({ state: 'drift', failure })] }))).toContain(
      'The variable holds 7777 7777 7777 7777… , and a4c1 f09b e7a2 5d38… was installed. drift',
    );
    expect(textOf(page(rolledBack()))).toContain('Quarantined a4c1 f09b e7a2 5d38…');
  });

  it('offers to revoke what is live, by a form that asks for the name, and no more once that was asked for', () => {
    const html = page(healthy());
    expect(html).toContain('action="/api/v1/certificates/matrix/revoke"');
    expect(html).toContain(`<input type="hidden" name="sha256" value="${LEAF}"/>`);
    expect(html).toMatch(/<input id="confirm" name="confirm" required=""/);
    for (const view of [revoked(), revoking(), { ...healthy(), live: null }]) expect(page(view)).not.toContain('/revoke');
  });

  it('tells of each past issuance how it ended and what every phase took', () => {
    const words = textOf(page(healthy()));
    expect(words).toContain('live 11 s');
    for (const phase of ['order 0.6 s', 'propagate 5.4 s', 'install 90 ms', 'reload 4 ms', 'verify 1.0 s']) expect(words).toContain(phase);
    expect(words).toContain('requests: 10 ACME, 4 DNS, 6 relay');
  });

  it('names each server that was asked while the records spread', () => {
    const words = textOf(page(renewing()));
    expect(words).toContain('ada.ns.cloudflare.com sees them');
    expect(words).toContain('bob.ns.cloudflare.com not yet');
  });
});

describe('the static files', () => {
  it('have the types that nosniff needs, and load nothing from elsewhere', () => {
    expect(PAGE_ASSETS.map(({ path, type }) => [path, type.split(';')[0]])).toEqual([
      ['/style.css', 'text/css'],
      ['/live.js', 'text/javascript'],
      ['/favicon.svg', 'image/svg+xml'],
    ]);
    for (const { body } of PAGE_ASSETS) expect(body.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|@import|url\(/);
  });
});
