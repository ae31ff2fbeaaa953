/** What a token lacks is found out before an order is spent, and not asked again while writing works. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { MINUTE } from '../../shared/clock.ts';
import { unwrap } from '../../shared/errors.ts';
import type { ZoneObject } from '../../functions/dns/zone-object.ts';
import type { Permission } from '../emulators/cloudflare/access.ts';
import { Account } from './dns-cloudflare.ts';

const NAME = '_acme-challenge.example.net';

async function onStage(permissions: Permission[], play: (account: Account, zone: ZoneObject) => Promise<void>): Promise<void> {
  await runInDurableObject(env.ZONES.getByName(`cloudflare:${crypto.randomUUID()}`), async (_object, state) => {
    const account = new Account([], permissions);
    await play(account, account.open(state, env));
    await state.storage.deleteAlarm();
  });
}

function examine(account: Account, zone: ZoneObject) {
  const { vendor, zone: place } = account.present('one', 'p', { name: NAME, value: 'a' });
  return zone.examine({ vendor, zone: place, records: [{ name: NAME, values: 1 }] });
}

describe('before an order', () => {
  it.each([
    [['zone:read', 'dns:read'], 'Zone → DNS → Edit'],
    [['zone:read'], 'Zone → DNS → Read'],
  ] as [Permission[], string][])('a token with %j is said to lack %s', async (permissions, permission) => {
    await onStage(permissions, async (account, zone) => {
      expect(await examine(account, zone)).toMatchObject({ ok: false, error: { code: 'dns_forbidden', retryable: false, details: { permission } } });
      expect(account.records()).toEqual([]);
    });
  });

  it('a token is asked about until the zone was written to, and again after a failure', async () => {
    await onStage(['zone:read', 'dns:edit'], async (account, zone) => {
      const asked = async () => {
        account.requests.clear();
        unwrap(await examine(account, zone));
        return account.requests.counts()['GET /client/v4/user/tokens/verify'] ?? 0;
      };
      expect(await asked()).toBe(1);
      unwrap(await zone.present(account.present('one', 'p', { name: NAME, value: 'a' })));
      expect(await asked()).toBe(0);
      await account.pass(MINUTE);
      account.faults.next({ kind: 'forbidden', method: 'DELETE' });
      expect(await zone.cleanUp({ owner: 'one', operation: 'c' })).toMatchObject({ ok: false });
      expect(await asked()).toBe(1);
    });
  });
});
