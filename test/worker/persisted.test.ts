import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { decide } from '../../functions/certificates/decide.ts';
import { CertificateStore } from '../../functions/certificates/store.ts';
import { viewOf } from '../../functions/certificates/view.ts';
import { connectionSchema } from '../../functions/clusters/connection.ts';
import { certificateViewSchema } from '../../functions/fleet/reports.ts';
import { publicKeySchema } from '../../shared/link/signatures.ts';
import { checkedBlocks } from '../persisted/document.ts';
import { shapeOf } from '../persisted/shape.ts';
import markdown from '../../docs/persisted.md?raw';
import oldDatabase from './fixtures/certificate-database-1.sql?raw';

const documented = checkedBlocks(markdown);
/** The time at which the old database was recorded. */
const RECORDED_AT = Date.UTC(2026, 10, 21);

const OBJECTS = {
  CertificateObject: () => env.CERTIFICATES.getByName('persisted'),
  ZoneObject: () => env.ZONES.getByName('cloudflare:persisted'),
  DnsAccountObject: () => env.DNS_ACCOUNTS.getByName('namecheap:persisted'),
  CaObject: () => env.AUTHORITIES.getByName('https://ca.test/persisted'),
  ClusterObject: () => env.CLUSTERS.getByName('persisted'),
  FleetObject: () => env.FLEET.getByName('persisted'),
  RecordsObject: () => env.RECORDS.getByName('persisted'),
  SecretsObject: () => env.SECRETS.getByName('persisted'),
};

/** The schema as SQLite keeps it, white space evened out, and the version its row says. */
function schemaOf(state: DurableObjectState): string {
  const { sql } = state.storage;
  const rows = sql
    .exec<{ sql: string }>(
      "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' ORDER BY type DESC, name",
    )
    .toArray();
  const { version } = sql.exec<{ version: number }>('SELECT version FROM schema_version').one();
  return [`-- version ${version}`, ...rows.map((row) => `${row.sql.replaceAll(/\s+/g, ' ').trim()};`)].join('\n');
}

describe('docs/persisted.md says exactly', () => {
  for (const [name, object] of Object.entries(OBJECTS)) {
    it(`the tables of ${name}`, async () => {
      // Each namespace has a type of its own; what they share is all that is needed.
      const stub: DurableObjectStub = object();
      expect(await runInDurableObject(stub, (_instance, state) => schemaOf(state))).toBe(documented.get(`tables of ${name}`));
    });
  }

  it("what a relay's socket carries through hibernation", () => {
    expect(shapeOf(connectionSchema, new Map([[publicKeySchema, 'PublicKey']]))).toBe(documented.get('socket attachment'));
  });

  it('what people and programs see of a certificate', () => {
    expect(shapeOf(certificateViewSchema)).toBe(documented.get('certificate view'));
  });
});

describe('a database of version 1, as an earlier release left it in the middle of an issuance', () => {
  const object = env.CERTIFICATES.getByName('old');

  it('is opened, read, decided upon and shown by this code', async () => {
    await runInDurableObject(object, async (_instance, state) => {
      await state.storage.deleteAll();
      for (const statement of oldDatabase.split(/;\n/).filter((text) => text.trim() !== '')) state.storage.sql.exec(statement);
      const store = new CertificateStore(state.storage);
      const read = store.read();
      expect(read).toMatchObject({
        record: { name: 'matrix', generation: 3, zones: [] },
        live: { adopted: false },
        issuance: { id: 'issuance-2', phase: 'validate' },
      });
      if (read === null) throw new Error('nothing was read');
      expect(decide(read, RECORDED_AT)).toEqual({ do: 'validate' });
      expect(store.takeWakes()).toEqual(['relay-connected']);
      expect(store.beginRun(RECORDED_AT)).toBe(true);
      const view = viewOf({ state: read, history: store.history(), now: RECORDED_AT, held: false });
      expect(view).toMatchObject({
        state: 'renewing',
        phase: 'validate',
        issuance: { id: 'issuance-2', keyMadeIn: 'matrix/allocation-1' },
        deliveries: [{ state: 'live' }],
        history: [{ id: 'issuance-1', outcome: 'live' }],
      });
      expect(certificateViewSchema.safeParse(view).success).toBe(true);
    });
  });

  it('is served by an object that starts on it', async () => {
    await evictDurableObject(object);
    const view = await object.view();
    expect(view).toMatchObject({ ok: true, value: { name: 'matrix', issuance: { id: 'issuance-2' } } });
  });

  it('gives its events the lowest severity, and takes more without one from the release before', async () => {
    await runInDurableObject(object, (_instance, state) => {
      const store = new CertificateStore(state.storage);
      state.storage.sql.exec("INSERT INTO events (at, kind, message) VALUES (1795219199000, 'ordered', 'By the release before.')");
      store.event('ari-incident', 'Now.', RECORDED_AT, 'critical');
      const reported = store.read();
      if (reported === null) throw new Error('nothing was read');
      store.stage(viewOf({ state: reported, history: [], now: RECORDED_AT, held: false }));
      const severities = store.report(RECORDED_AT)?.events.map(({ kind, severity }) => [kind, severity]);
      expect(severities).toEqual(
        expect.arrayContaining([
          ['started', 'info'],
          ['ordered', 'info'],
          ['ari-incident', 'critical'],
        ]),
      );
    });
  });

  it('has the schema of today afterwards', async () => {
    expect(await runInDurableObject(object, (_instance, state) => schemaOf(state))).toBe(documented.get('tables of CertificateObject'));
  });

  it('keeps what this code writes readable, member by member', async () => {
    await runInDurableObject(object, (_instance, state) => {
      const store = new CertificateStore(state.storage);
      const before = store.read();
      if (before === null) throw new Error('nothing was read');
      store.write(before);
      expect(store.read()).toEqual(before);
    });
  });
});
