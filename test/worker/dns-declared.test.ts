/** Declared records of a zone: planned, approved, written through the ledger, and watched over. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../shared/clock.ts';
import type { DesiredRecord } from '../../functions/dns/zone-requests.ts';
import { Account } from './dns-cloudflare.ts';
import { byHand, DeclaredZone, linesOf, record, zoneLines } from './dns-declared-zone.ts';

const WWW = 'www.example.net';
const OURS = record('A', WWW, '192.0.2.1');

interface Stage {
  account: Account;
  zone: DeclaredZone;
  /** The object dies and comes back on the same storage. */
  restart: () => DeclaredZone;
}

async function onStage(play: (stage: Stage) => Promise<void>): Promise<void> {
  await runInDurableObject(env.ZONES.getByName(`cloudflare:${crypto.randomUUID()}`), async (_object, { storage }) => {
    const account = new Account();
    const restart = () => new DeclaredZone(storage, account);
    await play({ account, zone: restart(), restart });
  });
}

/** A zone in which these are declared, approved and written. */
async function standing(zone: DeclaredZone, ...records: DesiredRecord[]): Promise<void> {
  zone.declare(records);
  await zone.apply();
}

describe('the first plan of a zone', () => {
  it('is written only once it is approved; later declarations apply on their own', async () => {
    await onStage(async ({ account, zone }) => {
      zone.declare([OURS]);
      const plan = await zone.check();
      expect(plan).toMatchObject({ approved: false, records: [{ action: 'add', type: 'A', name: WWW, value: '192.0.2.1' }] });
      expect(zoneLines(account)).toEqual([]);
      expect(zone.declared.summary()).toMatchObject({ approved: false, digest: plan?.digest, add: 1 });

      await zone.approve(plan?.digest ?? '');
      expect(zoneLines(account)).toEqual([`A ${WWW} 192.0.2.1 300`]);
      expect(account.records()).toMatchObject([{ comment: 'perennial declared' }]);

      zone.declare([OURS, record('TXT', WWW, 'hello')]);
      expect(await zone.check()).toMatchObject({ approved: true });
      expect(zoneLines(account)).toEqual([`A ${WWW} 192.0.2.1 300`, `TXT ${WWW} "hello" 300`]);
    });
  });

  it('needs no approval when nothing would be written, and the first that would, does', async () => {
    await onStage(async ({ account, zone }) => {
      byHand(account, { type: 'A', name: WWW, content: '192.0.2.1' });
      zone.declare([OURS]);
      expect(await zone.check()).toMatchObject({ approved: true, records: [{ action: 'keep' }] });
      zone.declare([OURS, record('TXT', WWW, 'hello')]);
      expect(await zone.check()).toMatchObject({ approved: false });
    });
  });

  it('is not approved by the digest of another one', async () => {
    await onStage(async ({ account, zone }) => {
      zone.declare([OURS]);
      const plan = await zone.plan();
      byHand(account, { type: 'A', name: WWW, content: '203.0.113.9' });
      await expect(zone.approve(plan?.digest ?? '')).rejects.toMatchObject({ code: 'dns_zone_changed' });
      expect(zoneLines(account)).toEqual([`A ${WWW} 203.0.113.9 300`]);
    });
  });

  it('is not carried out when the declaration has changed in between', async () => {
    await onStage(async ({ zone }) => {
      zone.declare([OURS]);
      const plan = await zone.plan();
      if (plan === null) throw new Error('There is a plan.');
      zone.declared.approve(plan.digest, plan);
      zone.declare([record('A', WWW, '192.0.2.2')]);
      expect(() => zone.declared.enact(plan)).toThrow('changed since this plan');
    });
  });
});

