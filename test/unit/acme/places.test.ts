/** As many certificates as may at once are issued at one CA; the others come back one after the other. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEASE_MS, PLACES, spacingOf } from '../../../functions/acme/places.ts';
import { SECOND } from '../../../shared/clock.ts';
import { unwrap } from '../../../shared/errors.ts';
import { actorOf, memorySecrets, memoryState } from './authority-in-memory.ts';
import { NOW, scriptedWorld } from './world.ts';

function office() {
  let now = NOW;
  const state = memoryState();
  const deps = {
    clock: () => now,
    secrets: memorySecrets(),
    fetch: () => Promise.reject(new Error('Nobody is asked.')),
    relayEgress: () => Promise.reject(new Error('Nobody is asked.')),
  };
  // Each call on an actor of its own, as after an eviction.
  const actor = () => actorOf(state, deps);
  return {
    state,
    enter: async (caller: string) => unwrap(await actor().enter(caller)),
    leave: async (caller: string) => unwrap(await actor().leave(caller)),
    pass: (ms: number) => void (now += ms),
    now: () => now,
  };
}

const certificates = (count: number, prefix = 'certificate') => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

describe('places', () => {
  it('are taken by as many as there are; everybody else gets a moment of their own, and keeps it', async () => {
    const { enter, now } = office();
    for (const caller of certificates(PLACES)) expect(await enter(caller)).toBeNull();
    const moments = [];
    for (const caller of certificates(1_000, 'late')) moments.push(await enter(caller));
    expect(new Set(moments).size).toBe(1_000);
    expect(Math.min(...moments.map((moment) => moment ?? 0))).toBe(now() + SECOND);
    expect(await enter('late-999')).toBe(moments[999]);
  });

  it('stay with whoever has one, however often it asks', async () => {
    const { enter } = office();
    for (const caller of certificates(PLACES)) await enter(caller);
    for (const caller of certificates(PLACES)) expect(await enter(caller)).toBeNull();
  });

  it('are free again once somebody leaves; a stranger who leaves frees none', async () => {
    const { enter, leave } = office();
    for (const caller of certificates(PLACES)) await enter(caller);
    await leave('stranger');
    expect(await enter('late')).not.toBeNull();
    await leave('certificate-7');
    expect(await enter('late')).toBeNull();
    expect(await enter('later')).not.toBeNull();
  });

  it('are lost by those who are not heard of: no crash keeps anybody out', async () => {
    const { enter, pass } = office();
    for (const caller of certificates(PLACES)) await enter(caller);
    pass(LEASE_MS - 1);
    expect(await enter('late')).not.toBeNull();
    pass(1);
    for (const caller of certificates(PLACES, 'late')) expect(await enter(caller)).toBeNull();
  });

  it('are kept by whoever opens the account from time to time', async () => {
    const { as, pass, restarted } = scriptedWorld();
    const actor = restarted();
    for (const caller of certificates(PLACES)) unwrap(await actor.enter(caller));
    for (let minute = 0; minute < 4; minute += 1) {
      pass(LEASE_MS / 2 + 1);
      await as('certificate-3').open('ca', null);
    }
    for (const caller of certificates(PLACES - 1, 'late')) expect(unwrap(await actor.enter(caller))).toBeNull();
    expect(unwrap(await actor.enter('one too many'))).not.toBeNull();
  });

  it('hold a thousand that come at once to fifty at any time, and let all of them in', async () => {
    const { state, enter, leave, pass, now } = office();
    const waiting = new Map(certificates(1_000).map((caller) => [caller, now()]));
    const done = new Map<string, number>();
    let asked = 0;
    while (waiting.size > 0 || done.size > 0) {
      for (const [caller, at] of done) {
        if (at > now()) continue;
        await leave(caller);
        done.delete(caller);
      }
      for (const [caller, at] of waiting) {
        if (at > now()) continue;
        asked += 1;
        const again = await enter(caller);
        if (again !== null) waiting.set(caller, again);
        else {
          waiting.delete(caller);
          // Issued in half a minute.
          done.set(caller, now() + 30 * SECOND);
        }
      }
      expect(state.places(now()).length).toBeLessThanOrEqual(PLACES);
      pass(SECOND);
    }
    // Twenty rounds of half a minute, and hardly more.
    expect(now() - NOW).toBeLessThan(15 * 60 * SECOND);
    expect(asked).toBeLessThan(5_000);
  });

  it('come free about as often as callers come back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: LEASE_MS }), { minLength: 1, maxLength: PLACES }), (ages) => {
        const spacing = spacingOf(
          ages.map((age, index) => ({ caller: String(index), since: NOW - age, until: NOW + 1 })),
          NOW,
        );
        expect(spacing).toBeGreaterThanOrEqual(100);
        expect(spacing).toBeLessThanOrEqual(LEASE_MS / PLACES);
      }),
    );
  });
});
