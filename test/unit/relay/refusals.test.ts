import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Admissions } from '../../../infra/relay/admission.ts';
import { Connections } from '../../../infra/relay/connections.ts';
import { HOUR } from '../../../shared/clock.ts';
import { hashText, signMessage } from '../../../shared/link/signatures.ts';
import { MAX_BODY_BYTES, RELAY_ROUTES } from '../../../shared/relay/contract.ts';
import { NAMES, startCluster } from './support/cluster.ts';
import type { Cluster } from './support/cluster.ts';
import { makeSigningKeys } from './support/signing-edge.ts';
import type { Tampering } from './support/signing-edge.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

const request = { issuance: 'one', names: NAMES, keyType: 'ec-p256' };
const nothingDone = () => expect(cluster.nomad.countRequests()).toEqual({});

describe('a request is refused and nothing is done', () => {
  const cases: [string, () => Tampering | Promise<Tampering>, number, string][] = [
    ['unsigned', () => ({ send: { token: '' } }), 401, 'signature_missing'],
    ['signed with nonsense', () => ({ send: { token: 'a.b.c' } }), 401, 'signature_invalid'],
    ['signed by somebody unknown', async () => ({ key: (await makeSigningKeys()).private }), 401, 'signature_invalid'],
    [
      'signed with another key under a known kid',
      async () => ({ key: { ...(await makeSigningKeys()).private, kid: cluster.edgeKeys.public.kid } }),
      401,
      'signature_invalid',
    ],
    ['altered in its body', () => ({ send: { body: JSON.stringify({ ...request, keyType: 'ec-p384' }) } }), 401, 'request_altered'],
    ['altered in its path', () => ({ send: { path: '/v1/verify' } }), 401, 'request_altered'],
    ['altered in its query', () => ({ send: { path: '/v1/keys?x=1' } }), 401, 'request_altered'],
    ['altered in its method', () => ({ send: { method: 'PUT' } }), 401, 'request_altered'],
    ['altered in its content type', () => ({ send: { contentType: 'application/json; charset=utf-8' } }), 401, 'request_altered'],
    ['for another cluster', () => ({ claims: { aud: 'other' } }), 401, 'signature_invalid'],
    ['for a nonce that was never issued', () => ({ claims: { connection: 'A'.repeat(43) } }), 401, 'connection_unknown'],
    ['stale', () => ({ claims: { deadline: Date.now() - 1 } }), 401, 'request_expired'],
    ['valid for longer than a minute', () => ({ claims: { deadline: Date.now() + HOUR } }), 401, 'request_expired'],
  ];
  it.each(cases)('when it is %s', async (_, tampering, status, code) => {
    cluster.nomad.resetRequests();
    expect(await cluster.edge.call('POST', '/v1/keys', request, await tampering())).toMatchObject({ status, error: { code } });
    nothingDone();
  });

  it('when a response is sent back as a request', async () => {
    const { nonce, time } = await cluster.edge.nonce();
    const body = JSON.stringify(request);
    const claims = { aud: 'matrix', requestHash: await hashText(''), status: 200, contentType: 'application/json', bodyHash: await hashText(body) };
    const token = await signMessage('response', claims, cluster.edgeKeys.private);
    cluster.nomad.resetRequests();
    expect(await cluster.edge.send({ method: 'POST', path: '/v1/keys', body, contentType: 'application/json', token })).toMatchObject({
      status: 401,
      error: { code: 'signature_invalid' },
    });
    expect(time).toBeGreaterThan(0);
    expect(nonce).toMatch(/^[A-Za-z0-9_-]{43}$/);
    nothingDone();
  });

  it('when it is replayed, to this relay, to another, and after a restart', async () => {
    const { token } = await cluster.edge.call('DELETE', '/v1/keys/one', undefined);
    const recorded = { method: 'DELETE', path: '/v1/keys/one', body: '', contentType: 'application/json', token };
    cluster.nomad.resetRequests();
    expect(await cluster.edge.send(recorded)).toMatchObject({ status: 401, error: { code: 'connection_unknown' } });
    expect(await cluster.another().edge.send(recorded)).toMatchObject({ status: 401, error: { code: 'connection_unknown' } });
    nothingDone();
  });

  it.each([
    ['is not JSON', '{"issuance":'],
    ['is empty', ''],
    ['has another shape', { issuance: 'one', names: NAMES }],
    ['has a member too many', { ...request, extra: true }],
    ['has an id that would leave the key area', { ...request, issuance: '../proxy' }],
    ['has a name that is no DNS name', { ...request, names: ['matrix example net'] }],
  ])('when its body %s, and that is signed', async (_, data) => {
    cluster.nomad.resetRequests();
    const answer = await cluster.edge.call('POST', '/v1/keys', data);
    expect(answer).toMatchObject({ status: 400, error: { code: 'request_malformed' } });
    expect(answer.signed).toMatchObject({ status: 400, requestHash: await hashText(answer.token) });
    nothingDone();
  });

  it('when it is too large, before its signature is looked at', async () => {
    cluster.nomad.resetRequests();
    expect(await cluster.edge.call('POST', '/v1/keys', 'x'.repeat(MAX_BODY_BYTES + 1))).toMatchObject({ status: 413, error: { code: 'relay_too_large' } });
    nothingDone();
  });

  it('when it is too large, by admission itself, whatever stands in front of it', async () => {
    const admissions = new Admissions({ keys: [cluster.edgeKeys.public], cluster: 'matrix', connections: new Connections() });
    const oversized = { token: 'a.b.c', method: 'POST', path: '/v1/keys', contentType: 'application/json', body: 'ü'.repeat(MAX_BODY_BYTES / 2 + 1) };
    await expect(admissions.admit(oversized)).rejects.toMatchObject({ code: 'relay_too_large' });
    await expect(admissions.admit({ ...oversized, body: 'ü'.repeat(MAX_BODY_BYTES / 2) })).rejects.toMatchObject({ code: 'signature_invalid' });
  });

  it('when the route does not exist', async () => {
    expect(await cluster.edge.call('POST', '/v1/keys/one/read', {})).toMatchObject({ status: 404, error: { code: 'route_unknown' } });
    expect(await cluster.edge.call('GET', '/v1/keys/one', undefined, { claims: { method: 'GET' } })).toMatchObject({ status: 404 });
  });

  it('when it comes over HTTP and the law allows the link only', async () => {
    const linkOnly = await startCluster({ law: { listen: undefined } });
    const response = await linkOnly.relay.app.request('/v1/keys', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    expect(response.status).toBe(403);
    expect((await linkOnly.relay.app.request('/v1/nonce', { method: 'POST' })).status).toBe(403);
    await linkOnly.stop();
  });
});

describe('every route of the contract', () => {
  it.each(Object.values(RELAY_ROUTES).map(({ method, path }) => [method, path]))('%s %s refuses an unsigned call', async (method, path) => {
    const answer = await cluster.edge.send({
      method,
      path: path.replaceAll(/:[a-z]+/g, 'x'),
      body: method === 'GET' ? '' : '{}',
      contentType: 'application/json',
      token: '',
    });
    expect(answer).toMatchObject({ status: 401, error: { code: 'signature_missing' } });
  });
});

describe('the log', () => {
  it('has one line per request with route, status and code, and no secret', async () => {
    const quiet = await startCluster();
    const chain = await quiet.issue('secret-issuance');
    await quiet.installed({ issuance: 'secret-issuance', chain });
    await quiet.edge.call('POST', '/v1/keys', request, { send: { token: '' } });
    const lines = quiet.lines.filter((line) => line.event === 'request' && line.route !== '/v1/nonce');
    expect(lines).toMatchObject([
      { route: '/v1/keys', status: 200 },
      { route: '/v1/certificates/:name', status: 200, certificate: 'matrix' },
      { route: '/v1/keys', status: 401, code: 'signature_missing' },
    ]);
    expect(JSON.stringify(quiet.lines)).not.toMatch(/PRIVATE KEY|BEGIN CERTIFICATE|secret-issuance|eyJ/);
    await quiet.stop();
  });
});
