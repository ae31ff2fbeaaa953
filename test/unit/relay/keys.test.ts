import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from '@peculiar/x509';
import { createPublicKey } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DAY } from '../../../shared/clock.ts';
import { createKeyResponse } from '../../../shared/relay/contract.ts';
import type { CreateKeyResponse, KeyType } from '../../../shared/relay/contract.ts';
import { NAMES, startCluster } from './support/cluster.ts';
import type { Cluster } from './support/cluster.ts';

let now = Date.now();
let cluster: Cluster;
beforeEach(async () => {
  now = Date.now();
  cluster = await startCluster({ clock: () => now });
});
afterEach(() => cluster.stop());

const path = (issuance: string) => `nomad/jobs/relay/keys/${issuance}`;
const create = async (issuance: string, keyType: KeyType = 'ec-p256', names = NAMES) => cluster.edge.call('POST', '/v1/keys', { issuance, names, keyType });
const created = async (...request: Parameters<typeof create>): Promise<CreateKeyResponse> => createKeyResponse.parse((await create(...request)).body);

describe('making a key', () => {
  it.each([
    ['ec-p256', 'prime256v1', undefined],
    ['ec-p384', 'secp384r1', undefined],
    ['rsa-2048', undefined, 2_048],
    ['rsa-3072', undefined, 3_072],
  ] as const)('of type %s returns a request for exactly the names, signed with it', async (keyType, namedCurve, modulusLength) => {
    const { csr } = await created('one', keyType);
    const request = new Pkcs10CertificateRequest(Buffer.from(csr, 'base64url'));
    const names = request.extensions.flatMap((extension) =>
      extension instanceof SubjectAlternativeNameExtension ? extension.names.items.map(({ value }) => value) : [],
    );
    expect({ names, subject: request.subject, valid: await request.verify() }).toEqual({ names: NAMES, subject: '', valid: true });
    const details = createPublicKey(cluster.items(path('one'))?.['key'] ?? '').asymmetricKeyDetails;
    expect([details?.namedCurve, details?.modulusLength]).toEqual([namedCurve, modulusLength]);
  });

  it("keeps the key in the relay's own area, never in an answer", async () => {
    const { body } = await create('one');
    expect(JSON.stringify(body)).not.toContain('PRIVATE');
    expect(cluster.items(path('one'))?.['key']).toContain('-----BEGIN PRIVATE KEY-----');
    expect(body).toMatchObject({ madeIn: 'matrix/allocation-0' });
  });

  it('gives the same request for the same issuance, from every relay', async () => {
    const other = cluster.another();
    const request = { issuance: 'one', names: NAMES.toReversed(), keyType: 'ec-p256' };
    const [first, second] = await Promise.all([created('one'), other.edge.call('POST', '/v1/keys', request)]);
    expect(createKeyResponse.parse(second.body).csr).toBe(first.csr);
    expect((await created('one')).csr).toBe(first.csr);
  });

  it('refuses the same issuance for other names or another type', async () => {
    await created('one');
    expect(await create('one', 'ec-p384')).toMatchObject({ status: 409, error: { code: 'key_conflict' } });
    expect(await create('one', 'ec-p256', ['matrix.example.net'])).toMatchObject({ status: 409, error: { code: 'key_conflict' } });
  });

  it('refuses names that no target of the law allows', async () => {
    expect(await create('one', 'ec-p256', ['bank.example'])).toMatchObject({ status: 403, error: { code: 'names_not_allowed' } });
    expect(cluster.items(path('one'))).toBeUndefined();
  });

  it('finds its key again when the reply to the write got lost', async () => {
    cluster.nomad.faults.next({ kind: 'cut-after' }, 1, ({ method }) => method === 'PUT');
    const { spki } = await created('one');
    expect((await created('one')).spki).toBe(spki);
  });
});

