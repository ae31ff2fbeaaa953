/**
 * A CA that misbehaves, in every way that we know of (`test/emulators/acme/misbehaviours/`): each certificate meets one of
 * them, all at the same time. What heals by itself comes right by itself; everything else has one class, one code and a
 * sentence that says what to do, and a manual renew tries again at once. Whatever happens, no certificate is issued twice.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CertificateView, FailureClass } from '../../functions/certificates/ports.ts';
import { ZONE } from '../../infra/demo/configuration.ts';
import type { AcmeEmulator } from '../emulators/acme/acme.ts';
import * as chains from '../emulators/acme/misbehaviours/chains.ts';
import * as limits from '../emulators/acme/misbehaviours/limits.ts';
import type { Misbehaviour } from '../emulators/acme/misbehaviours/misbehaviour.ts';
import * as orders from '../emulators/acme/misbehaviours/orders.ts';
import * as renewalInformation from '../emulators/acme/misbehaviours/renewal-information.ts';
import * as replies from '../emulators/acme/misbehaviours/replies.ts';
import * as whole from '../emulators/acme/misbehaviours/whole.ts';
import { Installation } from './installation.ts';

/** It comes right without anybody. */
const HEALS: readonly Misbehaviour[] = [
  orders.STUCK_PROCESSING,
  orders.CERTIFICATE_NOT_FOUND,
  orders.ORDER_NOT_READY,
  orders.ACCOUNT_UNKNOWN,
  chains.MISSING_INTERMEDIATE,
  chains.UNORDERED_CHAIN,
  chains.FOREIGN_SIGNATURE,
  replies.TRUNCATED_BODY,
  replies.OVERSIZED_BODY,
  replies.WRONG_CONTENT_TYPE,
  replies.REDIRECT,
  replies.FOREIGN_URLS,
  renewalInformation.WINDOW_IN_THE_PAST,
  renewalInformation.WINDOW_BACKWARDS,
  renewalInformation.NO_RETRY_AFTER,
  renewalInformation.RENEWAL_INFO_FAILS,
];

interface Failing {
  misbehaviour: Misbehaviour;
  class: FailureClass;
  code: string;
  /** What the page says, in the CA's words or ours. */
  says: RegExp;
  /** It waits at least so long by itself, seconds. */
  waits: number;
  /** Certificates that it costs at most: what the CA has signed for somebody else is not ours. */
  costs?: number;
}

/** It waits, and comes right when a person renews after the CA has mended its ways. */
const FAILS: readonly Failing[] = [
  { misbehaviour: orders.FINALIZE_REPLY_LOST, class: 'overload', code: 'acme_unreachable', says: /cannot be reached/, waits: 0 },
  { misbehaviour: orders.BAD_CSR, class: 'permanent', code: 'acme_bad_csr', says: /list of weak keys/, waits: 3_600 },
  { misbehaviour: orders.ORDER_INVALID, class: 'validation', code: 'acme_validation_failed', says: /lost its authorization/, waits: 800 },
  { misbehaviour: replies.TEXT_525, class: 'overload', code: 'acme_unreachable', says: /HTTP 525/, waits: 0 },
  { misbehaviour: replies.SLOW_BODY, class: 'overload', code: 'acme_timeout', says: /did not answer within 20 s/, waits: 0 },
  { misbehaviour: limits.PAUSED, class: 'paused', code: 'acme_paused', says: /https:\/\/portal\.letsencrypt\.org\/sfe\/v1\/unpause\?jwt=/, waits: 0 },
  {
    misbehaviour: chains.WRONG_KEY,
    class: 'protocol',
    code: 'chain_key_mismatch',
    says: /fetching it again has not changed that.* another key/,
    waits: 0,
    costs: 2,
  },
  {
    misbehaviour: chains.WRONG_NAMES,
    class: 'protocol',
    code: 'chain_names_mismatch',
    says: /fetching it again has not changed that.*stranger\.example/,
    waits: 0,
    costs: 2,
  },
];

