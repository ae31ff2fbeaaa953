/** What goes wrong between a zone and Namecheap, and what a careful writer makes of it: it reads, waits, or calls a person. */
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../shared/clock.ts';
import { unwrap } from '../../shared/errors.ts';
import { DOMAIN, line, onStage, sorted, SRV, STRANGERS, type Stage } from './dns-zone-table-stage.ts';

const NAME = '_acme-challenge.example.com';
const theirs = sorted(STRANGERS.map(line));
const withOurs = (...values: string[]) => sorted([...theirs, ...values.map((value) => `_acme-challenge TXT ${value}`)]);
const ours = (stage: Stage, owner = 'one', value = 'a') => stage.request(owner, { name: NAME, value });

describe('a reply that is lost', () => {
  it('after the write is made good by reading: nothing is written twice, and nobody waits long', async () => {
    await onStage({}, async (stage) => {
      stage.account.link = { kind: 'reply-lost' };
      expect(await stage.publish(ours(stage))).toBeLessThanOrEqual(8 * SECOND);
      expect(stage.writes()).toBe(1);
      expect(stage.rows()).toEqual(withOurs('a'));
    });
  });

  it('before the write is waited out, because it may be travelling; then it is written', async () => {
    await onStage({}, async (stage) => {
      stage.account.link = { kind: 'request-lost' };
      const took = await stage.publish(ours(stage));
      expect(took).toBeGreaterThanOrEqual(MINUTE);
      expect(took).toBeLessThan(90 * SECOND);
      expect(stage.writes()).toBe(1);
      expect(stage.rows()).toEqual(withOurs('a'));
    });
  });

  it.each([false, true])('to a limit of the vendor (effect: %s) is read about when the limit is over', async (effect) => {
    await onStage({}, async (stage) => {
      stage.account.emulator.faults.next({ kind: 'limited', command: 'setHosts', effect });
      const took = await stage.publish(ours(stage));
      expect(took).toBeGreaterThanOrEqual(MINUTE);
      expect(stage.writes()).toBe(effect ? 1 : 2);
      expect(stage.rows()).toEqual(withOurs('a'));
    });
  });

  it.each([{ kind: 'not-success' }, { kind: 'html', status: 502 }, { kind: 'truncated' }, { kind: 'error', number: 3_031_510, text: 'Error' }] as const)(
    'in the shape of $kind ends with one set of records and all of the others',
    async (fault) => {
      await onStage({}, async (stage) => {
        stage.account.emulator.faults.next({ ...fault, command: 'setHosts' });
        await stage.publish(ours(stage));
        expect(stage.rows()).toEqual(withOurs('a'));
      });
    },
  );
});

describe('a life that ended while its write was travelling', () => {
  it.each(['between edge and relay', 'between relay and vendor'] as const)('%s is waited for by its successor, which writes after it', async (where) => {
    await onStage({}, async (stage) => {
      let leave: () => void = () => undefined;
      const left = new Promise<void>((resolve) => {
        leave = resolve;
      });
      // Its sender never learns what became of it: evicted, it is not even there any more.
      stage.relay = (relay) => ({
        ...relay,
        write: (request, deadlineMs) => {
          void relay.write(request, deadlineMs).then(leave, leave);
          return new Promise(() => undefined);
        },
      });
      if (where === 'between edge and relay') stage.account.link = { kind: 'late', delayMs: 25 * SECOND };
      else stage.account.emulator.faults.next({ kind: 'delayed', delayMs: 25 * SECOND, command: 'setHosts' });
      const predecessor = stage.open();
      unwrap(await predecessor.present(ours(stage)));
      await stage.account.pass(2 * SECOND);
      void predecessor.alarm();
      await left;
      const sentAt = stage.account.now;
      stage.relay = (relay) => relay;
      stage.open();
      expect(unwrap(await stage.zone.present(ours(stage, 'two', 'b')))).toEqual({ retryAt: sentAt + 61 * SECOND });
      unwrap(await stage.zone.cleanUp({ owner: 'one', operation: 'c' }));
      const before = stage.calls().length;
      await stage.pass(59 * SECOND);
      expect(stage.rows()).toEqual(withOurs('a'));
      // The relay carried out the late one; its successor has not called anybody.
      expect(stage.calls().slice(before)).toEqual(where === 'between edge and relay' ? ['getHosts', 'setHosts'] : []);
      await stage.pass(MINUTE);
      expect(stage.rows()).toEqual(withOurs('b'));
      expect(await stage.health()).toMatchObject({ stopped: null });
    });
  });

  it('cannot overwrite what its successor writes, when it was already at the vendor', async () => {
    await onStage({}, async (stage) => {
      unwrap(await stage.zone.present(ours(stage)));
      stage.account.emulator.faults.next({ kind: 'delayed', delayMs: 20 * SECOND, command: 'setHosts' });
      await stage.pass(2 * SECOND);
      stage.open();
      unwrap(await stage.zone.present(ours(stage, 'two', 'b')));
      await stage.pass(5 * MINUTE);
      expect(stage.rows()).toEqual(withOurs('a', 'b'));
      const writes = stage.account.emulator.requests.all().filter(({ command }) => command.endsWith('setHosts'));
      expect(writes).toHaveLength(2);
      expect((writes[1]?.at ?? 0) - (writes[0]?.at ?? 0)).toBeGreaterThanOrEqual(20 * SECOND);
    });
  });

  it('and one that goes on unaware beside its successor do not both write', async () => {
    await onStage({}, async (stage) => {
      const predecessor = stage.zone;
      unwrap(await predecessor.present(ours(stage)));
      await stage.account.pass(2 * SECOND);
      const successor = stage.open();
      await Promise.all([predecessor.alarm(), successor.alarm()]);
      await stage.pass(MINUTE);
      await Promise.all([predecessor.alarm(), successor.alarm()]);
      expect(stage.writes()).toBe(1);
      expect(stage.rows()).toEqual(withOurs('a'));
    });
  });
});

