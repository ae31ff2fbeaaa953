import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../../functions/certificates/decide.ts';
import { startDelivery } from '../../../functions/certificates/delivery.ts';
import {
  holdAfterRollback,
  quarantine,
  rollbackPending,
  rollbackStale,
  wantedRollback,
  withdrawnDeliveries,
} from '../../../functions/certificates/rollback.ts';
import type { CertificateState, DeliveryState } from '../../../functions/certificates/state.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../../shared/clock.ts';
import { delivery, deliverySpec, failure, hex, issuance, issued, live, NOW, state } from './states.ts';

const LIVE = hex('a');
const NEW = hex('c');
type Row = DeliveryState['instances'][number];

const row = (verdict: string, at: number, id = 'i'): Row => ({
  id,
  address: '10.0.0.1',
  port: 443,
  verdict,
  detail: '',
  sha256: null,
  issuer: null,
  notAfter: null,
  at,
});
/** Installed at NOW over the live pair, which every instance of `servedBefore` served. */
const installed = (change: Partial<DeliveryState> = {}): DeliveryState =>
  delivery({
    spec: { ...deliverySpec, rollback: true },
    step: 'verify',
    wanted: NEW,
    installed: NEW,
    known: [LIVE],
    servedBefore: ['i'],
    verifyingSince: NOW,
    instances: [row('default', NOW + 12 * SECOND)],
    ...change,
  });
const rollingOut = (one: DeliveryState, change: Partial<CertificateState> = {}) =>
  state({ issuance: issuance({ phase: 'verify', issued: issued() }), deliveries: [one], ...change });
const asked = (change: Partial<DeliveryState> = {}, seen = [row('cut', NOW + 17 * SECOND)], world: Partial<CertificateState> = {}) => {
  const one = installed(change);
  return wantedRollback(rollingOut(one, world), one, seen, seen[0]?.at ?? NOW + 17 * SECOND);
};

describe('a rollback', () => {
  it('is wanted when an instance that served validly answers default or cut, twice, a few seconds apart, after the proxy settled', () => {
    expect(asked()).toEqual({ from: NEW, to: LIVE });
  });

  it('is wanted for one instance among many', () => {
    const instances = [row('new', NOW + 12 * SECOND, 'other'), row('cut', NOW + 12 * SECOND)];
    expect(asked({ instances }, [row('new', NOW + 17 * SECOND, 'other'), row('default', NOW + 17 * SECOND)])).toEqual({ from: NEW, to: LIVE });
  });

  it.each(['unreachable', 'old', 'foreign', 'new'])('is not wanted for what is %s in either dial', (verdict) => {
    expect(asked({}, [row(verdict, NOW + 17 * SECOND)])).toBeNull();
    expect(asked({ instances: [row(verdict, NOW + 12 * SECOND)] })).toBeNull();
  });

  it.each<[string, Partial<DeliveryState>, Row[]?]>([
    ['while the option is off', { spec: deliverySpec }],
    ['of a blind delivery', { spec: { ...deliverySpec, rollback: true, blind: true } }],
    ['for an instance that served nothing valid before', { servedBefore: ['another'] }],
    ['where nothing was served before', { servedBefore: [] }],
    ['while the proxy may still be loading the pair', { instances: [row('default', NOW + 8 * SECOND)] }],
    ['while a restarted task may still be starting', { spec: { ...deliverySpec, rollback: true, reload: 'restart' } }],
    ['for two dials of the same moment', {}, [row('default', NOW + 14 * SECOND)]],
    ['for two instances that fail once each', {}, [row('default', NOW + 17 * SECOND, 'j')]],
    ['once it was done', { rollback: { from: NEW, to: LIVE, at: NOW, done: true } }],
    ['once it was found to be impossible', { rollback: { from: NEW, to: null, at: NOW, done: true } }],
    ['of what was not installed', { installed: LIVE }],
    ['to a pair that was not live', { known: [hex('9'), LIVE] }],
  ])('is not wanted %s', (_, change, seen) => {
    expect(asked(change, seen)).toBeNull();
  });

  it('is not wanted to a certificate that has expired, without one, or without an issuance on its way', () => {
    expect(asked({}, undefined, { live: live({}, 91 * DAY) })).toBeNull();
    expect(asked({}, undefined, { live: null })).toBeNull();
    expect(asked({}, undefined, { issuance: null })).toBeNull();
    expect(asked({}, undefined, { issuance: issuance({ issued: issued({ leaf: { ...issued().leaf, sha256: hex('d') } }) }) })).toBeNull();
  });
});

