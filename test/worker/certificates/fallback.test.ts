/** More than one CA: when the next one is asked, when the first one again, and what is said about it. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { PerennialError } from '../../../shared/errors.ts';
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { Runner, scenario } from './runner.ts';
import { spec, World } from './world.ts';

const CAS = ['pebble', 'google', 'zerossl'];
const busy = () => new PerennialError('acme_overloaded', 'The CA is busy.', { retryable: true });
const limited = (retryAt: number) => new PerennialError('acme_rate_limited', 'Too many certificates.', { retryable: true, retryAt });
const forbids = (name: string) => new PerennialError('dns_caa_forbids', `The CAA record at example.net does not let ${name} issue.`, { hint: 'Add it.' });
const askedOf = (world: World) => world.wanted.map(({ authority }) => authority);

describe('a CA that fails', () => {
  scenario('is left for the next one after three failures in a row, and the page says why', async (runner, world) => {
    runner.specify({ authorities: CAS });
    world.down.set('pebble', busy());
    await runner.until(world.now + HOUR);
    expect(runner.view()).toMatchObject({ state: 'live', live: { authority: 'google' } });
    expect(runner.view().live?.why).toMatch(/^pebble did not issue at 2026-11-21 \d\d:\d\d UTC: The CA is busy\.$/);
    expect(runner.events('authority-left')).toEqual([expect.stringContaining('pebble does not issue now, so google is asked: The CA is busy.')]);
    expect(runner.events('failed')).toHaveLength(3);
    expect(askedOf(world)).toEqual(['google']);
    expect(world.finalized).toBe(1);
    expect(world.txt.size).toBe(0);
  });

  scenario('is not left at the first blip', async (runner, world) => {
    runner.specify({ authorities: CAS });
    world.failNext('pebble:newOrder', busy(), busy());
    await runner.until(world.now + HOUR);
    expect(runner.view().live).toMatchObject({ authority: 'pebble', why: null });
    expect(world.accounts.has('google')).toBe(false);
  });

  scenario('is tried again first by the next renewal', async (runner, world) => {
    runner.specify({ authorities: CAS });
    world.down.set('pebble', busy());
    await runner.until(world.now + HOUR);
    world.down.clear();
    await runner.until(world.now + 31 * DAY);
    expect(runner.view().live).toMatchObject({ authority: 'pebble', why: null });
    expect(world.wanted.at(-1)).toMatchObject({ authority: 'pebble', replaces: null, fallback: false });
  });

  scenario('in the middle of an order leaves no record and no order behind that would issue', async (runner, world) => {
    runner.specify({ authorities: CAS });
    world.visible = false;
    await runner.alarm();
    expect(world.txt.size).toBe(2);
    world.visible = true;
    world.down.set('pebble', busy());
    await runner.until(world.now + 2 * HOUR);
    expect(runner.view().live?.authority).toBe('google');
    expect(world.finalized).toBe(1);
    expect(world.txt.size).toBe(0);
    expect(world.keys.size).toBe(1);
  });

  scenario('after it has taken the request is waited for: its certificate may be on its way', async (runner, world) => {
    runner.specify({ authorities: CAS });
    world.failNext('pebble:download', ...Array.from({ length: 5 }, busy));
    await runner.until(world.now + DAY);
    expect(runner.view().live?.authority).toBe('pebble');
    expect(world.orders).toHaveLength(1);
  });

  scenario('after it has taken the request and let the order expire is left', async (runner, world) => {
    runner.specify({ authorities: CAS });
    world.stuck.add('pebble');
    // The order lives for a day.
    await runner.until(world.now + 23 * HOUR);
    expect(world.orders).toHaveLength(1);
    await runner.until(world.now + 2 * HOUR);
    expect(runner.view().live).toMatchObject({ authority: 'google', why: expect.stringContaining('did not issue before the order expired') as string });
    expect(world.txt.size).toBe(0);
  });

  scenario('is left at once when it has stopped our account, and the certificate goes on', async (runner, world) => {
    runner.specify({ authorities: CAS });
    world.down.set('pebble', new PerennialError('acme_account_unauthorized', 'The account was deactivated.'));
    await runner.alarm();
    expect(runner.events('failed')).toHaveLength(1);
    await runner.until(world.now + HOUR);
    expect(runner.view().live?.authority).toBe('google');
  });

  scenario('is left when its limit ends later than the life that is left lets us wait', async (runner, world) => {
    runner.specify({ authorities: CAS });
    await runner.until(world.now + HOUR);
    world.now += 30 * DAY;
    const started = world.now;
    world.failNext('pebble:newOrder', limited(started + HOUR));
    await runner.until(started + 30 * MINUTE);
    expect(runner.view().issuance).toMatchObject({ authority: 'pebble', failure: { class: 'limit' } });
    world.now = started + HOUR;
    world.failNext('pebble:newOrder', limited(world.now + 3 * DAY));
    runner.wake('renew');
    await runner.until(world.now + HOUR);
    expect(runner.view().live?.authority).toBe('google');
  });
});

describe('what is not the fault of a CA', () => {
  const failures: [string, string, PerennialError][] = [
    ['DNS', 'present', new PerennialError('dns_unreachable', 'Down.', { retryable: true })],
    ['the relay', 'createKey', new PerennialError('relay_offline', 'No relay.', { retryable: true })],
    ['validation', 'pebble:answer', new PerennialError('acme_validation_dns', 'SERVFAIL', { retryable: true })],
    ['CAA of the first CA', 'preflight', forbids('ca.test')],
  ];
  for (const [what, method, error] of failures)
    scenario(`never leads to another one: ${what}`, async (runner, world) => {
      runner.specify({ authorities: CAS });
      world.failNext(method, ...Array.from({ length: 12 }, () => error));
      await runner.until(world.now + 6 * HOUR);
      expect(runner.view().issuance?.left ?? []).toEqual([]);
      expect([...world.accounts.keys()]).toEqual(['pebble']);
    });
});

describe('the next CA', () => {
  scenario('is passed over when CAA forbids it, in the words of the refusal, and gets no account', async (runner, world) => {
    runner.specify({ authorities: CAS });
    world.down.set('pebble', busy());
    world.forbidden.set('google.test', forbids('google.test'));
    await runner.until(world.now + HOUR);
    expect(runner.view().live?.authority).toBe('zerossl');
    expect(runner.view().live?.why).toContain('nor did google');
    expect(world.accounts.has('google')).toBe(false);
    expect(runner.events('authority-left')[1]).toContain('The CAA record at example.net does not let google.test issue.');
  });

  scenario('is the first again when CAA forbids all others, not before an hour', async (runner, world) => {
    runner.specify({ authorities: CAS });
    world.down.set('pebble', busy());
    for (const name of ['google', 'zerossl']) world.forbidden.set(`${name}.test`, forbids(`${name}.test`));
    const started = world.now;
    await runner.until(started + 45 * MINUTE);
    expect(runner.view().issuance).toMatchObject({
      authority: 'pebble',
      failure: { class: 'overload', message: expect.stringMatching(/^None of the CAs issues now\. pebble: The CA is busy\. google: The CAA/) },
      left: [{ authority: 'pebble' }, { authority: 'google', code: 'dns_caa_forbids' }, { authority: 'zerossl' }],
    });
    expect([...world.accounts.keys()]).toEqual(['pebble']);
    world.down.clear();
    await runner.until(started + 3 * HOUR);
    expect(runner.view().live).toMatchObject({ authority: 'pebble', why: null });
  });

  scenario('is given the order as a fallback, and nothing of the CA before', async (runner, world) => {
    runner.specify({ authorities: CAS, profile: 'tlsserver' });
    await runner.until(world.now + HOUR);
    world.down.set('pebble', busy());
    await runner.until(world.now + 31 * DAY);
    expect(world.wanted).toMatchObject([
      { authority: 'pebble', fallback: false, replaces: null, profile: 'tlsserver' },
      { authority: 'google', fallback: true, replaces: null, profile: 'tlsserver' },
    ]);
    expect(runner.view().live?.authority).toBe('google');
  });
});

describe('CAs that all fail', () => {
  for (const life of ['no certificate yet', 'a certificate close to its end'])
    scenario(`are asked a bounded number of times a day, and people are told: ${life}`, async (runner, world) => {
      runner.specify({ authorities: CAS });
      if (life !== 'no certificate yet') {
        await runner.until(world.now + HOUR);
        world.now += 43 * DAY;
      }
      for (const name of CAS) world.down.set(name, busy());
      const started = world.now;
      world.calls.length = 0;
      await runner.until(started + DAY);
      // Three each in the first round, one each in the others.
      expect(world.calls.filter((call) => call === 'identity').length).toBeLessThan(life === 'no certificate yet' ? 20 : 80);
      expect(runner.view().issuance?.failure).toMatchObject({ attention: true });
      expect(runner.events('authorities-exhausted').length).toBeGreaterThan(1);
      world.down.delete('zerossl');
      await runner.until(started + 3 * DAY);
      expect(runner.view().live?.authority).toBe('zerossl');
      expect(world.txt.size).toBe(0);
    });
});

describe('killed at any call while a CA is left', () => {
  for (const side of ['before', 'after'] as const)
    it(`issues one certificate and leaves nothing in DNS, killed ${side} the effect`, async () => {
      for (let position = 0; position < 34; position += 1)
        await runInDurableObject(env.CERTIFICATES.getByName(`left-${side}-${position}`), async (_object, state) => {
          const world = new World();
          const runner = new Runner(world, state.storage, { authorities: CAS });
          // The first CA fails in the middle of an order, the second one is forbidden.
          world.failNext('pebble:order', ...Array.from({ length: 60 }, busy));
          world.forbidden.set('google.test', forbids('google.test'));
          world.fuse = { calls: position, side };
          await runner.until(world.now + 3 * HOUR);
          const at = `killed ${side} call ${position} (${world.calls[position]})`;
          expect(runner.view().live?.authority, at).toBe('zerossl');
          expect(world.finalized, at).toBe(1);
          expect(world.accounts.has('google'), at).toBe(false);
          expect(world.txt.size, at).toBe(0);
          expect(world.keys.size, at).toBe(1);
        });
    });
});

describe('an account that was lost', () => {
  const pinned = new PerennialError('dns_caa_account_pinned', 'The CAA record at example.net lets ca.test issue only for the account …/9.', {
    hint: 'Bring that account back from a backup: npm run import.',
  });

  scenario('is not replaced by another where CAA pins it: nothing is registered, nothing ordered', async (runner, world) => {
    world.accounts.clear();
    world.forbidden.set('ca.test', pinned);
    await runner.until(world.now + DAY);
    expect(runner.view().issuance?.failure).toMatchObject({ code: 'dns_caa_account_pinned', attention: true, hint: expect.stringContaining('npm run import') });
    expect(world.preflights[0]?.authority).toEqual({ identities: ['ca.test'], accountUrl: null });
    expect(world.calls).not.toContain('open');
    expect(world.accounts.size).toBe(0);
    expect(world.orders).toHaveLength(0);
  });

  scenario('is replaced where nothing pins it, with one look at DNS', async (runner, world) => {
    world.accounts.clear();
    await runner.until(world.now + HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.calls.filter((call) => call === 'preflight')).toHaveLength(1);
  });
});

describe('a chain that does not fit what was asked for', () => {
  const otherChain = (world: World) => world.strangerChain(spec.domains);

  scenario('is fetched once more, and installed if it fits then', async (runner, world) => {
    world.spoil.push((chain) => chain.slice(0, chain.length / 2));
    await runner.until(world.now + HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.orders).toHaveLength(1);
    expect(runner.events('failed')).toEqual([expect.stringContaining('It is fetched once more.')]);
  });

  const leafAlone = (chain: string) => chain.slice(0, chain.indexOf('-----BEGIN CERTIFICATE-----', 1));

  scenario('for want of an intermediate, which only the relay can tell, is fetched again and installed without another order', async (runner, world) => {
    world.spoil.push(leafAlone);
    await runner.until(world.now + HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.orders).toHaveLength(1);
  });

  scenario('for want of an intermediate again and again is fetched at every try, and never leads to an order', async (runner, world) => {
    world.spoil.push(leafAlone, leafAlone, leafAlone);
    await runner.until(world.now + HOUR);
    expect(runner.view().deliveries[0]?.failure).toMatchObject({ code: 'chain_root_unknown' });
    expect(runner.view().state).toBe('needs-attention');
    runner.wake('renew');
    await runner.until(world.now + HOUR);
    runner.wake('renew');
    await runner.until(world.now + HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.orders).toHaveLength(1);
  });

  scenario('is never installed; a new order follows after a pause', async (runner, world) => {
    world.spoil.push(
      () => otherChain(world),
      () => otherChain(world),
    );
    const started = world.now;
    await runner.until(started + 14 * MINUTE);
    expect(world.variable).toBeNull();
    expect(world.orders).toHaveLength(1);
    expect(runner.view().issuance?.failure).toMatchObject({ code: 'chain_key_mismatch', hint: expect.stringContaining('Nothing was installed') });
    await runner.until(started + HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.orders).toHaveLength(2);
    expect(world.txt.size).toBe(0);
  });

  scenario('twice in a row leads to the next CA', async (runner, world) => {
    runner.specify({ authorities: CAS });
    world.spoil.push(...Array.from({ length: 4 }, () => () => otherChain(world)));
    await runner.until(world.now + HOUR);
    expect(runner.view().live).toMatchObject({ authority: 'google', why: expect.stringContaining('cannot be used') });
    expect(world.orders).toHaveLength(3);
  });
});
