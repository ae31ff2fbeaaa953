/**
 * Parts that are down or lie: the certificate shows the phase, the reason and the time of the next try, goes on when the
 * part is back, and nothing is ordered twice. The in-repository CA issues here, because it can fail on demand.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CLOUDFLARE_SECRET, ZONE } from '../../infra/demo/configuration.ts';
import type { AcmeEmulator } from '../emulators/acme/acme.ts';
import type { CertificateView } from '../../functions/certificates/ports.ts';
import { Installation, wishFor } from './installation.ts';

const STRANGERS = [
  { name: ZONE, type: 'A', content: '192.0.2.10' },
  { name: `_acme-challenge.lost.${ZONE}`, type: 'TXT', content: '"a-strangers-proof"' },
];

let installation: Installation;
let ca: AcmeEmulator;
let strangers: unknown;

beforeAll(async () => {
  installation = await Installation.start({
    ca: 'stand-in',
    certificates: ['offline', 'nomad', 'revoked', 'html', 'limited', 'overload', 'order', 'finalize', 'unheard', 'lost', 'silent'],
    strangersRecords: STRANGERS,
  });
  const { acme } = installation.system;
  if (acme === undefined) throw new Error('These tests need the in-repository CA.');
  ca = acme;
  strangers = installation.foreignRecords();
}, 120_000);

afterAll(async () => installation?.stop());

afterEach(() => {
  installation.system.cloudflare.faults.clear();
  installation.nomad.faults.clear();
  ca.faults.clear();
});

/** Orders of a certificate beyond its first one, and how many of them were finalized. */
function renewalsAtTheCa(name: string): { orders: number; finalized: number } {
  const orders = [...ca.records.orders.values()].filter(({ names }) => names.includes(`${name}.${ZONE}`));
  return { orders: orders.length - 1, finalized: orders.filter(({ certificateId }) => certificateId !== undefined).length - 1 };
}

async function untilFailing(name: string, code: RegExp): Promise<CertificateView> {
  const failing = await installation.until(name, `failing with ${code}`, (view) => failureOf(view) !== null && code.test(failureOf(view)?.code ?? ''));
  expect(failing.state, name).toBe('failing');
  expect(failing.reason, name).toContain(failureOf(failing)?.message);
  expect(failing.waitingFor, name).toBe('The next try.');
  expect(failing.nextAt, name).not.toBeNull();
  expect(failureOf(failing)?.retryAt, name).toBeGreaterThan(Date.now());
  expect(failing.live, 'the old certificate stays').not.toBeNull();
  return failing;
}

function failureOf({ issuance, deliveries }: CertificateView) {
  return issuance?.failure ?? deliveries.find(({ failure }) => failure !== null)?.failure ?? null;
}

/** Everything is as it should be after one renewal. */
async function expectOneRenewal(name: string, timeoutMs = 30_000): Promise<void> {
  const live = await installation.untilLive(name, timeoutMs, 2);
  expect(live.history, name).toHaveLength(2);
  expect(installation.proxy(name).fingerprint, name).toBe(live.live?.sha256);
  expect(renewalsAtTheCa(name), name).toEqual({ orders: 1, finalized: 1 });
  expect(installation.foreignRecords()).toEqual(strangers);
}

describe('a part that is down', () => {
  it('the relay: the order waits for it and goes on by itself as soon as it dials in', async () => {
    await installation.relay.kill();
    await installation.force('offline');
    const failing = await untilFailing('offline', /^relay_/);
    expect(failing.phase).toBe('present');
    expect(failureOf(failing)?.hint).toBeTruthy();
    await installation.relay.start();
    await expectOneRenewal('offline');
  });

  it('Nomad: the pair waits for it and is delivered by itself when there is a leader again', async () => {
    const { variable } = wishFor('nomad');
    installation.nomad.faults.next({ kind: 'no-leader' }, 1_000, ({ path }) => path.endsWith(`/${variable}`));
    await installation.force('nomad');
    const failing = await untilFailing('nomad', /^nomad_/);
    expect(failing.phase).toBe('install');
    expect(failing.issuance?.failure).toBeNull();
    installation.nomad.faults.clear();
    await expectOneRenewal('nomad');
  });

  it('the DNS vendor that refuses the token: says whose token it is and what it lacks, and goes on when it has it', async () => {
    installation.system.cloudflare.faults.next({ kind: 'forbidden', path: '/dns_records', times: 1_000 });
    await installation.force('revoked');
    const failing = await untilFailing('revoked', /^dns_(unauthorized|forbidden)$/);
    // Before an order is spent on it.
    expect(failing.phase).toBe('order');
    expect(renewalsAtTheCa('revoked').orders).toBe(0);
    expect(failureOf(failing)?.message).toContain('[dns.main]');
    expect(failureOf(failing)?.hint).toContain(`secret:${CLOUDFLARE_SECRET}`);
    installation.system.cloudflare.faults.clear();
    await installation.wake('revoked');
    await expectOneRenewal('revoked');
  });

  it('the DNS vendor that answers with a page of its own', async () => {
    installation.system.cloudflare.faults.next({ kind: 'html', status: 502, times: 2 });
    await installation.force('html');
    const failing = await untilFailing('html', /^dns_vendor_failed$/);
    expect(failureOf(failing)?.message).toContain('502');
    installation.system.cloudflare.faults.clear();
    await installation.wake('html');
    await expectOneRenewal('html');
  });

  it('the DNS vendor that limits the rate: it is left alone for as long as it says', async () => {
    const before = Date.now();
    installation.system.cloudflare.faults.next({ kind: 'rate-limited', retryAfterSeconds: 4 });
    await installation.force('limited');
    const failing = await untilFailing('limited', /^dns_rate_limited$/);
    expect(failing.nextAt).toBeGreaterThanOrEqual(before + 4_000);
    await installation.until('limited', 'past the limit', () => Date.now() > before + 5_000);
    await installation.wake('limited');
    await expectOneRenewal('limited');
  });

  it('the CA: an order is not lost to its maintenance page', async () => {
    const recover = ca.faults.before(
      () => new Response('<html>maintenance</html>', { status: 503, headers: { 'content-type': 'text/html', 'retry-after': '2' } }),
    );
    const before = Date.now();
    await installation.force('overload');
    const failing = await untilFailing('overload', /^acme_/);
    expect(failing.phase).toBe('order');
    expect(failing.issuance?.failure?.class).toBe('overload');
    expect(failing.nextAt).toBeGreaterThanOrEqual(before + 2_000);
    recover();
    await installation.until('overload', 'past the pause', () => Date.now() > before + 4_000);
    await installation.wake('overload');
    await expectOneRenewal('overload');
  });
});

