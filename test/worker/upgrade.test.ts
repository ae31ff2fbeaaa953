/**
 * Over a deploy: databases of the release before under this code, that release's calls to this one's objects, its relays, and
 * two Workers with different configurations side by side. `fixtures/previous/` was recorded by that release itself.
 */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { decide } from '../../functions/certificates/decide.ts';
import { CertificateStore } from '../../functions/certificates/store.ts';
import { viewOf } from '../../functions/certificates/view.ts';
import { compiled } from '../../functions/config/compiled.ts';
import { configurationSchema, type CertificateSpec, type Configuration } from '../../functions/config/configuration.ts';
import { Fleet } from '../../functions/fleet/fleet.ts';
import { certificateReportSchema, certificateViewSchema } from '../../functions/fleet/reports.ts';
import { DAY, MINUTE, SECOND } from '../../shared/clock.ts';
import { unwrap } from '../../shared/errors.ts';
import { checkedBlocks } from '../persisted/document.ts';
import markdown from '../../docs/persisted.md?raw';
import { onEdge } from './certificates/edge.ts';
import { spec } from './certificates/world.ts';
import * as previousRelay from './fixtures/previous/relay-contract.ts';
import authorityDatabase from './fixtures/previous/authority.sql?raw';
import certificateDatabase from './fixtures/previous/certificate.sql?raw';
import clusterDatabase from './fixtures/previous/cluster.sql?raw';
import fleetDatabase from './fixtures/previous/fleet.sql?raw';
import recordsDatabase from './fixtures/previous/records.sql?raw';
import secretsDatabase from './fixtures/previous/secrets.sql?raw';
import zoneDatabase from './fixtures/previous/zone.sql?raw';
import previousView from './fixtures/previous/view.json?raw';
import previousConfiguration from './fixtures/configuration.json?raw';

/** The time at which the databases were recorded. */
const RECORDED_AT = Date.UTC(2026, 10, 28);
const documented = checkedBlocks(markdown);

/** The object starts on this database, as after a deploy. @returns a fresh stub. */
async function startOn<T extends Rpc.DurableObjectBranded>(open: () => DurableObjectStub<T>, database: string): Promise<DurableObjectStub<T>> {
  const object: DurableObjectStub = open();
  await runInDurableObject(object, async (_instance, { storage }) => {
    await storage.deleteAlarm();
    await storage.deleteAll();
    for (const statement of database.split(/;\n/).filter((text) => text.trim() !== '')) storage.sql.exec(statement);
  });
  await evictDurableObject(object);
  return open();
}

async function expectTablesOf(object: DurableObjectStub, name: string): Promise<void> {
  const tables = await runInDurableObject(object, (_instance, { storage }) =>
    storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' ORDER BY name",
      )
      .toArray()
      .map((row) => row.name),
  );
  const wanted = [...(documented.get(`tables of ${name}`) ?? '').matchAll(/CREATE TABLE (?:IF NOT EXISTS )?(\w+)/g)].map(([, table = '']) => table);
  expect(tables).toEqual(wanted.toSorted());
}

