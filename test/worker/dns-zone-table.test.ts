/** ZoneObject in front of Namecheap: what is written, when, in how many calls, and what happens to others' records. */
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../shared/clock.ts';
import { unwrap } from '../../shared/errors.ts';
import { line, onStage, sorted, SRV, STRANGERS } from './dns-zone-table-stage.ts';

const NAME = '_acme-challenge.example.com';
const theirs = sorted(STRANGERS.map(line));
const withOurs = (...values: string[]) => sorted([...theirs, ...values.map((value) => `_acme-challenge TXT ${value}`)]);

describe('a renewal', () => {
  it('publishes, is read back, and is cleaned up; everything else stays as it was', async () => {
    await onStage({}, async (stage) => {
      const took = await stage.publish(stage.request('one', { name: NAME, value: 'a' }, { name: NAME, value: 'b' }));
      expect(took).toBeLessThanOrEqual(8 * SECOND);
      expect(stage.rows()).toEqual(withOurs('a', 'b'));
      await stage.cleanUp('one');
      await stage.pass(15 * SECOND);
      expect(stage.rows()).toEqual(theirs);
      expect(stage.account.emulator.emailType('example.com')).toBe('MX');
      expect(await stage.health()).toMatchObject({ live: 0, removing: 0, stopped: null, waiting: null, lastError: null });
      await stage.pass(DAY);
      expect(await stage.storage.getAlarm()).toBeNull();
    });
  });

  it('costs eight calls, and one more for a look at the zone itself when it is the first', async () => {
    await onStage({}, async (stage) => {
      for (const [owner, first] of [
        ['one', true],
        ['two', false],
      ] as const) {
        const before = stage.calls().length;
        unwrap(await stage.zone.examine({ ...stage.request(owner), records: [{ name: NAME, values: 2 }] }));
        await stage.publish(stage.request(owner, { name: NAME, value: `${owner}-a` }, { name: NAME, value: `${owner}-b` }));
        await stage.pass(MINUTE);
        await stage.cleanUp(owner);
        await stage.pass(MINUTE);
        const write = ['getHosts', 'setHosts', 'getHosts'];
        expect(stage.calls().slice(before)).toEqual([...(first ? ['getInfo'] : []), 'getHosts', 'getSRVRecords', ...write, ...write]);
        await stage.pass(60 * DAY);
      }
      expect(stage.rows()).toEqual(theirs);
    });
  });

  it('of a zone with SRV records looks at them before and after, and costs eight calls as well', async () => {
    await onStage({ srv: [SRV] }, async (stage) => {
      const renew = async (owner: string) => {
        const before = stage.calls().length;
        unwrap(await stage.zone.examine({ ...stage.request(owner), records: [{ name: NAME, values: 1 }] }));
        await stage.publish(stage.request(owner, { name: NAME, value: owner }));
        await stage.cleanUp(owner);
        await stage.pass(60 * DAY);
        return stage.calls().slice(before);
      };
      const write = ['getHosts', 'setHosts', 'getHosts'];
      expect(await renew('one')).toEqual(['getInfo', 'getHosts', 'getSRVRecords', ...write, ...write, 'getSRVRecords']);
      expect(await renew('two')).toEqual(['getSRVRecords', ...write, ...write, 'getSRVRecords']);
    });
  });

  it('of twenty certificates at once costs at most twelve calls', async () => {
    await onStage({ srv: [SRV] }, async (stage) => {
      const owners = Array.from({ length: 20 }, (_, index) => `owner-${index}`);
      const records = (owner: string) => ({ name: `_acme-challenge.${owner}.example.com`, value: owner });
      await Promise.all(owners.map((owner) => stage.zone.examine({ ...stage.request(owner), records: [{ name: records(owner).name, values: 1 }] })));
      for (const owner of owners) {
        unwrap(await stage.zone.present(stage.request(owner, records(owner))));
        await stage.pass(100);
      }
      await stage.pass(20 * SECOND);
      for (const owner of owners) {
        expect(unwrap(await stage.zone.present(stage.request(owner, records(owner))))).toEqual({ retryAt: null });
        await stage.cleanUp(owner);
        await stage.pass(2 * SECOND);
      }
      expect(stage.rows()).toHaveLength(theirs.length + 20);
      await stage.pass(10 * MINUTE);
      expect(stage.rows()).toEqual(theirs);
      expect(stage.calls().length).toBeLessThanOrEqual(12);
      expect(stage.writes()).toBe(2);
    });
  });
});