describe('what is declared', () => {
  it('comes into being in one request for all types, and goes when it is no longer declared', async () => {
    await onStage(async ({ account, zone }) => {
      await standing(
        zone,
        record('A', '*.example.net', '192.0.2.1'),
        record('AAAA', '*.example.net', '2001:db8::1'),
        record('CNAME', 'alias.example.net', 'target.example'),
        record('TXT', 'example.net', 'v=spf1 -all', { ttl: 3_600 }),
        record('CAA', 'example.net', '0 issue "ca.example"'),
      );
      expect(zoneLines(account).toSorted()).toEqual([
        'A *.example.net 192.0.2.1 300',
        'AAAA *.example.net 2001:db8::1 300',
        'CAA example.net 0 issue "ca.example" 300',
        'CNAME alias.example.net target.example 300',
        'TXT example.net "v=spf1 -all" 3600',
      ]);
      expect(account.writes()).toEqual(['POST dns_records/batch']);
      expect(linesOf(await zone.check()).every((line) => line.startsWith('keep '))).toBe(true);

      zone.declare([
        record('CAA', 'example.net', '0 issue "ca.example"'),
        record('A', '*.example.net', '192.0.2.1'),
        record('AAAA', '*.example.net', '2001:db8::1'),
      ]);
      await zone.check();
      expect(zoneLines(account).map((line) => line.split(' ')[0])).toEqual(['A', 'AAAA', 'CAA']);
      expect(account.writes()).toHaveLength(2);
    });
  });

  it('more than one request can hold goes out in several', async () => {
    await onStage(async ({ account, zone }) => {
      await standing(zone, ...Array.from({ length: 450 }, (_, index) => record('A', `host-${index}.example.net`, '192.0.2.1')));
      expect(account.records()).toHaveLength(450);
      expect(account.writes()).toEqual(['POST dns_records/batch', 'POST dns_records/batch', 'POST dns_records/batch']);
    });
  });

  it('changes from CNAME to A in one transaction', async () => {
    await onStage(async ({ account, zone }) => {
      await standing(zone, record('CNAME', WWW, 'target.example'));
      zone.declare([OURS]);
      await zone.check();
      expect(zoneLines(account)).toEqual([`A ${WWW} 192.0.2.1 300`]);
      expect(account.writes()).toEqual(['POST dns_records', 'POST dns_records/batch']);
    });
  });

  it('stays beside a challenge with the same value until both have left', async () => {
    await onStage(async ({ account, zone }) => {
      await standing(zone, record('TXT', WWW, 'v'));
      const row = zone.ledger.want('issuance-1', { type: 'TXT', name: WWW, value: 'v' }, account.now, account.now + HOUR);
      expect(row.state).toBe('wanted');
      zone.declare([]);
      await zone.check();
      expect(account.records()).toHaveLength(1);
      zone.ledger.release('issuance-1');
      await zone.clean();
      expect(account.records()).toEqual([]);
    });
  });

  it('of an older configuration is ignored, and the same again asks for nothing', async () => {
    await onStage(async ({ account, zone }) => {
      zone.declare([OURS], [], 7);
      await zone.apply();
      const next = zone.declared.nextCheck() ?? 0;
      account.now += 1;
      zone.declare([], [], 6);
      zone.declare([OURS], [], 7);
      expect(zone.declared.nextCheck()).toBe(next);
      zone.declare([record('A', WWW, '192.0.2.2')], [], 7);
      expect(zone.declared.nextCheck()).toBe(account.now);
    });
  });
});

