/** The ACME layer inside workerd: acme-client's signatures, CaObject's storage, calls between objects. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { CaActor } from '../../functions/acme/actor.ts';
import { AuthorityRecord, type AuthorityDeps } from '../../functions/acme/authority.ts';
import { createAuthorityStorage } from '../../functions/acme/authority-storage.ts';
import { createAcmePort } from '../../functions/acme/port.ts';
import type { Authority } from '../../functions/config/configuration.ts';
import { createSealedStore } from '../../functions/secrets/sealed-store.ts';
import { PerennialError, settle } from '../../shared/errors.ts';
import { DIRECTORY_URL, problem, ScriptedCa } from '../unit/acme/scripted-ca.ts';

const NAMES = ['example.net', '*.example.net'];
const authority: Authority = {
  name: 'ca',
  directory: DIRECTORY_URL,
  contact: ['mailto:ops@example.net'],
  egress: 'direct',
  externalAccount: null,
  caa: [],
  profile: null,
  limits: null,
  deactivateAuthorizations: true,
};

/** Each call opens the object's storage afresh, as after an eviction. */
function actorOver(object: string, deps: AuthorityDeps): CaActor {
  const inObject = <T>(work: (record: AuthorityRecord) => T | Promise<T>) =>
    runInDurableObject(env.AUTHORITIES.getByName(object), (_object, state) =>
      settle(() => work(new AuthorityRecord(createAuthorityStorage(state.storage), deps))),
    );
  return {
    enter: (caller) => inObject((record) => record.enter(caller).askAgainAt),
    leave: (caller) => inObject((record) => (record.leave(caller), null)),
    open: (request) => inObject((record) => record.open(request)),
    directory: (request) => inObject((record) => record.directory(request)),
    identity: (request) => inObject((record) => record.identity(request)),
    admit: (order) => inObject((record) => (record.admit(order), null)),
    observe: (observation) => inObject((record) => (record.observe(observation), null)),
    rollover: (request) => inObject((record) => record.rollover(request)),
  };
}

/** As the release before made it. */
const VERSION_1 = [
  'CREATE TABLE schema_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL)',
  'INSERT INTO schema_version (id, version) VALUES (1, 1)',
  'CREATE TABLE account (id INTEGER PRIMARY KEY CHECK (id = 1), key_name TEXT NOT NULL, url TEXT, intent_until INTEGER, intent_by TEXT)',
  'CREATE TABLE directory (id INTEGER PRIMARY KEY CHECK (id = 1), document TEXT NOT NULL, fetched_at INTEGER NOT NULL)',
  'CREATE TABLE route (id INTEGER PRIMARY KEY CHECK (id = 1), observation TEXT NOT NULL, until INTEGER NOT NULL)',
  'CREATE TABLE breakers (scope TEXT PRIMARY KEY, class TEXT NOT NULL, until INTEGER NOT NULL, detail TEXT NOT NULL)',
  'CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, names TEXT NOT NULL, replaces INTEGER NOT NULL)',
  'CREATE INDEX orders_at ON orders (at)',
];

function world(object: string, block: Authority = authority) {
  const ca = new ScriptedCa();
  let now = Date.parse('2031-01-01T00:00:00Z');
  const deps: AuthorityDeps = {
    clock: () => now,
    fetch: ca.fetch,
    relayEgress: () => Promise.reject(new PerennialError('relay_offline', 'No relay is connected.', { retryable: true })),
    secrets: createSealedStore(() => env.SECRETS.getByName(`secrets-of-${object}`)),
  };
  const actor = actorOver(object, deps);
  const portOf = (caller?: string) =>
    createAcmePort({
      ...deps,
      authority: (name) => (name === 'ca' ? block : undefined),
      actor: () => actor,
      clusters: [],
      ...(caller === undefined ? {} : { caller }),
    });
  return { ca, port: portOf(), as: portOf, actor, deps, pass: (ms: number) => void (now += ms) };
}

