import { inspect } from 'node:util';
import { assert as check, constantFrom, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CACHE_TTL_MS, createCachedStore } from '../../../functions/secrets/cached-store.ts';
import { Secret } from '../../../functions/secrets/secret.ts';
import { createWorkerStore } from '../../../functions/secrets/worker-store.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { memorySecrets } from '../acme/authority-in-memory.ts';

describe('Secret', () => {
  it('shows itself to nobody who does not ask for it by name', () => {
    check(
      property(string({ minLength: 12, unit: constantFrom('a', 'b', 'c', 'x', 'y', 'z', '0', '1', '2') }), (value) => {
        const secret = new Secret(value);
        const shown = [
          secret.toString(),
          String(secret),
          'concatenated '.concat(secret as unknown as string),
          JSON.stringify({ secret }),
          inspect(secret),
          inspect({ nested: [secret] }, { depth: 9, showHidden: true }),
          Object.values(secret).join(''),
          String(new PerennialError('code_x', `failed with ${String(secret)}`)),
        ];
        for (const text of shown) expect(text).not.toContain(value);
        expect(secret.reveal()).toBe(value);
      }),
    );
  });
});

describe('the store of Worker bindings', () => {
  const store = createWorkerStore({ SECRET_CLOUDFLARE_TOKEN: 'token', SECRET_EMPTY: '', OTHER: 'not ours', SECRET_BINDING: {} });
  it('reads what is bound under its prefix', async () => {
    expect((await store.get('cloudflare-token')).reveal()).toBe('token');
    expect(await store.has('empty')).toBe(false);
    await expect(store.get('other')).rejects.toMatchObject({ code: 'secret_not_found' });
    await expect(store.get('binding')).rejects.toMatchObject({ code: 'secret_not_found' });
  });
  it('refuses to write and says how to', async () => {
    await expect(store.put('cloudflare-token', new Secret('new'))).rejects.toMatchObject({
      code: 'secret_store_read_only',
      hint: expect.stringContaining('SECRET_CLOUDFLARE_TOKEN') as string,
    });
    await expect(store.remove('cloudflare-token')).rejects.toMatchObject({ code: 'secret_store_read_only' });
  });
});

describe('the cached store', () => {
  it('asks again after a minute, and at once after a write of its own', async () => {
    let now = 0;
    let reads = 0;
    const inner = memorySecrets({ token: new Secret('first') });
    const store = createCachedStore({ ...inner, get: (name) => ((reads += 1), inner.get(name)) }, () => now);
    await store.get('token');
    await inner.put('token', new Secret('rotated elsewhere'));
    expect((await store.get('token')).reveal()).toBe('first');
    expect(reads).toBe(1);
    now += CACHE_TTL_MS;
    expect((await store.get('token')).reveal()).toBe('rotated elsewhere');
    await store.put('token', new Secret('own'));
    expect((await store.get('token')).reveal()).toBe('own');
    await store.remove('token');
    await expect(store.get('token')).rejects.toMatchObject({ code: 'secret_not_found' });
  });

  it('does not remember a read that a write overtook', async () => {
    const inner = memorySecrets({ token: new Secret('old') });
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const store = createCachedStore(
      {
        ...inner,
        get: async (name) => {
          const secret = await inner.get(name);
          await held;
          return secret;
        },
      },
      () => 0,
    );
    const reading = store.get('token');
    await store.put('token', new Secret('new'));
    release();
    await reading;
    expect((await store.get('token')).reveal()).toBe('new');
  });
});