describe('a database of the release before is opened by this code:', () => {
  it('a certificate in the middle of its second issuance', async () => {
    const object = await startOn(() => env.CERTIFICATES.getByName('previous'), certificateDatabase);
    expect(await object.view()).toMatchObject({
      ok: true,
      value: { name: 'matrix', phase: 'propagate', issuance: { id: 'issuance-5' }, history: [{ outcome: 'live' }] },
    });
    await expectTablesOf(object, 'CertificateObject');
    await runInDurableObject(object, (_instance, { storage }) => {
      const store = new CertificateStore(storage);
      const state = store.read() ?? expect.fail('nothing was read');
      expect(decide(state, RECORDED_AT + DAY)).toEqual({ do: 'propagate' });
      expect(state.issuance?.spec).toEqual({ ...spec, reuseKey: false });
      expect(certificateViewSchema.safeParse(viewOf({ state, history: store.history(), now: RECORDED_AT, held: false })).success).toBe(true);
      const report = store.report(RECORDED_AT);
      expect(certificateReportSchema.safeParse(report).success, 'what that release left in the outbox').toBe(true);
    });
    expect(unwrap(await object.dump()), 'a backup of it').toMatchObject({ issuance: { order: { status: 'pending' } }, live: { adopted: false } });
  });

  it('a CA with an account and a ledger', async () => {
    const object = await startOn(() => env.AUTHORITIES.getByName('https://ca.test/previous'), authorityDatabase);
    expect(unwrap(await object.dump())).toMatchObject({
      account: { keyName: 'acme-account-ca-test-0', url: 'https://ca.test/account/1' },
      ledger: { tables: { orders: [{ at: RECORDED_AT - SECOND }, { at: RECORDED_AT }], breakers: [{ scope: 'domain:example.net' }] } },
    });
    await expectTablesOf(object, 'CaObject');
  });

  it('a zone with a challenge and a declared record', async () => {
    const object = await startOn(() => env.ZONES.getByName('cloudflare:previous'), zoneDatabase);
    expect(unwrap(await object.owned())).toMatchObject([
      { owner: 'issuance-3', state: 'written' },
      { name: 'www.example.net', state: 'wanted' },
    ]);
    expect(unwrap(await object.health())).toMatchObject({ zoneName: 'example.net', live: 2 });
    await expectTablesOf(object, 'ZoneObject');
  });

  it('a cluster, the secrets, and the declared records', async () => {
    const cluster = await startOn(() => env.CLUSTERS.getByName('previous'), clusterDatabase);
    expect(await cluster.status('previous')).toMatchObject({ ok: true });
    await expectTablesOf(cluster, 'ClusterObject');
    const secrets = await startOn(() => env.SECRETS.getByName('previous'), secretsDatabase);
    expect(unwrap(await secrets.get('cloudflare-token'))).toBe('the token of version 1');
    await expectTablesOf(secrets, 'SecretsObject');
    const records = await startOn(() => env.RECORDS.getByName('previous'), recordsDatabase);
    expect(unwrap(await records.status())).toMatchObject({ generation: 3, records: [] });
    await expectTablesOf(records, 'RecordsObject');
  });

  it('the fleet, with a configuration in force, a report, a zone and a call that is still to be made', async () => {
    const object = await startOn(() => env.FLEET.getByName('previous'), fleetDatabase);
    expect(unwrap(await object.configuration())?.certificates).toMatchObject([{ name: 'matrix', reuseKey: false, deliveries: [{ rollback: false }] }]);
    expect(unwrap(await object.certificate('matrix'))).toMatchObject({ phase: 'propagate', ari: null, live: { revoked: null } });
    expect(unwrap(await object.status({ events: 10, upcoming: 1 }))).toMatchObject({
      configuration: { generation: 1 },
      tally: { renewing: 1, 'needs-attention': 0 },
    });
    expect(unwrap(await object.zones())).toMatchObject([{ zoneName: 'example.net' }]);
    await expectTablesOf(object, 'FleetObject');
  });
});

describe('a call of the release before is taken by this code:', () => {
  const old = (JSON.parse(previousConfiguration) as { configuration: Configuration }).configuration;
  const [oldSpec] = old.certificates;
  if (oldSpec === undefined) throw new Error('a certificate is in it');

  it('a specification without the new members, for a certificate', async () => {
    expect(oldSpec).not.toHaveProperty('reuseKey');
    const object = env.CERTIFICATES.getByName('called-by-previous');
    expect(await object.apply('matrix', oldSpec, 1)).toEqual({ ok: true, value: null });
    await expect.poll(async () => unwrap(await object.view())).toMatchObject({ name: 'matrix', generation: 1 });
    expect(await object.wake('relay-connected')).toEqual({ ok: true, value: null });
    expect(await object.retire('matrix', 2)).toEqual({ ok: true, value: null });
  });

  it('a configuration and a report, for the fleet', async () => {
    const fleet = env.FLEET.getByName('called-by-previous');
    expect(unwrap(await fleet.promote('hash-of-previous', old))).toEqual({ decision: 'promote' });
    const view = { ...(JSON.parse(previousView) as Parameters<typeof fleet.report>[0]['view']), generation: 1 };
    expect(view).not.toHaveProperty('ari');
    const report = {
      name: 'matrix',
      sequence: 9,
      at: RECORDED_AT,
      view,
      events: [{ sequence: 1, at: RECORDED_AT, kind: 'started', message: 'A renewal began.' }],
    };
    expect(await fleet.report(report)).toEqual({ ok: true, value: null });
    expect(unwrap(await fleet.certificate('matrix'))).toMatchObject({ phase: 'propagate', ari: null });
    await runInDurableObject(fleet, (_instance, { storage }) => storage.deleteAlarm());
  });

  it('an order for a CA, without the members that name its attempt', async () => {
    const object = env.AUTHORITIES.getByName('https://ca.test/called-by-previous');
    expect(await object.admit({ names: ['matrix.example.net'], replaces: false })).toMatchObject({ ok: true });
    expect(await object.observe({ kind: 'route', route: { kind: 'direct' } })).toEqual({ ok: true, value: null });
    expect(unwrap(await object.dump()).ledger.tables['orders']).toHaveLength(1);
  });

  it('a declaration, for declared records', async () => {
    const { dns, authorities, clusters } = old;
    const declaration = { generation: 4, records: [], vendors: dns, authorities, clusters: clusters.map(({ name }) => name) };
    expect(await env.RECORDS.getByName('called-by-previous').apply(declaration)).toEqual({ ok: true, value: 4 });
  });
});

