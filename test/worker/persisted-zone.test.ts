/** A zone's database as an earlier release left it, with a challenge in the zone and a write that may have been under way. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { DAY, MINUTE } from '../../shared/clock.ts';
import { unwrap } from '../../shared/errors.ts';
import { Account } from './dns-cloudflare.ts';
import oldDatabase from './fixtures/zone-database-1.sql?raw';

/** The time at which the old database was recorded. */
const RECORDED_AT = 1_795_219_200_000;
const NAME = '_acme-challenge.example.net';

describe('a zone database of version 1', () => {
  const object = env.ZONES.getByName('cloudflare:old');

  it('is opened by this code, which cleans up what that release wrote and leaves the rest', async () => {
    await runInDurableObject(object, async (_instance, state) => {
      await state.storage.deleteAll();
      const theirs = { type: 'TXT' as const, name: NAME, content: '"theirs"', ttl: 300, comment: 'by hand' };
      const written = { type: 'TXT' as const, name: NAME, content: '"written-by-version-1"', ttl: 60, comment: 'perennial issuance-1' };
      const account = new Account([theirs, written]);
      account.now = RECORDED_AT;
      const database = oldDatabase.replaceAll('zone-1', account.zone.id);
      for (const statement of database.split(/;\n/).filter((text) => text.trim() !== '')) state.storage.sql.exec(statement);
      const zone = account.open(state, env);

      expect(unwrap(await zone.health())).toMatchObject({ zoneName: 'example.net', live: 1, stopped: null, waiting: null, declared: null });
      expect(unwrap(await zone.owned())).toMatchObject([{ owner: 'issuance-1', value: 'written-by-version-1', state: 'written' }]);
      expect(unwrap(await zone.snapshots())).toEqual([]);
      // What it answered with "done" is done.
      const again = { ...account.present('issuance-1', 'issuance-1-present-1', { name: NAME, value: 'written-by-version-1' }) };
      expect(unwrap(await zone.present(again))).toEqual({ retryAt: null });

      // A life of that release may still be writing.
      expect(await zone.cleanUp({ owner: 'issuance-1', operation: 'clean' })).toMatchObject({ ok: false, error: { code: 'dns_zone_busy' } });
      await account.pass(2 * MINUTE);
      unwrap(await zone.cleanUp({ owner: 'issuance-1', operation: 'clean' }));
      expect(account.records()).toMatchObject([{ content: '"theirs"' }]);

      unwrap(await zone.present(account.present('issuance-2', 'p', { name: NAME, value: 'new' })));
      expect(account.records()).toHaveLength(2);
      await account.pass(4 * DAY);
      await zone.alarm();
      expect(account.records()).toMatchObject([{ content: '"theirs"' }]);
      await state.storage.deleteAlarm();
    });
    await evictDurableObject(object);
    expect(await runInDurableObject(object, (_instance, state) => state.storage.sql.exec('SELECT version FROM schema_version').one())).toEqual({ version: 2 });
  });
});