/** It stays as it is for as long as the CA has said, and the CA is not asked again meanwhile. */
const LIMITS: readonly Misbehaviour[] = [limits.DOMAIN_LIMIT, limits.EXACT_SET_LIMIT, limits.FAILED_VALIDATIONS_LIMIT];

/** Refusals of `replaces` do not cost the certificate. */
const REPLACEMENTS: readonly Misbehaviour[] = [orders.ALREADY_REPLACED, orders.REPLACES_FORBIDDEN, orders.REPLACES_UNKNOWN, orders.REPLACES_MALFORMED];

const EVERYBODY = ['nonces', 'ahead', 'behind', 'reused', 'moved', 'next', 'first', 'second'];

const named = (prefix: string, misbehaviours: readonly Misbehaviour[]) =>
  misbehaviours.map((misbehaviour, index) => ({ name: `${prefix}-${index}`, misbehaviour }));
const healing = named('heals', HEALS);
const failing = FAILS.map((expected, index) => ({ ...expected, name: `fails-${index}` }));
const limited = named('limited', LIMITS);
const replacing = named('replaces', REPLACEMENTS);

let installation: Installation;
let ca: AcmeEmulator;
const ends = new Map<string, () => void>();

beforeAll(async () => {
  const meeting = [...healing, ...failing, ...limited, ...replacing];
  installation = await Installation.start({
    ca: 'stand-in',
    certificates: [...meeting.map(({ name }) => name), ...EVERYBODY],
    issue: 'begin',
    prepare: ({ system: { acme } }) => {
      if (acme === undefined) throw new Error('These tests need the in-repository CA.');
      ca = acme;
      for (const { name, misbehaviour } of meeting) ends.set(name, misbehaviour.begin(ca, `${name}.${ZONE}`));
    },
  });
}, 120_000);

afterAll(async () => installation?.stop());

function ordersOf(name: string): { orders: number; issued: number } {
  const found = [...ca.records.orders.values()].filter(({ names }) => names.includes(`${name}.${ZONE}`));
  return { orders: found.length, issued: found.filter(({ certificateId }) => certificateId !== undefined).length };
}

async function untilFailing(name: string, code: string, says = /./): Promise<NonNullable<NonNullable<CertificateView['issuance']>['failure']>> {
  const view = await installation.until(
    name,
    `failing with ${code}`,
    ({ issuance }) => issuance?.failure?.code === code && says.test(issuance.failure.message),
    60_000,
  );
  const failure = view.issuance?.failure;
  if (failure == null) throw new Error(`${name} does not fail.`);
  expect(['failing', 'needs-attention'], name).toContain(view.state);
  expect(view.reason, 'the page says what is wrong').toContain(failure.message);
  expect(failure.hint, 'and what to do').toBeTruthy();
  return failure;
}

async function expectServed(name: string, renewals = 1): Promise<void> {
  const view = await installation.untilLive(name, 90_000, renewals);
  await expect.poll(() => installation.proxy(name).fingerprint).toBe(view.live?.sha256);
}

describe('a CA that', () => {
  for (const { name, misbehaviour } of healing) {
    it(`${misbehaviour.name}: comes right by itself, with one certificate`, async () => {
      await expectServed(name);
      expect(ordersOf(name)).toEqual({ orders: 1, issued: 1 });
      ends.get(name)?.();
    });
  }

  for (const { name, misbehaviour, class: failureClass, code, says, waits, costs = 1 } of failing) {
    it(`${misbehaviour.name}: ${failureClass}, ${code}; renewed by hand, it comes right`, async () => {
      const failure = await untilFailing(name, code, says);
      expect(failure.class).toBe(failureClass);
      if (waits > 0 && !failure.stopped) expect(failure.retryAt).toBeGreaterThanOrEqual(Date.now() + waits * 1_000 - 200_000);
      ends.get(name)?.();
      await installation.wake(name);
      await expectServed(name);
      expect(ordersOf(name).issued, 'certificates issued').toBeLessThanOrEqual(costs);
    });
  }

  for (const { name, misbehaviour } of limited) {
    it(`${misbehaviour.name}: is left alone until it said, and nobody else suffers`, async () => {
      const failure = await untilFailing(name, 'acme_rate_limited');
      expect(failure.class).toBe('limit');
      expect(failure.retryAt).toBeGreaterThan(Date.now() + 3_500_000);
      expect(failure.message).toContain('retry after');
      ends.get(name)?.();
      await installation.wake(name);
      await untilFailing(name, 'acme_breaker_open');
      expect(ordersOf(name), 'the CA was not asked again').toEqual({ orders: 0, issued: 0 });
    });
  }

  for (const { name, misbehaviour } of replacing) {
    it(`${misbehaviour.name}: gets an order without that word`, async () => {
      await expectServed(name);
      await installation.force(name);
      await expectServed(name, 2);
      expect(ordersOf(name)).toEqual({ orders: 2, issued: 2 });
      const last = [...ca.records.orders.values()].findLast(({ names }) => names.includes(`${name}.${ZONE}`));
      expect(last?.replaces).toBeUndefined();
    });
  }
});

