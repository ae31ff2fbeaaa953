/** A new key for the account (RFC 8555 §7.3.5), with a fault at every point: the key in use is always the one the CA knows. */
import { exportJWK, type JWK } from 'jose';
import { describe, expect, it } from 'vitest';
import type { SecretStore } from '../../../functions/secrets/store.ts';
import { MINUTE } from '../../../shared/clock.ts';
import { unwrap } from '../../../shared/errors.ts';
import { memorySecrets, type MemoryState } from './authority-in-memory.ts';
import { pebbleInstalled } from './pebble.ts';
import { names, world } from './pebble-world.ts';
import { ORIGIN, problem } from './scripted-ca.ts';
import { failureOf, NAMES, scriptedWorld, type ScriptedWorld } from './world.ts';

const orderUrl = `${ORIGIN}/orders/1`;

async function publicKeyOf(secrets: SecretStore, name: string): Promise<JWK> {
  const pem = (await secrets.get(name)).reveal();
  const der = Buffer.from(pem.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64');
  const key = await crypto.subtle.importKey('pkcs8', der, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
  const { kty, crv, x, y } = await exportJWK(key);
  return { kty, crv, x, y } as JWK;
}

/** One account, one key, and they belong together. */
async function expectWhole({ ca, state, secrets, port }: ScriptedWorld, accountUrl: string): Promise<void> {
  const kept = (await secrets.list()).filter((name) => name.startsWith('acme-account-'));
  expect(kept).toEqual([state.account()?.keyName]);
  expect(await ca.accountOf(await publicKeyOf(secrets, kept[0] ?? ''))).toBe(accountUrl);
  expect([...ca.accounts.keys()]).toEqual([accountUrl]);
  const session = await port.open('ca', null);
  expect(session.accountUrl).toBe(accountUrl);
  await session.order(orderUrl);
}

describe('a change of the account key', () => {
  it('keeps the account, removes the old key, and is done once for one request', async () => {
    const scene = scriptedWorld();
    const { accountUrl } = await scene.port.open('ca', null);
    const before = scene.state.account()?.keyName;
    const request = { authority: scene.authority, clusters: [], request: 'rollover-1' };
    const answer = unwrap(await scene.restarted().rollover(request));
    expect(answer).toEqual({ accountUrl, keyName: scene.state.account()?.keyName });
    expect(answer.keyName).not.toBe(before);
    expect(answer.keyName).toMatch(/^[a-z0-9][a-z0-9-]{0,62}$/);
    await expectWhole(scene, accountUrl);
    expect(unwrap(await scene.restarted().rollover(request))).toEqual(answer);
    expect(scene.ca.count('/key-change')).toBe(1);
    const next = unwrap(await scene.restarted().rollover({ ...request, request: 'rollover-2' }));
    expect(next.keyName).not.toBe(answer.keyName);
    await expectWhole(scene, accountUrl);
  });

  it('asked for many times at once happens once', async () => {
    const scene = scriptedWorld();
    const { accountUrl } = await scene.port.open('ca', null);
    const actor = scene.restarted();
    const request = { authority: scene.authority, clusters: [], request: 'rollover-1' };
    const answers = await Promise.all([1, 2, 3].map(async () => unwrap(await actor.rollover(request)).keyName));
    expect(new Set(answers).size).toBe(1);
    expect(scene.ca.count('/key-change')).toBe(1);
    await expectWhole(scene, accountUrl);
  });

  it('that the CA does not offer, or without an account, writes nothing', async () => {
    const scene = scriptedWorld();
    const request = { authority: scene.authority, clusters: [], request: 'rollover-1' };
    expect(await scene.restarted().rollover(request)).toMatchObject({ ok: false, error: { code: 'acme_account_not_registered' } });
    await scene.port.open('ca', null);
    delete scene.ca.directory['keyChange'];
    const refused = await scene.restarted().rollover(request);
    expect(refused).toMatchObject({ ok: false, error: { code: 'acme_rollover_not_offered', retryable: false } });
    expect(scene.state.rollover()).toBeNull();
    expect(await scene.secrets.list()).toHaveLength(1);
  });

  it('that the CA refuses leaves the old key and nothing else', async () => {
    const scene = scriptedWorld();
    const { accountUrl } = await scene.port.open('ca', null);
    scene.ca.script('/key-change', problem(409, 'malformed', 'The new key is in use.'));
    expect(await scene.restarted().rollover({ authority: scene.authority, clusters: [], request: 'rollover-1' })).toMatchObject({
      ok: false,
      error: { code: 'acme_malformed' },
    });
    await expectWhole(scene, accountUrl);
    expect(scene.state.rollover()).toBeNull();
  });

  it('does not disturb a session that was opened before it', async () => {
    const scene = scriptedWorld();
    const session = await scene.port.open('ca', null);
    unwrap(await scene.restarted().rollover({ authority: scene.authority, clusters: [], request: 'rollover-1' }));
    await session.order(orderUrl);
    await session.newOrder({ names: NAMES, profile: null, replaces: null });
    expect(session.accountUrl).toBe((await scene.port.open('ca', null)).accountUrl);
    expect(scene.state.accountStop()).toBeNull();
  });

  it('whose reply was lost keeps both keys until the CA can say which it knows', async () => {
    const scene = scriptedWorld();
    const { accountUrl } = await scene.port.open('ca', null);
    const old = scene.state.account()?.keyName ?? '';
    const busy = () => new Response('<html>', { status: 503, headers: { 'retry-after': '0' } });
    scene.ca.script('/key-change', busy);
    scene.ca.script('/new-account', busy);
    const request = { authority: scene.authority, clusters: [], request: 'rollover-1' };
    expect(await scene.restarted().rollover(request)).toMatchObject({ ok: false, error: { retryable: true } });
    expect(await scene.secrets.list()).toHaveLength(2);
    // The CA has not changed it: sessions go on with the old key, and nothing is thrown away while it might still arrive.
    scene.pass(1);
    await (await scene.port.open('ca', null)).order(orderUrl);
    expect(scene.state.account()?.keyName).toBe(old);
    expect(await scene.secrets.list()).toHaveLength(2);
    expect(await scene.restarted().rollover(request)).toMatchObject({ ok: false, error: { code: 'acme_rollover_unsettled', retryable: true } });
    scene.pass(2 * MINUTE);
    expect(unwrap(await scene.restarted().rollover(request)).keyName).not.toBe(old);
    await expectWhole(scene, accountUrl);
  });

  it('that arrives after the CA was asked is noticed by the session that meets it', async () => {
    const scene = scriptedWorld();
    const { accountUrl } = await scene.port.open('ca', null);
    scene.ca.script('/key-change', () => new Response(null, { status: 502 }));
    expect(await scene.restarted().rollover({ authority: scene.authority, clusters: [], request: 'rollover-1' })).toMatchObject({ ok: false });
    scene.pass(MINUTE + 1);
    const session = await scene.port.open('ca', null);
    const { newKey } = scene.state.rollover() ?? { newKey: '' };
    scene.ca.accounts.set(accountUrl, await publicKeyOf(scene.secrets, newKey));
    await session.order(orderUrl);
    expect(scene.state.account()?.keyName).toBe(newKey);
    await expectWhole(scene, accountUrl);
  });
});

/** Everything a change does, in order; the fault strikes before or after the effect. */
class Crash extends Error {}

function crashing(at: number, when: 'before' | 'after') {
  let step = 0;
  let armed = false;
  const effect = async <T>(work: () => Promise<T>): Promise<T> => {
    if (!armed) return work();
    step += 1;
    const strikes = step === at;
    if (strikes && when === 'before') throw new Crash();
    const value = await work();
    if (strikes) throw new Crash();
    return value;
  };
  const plain = memorySecrets();
  const secrets: SecretStore = { ...plain, put: (name, secret) => effect(() => plain.put(name, secret)), remove: (name) => effect(() => plain.remove(name)) };
  const storage = (state: MemoryState): MemoryState =>
    Object.assign(Object.create(state) as MemoryState, {
      saveAccount: (row: Parameters<MemoryState['saveAccount']>[0]) => effect(() => state.saveAccount(row)),
      saveRollover: (row: Parameters<MemoryState['saveRollover']>[0]) => effect(() => state.saveRollover(row)),
    });
  return { effect, secrets, storage, arm: () => void (armed = true), disarm: () => void (armed = false), steps: () => step };
}

describe('a crash in the middle of a change', () => {
  const EFFECTS = ['the intent', 'the new key', 'keyChange', 'the look-up', 'the account', 'the removal of the old key', 'the end'];
  const points = EFFECTS.flatMap((what, index) => (['before', 'after'] as const).map((when) => ({ what, when, at: index + 1 })));

  it.each(points)('$when $what is healed by whoever comes next', async ({ at, when }) => {
    for (const next of ['rollover', 'open'] as const) {
      const fault = crashing(at, when);
      const scene: ScriptedWorld = scriptedWorld({
        secrets: fault.secrets,
        storage: fault.storage,
        direct: (input, init) => (init?.method === 'POST' ? fault.effect(() => scene.ca.fetch(input, init)) : scene.ca.fetch(input, init)),
      });
      const { accountUrl } = await scene.port.open('ca', null);
      const request = { authority: scene.authority, clusters: [], request: 'rollover-1' };
      fault.arm();
      await scene.restarted().rollover(request);
      expect(fault.steps()).toBeGreaterThanOrEqual(at);
      fault.disarm();
      const actor = scene.restarted();
      if (next === 'open') {
        // Whatever was decided, the key that sessions get is the one that the CA knows, at once and later.
        for (const wait of [0, 2 * MINUTE]) {
          scene.pass(wait);
          const session = await scene.port.open('ca', null);
          expect(session.accountUrl).toBe(accountUrl);
          await session.order(orderUrl);
        }
      } else {
        scene.pass(2 * MINUTE);
        expect(unwrap(await actor.rollover(request)).accountUrl).toBe(accountUrl);
        expect(scene.ca.count('/key-change')).toBeLessThanOrEqual(2);
      }
      await expectWhole(scene, accountUrl);
    }
  });

  it('strikes at every effect there is', async () => {
    const fault = crashing(0, 'before');
    const scene: ScriptedWorld = scriptedWorld({
      secrets: fault.secrets,
      storage: fault.storage,
      direct: (input, init) => (init?.method === 'POST' ? fault.effect(() => scene.ca.fetch(input, init)) : scene.ca.fetch(input, init)),
    });
    await scene.port.open('ca', null);
    fault.arm();
    unwrap(await scene.restarted().rollover({ authority: scene.authority, clusters: [], request: 'rollover-1' }));
    expect(fault.steps()).toBe(EFFECTS.length);
  });
});

describe.skipIf(!pebbleInstalled)('with Pebble, a change of the account key', () => {
  it('keeps the account and its orders, and the old key is of no use any more', async () => {
    const { port, actor, authority, secrets, state, requests } = await world();
    const session = await port.open('pebble', null);
    const order = await session.newOrder({ names, profile: null, replaces: null });
    const oldName = state.account()?.keyName ?? '';
    const oldKey = await secrets.get(oldName);
    const { accountUrl, keyName } = unwrap(await actor.rollover({ authority, clusters: [], request: 'rollover-1' }));
    expect(accountUrl).toBe(session.accountUrl);
    expect(await secrets.list()).toEqual([keyName]);
    // The session from before finds the new key by itself.
    expect(await session.order(order.url)).toMatchObject({ status: 'pending' });
    expect(await (await port.open('pebble', null)).order(order.url)).toMatchObject({ status: 'pending' });
    requests.length = 0;
    await secrets.put(keyName, oldKey);
    const failure = await failureOf((await port.open('pebble', null)).order(order.url));
    expect(failure).toMatchObject({ code: 'acme_account_signature_refused' });
    expect(port.classify(failure)).toBe('account');
  });
});
