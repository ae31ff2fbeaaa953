import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect } from 'vitest';
import { PerennialError } from '../../../shared/errors.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../../shared/clock.ts';
import { readChain } from '../../../shared/x509/chain.ts';
import { Runner, scenario, valid } from './runner.ts';
import { spec, World } from './world.ts';

describe('a certificate', () => {
  scenario('goes from nothing to live with one order, one key and nothing left in DNS', async (runner, world) => {
    await runner.until(world.now + HOUR);
    const view = runner.view();
    expect(view.state).toBe('live');
    expect(view.live?.sha256).toBe(world.served);
    expect(view.deliveries[0]?.state).toBe('live');
    expect(world.orders).toHaveLength(1);
    expect(world.txt.size).toBe(0);
    expect(view.history[0]?.outcome).toBe('live');
    expect(view.history[0]?.phases.map((phase) => phase.name)).toEqual([
      'order',
      'present',
      'propagate',
      'validate',
      'finalize',
      'download',
      'install',
      'verify',
    ]);
    expect(view.history[0]?.requests.acme).toBeLessThanOrEqual(11);
  });

  scenario('waits for its turn while as many as may are being issued, says so, and asks nobody meanwhile', async (runner, world) => {
    const turn = world.now + 20 * MINUTE;
    world.turns.push(turn);
    await runner.until(world.now + 10 * MINUTE);
    expect(runner.view()).toMatchObject({ state: 'renewing', phase: 'order', waitingFor: expect.stringContaining('Its turn') as string, nextAt: turn });
    expect(runner.view().issuance?.failure).toBeNull();
    expect(world.calls).not.toContain('preflight');
    expect(world.orders).toHaveLength(0);
    await runner.until(turn + HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.calls.filter((call) => call === 'enter')).toHaveLength(2);
    expect(world.calls.filter((call) => call === 'leave')).toHaveLength(1);
  });

  scenario('waits out the writes of lives that died, one after the other, without resting longer each time', async (runner, world) => {
    const fences = Array.from({ length: 6 }, (_, index) => world.now + (index + 1) * MINUTE);
    world.failNext('present', ...fences.map((retryAt) => new PerennialError('dns_zone_busy', 'It may still take effect.', { retryable: true, retryAt })));
    await runner.until(world.now + 7 * MINUTE);
    expect(world.failures.get('present')).toEqual([]);
    expect(runner.view().state).toBe('live');
  });

  scenario('gives up no authorization that the CA has reused for the order that is open', async (runner, world) => {
    world.failNext('deactivate', new PerennialError('acme_server_error', 'Later.', { retryable: true, retryAt: world.now + 2 * HOUR }));
    await runner.until(world.now + HOUR);
    const reused = runner.state.live?.authorizations[0] ?? expect.fail('authorizations are given up when the certificate is served');
    const { length } = runner.state.live?.authorizations ?? [];
    world.visible = false;
    runner.wake('force');
    await runner.until(world.now + MINUTE);
    const { issuance } = runner.state;
    expect(issuance?.phase).toBe('propagate');
    if (issuance?.order == null) expect.fail('the order is open');
    runner.store.write({
      ...runner.state,
      issuance: { ...issuance, order: { ...issuance.order, authorizations: [reused, ...issuance.order.authorizations] } },
    });
    await runner.until(world.now + 3 * HOUR);
    expect(world.deactivated).not.toContain(reused);
    expect(world.deactivated).toHaveLength(length - 1);
  });

  scenario('lets somebody else start while it waits long for its next try', async (runner, world) => {
    world.failNext('preflight', new PerennialError('dns_caa_forbids', 'CAA does not name the CA.', { retryable: true, retryAt: world.now + HOUR }));
    await runner.until(world.now + 10 * MINUTE);
    expect(runner.view()).toMatchObject({ phase: 'order', issuance: { failure: { code: 'dns_caa_forbids' } } });
    expect(world.calls.filter((call) => call === 'enter' || call === 'leave')).toEqual(['enter', 'leave']);
    await runner.until(world.now + 2 * HOUR);
    expect(runner.view().state).toBe('live');
  });

  scenario('renews when a third of its life is left, with a new key, and forgets the old one', async (runner, world) => {
    await runner.until(world.now + HOUR);
    const first = world.served;
    const [firstIssuance] = world.keys.keys();
    await runner.until(world.now + 31 * DAY);
    expect(world.finalized).toBe(2);
    expect(world.served).not.toBe(first);
    expect([...world.keys.keys()]).not.toContain(firstIssuance);
    expect(world.keys.size).toBe(1);
  });

  scenario('adopts what the cluster serves when its own state is lost, and orders nothing', async (runner, world) => {
    await runner.until(world.now + HOUR);
    await runInDurableObject(env.CERTIFICATES.getByName('wiped'), async (_object, state) => {
      const again = new Runner(world, state.storage);
      await again.until(world.now + HOUR);
      expect(again.view().state).toBe('live');
      expect(again.view().live?.adopted).toBe(true);
      expect(world.orders).toHaveLength(1);
    });
  });

  scenario('does not adopt what those who are served it cannot trust: it is replaced at once, and said why', async (runner, world) => {
    await runner.until(world.now + HOUR);
    const former = world.served ?? '';
    world.untrusted.add(former);
    await runInDurableObject(env.CERTIFICATES.getByName('wiped-untrusted'), async (_object, state) => {
      const again = new Runner(world, state.storage);
      await again.until(world.now + HOUR);
      expect(again.view()).toMatchObject({ state: 'live', live: { adopted: false } });
      expect(world.served).not.toBe(former);
      expect(again.alerts()).toEqual(['not-adopted warning']);
      expect(again.events('not-adopted')[0]).toContain('10.0.0.1:443 serves it. It leads to no root that is trusted.');
    });
  });

  scenario('does not adopt what somebody has signed with its own key, whether it is served or not', async (runner, world) => {
    const chain = await world.selfSigned(spec.domains);
    world.variable = { chain, sha256: (await readChain(chain)).leaf.sha256, issuance: 'nobody', index: 1 };
    world.instances = 0;
    await runner.until(world.now + HOUR);
    expect(world.orders).toHaveLength(1);
    expect(runner.events('not-adopted')[0]).toContain('signed with its own key');
    world.instances = 1;
    await runner.until(world.now + HOUR);
    expect(runner.view()).toMatchObject({ state: 'live', live: { adopted: false, sha256: world.served } });
  });

  scenario('takes an adoption back when the first dial shows that it is not trusted, and never after one that was good', async (runner, world) => {
    await runner.until(world.now + HOUR);
    const former = world.served ?? '';
    await runInDurableObject(env.CERTIFICATES.getByName('wiped-unserved'), async (_object, state) => {
      world.instances = 0;
      const again = new Runner(world, state.storage);
      await again.until(world.now + HOUR);
      expect(again.view()).toMatchObject({ state: 'waiting', live: { adopted: true, sha256: former } });
      expect(world.orders).toHaveLength(1);
      world.untrusted.add(former);
      world.instances = 1;
      await again.until(world.now + 2 * HOUR);
      expect(again.view()).toMatchObject({ state: 'live', live: { adopted: false } });
      expect(world.orders).toHaveLength(2);
    });
    await runInDurableObject(env.CERTIFICATES.getByName('wiped-served'), async (_object, state) => {
      const again = new Runner(world, state.storage);
      await again.until(world.now + HOUR);
      expect(again.view()).toMatchObject({ state: 'live', live: { adopted: true } });
      world.untrusted.add(world.served ?? '');
      await again.until(world.now + 2 * DAY);
      expect(again.view()).toMatchObject({ state: 'needs-attention', live: { adopted: true } });
      expect(again.view().deliveries[0]?.failure).toMatchObject({
        message: expect.stringContaining('serves it, and yet: It leads to no root that is trusted.') as string,
        hint: expect.stringContaining('the whole chain') as string,
      });
      expect(world.orders).toHaveLength(2);
    });
  });

  scenario('does not order while the relay is away, says so, and goes on when it returns', async (runner, world) => {
    world.failNext('inspect', ...Array.from({ length: 3 }, () => new PerennialError('relay_offline', 'No relay.', { retryable: true, hint: 'Start it.' })));
    await runner.alarm();
    expect(runner.view()).toMatchObject({ state: 'failing', phase: 'adopt', reason: 'No relay. Start it.' });
    expect(runner.view().nextAt).toBeGreaterThan(world.now);
    expect(world.orders).toHaveLength(0);
    world.failures.clear();
    runner.wake('relay-connected');
    await runner.until(world.now + HOUR);
    expect(runner.view().state).toBe('live');
  });

  scenario('retries a failed delivery alone and never orders again', async (runner, world) => {
    world.failNext('install', ...Array.from({ length: 5 }, () => new PerennialError('nomad_unavailable', 'No leader.', { retryable: true })));
    await runner.until(world.now + 6 * HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.orders).toHaveLength(1);
  });

  scenario('waits for an instance instead of calling an unserved certificate live', async (runner, world) => {
    world.instances = 0;
    await runner.until(world.now + HOUR);
    expect(runner.view()).toMatchObject({ state: 'waiting', live: null });
    expect(runner.view().deliveries[0]?.state).toBe('waiting-for-instance');
    expect(world.txt.size).toBe(0);
    world.instances = 2;
    await runner.until(world.now + HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.orders).toHaveLength(1);
  });

  scenario('shows drift, leaves it alone, and puts its own pair back when a person says so', async (runner, world) => {
    await runner.until(world.now + HOUR);
    const ours = world.variable;
    world.variable = { chain: ours?.chain ?? '', sha256: 'f'.repeat(64), issuance: 'somebody', index: 99 };
    world.served = 'f'.repeat(64);
    runner.wake('served-changed');
    await runner.until(world.now + 6 * HOUR);
    expect(runner.view().deliveries[0]).toMatchObject({ state: 'drift' });
    expect(world.variable.sha256).toBe('f'.repeat(64));
    runner.wake('redeliver');
    await runner.until(world.now + HOUR);
    expect(world.served).toBe(ours?.sha256);
    expect(world.orders).toHaveLength(1);
  });

  scenario('says at once that what was served is served no more, and that somebody else wrote the variable', async (runner, world) => {
    await runner.until(world.now + HOUR);
    expect(runner.view().state).toBe('live');
    world.variable = { chain: world.variable?.chain ?? '', sha256: 'f'.repeat(64), issuance: 'somebody', index: 99 };
    world.served = 'f'.repeat(64);
    runner.wake('served-changed');
    await runner.alarm();
    expect(runner.view()).toMatchObject({ state: 'failing', deliveries: [{ state: 'drift', failure: { code: 'drift' } }] });
  });

  scenario('gives a refused validation a rest of 15 minutes, cleans up at once and places a new order', async (runner, world) => {
    await runner.alarm();
    world.txt.clear();
    const order = world.orders[0];
    if (order === undefined) throw new Error('no order');
    order.status = 'invalid';
    await runner.until(world.now + 5 * MINUTE);
    expect(runner.view().issuance?.failure).toMatchObject({ class: 'validation' });
    expect(world.txt.size).toBe(0);
    expect(world.orders).toHaveLength(1);
    await runner.until(world.now + HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.orders).toHaveLength(2);
    expect(world.finalized).toBe(1);
  });

  scenario('issues nothing and loses nothing while the configuration is invalid', async (runner, world) => {
    await runner.until(world.now + HOUR);
    runner.configuration = { valid: false, hash: 'x', problems: [] };
    world.now += 40 * DAY;
    runner.wake('force');
    await runner.alarm();
    expect(world.orders).toHaveLength(1);
    runner.configuration = valid;
    // Nobody is woken by a file that is right again and says what it said before.
    await runner.until(world.now + 15 * SECOND);
    expect(world.orders).toHaveLength(2);
  });

  scenario('looks after the live certificate while its renewal waits for the CA, and the renewal stays where it was', async (runner, world) => {
    await runner.until(world.now + HOUR);
    world.now += 31 * DAY;
    world.failNext('order', ...Array.from({ length: 8 }, () => new PerennialError('acme_overloaded', 'busy', { retryable: true })));
    await runner.until(world.now + 15 * MINUTE);
    world.calls.length = 0;
    runner.wake('served-changed');
    await runner.alarm();
    expect(world.calls).toContain('verify');
    expect(runner.view().phase).toBe('validate');
    await runner.until(world.now + 2 * DAY);
    expect(runner.view().state).toBe('live');
    expect(world.orders).toHaveLength(2);
  });

  scenario('orders anew when the relay has lost the key of a pair that was never installed', async (runner, world) => {
    world.failNext('install', new PerennialError('nomad_unavailable', 'No leader.', { retryable: true }));
    await runner.alarm();
    await runner.alarm();
    world.keys.clear();
    await runner.until(world.now + HOUR);
    // The guard: a relay that keeps losing keys must not cost an order each time.
    expect(world.orders).toHaveLength(1);
    await runner.until(world.now + 2 * DAY);
    expect(world.orders).toHaveLength(2);
    expect(runner.view().state).toBe('live');
    expect(runner.view().history.map((entry) => entry.outcome)).toEqual(['live', 'abandoned']);
  });

  scenario('publishes a second time after a refused attempt, and still leaves nothing behind', async (runner, world) => {
    world.refuseOrders = 1;
    await runner.until(world.now + 2 * HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.orders).toHaveLength(2);
    expect(world.txt.size).toBe(0);
  });

  scenario('goes on with a new order when the CA has forgotten the old one', async (runner, world) => {
    await runner.alarm();
    world.orders.length = 0;
    await runner.until(world.now + HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.finalized).toBe(1);
  });

  scenario('reads and answers many authorizations in bounded steps', async (runner, world) => {
    const domains = Array.from({ length: 34 }, (_, position) => `host${position}.example.net`);
    runner.store.receive({ name: spec.name, spec: { ...spec, domains }, generation: 2, retired: false });
    await runner.until(world.now + HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.finalized).toBe(1);
    expect(world.txt.size).toBe(0);
  });

  scenario('spends no order while DNS is not ready for it, says what to do, and goes on once that is done', async (runner, world) => {
    world.preflightRefusal = new PerennialError('dns_caa_forbids', 'The CAA record at example.net does not let ca.test issue.', {
      hint: 'At example.net, type CAA: Add 0 issue "ca.test".',
    });
    await runner.until(world.now + HOUR);
    expect(runner.view()).toMatchObject({
      state: 'failing',
      phase: 'order',
      reason: 'The CAA record at example.net does not let ca.test issue.',
      issuance: { failure: { class: 'dns', code: 'dns_caa_forbids', hint: 'At example.net, type CAA: Add 0 issue "ca.test".' } },
    });
    expect(world.orders).toHaveLength(0);
    expect(world.preflights.length).toBeLessThan(12);
    expect(world.preflights[0]).toEqual({
      domains: spec.domains,
      authority: { identities: ['ca.test'], accountUrl: 'https://ca.test/account/1' },
      vias: ['matrix'],
    });
    world.preflightRefusal = null;
    runner.wake('renew');
    await runner.until(world.now + HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.orders).toHaveLength(1);
  });

  scenario('looks at DNS once for each order, before it', async (runner, world) => {
    await runner.until(world.now + HOUR);
    expect(world.calls.filter((call) => call === 'preflight')).toHaveLength(1);
    expect(world.calls.indexOf('preflight')).toBeLessThan(world.calls.indexOf('newOrder'));
  });

  scenario('waits by alarm while a zone is being written, without placing its records again, and says so', async (runner, world) => {
    world.provider = 'namecheap';
    world.zoneTakesMs = 8 * SECOND;
    const started = world.now;
    await runner.alarm();
    expect(runner.view()).toMatchObject({
      state: 'renewing',
      phase: 'present',
      waitingFor: 'The zone example.net to be written and read back.',
      nextAt: started + 8 * SECOND,
    });
    expect(await runner.alarm()).toBe(started + 8 * SECOND);
    await runner.until(world.now + HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.calls.filter((call) => call === 'place')).toHaveLength(1);
    expect(world.calls.filter((call) => call === 'present')).toHaveLength(2);
    expect(world.orders).toHaveLength(1);
    expect(world.txt.size).toBe(0);
  });

  scenario('gives a slow vendor its time before the first look and between looks', async (runner, world) => {
    world.provider = 'namecheap';
    world.visible = false;
    const started = world.now;
    await runner.alarm();
    expect(runner.view()).toMatchObject({ phase: 'propagate', nextAt: started + 10 * SECOND });
    expect(world.calls).not.toContain('propagation');
    world.now = started + 10 * SECOND;
    expect(await runner.alarm()).toBe(started + 25 * SECOND);
    await runner.until(started + 59 * MINUTE);
    expect(runner.view().issuance?.failure).toBeNull();
    await runner.until(started + 62 * MINUTE);
    expect(runner.view().issuance?.failure).toMatchObject({ code: 'dns_propagation_timeout', message: expect.stringContaining('60 minutes') });
  });

  scenario('calls records that stay out of sight a failure of DNS, names the server, publishes again, and keeps the order', async (runner, world) => {
    world.visible = false;
    const started = world.now;
    await runner.until(started + 30 * MINUTE);
    expect(runner.view()).toMatchObject({
      state: 'failing',
      phase: 'propagate',
      issuance: {
        failure: {
          class: 'dns',
          code: 'dns_propagation_timeout',
          message: expect.stringMatching(/after 10 minutes: 3 of 4 authoritative servers; not yet: ns4\.test-dns\.example \(says that it does not exist\)\./),
        },
        propagation: { summary: '3 of 4 authoritative servers' },
      },
    });
    // Somebody has overwritten the zone meanwhile.
    world.txt.clear();
    world.visible = true;
    await runner.until(world.now + 2 * HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.orders).toHaveLength(1);
    expect(world.txt.size).toBe(0);
  });

  scenario('places a new order when the one it has expires while it waits for DNS', async (runner, world) => {
    world.visible = false;
    await runner.until(world.now + 25 * HOUR);
    expect(world.orders).toHaveLength(2);
    world.visible = true;
    await runner.until(world.now + 2 * HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.finalized).toBe(1);
    expect(world.txt.size).toBe(0);
  });

  scenario('places a new order when the one it has expires while a zone is being written', async (runner, world) => {
    world.provider = 'namecheap';
    world.zoneTakesMs = 90 * HOUR;
    await runner.until(world.now + 25 * HOUR);
    expect(world.orders).toHaveLength(2);
    expect(runner.view()).toMatchObject({ phase: 'present', issuance: { failure: null } });
    world.zoneTakesMs = 0;
    await runner.until(world.now + 2 * HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.finalized).toBe(1);
    expect(world.txt.size).toBe(0);
  });

  scenario('follows a CNAME that its writer met, and leaves nothing where it was going to write', async (runner, world) => {
    for (const name of spec.domains) world.aliases.set(`_acme-challenge.${name.replace('*.', '')}`, 'label.acme.example.net');
    const direct = new Map(world.aliases);
    // The CNAME appears between placing and writing.
    world.aliases.clear();
    world.failNext('present', new PerennialError('dns_name_is_alias', 'A CNAME stands there.', { retryable: true }));
    await runner.alarm();
    for (const [name, target] of direct) world.aliases.set(name, target);
    await runner.until(world.now + HOUR);
    expect(runner.view().state).toBe('live');
    expect(runner.view().zones).toMatchObject([{ zoneId: 'delegated' }]);
    expect(world.orders).toHaveLength(1);
    expect(world.txt.size).toBe(0);
  });

  scenario('confirms many names over several looks, without waiting between them', async (runner, world) => {
    const domains = Array.from({ length: 25 }, (_, position) => `host${position}.example.net`);
    runner.store.receive({ name: spec.name, spec: { ...spec, domains }, generation: 2, retired: false });
    world.namesPerLook = 10;
    const started = world.now;
    await runner.until(world.now + 2 * SECOND);
    expect(runner.view().issuance?.phases.map(({ name }) => name) ?? runner.view().history[0]?.phases.map(({ name }) => name)).toContain('validate');
    expect(world.calls.filter((call) => call === 'propagation')).toHaveLength(3);
    expect(world.now - started).toBeLessThan(5 * SECOND);
  });

  const paused = () =>
    new PerennialError('acme_paused', 'The CA has paused these names: see https://portal.ca.test/unpause?jwt=1.', { hint: 'Unpause them on that page.' });

  scenario('stops when the CA has paused it, says where to go, and tries at once when somebody renews it', async (runner, world) => {
    world.failNext('newOrder', paused(), paused());
    await runner.until(world.now + HOUR);
    expect(runner.view()).toMatchObject({
      state: 'needs-attention',
      nextAt: null,
      reason: expect.stringMatching(/https:\/\/portal\.ca\.test\/unpause\?jwt=1\. Nothing is tried any more by itself: renew it/),
      issuance: { failure: { class: 'paused', hint: 'Unpause them on that page.', stopped: true, retryAt: null } },
    });
    expect(runner.alerts()).toEqual(['needs-attention warning']);
    for (let days = 0; days < 60; days += 1) {
      world.now += DAY;
      runner.wake('sweep');
      runner.wake('relay-connected');
      expect(await runner.alarm()).toBeNull();
    }
    expect(world.calls.filter((call) => call === 'newOrder')).toHaveLength(1);
    runner.wake('renew');
    await runner.until(world.now + HOUR);
    expect(world.calls.filter((call) => call === 'newOrder')).toHaveLength(2);
    expect(runner.view()).toMatchObject({ state: 'needs-attention', nextAt: null });
    runner.wake('renew');
    await runner.until(world.now + SECOND);
    expect(runner.view().live).not.toBeNull();
    expect(world.orders).toHaveLength(1);
  });

  scenario('that has stopped gives way to a changed specification at once', async (runner, world) => {
    world.failNext('finalize', ...Array.from({ length: 4 }, () => new PerennialError('acme_bad_csr', 'The key is too weak.')));
    await runner.until(world.now + 10 * DAY);
    expect(runner.view()).toMatchObject({ state: 'needs-attention', issuance: { failure: { class: 'permanent', stopped: true } } });
    expect(world.txt.size).toBe(0);
    runner.store.receive({ name: spec.name, spec: { ...spec, keyType: 'ec-p384' }, generation: 2, retired: false });
    await runner.until(world.now + MINUTE);
    expect(runner.view()).toMatchObject({ state: 'live', history: [{ outcome: 'live' }, { outcome: 'failed', message: 'The key is too weak.' }] });
    expect(world.finalized).toBe(1);
  });

  scenario('rests longer after each refused validation, over its orders, and asks for a person after the third', async (runner, world) => {
    world.refuseOrders = 4;
    const started = world.now;
    await runner.until(started + 12 * MINUTE);
    expect(world.orders).toHaveLength(1);
    await runner.until(started + HOUR);
    expect(world.orders).toHaveLength(2);
    expect(runner.view().state).toBe('failing');
    await runner.until(started + 2 * HOUR);
    expect(world.orders).toHaveLength(3);
    expect(runner.view()).toMatchObject({ state: 'needs-attention', issuance: { failure: { class: 'validation', attention: true, stopped: false } } });
    await runner.until(started + 12 * HOUR);
    expect(world.orders).toHaveLength(4);
    await runner.until(started + 2 * DAY);
    expect(runner.view().state).toBe('live');
    expect(world.orders).toHaveLength(5);
    expect(world.txt.size).toBe(0);
  });

  scenario('asks the CA that issued for its window, and orders inside it', async (runner, world) => {
    const start = world.now + 29 * DAY;
    world.suggestion = { start, end: start + 3 * HOUR, explanationUrl: null, retryAt: 0 };
    runner.store.receive({ name: spec.name, spec: { ...spec, authorities: ['pebble', 'another'] }, generation: 2, retired: false });
    await runner.until(world.now + HOUR);
    runner.store.receive({ name: spec.name, spec: { ...spec, authorities: ['another', 'pebble'] }, generation: 3, retired: false });
    await runner.until(world.now + 2 * HOUR);
    expect(new Set(world.askedAbout.map(({ authority }) => authority))).toEqual(new Set(['pebble']));
    world.suggestion = { ...world.suggestion, retryAt: start };
    await runner.until(start + 4 * HOUR);
    expect(world.orders).toHaveLength(2);
    expect(runner.view().history[0]?.startedAt).toBe(start);
    expect(runner.alerts()).toEqual([]);
  });

  scenario('asks the configured CAs in turn about a certificate that it adopted', async (runner, world) => {
    await runner.until(world.now + MINUTE);
    await runInDurableObject(env.CERTIFICATES.getByName('adopted-ari'), async (_object, state) => {
      const again = new Runner(world, state.storage);
      again.store.receive({ name: spec.name, spec: { ...spec, authorities: ['first', 'second'] }, generation: 2, retired: false });
      world.askedAbout.length = 0;
      world.suggestion = { start: world.now + 29 * DAY, end: world.now + 30 * DAY, explanationUrl: null, retryAt: 0 };
      // Whose it is not says that it does not know it, and never gets as far as an answer.
      world.failNext('renewalInfo', new PerennialError('acme_reply_malformed', 'Not found.'));
      await again.until(world.now + 7 * HOUR);
      expect(again.view().live?.authority).toBeNull();
      expect(world.askedAbout[0]?.authority).toBe('second');
      expect(again.view().ari).toMatchObject({ failures: 0, end: world.suggestion.end });
    });
  });

  scenario('replaces at once what the CA has an incident with, and alerts once, however often the window moves', async (runner, world) => {
    const started = world.now;
    const later = { start: started + 29 * DAY, end: started + 30 * DAY, explanationUrl: null, retryAt: 0 };
    world.suggestion = later;
    await runner.until(started + HOUR);
    const moved = () => ({ ...later, start: world.now - HOUR, end: world.now - HOUR / 2, explanationUrl: 'https://ca.test/incident', retryAt: 0 });
    world.suggestion = moved();
    await runner.until(world.now + MINUTE);
    const guard = runner.state.record.guardedUntil;
    // The loop guard: 2 % of the lifetime.
    expect(guard).toBeGreaterThan(started + 21 * HOUR);
    world.suggestion = moved();
    await runner.until(world.now + HOUR);
    expect(runner.view().ari).toMatchObject({ explanationUrl: 'https://ca.test/incident' });
    expect(world.orders).toHaveLength(1);
    expect(runner.alerts()).toEqual(['ari-incident critical']);
    world.suggestion = { ...later, start: started + 58 * DAY, end: started + 59 * DAY };
    // Not asked any more: the window that it has is enough.
    world.failNext('renewalInfo', ...Array.from({ length: 50 }, () => new PerennialError('acme_overloaded', 'busy', { retryable: true })));
    await runner.until(guard + MINUTE);
    expect(world.orders).toHaveLength(2);
    expect(runner.view().history[0]?.startedAt).toBe(guard);
    expect(runner.alerts()).toEqual(['ari-incident critical']);
  });

  scenario('replaces with the next question what has an incident long after it was issued', async (runner, world) => {
    const started = world.now;
    const retryAt = started + 90 * DAY;
    world.suggestion = { start: started + 29 * DAY, end: started + 30 * DAY, explanationUrl: null, retryAt };
    await runner.until(started + 10 * DAY);
    expect(world.orders).toHaveLength(1);
    world.suggestion = { start: world.now - HOUR, end: world.now - HOUR / 2, explanationUrl: null, retryAt };
    const asked = runner.view().ari?.nextCheckAt ?? 0;
    await runner.until(asked + HOUR);
    expect(runner.view().history[0]).toMatchObject({ startedAt: asked, outcome: 'live' });
    expect(runner.alerts()[0]).toBe('ari-incident critical');
  });

  scenario('says once that the CA explains its window', async (runner, world) => {
    const start = world.now + 29 * DAY;
    world.suggestion = { start, end: start + DAY, explanationUrl: null, retryAt: 0 };
    await runner.until(world.now + HOUR);
    world.suggestion = { ...world.suggestion, explanationUrl: 'https://ca.test/why' };
    await runner.until(world.now + HOUR);
    expect(runner.alerts()).toEqual(['ari-explained warning']);
  });

  scenario('renews by its backstop when ARI is dead, and asks less and less', async (runner, world) => {
    world.failNext('renewalInfo', ...Array.from({ length: 5_000 }, () => new PerennialError('acme_timeout', 'No answer.', { retryable: true })));
    const started = world.now;
    await runner.until(started + HOUR);
    // After 1, 2, 4, 8, 16 and 32 minutes.
    expect(world.calls.filter((call) => call === 'renewalInfo')).toHaveLength(6);
    expect(runner.view().ari?.failures).toBe(6);
    await runner.until(started + 31 * DAY);
    expect(world.orders).toHaveLength(2);
    expect(world.calls.filter((call) => call === 'renewalInfo').length).toBeLessThan(200);
    expect(runner.alerts()).toEqual([]);
  });

  scenario('asks again after six hours when what the CA says is no ARI', async (runner, world) => {
    world.failNext('renewalInfo', new PerennialError('acme_reply_malformed', 'The window ends before it starts.'));
    const started = world.now;
    await runner.until(started + HOUR);
    expect((runner.view().ari?.nextCheckAt ?? 0) - started).toBeGreaterThanOrEqual(6 * HOUR);
    expect((runner.view().ari?.nextCheckAt ?? 0) - started).toBeLessThan(6.1 * HOUR);
    expect(runner.view().state).toBe('live');
  });

  scenario('gives a renewal that was slept through a moment of its own, and a person no wait', async (runner, world) => {
    await runner.until(world.now + HOUR);
    world.now += 33 * DAY;
    runner.wake('sweep');
    const next = (await runner.alarm()) ?? 0;
    expect(world.orders).toHaveLength(1);
    expect(next).toBeGreaterThan(world.now);
    expect(next).toBeLessThanOrEqual(world.now + 15 * MINUTE);
    expect(runner.view().nextAt).toBe(next);
    // Being woken again does not move it.
    world.now += SECOND;
    runner.wake('sweep');
    expect(await runner.alarm()).toBe(next);
    runner.wake('renew');
    await runner.alarm();
    expect(world.orders).toHaveLength(2);
  });

  scenario('is held back after a failure that says so, until its time or a person', async (runner, world) => {
    const hold = {
      class: 'traefik' as const,
      code: 'rolled_back',
      message: 'The new pair was not served.',
      hint: 'Look at the proxy.',
      count: 1,
      stopped: false,
    };
    await runner.until(world.now + HOUR);
    const due = runner.view().renewal?.at ?? 0;
    const held = { ...hold, retryAt: due + 2 * DAY, attention: true };
    runner.store.write({ ...runner.state, record: { ...runner.state.record, hold: held } });
    expect(runner.view()).toMatchObject({
      state: 'needs-attention',
      reason: 'The new pair was not served. Look at the proxy.',
      renewal: { at: due + 2 * DAY },
    });
    await runner.until(due + DAY);
    expect(world.orders).toHaveLength(1);
    world.now = due + DAY;
    runner.wake('renew');
    await runner.until(world.now + SECOND);
    expect(world.orders).toHaveLength(2);
    await runner.until(world.now + HOUR);
    expect(runner.view()).toMatchObject({ state: 'live' });
    expect(runner.state.record.hold).toBeNull();
  });

  scenario('is retired without touching the variable, and its records go', async (runner, world) => {
    world.failNext('propagation', ...Array.from({ length: 50 }, () => new PerennialError('dns_unavailable', 'Down.', { retryable: true })));
    await runner.alarm();
    expect(world.txt.size).toBe(2);
    runner.store.receive({ name: spec.name, spec: null, generation: 2, retired: true });
    await runner.until(world.now + HOUR);
    expect(world.txt.size).toBe(0);
    expect(runner.view().state).toBe('retired');
    expect(await runner.alarm()).toBeNull();
    expect(world.keys.size).toBe(0);
  });

  scenario('replaces a certificate whose names changed, and serves the old one until then', async (runner, world) => {
    await runner.until(world.now + HOUR);
    const before = world.served;
    runner.store.receive({ name: spec.name, spec: { ...spec, domains: [...spec.domains, 'chat.example.net'] }, generation: 2, retired: false });
    world.failNext('finalize', new PerennialError('acme_server_internal', 'busy', { retryable: true }));
    await runner.alarm();
    expect(world.variable?.sha256).toBe(before);
    await runner.until(world.now + 3 * HOUR);
    expect(runner.view().live?.names).toContain('chat.example.net');
  });
});

