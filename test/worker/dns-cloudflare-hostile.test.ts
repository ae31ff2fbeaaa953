/** Odd answers of Cloudflare and what they leave in a zone's ledger: nothing counts that was not confirmed, nobody's record goes. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { MINUTE } from '../../shared/clock.ts';
import { unwrap } from '../../shared/errors.ts';
import type { ZoneObject } from '../../functions/dns/zone-object.ts';
import { Account } from './dns-cloudflare.ts';

const NAME = '_acme-challenge.example.net';
const THEIRS = { type: 'TXT' as const, name: NAME, content: '"theirs"', ttl: 300, comment: 'by hand' };

async function onStage(play: (account: Account, zone: ZoneObject) => Promise<void>): Promise<void> {
  await runInDurableObject(env.ZONES.getByName(`cloudflare:${crypto.randomUUID()}`), async (_object, state) => {
    const account = new Account([THEIRS]);
    await play(account, account.open(state, env));
    await state.storage.deleteAlarm();
  });
}

const RECORDS = [
  { name: NAME, value: 'a' },
  { name: NAME, value: 'b' },
];
const contents = (account: Account) => account.records().map(({ content }) => content);
const states = async (zone: ZoneObject) => unwrap(await zone.owned()).map(({ value, state, recordId }) => [value, state, recordId !== null]);

/** Changes `result` in the answer to a batch. */
const result = (change: (result: { posts: { id: string }[]; deletes: unknown }) => unknown) => (body: string) => {
  const answer = JSON.parse(body);
  return JSON.stringify({ ...answer, result: change(answer.result) });
};

describe('publishing', () => {
  it.each([
    ['a failure under status 200', { kind: 'unsuccessful' as const }, 0],
    ['a page under status 200', { kind: 'html' as const, status: 200 as const }, 1],
    ['a page of a gateway', { kind: 'html' as const, status: 502 as const }, 1],
    ['cut-off JSON of what was done', { kind: 'truncated' as const }, 1],
  ])('survives %s: nothing counts as written, and the next attempt brings it to an end', async (_, fault, doubtful) => {
    await onStage(async (account, zone) => {
      account.faults.next({ ...fault, method: 'POST' });
      expect(await zone.present(account.present('one', 'p1', ...RECORDS))).toMatchObject({ ok: false, error: { code: 'dns_vendor_failed', retryable: true } });
      expect(await states(zone)).toEqual([
        ['a', 'wanted', false],
        ['b', 'wanted', false],
      ]);
      // What may still be travelling is waited for before anything else is sent.
      if (doubtful === 1) expect(await zone.present(account.present('one', 'p1', ...RECORDS))).toMatchObject({ ok: false, error: { code: 'dns_zone_busy' } });
      await account.pass(2 * MINUTE);
      unwrap(await zone.present(account.present('one', 'p1', ...RECORDS)));
      expect(contents(account)).toEqual(['"theirs"', '"a"', '"b"']);
      unwrap(await zone.cleanUp({ owner: 'one', operation: 'c' }));
      expect(contents(account)).toEqual(['"theirs"']);
    });
  });

  it('keeps what a batch confirmed and asks again for what it left out', async () => {
    await onStage(async (account, zone) => {
      account.alter = result((given) => ({ ...given, posts: given.posts.slice(0, 1) }));
      expect(await zone.present(account.present('one', 'p1', ...RECORDS))).toMatchObject({ ok: false, error: { code: 'dns_vendor_failed', retryable: true } });
      expect(await states(zone)).toEqual([
        ['a', 'written', true],
        ['b', 'wanted', false],
      ]);
      unwrap(await zone.present(account.present('one', 'p1', ...RECORDS)));
      expect(account.writes()).toEqual(['POST dns_records/batch']);
      unwrap(await zone.cleanUp({ owner: 'one', operation: 'c' }));
      expect(contents(account)).toEqual(['"theirs"']);
    });
  });

  it("never takes somebody else's record for ours because an answer says so", async () => {
    await onStage(async (account, zone) => {
      const theirs = account.records()[0]?.id ?? '';
      account.alter = result((given) => ({ ...given, posts: given.posts.map((post) => ({ ...post, id: theirs, content: '"theirs"', comment: 'by hand' })) }));
      expect(await zone.present(account.present('one', 'p1', ...RECORDS))).toMatchObject({ ok: false });
      unwrap(await zone.cleanUp({ owner: 'one', operation: 'c' }));
      expect(contents(account)).toEqual(['"theirs"']);
    });
  });

  it.each(['ffff', '../../zones', '0'.repeat(31)])('takes %j for no id', async (id) => {
    await onStage(async (account, zone) => {
      account.alter = result((given) => ({ ...given, posts: given.posts.map((post) => ({ ...post, id })) }));
      expect(await zone.present(account.present('one', 'p1', ...RECORDS))).toMatchObject({ ok: false, error: { code: 'dns_vendor_failed' } });
      expect((await states(zone)).map(([, , known]) => known)).toEqual([false, false]);
      unwrap(await zone.cleanUp({ owner: 'one', operation: 'c' }));
      expect(contents(account)).toEqual(['"theirs"']);
    });
  });
});

describe('cleaning up', () => {
  it.each([
    ['a failure under status 200', (account: Account) => account.faults.next({ kind: 'unsuccessful', method: 'POST' })],
    ['an answer that names no removals', (account: Account) => (account.alter = result((given) => ({ ...given, deletes: [] })))],
    ['an answer that names other removals', (account: Account) => (account.alter = result((given) => ({ ...given, deletes: [{ id: 'f'.repeat(32) }] })))],
  ])('does not forget a record after %s', async (_, prepare) => {
    await onStage(async (account, zone) => {
      unwrap(await zone.present(account.present('one', 'p', ...RECORDS)));
      prepare(account);
      expect(await zone.cleanUp({ owner: 'one', operation: 'c' })).toMatchObject({ ok: false, error: { code: 'dns_vendor_failed', retryable: true } });
      expect((await states(zone)).map(([, state]) => state)).toEqual(['removing', 'removing']);
      unwrap(await zone.cleanUp({ owner: 'one', operation: 'c' }));
      expect(contents(account)).toEqual(['"theirs"']);
      expect(await states(zone)).toEqual([]);
    });
  });
});