describe('somebody else who edits the zone', () => {
  const added = { name: 'shop', type: 'CNAME', address: 'shops.example.net.' };
  const during = (stage: Stage, nth: number, edit: () => void) => {
    let reads = 0;
    stage.account.emulator.before = ({ command }) => {
      if (!command.endsWith('getHosts')) return;
      reads += 1;
      if (reads === nth) edit();
    };
  };

  it('between our two looks is seen, and kept', async () => {
    await onStage({}, async (stage) => {
      during(stage, 2, () => stage.edit((rows) => [...rows.filter(({ name }) => name !== 'old'), added]));
      await stage.publish(ours(stage));
      expect(stage.rows()).toEqual(sorted([...withOurs('a').filter((row) => !row.startsWith('old ')), line(added)]));
      expect(await stage.health()).toMatchObject({ stopped: null, lastError: null });
    });
  });

  it('and adds something after our write changes nothing for us', async () => {
    await onStage({}, async (stage) => {
      during(stage, 3, () => stage.edit((rows) => [...rows, added]));
      await stage.publish(ours(stage));
      expect(await stage.health()).toMatchObject({ stopped: null });
      await stage.cleanUp('one');
      await stage.pass(MINUTE);
      expect(stage.rows()).toEqual(sorted([...theirs, line(added)]));
    });
  });

  it('and writes over our record finds it written again, and nothing of theirs touched', async () => {
    await onStage({}, async (stage) => {
      during(stage, 3, () => stage.edit((rows) => rows.filter(({ address }) => address !== 'a')));
      await stage.publish(ours(stage));
      expect(stage.rows()).toEqual(withOurs('a'));
      expect(stage.writes()).toBe(2);
      expect(await stage.health()).toMatchObject({ stopped: null });
    });
  });

  it('with every look of ours is given way to, and asked about later', async () => {
    await onStage({}, async (stage) => {
      let count = 0;
      stage.account.emulator.before = ({ command }) => {
        if (command.endsWith('getHosts'))
          stage.edit((rows) => [...rows.filter(({ name }) => name !== 'counter'), { ...added, name: 'counter', address: `n${(count += 1)}.example.net.` }]);
      };
      unwrap(await stage.zone.present(ours(stage)));
      await stage.pass(20 * SECOND);
      expect(await stage.zone.present(ours(stage))).toMatchObject({ ok: false, error: { code: 'dns_zone_changed', retryable: true } });
      expect(stage.writes()).toBe(0);
      stage.account.emulator.before = () => undefined;
      await stage.publish(ours(stage));
      expect(stage.rows().filter((row) => row.startsWith('counter '))).toHaveLength(1);
    });
  });

  it.each([
    ['removes a record', (stage: Stage) => stage.edit((rows) => rows.filter(({ name }) => name !== 'old')), '- old URL301 http://example.org/p+q/ 1799'],
    [
      'changes one',
      (stage: Stage) => stage.edit((rows) => rows.map((row) => (row.name === 'www' ? { ...row, address: 'elsewhere.example.' } : row))),
      '- www CNAME example.com. 1799',
    ],
    ['switches the mail routing', (stage: Stage) => stage.edit((rows) => rows, 'OX'), '- EmailType MX'],
  ] as const)('and %s right after our write stops us: nobody can tell whether it was us', async (_, edit, expected) => {
    await onStage({}, async (stage) => {
      during(stage, 3, () => edit(stage));
      unwrap(await stage.zone.present(ours(stage)));
      await stage.pass(MINUTE);
      expect(await stage.health()).toMatchObject({
        stopped: { lines: expect.arrayContaining([expected]), command: expect.stringContaining('npm run dns -- restore example.com') },
      });
      expect(stage.events()).toMatchObject([{ kind: 'zone_stopped', severity: 'critical', message: expect.stringContaining(expected) }]);
      const left = stage.rows();
      for (const outcome of [
        await stage.zone.present(ours(stage)),
        await stage.zone.present(ours(stage, 'two', 'b')),
        await stage.zone.examine({ ...ours(stage), records: [{ name: NAME, values: 1 }] }),
      ])
        expect(outcome).toMatchObject({ ok: false, error: { code: 'dns_zone_stopped', hint: expect.stringContaining('npm run dns -- restore example.com') } });
      await stage.cleanUp('one');
      await stage.pass(DAY);
      expect(stage.rows()).toEqual(left);
      expect(stage.writes()).toBe(1);
    });
  });
});

