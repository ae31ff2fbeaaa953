/** A backup inside workerd, from the real objects and into them again. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { compactDecrypt, exportJWK, generateKeyPair } from 'jose';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAuthorityStorage } from '../../functions/acme/authority-storage.ts';
import { backupPartSchema, type BackupItem, type BackupPart, type Cursor } from '../../functions/backup/document.ts';
import { exportPart } from '../../functions/backup/export.ts';
import { importItems } from '../../functions/backup/import.ts';
import { recipientSchema, type Recipient } from '../../functions/backup/recipient.ts';
import { CertificateStore } from '../../functions/certificates/store.ts';
import { backupPorts } from '../../functions/composition.ts';
import { compiled } from '../../functions/config/compiled.ts';
import { Fleet } from '../../functions/fleet/fleet.ts';
import { Ledger } from '../../functions/dns/ledger.ts';
import { unwrap } from '../../shared/errors.ts';
import { issuance, live, NOW, order, placed, state } from '../unit/certificates/states.ts';

const DIRECTORY = 'https://ca.test/directory';
const ZONE = 'cloudflare:zone';
const ACCOUNT = 'https://ca.test/account/1';
const SECRETS = { 'acme-account-ca-test-0': '-----BEGIN PRIVATE KEY-----\nthe account key\n', 'cloudflare-token': 'a-token-of-cloudflare' };

let recipient: Recipient;
let privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

beforeAll(async () => {
  const pair = await generateKeyPair('ECDH-ES+A256KW', { crv: 'P-256', extractable: true });
  privateKey = pair.privateKey;
  recipient = recipientSchema.parse(await exportJWK(pair.publicKey));
});

const objects = (): DurableObjectStub[] => [
  env.FLEET.getByName('fleet'),
  env.SECRETS.getByName('secrets'),
  env.AUTHORITIES.getByName(DIRECTORY),
  env.ZONES.getByName(ZONE),
  env.CERTIFICATES.getByName('matrix'),
];

/** Everything that the edge knew is gone. */
async function wipe(): Promise<void> {
  for (const object of objects()) {
    // oxlint-disable-next-line no-await-in-loop -- five objects
    await runInDurableObject(object, async (_instance, { storage }) => {
      await storage.deleteAlarm();
      await storage.deleteAll();
    });
    // oxlint-disable-next-line no-await-in-loop
    await evictDurableObject(object);
  }
}

/** A deployment whose certificate is live and in the middle of its next order. */
async function deployment(): Promise<void> {
  await deployed(3);
  for (const [name, value] of Object.entries(SECRETS)) unwrap(await env.SECRETS.getByName('secrets').put(name, value));
  await runInDurableObject(env.AUTHORITIES.getByName(DIRECTORY), async (_instance, { storage }) => {
    const authority = createAuthorityStorage(storage);
    await authority.saveAccount({ keyName: 'acme-account-ca-test-0', url: ACCOUNT, intentUntil: null, intentBy: null });
    authority.appendOrder({ at: NOW, names: ['matrix.example.net'], replaces: false, set: 'matrix.example.net', attempt: 'issuance-0-1', charges: [] });
    authority.appendOrder({ at: NOW + 1, names: ['matrix.example.net'], replaces: true, set: 'matrix.example.net', attempt: 'issuance-1-1', charges: [] });
    authority.saveBreaker({ scope: 'domain:example.net', class: 'limit', until: NOW + 1_000_000_000_000, detail: 'too many' });
    const later = NOW + 1_000_000_000_000;
    authority.saveBucket('account', later);
    authority.saveSlot('account', 'matrix', later);
    authority.saveIssued('matrix.example.net', NOW);
    authority.saveFailure('https://ca.test/authz/1', NOW);
    authority.saveAccountStop({
      code: 'acme_account_unauthorized',
      message: 'The CA refused.',
      hint: null,
      count: 2,
      since: NOW,
      until: later,
      configuration: '[[],null]',
    });
    // In the middle: which of the two keys the account has is the CA's to say.
    await authority.saveRollover({ request: 'by-hand', oldKey: 'acme-account-ca-test-0', newKey: 'acme-account-ca-test-1', startedAt: NOW, done: false });
    authority.savePlace({ caller: 'matrix', until: later });
    authority.queue('another');
  });
  await runInDurableObject(env.ZONES.getByName(ZONE), (_instance, { storage }) => {
    const ledger = new Ledger(storage);
    ledger.use(
      { name: 'main', provider: 'cloudflare', token: 'secret:cloudflare-token', endpoint: null, zoneId: null, delegation: null },
      { id: 'zone', name: 'example.net' },
      NOW,
    );
    const kept = ledger.want('issuance-1', { type: 'TXT', name: placed.target, value: placed.value }, NOW, NOW + 1_000_000_000_000);
    ledger.markSent([kept.id], NOW);
    ledger.markPresent(kept.id, 'record-1', false, NOW);
    const gone = ledger.want('issuance-0', { type: 'TXT', name: placed.target, value: 'gone' }, NOW, NOW + 1_000);
    ledger.release('issuance-0');
    ledger.markRemoved([gone.id], NOW);
  });
  unwrap(
    await env.FLEET.getByName('fleet').zoneReport({
      provider: 'cloudflare',
      zoneId: 'zone',
      zoneName: 'example.net',
      sequence: 1,
      at: NOW,
      events: [],
      health: unwrap(await env.ZONES.getByName(ZONE).health()) ?? expect.fail('the zone was not used'),
    }),
  );
  await runInDurableObject(env.CERTIFICATES.getByName('matrix'), async (_instance, { storage }) => {
    const store = new CertificateStore(storage);
    store.write(state({ live: live(), issuance: open() }, { generation: 3, quarantined: ['d'.repeat(64)] }));
    store.finish(finished('issuance-0'));
    await storage.deleteAlarm();
  });
}