describe('drift', () => {
  it('of value or TTL is corrected in one transaction, and the record is still ours', async () => {
    await onStage(async ({ account, zone }) => {
      await standing(zone, OURS);
      const [{ id } = { id: '' }] = account.records();
      account.zone.store.apply([{ kind: 'patch', id, body: { content: '203.0.113.9', comment: 'by hand' } }]);
      expect(await zone.check()).toMatchObject({ records: [{ action: 'correct', found: '203.0.113.9' }] });
      expect(zoneLines(account)).toEqual([`A ${WWW} 192.0.2.1 300`]);

      const [{ id: corrected } = { id: '' }] = account.records();
      account.zone.store.apply([{ kind: 'patch', id: corrected, body: { ttl: 3_600 } }]);
      expect(await zone.check()).toMatchObject({ records: [{ action: 'correct', found: 'TTL 3600' }] });
      expect(zoneLines(account)).toEqual([`A ${WWW} 192.0.2.1 300`]);
      expect(account.writes().slice(1)).toEqual(['POST dns_records/batch', 'POST dns_records/batch']);

      zone.declare([]);
      await zone.check();
      expect(account.records()).toEqual([]);
    });
  });

  it('is corrected within a minute of the first look at it, however often people look', async () => {
    await onStage(async ({ account, zone }) => {
      await standing(zone, OURS);
      const [{ id } = { id: '' }] = account.records();
      account.zone.store.apply([{ kind: 'patch', id, body: { content: '203.0.113.9' } }]);
      await zone.plan();
      const due = account.now + MINUTE;
      expect(zone.declared.nextCheck()).toBe(due);
      for (let look = 0; look < 3; look += 1) {
        account.now += 15 * SECOND;
        expect(await zone.plan()).toMatchObject({ records: [{ action: 'correct' }] });
      }
      account.faults.next({ kind: 'html', status: 502 });
      await expect(zone.plan()).rejects.toMatchObject({ code: 'dns_vendor_failed' });
      expect(zone.declared.nextCheck()).toBe(due);
    });
  });

  it('that keeps coming back is corrected less and less often', async () => {
    await onStage(async ({ account, zone }) => {
      await standing(zone, OURS);
      const waits: number[] = [];
      for (let round = 0; round < 4; round += 1) {
        const [{ id } = { id: '' }] = account.records();
        account.zone.store.apply([{ kind: 'patch', id, body: { ttl: 3_600 } }]);
        await zone.check();
        waits.push((zone.declared.nextCheck() ?? 0) - account.now);
      }
      expect(waits).toEqual([4, 8, 16, 32].map((minutes) => minutes * MINUTE));
      await zone.check();
      expect((zone.declared.nextCheck() ?? 0) - account.now).toBe(6 * HOUR);
    });
  });

  it('by which ours vanished is made up for; when somebody stands there instead, it is reported', async () => {
    await onStage(async ({ account, zone }) => {
      await standing(zone, OURS);
      const remove = () => account.zone.store.apply(account.records().map(({ id }) => ({ kind: 'delete', id })));
      remove();
      expect(linesOf(await zone.check())).toEqual([`add A ${WWW} 192.0.2.1`]);
      expect(account.records()).toHaveLength(1);
      remove();
      byHand(account, { type: 'A', name: WWW, content: '203.0.113.9' });
      expect(await zone.check()).toMatchObject({ records: [{ action: 'conflict', found: '203.0.113.9' }] });
      expect(zoneLines(account)).toEqual([`A ${WWW} 203.0.113.9 300`]);
      expect(zone.declared.summary()).toMatchObject({ conflicts: 1, add: 0 });
    });
  });
});

describe("somebody else's records", () => {
  it('with exactly the declared value are kept, and stay when the declaration leaves', async () => {
    await onStage(async ({ account, zone }) => {
      byHand(account, { type: 'TXT', name: WWW, content: '"theirs"' });
      await standing(zone, record('TXT', WWW, 'theirs'), record('TXT', WWW, 'ours'));
      zone.declare([]);
      await zone.check();
      expect(account.records()).toMatchObject([{ content: '"theirs"', comment: 'by hand' }]);
    });
  });

  it('are taken over with adopt: corrected, then ours, then removed with the declaration', async () => {
    await onStage(async ({ account, zone }) => {
      byHand(account, { type: 'A', name: WWW, content: '203.0.113.8' });
      byHand(account, { type: 'A', name: WWW, content: '203.0.113.9' });
      byHand(account, { type: 'TXT', name: WWW, content: '"theirs"' });
      zone.declare([{ ...OURS, adopt: true }]);
      expect(await zone.apply()).toEqual([`adopt A ${WWW} 192.0.2.1`, `remove A ${WWW} 203.0.113.9`]);
      expect(zoneLines(account)).toEqual([`TXT ${WWW} "theirs" 300`, `A ${WWW} 192.0.2.1 300`]);
      zone.declare([]);
      await zone.check();
      expect(zoneLines(account)).toEqual([`TXT ${WWW} "theirs" 300`]);
    });
  });

  it('that fit are adopted as they are, and only their TTL is set', async () => {
    await onStage(async ({ account, zone }) => {
      byHand(account, { type: 'A', name: WWW, content: '192.0.2.1' });
      byHand(account, { type: 'A', name: 'slow.example.net', content: '192.0.2.1', ttl: 3_600 });
      zone.declare([{ ...OURS, adopt: true }, record('A', 'slow.example.net', '192.0.2.1', { adopt: true })]);
      await zone.apply();
      expect(account.records().map(({ name, comment }) => `${name} ${comment}`)).toEqual([`${WWW} by hand`, 'slow.example.net perennial declared']);
      zone.declare([]);
      await zone.check();
      expect(account.records()).toEqual([]);
    });
  });
});

