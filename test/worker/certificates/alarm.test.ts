import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { MINUTE } from '../../../shared/clock.ts';

interface Rest {
  wakes: number;
  alarm: number | null;
}

function restOf(name: string): Promise<Rest> {
  return runInDurableObject(env.CERTIFICATES.getByName(name), async (_instance, state) => ({
    wakes: state.storage.sql.exec('SELECT 1 FROM wakes').toArray().length,
    alarm: await state.storage.getAlarm(),
  }));
}

describe('the alarm of a certificate', () => {
  it('goes to rest when it was woken before it was ever specified', async () => {
    expect(await env.CERTIFICATES.getByName('never-specified').wake('sweep')).toMatchObject({ ok: true });
    await expect.poll(() => restOf('never-specified')).toEqual({ wakes: 0, alarm: null });
  });

  it('does not run in a circle over a state that it cannot read', async () => {
    const object = env.CERTIFICATES.getByName('unreadable');
    await runInDurableObject(
      object,
      (_instance, state) => void state.storage.sql.exec('INSERT INTO documents (key, json) VALUES (\'record\', \'{"from":"the future"}\')'),
    );
    await object.wake('renew');
    await expect.poll(async () => ((await restOf('unreadable')).alarm ?? 0) - Date.now()).toBeGreaterThan(4 * MINUTE);
    const { wakes } = await restOf('unreadable');
    expect(wakes).toBe(1);
    expect(await object.view()).toMatchObject({ ok: false, error: { code: 'state_unreadable' } });
  });
});