describe('a CA that, for everybody,', () => {
  async function renew(name: string): Promise<void> {
    await installation.untilLive(name, 60_000);
    await installation.force(name);
    await expectServed(name, 2);
    expect(ordersOf(name)).toEqual({ orders: 2, issued: 2 });
  }

  it(`${whole.NONCES_REFUSED.name}: costs requests and no order`, async () => {
    const end = whole.NONCES_REFUSED.begin(ca);
    await renew('nonces');
    end();
  });

  it.each([
    ['ahead', whole.CLOCK_AHEAD],
    ['behind', whole.CLOCK_BEHIND],
  ] as const)('%s: issues as ever', async (name, misbehaviour) => {
    const end = misbehaviour.begin(ca);
    await renew(name);
    end();
  });

  it(`${whole.AUTHORIZATIONS_REUSED.name}, though they were given up: needs no challenge, and writes nothing into the zone`, async () => {
    await installation.untilLive('reused', 60_000);
    const own = [...ca.records.authorizations.values()].filter(({ name }) => name === `reused.${ZONE}`);
    await expect.poll(() => own.map(({ status }) => status), { timeout: 30_000 }).toEqual(own.map(() => 'deactivated'));
    for (const authorization of own) authorization.status = 'valid';
    const end = whole.AUTHORIZATIONS_REUSED.begin(ca);
    await installation.force('reused');
    await expectServed('reused', 2);
    end();
    expect(ordersOf('reused')).toEqual({ orders: 2, issued: 2 });
    const [renewed, first] = (await installation.view('reused')).history;
    expect(renewed?.phases.map(({ name }) => name)).not.toContain('propagate');
    expect(renewed?.requests.dns).toBeLessThan(first?.requests.dns ?? 0);
  });

  it(`${whole.DIRECTORY_MOVED.name} while an order is open: the order goes on, and the next one finds its way`, async () => {
    await installation.untilLive('moved', 60_000);
    const release = installation.system.dns.world.faults.add({
      kind: 'rcode',
      rcode: 'NXDOMAIN',
      server: 'ns2.test-dns.example',
      name: `_acme-challenge.moved.${ZONE}`,
    });
    await installation.force('moved');
    await installation.untilPhase('moved', 'propagate');
    whole.DIRECTORY_MOVED.begin(ca);
    release();
    await expectServed('moved', 2);
    expect(ordersOf('moved')).toEqual({ orders: 2, issued: 2 });
    await installation.untilLive('next');
    await installation.force('next');
    await expectServed('next', 2);
  });

  it(`${limits.ACCOUNT_LIMIT.name}: stops everybody's orders until it said, before the CA is asked`, async () => {
    const end = limits.ACCOUNT_LIMIT.begin(ca);
    await installation.force('first');
    const { retryAt } = await untilFailing('first', 'acme_rate_limited');
    expect(retryAt).toBeGreaterThan(Date.now() + 3_500_000);
    end();
    await installation.force('second');
    await untilFailing('second', 'acme_breaker_open');
    expect([ordersOf('first'), ordersOf('second')]).toEqual([
      { orders: 1, issued: 1 },
      { orders: 1, issued: 1 },
    ]);
  });
});