describe('a key that is used again', () => {
  const reuse = async (issuance: string, former: string, keyType: KeyType = 'ec-p256', names = NAMES) =>
    createKeyResponse.parse((await cluster.edge.call('POST', '/v1/keys', { issuance, names, keyType, reuse: former })).body);

  it.each(['ec-p256', 'ec-p384', 'rsa-2048'] as const)('of type %s gets a request of its own for the new names', async (keyType) => {
    const former = await created('one', keyType);
    const names = ['matrix.example.net', 'chat.matrix.example.net'];
    const { spki, csr } = await reuse('two', 'one', keyType, names);
    expect(spki).toBe(former.spki);
    const request = new Pkcs10CertificateRequest(Buffer.from(csr, 'base64url'));
    expect(await request.verify()).toBe(true);
    const [, ...rest] = [cluster.items(path('one')), cluster.items(path('two'))?.['key'], cluster.items(path('two'))?.['names']];
    expect(rest).toEqual([cluster.items(path('one'))?.['key'], names.toSorted().join(' ')]);
  });

  it('outlives the issuance that it was made for', async () => {
    const former = await created('one');
    await reuse('two', 'one');
    await cluster.edge.call('DELETE', '/v1/keys/one', undefined);
    expect((await reuse('two', 'one')).spki).toBe(former.spki);
    expect((await reuse('three', 'two')).spki).toBe(former.spki);
  });

  it('gives the same request however often it is asked for, from every relay', async () => {
    await created('one');
    const request = { issuance: 'two', names: NAMES, keyType: 'ec-p256', reuse: 'one' };
    const [first, second] = await Promise.all([reuse('two', 'one'), cluster.another().edge.call('POST', '/v1/keys', request)]);
    expect(createKeyResponse.parse(second.body).csr).toBe(first.csr);
    expect((await reuse('two', 'one')).csr).toBe(first.csr);
  });

  it('is a new one when the former is gone, or of another type', async () => {
    const former = await created('one');
    expect((await reuse('two', 'gone')).spki).not.toBe(former.spki);
    expect((await reuse('three', 'one', 'ec-p384')).spki).not.toBe(former.spki);
    expect(cluster.items(path('three'))?.['type']).toBe('ec-p384');
  });

  it('does not change what the issuance has already', async () => {
    const { spki } = await created('two');
    await created('one');
    expect((await reuse('two', 'one')).spki).toBe(spki);
    expect(await create('two', 'ec-p384')).toMatchObject({ status: 409, error: { code: 'key_conflict' } });
  });
});

describe('removing a key', () => {
  it('destroys it, and says whether there was one', async () => {
    await created('one');
    expect((await cluster.edge.call('DELETE', '/v1/keys/one', undefined)).body).toEqual({ removed: true });
    expect(cluster.items(path('one'))).toBeUndefined();
    expect((await cluster.edge.call('DELETE', '/v1/keys/one', undefined)).body).toEqual({ removed: false });
  });

  it('happens to a previous pair that nobody verified away, while its fingerprint is remembered', async () => {
    const record = 'nomad/jobs/relay/previous/matrix/0';
    cluster.nomad.variables.put(
      'default',
      record,
      { fingerprints: 'abc', target: 'default/nomad/jobs/proxy', previous_key: 'secret', previous_certificate: 'x', previous_sha256: 'y' },
      undefined,
    );
    now += 31 * DAY;
    cluster.relay.start();
    await vi.waitFor(() => expect(cluster.lines).toContainEqual({ event: 'sweep', count: 1 }), 5_000);
    expect(cluster.items(record)).toEqual({ fingerprints: 'abc', target: 'default/nomad/jobs/proxy' });
  });

  it('happens by itself to what is left over after 30 days, when a relay starts', async () => {
    await created('old');
    now += 31 * DAY;
    await created('young');
    cluster.relay.start();
    await vi.waitFor(() => expect(cluster.lines).toContainEqual({ event: 'sweep', count: 1 }), 5_000);
    expect([cluster.items(path('old')), cluster.items(path('young')) === undefined]).toEqual([undefined, false]);
  });
});
