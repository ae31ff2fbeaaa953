/** How a zone gets well again once the cause is gone: what people are told works word by word, and nothing keeps waiting without need. */
import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../shared/clock.ts';
import { PerennialError, unwrap } from '../../shared/errors.ts';
import type { HostInput } from '../emulators/namecheap/host.ts';
import { line, onStage, sorted, SRV, STRANGERS, type Stage } from './dns-zone-table-stage.ts';

const NAME = '_acme-challenge.example.com';
const theirs = sorted(STRANGERS.map(line));
const withOurs = sorted([...theirs, '_acme-challenge TXT a']);
const ours = (stage: Stage) => stage.request('one', { name: NAME, value: 'a' });

/** Asks as a certificate does that fails now and then and tries again after a minute. @returns failures it was told of. */
async function insist(stage: Stage, tries = 20): Promise<string[]> {
  const failures: string[] = [];
  for (let at = 0; at < tries; at += 1) {
    const asked = await stage.zone.present(ours(stage));
    if (asked.ok && asked.value.retryAt === null) return failures;
    if (!asked.ok) failures.push(asked.error.code);
    await stage.pass(asked.ok ? Math.max(1, (asked.value.retryAt ?? 0) - stage.account.now) : MINUTE);
  }
  throw new Error(`Not published after ${tries} tries: ${failures.join(', ')}`);
}

/** The mail of the zone is lost right after our write. */
async function stopped(stage: Stage): Promise<void> {
  let reads = 0;
  stage.account.emulator.before = ({ command }) => {
    if (!command.endsWith('getHosts')) return;
    reads += 1;
    if (reads === 3) stage.edit((rows) => rows.filter(({ type }) => type !== 'MX'));
  };
  unwrap(await stage.zone.present(ours(stage)));
  await stage.pass(MINUTE);
  stage.account.emulator.before = () => undefined;
}

/** What the printed command does. */
async function obey(stage: Stage): Promise<void> {
  const { command = '' } = (await stage.health()).stopped ?? {};
  const id = Number(/^npm run dns -- restore example\.com (\d+)$/.exec(command)?.[1]);
  const { digest } = unwrap(await stage.zone.previewRestore(id));
  unwrap(await stage.zone.restore(id, digest));
}

describe('the command that a stopped zone prints', () => {
  it('restores what was there before, also after a restore that the relay refused', async () => {
    await onStage({}, async (stage) => {
      await stopped(stage);
      stage.relay = (relay) => ({ ...relay, write: () => Promise.reject(new PerennialError('namecheap_change_not_allowed', 'Not by this law.')) });
      stage.open();
      await expect(obey(stage)).rejects.toMatchObject({ code: 'dns_change_not_allowed' });
      expect(unwrap(await stage.zone.snapshots())).toHaveLength(2);
      stage.relay = (relay) => relay;
      stage.open();
      // As long as it takes to change the law; calls in a minute are few.
      await stage.pass(MINUTE);
      await obey(stage);
      await stage.pass(10 * SECOND);
      expect(await stage.health()).toMatchObject({ stopped: null });
      expect(stage.rows()).toEqual(withOurs);
    });
  });

  it('restores what was there before, also after a restored list that did not stay', async () => {
    await onStage({}, async (stage) => {
      await stopped(stage);
      await obey(stage);
      stage.edit((rows) => rows.filter(({ type }) => type !== 'CAA'));
      await stage.pass(MINUTE);
      expect(await stage.health()).toMatchObject({ stopped: { lines: ['- @ CAA 0 issue "letsencrypt.org" 1799'] } });
      await obey(stage);
      await stage.pass(10 * SECOND);
      expect(stage.rows()).toEqual(withOurs);
    });
  });
});

describe("a record that was ours once and is somebody else's now", () => {
  it('comes back with a snapshot that it was in, and is not removed by it', async () => {
    await onStage({}, async (stage) => {
      const { vendor, zone } = ours(stage);
      const declared = { type: 'A' as const, name: 'app.example.com', value: '192.0.2.1', ttl: 300, adopt: false };
      unwrap(await stage.zone.declare({ vendor, zone, generation: 1, records: [declared], held: [] }));
      unwrap(await stage.zone.approve(unwrap(await stage.zone.plan())?.digest ?? ''));
      await stage.pass(MINUTE);
      unwrap(await stage.zone.declare({ vendor, zone, generation: 2, records: [], held: [] }));
      await stage.pass(MINUTE);
      expect(stage.rows()).toEqual(theirs);
      stage.edit((rows) => [...rows, { name: 'app', type: 'A', address: '192.0.2.1', ttl: 300 }]);
      await stage.pass(HOUR);
      await stage.publish(ours(stage));
      const id = unwrap(await stage.zone.snapshots())[0]?.id ?? 0;
      expect(unwrap(await stage.zone.previewRestore(id)).lines).toEqual([]);
      stage.edit((rows) => rows.filter(({ name }) => name !== 'app'));
      expect(unwrap(await stage.zone.previewRestore(id)).lines).toEqual(['+ app A 192.0.2.1 300']);
    });
  });
});