/** As after `npm run deploy`, the `generations`th: its certificates have yet to be told. */
async function deployed(generations = 1): Promise<void> {
  await runInDurableObject(env.FLEET.getByName('fleet'), async (_instance, { storage }) => {
    if (!compiled.valid) throw new Error('the configuration of these tests is valid');
    const told = async () => undefined;
    const fleet = new Fleet({
      storage,
      certificates: { apply: told, retire: told, wake: told },
      records: { declare: async (_, generation) => generation },
      clock: Date.now,
    });
    await fleet.promote(compiled.hash, compiled.configuration);
    if (generations > 1) await fleet.raise(generations - 1);
    await storage.deleteAlarm();
    storage.sql.exec('DELETE FROM work');
  });
}

const open = () =>
  issuance({
    phase: 'propagate',
    order,
    placed: [placed],
    cleaned: false,
    accountUrl: ACCOUNT,
    key: { cluster: 'matrix', csr: 'csr', spki: 'e'.repeat(64), madeIn: 'matrix/allocation' },
  });

const finished = (id: string) => ({
  id,
  startedAt: NOW - 2,
  endedAt: NOW - 1,
  outcome: 'live' as const,
  sha256: 'a'.repeat(64),
  authority: 'pebble',
  phases: [],
  message: 'Live in its target.',
  requests: { acme: 1, dns: 1, relay: 1 },
});

async function exported(): Promise<{ parts: BackupPart[]; text: string }> {
  const parts: BackupPart[] = [];
  let cursor: Cursor | null = null;
  let text = '';
  do {
    const deps = { ports: backupPorts(env), clock: () => NOW, newId: () => crypto.randomUUID(), only: null };
    // oxlint-disable-next-line no-await-in-loop -- one part after the other
    const answer: Awaited<ReturnType<typeof exportPart>> = await exportPart({ recipient, cursor }, deps);
    // oxlint-disable-next-line no-await-in-loop
    const { plaintext, protectedHeader } = await compactDecrypt(answer.part, privateKey);
    expect(protectedHeader).toMatchObject({ alg: 'ECDH-ES+A256KW', enc: 'A256GCM' });
    text += new TextDecoder().decode(plaintext);
    parts.push(backupPartSchema.parse(JSON.parse(new TextDecoder().decode(plaintext))));
    cursor = answer.next;
  } while (cursor !== null);
  return { parts, text };
}

async function imported(items: BackupItem[], dryRun = false): Promise<Record<string, string>> {
  const outcomes = await importItems({ dryRun, items }, backupPorts(env));
  return Object.fromEntries(outcomes.map(({ section, name, outcome, reason }) => [`${section} ${name}`, reason === null ? outcome : `${outcome}: ${reason}`]));
}

async function backup(): Promise<BackupItem[]> {
  return (await exported()).parts.flatMap(({ items }) => items);
}

const ALL = ['fleet fleet', 'secret acme-account-ca-test-0', 'secret cloudflare-token', `authority ${DIRECTORY}`, `zone ${ZONE}`, 'certificate matrix'];
const all = (outcome: string) => Object.fromEntries(ALL.map((name) => [name, outcome]));

beforeEach(async () => {
  await wipe();
  await deployment();
});