const jwsSchema = z.object({ payload: z.string() });
const orderSchema = z.object({ identifiers: z.array(z.object({ value: z.string() })) });

/** Lets requests that are about this certificate arrive, and keeps them from taking effect until released. */
function holdAtTheCa(route: 'newOrder' | 'finalize', name: string): { arrived: Promise<void>; release: () => void } {
  const arrival = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const withdraw = ca.faults.before(async ({ route: asked, request }) => {
    if (asked !== route || !(await namesIn(request)).includes(`${name}.${ZONE}`)) return undefined;
    arrival.resolve();
    await gate.promise;
    return undefined;
  });
  return {
    arrived: arrival.promise,
    release: () => {
      withdraw();
      gate.resolve();
    },
  };
}

async function namesIn(request: Request): Promise<readonly string[]> {
  const order = ca.records.orders.get(ca.paths.idOf('finalize', request.url) ?? '');
  if (order !== undefined) return order.names;
  const { payload } = jwsSchema.parse(await request.json());
  const parsed = orderSchema.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8') || 'null'));
  return parsed.success ? parsed.data.identifiers.map(({ value }) => value) : [];
}

describe('a call whose effect is in doubt', () => {
  it('is waited for until it cannot take effect any more, then the world is read; each renewal is finalized once', async () => {
    const { cloudflare } = installation.system;
    // Finalized, but nobody hears of it.
    ca.faults.loseReplies('finalize');
    await installation.force('unheard');
    await expect.poll(() => renewalsAtTheCa('unheard').finalized, { timeout: 15_000 }).toBe(1);
    const order = holdAtTheCa('newOrder', 'order');
    const finalize = holdAtTheCa('finalize', 'finalize');
    await installation.force('finalize');
    await finalize.arrived;
    await installation.force('order');
    await order.arrived;
    // A change of the zone that is applied without a word, and a question that is never answered.
    cloudflare.faults.next({ kind: 'reply-lost', method: 'POST', path: '/dns_records/batch' });
    await installation.force('lost');
    const doubtful = await untilFailing('lost', /^dns_/);
    expect(doubtful.phase).toBe('present');
    cloudflare.faults.next({ kind: 'timeout', method: 'GET', path: '/zones' });
    await installation.force('silent');

    installation.killWorkerd();
    order.release();
    finalize.release();
    const resumed = await installation.until(
      'order',
      'waiting for the interrupted call',
      ({ waitingFor }) => waitingFor === 'An interrupted call to be over for certain.',
    );
    expect(resumed.phase).toBe('order');

    await Promise.all(['order', 'finalize', 'unheard', 'lost', 'silent'].map((name) => installation.untilLive(name, 120_000, 2)));
    for (const name of ['finalize', 'unheard', 'lost', 'silent']) expect(renewalsAtTheCa(name), name).toEqual({ orders: 1, finalized: 1 });
    // A Worker that does not live to learn the URL of its order may leave a pending one behind, and never a finalized one.
    const { orders, finalized } = renewalsAtTheCa('order');
    expect(orders).toBeLessThanOrEqual(2);
    expect(finalized).toBe(1);
  });

  it("leaves no challenge record behind, and what is somebody else's as it was", async () => {
    await expect.poll(() => installation.challengeRecords().map(({ content }) => content), { timeout: 90_000 }).toEqual(['"a-strangers-proof"']);
    expect(installation.foreignRecords()).toEqual(strangers);
  });
});
