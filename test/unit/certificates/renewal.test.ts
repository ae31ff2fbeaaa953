import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainRenewal, nextRenewal, REASONS } from '../../../functions/certificates/renewal.ts';
import { DAY, HOUR } from '../../../shared/clock.ts';
import { anyAri, anyLive, ari, live, NOW, spec } from './states.ts';

describe('the next renewal', () => {
  for (const [days, dueAfter] of [
    [90, 60],
    [64, 64 * (2 / 3)],
    [47, 47 * (2 / 3)],
    [45, 30],
    [6.7, 3.35],
  ] as const) {
    it(`of a certificate that lives ${days} days is due after ${dueAfter.toFixed(1)} days when the CA says nothing`, () => {
      const present = live({}, 0, days * DAY);
      expect(nextRenewal(NOW, present, null, spec)).toEqual({ at: Math.round(NOW + dueAfter * DAY), reason: REASONS.backstop });
    });

    it(`of a certificate that lives ${days} days is an emergency in its last twentieth`, () => {
      const present = live({}, 0, days * DAY);
      const late = Math.ceil(NOW + days * DAY * (19 / 20));
      expect(nextRenewal(late, present, null, spec)).toEqual({ at: late, reason: REASONS.emergency });
    });
  }

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

  it('is now when the window that the CA suggests lies in the past (revocation, incident)', () => {
    expect(nextRenewal(NOW, live(), ari({ start: NOW - 2 * HOUR, end: NOW - HOUR, selectedAt: NOW - 90 * 60_000 }), spec)).toEqual({
      at: NOW,
      reason: REASONS.incident,
    });
  });

  it('is the selected time inside the window that the CA suggests', () => {
    expect(nextRenewal(NOW, live(), ari({ start: NOW + DAY, end: NOW + 2 * DAY, selectedAt: NOW + 1.5 * DAY }), spec)).toEqual({
      at: NOW + 1.5 * DAY,
      reason: REASONS.ariSelected,
    });
  });

  it('is the backstop when the CA suggests something later', () => {
    const present = live({}, 0, 90 * DAY);
    expect(nextRenewal(NOW, present, ari({ start: NOW + 80 * DAY, end: NOW + 85 * DAY, selectedAt: NOW + 82 * DAY }), spec)).toEqual({
      at: NOW + 60 * DAY,
      reason: REASONS.backstop,
    });
  });

  it('ignores a window that was suggested for another certificate', () => {
    expect(nextRenewal(NOW, live(), ari({ certId: 'another.one', start: 0, end: 1, selectedAt: 0 }), spec).reason).toBe(REASONS.backstop);
  });

  it('never comes after the certificate has expired, and leaves a third (a half below ten days) of its life', () => {
    fc.assert(
      fc.property(anyLive, fc.option(anyAri, { nil: null }), (present, suggestion) => {
        const { at } = nextRenewal(NOW, present, suggestion, spec);
        const lifetime = present.leaf.notAfter - present.leaf.notBefore;
        const latest = present.leaf.notAfter - lifetime * (lifetime < 10 * DAY ? 1 / 2 : 1 / 3);
        expect(at).toBeLessThanOrEqual(Math.max(NOW, Math.ceil(latest)));
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
