import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../../shared/clock.ts';
import { lifelineOf } from '../../../functions/web/pages/lifeline.ts';
import { leavesOf } from '../../../functions/web/pages/motif.tsx';
import { tallyOf } from '../../../functions/web/pages/overall.ts';
import { stepsOf } from '../../../functions/web/pages/steps.ts';
import { duration, relative } from '../../../functions/web/pages/time.ts';
import { delivery, failing, healthy, NOW, renewing } from './samples.ts';

const { live } = healthy();
const lifeline = (leftMs: number, lifetimeMs: number, renewalInMs: number | null) => {
  if (live === null) throw new Error('the sample is live');
  const notAfter = NOW + leftMs;
  return lifelineOf(NOW, { ...live, notAfter, notBefore: notAfter - lifetimeMs }, renewalInMs === null ? null : { at: NOW + renewalInMs, reason: '' });
};

describe('a lifeline', () => {
  it.each([
    ['fresh until the renewal is due', 61 * DAY, 90 * DAY, 30 * DAY, 'fresh'],
    ['due from then on', 29 * DAY, 90 * DAY, -DAY, 'due'],
    ['critical in the last tenth of a 90-day life', 8 * DAY, 90 * DAY, -20 * DAY, 'critical'],
    ['not critical with the same days of a 10-day life', 8 * DAY, 10 * DAY, 2 * DAY, 'fresh'],
    ['critical in the last tenth of a 6-day life', 14 * HOUR, 6 * DAY, -2 * DAY, 'critical'],
    ['expired at notAfter', 0, 90 * DAY, null, 'expired'],
  ])('is %s', (_what, left, lifetime, renewal, urgency) => {
    expect(lifeline(left, lifetime, renewal).urgency).toBe(urgency);
  });

  it('measures in shares of the lifetime and stays on the line', () => {
    expect(lifeline(60 * DAY, 90 * DAY, 30 * DAY)).toMatchObject({ spent: 1 / 3, renewal: 2 / 3, lifetimeDays: 90, left: { value: 60, unit: 'days' } });
    expect(lifeline(-DAY, 90 * DAY, -200 * DAY)).toMatchObject({ spent: 1, renewal: 0, left: { value: 0, unit: 'days' } });
  });

  it('counts the last two days in hours', () => {
    expect(lifeline(47 * HOUR, 90 * DAY, null).left).toEqual({ value: 47, unit: 'hours' });
    expect(lifeline(61 * MINUTE, 90 * DAY, null).left).toEqual({ value: 1, unit: 'hour' });
  });
});

describe('the steps of a renewal', () => {
  const issuance = renewing().issuance;
  const states = (phase: ReturnType<typeof renewing>['phase'], phases: NonNullable<typeof issuance>['phases']) => {
    if (issuance === null) throw new Error('the sample is renewing');
    return Object.fromEntries((stepsOf(NOW, { ...renewing(), phase, issuance: { ...issuance, phases } }) ?? []).map((step) => [step.name, step.state]));
  };
  const visit = (name: ReturnType<typeof renewing>['phase'], endedAt: number | null = NOW) => ({ name, startedAt: NOW - SECOND, endedAt });

  it('show challenges that an order did not need as skipped', () => {
    expect(states('finalize', [visit('order'), visit('finalize', null)])).toMatchObject({
      order: 'done',
      present: 'skipped',
      validate: 'skipped',
      finalize: 'current',
      download: 'pending',
    });
  });

  it('add repeated visits and count the open one up to now', () => {
    if (issuance === null) throw new Error('the sample is renewing');
    const phases = [
      { name: 'install' as const, startedAt: NOW - 60 * SECOND, endedAt: NOW - 57 * SECOND },
      { name: 'install' as const, startedAt: NOW - 4 * SECOND, endedAt: null },
    ];
    expect(stepsOf(NOW, { ...renewing(), phase: 'install', issuance: { ...issuance, phases } })?.find((step) => step.name === 'install')).toEqual({
      name: 'install',
      state: 'current',
      ms: 7_000,
      since: NOW - 4 * SECOND,
    });
  });

  it('keep the failed step while the certificate rests until the next try', () => {
    expect(
      stepsOf(NOW, { ...failing(), phase: 'idle' })
        ?.filter((step) => step.state === 'failed')
        .map((step) => step.name),
    ).toEqual(['present']);
  });
});

describe('a redelivery', () => {
  it('shows its own steps as well, and nothing of an order that was not made', () => {
    const steps = stepsOf(NOW, { ...healthy(), phase: 'verify' }) ?? [];
    expect(steps.map((step) => step.state)).toEqual([...Array.from({ length: 8 }, () => 'skipped'), 'current']);
  });
  it('is marked as failed by a delivery that failed', () => {
    const failure = { code: 'traefik_unreachable', message: 'No answer.', hint: null, retryAt: null };
    expect(stepsOf(NOW, { ...healthy(), phase: 'verify', deliveries: [delivery({ failure })] })?.at(-1)?.state).toBe('failed');
  });
  it('shows no line while nothing is under way', () => {
    expect(stepsOf(NOW, healthy())).toBeNull();
  });
});

describe('the plant', () => {
  const none = tallyOf([]);
  it('has one leaf per certificate while they are few', () => {
    expect(leavesOf({ ...none, live: 3, failing: 1 })).toEqual(['live', 'live', 'live', 'failing']);
  });
  it('carries what needs attention on top', () => {
    expect(leavesOf({ ...none, live: 2, failing: 1, 'needs-attention': 1 })).toEqual(['live', 'live', 'failing', 'needs-attention']);
  });
  it('stays a plant with 10,000 certificates and still shows the one that fails', () => {
    const leaves = leavesOf({ ...none, live: 9_999, failing: 1 });
    expect(leaves.length).toBeLessThanOrEqual(23);
    expect(leaves.at(-1)).toBe('failing');
  });
});

describe('times', () => {
  it.each([
    [4, '4 ms'],
    [640, '0.6 s'],
    [11_400, '11 s'],
    [200 * SECOND, '3 min 20 s'],
    [3 * MINUTE, '3 min'],
    [25 * HOUR, '25 h'],
    [31 * DAY + HOUR, '31 days'],
    [-5, '0 ms'],
  ])('read %d ms as %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
  it.each([
    [0, 'now'],
    [8 * SECOND, 'in 8 s'],
    [-90 * SECOND, '1 min ago'],
    [47 * HOUR, 'in 47 h'],
    [-3 * DAY, '3 days ago'],
  ])('read a distance of %d ms as "%s"', (gap, text) => {
    expect(relative(NOW, NOW + gap)).toBe(text);
  });
});
