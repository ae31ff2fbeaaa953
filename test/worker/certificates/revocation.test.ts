/** Revocation on request, keys that are kept or not, and authorizations that are given up after issue. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { acceptRevocation } from '../../../functions/certificates/revocation.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { Runner, scenario } from './runner.ts';
import { World } from './world.ts';

const busy = () => new PerennialError('acme_overloaded', 'The CA is busy.', { retryable: true });

/** What the object's RPC does. */
function revoke(runner: Runner, reason: number, signer: 'account' | 'certificate' = 'account'): void {
  runner.store.wantRevocation(acceptRevocation(runner.store.read(), { reason, signer }));
}

describe('a revocation', () => {
  scenario('is done with the account key, and the certificate is replaced at once, as an emergency', async (runner, world) => {
    await runner.until(world.now + HOUR);
    const before = runner.view().live;
    const chain = runner.state.live?.chain;
    revoke(runner, 4);
    await runner.until(world.now + MINUTE);
    expect(world.revocations).toEqual([{ authority: 'pebble', chain, reason: 4, jws: null }]);
    expect(runner.view().live?.sha256).not.toBe(before?.sha256);
    expect(runner.view().live).toMatchObject({ revoked: null });
    expect(world.wanted[1]).toMatchObject({ emergency: true, inWindow: false });
    expect(runner.events('revoked')).toEqual([expect.stringContaining('reason superseded')]);
  });

  scenario("is signed with the certificate's own key where that is asked for", async (runner, world) => {
    await runner.until(world.now + HOUR);
    const [issuance] = world.keys.keys();
    revoke(runner, 1, 'certificate');
    await runner.until(world.now + MINUTE);
    expect(world.revocations).toMatchObject([{ reason: 1, jws: `signed by ${issuance} with nonce` }]);
  });

  scenario('that the CA does not take now is tried again, shown, and done before its certificate is forgotten', async (runner, world) => {
    await runner.until(world.now + HOUR);
    const chain = runner.state.live?.chain;
    world.failNext('revoke', busy(), busy());
    revoke(runner, 4);
    await runner.alarm();
    expect(runner.view().state).not.toBe('live');
    expect(runner.state.record.revocation?.failure).toMatchObject({ code: 'acme_overloaded', attention: true, count: 1 });
    runner.wake('force');
    await runner.until(world.now + HOUR);
    expect(world.revocations).toMatchObject([{ chain }]);
    expect(runner.view().state).toBe('live');
    // The certificate that replaced it was asked for already.
    expect(world.orders).toHaveLength(2);
  });

  scenario('that the CA refuses is not repeated until somebody asks again, and renewals go on', async (runner, world) => {
    await runner.until(world.now + HOUR);
    world.failNext('revoke', new PerennialError('acme_account_unauthorized', 'Not yours.'));
    revoke(runner, 4);
    await runner.until(world.now + 40 * DAY);
    expect(world.calls.filter((call) => call === 'revoke')).toHaveLength(1);
    expect(runner.state.record.revocation).toMatchObject({ failure: { stopped: true, attention: true } });
    expect(world.finalized).toBe(2);
  });

  scenario('for a key that was given away never issues for it again, whatever the specification says', async (runner, world) => {
    runner.specify({ reuseKey: true });
    await runner.until(world.now + HOUR);
    const key = runner.state.live?.leaf.spki;
    // A renewal with the same key is under way.
    world.failNext('order', ...Array.from({ length: 9 }, busy));
    runner.wake('force');
    await runner.alarm();
    await runner.alarm();
    expect(runner.state.issuance?.key?.spki).toBe(key);
    revoke(runner, 1);
    world.failures.clear();
    await runner.until(world.now + 10 * MINUTE);
    expect(runner.state.live?.leaf.spki).not.toBe(key);
    expect(runner.view().state).toBe('live');
    expect(world.txt.size).toBe(0);
    expect(world.finalized).toBe(2);
  });

  it('is one revocation and one replacement wherever the process is killed', async () => {
    for (const side of ['before', 'after'] as const)
      for (let position = 0; position < 18; position += 1)
        await runInDurableObject(env.CERTIFICATES.getByName(`revoked-${side}-${position}`), async (_object, state) => {
          const world = new World();
          const runner = new Runner(world, state.storage);
          await runner.until(world.now + HOUR);
          revoke(runner, 4);
          world.calls.length = 0;
          world.fuse = { calls: position, side };
          await runner.until(world.now + HOUR);
          const at = `killed ${side} call ${position} (${world.calls[position]})`;
          expect(runner.view().state, at).toBe('live');
          expect(runner.state.record.revocation, at).toBeNull();
          expect(new Set(world.revocations.map(({ chain }) => chain)).size, at).toBe(1);
          expect(world.finalized, at).toBe(2);
          expect(world.txt.size, at).toBe(0);
        });
  });

  scenario('is refused for other reasons, for another certificate, twice, and for a key that nobody here has made', async (runner, world) => {
    const refused = (request: unknown) => {
      try {
        acceptRevocation(runner.store.read(), request);
      } catch (error) {
        return error instanceof PerennialError ? error.code : String(error);
      }
      return null;
    };
    await runner.alarm();
    expect(refused({ reason: 4, signer: 'account' })).toBe('certificate_not_live');
    await runner.until(world.now + HOUR);
    for (const reason of [2, 6, 8, 9, 10, 1.5]) expect(refused({ reason, signer: 'account' })).toBe('revocation_reason_not_allowed');
    expect(refused({ reason: 4, signer: 'somebody' })).toBe('revocation_reason_not_allowed');
    expect(refused({ reason: 4, signer: 'account', sha256: 'f'.repeat(64) })).toBe('revocation_not_live');
    const state = runner.state;
    if (state.live === null) throw new Error('not live');
    runner.store.write({ ...state, live: { ...state.live, issuance: null, adopted: true } });
    expect(refused({ reason: 4, signer: 'certificate' })).toBe('revocation_key_unknown');
    expect(refused({ reason: 4, signer: 'account' })).toBeNull();
    runner.store.write({ ...state, live: { ...state.live, revoked: { at: world.now, reason: 4 } } });
    expect(refused({ reason: 4, signer: 'account' })).toBe('revocation_done');
  });
});

