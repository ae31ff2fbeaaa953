/** The sealed store as it runs in production: inside workerd, in Durable Object storage. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { createSealedStore } from '../../functions/secrets/sealed-store.ts';
import { Secret } from '../../functions/secrets/secret.ts';
import { createVault } from '../../functions/secrets/vault.ts';
import { describeSecretStore } from '../contracts/secret-store.ts';

let objects = 0;
function emptyObject() {
  objects += 1;
  return `secrets-${objects}`;
}

describeSecretStore('sealed in Durable Object storage', () => {
  const name = emptyObject();
  return Promise.resolve(createSealedStore(() => env.SECRETS.getByName(name)));
});

const base64 = (octets: Uint8Array) => btoa(String.fromCharCode(...octets));
const keyOf = (octet: number) => base64(new Uint8Array(32).fill(octet));
const [first, second, third] = [keyOf(1), keyOf(2), keyOf(3)];
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  );

/** Runs over the storage of an object that nobody else uses. */
function withStorage<T>(work: (storage: DurableObjectStorage) => Promise<T>): Promise<T> {
  return runInDurableObject(env.SECRETS.getByName(emptyObject()), (_object, state) => work(state.storage));
}

describe('the sealing key', () => {
  it('is replaced without losing a secret, and can be dropped after the next write', async () => {
    await withStorage(async (storage) => {
      const before = createVault(storage, { current: first, previous: undefined });
      await before.put('a', new Secret('value a'));
      await before.put('b', new Secret('value b'));
      const during = createVault(storage, { current: second, previous: first });
      expect((await during.get('a')).reveal()).toBe('value a');
      await during.put('c', new Secret('value c'));
      const after = createVault(storage, { current: second, previous: undefined });
      expect(await Promise.all(['a', 'b', 'c'].map(async (name) => (await after.get(name)).reveal()))).toEqual(['value a', 'value b', 'value c']);
    });
  });

  it('can be dropped after everything was sealed anew in one step, and not before', async () => {
    await withStorage(async (storage) => {
      const before = createVault(storage, { current: first, previous: undefined });
      await before.put('a', new Secret('value a'));
      await before.put('b', new Secret('value b'));
      const during = createVault(storage, { current: second, previous: first });
      const early = createVault(storage, { current: second, previous: undefined });
      expect(await failureOf(early.get('a'))).toMatchObject({ code: 'secret_key_wrong' });
      expect(await early.reseal(), 'without the former key nothing is lost').toEqual({ resealed: 0, unreadable: ['a', 'b'] });
      expect(await during.reseal()).toEqual({ resealed: 2, unreadable: [] });
      expect(await during.reseal()).toEqual({ resealed: 0, unreadable: [] });
      const after = createVault(storage, { current: second, previous: undefined });
      expect(await Promise.all(['a', 'b'].map(async (name) => (await after.get(name)).reveal()))).toEqual(['value a', 'value b']);
    });
  });

  it('fails closed when it is another one, says so, and loses nothing', async () => {
    await withStorage(async (storage) => {
      await createVault(storage, { current: first, previous: undefined }).put('a', new Secret('value a'));
      const wrong = createVault(storage, { current: second, previous: third });
      const failure = await failureOf(wrong.get('a'));
      expect(failure).toMatchObject({ code: 'secret_key_wrong', retryable: false, hint: expect.stringContaining('SEALING_KEY') as string });
      expect(JSON.stringify(failure)).not.toContain(second);
      expect(await wrong.list()).toEqual(['a']);
      await wrong.put('b', new Secret('value b'));
      expect((await createVault(storage, { current: first, previous: undefined }).get('a')).reveal()).toBe('value a');
    });
  });

  it.each([
    ['is missing', undefined, 'secret_key_missing'],
    ['is empty', '', 'secret_key_missing'],
    ['is too short', btoa('short'), 'secret_key_malformed'],
    ['is no base64', '*'.repeat(44), 'secret_key_malformed'],
  ])('that %s stops reading and writing with a hint', async (_what, current, code) => {
    await withStorage(async (storage) => {
      const vault = createVault(storage, { current, previous: undefined });
      for (const failure of [await failureOf(vault.put('a', new Secret('value'))), await failureOf(vault.get('a'))]) {
        expect(failure).toMatchObject({ code, hint: expect.stringContaining('openssl rand -base64 32') as string });
      }
    });
  });
});

describe('a sealed row', () => {
  it('holds no plain text, and the same value looks different each time', async () => {
    await withStorage(async (storage) => {
      const vault = createVault(storage, { current: first, previous: undefined });
      await vault.put('a', new Secret('plain text to look for'));
      await vault.put('b', new Secret('plain text to look for'));
      const rows = storage.sql
        .exec<{ sealed: string }>('SELECT sealed FROM secrets ORDER BY name')
        .toArray()
        .map(({ sealed }) => sealed);
      expect(rows[0]).not.toBe(rows[1]);
      expect(rows.join('')).not.toContain('plain');
      expect(rows.join('')).not.toContain(btoa('plain text to look for').slice(0, 20));
    });
  });

  it('opens neither when altered nor under another name', async () => {
    await withStorage(async (storage) => {
      const vault = createVault(storage, { current: first, previous: undefined });
      await vault.put('a', new Secret('value of a'));
      await vault.put('b', new Secret('value of b'));
      storage.sql.exec("UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'a') WHERE name = 'b'");
      expect(await failureOf(vault.get('b'))).toMatchObject({ code: 'secret_damaged' });
      storage.sql.exec(`UPDATE secrets SET sealed = replace(sealed, '"iv":"', '"iv":"AAAA') WHERE name = 'a'`);
      expect(await failureOf(vault.get('a'))).toMatchObject({ code: 'secret_damaged' });
    });
  });
});