describe('a backup', () => {
  it('holds the account, the ledgers, the secrets, the open order and the live facts, and nothing of a certificate key', async () => {
    const { parts, text } = await exported();
    expect(parts).toHaveLength(1);
    const items = parts.flatMap((part) => part.items);
    expect(items.map(({ section, name }) => `${section} ${name}`)).toEqual(ALL);
    expect(items.find(({ section }) => section === 'authority')).toMatchObject({
      dump: {
        account: { keyName: 'acme-account-ca-test-0', url: ACCOUNT },
        ledger: { tables: { orders: [{ at: NOW }, { at: NOW + 1 }], breakers: [{ scope: 'domain:example.net' }] } },
      },
    });
    expect(items.find(({ section }) => section === 'zone')).toMatchObject({
      dump: { records: [{ owner: 'issuance-1', state: 'written', record_id: 'record-1' }] },
    });
    expect(items.find(({ section }) => section === 'certificate')).toMatchObject({
      dump: { live: { accountUrl: ACCOUNT }, issuance: { order: { url: order.url } }, history: [{ id: 'issuance-0' }] },
    });
    const withoutSecrets = JSON.stringify(items.filter(({ section }) => section !== 'secret'));
    expect(text).toContain('PRIVATE KEY');
    expect(withoutSecrets).not.toMatch(/PRIVATE KEY|"d":|the account key|a-token-of-cloudflare/);
  });

  it('is told in the log of the fleet, with the key it was made for', async () => {
    await exported();
    const { events } = unwrap(await env.FLEET.getByName('fleet').status({ events: 5, upcoming: 0 }));
    expect(events.find(({ kind }) => kind === 'exported')?.message).toMatch(/for the key [\w-]{43}\./);
  });

  it('is made for one key only, where that is set, and never for a private one', async () => {
    const deps = { ports: backupPorts(env), clock: () => NOW, newId: () => crypto.randomUUID(), only: 'another-thumbprint' };
    await expect(exportPart({ recipient, cursor: null }, deps)).rejects.toMatchObject({ code: 'backup_recipient_refused' });
    expect(recipientSchema.safeParse({ ...recipient, d: 'A'.repeat(43) }).success).toBe(false);
    const point = { ...recipient, x: 'A'.repeat(43) };
    await expect(exportPart({ recipient: point, cursor: null }, { ...deps, only: null })).rejects.toMatchObject({ code: 'backup_recipient_invalid' });
  });

  it('of many certificates comes in parts that hold each of them once', async () => {
    const names = Array.from({ length: 95 }, (_, index) => `c-${String(index).padStart(3, '0')}`);
    const ports = backupPorts(env);
    const dump = unwrap(await env.CERTIFICATES.getByName('matrix').dump()) ?? expect.fail('nothing to dump');
    ports.fleet.certificates = async (after, limit) => names.filter((name) => name > after).slice(0, limit);
    ports.certificate = (name) => ({ dump: async () => ({ ...dump, record: { ...dump.record, name } }), restore: () => expect.fail('unused') });
    const seen: string[] = [];
    let cursor: Cursor | null = null;
    let part = 0;
    do {
      // oxlint-disable-next-line no-await-in-loop -- one part after the other
      const answer: Awaited<ReturnType<typeof exportPart>> = await exportPart(
        { recipient, cursor },
        { ports, clock: () => NOW, newId: () => crypto.randomUUID(), only: null },
      );
      // oxlint-disable-next-line no-await-in-loop
      const opened = backupPartSchema.parse(JSON.parse(new TextDecoder().decode((await compactDecrypt(answer.part, privateKey)).plaintext)));
      part += 1;
      expect(opened).toMatchObject({ part, last: answer.next === null });
      expect(opened.items.length).toBeLessThanOrEqual(40);
      seen.push(...opened.items.filter(({ section }) => section === 'certificate').map(({ name }) => name));
      cursor = answer.next;
    } while (cursor !== null);
    expect(seen).toEqual(names);
    expect(part).toBe(3);
  });
});