const VERDICTS = ['new', 'old', 'foreign', 'default', 'cut', 'unreachable'] as const;
const BAD: readonly string[] = ['default', 'cut'];
/** Dials of a few instances after an install: seconds since the one before, and a verdict of each. */
const anyDials = fc.array(
  fc.record({ after: fc.integer({ min: 0, max: 8_000 }), verdicts: fc.array(fc.constantFrom(...VERDICTS), { minLength: 3, maxLength: 3 }) }),
  {
    maxLength: 30,
  },
);

/** Plays dials as the verify phase does. @returns the dials at which a rollback was wanted, each carried out at once. */
function play(dials: { after: number; verdicts: readonly string[] }[], servedBefore: string[]) {
  let one = installed({ instances: [], servedBefore });
  let now = NOW;
  const history: Row[][] = [];
  const wanted: number[] = [];
  for (const [position, { after, verdicts }] of dials.entries()) {
    now += after;
    const seen = verdicts.map((verdict, number) => row(verdict, now, `i${number}`));
    if (wantedRollback(rollingOut(one), one, seen, now) !== null) {
      wanted.push(position);
      one = { ...one, rollback: { from: NEW, to: LIVE, at: now, done: true } };
    }
    one = { ...one, instances: seen };
    history.push(seen);
  }
  return { wanted, history };
}

describe('whatever the dials say', () => {
  it('it is wanted once at most, and only by an instance that served before and turned visitors away twice in a row', () => {
    fc.assert(
      fc.property(anyDials, fc.subarray(['i0', 'i1', 'i2']), (dials, servedBefore) => {
        const { wanted, history } = play(dials, servedBefore);
        expect(wanted.length).toBeLessThanOrEqual(1);
        for (const position of wanted) {
          const witnesses = servedBefore.filter((id) =>
            [position - 1, position].every((dial) => BAD.includes(history[dial]?.find((seen) => seen.id === id)?.verdict ?? '')),
          );
          expect(witnesses).not.toEqual([]);
        }
      }),
    );
  });

  it('noise never calls for it: no instance that fails in one dial alone', () => {
    fc.assert(
      fc.property(anyDials, (dials) => {
        const quiet = dials.map(({ after, verdicts }, position) => ({
          after,
          verdicts: verdicts.map((verdict) => (position % 2 === 0 && BAD.includes(verdict) ? 'new' : verdict)),
        }));
        expect(play(quiet, ['i0', 'i1', 'i2']).wanted).toEqual([]);
      }),
    );
  });

  it('never what cannot be reached, serves the pair before, or somebody else’s', () => {
    const harmless = anyDials.map((dials) =>
      dials.map(({ after, verdicts }) => ({ after, verdicts: verdicts.map((verdict) => (BAD.includes(verdict) ? 'unreachable' : verdict)) })),
    );
    fc.assert(
      fc.property(harmless, (dials) => {
        expect(play(dials, ['i0', 'i1', 'i2']).wanted).toEqual([]);
      }),
    );
  });
});

describe('a proxy that cannot serve it', () => {
  it('is always found out, exactly once, within half a minute of being dialled every few seconds', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('default', 'cut'), { minLength: 8, maxLength: 20 }), (verdicts) => {
        const dials = verdicts.map((verdict) => ({ after: 4 * SECOND, verdicts: ['new', verdict, 'unreachable'] }));
        expect(play(dials, ['i1']).wanted).toHaveLength(1);
      }),
    );
  });
});

describe('what is noted when a delivery starts', () => {
  const serving = delivery({ instances: [row('new', NOW, 'good'), row('foreign', NOW, 'odd'), row('unreachable', NOW, 'away')] });

  it('is who served validly', () => {
    expect(startDelivery(serving, NEW, true)).toMatchObject({ servedBefore: ['good'], rollback: null, known: [LIVE] });
  });

  it('stays when the same leaf is delivered again, and so does the rollback: once per issuance', () => {
    const again = installed({ rollback: { from: NEW, to: null, at: NOW, done: true }, instances: [row('cut', NOW)] });
    expect(startDelivery(again, NEW, true)).toMatchObject({ servedBefore: ['i'], rollback: again.rollback });
    expect(startDelivery(again, hex('d'), true)).toMatchObject({ servedBefore: [], rollback: null });
  });
});

