/** As many certificates as may at once are issued at one CA; the others wait in a queue and are called. */
import { describe, expect, it } from 'vitest';
import { LEASE_MS, PLACES, Places } from '../../../functions/acme/places.ts';
import { SECOND } from '../../../shared/clock.ts';
import { unwrap } from '../../../shared/errors.ts';
import { memoryState } from './authority-in-memory.ts';
import { NOW, scriptedWorld } from './world.ts';

function office() {
  let now = NOW;
  const state = memoryState();
  // Each question to a new one over the same rows, as after an eviction.
  return {
    state,
    enter: (caller: string) => new Places(state).enter(caller, now),
    leave: (caller: string) => new Places(state).leave(caller, now),
    pass: (ms: number) => void (now += ms),
    now: () => now,
  };
}

const certificates = (count: number, prefix = 'certificate') => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
const ENTERED = { askAgainAt: null, called: [] };

describe('places', () => {
  it('are taken by as many as there are; everybody else waits, with a moment of their own to ask again', () => {
    const { enter, now } = office();
    for (const caller of certificates(PLACES)) expect(enter(caller)).toEqual(ENTERED);
    const moments = certificates(1_000, 'late').map((caller) => enter(caller).askAgainAt ?? 0);
    expect(new Set(moments).size).toBe(1_000);
    expect(moments[0]).toBe(now() + LEASE_MS);
    expect(enter('late-999').askAgainAt).toBe(moments[999]);
  });

  it('stay with whoever has one, however often it asks', () => {
    const { enter } = office();
    for (const caller of [...certificates(PLACES), 'late', ...certificates(PLACES)]) expect(enter(caller).called).toEqual([]);
    for (const caller of certificates(PLACES)) expect(enter(caller)).toEqual(ENTERED);
  });

  it('go to those who have waited longest, who are called and need not ask again', () => {
    const { enter, leave } = office();
    for (const caller of certificates(PLACES)) enter(caller);
    for (const caller of certificates(3, 'late')) enter(caller);
    expect(leave('certificate-7')).toEqual(['late-0']);
    expect(enter('late-0')).toEqual(ENTERED);
    expect(enter('newcomer').askAgainAt).not.toBeNull();
    expect(leave('late-0')).toEqual(['late-1']);
    expect(leave('certificate-3')).toEqual(['late-2']);
    expect(leave('certificate-4')).toEqual(['newcomer']);
    expect(leave('certificate-5')).toEqual([]);
  });

  it('are not freed by a stranger who leaves', () => {
    const { enter, leave } = office();
    for (const caller of certificates(PLACES)) enter(caller);
    enter('late');
    expect(leave('stranger')).toEqual([]);
    expect(leave('late')).toEqual([]);
  });

  it('are lost by those who are not heard of: no crash keeps anybody out, and whoever asks next notices for all', () => {
    const { enter, pass } = office();
    for (const caller of certificates(PLACES)) enter(caller);
    for (const caller of certificates(PLACES + 1, 'late')) enter(caller);
    pass(LEASE_MS - 1);
    expect(enter('late-0').askAgainAt).not.toBeNull();
    pass(1);
    expect(enter('late-0')).toEqual({ askAgainAt: null, called: certificates(PLACES, 'late').slice(1) });
    expect(enter(`late-${PLACES}`).askAgainAt).not.toBeNull();
  });

  it('are kept by whoever opens the account from time to time', async () => {
    const { as, pass, restarted } = scriptedWorld();
    const actor = restarted();
    for (const caller of certificates(PLACES)) unwrap(await actor.enter(caller));
    for (let times = 0; times < 4; times += 1) {
      pass(LEASE_MS / 2 + 1);
      await as('certificate-3').open('ca', null);
    }
    for (const caller of certificates(PLACES - 1, 'late')) expect(unwrap(await actor.enter(caller))).toBeNull();
    expect(unwrap(await actor.enter('one too many'))).not.toBeNull();
  });

  it.each([
    { words: 'all calls arrive', lost: 0, most: 60 },
    { words: 'every tenth call is lost', lost: 10, most: 240 },
  ])('hold a thousand that come at once to as many as there are, and let all in, when $words', ({ lost, most }) => {
    const { state, enter, leave, pass, now } = office();
    const waiting = new Map(certificates(1_000).map((caller) => [caller, now()]));
    const issuing = new Map<string, number>();
    let calls = 0;
    let asked = 0;
    const call = (callers: readonly string[]) => {
      for (const caller of callers) {
        calls += 1;
        if (lost === 0 || calls % lost !== 0) waiting.set(caller, now());
      }
    };
    while (waiting.size > 0 || issuing.size > 0) {
      for (const [caller, until] of issuing) {
        if (until > now()) continue;
        issuing.delete(caller);
        call(leave(caller));
      }
      for (const [caller, at] of waiting) {
        if (at > now()) continue;
        asked += 1;
        const { askAgainAt, called } = enter(caller);
        call(called);
        if (askAgainAt !== null) waiting.set(caller, askAgainAt);
        else {
          waiting.delete(caller);
          // Issued in half a minute.
          issuing.set(caller, now() + 30 * SECOND);
        }
      }
      expect(state.places(now()).length).toBeLessThanOrEqual(PLACES);
      pass(SECOND);
    }
    expect((now() - NOW) / (30 * SECOND)).toBeLessThan(most);
    expect(asked).toBeLessThan(2_500);
  });
});
