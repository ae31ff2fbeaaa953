/** The ledger of orders: what the CA would refuse is not sent, and nothing else is held back. */
import { array, assert as check, boolean, constantFrom, integer, oneof, property, record, type Arbitrary } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrderLedger, type OrderToAdmit } from '../../../functions/acme/ledger.ts';
import { registeredDomains } from '../../../functions/acme/scopes.ts';
import { KNOWN_LIMITS } from '../../../functions/config/authority-limits.ts';
import type { Bucket, Limits } from '../../../functions/config/configuration.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { memoryState } from './authority-in-memory.ts';
import { order, ORIGIN, problem } from './scripted-ca.ts';
import { failureOf, NOW, scriptedWorld } from './world.ts';

const LETS_ENCRYPT = KNOWN_LIMITS['letsencrypt'] ?? null;

let attempts = 0;
function asked(names: string[], changes: Partial<OrderToAdmit> = {}): OrderToAdmit {
  attempts += 1;
  return {
    names,
    replaces: false,
    attempt: `attempt-${attempts}`,
    inWindow: false,
    emergency: false,
    renewal: false,
    limits: LETS_ENCRYPT,
    caller: null,
    ...changes,
  };
}

function refusalOf(ledger: OrderLedger, wanted: OrderToAdmit, now: number): PerennialError | null {
  try {
    ledger.admit(wanted, now);
    return null;
  } catch (error) {
    if (error instanceof PerennialError && error.code === 'acme_limit_predicted') return error;
    throw error;
  }
}

describe('the registered domain of a name', () => {
  it.each([
    [['a.b.example.net', '*.example.net', 'example.net'], ['example.net']],
    [['www.example.co.uk', 'example.co.uk'], ['example.co.uk']],
    [
      ['one.github.io', 'deep.two.github.io'],
      ['one.github.io', 'two.github.io'],
    ],
    [
      ['github.io', 'host.internal'],
      ['github.io', 'host.internal'],
    ],
  ])('of %j is %j', (names, domains) => {
    expect(registeredDomains(names)).toEqual(domains);
  });
});

