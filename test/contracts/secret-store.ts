/** What every writable SecretStore keeps, whatever is behind it. Each store runs this suite where it runs in production. */
import { describe, expect, it } from 'vitest';
import { Secret } from '../../functions/secrets/secret.ts';
import type { SecretStore } from '../../functions/secrets/store.ts';

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  );

/** @param create an empty store of its own for every call. */
export function describeSecretStore(kind: string, create: () => Promise<SecretStore>): void {
  describe(`SecretStore: ${kind}`, () => {
    it('gives back what was put, byte for byte', async () => {
      const store = await create();
      for (const value of ['x', '-----BEGIN PRIVATE KEY-----\nMIG…\n-----END PRIVATE KEY-----\n', 'ключ 鍵 🔑 "quoted" \\ \u0000', 'ü'.repeat(32_768)]) {
        await store.put('acme-account-1', new Secret(value));
        expect((await store.get('acme-account-1')).reveal()).toBe(value);
      }
    });

    it('replaces a value, also by an older one', async () => {
      const store = await create();
      for (const value of ['first', 'second', 'first', 'third', 'first']) {
        await store.put('token', new Secret(value));
        expect((await store.get('token')).reveal()).toBe(value);
      }
    });

    it('takes the same value again without a change', async () => {
      const store = await create();
      await store.put('token', new Secret('value'));
      await store.put('token', new Secret('value'));
      expect(await store.list()).toEqual(['token']);
      expect((await store.get('token')).reveal()).toBe('value');
    });

    it('lists names in order and knows what it has', async () => {
      const store = await create();
      expect(await store.list()).toEqual([]);
      for (const name of ['zone', 'account', 'hmac-1']) await store.put(name, new Secret('value'));
      expect(await store.list()).toEqual(['account', 'hmac-1', 'zone']);
      expect(await store.has('zone')).toBe(true);
      expect(await store.has('zon')).toBe(false);
    });

    it('forgets what is removed, takes a second removal, and a new value afterwards', async () => {
      const store = await create();
      await store.put('token', new Secret('value'));
      await store.remove('token');
      await store.remove('token');
      await store.remove('never-there');
      expect(await store.has('token')).toBe(false);
      expect(await store.list()).toEqual([]);
      expect(await failureOf(store.get('token'))).toMatchObject({ code: 'secret_not_found' });
      await store.put('token', new Secret('again'));
      expect((await store.get('token')).reveal()).toBe('again');
    });

    it('says which secret is missing', async () => {
      const store = await create();
      expect(await failureOf(store.get('cloudflare-token'))).toMatchObject({
        code: 'secret_not_found',
        retryable: false,
        details: { name: 'cloudflare-token' },
      });
    });

    it.each(['', 'Upper', '../escape', 'with space', '-leading', 'a'.repeat(64), 'dot.dot', 'ünï'])('refuses the name %j everywhere', async (name) => {
      const store = await create();
      const attempts = [store.put(name, new Secret('value')), store.get(name), store.has(name), store.remove(name)];
      for (const attempt of attempts) expect(await failureOf(attempt)).toMatchObject({ code: 'secret_name_invalid' });
    });

    it('refuses an empty value and one above 64 KiB, and quotes neither', async () => {
      const store = await create();
      expect(await failureOf(store.put('token', new Secret('')))).toMatchObject({ code: 'secret_too_large' });
      const failure = await failureOf(store.put('token', new Secret(`hidden${'ü'.repeat(32_768)}`)));
      expect(failure).toMatchObject({ code: 'secret_too_large' });
      expect(`${JSON.stringify(failure)}${String(failure)}`).not.toContain('hidden');
      expect(await store.has('token')).toBe(false);
    });
  });
}