describe('a rollback that was decided', () => {
  const pending = (at = NOW) => installed({ rollback: { from: NEW, to: LIVE, at, done: false } });

  it('goes before everything else, whatever a crash interrupted', () => {
    const half = rollingOut(pending());
    expect(rollbackPending(pending())).toBe(true);
    expect(decide(half, NOW)).toEqual({ do: 'roll-back', delivery: deliverySpec.id });
    const reinstalling = rollingOut({ ...pending(), step: 'install' });
    expect(decide(reinstalling, NOW)).toEqual({ do: 'roll-back', delivery: deliverySpec.id });
    expect(decide({ ...half, issuance: null }, NOW)).toEqual({ do: 'roll-back', delivery: deliverySpec.id });
  });

  it('waits as any delivery does when it fails', () => {
    expect(decide(rollingOut({ ...pending(), failure: failure({ class: 'relay' }), retryAt: NOW + 5 }), NOW)).toEqual({ do: 'wait', until: NOW + 5 });
  });

  it('is thought over after five minutes, unless its leaf is quarantined already', () => {
    expect(rollbackStale(rollingOut(pending()), pending(), NOW + 4 * MINUTE)).toBe(false);
    expect(rollbackStale(rollingOut(pending()), pending(), NOW + 6 * MINUTE)).toBe(true);
    const withdrawn = state({ issuance: issuance() }, { quarantined: [NEW] });
    expect(rollbackStale(withdrawn, pending(), NOW + DAY)).toBe(false);
    expect(rollbackStale(state(), pending(), NOW + DAY)).toBe(false);
  });

  it('ends the issuance once it is done', () => {
    const done = installed({ wanted: LIVE, installed: LIVE, rollback: { from: NEW, to: LIVE, at: NOW, done: true } });
    const rolledBack = state({ issuance: issuance({ phase: 'verify', issued: issued() }), deliveries: [done] }, { quarantined: [NEW] });
    expect(decide(rolledBack, NOW)).toEqual({ do: 'withdraw' });
  });
});

describe('the other deliveries of what is withdrawn', () => {
  it('go back to the live one: by a rollback where the new one was installed, by a look where it was not', () => {
    const rolledBack = installed({ id: 'one', wanted: LIVE, installed: LIVE, rollback: { from: NEW, to: LIVE, at: NOW, done: true } });
    const served = installed({ id: 'two', step: 'done' });
    const waiting = installed({ id: 'three', installed: LIVE, step: 'install', failure: failure() });
    const impossible = installed({ id: 'four', rollback: { from: NEW, to: null, at: NOW, done: true } });
    const after = withdrawnDeliveries([rolledBack, served, waiting, impossible], NEW, LIVE, NOW);
    expect(after[0]).toBe(rolledBack);
    expect(after.slice(1).map(({ step, wanted, failure: failed, rollback }) => ({ step, wanted, failed, pending: rollback?.done === false }))).toEqual([
      { step: 'verify', wanted: LIVE, failed: null, pending: true },
      { step: 'verify', wanted: LIVE, failed: null, pending: false },
      { step: 'verify', wanted: LIVE, failed: null, pending: true },
    ]);
  });
});

describe('the next issuance', () => {
  const due = (held: Partial<CertificateState['record']>, age = 70 * DAY) => state({ live: live({}, age), ari: null, deliveries: [] }, held);

  it('is held for about a day, for less when less is left, never for less than an hour', () => {
    expect(holdAfterRollback(state(), 'm', NOW, 0)).toMatchObject({ retryAt: NOW + DAY, attention: true, code: 'rolled_back', count: 1 });
    expect(holdAfterRollback(state(), 'm', NOW, 0.99).retryAt).toBeLessThan(NOW + 1.25 * DAY);
    expect(holdAfterRollback(state({ live: live({}, 88 * DAY) }), 'm', NOW, 0).retryAt).toBe(NOW + DAY / 2);
    expect(holdAfterRollback(state({ live: live({}, 90 * DAY - 1) }), 'm', NOW, 0).retryAt).toBe(NOW + HOUR);
    expect(holdAfterRollback(state({}, { hold: failure({ code: 'rolled_back', count: 2 }) }), 'm', NOW, 0).count).toBe(3);
  });

  it('starts when the hold is over, when a person insists, and in an emergency', () => {
    const hold = failure({ code: 'rolled_back', retryAt: NOW + DAY });
    expect(decide(due({ hold }), NOW).do).toBe('wait');
    expect(decide(due({ hold }), NOW + DAY).do).toBe('start');
    expect(decide(due({ hold, demand: 'forced' }), NOW).do).toBe('start');
    expect(decide(due({ hold }, 89 * DAY), NOW).do).toBe('start');
  });
});

describe('the quarantine', () => {
  it('keeps the latest sixteen, each once', () => {
    const many = Array.from({ length: 20 }, (_, number) => number.toString(16).padStart(64, '0'));
    const kept = many.reduce<string[]>((quarantined, leaf) => quarantine(quarantined, leaf), []);
    expect(kept).toEqual(many.slice(-16));
    expect(quarantine([LIVE, NEW], LIVE)).toEqual([NEW, LIVE]);
  });
});
