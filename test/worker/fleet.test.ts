import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import type { CertificateReport, CertificateView } from '../../functions/certificates/ports.ts';
import { configurationSchema, type Configuration } from '../../functions/config/configuration.ts';
import { Fleet } from '../../functions/fleet/fleet.ts';
import type { CertificatesPort, RecordsPort } from '../../functions/fleet/ports.ts';
import type { ZoneReport } from '../../functions/dns/zone-report.ts';
import { STRAGGLER_MS } from '../../functions/fleet/promotion.ts';
import { Registry } from '../../functions/fleet/registry.ts';
import { BUNDLE_KEEP_MS } from '../../functions/fleet/relay-bundles.ts';
import { SWEEP_LIMIT } from '../../functions/fleet/sweep.ts';
import { PerennialError } from '../../shared/errors.ts';
import { DAY, HOUR, MINUTE } from '../../shared/clock.ts';
import oldDatabase from './fixtures/fleet-database-1.sql?raw';

const START = Date.parse('2026-11-21T00:00:00Z');

function configuration(names: string[], variable = (name: string) => `certificates/${name}`): Configuration {
  return configurationSchema.parse({
    authorities: [{ name: 'ca', directory: 'https://ca.example.net/directory', contact: [], egress: 'auto', externalAccount: null }],
    dns: [{ name: 'main', provider: 'cloudflare', token: 'secret:t', endpoint: null, zoneId: null }],
    clusters: [{ name: 'main', keys: [{ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', kid: 'r' }] }],
    certificates: names.map((name) => ({
      name,
      domains: [`${variable(name).split('/')[1]}.example.net`],
      keyType: 'ec-p256',
      authorities: ['ca'],
      profile: null,
      preferredChain: null,
      reuseKey: false,
      deliveries: [
        {
          id: `main/default/${variable(name)}`,
          cluster: 'main',
          target: { variable: variable(name) },
          service: 'traefik',
          probes: [],
          reload: 'watch',
          blind: false,
          rollback: false,
        },
      ],
    })),
    resolvers: [
      { name: 'a', url: 'https://a.example.net' },
      { name: 'b', url: 'https://b.example.net' },
    ],
    webhooks: [],
    secrets: { store: 'sealed' },
  });
}

function view(name: string, more: Partial<CertificateView> = {}): CertificateView {
  return {
    name,
    domains: [`${name}.example.net`],
    state: 'live',
    phase: 'idle',
    reason: 'It is live.',
    waitingFor: null,
    nextAt: null,
    renewal: { at: START + HOUR, reason: 'ARI' },
    ari: null,
    live: null,
    issuance: null,
    deliveries: [],
    hold: null,
    quarantined: [],
    revocation: null,
    history: [],
    zones: [],
    generation: 1,
    ...more,
  };
}

const report = (name: string, sequence: number, more: Partial<CertificateView> = {}, events: CertificateReport['events'] = []): CertificateReport => ({
  name,
  sequence,
  at: START + sequence,
  view: view(name, more),
  events,
});

interface World {
  fleet: Fleet;
  /** `apply a 1`, `wake a renew`, … in order; `declare a.example.net 1` for declared records. */
  calls: string[];
  /** Generation that whoever keeps declared records knows. */
  recordsKnow: { generation: number };
  /** Names whose objects cannot be reached. */
  broken: Set<string>;
  storage: DurableObjectStorage;
  advance: (ms: number) => void;
  /** The same storage in a new instance, as after an eviction. */
  restart: () => Fleet;
}

/** A fleet over the storage of a real object, with a recording port in place of the certificates. */
async function inFleet(object: string, work: (world: World) => Promise<void>): Promise<void> {
  await runInDurableObject(env.FLEET.getByName(object), async (_object, { storage }) => {
    let now = START;
    const calls: string[] = [];
    const broken = new Set<string>();
    const call = async (name: string, text: string) => {
      if (broken.has(name)) throw new PerennialError('internal', 'unreachable');
      calls.push(text);
    };
    const certificates: CertificatesPort = {
      apply: (name, _spec, generation) => call(name, `apply ${name} ${generation}`),
      retire: (name, generation) => call(name, `retire ${name} ${generation}`),
      wake: (name, reason) => call(name, `wake ${name} ${reason}`),
    };
    const recordsKnow = { generation: 0 };
    const records: RecordsPort = {
      async declare(configuration, generation) {
        await call('records', ['declare', ...configuration.records.map((record) => record.name), generation].join(' '));
        recordsKnow.generation = Math.max(recordsKnow.generation, generation);
        return recordsKnow.generation;
      },
    };
    const restart = () => new Fleet({ storage, certificates, records, clock: () => now });
    try {
      await work({ fleet: restart(), calls, recordsKnow, broken, storage, advance: (ms) => (now += ms), restart });
    } finally {
      await storage.deleteAlarm();
    }
  });
}

describe('promotion', () => {
  it('hands out specifications, retires what is gone and adopts what was renamed', async () => {
    await inFleet('promotion', async ({ fleet, calls }) => {
      expect(await fleet.promote('h1', configuration(['a', 'b', 'c']))).toEqual({ decision: 'promote' });
      await fleet.alarm();
      expect(calls.sort()).toEqual(['apply a 1', 'apply b 1', 'apply c 1']);
      calls.length = 0;
      await fleet.promote(
        'h2',
        configuration(['a', 'renamed'], (name) => `certificates/${name === 'renamed' ? 'b' : name}`),
      );
      await fleet.alarm();
      expect(calls.sort()).toEqual(['apply renamed 2', 'retire b 2', 'retire c 2']);
      expect(fleet.list({ page: 1, size: 10, query: '' }).rows.map(({ name, state }) => [name, state])).toEqual([
        ['a', 'new'],
        ['renamed', 'new'],
        ['c', 'retired'],
      ]);
      expect(fleet.status({ events: 5, upcoming: 5 })).toMatchObject({
        configuration: { generation: 2, hash: 'h2' },
        pending: 0,
        tally: { new: 2, retired: 1 },
      });
    });
  });

  it('is not undone by an old bundle during a deploy, and is by a roll-back', async () => {
    await inFleet('straggler', async ({ fleet, advance }) => {
      await fleet.promote('old', configuration(['a']));
      await fleet.promote('new', configuration(['a', 'b']));
      expect((await fleet.promote('old', configuration(['a']))).decision).toBe('superseded');
      expect(fleet.offer('new')).toEqual({ decision: 'in-force' });
      advance(STRAGGLER_MS - 1);
      expect(fleet.offer('old').decision).toBe('superseded');
      advance(1);
      expect(await fleet.promote('old', configuration(['a']))).toEqual({ decision: 'promote' });
      expect(fleet.configurationInForce()?.certificates.map(({ name }) => name)).toEqual(['a']);
    });
  });

  it('goes out in slices, retries who cannot be reached, and survives a restart between any two', async () => {
    await inFleet('slices', async ({ fleet, calls, broken, restart, storage, advance }) => {
      const names = Array.from({ length: 250 }, (_, index) => `c${index}`);
      broken.add('c7');
      await fleet.promote('h', configuration(names));
      expect(await storage.getAlarm()).not.toBeNull();
      const setAlarm = vi.spyOn(storage, 'setAlarm');
      await fleet.alarm();
      expect(calls).toHaveLength(99);
      // Twenty a second: their relay is asked by each of them.
      expect(setAlarm).toHaveBeenLastCalledWith(START + 5_000);
      setAlarm.mockRestore();
      await restart().alarm();
      await restart().alarm();
      expect(calls).toHaveLength(249);
      broken.clear();
      await restart().alarm();
      expect(calls).toHaveLength(249);
      advance(MINUTE);
      await restart().alarm();
      expect(new Set(calls).size).toBe(250);
      expect(restart().status({ events: 1, upcoming: 1 }).pending).toBe(0);
    });
  });

  it('sends the newest generation alone when one overtakes another', async () => {
    await inFleet('overtaken', async ({ fleet, calls }) => {
      await fleet.promote('h1', configuration(['a']));
      await fleet.promote('h2', configuration([]));
      await fleet.alarm();
      expect(calls).toEqual(['retire a 2']);
    });
  });

  it('goes out again above every number that certificates know, when the fleet has lost its state', async () => {
    await inFleet('lost', async ({ fleet, calls }) => {
      await fleet.promote('h', configuration(['a', 'b']));
      await fleet.alarm();
      calls.length = 0;
      await fleet.report(report('a', 1, { generation: 7 }));
      await fleet.report(report('b', 1, { generation: 7 }));
      await fleet.alarm();
      expect(calls.sort()).toEqual(['apply a 8', 'apply b 8']);
      expect(fleet.offer('h')).toEqual({ decision: 'in-force' });
    });
  });

  it('refuses a configuration that does not fit the schema, and keeps the last good one', async () => {
    await inFleet('invalid', async ({ fleet }) => {
      await fleet.promote('h1', configuration(['a']));
      await expect(fleet.promote('h2', { ...configuration(['b']), dns: [] })).rejects.toThrow();
      expect(fleet.status({ events: 1, upcoming: 1 }).configuration?.hash).toBe('h1');
      expect(fleet.configurationInForce()?.certificates[0]?.name).toBe('a');
    });
  });
});

describe('reports', () => {
  it('are taken once, in any order, and one of a certificate that starts anew is taken too', async () => {
    await inFleet('reports', async ({ fleet }) => {
      const event = [
        { sequence: 1, at: START, kind: 'order', message: 'ordered' },
        { sequence: 2, at: START, kind: 'ari-incident', message: 'now', severity: 'critical' as const },
      ];
      await fleet.report(report('a', 5, { reason: 'five' }, event));
      await fleet.report(report('a', 5, { reason: 'again' }, event));
      await fleet.report(report('a', 4, { reason: 'four' }));
      expect(fleet.certificate('a')?.reason).toBe('five');
      expect(fleet.status({ events: 10, upcoming: 1 }).events.map(({ kind, severity }) => [kind, severity])).toEqual([
        ['ari-incident', 'critical'],
        ['order', 'info'],
      ]);
      await fleet.report({ ...report('a', 1, { reason: 'anew' }), at: START + HOUR });
      expect(fleet.certificate('a')?.reason).toBe('anew');
    });
  });

  it('bring an event once, also after it has left the log', async () => {
    await inFleet('reports-once', async ({ fleet, restart }) => {
      await fleet.promote('h1', configuration(['a', 'b']));
      const event = (sequence: number, kind: string) => ({ sequence, at: START + sequence, kind, message: 'Something.' });
      await fleet.report(report('a', 1, {}, [event(1, 'early'), event(2, 'early')]));
      // So many of another certificate that those of the first have left the log.
      for (let round = 0; round < 3; round += 1) {
        const events = Array.from({ length: 1_000 }, (_, index) => event(round * 1_000 + index + 1, 'late'));
        await fleet.report(report('b', round + 1, {}, events));
      }
      const kinds = () =>
        restart()
          .status({ events: 3_000, upcoming: 0 })
          .events.map(({ certificate, kind }) => `${certificate} ${kind}`);
      expect(kinds()).not.toContain('a early');
      await fleet.report(report('a', 2, {}, [event(1, 'early'), event(2, 'early'), event(3, 'news')]));
      expect(kinds().filter((line) => line.startsWith('a '))).toEqual(['a news']);
    });
  });

  it('write as few rows as change: a step of an issuance three, a repeated report none', async () => {
    await inFleet('reports-rows', async ({ fleet, storage }) => {
      await fleet.promote('h1', configuration(['a']));
      const written = async (work: () => Promise<void>): Promise<number> => {
        let rows = 0;
        const execute = storage.sql.exec.bind(storage.sql);
        const cursors: { rowsWritten: number }[] = [];
        Object.defineProperty(storage.sql, 'exec', {
          configurable: true,
          value: (...input: Parameters<typeof execute>) => {
            const cursor = execute(...input);
            cursors.push(cursor);
            return cursor;
          },
        });
        await work();
        Object.defineProperty(storage.sql, 'exec', { configurable: true, value: execute });
        for (const cursor of cursors) rows += cursor.rowsWritten;
        return rows;
      };
      const renewing = { state: 'renewing', phase: 'propagate', nextAt: START + 1_000 } as const;
      await fleet.report(report('a', 1, renewing));
      // The row, the time that is shown in lists with its index, the view.
      expect(await written(() => fleet.report(report('a', 2, { ...renewing, nextAt: START + 2_000 })))).toBe(3);
      expect(await written(() => fleet.report(report('a', 2, { ...renewing, nextAt: START + 2_000 })))).toBe(0);
    });
  });

  it('are refused when they are no reports', async () => {
    await inFleet('malformed', async ({ fleet }) => {
      const malformed = { ...report('a', 1), view: { ...view('a'), state: 'splendid' } };
      await expect(fleet.report(malformed as unknown as CertificateReport)).rejects.toThrow();
      expect(fleet.certificate('a')).toBeNull();
    });
  });

  it('keep counts, the order of who needs somebody, and search', async () => {
    await inFleet('order', async ({ fleet }) => {
      await fleet.promote('h', configuration(['a', 'b', 'c', 'd']));
      await fleet.report(report('a', 1));
      await fleet.report(report('b', 1, { state: 'failing' }));
      await fleet.report(report('c', 1, { state: 'renewing', phase: 'order', nextAt: START + 1 }));
      const { rows, total } = fleet.list({ page: 1, size: 2, query: '' });
      expect([rows.map(({ name }) => name), total]).toEqual([['b', 'c'], 4]);
      expect(fleet.page({ page: 2, size: 2, query: '' }).views.map(({ name }) => name)).toEqual(['d', 'a']);
      expect(fleet.list({ page: 1, size: 9, query: 'B.exam' })).toMatchObject({ total: 1, rows: [{ name: 'b' }] });
      expect(fleet.list({ page: 1, size: 9, query: '%' }).total).toBe(0);
      expect(fleet.status({ events: 1, upcoming: 2 })).toMatchObject({
        tally: { live: 1, failing: 1, renewing: 1, new: 1 },
        upcoming: [{ name: 'c' }, { name: 'a' }],
      });
      await fleet.report(report('b', 2));
      expect(fleet.status({ events: 1, upcoming: 1 }).tally).toMatchObject({ live: 2, failing: 0 });
    });
  });

  it('list 10,000 certificates page by page, reading the rows of one page', async () => {
    await inFleet('many', async ({ fleet, storage }) => {
      await fleet.promote('h', configuration(Array.from({ length: 10_000 }, (_, index) => `c${String(index).padStart(5, '0')}`)));
      const { rows, total } = fleet.list({ page: 3, size: 50, query: '' });
      expect([total, rows[0]?.name, rows.length]).toEqual([10_000, 'c00100', 50]);
      expect(fleet.page({ page: 1, size: 50, query: '' }).views).toHaveLength(50);
      const cursor = storage.sql.exec('SELECT name FROM registry WHERE shown = 1 ORDER BY rank, name LIMIT 50 OFFSET 100');
      cursor.toArray();
      expect(cursor.rowsRead).toBeLessThan(400);
    });
  });
});

describe('the sweep', () => {
  it('wakes the overdue and the untouched, and takes turns', async () => {
    await inFleet('sweep', async ({ fleet, calls, broken, advance }) => {
      await fleet.promote('h', configuration(Array.from({ length: 700 }, (_, index) => `c${index}`)));
      await fleet.report({ ...report('c699', 1, { nextAt: START - HOUR }), at: START - 2 * HOUR });
      broken.add('c3');
      expect(await fleet.sweep()).toEqual({ woken: 499, failed: 1 });
      expect(calls).toContain('wake c699 sweep');
      advance(HOUR);
      await fleet.sweep();
      expect(new Set(calls).size).toBe(699);
    });
  });

  const FLEETS: [string, (position: number) => Partial<CertificateView>][] = [
    ['none of which is due', () => ({ nextAt: START + 400 * DAY })],
    ['all of which are overdue: the Worker was away', (position) => ({ nextAt: START - DAY - position })],
    ['many of which are stuck for good', (position) => ({ nextAt: position < 1_200 ? START - 30 * DAY : START + 400 * DAY })],
    ['with nothing planned', () => ({ nextAt: null })],
  ];
  it.each(FLEETS)('visits 10,000 certificates within 20 runs of at most 500 calls, %s', async (what, more) => {
    await inFleet(`sweep of 10,000, ${what}`, async ({ fleet, calls, storage, advance }) => {
      const names = Array.from({ length: 10_000 }, (_, position) => `c${position}`);
      const registry = new Registry(storage);
      for (const [position, name] of names.entries()) registry.take({ ...report(name, 1, more(position)), at: START - DAY });
      for (let sweeps = 0; sweeps < 20; sweeps += 1) {
        const before = calls.length;
        expect(await fleet.sweep()).toEqual({ woken: 500, failed: 0 });
        // Everything that the run calls outside its own storage. The platform allows 1,000 to other objects.
        expect(calls.length - before).toBeLessThanOrEqual(SWEEP_LIMIT);
        advance(HOUR);
      }
      expect(new Set(calls).size).toBe(10_000);
    });
  });

  it('tries those again whom it could not reach, each once, and goes on with the others', async () => {
    await inFleet('sweep of the unreachable', async ({ fleet, calls, broken, advance }) => {
      await fleet.promote('h', configuration(Array.from({ length: 1_100 }, (_, position) => `c${position}`)));
      for (let slices = 0; slices < 12; slices += 1) await fleet.alarm();
      calls.length = 0;
      for (let position = 0; position < 600; position += 1) broken.add(`c${position}`);
      for (let sweeps = 0; sweeps < 4; sweeps += 1) {
        await fleet.sweep();
        advance(HOUR);
      }
      expect(new Set(calls).size).toBe(500);
      expect(fleet.status({ events: 1, upcoming: 1 }).pending).toBe(600);
      broken.clear();
      for (let slices = 0; slices < 7; slices += 1) await fleet.alarm();
      expect(new Set(calls).size).toBe(1_100);
    });
  });
});

describe('requests from outside', () => {
  const ask = (more: object = {}) => ({
    caller: 'webhook:deploy',
    action: 'renew' as const,
    certificates: ['a'],
    coolDownMs: HOUR,
    replay: null,
    idempotency: null,
    ...more,
  });
  const code = async (work: Promise<unknown>) =>
    work.then(
      () => 'accepted',
      (thrown: unknown) => (thrown instanceof PerennialError ? thrown.code : 'other'),
    );

  it('wake their certificates, and are followed by an id until they are done', async () => {
    await inFleet('operation', async ({ fleet, calls, advance }) => {
      await fleet.promote('h', configuration(['a']));
      await fleet.alarm();
      calls.length = 0;
      advance(10);
      const { operation } = await fleet.act(ask());
      expect(calls).toEqual(['wake a renew']);
      expect(operation.id).toMatch(/^[0-9a-f-]{36}$/);
      expect(fleet.operation(operation.id)).toMatchObject({ done: false, progress: [{ certificate: 'a', status: 'accepted' }] });
      await fleet.report(report('a', 50));
      expect(fleet.operation(operation.id)).toMatchObject({ done: true, progress: [{ certificate: 'a', status: 'done' }] });
      expect(fleet.operation('another')).toBeNull();
    });
  });

  it('are accepted once per message id and caller', async () => {
    await inFleet('replay', async ({ fleet, advance }) => {
      await fleet.promote('h', configuration(['a']));
      const replay = { id: 'msg_1', expiresAt: START + HOUR };
      expect(await code(fleet.act(ask({ replay })))).toBe('accepted');
      expect(await code(fleet.act(ask({ replay })))).toBe('webhook_replayed');
      expect(await code(fleet.act(ask({ replay, caller: 'webhook:other' })))).toBe('accepted');
      advance(2 * HOUR);
      await fleet.alarm();
      expect(await code(fleet.act(ask({ replay: { id: 'msg_1', expiresAt: START + 9 * HOUR } })))).toBe('accepted');
    });
  });

  it('are answered alike for the same Idempotency-Key, also when the message id repeats, and refused for another body', async () => {
    await inFleet('idempotency', async ({ fleet, calls }) => {
      await fleet.promote('h', configuration(['a', 'b']));
      await fleet.alarm();
      const same = ask({ idempotency: { key: 'k', request: 'r1' }, replay: { id: 'm', expiresAt: START + HOUR } });
      const first = await fleet.act(same);
      const wakes = calls.length;
      const second = await fleet.act(same);
      expect(second).toEqual({ operation: first.operation, repeated: true });
      expect(calls).toHaveLength(wakes);
      expect(await code(fleet.act(ask({ idempotency: { key: 'k', request: 'r2' } })))).toBe('idempotency_mismatch');
    });
  });

  it('may force each certificate once per cool-down, all of a request or none', async () => {
    await inFleet('force', async ({ fleet, calls, advance }) => {
      await fleet.promote('h', configuration(['a', 'b']));
      await fleet.alarm();
      calls.length = 0;
      expect(await code(fleet.act(ask({ action: 'force' })))).toBe('accepted');
      await expect(fleet.act(ask({ action: 'force', certificates: ['b', 'a'] }))).rejects.toMatchObject({ code: 'force_cooling_down', retryAt: START + HOUR });
      expect(calls).toEqual(['wake a force']);
      expect(await code(fleet.act(ask()))).toBe('accepted');
      advance(HOUR);
      expect(await code(fleet.act(ask({ action: 'force', certificates: ['b', 'a'] })))).toBe('accepted');
    });
  });

  it('are kept when their certificate cannot be reached just now, and refused when there is none', async () => {
    await inFleet('unreachable', async ({ fleet, calls, broken, advance }) => {
      await fleet.promote('h', configuration(['a']));
      await fleet.alarm();
      broken.add('a');
      expect(await code(fleet.act(ask()))).toBe('accepted');
      broken.clear();
      advance(MINUTE);
      await fleet.alarm();
      expect(calls).toContain('wake a renew');
      expect(await code(fleet.act(ask({ certificates: ['nobody'] })))).toBe('certificate_unknown');
    });
  });

  it('may try a token ten times in a quarter of an hour', async () => {
    await inFleet('sign-in', async ({ fleet, advance }) => {
      for (let attempt = 0; attempt < 10; attempt += 1) fleet.beginSignIn('client');
      expect(() => fleet.beginSignIn('client')).toThrow('Too many attempts');
      fleet.beginSignIn('another');
      advance(15 * MINUTE);
      fleet.beginSignIn('client');
    });
  });
});

describe('relay bundles', () => {
  const source = 'export default 1;\n';
  const sha256 = '0'.repeat(64);
  const hash = async (text: string) =>
    [...new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

  it('are served under their checksum alone, and kept while a relay runs them', async () => {
    await inFleet('bundles', async ({ fleet, advance }) => {
      await expect(fleet.bundles.store({ sha256, source, contract: 2 }, START)).rejects.toMatchObject({ code: 'relay_bundle_invalid' });
      const [one, two] = [await hash(source), await hash(`${source}2`)];
      await fleet.bundles.store({ sha256: one, source, contract: 2 }, START);
      await fleet.bundles.store({ sha256: two, source: `${source}2`, contract: 2 }, START);
      fleet.bundles.reported(two, START + BUNDLE_KEEP_MS);
      advance(BUNDLE_KEEP_MS + 1);
      await fleet.alarm();
      expect([fleet.bundles.source(one), fleet.bundles.source(two)]).toEqual([null, `${source}2`]);
    });
  });
});

const healthy: ZoneReport['health'] = {
  provider: 'namecheap',
  zoneId: 'alice/example.co.uk',
  zoneName: 'example.co.uk',
  vendors: ['registrar'],
  lastSuccessAt: START,
  lastError: null,
  live: 2,
  removing: 0,
  stopped: null,
  waiting: null,
  declared: null,
};
const stopped = { at: START, message: 'A record vanished.', lines: ['- @ MX mail.example.net. 10 1800'], command: 'npm run dns -- restore example.co.uk 7' };

function zoneReport(sequence: number, more: Partial<ZoneReport> = {}, health: Partial<ZoneReport['health']> = {}): ZoneReport {
  const { zoneId = 'alice/example.co.uk', zoneName = 'example.co.uk' } = more;
  return { provider: 'namecheap', zoneId, zoneName, sequence, at: START + sequence, events: [], ...more, health: { ...healthy, zoneId, zoneName, ...health } };
}
const event = (sequence: number, severity: 'info' | 'critical', message: string) => ({
  sequence,
  at: START + sequence,
  kind: 'zone_stopped',
  severity,
  message,
});

describe('zones', () => {
  it('are listed as each last reported itself, those that need somebody first', async () => {
    await inFleet('zones', async ({ fleet, restart }) => {
      fleet.zoneReport(zoneReport(1, { zoneId: 'alice/a.example', zoneName: 'a.example' }));
      fleet.zoneReport(
        zoneReport(
          1,
          { zoneId: 'alice/b.example', zoneName: 'b.example' },
          { lastError: { at: START + 1, error: { code: 'dns_zone_locked', message: 'Locked.', retryable: false } } },
        ),
      );
      fleet.zoneReport(zoneReport(1, { zoneId: 'alice/c.example', zoneName: 'c.example' }, { stopped }));
      expect(
        restart()
          .zones()
          .map(({ zoneName }) => zoneName),
      ).toEqual(['c.example', 'b.example', 'a.example']);
      expect(restart().zones()[0]).toMatchObject({ provider: 'namecheap', zoneId: 'alice/c.example', health: { stopped } });
      expect(restart().zones()[0]).not.toHaveProperty('events');
    });
  });

  it('ignore a report that came twice or too late, but for its events', async () => {
    await inFleet('zone-order', async ({ fleet }) => {
      fleet.zoneReport(zoneReport(3, { events: [event(2, 'info', 'second')] }, { live: 3 }));
      fleet.zoneReport(zoneReport(3, { events: [event(2, 'info', 'second')] }, { live: 9 }));
      fleet.zoneReport(zoneReport(2, { events: [event(1, 'critical', 'first')] }, { live: 9 }));
      expect(fleet.zones()).toMatchObject([{ sequence: 3, health: { live: 3 } }]);
      expect(fleet.status({ events: 10, upcoming: 1 }).events).toMatchObject([
        { zone: 'namecheap:alice/example.co.uk', certificate: null, severity: 'critical', kind: 'zone_stopped', message: 'first' },
        { severity: 'info', message: 'second' },
      ]);
    });
  });

  it('that lost their state are believed again, and so are their events', async () => {
    await inFleet('zone-anew', async ({ fleet }) => {
      fleet.zoneReport(zoneReport(9, { events: [event(1, 'info', 'before')] }));
      fleet.zoneReport(zoneReport(1, { at: START + HOUR, events: [{ ...event(1, 'info', 'after'), at: START + HOUR }] }, { live: 0 }));
      expect(fleet.zones()).toMatchObject([{ sequence: 1, health: { live: 0 } }]);
      expect(fleet.status({ events: 10, upcoming: 1 }).events.map(({ message }) => message)).toEqual(['after', 'before']);
    });
  });

  it('keep the severity that a certificate gives an event, and call one without any information', async () => {
    await inFleet('event-severity', async ({ fleet }) => {
      const events = [
        { sequence: 1, at: START, kind: 'live', message: 'plain' },
        { sequence: 2, at: START, kind: 'incident', message: 'grave', severity: 'critical' as const },
      ];
      await fleet.report({ name: 'a', sequence: 1, at: START, view: view('a'), events });
      expect(fleet.status({ events: 10, upcoming: 1 }).events).toMatchObject([
        { certificate: 'a', severity: 'critical', message: 'grave' },
        { severity: 'info', message: 'plain' },
      ]);
    });
  });

  it('do not mix with events of certificates that carry the same numbers', async () => {
    await inFleet('zone-events', async ({ fleet }) => {
      await fleet.report(report('a', 1, {}, [{ sequence: 1, at: START + 1, kind: 'live', message: 'certificate' }]));
      fleet.zoneReport(zoneReport(1, { events: [event(1, 'critical', 'zone')] }));
      fleet.zoneReport(zoneReport(1, { zoneId: 'alice/b.example', zoneName: 'b.example', events: [event(1, 'critical', 'other zone')] }));
      expect(
        fleet.status({ events: 10, upcoming: 1 }).events.map(({ certificate, zone, severity, message }) => [certificate, zone, severity, message]),
      ).toEqual([
        [null, 'namecheap:alice/b.example', 'critical', 'other zone'],
        [null, 'namecheap:alice/example.co.uk', 'critical', 'zone'],
        ['a', null, 'info', 'certificate'],
      ]);
    });
  });

  it('are refused in any other shape, and nothing of such a report is kept', async () => {
    await inFleet('zone-odd', async ({ fleet }) => {
      const odd = [zoneReport(0), zoneReport(1, { events: [{ ...event(1, 'info', 'x'), kind: 'Not A Kind' }] }), zoneReport(1, {}, { live: -1 })];
      for (const each of odd) expect(() => fleet.zoneReport(each)).toThrow();
      expect(fleet.zones()).toEqual([]);
      expect(fleet.status({ events: 1, upcoming: 1 }).events).toEqual([]);
    });
  });

  it('are forgotten half a year after they held anything of ours, unless they are stopped', async () => {
    await inFleet('zone-unused', async ({ fleet, advance }) => {
      fleet.zoneReport(zoneReport(1, { zoneId: 'alice/empty.example', zoneName: 'empty.example' }, { live: 0 }));
      fleet.zoneReport(zoneReport(1, { zoneId: 'alice/used.example', zoneName: 'used.example' }));
      fleet.zoneReport(zoneReport(1, { zoneId: 'alice/stopped.example', zoneName: 'stopped.example' }, { live: 0, stopped }));
      advance(179 * DAY);
      await fleet.alarm();
      expect(fleet.zones()).toHaveLength(3);
      advance(2 * DAY);
      await fleet.alarm();
      expect(fleet.zones().map(({ zoneName }) => zoneName)).toEqual(['stopped.example', 'used.example']);
    });
  });

  it('report over the object border', async () => {
    const stub = env.FLEET.getByName('zone-border');
    expect(await stub.zoneReport(zoneReport(1))).toEqual({ ok: true, value: null });
    expect(await stub.zoneReport(zoneReport(0))).toMatchObject({ ok: false });
    expect(await stub.zones()).toMatchObject({ ok: true, value: [{ zoneName: 'example.co.uk' }] });
  });
});

describe('declared records', () => {
  const declaring = (...names: string[]): Configuration => ({
    ...configuration([]),
    records: names.map((name) => ({ name, type: 'A', source: { kind: 'values', values: ['192.0.2.1'] }, ttl: 300, adopt: false })),
  });

  it('are handed over with each configuration that declares some or has just stopped to, and with every sweep', async () => {
    await inFleet('declared', async ({ fleet, calls }) => {
      await fleet.promote('h1', configuration([]));
      await fleet.promote('h2', declaring('a.example.net'));
      await fleet.promote('h3', declaring('b.example.net'));
      await fleet.alarm();
      expect(calls).toEqual(['declare b.example.net 3']);
      await fleet.sweep();
      await fleet.alarm();
      await fleet.promote('h4', configuration([]));
      await fleet.alarm();
      await fleet.sweep();
      await fleet.alarm();
      expect(calls).toEqual(['declare b.example.net 3', 'declare b.example.net 3', 'declare 4']);
    });
  });

  it('are handed over later when they cannot be now', async () => {
    await inFleet('declared-later', async ({ fleet, calls, broken, advance }) => {
      broken.add('records');
      await fleet.promote('h1', declaring('a.example.net'));
      await fleet.alarm();
      expect(calls).toEqual([]);
      broken.delete('records');
      advance(MINUTE);
      await fleet.alarm();
      expect(calls).toEqual(['declare a.example.net 1']);
    });
  });

  it('go out under a number above what is known there, after the fleet has lost its state', async () => {
    await inFleet('declared-lost', async ({ fleet, calls, recordsKnow }) => {
      recordsKnow.generation = 41;
      await fleet.promote('h1', declaring('a.example.net'));
      await fleet.alarm();
      await fleet.alarm();
      expect(calls).toEqual(['declare a.example.net 1', 'declare a.example.net 42']);
    });
  });
});

describe('a database of version 1, as the release before left it', () => {
  it('is opened, listed, and takes reports of zones', async () => {
    await runInDurableObject(env.FLEET.getByName('old'), async (_object, { storage }) => {
      await storage.deleteAll();
      for (const statement of oldDatabase.split(/;\n/).filter((text) => text.trim() !== '')) storage.sql.exec(statement);
      const none = () => Promise.resolve();
      const fleet = new Fleet({
        storage,
        certificates: { apply: none, retire: none, wake: none },
        records: { declare: () => Promise.resolve(1) },
        clock: () => START,
      });
      expect(fleet.configurationInForce()).toMatchObject({ records: [], dns: [{ name: 'main', delegation: null }] });
      expect(fleet.certificate('matrix')).toMatchObject({ state: 'live' });
      expect(fleet.zones()).toEqual([]);
      fleet.zoneReport(zoneReport(1, { events: [event(1, 'critical', 'new')] }));
      expect(fleet.status({ events: 3, upcoming: 1 }).events).toMatchObject([
        { severity: 'critical', zone: 'namecheap:alice/example.co.uk' },
        { kind: 'live', certificate: 'matrix', severity: 'info', zone: null },
        { kind: 'configuration', severity: 'info' },
      ]);
      // What the release before writes beside this one, while a deploy rolls out.
      storage.sql.exec("INSERT INTO events (certificate, sequence, at, kind, message) VALUES ('matrix', 2, 1, 'live', 'old code') ON CONFLICT DO NOTHING");
      expect(fleet.status({ events: 1, upcoming: 1 }).events).toMatchObject([{ message: 'old code', severity: 'info' }]);
    });
  });
});