describe("Let's Encrypt's limits", () => {
  it('let 300 orders through at once, and then one every 36 seconds', () => {
    const ledger = new OrderLedger(memoryState());
    for (let count = 0; count < 300; count += 1) ledger.admit(asked([`host.example-${count}.net`]), NOW);
    expect(refusalOf(ledger, asked(['host.example-300.net']), NOW)).toMatchObject({
      code: 'acme_limit_predicted',
      retryable: true,
      retryAt: NOW + 36 * SECOND,
      message: expect.stringContaining('an account may place 300 at once and one more every 36 s') as string,
      details: { limit: 'newOrders', scope: 'account' },
    });
    expect(refusalOf(ledger, asked(['host.example-300.net']), NOW + 36 * SECOND)).toBeNull();
    expect(refusalOf(ledger, asked(['host.example-301.net']), NOW + 36 * SECOND)).toMatchObject({ retryAt: NOW + 72 * SECOND });
  });

  it('count what stands below a registered domain together, and other domains apart', () => {
    const ledger = new OrderLedger(memoryState());
    for (let count = 0; count < 50; count += 1) ledger.admit(asked([`host-${count}.example.net`]), NOW);
    expect(refusalOf(ledger, asked(['another.example.net', 'example.org']), NOW)).toMatchObject({
      retryAt: NOW + Math.round((7 * DAY) / 50),
      message: expect.stringContaining('for "example.net"') as string,
    });
    expect(refusalOf(ledger, asked(['another.example.org']), NOW)).toBeNull();
  });

  it('keep the last two certificates of a set for emergencies', () => {
    const ledger = new OrderLedger(memoryState());
    const set = ['b.example.net', 'a.example.net'];
    for (let count = 0; count < 3; count += 1) ledger.admit(asked(set), NOW);
    expect(refusalOf(ledger, asked([...set].reverse()), NOW)).toMatchObject({
      details: { limit: 'perSet' },
      message: expect.stringContaining('of which 2 are kept for emergencies') as string,
    });
    expect(refusalOf(ledger, asked(set, { emergency: true }), NOW)).toBeNull();
    expect(refusalOf(ledger, asked(set, { emergency: true }), NOW)).toBeNull();
    expect(refusalOf(ledger, asked(set, { emergency: true }), NOW)).toMatchObject({ retryAt: NOW + Math.round((7 * DAY) / 5) });
  });

  it('exempt a replacement inside its window from everything, and outside of it from nothing', () => {
    const ledger = new OrderLedger(memoryState());
    const set = ['example.net'];
    for (let count = 0; count < 20; count += 1) ledger.admit(asked(set, { replaces: true, inWindow: true }), NOW);
    for (let count = 0; count < 3; count += 1) ledger.admit(asked(set, { replaces: true }), NOW);
    expect(refusalOf(ledger, asked(set, { replaces: true }), NOW)).not.toBeNull();
    expect(refusalOf(ledger, asked(set, { inWindow: true }), NOW)).not.toBeNull();
  });

  it('exempt the renewal of a set from the limits of the account and the domain, not from that of the set', () => {
    const ledger = new OrderLedger(memoryState());
    ledger.issued(['host.example.net'], NOW - 60 * DAY);
    for (let count = 0; count < 50; count += 1) ledger.admit(asked([`host-${count}.example.net`]), NOW);
    for (let count = 0; count < 3; count += 1) expect(refusalOf(ledger, asked(['host.example.net']), NOW)).toBeNull();
    expect(refusalOf(ledger, asked(['host.example.net']), NOW)).toMatchObject({ details: { limit: 'perSet' } });
    // The caller may know what the ledger has lost.
    expect(refusalOf(ledger, asked(['other.example.net'], { renewal: true }), NOW)).toBeNull();
    expect(refusalOf(ledger, asked(['third.example.net']), NOW)).toMatchObject({ details: { limit: 'perDomain' } });
  });

  it('stop a name whose validation failed five times, once for each authorization', () => {
    const ledger = new OrderLedger(memoryState());
    const bucket = LETS_ENCRYPT?.failedValidations ?? { capacity: 1, refillMs: 1 };
    for (let count = 0; count < 5; count += 1) {
      const failure = { authorization: `https://ca.example.org/authorizations/${count}`, name: 'example.net' };
      expect(refusalOf(ledger, asked(['example.net', `host-${count}.example.org`]), NOW)).toBeNull();
      // Read again, it is the same failure.
      ledger.failed([failure], bucket, NOW);
      ledger.failed([failure], bucket, NOW);
    }
    expect(refusalOf(ledger, asked(['example.net', 'www.example.net']), NOW)).toMatchObject({
      retryAt: NOW + 12 * MINUTE,
      message: expect.stringContaining('of "example.net" may fail 5 at once') as string,
    });
    expect(refusalOf(ledger, asked(['www.example.net']), NOW)).toBeNull();
  });

  it('report the limit that ends last', () => {
    const ledger = new OrderLedger(memoryState());
    for (let count = 0; count < 3; count += 1) ledger.admit(asked(['example.net']), NOW);
    for (let count = 3; count < 300; count += 1) ledger.admit(asked([`example-${count}.net`]), NOW);
    expect(refusalOf(ledger, asked(['example.net']), NOW)).toMatchObject({ details: { limit: 'perSet' } });
  });

  it('are nobody’s guess where the CA publishes none', () => {
    const state = memoryState();
    const ledger = new OrderLedger(state);
    for (let count = 0; count < 400; count += 1) ledger.admit(asked(['example.net'], { limits: null }), NOW);
    expect(state.orders).toHaveLength(400);
  });
});

