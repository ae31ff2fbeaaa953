/** ZoneObject on real Durable Object storage, with the Cloudflare SDK and the emulator's routes behind it. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../shared/clock.ts';
import { unwrap } from '../../shared/errors.ts';
import type { ZoneObject } from '../../functions/dns/zone-object.ts';
import { Account, VENDOR } from './dns-cloudflare.ts';

const NAME = '_acme-challenge.example.net';
const THEIRS = { type: 'TXT' as const, name: NAME, content: '"theirs"', ttl: 300, comment: 'by hand' };

interface Stage {
  account: Account;
  zone: ZoneObject;
  /** The object dies and comes back on the same storage. */
  restart: () => ZoneObject;
  storage: DurableObjectStorage;
}

async function onStage(account: Account, play: (stage: Stage) => Promise<void>): Promise<void> {
  await runInDurableObject(env.ZONES.getByName(`cloudflare:${crypto.randomUUID()}`), async (_object, state) => {
    const restart = () => account.open(state, env);
    await play({ account, zone: restart(), restart, storage: state.storage });
    await state.storage.deleteAlarm();
  });
}

describe('publishing and cleaning up', () => {
  it('costs one look and one batch each, and leaves a stranger with the same name alone', async () => {
    await onStage(new Account([THEIRS]), async ({ account, zone }) => {
      unwrap(await zone.present(account.present('one', 'p', { name: NAME, value: 'a' }, { name: NAME, value: 'b' })));
      expect(account.records().map(({ content }) => content)).toEqual(['"theirs"', '"a"', '"b"']);
      unwrap(await zone.cleanUp({ owner: 'one', operation: 'c' }));
      expect(account.records().map(({ content }) => content)).toEqual(['"theirs"']);
      expect(account.writes()).toEqual(['POST dns_records/batch', 'POST dns_records/batch']);
      expect(account.requests.all()).toHaveLength(4);
      expect(unwrap(await zone.owned())).toEqual([]);
    });
  });

  // One caller once went on for everybody who kept coming: 54 subrequests in one invocation, with a thousand certificates due.
  it('lets each write be made by another caller, however many keep coming', async () => {
    await onStage(new Account(), async ({ account, zone }) => {
      const caller = new AsyncLocalStorage<number>();
      const asked = new Map<number, number>();
      account.watch = () => {
        const who = caller.getStore();
        if (who !== undefined) asked.set(who, (asked.get(who) ?? 0) + 1);
      };
      const owners = Array.from({ length: 120 }, (_, index) => index);
      const coming: Promise<unknown>[] = [];
      for (const owner of owners) {
        const request = account.present(`owner-${owner}`, `p-${owner}`, { name: `_acme-challenge.n${owner}.example.net`, value: 'a' });
        coming.push(caller.run(owner, async () => unwrap(await zone.present(request))));
        // The next one comes while something is being written.
        await Promise.resolve();
        if (owner % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await Promise.all(coming);
      expect(account.records()).toHaveLength(owners.length);
      expect(account.writes().length).toBeGreaterThan(5);
      // A look at the zone and the write, for oneself and whoever waits.
      expect(Math.max(...asked.values())).toBeLessThanOrEqual(4);
    });
  });

  it('does nothing twice for one operation, nor for the same records again', async () => {
    await onStage(new Account(), async ({ account, zone }) => {
      const request = account.present('one', 'p', { name: NAME, value: 'a' });
      unwrap(await zone.present(request));
      unwrap(await zone.present(request));
      unwrap(await zone.present({ ...request, operation: 'p2' }));
      expect(account.writes()).toEqual(['POST dns_records']);
      unwrap(await zone.cleanUp({ owner: 'one', operation: 'c' }));
      unwrap(await zone.cleanUp({ owner: 'one', operation: 'c2' }));
      expect(account.writes()).toEqual(['POST dns_records', 'DELETE dns_records/:id']);
    });
  });

  it('keeps a value that two owners want until the last one cleans up', async () => {
    await onStage(new Account(), async ({ account, zone }) => {
      for (const owner of ['one', 'two']) unwrap(await zone.present(account.present(owner, owner, { name: NAME, value: 'shared' })));
      unwrap(await zone.cleanUp({ owner: 'one', operation: 'one' }));
      expect(account.records()).toHaveLength(1);
      unwrap(await zone.cleanUp({ owner: 'two', operation: 'two' }));
      expect(account.records()).toEqual([]);
    });
  });

  it('uses a record with exactly our value that was there before, and never removes it', async () => {
    await onStage(new Account([THEIRS]), async ({ account, zone }) => {
      unwrap(await zone.present(account.present('one', 'p', { name: NAME, value: 'theirs' }, { name: NAME, value: 'ours' })));
      expect(unwrap(await zone.owned())).toMatchObject([
        { value: 'theirs', found: true, recordId: null },
        { value: 'ours', found: false },
      ]);
      unwrap(await zone.cleanUp({ owner: 'one', operation: 'c' }));
      expect(account.records()).toMatchObject([{ content: '"theirs"', comment: 'by hand' }]);
    });
  });

  it('sends what waits for a write out together (group commit)', async () => {
    await onStage(new Account(), async ({ account, zone }) => {
      const owners = Array.from({ length: 20 }, (_, index) => `owner-${index}`);
      await Promise.all(
        owners.map(async (owner) => unwrap(await zone.present(account.present(owner, owner, { name: `_acme-challenge.${owner}.example.net`, value: owner })))),
      );
      expect(account.records()).toHaveLength(20);
      expect(account.writes()).toEqual(['POST dns_records', 'POST dns_records/batch']);
      await Promise.all(owners.map(async (owner) => unwrap(await zone.cleanUp({ owner, operation: owner }))));
      expect(account.records()).toEqual([]);
      expect(account.requests.all().length).toBeLessThanOrEqual(8);
    });
  });

  it('fails the owner whose name is an alias, and publishes the others of the group', async () => {
    const account = new Account([{ type: 'CNAME', name: NAME, content: 'elsewhere.example', ttl: 300 }]);
    await onStage(account, async ({ zone }) => {
      const [alias, fine, second] = await Promise.all([
        zone.present(account.present('alias', 'alias', { name: NAME, value: 'a' })),
        zone.present(account.present('fine', 'fine', { name: '_acme-challenge.www.example.net', value: 'b' })),
        zone.present(account.present('second', 'second', { name: NAME, value: 'c' })),
      ]);
      expect(alias).toMatchObject({ ok: false, error: { code: 'dns_name_is_alias' } });
      expect(second).toMatchObject({ ok: false, error: { code: 'dns_name_is_alias' } });
      expect(fine).toEqual({ ok: true, value: { retryAt: null } });
      for (const owner of ['alias', 'fine', 'second']) unwrap(await zone.cleanUp({ owner, operation: owner }));
      expect(account.records()).toHaveLength(1);
    });
  });

  it('refuses a request of another shape', async () => {
    await onStage(new Account(), async ({ account, zone }) => {
      expect(await zone.present(account.present('Not An Owner', 'p', { name: NAME, value: 'a' }))).toMatchObject({
        ok: false,
        error: { code: 'dns_refused', retryable: false, message: expect.stringContaining('owner') },
      });
      expect(await zone.present(account.present('one', 'p', { name: NAME, value: 'a\u0000b' }))).toMatchObject({
        ok: false,
        error: { message: expect.stringContaining('records.0.value') },
      });
      expect(account.requests.all()).toEqual([]);
    });
  });
});

describe('interruptions', () => {
  it('knows its record again after the reply was lost, without writing twice', async () => {
    await onStage(new Account(), async ({ account, zone }) => {
      account.fault = 'reply-lost';
      const request = account.present('one', 'p', { name: NAME, value: 'a' });
      expect(await zone.present(request)).toMatchObject({ ok: false, error: { code: 'dns_unreachable', retryable: true } });
      await account.pass(MINUTE);
      unwrap(await zone.present(request));
      expect(account.records()).toHaveLength(1);
      unwrap(await zone.cleanUp({ owner: 'one', operation: 'c' }));
      expect(account.records()).toEqual([]);
    });
  });

  it('waits out the intent of a life that died while its request travelled, then reads the zone first', async () => {
    await onStage(new Account(), async ({ account, zone, restart }) => {
      account.fault = 'dies-travelling';
      const request = account.present('one', 'p', { name: NAME, value: 'a' }, { name: NAME, value: 'b' });
      const started = account.now;
      void zone.present(request);
      await account.died;

      const successor = restart();
      expect(await successor.cleanUp({ owner: 'one', operation: 'c' })).toMatchObject({
        ok: false,
        error: { code: 'dns_zone_busy', retryable: true, retryAt: started + MINUTE },
      });
      await account.pass(59 * SECOND);
      expect(account.records()).toHaveLength(2);
      expect(await successor.cleanUp({ owner: 'one', operation: 'c' })).toMatchObject({ ok: false });
      await account.pass(SECOND);
      unwrap(await successor.cleanUp({ owner: 'one', operation: 'c' }));
      expect(account.records()).toEqual([]);
    });
  });

  it('keeps no janitor waiting longer because many asked while a predecessor was waited for', async () => {
    await onStage(new Account(), async ({ account, zone, restart, storage }) => {
      const owners = Array.from({ length: 12 }, (_, index) => `owner-${index}`);
      for (const owner of owners) unwrap(await zone.present(account.present(owner, owner, { name: `_acme-challenge.${owner}.example.net`, value: 'a' })));
      account.fault = 'dies-travelling';
      void zone.cleanUp({ owner: 'owner-0', operation: 'c' });
      await account.died;

      const successor = restart();
      for (const owner of owners)
        expect(await successor.cleanUp({ owner, operation: `${owner}-c` })).toMatchObject({ ok: false, error: { code: 'dns_zone_busy' } });
      // Their certificates are live, and nobody asks again: it is the janitor's, whenever its alarm comes.
      const started = account.now;
      while (account.records().length > 0 && account.now < started + HOUR) {
        await account.pass(Math.max(0, ((await storage.getAlarm()) ?? Infinity) - account.now));
        await successor.alarm();
      }
      expect(account.now - started).toBeLessThanOrEqual(2 * MINUTE);
      expect(unwrap(await successor.owned())).toEqual([]);
    });
  });

  it('withdraws a record that is cleaned up while it is being published', async () => {
    await onStage(new Account(), async ({ account, zone }) => {
      const [presented, cleaned] = await Promise.all([
        zone.present(account.present('one', 'p', { name: NAME, value: 'a' })),
        zone.cleanUp({ owner: 'one', operation: 'c' }),
      ]);
      expect(presented).toMatchObject({ ok: false, error: { code: 'dns_withdrawn' } });
      expect(cleaned).toEqual({ ok: true, value: null });
      expect(account.records()).toEqual([]);
    });
  });
});

describe('the janitor', () => {
  it('removes what a crash left behind once it has expired, and stops when nothing is left', async () => {
    await onStage(new Account([THEIRS]), async ({ account, zone, restart, storage }) => {
      account.fault = 'dies-after';
      void zone.present(account.present('one', 'p', { name: NAME, value: 'a' }));
      await account.died;
      expect(await storage.getAlarm()).not.toBeNull();
      const successor = restart();
      await account.pass(5 * MINUTE);
      await successor.alarm();
      expect(account.records()).toHaveLength(2);
      expect(await storage.getAlarm()).toBeGreaterThan(account.now + DAY);
      await account.pass(3 * DAY);
      await successor.alarm();
      expect(account.records()).toMatchObject([{ content: '"theirs"' }]);
      expect(await storage.getAlarm()).toBeNull();
    });
  });

  it('never throws, backs off while the vendor fails, and finishes the clean-up when it is back', async () => {
    await onStage(new Account(), async ({ account, zone, storage }) => {
      unwrap(await zone.present(account.present('one', 'p', { name: NAME, value: 'a' })));
      account.faults.next({ kind: 'html', status: 502, times: 4 });
      expect(await zone.cleanUp({ owner: 'one', operation: 'c' })).toMatchObject({ ok: false, error: { code: 'dns_vendor_failed' } });
      const waits: number[] = [];
      for (let run = 0; run < 3; run += 1) {
        await zone.alarm();
        waits.push(((await storage.getAlarm()) ?? 0) - account.now);
        await account.pass(HOUR);
      }
      expect(waits).toEqual(waits.toSorted((a, b) => a - b));
      expect(waits[2]).toBeGreaterThan(waits[0] ?? 0);
      expect(unwrap(await zone.health())).toMatchObject({ zoneName: 'example.net', removing: 1, lastError: { error: { code: 'dns_vendor_failed' } } });
      await zone.alarm();
      expect(account.records()).toEqual([]);
      expect(unwrap(await zone.health())).toMatchObject({ live: 0, removing: 0, lastSuccessAt: account.now });
      expect(await storage.getAlarm()).toBeNull();
    });
  });

  it('reaches the zone through another block when the last used one has lost its permission', async () => {
    await onStage(new Account(), async ({ account, zone }) => {
      unwrap(await zone.present(account.present('one', 'p', { name: NAME, value: 'a' })));
      await account.pass(SECOND);
      account.revoked = 'secret:revoked';
      unwrap(
        await zone.present({ ...account.present('two', 'p2', { name: NAME, value: 'b' }), vendor: { ...VENDOR, name: 'newer', token: 'secret:revoked' } }),
      );
      expect(account.records()).toHaveLength(2);
      account.revoked = VENDOR.token;
      await account.pass(SECOND);
      expect(await zone.cleanUp({ owner: 'one', operation: 'c' })).toEqual({ ok: true, value: null });
      expect(account.records()).toMatchObject([{ content: '"b"' }]);
    });
  });
});
