import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { DAY } from '../../../shared/clock.ts';
import { inspectResponse } from '../../../shared/relay/contract.ts';
import { createAuthority } from './support/authority.ts';
import { NAMES, startCluster, TARGET, VARIABLE } from './support/cluster.ts';
import type { Cluster } from './support/cluster.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await startCluster();
});
afterEach(() => cluster.stop());

const fingerprint = (pem: string) => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
const put = (items: Record<string, string>) => cluster.nomad.variables.put('default', VARIABLE, items, undefined);
const writes = (route = VARIABLE) => cluster.nomad.requests.filter(({ method, path }) => method === 'PUT' && path === `/v1/var/${route}`).length;

describe('installing a certificate', () => {
  it('writes the chain with the key that was made for it, and says what it wrote', async () => {
    const chain = await cluster.issue('one');
    const { sha256, changed, index } = await cluster.installed({ issuance: 'one', chain });
    const items = cluster.items();
    expect({ sha256, changed, index }).toEqual({
      sha256: fingerprint(chain),
      changed: true,
      index: cluster.nomad.variables.get('default', VARIABLE)?.modifyIndex,
    });
    expect(createPublicKey(items?.['key'] ?? '').export({ type: 'spki', format: 'der' })).toEqual(
      new X509Certificate(items?.['certificate'] ?? '').publicKey.export({ type: 'spki', format: 'der' }),
    );
  });

  it('writes once however often it is asked', async () => {
    const chain = await cluster.issue('one');
    const first = await cluster.installed({ issuance: 'one', chain });
    const second = await cluster.installed({ issuance: 'one', chain });
    expect(second).toMatchObject({ changed: false, index: first.index });
    expect(writes()).toBe(1);
  });

  it('finds the pair installed although its pending key is gone', async () => {
    const chain = await cluster.issue('one');
    await cluster.installed({ issuance: 'one', chain });
    await cluster.edge.call('DELETE', '/v1/keys/one', undefined);
    expect(await cluster.installed({ issuance: 'one', chain })).toMatchObject({ changed: false });
  });

  it('keeps every item that is not its own, and names them', async () => {
    put({ dashboard_password: 'secret', note: 'kept' });
    const { keptItems } = await cluster.installed({ issuance: 'one', chain: await cluster.issue('one') });
    expect(keptItems.toSorted()).toEqual(['dashboard_password', 'note']);
    expect(cluster.items()).toMatchObject({ dashboard_password: 'secret', note: 'kept' });
  });

  it('replaces a pair that the edge knows, and one of its own that the edge has forgotten', async () => {
    const first = await cluster.issue('one');
    await cluster.installed({ issuance: 'one', chain: first });
    expect(await cluster.installed({ issuance: 'two', chain: await cluster.issue('two'), known: [fingerprint(first)] })).toMatchObject({ changed: true });
    expect(await cluster.installed({ issuance: 'three', chain: await cluster.issue('three') })).toMatchObject({ changed: true });
  });

  it("leaves a stranger's pair alone and calls it drift", async () => {
    put({ ...(await cluster.authority.pair(NAMES)) });
    const answer = await cluster.install({ issuance: 'one', chain: await cluster.issue('one') });
    expect(answer).toMatchObject({ status: 409, error: { code: 'drift', details: { variable: VARIABLE } } });
    expect(writes()).toBe(0);
  });

  it("replaces a stranger's pair when asked to", async () => {
    put({ ...(await cluster.authority.pair(NAMES)), note: 'kept' });
    const chain = await cluster.issue('one');
    expect(await cluster.installed({ issuance: 'one', chain, replaceForeign: true })).toMatchObject({ changed: true, keptItems: ['note'] });
  });

  it('heals its own certificate beside a wrong key', async () => {
    const chain = await cluster.issue('one');
    await cluster.installed({ issuance: 'one', chain });
    put({ certificate: cluster.items()?.['certificate'] ?? '', key: (await cluster.authority.pair(NAMES)).key });
    expect(await cluster.installed({ issuance: 'one', chain })).toMatchObject({ changed: true });
  });
});