describe('an order in the ledger', () => {
  const one: Limits = { newOrders: { capacity: 1, refillMs: HOUR }, perDomain: null, perSet: { capacity: 1, refillMs: DAY }, failedValidations: null };

  it('counts once for a call that is repeated at once, and again for one that is sent again', () => {
    const state = memoryState();
    const ledger = new OrderLedger(state);
    const wanted = asked(['example.net'], { limits: { ...one, newOrders: { capacity: 2, refillMs: HOUR }, perSet: null } });
    ledger.admit(wanted, NOW);
    ledger.admit(wanted, NOW + 5 * SECOND);
    expect(state.orders).toHaveLength(1);
    ledger.admit(wanted, NOW + 45 * SECOND);
    expect(state.orders).toHaveLength(2);
    expect(refusalOf(ledger, wanted, NOW + 2 * MINUTE)).not.toBeNull();
  });

  it('is given back when the CA certainly has none', () => {
    const ledger = new OrderLedger(memoryState());
    const wanted = asked(['example.net'], { limits: one });
    ledger.admit(wanted, NOW);
    ledger.unplaced(wanted.attempt);
    ledger.unplaced(wanted.attempt);
    expect(refusalOf(ledger, asked(['example.net'], { limits: one }), NOW)).toBeNull();
    expect(refusalOf(ledger, asked(['example.net'], { limits: one }), NOW)).not.toBeNull();
  });

  it('that turned invalid gives the certificate back and not the order, once', () => {
    const ledger = new OrderLedger(memoryState());
    ledger.admit(asked(['example.net'], { limits: one }), NOW);
    ledger.invalid('https://ca.example.org/orders/1', ['example.net']);
    expect(refusalOf(ledger, asked(['example.net'], { limits: one }), NOW)).toMatchObject({ details: { limit: 'newOrders' } });
    expect(refusalOf(ledger, asked(['example.net'], { limits: one }), NOW + HOUR)).toBeNull();
    ledger.invalid('https://ca.example.org/orders/1', ['example.net']);
    expect(refusalOf(ledger, asked(['example.net'], { limits: one }), NOW + 3 * HOUR)).toMatchObject({ details: { limit: 'perSet' } });
  });

  it('is forgotten after the longest window', () => {
    const state = memoryState();
    const ledger = new OrderLedger(state);
    ledger.admit(asked(['example.net']), NOW);
    ledger.admit(asked(['example.net']), NOW + 8 * DAY);
    expect(state.orders).toHaveLength(2);
    ledger.admit(asked(['example.net']), NOW + 31 * DAY);
    expect(state.orders.map(({ at }) => at)).toEqual([NOW + 8 * DAY, NOW + 31 * DAY]);
  });
});

describe('callers that were refused', () => {
  it('get moments of their own, as fast as the limit refills, and keep them', () => {
    const state = memoryState();
    const ledger = new OrderLedger(state);
    for (let count = 0; count < 300; count += 1) ledger.admit(asked([`example-${count}.net`]), NOW);
    const retryOf = (caller: string, now: number) => refusalOf(ledger, asked([`${caller}.net`], { caller }), now)?.retryAt;
    const moments = ['one', 'two', 'three'].map((caller) => retryOf(caller, NOW));
    expect(moments).toEqual([NOW + 36 * SECOND, NOW + 72 * SECOND, NOW + 108 * SECOND]);
    expect(retryOf('two', NOW + SECOND)).toBe(moments[1]);
    // Each of them finds its token.
    for (const [index, caller] of ['one', 'two', 'three'].entries()) expect(retryOf(caller, moments[index] ?? NOW)).toBeUndefined();
  });
});