describe('the key', () => {
  scenario('is a new one with each renewal', async (runner, world) => {
    await runner.until(world.now + HOUR);
    const first = runner.state.live?.leaf.spki;
    await runner.until(world.now + 31 * DAY);
    expect(runner.state.live?.leaf.spki).not.toBe(first);
  });

  scenario('is kept where the specification says so, as long as its type stays', async (runner, world) => {
    runner.specify({ reuseKey: true });
    await runner.until(world.now + HOUR);
    const first = runner.state.live?.leaf.spki;
    await runner.until(world.now + 31 * DAY);
    expect(world.finalized).toBe(2);
    expect(runner.state.live?.leaf.spki).toBe(first);
    // The key lies under the new issuance's name now.
    expect([...world.keys.keys()]).toEqual([runner.state.live?.issuance]);
    runner.specify({ reuseKey: true, keyType: 'ec-p384' });
    await runner.until(world.now + HOUR);
    expect(runner.state.live?.leaf.spki).not.toBe(first);
  });
});

describe('authorizations', () => {
  scenario('are given up once the certificate is served, and not before', async (runner, world) => {
    await runner.until(world.now + HOUR);
    expect(world.deactivated).toEqual(world.orders[0]?.authorizations);
    expect(world.calls.indexOf('deactivate')).toBeGreaterThan(world.calls.lastIndexOf('verify'));
    expect(runner.state.live?.authorizations).toEqual([]);
  });

  scenario('are kept where the configuration says so', async (runner, world) => {
    world.deactivates = false;
    await runner.until(world.now + HOUR);
    expect(world.deactivated).toEqual([]);
    expect(runner.state.live?.authorizations).toEqual([]);
  });

  scenario('are given up ten at a time', async (runner, world) => {
    runner.specify({ domains: Array.from({ length: 34 }, (_, position) => `host${position}.example.net`) });
    await runner.until(world.now + HOUR);
    expect(world.deactivated).toHaveLength(34);
  });

  scenario('that cannot be given up are tried a few times and then left, with a word about it', async (runner, world) => {
    world.failNext('deactivate', ...Array.from({ length: 40 }, busy));
    await runner.until(world.now + 5 * DAY);
    expect(world.calls.filter((call) => call === 'deactivate')).toHaveLength(5);
    expect(runner.state.live).toMatchObject({ authorizations: [] });
    expect(runner.state.live?.deactivation).toBeUndefined();
    expect(runner.events('authorizations-kept')).toEqual([expect.stringContaining('2 authorizations')]);
    expect(runner.view().state).toBe('live');
  });
});

describe('an order', () => {
  scenario('that the CA does not take as a replacement is placed as a new one, and that is said once', async (runner, world) => {
    await runner.until(world.now + HOUR);
    world.replacesRefused = 'Already replaced.';
    world.now += 2 * DAY;
    const { ari } = runner.state;
    runner.store.write({ ...runner.state, ari: ari === null ? null : { ...ari, start: world.now - HOUR, end: world.now + HOUR, selectedAt: world.now } });
    await runner.until(world.now + HOUR);
    expect(world.wanted[1]).toMatchObject({ replaces: expect.any(String) as string, inWindow: true, emergency: false });
    expect(runner.events('replaces-refused')).toEqual([expect.stringContaining('Already replaced.')]);
  });
});