describe('what is wanted', () => {
  it('goes along with the next write when it comes while one is under way', async () => {
    await onStage({}, async (stage) => {
      unwrap(await stage.zone.present(stage.request('one', { name: NAME, value: 'a' })));
      stage.account.onWrite = async () => {
        stage.account.onWrite = () => undefined;
        for (const owner of ['two', 'three']) unwrap(await stage.zone.present(stage.request(owner, { name: NAME, value: owner })));
        unwrap(await stage.zone.cleanUp({ owner: 'one', operation: 'c' }));
      };
      await stage.pass(20 * SECOND);
      expect(stage.writes()).toBe(2);
      expect(stage.rows()).toEqual(withOurs('two', 'three'));
      expect(await stage.zone.present(stage.request('one', { name: NAME, value: 'a' }))).toMatchObject({ ok: false, error: { code: 'dns_withdrawn' } });
    });
  });

  it('costs nothing when it is given up before it was sent', async () => {
    await onStage({}, async (stage) => {
      unwrap(await stage.zone.present(stage.request('one', { name: NAME, value: 'a' })));
      await stage.cleanUp('one');
      await stage.pass(HOUR);
      expect(stage.calls()).toEqual([]);
      expect(await stage.health()).toMatchObject({ live: 0 });
    });
  });

  it('stays with its stranger when exactly that record is there already', async () => {
    await onStage({}, async (stage) => {
      await stage.publish(stage.request('one', { name: NAME, value: 'of-another-client' }));
      expect(stage.writes()).toBe(0);
      await stage.cleanUp('one');
      await stage.pass(MINUTE);
      expect(stage.rows()).toEqual(theirs);
    });
  });

  it('is refused alone when the zone cannot take it, and the others get theirs', async () => {
    await onStage({ hosts: [...STRANGERS, { name: '_acme-challenge.alias', type: 'CNAME', address: 'x.example.net.' }] }, async (stage) => {
      const long = `_acme-challenge.${'long.'.repeat(11)}example.com`;
      const requests = [
        stage.request('alias', { name: '_acme-challenge.alias.example.com', value: 'a' }),
        stage.request('long', { name: long, value: 'b' }),
        stage.request('fine', { name: NAME, value: 'c' }),
      ];
      for (const request of requests) unwrap(await stage.zone.present(request));
      await stage.pass(20 * SECOND);
      const [alias, tooLong, fine] = await Promise.all(requests.map((request) => stage.zone.present(request)));
      expect(alias).toMatchObject({ ok: false, error: { code: 'dns_name_is_alias' } });
      expect(tooLong).toMatchObject({ ok: false, error: { code: 'dns_refused' } });
      expect(fine).toEqual({ ok: true, value: { retryAt: null } });
      for (const owner of ['alias', 'long', 'fine']) await stage.cleanUp(owner);
      await stage.pass(MINUTE);
      expect(await stage.health()).toMatchObject({ live: 0, lastError: null });
    });
  });

  it('expires when nobody cleans it up', async () => {
    await onStage({}, async (stage) => {
      await stage.publish(stage.request('one', { name: NAME, value: 'a' }));
      await stage.pass(2 * DAY);
      expect(stage.rows()).toEqual(withOurs('a'));
      await stage.pass(2 * DAY);
      expect(stage.rows()).toEqual(theirs);
    });
  });
});

describe('before an order is spent, it is refused', () => {
  const examine = (names: readonly string[], values = 1) => ({ ...PLACE, records: names.map((name) => ({ name, values })) });

  it('for a name that is too long, one that is an alias, and a zone that is full', async () => {
    const rows = Array.from({ length: 149 }, (_, index) => ({ name: `host-${index}`, type: 'A', address: '203.0.113.5' }));
    await onStage({ hosts: [...rows.slice(0, 148), { name: '_acme-challenge.www', type: 'CNAME', address: 'x.example.net.' }] }, async ({ zone }) => {
      expect(await zone.examine(examine([`_acme-challenge.${'x'.repeat(45)}.example.com`]))).toMatchObject({ ok: false, error: { code: 'dns_name_too_long' } });
      expect(await zone.examine(examine(['_acme-challenge.www.example.com']))).toMatchObject({ ok: false, error: { code: 'dns_name_is_alias' } });
      expect(await zone.examine(examine([NAME], 2))).toMatchObject({ ok: false, error: { code: 'dns_zone_full', details: { rows: 149, adding: 2 } } });
      expect(unwrap(await zone.examine(examine([NAME])))).toEqual({ nameServers: ['dns1.registrar-servers.com', 'dns2.registrar-servers.com'] });
    });
  });

  it('for name servers elsewhere, whoever says so', async () => {
    await onStage({}, async (stage) => {
      stage.publicServers = ['ns1.elsewhere.example'];
      expect(await stage.zone.examine(examine([NAME]))).toMatchObject({
        ok: false,
        error: { code: 'dns_not_delegated', message: expect.stringContaining('ns1.elsewhere.example') },
      });
      stage.account.emulator.domain('example.com').dns = 'custom';
      expect(await stage.zone.examine(examine([NAME]))).toMatchObject({
        ok: false,
        error: { code: 'dns_not_delegated', hint: expect.stringContaining('CNAME') },
      });
      expect(stage.writes()).toBe(0);
      // Who looks at the zone reads it there too, and the fleet hears of a zone that was never written.
      await stage.pass(MINUTE);
      expect(stage.reports.at(-1)?.health).toMatchObject({ lastSuccessAt: null, lastError: { error: { code: 'dns_not_delegated' } } });
    });
  });

  it('for a domain that is locked and a row that cannot be written back', async () => {
    await onStage({ hosts: [...STRANGERS, { name: 'home', type: 'A', address: '198.51.100.7', isDDNSEnabled: true }] }, async (stage) => {
      expect(await stage.zone.examine(examine([NAME]))).toMatchObject({ ok: false, error: { code: 'dns_zone_locked' } });
      stage.account.emulator.domain('example.com').locked = true;
      expect(await stage.open().examine(examine([NAME]))).toMatchObject({ ok: false, error: { code: 'dns_zone_locked' } });
    });
  });
});

const PLACE = {
  vendor: { name: 'registrar', provider: 'namecheap' as const, user: 'example', egress: 'matrix' },
  zone: { id: 'example/example.com', name: 'example.com' },
};
