/** Declared records through the ZoneObject: its alarm, its page calls, and challenges at the same time. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import { HOUR, MINUTE } from '../../shared/clock.ts';
import { unwrap } from '../../shared/errors.ts';
import type { ZoneObject } from '../../functions/dns/zone-object.ts';
import type { DesiredRecord } from '../../functions/dns/zone-requests.ts';
import { Account, VENDOR } from './dns-cloudflare.ts';
import { byHand, linesOf, record, zoneLines } from './dns-declared-zone.ts';

const WWW = 'www.example.net';
const OURS = record('A', WWW, '192.0.2.1');

interface Stage {
  account: Account;
  zone: ZoneObject;
  restart: () => ZoneObject;
  storage: DurableObjectStorage;
  declare: (zone: ZoneObject, ...records: DesiredRecord[]) => Promise<void>;
}

async function onStage(play: (stage: Stage) => Promise<void>): Promise<void> {
  await runInDurableObject(env.ZONES.getByName(`cloudflare:${crypto.randomUUID()}`), async (_object, state) => {
    const account = new Account();
    const restart = () => account.open(state, env);
    let generation = 0;
    const declare = async (zone: ZoneObject, ...records: DesiredRecord[]) => {
      generation += 1;
      unwrap(await zone.declare({ vendor: VENDOR, zone: { id: account.zone.id, name: account.zone.name }, generation, records, held: [] }));
    };
    await play({ account, zone: restart(), restart, storage: state.storage, declare });
    await state.storage.deleteAlarm();
  });
}

async function approved(zone: ZoneObject): Promise<void> {
  unwrap(await zone.approve(unwrap(await zone.plan())?.digest ?? ''));
}

describe('a zone with declared records', () => {
  it('compares at once, shows the plan, and writes when it is approved', async () => {
    await onStage(async ({ account, zone, storage, declare }) => {
      await declare(zone, OURS);
      expect(await storage.getAlarm()).toBeLessThanOrEqual(account.now);
      await zone.alarm();
      expect(zoneLines(account)).toEqual([]);
      const health = unwrap(await zone.health());
      expect(health).toMatchObject({ zoneName: 'example.net', live: 0, declared: { approved: false, add: 1 } });
      expect(await zone.approve('another')).toMatchObject({ ok: false, error: { code: 'dns_zone_changed' } });
      unwrap(await zone.approve(health?.declared?.digest ?? ''));
      expect(zoneLines(account)).toEqual([`A ${WWW} 192.0.2.1 300`]);
      expect(unwrap(await zone.audit())).toMatchObject([{ owner: 'declared', name: WWW, atVendor: 'present' }]);
    });
  });

  it('repairs what is ours by its alarm, also in a new life, and never gives it up by itself', async () => {
    await onStage(async ({ account, zone, restart, storage, declare }) => {
      await declare(zone, OURS);
      await approved(zone);
      const [{ id } = { id: '' }] = account.records();
      account.zone.store.apply([{ kind: 'patch', id, body: { content: '203.0.113.9' } }]);
      account.now += 6 * HOUR;
      const successor = restart();
      expect(unwrap(await successor.health())).toMatchObject({ declared: { approved: true } });
      await successor.alarm();
      expect(zoneLines(account)).toEqual([`A ${WWW} 192.0.2.1 300`]);
      account.now += 400 * 24 * HOUR;
      await successor.alarm();
      expect(zoneLines(account)).toEqual([`A ${WWW} 192.0.2.1 300`]);
      expect(await storage.getAlarm()).toBeLessThanOrEqual(account.now + 6 * HOUR);
    });
  });

  it('publishes challenges meanwhile, whose records come and go', async () => {
    await onStage(async ({ account, zone, declare }) => {
      await declare(zone, OURS);
      await approved(zone);
      unwrap(await zone.present(account.present('one', 'p', { name: '_acme-challenge.example.net', value: 'a' })));
      expect(zoneLines(account)).toEqual([`A ${WWW} 192.0.2.1 300`, '_acme-challenge'].map((text) => expect.stringContaining(text)));
      expect(linesOf(unwrap(await zone.plan()))).toEqual([`keep A ${WWW} 192.0.2.1`]);
      unwrap(await zone.cleanUp({ owner: 'one', operation: 'c' }));
      expect(zoneLines(account)).toEqual([`A ${WWW} 192.0.2.1 300`]);
    });
  });

  it('writes the others when the vendor refuses one, and tries that one again later and later', async () => {
    const warned = vi.spyOn(console, 'warn').mockReturnValue();
    await onStage(async ({ account, zone, storage, declare }) => {
      // What a declaration cannot see: the vendor holds records of other types.
      byHand(account, { type: 'NS', name: 'sub.example.net', content: 'ns.example.org' });
      await declare(zone, record('A', 'sub.example.net', '192.0.2.1'), OURS);
      expect(await zone.approve(unwrap(await zone.plan())?.digest ?? '')).toMatchObject({ ok: false });
      expect(zoneLines(account)).toContain(`A ${WWW} 192.0.2.1 300`);
      expect(unwrap(await zone.health())).toMatchObject({ lastError: { error: { message: expect.stringContaining('sub.example.net') } } });
      const waits: number[] = [];
      for (let run = 0; run < 6; run += 1) {
        account.now = (await storage.getAlarm()) ?? 0;
        await zone.alarm();
        waits.push(((await storage.getAlarm()) ?? 0) - account.now);
      }
      expect(waits.at(-1)).toBeGreaterThan(30 * MINUTE);
      expect(zoneLines(account)).toHaveLength(2);
    });
    warned.mockRestore();
  });

  it('is at rest once everything was taken back', async () => {
    await onStage(async ({ account, zone, storage, declare }) => {
      await declare(zone, OURS);
      await approved(zone);
      await declare(zone);
      await zone.alarm();
      expect(account.records()).toEqual([]);
      expect(unwrap(await zone.health())).toMatchObject({ live: 0, removing: 0, declared: null });
      await zone.alarm();
      expect(await storage.getAlarm()).toBeNull();
    });
  });
});
