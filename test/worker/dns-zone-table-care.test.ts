/** What people do with a zone at Namecheap: look, restore, let it go on; declare records; and hear about it. */
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../shared/clock.ts';
import { PerennialError, unwrap } from '../../shared/errors.ts';
import type { DesiredRecord } from '../../functions/dns/zone-requests.ts';
import type { HostInput } from '../emulators/namecheap/host.ts';
import { line, onStage, sorted, STRANGERS, type Stage } from './dns-zone-table-stage.ts';

const NAME = '_acme-challenge.example.com';
const theirs = sorted(STRANGERS.map(line));
const ours = (stage: Stage, owner = 'one', value = 'a') => stage.request(owner, { name: NAME, value });

/** Somebody loses two records and the mail routing right after our write; the zone is stopped. */
async function stopped(stage: Stage): Promise<void> {
  let reads = 0;
  stage.account.emulator.before = ({ command }) => {
    if (!command.endsWith('getHosts')) return;
    reads += 1;
    if (reads === 3) stage.edit((rows) => rows.filter(({ type }) => type !== 'MX'), 'NONE');
  };
  unwrap(await stage.zone.present(ours(stage)));
  await stage.pass(MINUTE);
  stage.account.emulator.before = () => undefined;
}

describe('a stopped zone', () => {
  it('is put back by its snapshot as it was shown, and goes on', async () => {
    await onStage({}, async (stage) => {
      await stopped(stage);
      const [newest] = unwrap(await stage.zone.snapshots());
      expect(newest).toMatchObject({ rows: STRANGERS.length, emailType: 'MX' });
      const preview = unwrap(await stage.zone.previewRestore(newest?.id ?? 0));
      expect(sorted(preview.lines)).toEqual([
        '+ @ MX alt1.aspmx.l.google.com. 5 3600',
        '+ @ MX aspmx.l.google.com. 1 3600',
        '+ EmailType MX',
        '- EmailType NONE',
      ]);
      // Regression: base64url begins with a dash once in 64, and the command that was shown was then refused as wrong usage.
      expect(preview.digest).toMatch(/^[0-9a-f]{64}$/);
      unwrap(await stage.zone.restore(newest?.id ?? 0, preview.digest));
      await stage.pass(10 * SECOND);
      expect(await stage.health()).toMatchObject({ stopped: null });
      expect(stage.account.emulator.emailType('example.com')).toBe('MX');
      // Ours is still wanted, and stays.
      expect(stage.rows()).toEqual(sorted([...theirs, '_acme-challenge TXT a']));
      expect(unwrap(await stage.zone.present(ours(stage)))).toEqual({ retryAt: null });
      expect(stage.events().map(({ kind }) => kind)).toEqual(['zone_stopped', 'zone_restored']);
      await stage.cleanUp('one');
      await stage.pass(MINUTE);
      expect(stage.rows()).toEqual(theirs);
    });
  });

  it('is not restored over an edit that came after the preview', async () => {
    await onStage({}, async (stage) => {
      await stopped(stage);
      const id = unwrap(await stage.zone.snapshots())[0]?.id ?? 0;
      const { digest } = unwrap(await stage.zone.previewRestore(id));
      stage.edit((rows) => [...rows, { name: 'new', type: 'A', address: '203.0.113.1' }]);
      const before = stage.rows();
      expect(await stage.zone.restore(id, digest)).toMatchObject({ ok: false, error: { code: 'dns_zone_changed' } });
      await stage.pass(HOUR);
      expect(stage.rows()).toEqual(before);
      expect(await stage.health()).toMatchObject({ stopped: { command: expect.any(String) } });
    });
  });

  it('stays stopped when the restored list does not stay', async () => {
    await onStage({}, async (stage) => {
      await stopped(stage);
      const id = unwrap(await stage.zone.snapshots())[0]?.id ?? 0;
      const { digest } = unwrap(await stage.zone.previewRestore(id));
      unwrap(await stage.zone.restore(id, digest));
      stage.edit((rows) => rows.filter(({ type }) => type !== 'CAA'));
      await stage.pass(MINUTE);
      expect(await stage.health()).toMatchObject({ stopped: { lines: ['- @ CAA 0 issue "letsencrypt.org" 1799'] } });
    });
  });

  it('is restored although the reply of the write is lost', async () => {
    await onStage({}, async (stage) => {
      await stopped(stage);
      const id = unwrap(await stage.zone.snapshots())[0]?.id ?? 0;
      const { digest } = unwrap(await stage.zone.previewRestore(id));
      stage.account.link = { kind: 'reply-lost' };
      unwrap(await stage.zone.restore(id, digest));
      expect(await stage.zone.restore(id, digest)).toMatchObject({ ok: false, error: { code: 'dns_zone_busy' } });
      stage.open();
      await stage.pass(2 * MINUTE);
      expect(await stage.health()).toMatchObject({ stopped: null });
      expect(stage.account.emulator.emailType('example.com')).toBe('MX');
    });
  });

  it('goes on as it is when somebody says that it is right', async () => {
    await onStage({}, async (stage) => {
      await stopped(stage);
      unwrap(await stage.zone.release());
      await stage.publish(ours(stage));
      await stage.cleanUp('one');
      await stage.pass(MINUTE);
      expect(stage.rows()).toEqual(theirs.filter((row) => !row.includes(' MX ')));
      expect(stage.account.emulator.emailType('example.com')).toBe('NONE');
      expect(stage.events().map(({ kind }) => kind)).toEqual(['zone_stopped', 'zone_released']);
    });
  });
});

