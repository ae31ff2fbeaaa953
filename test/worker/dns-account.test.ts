/** The budget of an account in its Durable Object: it outlives the object, and one answer counts for everybody. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { AccountBudget } from '../../functions/dns/account/account-budget.ts';
import { accountBudgets } from '../../functions/dns/account/client.ts';
import { MINUTE } from '../../shared/clock.ts';

const START = 1_800_000_000_000;
const vendor = (user: string) => ({ name: 'registrar', provider: 'namecheap' as const, user, egress: 'matrix' });
const budget = (user: string) => accountBudgets(env.DNS_ACCOUNTS)(vendor(user));

describe('the budget of an account', () => {
  it('is one for all who ask, also after the object came back', async () => {
    const grants = await Promise.all(Array.from({ length: 6 }, () => budget('shared').spend(4, 'challenge')));
    expect(grants.filter(({ granted }) => granted)).toHaveLength(4);
    await evictDurableObject(env.DNS_ACCOUNTS.getByName('namecheap:shared'));
    expect(await budget('shared').spend(1, 'clean-up')).toMatchObject({ granted: false });
    expect(await budget('another').spend(16, 'challenge')).toEqual({ granted: true });
  });

  it('closes for everybody when the vendor said "too many"', async () => {
    await budget('closed').limited(Date.now() + 5 * MINUTE);
    await evictDurableObject(env.DNS_ACCOUNTS.getByName('namecheap:closed'));
    const refused = await budget('closed').spend(1, 'challenge');
    expect(refused.granted ? 0 : refused.retryAt - Date.now()).toBeGreaterThan(4 * MINUTE);
    expect(await env.DNS_ACCOUNTS.getByName('namecheap:closed').status('namecheap')).toMatchObject({ ok: true, value: { closedUntil: expect.any(Number) } });
  });

  it('writes nothing for a question that is refused, and one row for one that is granted', async () => {
    await runInDurableObject(env.DNS_ACCOUNTS.getByName('namecheap:rows'), (_object, { storage }) => {
      let now = START;
      const account = new AccountBudget(storage, () => now);
      const rows = () => storage.sql.exec<{ json: string }>('SELECT json FROM budget').toArray();
      expect(account.spend({ provider: 'namecheap', calls: 16, purpose: 'challenge' })).toEqual({ granted: true });
      const before = rows();
      expect(before).toHaveLength(1);
      expect(account.spend({ provider: 'namecheap', calls: 1, purpose: 'challenge' })).toMatchObject({ granted: false });
      expect(rows()).toEqual(before);
      now += 2 * MINUTE;
      expect(account.spend({ provider: 'namecheap', calls: 1, purpose: 'challenge' })).toEqual({ granted: true });
    });
  });

  it('knows no other vendor and no other shape of question', async () => {
    const account = env.DNS_ACCOUNTS.getByName('namecheap:odd');
    expect(await account.spend({ provider: 'cloudflare', calls: 1, purpose: 'challenge' })).toMatchObject({ ok: false, error: { code: 'dns_refused' } });
    expect(await account.spend({ provider: 'namecheap', calls: 21, purpose: 'challenge' })).toMatchObject({ ok: false });
    expect(await account.limited(-1)).toMatchObject({ ok: false });
    expect(() =>
      accountBudgets(env.DNS_ACCOUNTS)({ name: 'main', provider: 'cloudflare', token: 'secret:t', endpoint: null, zoneId: null, delegation: null }),
    ).toThrow('no budget');
  });
});