describe('a relay of the release before', () => {
  it('is asked for nothing that its contract does not know, and its answers are enough for a renewal', () =>
    onEdge(async (edge) => {
      edge.through = (ports) => ({
        ...ports,
        relay: {
          ...ports.relay,
          createKey: async (cluster, request) =>
            previousRelay.createKeyResponse.parse(await ports.relay.createKey(cluster, previousRelay.createKeyRequest.parse(request))),
          install: async (cluster, name, request) =>
            previousRelay.installResponse.parse(await ports.relay.install(cluster, name, previousRelay.installRequest.parse(request))),
          inspect: async (cluster, name, request) =>
            previousRelay.inspectResponse.parse(await ports.relay.inspect(cluster, name, previousRelay.inspectRequest.parse(request))),
          reload: async (cluster, request) => previousRelay.reloadResponse.parse(await ports.relay.reload(cluster, previousRelay.reloadRequest.parse(request))),
          verify: async (cluster, request) => previousRelay.verifyResponse.parse(await ports.relay.verify(cluster, previousRelay.verifyRequest.parse(request))),
          rollBack: () => Promise.reject(new Error('It has no such route.')),
          signRevocation: () => Promise.reject(new Error('It has no such route.')),
        },
      });
      await edge.run(edge.world.now + DAY, ({ live, issuance }) => live !== null && issuance === null);
      edge.store.addWake('force', edge.world.now);
      await edge.run(edge.world.now, ({ issuance }) => issuance !== null);
      await edge.run(edge.world.now + DAY, ({ live, issuance }) => live !== null && issuance === null);
      expect(edge.world).toMatchObject({ finalized: 2, orders: { length: 2 } });
      expect(edge.store.history().map(({ outcome }) => outcome)).toEqual(['live', 'live']);
    }));
});

describe('two Workers with different configurations that alternate for a while', () => {
  const configurationOf = (wanted: CertificateSpec): Configuration => {
    if (!compiled.valid) throw new Error('the configuration of these tests is valid');
    return configurationSchema.parse({ ...compiled.configuration, certificates: [wanted] });
  };

  it.each([
    [
      'in what needs no new certificate: one order',
      { ...spec, deliveries: spec.deliveries.map((each) => ({ ...each, probes: ['probe.matrix.example.net'] })) },
      1,
    ],
    ['in the names: one order for each of the two, in turn', { ...spec, domains: [...spec.domains, 'further.example.net'] }, 2],
  ])('%s', (_what, later, orders) =>
    onEdge(async (edge) => {
      const { world } = edge;
      const told: string[] = [];
      const workers = [
        { hash: 'earlier', configuration: configurationOf(spec) },
        { hash: 'later', configuration: configurationOf(later) },
      ] as const;
      /** A running Worker offers what it carries, as it does every minute; the fleet tells the certificate by its alarm. */
      const offer = async ({ hash, configuration }: (typeof workers)[number]): Promise<void> => {
        const now = world.now;
        const applied = await runInDurableObject(env.FLEET.getByName(`alternating-${orders}`), async (_instance, { storage }) => {
          const calls: { wanted: CertificateSpec; generation: number }[] = [];
          const fleet = new Fleet({
            storage,
            clock: () => now,
            certificates: {
              apply: async (_name, wanted, generation) => void calls.push({ wanted, generation }),
              retire: async () => undefined,
              wake: async () => undefined,
            },
            records: { declare: async (_configuration, generation) => generation },
          });
          if (fleet.offer(hash).decision === 'promote') await fleet.promote(hash, configuration);
          await fleet.alarm();
          await storage.deleteAlarm();
          return calls;
        });
        for (const { wanted, generation } of applied) {
          told.push(`generation ${generation}`);
          edge.deploy(generation, wanted);
        }
        await edge.run(world.now);
      };
      world.visible = false;
      await offer(workers[0]);
      await edge.run(world.now + MINUTE, ({ issuance }) => issuance?.phase === 'propagate');
      const open = edge.state.issuance?.id;
      for (let turn = 0; turn < 20; turn += 1) {
        const worker = workers[turn % 2];
        // oxlint-disable-next-line no-await-in-loop -- they take turns
        if (worker !== undefined) await offer(worker);
        world.now += 30 * SECOND;
      }
      expect(told, 'the later one is told once, and the earlier one never again').toEqual(['generation 1', 'generation 2']);
      expect(world.orders).toHaveLength(1);
      expect(edge.state.issuance, 'the order that was open goes on as it began').toMatchObject({ id: open, spec: { domains: spec.domains } });
      world.visible = true;
      // Neither is silent for long: the earlier one coming back after a pause of the later one would be a roll-back.
      await edge.run(world.now + MINUTE);
      for (let turn = 0; turn < 20; turn += 1) {
        const worker = workers[turn % 2];
        // oxlint-disable-next-line no-await-in-loop -- they take turns
        if (worker !== undefined) await offer(worker);
        world.now += 30 * SECOND;
      }
      await edge.run(world.now + DAY);
      expect(world.orders.map(({ status }) => status)).toEqual(Array.from({ length: orders }, () => 'valid'));
      expect(world).toMatchObject({ finalized: orders, txt: { size: 0 } });
      expect(edge.state.live?.leaf.names).toEqual(later.domains);
    }),
  );
});