describe('a full zone', () => {
  it('takes what it had no room for, once its owner has made some', async () => {
    const hosts = [...STRANGERS, ...Array.from({ length: 142 }, (_, index): HostInput => ({ name: `host-${index}`, type: 'A', address: '203.0.113.1' }))];
    await onStage({ hosts }, async (stage) => {
      unwrap(await stage.zone.present(ours(stage)));
      await stage.pass(MINUTE);
      for (let tries = 0; tries < 3; tries += 1) {
        expect(await stage.zone.present(ours(stage))).toMatchObject({ ok: false, error: { code: 'dns_zone_full' } });
        await stage.pass(MINUTE);
      }
      stage.edit((rows) => rows.filter(({ name }) => name !== 'host-7'));
      expect(await insist(stage)).toEqual(['dns_zone_full']);
      expect(stage.rows()).toContain('_acme-challenge TXT a');
    });
  });
});

describe('a vendor that never answers for the side list of SRV records', () => {
  it.each([{ kind: 'error', number: 5_050_900, text: 'Unknown error' }, { kind: 'html' }] as const)(
    'with $kind holds a certificate up for some tries, and not for ever',
    async (fault) => {
      await onStage({ srv: [SRV] }, async (stage) => {
        stage.account.emulator.faults.next({ ...fault, command: 'getSRVRecords', times: 1_000 });
        expect(await insist(stage)).toEqual(['dns_vendor_failed', 'dns_vendor_failed']);
        expect(stage.rows()).toEqual(withOurs);
      });
    },
  );

  it('after the last write leaves a zone that is well, and is asked no further', async () => {
    await onStage({ srv: [SRV] }, async (stage) => {
      await stage.publish(ours(stage));
      stage.account.emulator.faults.next({ kind: 'error', number: 5_050_900, text: 'Unknown error', command: 'getSRVRecords', times: 1_000 });
      await stage.cleanUp('one');
      await stage.pass(HOUR);
      const { lastError, lastSuccessAt } = await stage.health();
      expect(lastSuccessAt).toBeGreaterThan(lastError?.at ?? Infinity);
      expect(await stage.storage.getAlarm()).toBeNull();
    });
  });
});

describe('a zone that somebody made unfit for writing right after our write', () => {
  it('calls a person once, with what is wrong and the snapshot, and goes on when it is fit again', async () => {
    await onStage({}, async (stage) => {
      let reads = 0;
      stage.account.emulator.before = ({ command }) => {
        if (command.endsWith('getHosts') && (reads += 1) === 3) stage.edit((rows) => rows, 'NONE');
      };
      unwrap(await stage.zone.present(ours(stage)));
      await stage.pass(HOUR);
      expect(stage.events()).toMatchObject([{ kind: 'zone_not_read_back', severity: 'critical' }]);
      expect(stage.events()[0]?.message).toMatch(/@ MX.*EmailType NONE[^]*snapshot 1/);
      expect(stage.writes()).toBe(1);
      stage.edit((rows) => rows, 'MX');
      expect(await insist(stage)).toEqual(['dns_zone_unreadable']);
      expect(stage.rows()).toEqual(withOurs);
    });
  });
});

describe('a write that could not be read back for long', () => {
  it('is read back as soon as somebody asks who was told before', async () => {
    await onStage({}, async (stage) => {
      unwrap(await stage.zone.present(ours(stage)));
      await stage.pass(3 * SECOND);
      stage.account.emulator.faults.next({ kind: 'error', number: 1_011_102, text: 'API Key is invalid', times: 1_000 });
      await stage.pass(40 * MINUTE);
      stage.account.emulator.faults.clear();
      expect(await stage.zone.present(ours(stage))).toMatchObject({ ok: false, error: { code: 'dns_unauthorized' } });
      expect(await stage.publish(ours(stage))).toBeLessThanOrEqual(5 * SECOND);
      expect(stage.writes()).toBe(1);
    });
  });
});
