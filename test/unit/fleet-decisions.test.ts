import { describe, expect, it } from 'vitest';
import { HOUR } from '../../shared/clock.ts';
import { certificateSpecSchema, type CertificateSpec } from '../../functions/config/configuration.ts';
import { decidePromotion, planPromotion, STRAGGLER_MS } from '../../functions/fleet/promotion.ts';
import type { CertificateView } from '../../functions/certificates/ports.ts';
import { progressOf } from '../../functions/fleet/progress.ts';
import { selectForSweep } from '../../functions/fleet/sweep.ts';

function spec(name: string, domains: string[], variable = `certificates/${domains[0]?.replaceAll('.', '_')}`): CertificateSpec {
  const target = { variable, namespace: 'default', certificateItem: 'certificate', keyItem: 'key' };
  return certificateSpecSchema.parse({
    name,
    domains,
    keyType: 'ec-p256',
    authorities: ['letsencrypt'],
    profile: null,
    preferredChain: null,
    reuseKey: false,
    deliveries: [{ id: `main/default/${variable}`, cluster: 'main', target, service: 'traefik', probes: [], reload: 'watch', blind: false }],
  });
}

describe('which configuration is in force', () => {
  const now = 1_000_000_000;
  it('is the one that was never seen before, at once', () => {
    expect(decidePromotion('b', { current: 'a', currentSeenAt: now, offeredBefore: false }, now)).toEqual({ decision: 'promote' });
    expect(decidePromotion('a', { current: null, currentSeenAt: 0, offeredBefore: false }, now)).toEqual({ decision: 'promote' });
  });
  it('is not that of an old bundle which still runs while the newer one does', () => {
    expect(decidePromotion('a', { current: 'b', currentSeenAt: now - 1, offeredBefore: true }, now)).toEqual({
      decision: 'superseded',
      retryAt: now - 1 + STRAGGLER_MS,
    });
  });
  it('is that of an old bundle again when the newer one has fallen silent: a roll-back', () => {
    expect(decidePromotion('a', { current: 'b', currentSeenAt: now - STRAGGLER_MS, offeredBefore: true }, now)).toEqual({ decision: 'promote' });
  });
});

describe('what a promotion means for each certificate', () => {
  const plan = (previous: CertificateSpec[], next: CertificateSpec[], registry = previous.map(({ name }) => name)) => planPromotion(previous, next, registry);
  it('adds, changes, retires and leaves alone', () => {
    const before = [spec('same', ['same.net']), spec('more', ['more.net']), spec('gone', ['gone.net'])];
    const after = [spec('same', ['same.net']), spec('more', ['more.net', '*.more.net']), spec('new', ['new.net'])];
    expect(plan(before, after)).toEqual({ added: ['new'], changed: ['more'], retired: ['gone'], adopted: [], unchanged: ['same'] });
  });
  it('takes the same names and targets under another name for the same certificate, once', () => {
    const before = [spec('old', ['a.net', '*.a.net'], 'v')];
    expect(plan(before, [spec('new', ['*.a.net', 'a.net'], 'v')])).toEqual({
      added: [],
      changed: [],
      retired: [],
      adopted: [{ from: 'old', to: 'new' }],
      unchanged: [],
    });
    expect(plan(before, [spec('new', ['a.net', '*.a.net'], 'elsewhere')])).toMatchObject({ added: ['new'], retired: ['old'], adopted: [] });
    expect(plan(before, [spec('old', ['a.net', '*.a.net'], 'v'), spec('new', ['a.net', '*.a.net'], 'v')])).toMatchObject({
      added: ['new'],
      unchanged: ['old'],
      adopted: [],
    });
  });
  it('retires what only the registry remembers', () => {
    expect(plan([], [spec('a', ['a.net'])], ['forgotten'])).toMatchObject({ added: ['a'], retired: ['forgotten'] });
  });
});

describe('a sweep', () => {
  const now = 1_000_000_000;
  it('wakes what is overdue first, then what was left alone for most of a day, each once and no more than the limit', () => {
    const candidates = [
      { name: 'fresh', wakeAt: now + 5, touchedAt: now },
      { name: 'stale', wakeAt: null, touchedAt: 5 },
      { name: 'late', wakeAt: now - 600_000, touchedAt: now - 700_000 },
      { name: 'later', wakeAt: now - 900_000, touchedAt: now - 899_999 },
      { name: 'late', wakeAt: now - 600_000, touchedAt: now - 700_000 },
      { name: 'just due', wakeAt: now - 1_000, touchedAt: now - 20 * HOUR },
      { name: 'woken since', wakeAt: now - 1_000_000, touchedAt: now - 500_000 },
      { name: 'swept this morning', wakeAt: null, touchedAt: now - 19 * HOUR },
    ];
    expect(selectForSweep(candidates, now)).toEqual(['later', 'late', 'stale', 'just due', 'woken since']);
    expect(selectForSweep(candidates, now, 3)).toEqual(['later', 'late', 'stale']);
  });
});

describe('the progress of a request', () => {
  const at = 1_000;
  const live: CertificateView = {
    name: 'a',
    domains: ['a.net'],
    state: 'live',
    phase: 'idle',
    reason: 'r',
    waitingFor: null,
    nextAt: null,
    renewal: null,
    ari: null,
    live: null,
    issuance: null,
    deliveries: [],
    hold: null,
    quarantined: [],
    revocation: null,
    history: [],
    zones: [],
    generation: 1,
  };
  const finished = (outcome: 'live' | 'failed', endedAt: number) => [
    {
      id: 'i',
      startedAt: 0,
      endedAt,
      outcome,
      sha256: null,
      authority: 'ca',
      phases: [{ name: 'order' as const, ms: 5 }],
      message: '',
      requests: { acme: 0, dns: 0, relay: 0 },
    },
  ];
  const status = (action: 'renew' | 'force', view: Partial<CertificateView>, reportedAt = at + 1) =>
    progressOf({ ...live, ...view }, { action, at }, reportedAt).status;
  it('is unknown until the certificate has spoken since', () => {
    expect(status('renew', {}, at - 1)).toBe('accepted');
    expect(status('renew', {})).toBe('done');
  });
  it('of a forced renewal ends with an issuance that ended since, and not before', () => {
    expect(status('force', {})).toBe('working');
    expect(status('force', { history: finished('live', at - 1) })).toBe('working');
    expect(status('force', { history: finished('live', at + 1) })).toBe('done');
    expect(status('force', { history: finished('failed', at + 1) })).toBe('failing');
  });
  it('shows the phases of the issuance that ended since', () => {
    expect(progressOf({ ...live, history: finished('live', at + 1) }, { action: 'force', at }, at + 1).phases).toEqual([{ name: 'order', ms: 5 }]);
  });
  it('is failing while a delivery fails', () => {
    const failure = { code: 'relay_offline', message: 'm', hint: null, retryAt: null };
    expect(
      status('renew', {
        deliveries: [{ id: 'd', cluster: 'c', variable: 'v', index: null, sha256: null, state: 'failing', instances: [], rollback: null, failure }],
      }),
    ).toBe('failing');
  });
});
