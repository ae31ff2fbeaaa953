import { describe, expect, it } from 'vitest';
import {
  describeVerdicts,
  instanceRow,
  matchDeliveries,
  newDelivery,
  quickDialDelay,
  SETTLE_MS,
  startDelivery,
  summarise,
} from '../../../functions/certificates/delivery.ts';
import { delivery, deliverySpec, failure, hex, NOW, spec, state } from './states.ts';

describe('all dials of a delivery together', () => {
  it.each([
    [[], 'waiting-for-instance'],
    [['new'], 'live'],
    [['new', 'new'], 'live'],
    [['new', 'unreachable'], 'partly-live'],
    [['unreachable'], 'partly-live'],
    [['new', 'old'], 'wrong'],
    [['old', 'unreachable'], 'wrong'],
    [['foreign'], 'wrong'],
    [['default'], 'wrong'],
    [['cut'], 'wrong'],
  ])('%j mean %s', (verdicts, summary) => {
    expect(summarise(verdicts)).toBe(summary);
  });

  it('are told in one sentence', () => {
    expect(describeVerdicts([])).toBe('Service discovery names no instance.');
    expect(describeVerdicts([{ verdict: 'new' }])).toBe('1 of 1 instance serves it.');
    expect(describeVerdicts(['new', 'old', 'old', 'cut'].map((verdict) => ({ verdict })))).toBe('1 of 4 instances serve it; old: 2, cut: 1.');
  });

  it('are repeated quickly while the proxy loads the pair, ever more slowly, and within the time it is given', () => {
    const delays = Array.from({ length: 40 }, (_, polls) => quickDialDelay(polls));
    expect(delays[0]).toBeLessThan(300);
    expect(delays).toEqual(delays.toSorted((one, other) => one - other));
    expect(Math.max(...delays)).toBeLessThan(SETTLE_MS / 10);
  });

  it('are kept with the leaf that the worst name was served', () => {
    const served = (digit: string) => ({ sha256: hex(digit), names: [], issuer: 'x', notAfter: NOW });
    const row = instanceRow(
      {
        id: 'i',
        address: '10.0.0.1',
        port: 443,
        job: 'proxy',
        verdict: 'old',
        detail: 'one name',
        names: [
          { name: 'a.test', verdict: 'new', served: served('1'), detail: '' },
          { name: 'b.test', verdict: 'old', served: served('2'), detail: '' },
        ],
      },
      NOW,
    );
    expect(row).toEqual({ id: 'i', address: '10.0.0.1', port: 443, verdict: 'old', detail: 'one name', sha256: hex('2'), issuer: 'x', notAfter: NOW, at: NOW });
  });
});

describe('a delivery that starts', () => {
  it('wants the new leaf, knows what it installed before, and has forgotten earlier failures', () => {
    const before = delivery({
      step: 'verify',
      installed: hex('a'),
      known: [hex('b'), hex('a')],
      failure: failure(),
      retryAt: NOW + 1,
      polls: 9,
      verifyingSince: NOW,
    });
    expect(startDelivery(before, hex('c'), true)).toMatchObject({
      step: 'install',
      wanted: hex('c'),
      installed: hex('a'),
      known: [hex('a'), hex('b')],
      replaceForeign: true,
      failure: null,
      retryAt: 0,
      polls: 0,
      verifyingSince: null,
    });
  });

  it('remembers at most eight leaves, the newest', () => {
    const known = ['0', '1', '2', '3', '4', '5', '6', '7'].map(hex);
    expect(startDelivery(delivery({ installed: hex('a'), known }), hex('c'), false).known).toEqual([hex('a'), ...known.slice(0, 7)]);
  });
});

describe('deliveries follow the specification', () => {
  const other = { ...deliverySpec, id: 'other/default/certificates/matrix', cluster: 'other' };

  it('keep the state of targets that stay and take over their new options', () => {
    const changed = { ...deliverySpec, reload: 'sighup' as const };
    const [matched] = matchDeliveries(state({ deliveries: [delivery({ index: 42 })] }, { spec: { ...spec, deliveries: [changed] } }));
    expect(matched).toMatchObject({ index: 42, step: 'done', spec: changed });
  });

  it('bring the live certificate to a target that is new, over nothing that lies there', () => {
    const matched = matchDeliveries(state({}, { spec: { ...spec, deliveries: [deliverySpec, other] } }));
    expect(matched.map(({ id, step, wanted, replaceForeign }) => ({ id, step, wanted, replaceForeign }))).toEqual([
      { id: deliverySpec.id, step: 'done', wanted: hex('a'), replaceForeign: false },
      { id: other.id, step: 'install', wanted: hex('a'), replaceForeign: false },
    ]);
  });

  it('wait for the first certificate when there is none', () => {
    expect(matchDeliveries(state({ live: null, deliveries: [] }))).toEqual([newDelivery(deliverySpec)]);
  });

  it('forget a target that is no longer specified', () => {
    expect(matchDeliveries(state({}, { spec: { ...spec, deliveries: [other] } })).map(({ id }) => id)).toEqual([other.id]);
  });
});
