import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../../functions/certificates/decide.ts';
import { type CertificateState, wakeReasonSchema } from '../../../functions/certificates/state.ts';
import { applyWake } from '../../../functions/certificates/wakes.ts';
import { HOUR } from '../../../shared/clock.ts';
import { anyState, delivery, failure, hex, issuance, issued, NOW, state } from './states.ts';

/** Every kind of failure at once, each to be tried again in an hour. */
function failing(code: string): CertificateState {
  const failed = failure({ code, retryAt: NOW + HOUR });
  return state(
    { issuance: issuance({ failure: { ...failed } }), deliveries: [delivery({ step: 'install', failure: { ...failed }, retryAt: NOW + HOUR })] },
    { adoptionFailure: { ...failed } },
  );
}

function retries(present: CertificateState): number[] {
  return [present.record.adoptionFailure?.retryAt ?? -1, present.issuance?.failure?.retryAt ?? -1, present.deliveries[0]?.retryAt ?? -1];
}

describe('a wake', () => {
  it.each(['alarm', 'sweep', 'configuration'] as const)('by %s lifts no backoff', (reason) => {
    const present = failing('acme_rate_limited');
    const before = structuredClone(present);
    applyWake(present, reason, NOW);
    expect(present).toEqual(before);
  });

  it.each(['relay_offline', 'dns_relay_missing'])('by a connecting relay lifts what failed for want of it (%s), and nothing else', (code) => {
    const offline = failing(code);
    applyWake(offline, 'relay-connected', NOW);
    expect(retries(offline)).toEqual([0, 0, 0]);
    const limited = failing('acme_rate_limited');
    applyWake(limited, 'relay-connected', NOW);
    expect(retries(limited)).toEqual([NOW + HOUR, NOW + HOUR, NOW + HOUR]);
  });

  it.each(['renew', 'force', 'redeliver'] as const)('by a person (%s) lifts every backoff', (reason) => {
    const present = failing('acme_rate_limited');
    applyWake(present, reason, NOW);
    expect(retries(present)).toEqual([0, 0, 0]);
  });

  it('to renew demands nothing that is not due', () => {
    const present = state();
    applyWake(present, 'renew', NOW);
    expect(decide(present, NOW).do).toBe('wait');
  });

  it('to force demands a new certificate, unless the CA is being asked for one', () => {
    const present = state();
    applyWake(present, 'force', NOW);
    expect(decide(present, NOW)).toEqual({ do: 'start', reason: 'forced' });
    const busy = state({ issuance: issuance() });
    applyWake(busy, 'force', NOW);
    expect(busy.record.demand).toBeNull();
    const delivering = state({ issuance: issuance({ issued: issued() }) });
    applyWake(delivering, 'force', NOW);
    expect(delivering.record.demand).toBe('forced');
  });

  it('to redeliver puts the live pair into every target again, over whatever lies there', () => {
    const present = state({ deliveries: [delivery(), delivery({ id: 'other' })] });
    applyWake(present, 'redeliver', NOW);
    expect(present.deliveries.map(({ step, wanted, replaceForeign }) => ({ step, wanted, replaceForeign }))).toEqual([
      { step: 'install', wanted: hex('a'), replaceForeign: true },
      { step: 'install', wanted: hex('a'), replaceForeign: true },
    ]);
  });

  it('to redeliver means the pair that was just issued when there is one', () => {
    const present = state({ issuance: issuance({ issued: issued() }) });
    applyWake(present, 'redeliver', NOW);
    expect(present.deliveries[0]?.wanted).toBe(hex('c'));
  });

  it('to redeliver does nothing before the first certificate', () => {
    const present = state({ live: null });
    applyWake(present, 'redeliver', NOW);
    expect(present.deliveries).toEqual([delivery()]);
  });

  it('by a changed dial has the targets dialled now', () => {
    const present = state();
    applyWake(present, 'served-changed', NOW);
    expect(decide(present, NOW).do).toBe('verify');
    const waiting = state({ deliveries: [delivery({ step: 'verify', retryAt: NOW + HOUR })] });
    applyWake(waiting, 'served-changed', NOW);
    expect(decide(waiting, NOW).do).toBe('verify');
  });

  it('of any kind never touches what was issued, ordered or published', () => {
    fc.assert(
      fc.property(anyState, fc.constantFrom(...wakeReasonSchema.options), (present, reason) => {
        const before = structuredClone(present);
        applyWake(present, reason, NOW);
        expect(present.live).toEqual(before.live);
        expect(present.issuance?.order).toEqual(before.issuance?.order);
        expect(present.issuance?.issued).toEqual(before.issuance?.issued);
        expect(present.issuance?.placed).toEqual(before.issuance?.placed);
        expect(present.issuance?.phase).toBe(before.issuance?.phase);
      }),
    );
  });
});