describe('an import', () => {
  it('into a wiped deployment gives everything back, after it has said that it would', async () => {
    const items = await backup();
    await wipe();
    await deployed();
    expect(await imported(items, true)).toEqual(all('restored'));
    expect(unwrap(await env.SECRETS.getByName('secrets').list()), 'a dry run changes nothing').toEqual([]);
    expect(unwrap(await env.CERTIFICATES.getByName('matrix').dump())?.live ?? null).toBeNull();
    expect(await imported(items)).toEqual(all('restored'));

    expect(unwrap(await env.SECRETS.getByName('secrets').get('cloudflare-token'))).toBe('a-token-of-cloudflare');
    const authority = unwrap(await env.AUTHORITIES.getByName(DIRECTORY).dump());
    expect(authority).toEqual(items.find((item) => item.section === 'authority')?.dump);
    // Whoever was issuing when the backup was made is not issuing now.
    expect(Object.keys(authority.ledger.tables).toSorted()).toEqual([
      'account_stop',
      'breakers',
      'buckets',
      'failures',
      'issued',
      'orders',
      'rollover',
      'slots',
    ]);
    await runInDurableObject(env.AUTHORITIES.getByName(DIRECTORY), (_instance, { storage }) => {
      const restored = createAuthorityStorage(storage);
      expect(restored.rollover()).toMatchObject({ newKey: 'acme-account-ca-test-1', done: false });
      expect(restored.accountStop()).toMatchObject({ code: 'acme_account_unauthorized', count: 2 });
    });
    expect(unwrap(await env.ZONES.getByName(ZONE).owned())).toMatchObject([{ owner: 'issuance-1', name: placed.target, state: 'written' }]);
    const certificate = unwrap(await env.CERTIFICATES.getByName('matrix').dump());
    expect(certificate).toMatchObject({
      record: { adoptionDone: false, quarantined: ['d'.repeat(64)] },
      live: { issuance: 'issuance-0', accountUrl: ACCOUNT },
      issuance: { id: 'issuance-1', order: { url: order.url } },
      history: [{ id: 'issuance-0' }],
    });
    expect(unwrap(await env.FLEET.getByName('fleet').status({ events: 0, upcoming: 0 })).configuration?.generation, 'above the one of the backup').toBe(4);
  });

  it('may be repeated: nothing is done twice', async () => {
    const items = await backup();
    await wipe();
    await deployed();
    await imported(items);
    expect(await imported(items)).toEqual(all('identical'));
    expect(unwrap(await env.AUTHORITIES.getByName(DIRECTORY).dump()).ledger.tables['orders']).toHaveLength(2);
  });

  it('changes nothing in the deployment that it was made of', async () => {
    expect(await imported(await backup())).toEqual(all('identical'));
  });

  it('never overwrites: another secret, another account, another order stay, and the account of another key does not come back', async () => {
    // Without the fleet, which would wake the certificate.
    const items = (await backup()).filter(({ section }) => section !== 'fleet');
    await wipe();
    await deployed();
    unwrap(await env.SECRETS.getByName('secrets').put('cloudflare-token', 'a newer token'));
    unwrap(await env.SECRETS.getByName('secrets').put('acme-account-ca-test-0', 'another key'));
    await runInDurableObject(env.CERTIFICATES.getByName('matrix'), (_instance, { storage }) => {
      new CertificateStore(storage).write(state({ live: null, issuance: issuance({ id: 'begun-here', order }) }));
    });
    expect(await imported(items)).toEqual({
      [`zone ${ZONE}`]: 'restored',
      'secret cloudflare-token': 'kept: Another value is stored here.',
      'secret acme-account-ca-test-0': 'kept: Another value is stored here.',
      [`authority ${DIRECTORY}`]: expect.stringMatching(/^kept: The account key in the SecretStore is not the one/) as string,
      'certificate matrix': 'kept: Another order is open here.',
    });
    expect(unwrap(await env.SECRETS.getByName('secrets').get('cloudflare-token'))).toBe('a newer token');
    await runInDurableObject(env.AUTHORITIES.getByName(DIRECTORY), (_instance, { storage }) =>
      createAuthorityStorage(storage).saveAccount({ keyName: 'k', url: 'https://ca.test/account/2', intentUntil: null, intentBy: null }),
    );
    expect((await imported(items))[`authority ${DIRECTORY}`]).toMatch(/^kept: Another account is registered here: https:\/\/ca\.test\/account\/2/);
  });

  it('waits for a certificate that is being worked on, and leaves out what is not configured', async () => {
    const items = await backup();
    await runInDurableObject(env.CERTIFICATES.getByName('matrix'), (_instance, { storage }) => new CertificateStore(storage).beginRun(NOW));
    expect((await imported(items))['certificate matrix']).toBe('busy: It is being worked on.');
    const [other] = items.filter((item) => item.section === 'certificate');
    if (other?.section !== 'certificate') throw new Error('no certificate in it');
    const renamed = { ...other, name: 'other', dump: { ...other.dump, record: { ...other.dump.record, name: 'other' } } };
    expect((await imported([renamed]))['certificate other']).toMatch(/^kept: It is not in the configuration in force/);
  });

  it('refuses rows that this schema could not read, and keeps none of them', async () => {
    const items = await backup();
    await wipe();
    await deployed();
    const broken = items.map((item) =>
      item.section === 'authority'
        ? {
            ...item,
            dump: {
              ...item.dump,
              ledger: { version: 1, tables: { breakers: [{ scope: 'authority', class: 'nonsense', until: 9e15, detail: '' }], surplus: [{ a: 1 }] } },
            },
          }
        : item,
    );
    await expect(imported(broken)).rejects.toMatchObject({ code: 'internal' });
    expect(unwrap(await env.AUTHORITIES.getByName(DIRECTORY).dump())).toMatchObject({ account: null, ledger: { tables: { breakers: [] } } });
  });
});
