/**
 * A CA of one's own, under its own root, that the edge cannot reach: Cloudflare answers 525 in its place. Its requests move
 * to the relay by themselves, and stay there, also for a Worker that was killed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AcmeEmulator } from '../emulators/acme/acme.ts';
import { untilReady } from '../faults/victims.ts';
import { Installation } from './installation.ts';

let installation: Installation;
let ca: AcmeEmulator;
/** Requests that came straight from the Worker, and those that came through the relay. */
const came = { direct: 0, relayed: 0 };

/** Where the CA listens and what it shows: known before the relay's law is written. */
const listener = { port: 0, pem: '' };

beforeAll(async () => {
  installation = await Installation.start({
    ca: 'stand-in',
    certificates: ['first', 'second'],
    issue: 'begin',
    toml: (text) => text.replace('egress = "direct"', 'egress = "auto"'),
    law: (law) => ({
      ...law,
      egress: [{ host: 'localhost', port: listener.port, methods: ['GET', 'HEAD', 'POST'], pathPrefix: '/', allowPrivate: true, ca: listener.pem }],
    }),
    between: async (part, url, tls) => {
      if (part === 'ca') Object.assign(listener, { port: Number(new URL(url).port), pem: tls.caPem });
      return url;
    },
    prepare: ({ system: { acme } }) => {
      if (acme === undefined) throw new Error('These tests need the in-repository CA.');
      ca = acme;
      ca.faults.before(({ request }) => {
        // Every request of a Worker carries it.
        const direct = request.headers.has('cf-worker');
        came[direct ? 'direct' : 'relayed'] += 1;
        return direct ? new Response('error code: 525', { status: 525, headers: { 'content-type': 'text/plain' } }) : undefined;
      });
    },
  });
}, 120_000);

afterAll(async () => installation?.stop());

async function expectRenewals(count: number): Promise<void> {
  for (const name of ['first', 'second']) {
    // oxlint-disable-next-line no-await-in-loop -- both are on their way
    const { live } = await installation.untilLive(name, 60_000, count);
    expect(installation.proxy(name).fingerprint).toBe(live?.sha256);
  }
  expect(ca.records.certificates.size).toBe(2 * count);
}

it('is asked through the relay as soon as the edge has failed to reach it, and its chain is held to its own root', async () => {
  await expectRenewals(1);
  expect(came.direct).toBeGreaterThan(0);
  // The way that works is known to all certificates after the first requests.
  expect(came.direct).toBeLessThanOrEqual(6);
  expect(came.relayed).toBeGreaterThan(10);
});

it('is remembered to be reached that way, by a Worker that has just been killed as well', async () => {
  const { direct } = came;
  installation.killWorkerd();
  // Wrangler needs a moment to notice.
  await sleep(1_000);
  await untilReady(installation);
  for (const name of ['first', 'second']) {
    // oxlint-disable-next-line no-await-in-loop -- immediate
    await installation.force(name);
  }
  await expectRenewals(2);
  expect(came.direct).toBe(direct);
});
