/** The fault harness itself: what it strikes is what it says, and the same seed strikes the same. */
import * as fc from 'fast-check';
import { encode } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import type { Call, CallReply } from '../../faults/calls.ts';
import { parseArguments } from '../../faults/arguments.ts';
import { Orders } from '../../faults/orders.ts';
import { furtherStrikes, planStrikes } from '../../faults/plan.ts';
import { nameOf, pointsOf, type Point } from '../../faults/points.ts';
import { Switchboard, type HeldCall } from '../../faults/switchboard.ts';
import { FrameReader } from '../../faults/taps/frames.ts';
import { fateOf } from '../../faults/victims.ts';

const call = (part: Call['part'], method: string, path: string, body: Buffer | string = ''): Call => ({ part, method, path, body: Buffer.from(body) });
const reply = (body: unknown = {}, location: string | null = null, status = 200): CallReply => ({ status, location, body: Buffer.from(JSON.stringify(body)) });
const jws = (payload: unknown): string => JSON.stringify({ protected: '', payload: Buffer.from(JSON.stringify(payload)).toString('base64url'), signature: '' });
const newOrder = (name: string): Call => call('ca', 'POST', '/order-plz', jws({ identifiers: [{ type: 'dns', value: `${name}.example.net` }] }));

describe('frames of a WebSocket', () => {
  it('are cut out of the stream whole, however it arrives', () => {
    const masked = Buffer.from([0x81, 0x85, 1, 2, 3, 4, ...[...Buffer.from('hello')].map((byte, index) => byte ^ ((index % 4) + 1))]);
    const long = Buffer.concat([Buffer.from([0x81, 126, 1, 44]), Buffer.alloc(300, 'x')]);
    const stream = Buffer.concat([Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), masked, long, Buffer.from([0x89, 0])]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 50 }), (sizes) => {
        const reader = new FrameReader();
        const frames = [];
        let at = 0;
        for (let index = 0; at < stream.length; index += 1) {
          const size = sizes[index % sizes.length] ?? 1;
          frames.push(...reader.push(stream.subarray(at, at + size)));
          at += size;
        }
        expect(frames.map(({ text }) => text)).toEqual([null, 'hello', 'x'.repeat(300), null]);
        expect(Buffer.concat(frames.map(({ bytes }) => bytes))).toEqual(stream);
      }),
    );
  });
});

describe('the switchboard', () => {
  it('knows whose call it is by names, and by the URLs and ids that replies gave out', async () => {
    const board = new Switchboard(['struck-01', 'struck-02']);
    board.begin();
    const order = newOrder('struck-02');
    await board.before(order);
    await board.after(
      order,
      reply({ authorizations: ['https://ca.example/authZ/1'], finalize: 'https://ca.example/finalize-order/7' }, 'https://ca.example/my-order/7', 201),
    );
    await board.before(call('ca', 'POST', '/authZ/1', jws('')));
    await board.before(call('ca', 'POST', '/authZ/9', jws('')));
    await board.before(
      call('resolver', 'POST', '/dns-query', encode({ type: 'query', questions: [{ type: 'TXT', name: '_acme-challenge.struck-01.example.net' }] })),
    );
    await board.before(
      call('link', 'POST', '/v1/keys', JSON.stringify({ issuance: '01234567-89ab-4def-8123-456789abcdef', names: ['struck-01.example.net'] })),
    );
    await board.before(call('nomad', 'PUT', '/v1/var/nomad/jobs/relay/keys/01234567-89ab-4def-8123-456789abcdef?namespace=default&cas=0'));
    expect(board.seen().map(({ part, label, nth, renewals }) => [part, label, nth, renewals])).toEqual([
      ['ca', 'newOrder', 1, 1],
      ['ca', 'authorization', 1, 1],
      ['ca', 'authorization', null, 1],
      ['resolver', 'TXT query', 1, 1],
      ['link', 'POST /v1/keys', 1, 1],
      ['nomad', 'PUT /v1/var/nomad/jobs/relay/keys/:id', 1, 1],
    ]);
    expect([board.phaseOf('struck-01'), board.phaseOf('struck-02')]).toEqual(['present', 'present']);
  });

  it('holds exactly the call of the point, on its side, and passes its fate on', async () => {
    const board = new Switchboard(['struck-01', 'struck-02']);
    board.begin();
    const held: HeldCall[] = [];
    board.arm({ part: 'ca', label: 'newOrder', nth: 2, side: 'after' }, () => (one) => void held.push(one));
    const [first, second, other] = [newOrder('struck-01'), newOrder('struck-01'), newOrder('struck-02')];
    for (const one of [first, other, second]) expect(await board.before(one)).toBe('pass');
    expect(await board.after(first, reply())).toBe('pass');
    expect(await board.after(other, reply())).toBe('pass');
    const fate = board.after(second, reply());
    expect(held.map(({ owners }) => owners)).toEqual([['struck-01']]);
    held[0]?.settle('lost');
    expect(await fate).toBe('lost');
  });
});