describe('the ACME layer in workerd', () => {
  it('registers, orders and reads with signatures that verify, and registers once over evictions', async () => {
    const { ca, port } = world('registers');
    const session = await port.open('ca', null);
    const order = await session.newOrder({ names: NAMES, profile: 'tlsserver', replaces: null });
    expect(await session.order(order.url)).toMatchObject({ status: 'pending' });
    const again = await port.open('ca', session.nonce());
    await again.order(order.url);
    expect(again.accountUrl).toBe(session.accountUrl);
    expect(ca.count('/new-account')).toBe(1);
    expect(ca.count('/directory')).toBe(1);
  });

  it('says how CAA records know the CA and our account, and registers none for that', async () => {
    const { ca, port, deps } = world('identity');
    ca.directory['meta'] = { caaIdentities: ['ca.test'] };
    const identity = () =>
      runInDurableObject(env.AUTHORITIES.getByName('identity'), (_object, state) =>
        new AuthorityRecord(createAuthorityStorage(state.storage), deps).identity({ authority, clusters: [] }),
      );
    expect(await identity()).toEqual({ identities: ['ca.test'], accountUrl: null });
    expect([ca.count('/directory'), ca.count('/new-account')]).toEqual([1, 0]);
    const { accountUrl } = await port.open('ca', null);
    expect(await identity()).toEqual({ identities: ['ca.test'], accountUrl });
    expect(ca.count('/directory')).toBe(1);
  });

  it('finds the account of a key that outlived its object, and registers none for that', async () => {
    const { ca, port, deps } = world('wiped-before');
    const { accountUrl } = await port.open('ca', null);
    const identity = () =>
      runInDurableObject(env.AUTHORITIES.getByName('wiped-after'), (_object, state) =>
        new AuthorityRecord(createAuthorityStorage(state.storage), deps).identity({ authority, clusters: [] }),
      );
    expect(await identity()).toMatchObject({ accountUrl });
    expect(ca.accounts.size).toBe(1);
    ca.accounts.clear();
    expect(await identity()).toMatchObject({ accountUrl: null });
    expect(ca.accounts.size).toBe(0);
  });

  it('keeps breakers, the ledger and the route in storage', async () => {
    const { ca, port, pass } = world('remembers');
    const session = await port.open('ca', null);
    ca.script('/new-order', problem(503, 'serverInternal', 'down for maintenance', { 'retry-after': '300' }));
    await expect(session.newOrder({ names: NAMES, profile: null, replaces: null })).rejects.toMatchObject({ code: 'acme_server_internal' });
    await expect(port.open('ca', null)).rejects.toMatchObject({ code: 'acme_breaker_open' });
    pass(300_001);
    await expect(port.open('ca', null)).resolves.toMatchObject({ authority: 'ca' });
    await runInDurableObject(env.AUTHORITIES.getByName('remembers'), (_object, state) => {
      const storage = createAuthorityStorage(state.storage);
      storage.saveRoute({ kind: 'relay', cluster: 'matrix' }, 5);
      expect(storage.route()).toEqual({ route: { kind: 'relay', cluster: 'matrix' }, until: 5 });
      expect(state.storage.sql.exec('SELECT names, replaces FROM orders').toArray()).toEqual([{ names: JSON.stringify(NAMES), replaces: 0 }]);
    });
  });

  it('keeps the ledger, the moments to come back and the account stop over evictions', async () => {
    const limits = { newOrders: { capacity: 1, refillMs: 60_000 }, perDomain: { capacity: 50, refillMs: 1_000 }, perSet: null, failedValidations: null };
    const { ca, port, as, pass } = world('predicts', { ...authority, limits });
    await (await port.open('ca', null)).newOrder({ names: NAMES, profile: null, replaces: null });
    const retries: unknown[] = [];
    for (const caller of ['one', 'two', 'one']) {
      const session = await as(caller).open('ca', null);
      const refused: unknown = await session.newOrder({ names: [`${caller}.example.net`], profile: null, replaces: null }).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'acme_limit_predicted' });
      retries.push(refused instanceof PerennialError ? refused.retryAt : null);
    }
    const start = Date.parse('2031-01-01T00:00:00Z');
    expect(retries).toEqual([start + 60_000, start + 120_000, start + 60_000]);
    pass(60_000);
    const session = await as('one').open('ca', null);
    ca.script('/new-order', problem(403, 'unauthorized', 'account is deactivated'));
    await expect(session.newOrder({ names: ['one.example.net'], profile: null, replaces: null })).rejects.toMatchObject({ code: 'acme_account_unauthorized' });
    await expect(as('two').open('ca', null)).rejects.toMatchObject({ code: 'acme_account_stopped', retryAt: start + 60_000 + 3_600_000 });
  });

  it('changes the account key in the sealed store, and sessions go on with the new one', async () => {
    const { ca, port, actor } = world('rolls');
    const { accountUrl } = await port.open('ca', null);
    const rolled = await actor.rollover({ authority, clusters: [], request: 'rollover-1' });
    expect(rolled).toMatchObject({ ok: true, value: { accountUrl } });
    const session = await port.open('ca', null);
    expect(await session.newOrder({ names: NAMES, profile: null, replaces: null })).toMatchObject({ status: 'pending' });
    expect([ca.count('/key-change'), ca.accounts.size]).toEqual([1, 1]);
    expect(await env.SECRETS.getByName('secrets-of-rolls').list()).toMatchObject({ ok: true, value: [expect.stringMatching(/^acme-account-.*-[0-9a-f]{8}$/)] });
  });

  it('goes on with the database of the release before', async () => {
    const { port, deps } = world('old-database');
    await runInDurableObject(env.AUTHORITIES.getByName('old-database'), (_object, state) => {
      const { sql } = state.storage;
      for (const { name } of sql
        .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'")
        .toArray())
        sql.exec(`DROP TABLE ${name}`);
      for (const statement of VERSION_1) sql.exec(statement);
      sql.exec('INSERT INTO orders (at, names, replaces) VALUES (?, \'["example.net"]\', 0)', deps.clock());
      sql.exec("INSERT INTO breakers (scope, class, until, detail) VALUES ('domain:example.org', 'limit', ?, 'too many')", deps.clock() + 60_000);
    });
    const session = await port.open('ca', null);
    await expect(session.newOrder({ names: ['example.org'], profile: null, replaces: null })).rejects.toMatchObject({ code: 'acme_breaker_open' });
    await session.newOrder({ names: NAMES, profile: null, replaces: null });
    await runInDurableObject(env.AUTHORITIES.getByName('old-database'), (_object, state) => {
      expect(state.storage.sql.exec('SELECT version FROM schema_version').toArray()).toEqual([{ version: 3 }]);
      expect(state.storage.sql.exec('SELECT names, charges, outcome FROM orders ORDER BY id').toArray()).toEqual([
        { names: '["example.net"]', charges: '[]', outcome: null },
        { names: JSON.stringify(NAMES), charges: '[]', outcome: null },
      ]);
      // The release before goes on writing while a deploy rolls out.
      state.storage.sql.exec('INSERT INTO orders (at, names, replaces) VALUES (?, ?, ?)', deps.clock(), '["example.com"]', 1);
    });
    await session.newOrder({ names: NAMES, profile: null, replaces: null });
  });

  it('registers one account when many certificates start at once', async () => {
    const { ca, deps } = world('crowd');
    const urls = await runInDurableObject(env.AUTHORITIES.getByName('crowd'), async (_object, state) => {
      const record = new AuthorityRecord(createAuthorityStorage(state.storage), deps);
      const opened = await Promise.all(Array.from({ length: 20 }, () => record.open({ authority, clusters: [] })));
      return opened.map(({ accountUrl }) => accountUrl);
    });
    expect(new Set(urls).size).toBe(1);
    expect(ca.count('/new-account')).toBe(1);
    expect(ca.accounts.size).toBe(1);
  });

  it('answers over RPC as plain outcomes: an offline relay stays an offline relay', async () => {
    const request = { authority: { ...authority, egress: { cluster: 'never-connected' } }, clusters: [] };
    const outcome = await env.AUTHORITIES.getByName('over-rpc').open(request);
    expect(outcome).toMatchObject({ ok: false, error: { code: expect.stringMatching(/^relay_/) as string } });
  });
});