/** A model of the CA's bucket that keeps credit instead of an arrival time: `capacity` tokens, refilled continuously. */
class ModelBucket {
  readonly #bucket: Bucket;
  #credit: number;
  #at: number;
  constructor(bucket: Bucket, now: number) {
    this.#bucket = bucket;
    this.#credit = bucket.capacity * bucket.refillMs;
    this.#at = now;
  }
  tokens(now: number): number {
    this.#credit = Math.min(this.#bucket.capacity * this.#bucket.refillMs, this.#credit + now - this.#at);
    this.#at = now;
    return Math.floor(this.#credit / this.#bucket.refillMs);
  }
  add(count: number, now: number): void {
    this.tokens(now);
    this.#credit = Math.min(this.#bucket.capacity * this.#bucket.refillMs, this.#credit + count * this.#bucket.refillMs);
  }
}

type Happening = { passed: number } & (
  { do: 'order'; set: number; emergency: boolean; window: boolean } | { do: 'fail'; name: number } | { do: 'invalid' | 'unplaced' | 'issued' }
);

const SETS = [['a.example.net'], ['b.example.net'], ['a.example.net', 'b.example.net'], ['a.example.org', 'example.net'], ['example.org']];
const NAMES = [...new Set(SETS.flat())];

describe('whatever happens', () => {
  const limits: Limits = {
    newOrders: { capacity: 6, refillMs: 10 * SECOND },
    perDomain: { capacity: 5, refillMs: 40 * SECOND },
    perSet: { capacity: 4, refillMs: 90 * SECOND },
    failedValidations: { capacity: 2, refillMs: 60 * SECOND },
  };
  const happening: Arbitrary<Happening> = oneof(
    {
      weight: 6,
      arbitrary: record({
        do: constantFrom('order' as const),
        passed: integer({ min: 0, max: 60_000 }),
        set: integer({ min: 0, max: SETS.length - 1 }),
        emergency: boolean(),
        window: boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: record({ do: constantFrom('fail' as const), passed: integer({ min: 0, max: 30_000 }), name: integer({ min: 0, max: NAMES.length - 1 }) }),
    },
    { weight: 2, arbitrary: record({ do: constantFrom('invalid' as const, 'unplaced' as const, 'issued' as const), passed: integer({ min: 0, max: 5_000 }) }) },
  );

  it('the CA refuses none of our orders, and would have refused each that was not sent, but for the reserve', () => {
    check(
      property(array(happening, { minLength: 1, maxLength: 60 }), (happenings) => {
        const ledger = new OrderLedger(memoryState());
        const buckets = new Map<string, ModelBucket>();
        const bucketOf = (scope: string, bucket: Bucket) => {
          const found = buckets.get(scope) ?? new ModelBucket(bucket, NOW);
          buckets.set(scope, found);
          return found;
        };
        const known = new Set<number>();
        let last: { set: number; attempt: string; charged: string[] } | null = null;
        let now = NOW;
        let counter = 0;
        for (const each of happenings) {
          now += each.passed;
          counter += 1;
          if (each.do === 'order') {
            const names = SETS[each.set] ?? [];
            const wanted = asked(names, { limits, emergency: each.emergency, inWindow: each.window, replaces: each.window });
            const demanded: [string, Bucket | null][] = [
              ...(known.has(each.set)
                ? []
                : ([['orders', limits.newOrders], ...registeredDomains(names).map((domain) => [`domain ${domain}`, limits.perDomain])] as [
                    string,
                    Bucket | null,
                  ][])),
              [`set ${each.set}`, limits.perSet],
            ];
            const failures: [string, Bucket | null][] = names.map((name) => [`failures ${name}`, limits.failedValidations]);
            const tokens = (list: [string, Bucket | null][]) =>
              list.map(([scope, bucket]) => (bucket === null ? Infinity : bucketOf(scope, bucket).tokens(now)));
            const spare = tokens([...demanded, ...failures]).every((count) => count >= 1);
            const inReserve = !each.emergency && (tokens([[`set ${each.set}`, limits.perSet]])[0] ?? 0) <= 2;
            const sent = refusalOf(ledger, wanted, now) === null;
            expect(sent).toBe(each.window || (spare && !inReserve));
            if (sent) {
              const charged = each.window ? [] : demanded.map(([scope]) => scope);
              for (const scope of charged) buckets.get(scope)?.add(-1, now);
              last = { set: each.set, attempt: wanted.attempt, charged };
            }
          } else if (each.do === 'fail') {
            const name = NAMES[each.name] ?? '';
            const model = bucketOf(`failures ${name}`, limits.failedValidations ?? { capacity: 1, refillMs: 1 });
            if (model.tokens(now) >= 1) model.add(-1, now);
            ledger.failed([{ authorization: `https://ca.example.org/${counter}`, name }], limits.failedValidations ?? { capacity: 1, refillMs: 1 }, now);
          } else if (last !== null) {
            const names = SETS[last.set] ?? [];
            if (each.do === 'issued') {
              known.add(last.set);
              ledger.issued(names, now);
              continue;
            }
            const back = last.charged.filter((scope) => each.do === 'unplaced' || scope !== 'orders');
            for (const scope of back) buckets.get(scope)?.add(1, now);
            if (each.do === 'unplaced') ledger.unplaced(last.attempt);
            else ledger.invalid(`https://ca.example.org/orders/${counter}`, names);
            last = null;
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a session with a CA whose limits are known', () => {
  const limits: Limits = { newOrders: { capacity: 1, refillMs: HOUR }, perDomain: null, perSet: null, failedValidations: { capacity: 1, refillMs: HOUR } };
  const wanted = { names: ['example.net'], profile: null, replaces: null };

  it('sends nothing that would be refused, and says which limit holds and until when', async () => {
    const { ca, port } = scriptedWorld({ authority: { limits } });
    const session = await port.open('ca', null);
    await session.newOrder(wanted);
    const before = ca.requests.length;
    const failure = await failureOf(session.newOrder(wanted));
    expect(failure).toMatchObject({ code: 'acme_limit_predicted', retryAt: NOW + HOUR });
    expect(port.classify(failure)).toBe('limit');
    expect(ca.requests).toHaveLength(before);
  });

  it('takes an order back that the CA refused, and not one whose reply was lost', async () => {
    const { ca, port, state, pass } = scriptedWorld({ authority: { limits } });
    const session = await port.open('ca', null);
    ca.script('/new-order', problem(400, 'rejectedIdentifier', 'no'));
    await failureOf(session.newOrder(wanted));
    expect(state.orders.map(({ outcome }) => outcome)).toEqual(['unplaced']);
    ca.script('/new-order', () => new Response('{"sta', { status: 201, headers: { 'content-type': 'application/json', location: '/orders/1' } }));
    expect(await failureOf(session.newOrder(wanted))).toMatchObject({ code: 'acme_reply_malformed' });
    expect(state.orders.map(({ outcome }) => outcome)).toEqual(['unplaced', null]);
    pass(MINUTE);
    expect(await failureOf(session.newOrder(wanted))).toMatchObject({ code: 'acme_limit_predicted' });
  });

  it('enters failed validations when it reads them, and the end of an order', async () => {
    const { ca, port, state, pass } = scriptedWorld({ authority: { limits } });
    const session = await port.open('ca', null);
    await session.newOrder(wanted);
    ca.script('/orders/1', Response.json(order({ status: 'invalid', identifiers: [{ type: 'dns', value: 'example.net' }] })));
    await session.order(`${ORIGIN}/orders/1`);
    expect(state.orders.map(({ outcome }) => outcome)).toEqual(['invalid']);
    const authorization = { identifier: { type: 'dns', value: 'example.net' }, status: 'invalid', challenges: [] };
    ca.script('/authorizations/1', Response.json(authorization), Response.json(authorization));
    await session.authorizations([`${ORIGIN}/authorizations/1`]);
    await session.authorizations([`${ORIGIN}/authorizations/1`]);
    pass(HOUR - 1);
    expect(await failureOf(session.newOrder(wanted))).toMatchObject({ code: 'acme_limit_predicted', retryAt: NOW + HOUR });
    pass(1);
    await expect(session.newOrder(wanted)).resolves.toMatchObject({ status: 'pending' });
  });

  it('counts an order that goes out without `replaces` after all', async () => {
    const { ca, port } = scriptedWorld({ authority: { limits } });
    const session = await port.open('ca', null);
    await session.newOrder(wanted);
    ca.script('/new-order', problem(409, 'alreadyReplaced', 'already replaced'));
    const replacing = { ...wanted, replaces: 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE', inWindow: true };
    expect(await failureOf(session.newOrder(replacing))).toMatchObject({ code: 'acme_limit_predicted' });
  });
});
