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
    open: (request) => inObject((record) => record.open(request)),
    directory: (request) => inObject((record) => record.directory(request)),
    identity: (request) => inObject((record) => record.identity(request)),
    admit: (order) => inObject((record) => (record.admit(order), null)),
    observe: (observation) => inObject((record) => (record.observe(observation), null)),
    rollover: (request) => inObject((record) => record.rollover(request)),
  };
}

function world(object: string) {
  const ca = new ScriptedCa();
  let now = Date.parse('2031-01-01T00:00:00Z');
  const deps: AuthorityDeps = {
    clock: () => now,
    fetch: ca.fetch,
    relayEgress: () => Promise.reject(new PerennialError('relay_offline', 'No relay is connected.', { retryable: true })),
    secrets: createSealedStore(() => env.SECRETS.getByName(`secrets-of-${object}`)),
  };
  const port = createAcmePort({ ...deps, authority: (name) => (name === 'ca' ? authority : undefined), actor: () => actorOver(object, deps), clusters: [] });
  return { ca, port, deps, pass: (ms: number) => void (now += ms) };
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