describe('a vendor that shows something odd', () => {
  it('for a moment after the write, as if nothing had been written, is asked once more', async () => {
    await onStage({}, async (stage) => {
      stage.account.onWrite = () => {
        stage.account.emulator.before = ({ command }) => {
          if (command.endsWith('setHosts')) stage.account.emulator.faults.next({ kind: 'stale', command: 'getHosts' });
        };
      };
      await stage.publish(ours(stage));
      expect(stage.writes()).toBe(1);
      expect(stage.rows()).toEqual(withOurs('a'));
    });
  });

  it.each(['collapsed', 'shortened'] as const)('a list that has %s once is not believed', async (how) => {
    await onStage({}, async (stage) => {
      await stage.publish(ours(stage));
      await stage.cleanUp('one');
      await stage.pass(2 * DAY);
      stage.account.emulator.faults.next({ kind: 'garbled', how, command: 'getHosts' });
      await stage.publish(ours(stage, 'two', 'b'));
      expect(stage.rows()).toEqual(withOurs('b'));
      expect(await stage.health()).toMatchObject({ stopped: null });
    });
  });

  it('a list that does not show our record for a moment does not make us forget it', async () => {
    await onStage({}, async (stage) => {
      await stage.publish(ours(stage));
      await stage.pass(2 * DAY);
      stage.account.emulator.faults.next({ kind: 'stale', command: 'getHosts' });
      await stage.cleanUp('one');
      await stage.pass(MINUTE);
      expect(stage.rows()).toEqual(theirs);
      expect(await stage.health()).toMatchObject({ live: 0, stopped: null });
    });
  });

  it('the list before, a minute after a write whose reply was lost, does not make us take the write for lost', async () => {
    await onStage({}, async (stage) => {
      const { vendor, zone } = ours(stage);
      const records = [{ type: 'A' as const, name: 'app.example.com', value: '192.0.2.1', ttl: 300, adopt: false }];
      unwrap(await stage.zone.declare({ vendor, zone, generation: 1, records, held: [] }));
      unwrap(await stage.zone.approve(unwrap(await stage.zone.plan())?.digest ?? ''));
      stage.account.emulator.faults.next({ kind: 'delayed', delayMs: 29 * SECOND, command: 'setHosts' });
      await stage.pass(50 * SECOND);
      expect(stage.writes()).toBe(1);
      stage.account.emulator.faults.next({ kind: 'stale', command: 'getHosts' });
      await stage.pass(30 * SECOND);
      expect(stage.rows()).toContain('app A 192.0.2.1');
      unwrap(await stage.zone.declare({ vendor, zone, generation: 2, records: [], held: [] }));
      await stage.pass(10 * MINUTE);
      expect(stage.rows()).toEqual(theirs);
    });
  });

  it('a list that stays empty stops the zone, keeps what was there, and goes on when a person says so', async () => {
    await onStage({}, async (stage) => {
      await stage.publish(ours(stage));
      await stage.cleanUp('one');
      await stage.pass(2 * DAY);
      stage.edit(() => []);
      unwrap(await stage.zone.present(ours(stage, 'two', 'b')));
      await stage.pass(MINUTE);
      expect(await stage.health()).toMatchObject({ stopped: { message: expect.stringContaining('gone') } });
      expect(stage.writes()).toBe(2);
      expect(unwrap(await stage.zone.snapshots())[0]).toMatchObject({ rows: STRANGERS.length, emailType: 'MX' });
      unwrap(await stage.zone.release());
      await stage.pass(MINUTE);
      expect(stage.rows()).toEqual(['_acme-challenge TXT b']);
    });
  });

  it('an empty list that nobody has seen otherwise is looked at twice, and then taken for one', async () => {
    await onStage({ hosts: [], emailType: 'NONE', parking: false }, async (stage) => {
      await stage.publish(ours(stage));
      expect(stage.rows()).toEqual(['_acme-challenge TXT a']);
      expect(stage.calls().slice(0, 3)).toEqual(['getInfo', 'getHosts', 'getHosts']);
      await stage.cleanUp('one');
      await stage.pass(MINUTE);
      expect(stage.rows()).toEqual([]);
    });
  });

  it('SRV records that are gone after our writes stop the zone', async () => {
    await onStage({ srv: [SRV], srvAfterWrite: 'cleared' }, async (stage) => {
      await stage.publish(ours(stage));
      await stage.cleanUp('one');
      await stage.pass(2 * MINUTE);
      expect(await stage.health()).toMatchObject({ stopped: { lines: ['- _sip _tls SRV 100 1 443 sipdir.online.lync.com'] } });
      expect(stage.events()).toMatchObject([{ kind: 'zone_stopped', severity: 'critical' }]);
    });
  });

  it('SRV records that their owner edits between two renewals stop nothing', async () => {
    await onStage({ srv: [SRV] }, async (stage) => {
      for (const owner of ['one', 'two']) {
        await stage.publish(ours(stage, owner, owner));
        await stage.cleanUp(owner);
        await stage.pass(HOUR);
        stage.account.emulator.setSrv(DOMAIN, [{ ...SRV, port: 444 }]);
        await stage.pass(DAY);
      }
      expect(await stage.health()).toMatchObject({ stopped: null });
    });
  });

  it('and no SRV list at all hinders nothing', async () => {
    await onStage({ srvCommand: false }, async (stage) => {
      await stage.publish(ours(stage));
      await stage.cleanUp('one');
      await stage.pass(HOUR);
      expect(stage.rows()).toEqual(theirs);
    });
  });

  it('a row that cannot be written back keeps the zone as it is, with a reason', async () => {
    await onStage({ hosts: [...STRANGERS, { name: 'api', type: 'A', address: '198.51.100.8', isActive: false }] }, async (stage) => {
      unwrap(await stage.zone.present(ours(stage)));
      await stage.pass(10 * SECOND);
      expect(await stage.zone.present(ours(stage))).toMatchObject({ ok: false, error: { code: 'dns_zone_locked', message: expect.stringContaining('api') } });
      expect(stage.writes()).toBe(0);
    });
  });
});

