import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emergencyAt, explainRenewal, latestRenewal, nextRenewal, REASONS, shareOf } from '../../../functions/certificates/renewal.ts';
import { DAY, HOUR } from '../../../shared/clock.ts';
import { anyAri, anyLive, ari, hex, live, NOW, spec } from './states.ts';

/** The certificate that lives `days` and whose backstop is not early. */
function unspread(days: number) {
  const present = live({}, 0, days * DAY);
  return { ...present, leaf: { ...present.leaf, sha256: hex('0') } };
}

describe('the next renewal', () => {
  for (const [days, dueAfter, window] of [
    [90, 60, 43.2],
    [64, 64 * (2 / 3), 30.7],
    [47, 47 * (2 / 3), 22.6],
    [45, 30, 21.6],
    [6.7, 3.35, 3.2],
  ] as const) {
    const present = unspread(days);
    const { notAfter } = present.leaf;
    const middle = NOW + dueAfter * DAY;
    /** As Boulder makes it: two thirds of the validity, or half below ten days, ± 1 %. */
    const suggested = { start: Math.round(middle - (window / 2) * HOUR), end: Math.round(middle + (window / 2) * HOUR) };

    it(`of a certificate that lives ${days} days is due after ${dueAfter.toFixed(1)} days when the CA says nothing`, () => {
      expect(nextRenewal(NOW, present, null, spec)).toEqual({ at: Math.round(middle), reason: REASONS.backstop });
    });

    it(`of a certificate that lives ${days} days is an emergency in its last twentieth, and not before`, () => {
      const late = Math.ceil(NOW + days * DAY * (19 / 20));
      expect(emergencyAt(present.leaf)).toBe(late);
      expect(nextRenewal(late, present, null, spec)).toEqual({ at: late, reason: REASONS.emergency });
      expect(nextRenewal(late - 1, present, null, spec).reason).toBe(REASONS.backstop);
      expect(nextRenewal(notAfter + DAY, present, null, spec)).toEqual({ at: notAfter + DAY, reason: REASONS.emergency });
    });

    it(`of a certificate that lives ${days} days falls wherever it was drawn in the window of Let's Encrypt, before the backstop or after it`, () => {
      for (const selectedAt of [suggested.start, Math.round(middle), suggested.end - 1])
        expect(nextRenewal(NOW, present, ari({ ...suggested, selectedAt }), spec)).toEqual({ at: selectedAt, reason: REASONS.ariSelected });
    });

    it(`of a certificate that lives ${days} days is never left to a CA that suggests a time much later`, () => {
      const late = notAfter - days * DAY * 0.2;
      expect(nextRenewal(NOW, present, ari({ start: late, end: late + DAY, selectedAt: late }), spec).reason).toBe(REASONS.backstop);
    });
  }

  it('of a burst of certificates is spread over 2 % of their lifetime, early and never late', () => {
    const times = Array.from({ length: 1_000 }, (_, position) => {
      const present = live({}, 0, 90 * DAY);
      const sha256 = ((position * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0') + hex('0').slice(8);
      return nextRenewal(NOW, { ...present, leaf: { ...present.leaf, sha256 } }, null, spec).at;
    });
    expect(Math.min(...times)).toBeGreaterThan(NOW + 58.2 * DAY);
    expect(Math.min(...times)).toBeLessThan(NOW + 58.3 * DAY);
    expect(Math.max(...times)).toBeLessThanOrEqual(NOW + 60 * DAY);
    expect(Math.max(...times)).toBeGreaterThan(NOW + 59.9 * DAY);
    // 1.8 days of 24 hours: no hour gets more than its share and a few.
    const hours = Map.groupBy(times, (at) => Math.floor(at / HOUR));
    expect(Math.max(...[...hours.values()].map(({ length }) => length))).toBeLessThan(40);
  });

  it('of one certificate is early by the same share every time', () => {
    expect([hex('0'), '8'.padEnd(64, '0'), hex('f')].map(shareOf)).toEqual([0, 0.5, (2 ** 32 - 1) / 2 ** 32]);
  });

  it('is now when it was revoked', () => {
    expect(nextRenewal(NOW, live({ revoked: { at: NOW - HOUR, reason: 4 } }), null, spec)).toEqual({ at: NOW, reason: REASONS.revoked });
  });

  it('is now when there is no certificate', () => {
    expect(nextRenewal(NOW, null, null, spec)).toEqual({ at: NOW, reason: REASONS.missing });
  });

  it('is now when the specification names other domains, whatever the CA suggests', () => {
    const present = live();
    expect(nextRenewal(NOW, present, ari({ selectedAt: NOW + DAY }), { ...spec, domains: ['matrix.example.net'] })).toEqual({
      at: NOW,
      reason: REASONS.specChanged,
    });
  });

  it('does not mind the order of the domains', () => {
    expect(nextRenewal(NOW, live(), null, { ...spec, domains: spec.domains.toReversed() }).reason).toBe(REASONS.backstop);
  });

  it('is now when the specification names another key type, unless the present one is unknown', () => {
    expect(nextRenewal(NOW, live(), null, { ...spec, keyType: 'ec-p384' }).reason).toBe(REASONS.specChanged);
    expect(nextRenewal(NOW, live({ keyType: null, adopted: true }), null, { ...spec, keyType: 'ec-p384' }).reason).toBe(REASONS.backstop);
  });

  it('does not change with the targets', () => {
    expect(nextRenewal(NOW, live(), null, { ...spec, deliveries: [] }).reason).toBe(REASONS.backstop);
  });

  it('is now when the CA has moved the window into the past (revocation, incident)', () => {
    const moved = ari({ start: NOW - 2 * HOUR, end: NOW - HOUR, selectedAt: NOW - 90 * 60_000, alertedFor: NOW - 2 * HOUR });
    expect(nextRenewal(NOW, live(), moved, spec)).toEqual({ at: NOW, reason: REASONS.incident });
  });

  it('is no incident when the window has merely gone by', () => {
    const slept = ari({ start: NOW - 2 * HOUR, end: NOW - HOUR, selectedAt: NOW - 90 * 60_000 });
    expect(nextRenewal(NOW, live(), slept, spec)).toEqual({ at: NOW - 90 * 60_000, reason: REASONS.ariSelected });
  });

  it('is the selected time inside the window that the CA suggests', () => {
    expect(nextRenewal(NOW, live(), ari({ start: NOW + DAY, end: NOW + 2 * DAY, selectedAt: NOW + 1.5 * DAY }), spec)).toEqual({
      at: NOW + 1.5 * DAY,
      reason: REASONS.ariSelected,
    });
  });

  it('is the backstop when the CA suggests something later', () => {
    const present = unspread(90);
    expect(nextRenewal(NOW, present, ari({ start: NOW + 80 * DAY, end: NOW + 85 * DAY, selectedAt: NOW + 82 * DAY }), spec)).toEqual({
      at: NOW + 60 * DAY,
      reason: REASONS.backstop,
    });
  });

  it('ignores a window that was suggested for another certificate', () => {
    expect(nextRenewal(NOW, live(), ari({ certId: 'another.one', start: 0, end: 1, selectedAt: 0 }), spec).reason).toBe(REASONS.backstop);
  });

  it('leaves a third (a half below ten days) of its life, less 2 % when the CA wants it so', () => {
    fc.assert(
      fc.property(anyLive, fc.option(anyAri, { nil: null }), (present, suggestion) => {
        const { at, reason } = nextRenewal(NOW, present, suggestion, spec);
        const lifetime = present.leaf.notAfter - present.leaf.notBefore;
        const latest = present.leaf.notAfter - lifetime * (lifetime < 10 * DAY ? 1 / 2 : 1 / 3);
        expect(at).toBeLessThanOrEqual(Math.max(NOW, Math.ceil(latest + lifetime / 50)));
        expect(Math.ceil(latest + lifetime / 50)).toBeGreaterThanOrEqual(latestRenewal(present.leaf));
        if (reason === REASONS.backstop) expect(at).toBeLessThanOrEqual(Math.ceil(latest));
      }),
    );
  });

  it('never waits into the last twentieth of the lifetime', () => {
    fc.assert(
      fc.property(anyLive, fc.option(anyAri, { nil: null }), (present, suggestion) => {
        const { at } = nextRenewal(NOW, present, suggestion, spec);
        expect(at).toBeLessThanOrEqual(Math.max(NOW, emergencyAt(present.leaf)));
      }),
    );
  });

  it('never comes earlier than the CA suggests or the spread allows, unless something is wrong', () => {
    fc.assert(
      fc.property(anyLive, fc.option(anyAri, { nil: null }), (present, suggestion) => {
        const { at, reason } = nextRenewal(NOW, present, suggestion, spec);
        const { notBefore, notAfter } = present.leaf;
        const lifetime = notAfter - notBefore;
        if (reason === REASONS.ariSelected) expect(at).toBe(suggestion?.selectedAt);
        if (reason === REASONS.backstop) expect(at).toBeGreaterThanOrEqual(notBefore + Math.floor(lifetime * (lifetime < 10 * DAY ? 0.48 : 2 / 3 - 0.02)));
      }),
    );
  });

  it('stays due once it is due', () => {
    fc.assert(
      fc.property(anyLive, fc.option(anyAri, { nil: null }), fc.integer({ min: 0, max: 100 * DAY }), (present, suggestion, later) => {
        const due = (now: number) => nextRenewal(now, present, suggestion, spec).at <= now;
        fc.pre(due(NOW));
        expect(due(NOW + later)).toBe(true);
      }),
    );
  });

  it('does not move while time passes and nothing else happens', () => {
    fc.assert(
      fc.property(anyLive, fc.option(anyAri, { nil: null }), (present, suggestion) => {
        const first = nextRenewal(NOW, present, suggestion, spec);
        fc.pre(first.at > NOW);
        expect(nextRenewal(first.at - 1, present, suggestion, spec).at).toBeLessThanOrEqual(first.at);
        expect(nextRenewal(first.at, present, suggestion, spec).at).toBeLessThanOrEqual(first.at);
      }),
    );
  });

  it('has one sentence for every reason', () => {
    const sentences = Object.values(REASONS).map((reason) => explainRenewal({ at: NOW, reason }));
    expect(new Set(sentences).size).toBe(sentences.length);
    for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*\.$/);
  });
});