describe('snapshots', () => {
  it('are kept for the latest writes and the very first, and one that is gone is refused', async () => {
    await onStage({}, async (stage) => {
      for (let count = 0; count < 15; count += 1) {
        await stage.publish(ours(stage, `owner-${count}`, `v-${count}`));
        await stage.cleanUp(`owner-${count}`);
        await stage.pass(HOUR);
      }
      const kept = unwrap(await stage.zone.snapshots());
      expect(kept.length).toBeLessThanOrEqual(20);
      expect(kept.at(-1)).toMatchObject({ id: 1, rows: STRANGERS.length });
      expect(kept[0]?.id).toBe(30);
      expect(await stage.zone.previewRestore(2)).toMatchObject({ ok: false, error: { code: 'dns_refused' } });
    });
  });

  it('do not bring back challenges of ours that were in them', async () => {
    await onStage({}, async (stage) => {
      await stage.publish(ours(stage));
      await stage.cleanUp('one');
      await stage.pass(MINUTE);
      const [newest] = unwrap(await stage.zone.snapshots());
      expect(newest?.rows).toBe(STRANGERS.length + 1);
      expect(unwrap(await stage.zone.previewRestore(newest?.id ?? 0)).lines).toEqual([]);
    });
  });
});

describe('declared records', () => {
  const record = (type: DesiredRecord['type'], name: string, value: string, ttl = 300): DesiredRecord => ({ type, name, value, ttl, adopt: false });
  const declare = async (stage: Stage, generation: number, ...records: DesiredRecord[]) => {
    const { vendor, zone } = ours(stage);
    unwrap(await stage.zone.declare({ vendor, zone, generation, records, held: [] }));
  };

  it('are added once somebody has approved, corrected, followed and taken back, and touch nobody', async () => {
    await onStage({}, async (stage) => {
      const list = [
        record('A', 'app.example.com', '192.0.2.1'),
        record('CAA', 'app.example.com', '0 issue "ca.example"'),
        record('CNAME', 'docs.example.com', 'app.example.com'),
      ];
      await declare(stage, 1, ...list);
      await stage.pass(MINUTE);
      expect(stage.writes()).toBe(0);
      const plan = unwrap(await stage.zone.plan());
      expect(plan).toMatchObject({ approved: false, records: [{ action: 'add' }, { action: 'add' }, { action: 'add' }] });
      expect(await stage.health()).toMatchObject({ declared: { approved: false, add: 3 } });
      unwrap(await stage.zone.approve(plan?.digest ?? ''));
      await stage.pass(MINUTE);
      const added = ['app A 192.0.2.1', 'app CAA 0 issue "ca.example"', 'docs CNAME app.example.com.'];
      expect(stage.rows()).toEqual(sorted([...theirs, ...added]));
      expect(stage.writes()).toBe(1);

      await declare(stage, 2, record('A', 'app.example.com', '192.0.2.1', 600), record('A', 'app.example.com', '192.0.2.2', 600));
      await stage.pass(MINUTE);
      expect(stage.rows()).toEqual(sorted([...theirs, 'app A 192.0.2.1', 'app A 192.0.2.2']));
      expect(
        stage.account.emulator
          .hosts('example.com')
          .filter(({ name }) => name === 'app')
          .map(({ ttl }) => ttl),
      ).toEqual([600, 600]);
      expect(stage.writes()).toBe(2);

      await declare(stage, 3);
      await stage.pass(MINUTE);
      expect(stage.rows()).toEqual(theirs);
      expect(await stage.health()).toMatchObject({ declared: null, live: 0 });
    });
  });

  it('never take over a record that stands there already', async () => {
    await onStage({}, async (stage) => {
      await declare(stage, 1, record('A', 'example.com', '203.0.113.9'), record('CNAME', 'www.example.com', 'mine.example.net'));
      const plan = unwrap(await stage.zone.plan());
      expect(plan?.records.map(({ action }) => action).toSorted()).toEqual(['conflict', 'keep']);
      await stage.pass(DAY);
      await declare(stage, 2);
      await stage.pass(DAY);
      expect(stage.rows()).toEqual(theirs);
      expect(stage.writes()).toBe(0);
    });
  });

  it('that the law of the relay forbids hold no challenge up, are told, and are written once it allows them', async () => {
    await onStage({}, async (stage) => {
      stage.relay = (relay) => ({
        ...relay,
        write: (request, deadlineMs) =>
          JSON.stringify(request).includes('192.0.2.1')
            ? Promise.reject(new PerennialError('namecheap_change_not_allowed', 'Not by this law.'))
            : relay.write(request, deadlineMs),
      });
      stage.open();
      await declare(stage, 1, record('A', 'app.example.com', '192.0.2.1'));
      unwrap(await stage.zone.approve(unwrap(await stage.zone.plan())?.digest ?? ''));
      await stage.publish(ours(stage), MINUTE);
      expect(stage.rows()).toEqual(sorted([...theirs, '_acme-challenge TXT a']));
      expect(unwrap(await stage.zone.plan())).toMatchObject({ records: [{ action: 'add', why: expect.stringContaining('Not by this law.') }] });

      stage.relay = (relay) => relay;
      stage.open();
      await stage.cleanUp('one');
      await stage.pass(12 * HOUR);
      expect(stage.rows()).toEqual(sorted([...theirs, 'app A 192.0.2.1']));
    });
  });

  it('that a write did not reach prove nothing: a stranger who made the same one keeps it', async () => {
    await onStage({}, async (stage) => {
      const same: HostInput = { name: 'app', type: 'A', address: '192.0.2.1', ttl: 300 };
      await declare(stage, 1, record('A', 'app.example.com', '192.0.2.1'));
      unwrap(await stage.zone.approve(unwrap(await stage.zone.plan())?.digest ?? ''));
      let edited = false;
      stage.account.onWrite = () => {
        if (!edited) stage.edit((rows) => [...rows, same]);
        edited = true;
      };
      await stage.pass(MINUTE);
      await declare(stage, 2);
      await stage.pass(DAY);
      expect(stage.rows()).toEqual(sorted([...theirs, line(same)]));
      expect(stage.writes()).toBe(0);
    });
  });
});