describe('what is held', () => {
  it('keeps what stands there, through a restart as well', async () => {
    await onStage(async ({ account, zone, restart }) => {
      await standing(zone, OURS);
      zone.declare([], [{ type: 'A', name: WWW, why: 'No instance is healthy.' }]);
      expect(await restart().check()).toMatchObject({ approved: true, records: [{ action: 'held', found: '192.0.2.1' }] });
      expect(account.records()).toHaveLength(1);
    });
  });
});

describe('a declaration that vanishes', () => {
  it('waits to be approved, and says so', async () => {
    await onStage(async ({ account, zone }) => {
      const records = ['a', 'b', 'c', 'd'].map((label) => record('A', `${label}.example.net`, '192.0.2.1'));
      await standing(zone, ...records);
      zone.declare([]);
      const plan = await zone.check();
      expect(plan).toMatchObject({ approved: false });
      expect(plan?.records.map(({ why }) => why)).toEqual(Array.from({ length: 4 }, () => expect.stringContaining('approved first')));
      expect(account.records()).toHaveLength(4);
      expect(zone.declared.summary()).toMatchObject({ approved: false, remove: 4 });

      await zone.approve(plan?.digest ?? '');
      expect(account.records()).toEqual([]);
      expect(zone.declared.summary()).toBeNull();
      expect(zone.declared.nextCheck()).toBeNull();

      // The approval was for that time only.
      zone.declare(records);
      await zone.check();
      zone.declare([]);
      expect(await zone.check()).toMatchObject({ approved: false });
      expect(account.records()).toHaveLength(4);
    });
  });
});

describe('interruptions', () => {
  it.each(['dies-before', 'dies-after', 'dies-travelling', 'reply-lost', 'unsent'] as const)('are got over: the write %s', async (fault) => {
    await onStage(async ({ account, zone, restart }) => {
      await standing(zone, OURS);
      const [{ id } = { id: '' }] = account.records();
      account.zone.store.apply([{ kind: 'patch', id, body: { content: '203.0.113.9' } }]);
      zone.declare([OURS, record('TXT', WWW, 'hello')]);
      account.fault = fault;
      const check = zone.check().catch(() => null);
      await Promise.race([check, account.died]);
      account.revive();

      const successor = restart();
      await account.pass(2 * MINUTE);
      await successor.check();
      await successor.clean();
      expect(zoneLines(account).toSorted()).toEqual([`A ${WWW} 192.0.2.1 300`, `TXT ${WWW} "hello" 300`]);
      successor.declare([], [], 10);
      await successor.check();
      expect(account.records()).toEqual([]);
    });
  });

  it('of the vendor are waited out, longer each time', async () => {
    await onStage(async ({ account, zone }) => {
      zone.declare([OURS]);
      account.faults.next({ kind: 'html', status: 502, times: 6 });
      const waits: number[] = [];
      for (let attempt = 0; attempt < 3; attempt += 1) {
        await expect(zone.check()).rejects.toMatchObject({ code: 'dns_vendor_failed' });
        const next = zone.declared.nextCheck() ?? 0;
        waits.push(next - account.now);
        account.now = next;
      }
      expect(waits).toEqual([MINUTE, 2 * MINUTE, 4 * MINUTE]);
      expect(await zone.check()).toMatchObject({ records: [{ action: 'add' }] });
    });
  });
});