describe('a write that races with somebody else', () => {
  /** Somebody edits the variable between the relay's read and its write. */
  const meanwhile = (edit: () => void) => {
    cluster.nomad.faults.next({ kind: 'slow', ms: 0 }, 1, ({ method, path }) => {
      if (method !== 'PUT' || path !== `/v1/var/${VARIABLE}`) return false;
      edit();
      return true;
    });
  };

  it('merges again when only other items changed', async () => {
    put({ note: 'before' });
    const chain = await cluster.issue('one');
    meanwhile(() => put({ note: 'after', other: 'new' }));
    expect(await cluster.installed({ issuance: 'one', chain })).toMatchObject({ changed: true });
    expect(cluster.items()).toMatchObject({ note: 'after', other: 'new' });
  });

  it('never overwrites a pair it has not seen, even when it may replace foreign ones', async () => {
    const stranger = await cluster.authority.pair(NAMES);
    const chain = await cluster.issue('one');
    meanwhile(() => put({ ...stranger }));
    expect(await cluster.install({ issuance: 'one', chain, replaceForeign: true })).toMatchObject({ status: 409, error: { code: 'drift' } });
    expect(cluster.items()?.['certificate']).toBe(stranger.certificate);
  });

  it('takes the same pair written by another relay for success', async () => {
    const chain = await cluster.issue('one');
    const other = cluster.another();
    const body = { issuance: 'one', names: NAMES, chain, target: TARGET, known: [], replaceForeign: false, blind: false };
    const answers = await Promise.all([cluster.edge.call('PUT', '/v1/certificates/matrix', body), other.edge.call('PUT', '/v1/certificates/matrix', body)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(cluster.items()?.['certificate']).toContain('BEGIN CERTIFICATE');
  });

  it('does not take its own lost reply for drift', async () => {
    const chain = await cluster.issue('one');
    cluster.nomad.faults.next({ kind: 'cut-after' }, 1, ({ method, path }) => method === 'PUT' && path === `/v1/var/${VARIABLE}`);
    expect(await cluster.installed({ issuance: 'one', chain })).toMatchObject({ changed: true, sha256: fingerprint(chain) });
    expect(writes()).toBe(1);
  });

  it('writes again when the connection broke before the write', async () => {
    const chain = await cluster.issue('one');
    cluster.nomad.faults.next({ kind: 'cut-before' }, 1, ({ method, path }) => method === 'PUT' && path === `/v1/var/${VARIABLE}`);
    expect(await cluster.installed({ issuance: 'one', chain })).toMatchObject({ changed: true });
  });

  it('calls a leaderless Nomad unavailable, and is worth repeating', async () => {
    const chain = await cluster.issue('one');
    cluster.nomad.faults.next({ kind: 'no-leader' }, 100);
    expect(await cluster.install({ issuance: 'one', chain })).toMatchObject({ status: 503, error: { code: 'nomad_unavailable', retryable: true } });
    cluster.nomad.faults.clear();
    expect(await cluster.installed({ issuance: 'one', chain })).toMatchObject({ changed: true });
  });
});

describe('a pair that does not fit is refused before it reaches Nomad', () => {
  const refused = async (request: Parameters<Cluster['install']>[0]) => {
    const { status, error } = await cluster.install(request);
    expect(writes()).toBe(0);
    return { status, code: error?.code };
  };

  it('because of its key', async () => {
    await cluster.issue('one');
    const { certificate } = await cluster.authority.pair(NAMES);
    expect(await refused({ issuance: 'one', chain: certificate })).toEqual({ status: 422, code: 'chain_key_mismatch' });
  });

  it('because of its names', async () => {
    const chain = await cluster.issue('one');
    expect(await refused({ issuance: 'one', chain, names: ['matrix.example.net'] })).toEqual({ status: 422, code: 'chain_names_mismatch' });
  });

  it.each([
    ['expired', { notBefore: Date.now() - 90 * DAY, notAfter: Date.now() - DAY }, 'chain_not_valid_now'],
    ['not valid yet', { notBefore: Date.now() + DAY }, 'chain_not_valid_yet'],
  ])('because it is %s', async (_, dates, code) => {
    const { csr } = (await cluster.edge.call('POST', '/v1/keys', { issuance: 'one', names: NAMES, keyType: 'ec-p256' })).body as { csr: string };
    expect(await refused({ issuance: 'one', chain: await cluster.authority.issue(csr, dates) })).toEqual({ status: 422, code });
  });

  it('because its chain leads to no configured root', async () => {
    const { csr } = (await cluster.edge.call('POST', '/v1/keys', { issuance: 'one', names: NAMES, keyType: 'ec-p256' })).body as { csr: string };
    const stranger = await createAuthority('Stranger');
    expect(await refused({ issuance: 'one', chain: await stranger.issue(csr) })).toEqual({ status: 422, code: 'chain_root_unknown' });
  });

  it('because its certificates do not belong together', async () => {
    const leaf = (await cluster.issue('one')).split('-----END CERTIFICATE-----')[0] ?? '';
    const other = (await (await createAuthority('Stranger')).pair(NAMES)).certificate.split('-----END CERTIFICATE-----')[1] ?? '';
    const chain = `${leaf}-----END CERTIFICATE-----${other}-----END CERTIFICATE-----\n`;
    expect(await refused({ issuance: 'one', chain })).toEqual({ status: 422, code: 'chain_order_invalid' });
  });

  it('because a key came along', async () => {
    const chain = await cluster.issue('one');
    expect(await refused({ issuance: 'one', chain: `${chain}${(await cluster.authority.pair(NAMES)).key}` })).toEqual({ status: 422, code: 'chain_malformed' });
  });

  it('because the key of the issuance is not here', async () => {
    expect(await refused({ issuance: 'gone', chain: (await cluster.authority.pair(NAMES)).certificate })).toEqual({ status: 409, code: 'key_missing' });
  });

  it('because the variable would be larger than Nomad takes', async () => {
    put({ large: 'x'.repeat(65_000) });
    expect(await refused({ issuance: 'one', chain: await cluster.issue('one') })).toEqual({ status: 422, code: 'nomad_variable_too_large' });
  });

  it.each([
    ['another variable', { target: { ...TARGET, variable: 'nomad/jobs/other' } }, 'target_not_allowed'],
    ['another namespace', { target: { ...TARGET, namespace: 'other' } }, 'target_not_allowed'],
    ['a name outside', { names: ['matrix.example.net', 'bank.example'] }, 'names_not_allowed'],
    ['a wildcard above the suffix', { names: ['*.example.net'] }, 'names_not_allowed'],
  ])('because the law does not allow %s', async (_, change, code) => {
    expect(await refused({ issuance: 'one', chain: await cluster.issue('one'), ...change })).toEqual({ status: 403, code });
  });

  it('because the law allows the variable to another certificate', async () => {
    const chain = await cluster.issue('one');
    const answer = await cluster.edge.call('PUT', '/v1/certificates/other', {
      issuance: 'one',
      names: NAMES,
      chain,
      target: TARGET,
      known: [],
      replaceForeign: true,
    });
    expect(answer).toMatchObject({ status: 403, error: { code: 'target_not_allowed' } });
  });
});

describe('the previous pair', () => {
  const record = () => {
    const [path] = cluster.nomad.variables.list('default', 'nomad/jobs/relay/previous/matrix/').map((row) => row.path);
    return path === undefined ? undefined : cluster.items(path);
  };

  it("is kept in the relay's own area when it is replaced", async () => {
    const first = await cluster.issue('one');
    await cluster.installed({ issuance: 'one', chain: first });
    const key = cluster.items()?.['key'];
    await cluster.installed({ issuance: 'two', chain: await cluster.issue('two') });
    expect(record()).toMatchObject({ previous_sha256: fingerprint(first), previous_key: key });
  });

  it('does not hide an own pair after a crash between note and write', async () => {
    await cluster.installed({ issuance: 'one', chain: await cluster.issue('one') });
    const chain = await cluster.issue('two');
    cluster.nomad.faults.next({ kind: 'no-leader' }, 100, ({ method, path }) => method === 'PUT' && path === `/v1/var/${VARIABLE}`);
    expect(await cluster.install({ issuance: 'two', chain })).toMatchObject({ status: 503 });
    cluster.nomad.faults.clear();
    expect(await cluster.installed({ issuance: 'two', chain })).toMatchObject({ changed: true });
  });
});

describe('inspecting a variable', () => {
  const inspect = async () =>
    inspectResponse.parse((await cluster.edge.call('GET', `/v1/certificates/matrix?${new URLSearchParams(TARGET).toString()}`, undefined)).body);

  it('finds nothing in an empty place', async () => {
    expect(await inspect()).toEqual({ found: false, index: 0, chain: null, sha256: null, pairFits: null, ours: false });
  });

  it('knows its own pair, and returns no key', async () => {
    const chain = await cluster.issue('one');
    await cluster.installed({ issuance: 'one', chain });
    const answer = await cluster.edge.call('GET', `/v1/certificates/matrix?${new URLSearchParams(TARGET).toString()}`, undefined);
    expect(answer.body).toMatchObject({ found: true, ours: true, pairFits: true, sha256: fingerprint(chain) });
    expect(JSON.stringify(answer.body)).not.toContain('PRIVATE KEY');
  });

  it.each([
    ['another variable', { variable: 'nomad/jobs/other' }],
    ['another namespace', { namespace: 'other' }],
    ['its own key area', { variable: 'nomad/jobs/relay/keys/one' }],
  ])('refuses %s, which the law does not list, and reads nothing', async (_, elsewhere) => {
    cluster.nomad.resetRequests();
    const answer = await cluster.edge.call('GET', `/v1/certificates/matrix?${new URLSearchParams({ ...TARGET, ...elsewhere }).toString()}`, undefined);
    expect(answer).toMatchObject({ status: 403, error: { code: 'target_not_allowed' } });
    expect(cluster.nomad.countRequests()).toEqual({});
  });

  it("sees a stranger's pair and a key that does not fit", async () => {
    const [one, two] = await Promise.all([cluster.authority.pair(NAMES), cluster.authority.pair(NAMES)]);
    put({ certificate: one.certificate, key: two.key });
    expect(await inspect()).toMatchObject({ found: true, ours: false, pairFits: false });
  });
});

describe('a relay without the right to read (blind)', () => {
  beforeEach(async () => {
    await cluster.stop();
    const policy = `namespace "default" { variables {
      path "nomad/jobs/proxy" { capabilities = ["write", "list"] }
      path "nomad/jobs/relay/*" { capabilities = ["read", "write", "list", "destroy"] } } }`;
    cluster = await startCluster({ policy });
  });

  it('installs and replaces by the listed index', async () => {
    await cluster.installed({ issuance: 'one', chain: await cluster.issue('one'), blind: true });
    const chain = await cluster.issue('two');
    await cluster.installed({ issuance: 'two', chain, blind: true });
    expect(fingerprint(cluster.items()?.['certificate'] ?? '')).toBe(fingerprint(chain));
  });

  it('says which capability is missing when it is asked to read', async () => {
    const answer = await cluster.install({ issuance: 'one', chain: await cluster.issue('one') });
    expect(answer).toMatchObject({ status: 502, error: { code: 'nomad_forbidden' } });
    expect(answer.error?.hint).toContain(`read on ${VARIABLE}`);
  });
});