describe('what is told', () => {
  it('compares the ledger with the zone', async () => {
    await onStage({}, async (stage) => {
      await stage.publish(ours(stage));
      await stage.publish(ours(stage, 'two', 'of-another-client'));
      await stage.publish(stage.request('three', { name: '_acme-challenge.www.example.com', value: 'c' }));
      stage.edit((rows) => rows.filter(({ address }) => address !== 'c'));
      const audited = unwrap(await stage.zone.audit());
      expect(audited.map(({ value, atVendor }) => [value, atVendor])).toEqual([
        ['a', 'present'],
        ['of-another-client', 'foreign'],
        ['c', 'missing'],
      ]);
    });
  });

  it('reaches the fleet when it has changed, once, and again until it arrives', async () => {
    await onStage({}, async (stage) => {
      await stage.publish(ours(stage));
      await stage.pass(MINUTE);
      expect(stage.reports).toMatchObject([
        { sequence: 1, zoneName: 'example.com', provider: 'namecheap', health: { lastSuccessAt: null } },
        { sequence: 2, events: [] },
      ]);
      stage.reportsFail = true;
      await stage.cleanUp('one');
      await stage.pass(DAY);
      stage.account.accept(false);
      unwrap(await stage.zone.present(ours(stage, 'two', 'b')));
      await stage.pass(HOUR);
      const before = stage.reports.length;
      stage.reportsFail = false;
      await stage.pass(2 * HOUR);
      const told = stage.reports.slice(before);
      expect(told[0]).toMatchObject({ health: { lastError: { error: { code: 'dns_unauthorized' } } } });
      expect(told[0]?.sequence).toBeGreaterThan(stage.reports[before - 1]?.sequence ?? 0);
      expect(told).toHaveLength(1);
    });
  });
});