const VENDORS: [string, (world: World) => void][] = [
  ['a vendor that is quick', () => undefined],
  [
    'a vendor whose zone takes its time',
    (world) => {
      world.provider = 'namecheap';
      world.zoneTakesMs = 8 * SECOND;
    },
  ],
];

describe('a reply that somebody else gave in the place of the CA', () => {
  scenario('tells the CA again about a challenge that it never heard of, although a reply came', async (runner, world) => {
    world.swallowedAnswers = 1;
    await runner.until(world.now + HOUR);
    expect(runner.view().state).toBe('live');
    expect(world.orders).toHaveLength(1);
  });
});

describe.each(VENDORS)('killed at any call, before or after its effect, with %s', (vendor, prepare) => {
  for (const side of ['before', 'after'] as const) {
    scenario(`converges ${side} the effect with at most one finalized order and nothing left in DNS`, async (runner, world) => {
      prepare(world);
      await runner.until(world.now + HOUR);
      const total = world.calls.length;
      expect(total).toBeGreaterThan(12);
      for (let position = 0; position < total; position += 1) {
        await runInDurableObject(env.CERTIFICATES.getByName(`killed-${vendor}-${side}-${position}`), async (_object, state) => {
          const mortal = new World();
          prepare(mortal);
          const again = new Runner(mortal, state.storage);
          mortal.fuse = { calls: position, side };
          await again.until(mortal.now + 2 * HOUR);
          const at = `killed ${side} call ${position} (${mortal.calls[position]})`;
          expect(again.view().state, at).toBe('live');
          expect(mortal.finalized, at).toBe(1);
          expect(mortal.orders.length, at).toBeLessThanOrEqual(2);
          expect(mortal.txt.size, at).toBe(0);
          expect(mortal.served, at).toBe(again.view().live?.sha256);
        });
      }
    });
  }
});