describe('orders', () => {
  const finalize = (id: string): Call => call('ca', 'POST', `/finalize-order/${id}`);
  const name = 'struck-01';

  it('may be abandoned only where the reply to newOrder was struck away', () => {
    const orders = new Orders();
    orders.begin([name]);
    const place = (location: string): void => {
      orders.reached(newOrder(name), 'newOrder', [name]);
      orders.answered(newOrder(name), 'newOrder', [name], reply({}, location, 201));
    };
    place('https://ca.example/my-order/1');
    orders.struck();
    place('https://ca.example/my-order/2');
    orders.reached(call('link', 'POST', '/v1/keys'), 'POST /v1/keys', [name]);
    orders.struck();
    orders.answered(finalize('2'), 'finalize', [name], reply());
    orders.answered(finalize('2'), 'finalize', [name], reply({}, null, 403));
    expect(orders.of(name)).toEqual({ orders: 2, finalized: 1, lostReplies: 1 });
  });
});

describe('the plan', () => {
  const points: Point[] = pointsOf(
    [
      { part: 'ca', label: 'newOrder', nth: 1, renewals: 4 },
      { part: 'ca', label: 'order', nth: 9, renewals: 1 },
      { part: 'link', label: 'POST /v1/keys', nth: 1, renewals: 4 },
    ],
    4,
  );

  it('takes both sides of every usual call, and cuts the link only where it is used', () => {
    expect(points.map(nameOf)).toEqual(['ca newOrder #1 before', 'ca newOrder #1 after', 'link POST /v1/keys #1 before', 'link POST /v1/keys #1 after']);
    const planned = planStrikes(points, { seed: 1, rounds: 1, victims: ['link', 'relay'], only: [], sample: null });
    expect(planned.filter(({ victim }) => victim === 'link')).toHaveLength(2);
    expect(planned.filter(({ victim }) => victim === 'relay')).toHaveLength(4);
  });

  it('goes back to a point at which fewer stood than wanted, or none at all, as often as it may', () => {
    const counts: Record<string, number> = { 'ca newOrder #1 before': 4, 'ca newOrder #1 after': 0 };
    const made = planStrikes(points, { seed: 1, rounds: 1, victims: ['relay'], only: [], sample: null }).map((strike) => ({
      ...strike,
      struck: counts[nameOf(strike.point)] ?? 20,
    }));
    const limits = { rounds: 1, further: 3, wanted: 20 };
    const again = furtherStrikes(made, limits);
    expect(again.map(({ point }) => nameOf(point)).toSorted()).toEqual(['ca newOrder #1 after', 'ca newOrder #1 before']);
    const reached = again.map((strike) => ({ ...strike, struck: 16 }));
    expect(furtherStrikes([...made, ...reached], limits).map(({ point }) => nameOf(point))).toEqual(['ca newOrder #1 after']);
    const none = again.map((strike) => ({ ...strike, struck: 0 }));
    expect(furtherStrikes([...made, ...none, ...none], limits)).toEqual(again);
    expect(furtherStrikes([...made, ...none, ...none, ...none], limits)).toEqual([]);
  });

  it('is fixed by its seed', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(4), (seed, sample) => {
        const wanted = { seed, rounds: 2, victims: ['workerd' as const], only: [], sample };
        expect(planStrikes(points, wanted)).toEqual(planStrikes(points, wanted));
        expect(planStrikes(points, wanted)).toHaveLength(sample * 2);
      }),
    );
  });
});

describe('a call at the moment of a strike', () => {
  it('dies with its caller, and takes effect when its caller lives', () => {
    const nomad = call('nomad', 'PUT', '/v1/var/x');
    const ca = newOrder('struck-01');
    expect([fateOf(nomad, 'workerd'), fateOf(nomad, 'relay'), fateOf(nomad, 'both')]).toEqual(['pass', 'lost', 'lost']);
    expect([fateOf(ca, 'workerd'), fateOf(ca, 'relay'), fateOf(ca, 'both')]).toEqual(['lost', 'pass', 'lost']);
    expect(fateOf(call('link', 'POST', '/v1/keys'), 'link')).toBe('cut');
  });
});

describe('the command line', () => {
  it('refuses what it does not understand', () => {
    expect(() => parseArguments(['--victim', 'nomad'])).toThrow(/There are: workerd, relay, both, link/);
    expect(() => parseArguments(['--certificates', '51'])).toThrow(/from 1 to 50/);
    expect(() => parseArguments(['--nope'])).toThrow(/nope/);
    expect(parseArguments(['--seed', '7', '--only', 'ca'])).toMatchObject({ seed: 7, only: ['ca'], rounds: 1, certificates: 20, sample: null });
  });
});