describe('a vendor that does not let us in', () => {
  it('is named with the address that the account must list, and where', async () => {
    await onStage({}, async (stage) => {
      stage.account.emulator.source = '198.51.100.200';
      unwrap(await stage.zone.present(ours(stage)));
      await stage.pass(10 * SECOND);
      const refused = await stage.zone.present(ours(stage));
      expect(refused).toMatchObject({
        ok: false,
        error: { code: 'dns_address_not_listed', hint: expect.stringContaining('https://ap.www.namecheap.com/settings/tools/apiaccess/whitelisted-ips') },
      });
      stage.account.emulator.source = null;
      // Whoever asks again after a failure has it tried again at once.
      expect(await stage.publish(ours(stage))).toBeLessThan(10 * SECOND);
    });
  });

  it('is asked about again later and later, and nothing piles up', async () => {
    await onStage({}, async (stage) => {
      stage.account.accept(false);
      unwrap(await stage.zone.present(ours(stage)));
      await stage.pass(DAY);
      expect(stage.calls().length).toBeLessThan(40);
      expect(await stage.health()).toMatchObject({ lastError: { error: { code: 'dns_unauthorized' } } });
    });
  });
});

describe('a budget of calls that is used up', () => {
  it('holds clean-ups back before it holds challenges back', async () => {
    await onStage({}, async (stage) => {
      await stage.publish(ours(stage));
      await stage.account.budget.spend(4, 'challenge');
      await stage.cleanUp('one');
      await stage.pass(12 * SECOND);
      expect(stage.rows()).toEqual(withOurs('a'));
      expect((await stage.health()).waiting).toMatchObject({ reason: expect.stringContaining('used up') });
      // A challenge is let through, and takes the clean-up along.
      await stage.publish(ours(stage, 'two', 'b'));
      expect(stage.rows()).toEqual(withOurs('b'));
    });
  });

  it('is no failure: whoever asks is told when to ask again', async () => {
    await onStage({}, async (stage) => {
      await stage.account.budget.spend(16, 'challenge');
      const asked = stage.account.now;
      unwrap(await stage.zone.present(ours(stage)));
      await stage.pass(3 * SECOND);
      const { retryAt } = unwrap(await stage.zone.present(ours(stage))) ?? { retryAt: null };
      expect(retryAt).toBeGreaterThan(asked + 50 * SECOND);
      expect(stage.calls()).toEqual([]);
      await stage.publish(ours(stage));
      expect(stage.rows()).toEqual(withOurs('a'));
      expect(await stage.health()).toMatchObject({ lastError: null });
    });
  });
});
