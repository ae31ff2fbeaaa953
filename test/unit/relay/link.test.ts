import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { reconnectDelay, refusedDelay } from '../../../infra/relay/link/backoff.ts';
import { HOUR } from '../../../shared/clock.ts';
import { CLOSE, HEARTBEAT_INTERVAL_MS } from '../../../shared/link/frames.ts';
import { hashText, randomNonce, verifyMessage } from '../../../shared/link/signatures.ts';
import { MAX_BODY_BYTES, RELAY_ROUTES, verifyRequest } from '../../../shared/relay/contract.ts';
import { EdgeServer } from './support/edge-server.ts';
import type { EdgeServerOptions, Link } from './support/edge-server.ts';
import { NAMES, startCluster } from './support/cluster.ts';
import type { Cluster, ClusterOptions } from './support/cluster.ts';
import { makeSigningKeys } from './support/signing-edge.ts';
import type { SigningKeys } from './support/signing-edge.ts';

let edge: EdgeServer;
let cluster: Cluster;
let keys: { edge: SigningKeys; relay: SigningKeys };

beforeEach(async () => {
  const [edgeKeys, relay] = await Promise.all([makeSigningKeys(), makeSigningKeys()]);
  keys = { edge: edgeKeys, relay };
});
afterEach(async () => {
  await cluster.stop();
  await edge.stop();
});

async function connect(options: Partial<EdgeServerOptions> = {}, more: ClusterOptions = {}): Promise<Link> {
  await start(options, more);
  const link = edge.link();
  cluster.relay.start();
  return link;
}

async function start(options: Partial<EdgeServerOptions> = {}, more: ClusterOptions = {}): Promise<void> {
  edge = await EdgeServer.start({ keys: keys.edge, relay: keys.relay, ...options });
  cluster = await startCluster({ origin: edge.origin, keys, law: { listen: undefined }, ...more });
}

const createKey = { issuance: 'one', names: NAMES, keyType: 'ec-p256' };
const errorOf = (frame: { body: string }) => (JSON.parse(frame.body) as { error?: { code: string } }).error?.code;
const keyExists = (issuance = 'one') => cluster.nomad.variables.get('default', `nomad/jobs/relay/keys/${issuance}`) !== undefined;

describe('the link', () => {
  it('introduces itself with cluster, allocation, contract and bundle', async () => {
    const { hello } = await connect();
    expect(hello).toMatchObject({ cluster: 'matrix', allocation: 'allocation-0', contract: 2, bundle: 'development' });
  });

  it('speaks the previous contract version when its law says so', async () => {
    const { hello } = await connect({}, { law: { listen: undefined, contract: 1 } });
    expect(hello.contract).toBe(1);
  });

  it('reports what its own look saw, signed and counted', async () => {
    const link = await connect();
    // The edge has said its part; the relay must have heard it before it has anything to tell.
    await vi.waitFor(async () => expect(await (await cluster.relay.app.request('/healthz')).json()).toMatchObject({ link: 'open' }), 5_000);
    const seen = { id: 'gone', address: '192.0.2.1', port: 443, job: 'proxy', verdict: 'new' as const, detail: '', names: [] };
    const request = verifyRequest.parse({ certificate: 'matrix', names: NAMES, sha256: '0'.repeat(64), previous: [], service: 'traefik' });
    // The instance has left the cluster since.
    cluster.relay.watch.remember(request, [seen], 1);
    await cluster.relay.watch.look();
    await vi.waitFor(() => expect(link.events).toHaveLength(1), 5_000);
    const [event] = link.events;
    expect(JSON.parse(event?.body ?? '')).toMatchObject({ kind: 'served-changed', certificate: 'matrix', verdicts: {} });
    const claims = await verifyMessage('event', event?.token ?? '', [keys.relay.public], edge.origin);
    expect(claims).toMatchObject({ connection: link.nonce, sequence: 1, bodyHash: await hashText(event?.body ?? '') });
  });

  it('answers a signed request with a response signed over request, status and body', async () => {
    const link = await connect();
    const frame = await edge.frame(link, 'POST', '/v1/keys', createKey);
    const response = await edge.send(link, frame);
    const claims = await verifyMessage('response', response.token, [keys.relay.public], edge.origin);
    expect(response.status).toBe(200);
    expect(claims).toMatchObject({
      status: 200,
      contentType: response.contentType,
      bodyHash: await hashText(response.body),
      requestHash: await hashText(String(frame['token'])),
    });
  });

  it('serves two hundred requests that come at once, each of them once', async () => {
    const link = await connect();
    const frames = await Promise.all(
      Array.from({ length: 200 }, () => edge.frame(link, 'POST', RELAY_ROUTES.reload.path, { certificate: 'matrix', service: 'traefik', mode: 'watch' })),
    );
    const statuses = await Promise.all(frames.map((frame) => edge.send(link, frame).then(({ status }) => status)));
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  it("counts deadlines in the edge's clock, however wrong its own is", async () => {
    const link = await connect({ skewMs: 5 * 3_600_000 });
    expect(await edge.request(link, 'POST', '/v1/keys', createKey)).toMatchObject({ status: 200 });
    const late = await edge.frame(link, 'POST', '/v1/keys', { ...createKey, issuance: 'two' }, { claims: { deadline: edge.now() - 1 } });
    expect(errorOf(await edge.send(link, late))).toBe('request_expired');
    expect(keyExists('two')).toBe(false);
  });

  it('comes back by itself with a new connection after the edge went away', async () => {
    const first = await connect();
    const next = edge.link();
    first.socket.terminate();
    const second = await next;
    expect(second.nonce).not.toBe(first.nonce);
    expect(await edge.request(second, 'POST', '/v1/keys', createKey)).toMatchObject({ status: 200 });
  });

  it('finishes what is in flight and says goodbye when it is stopped', async () => {
    const link = await connect();
    cluster.nomad.faults.next({ kind: 'slow', ms: 300 });
    const answer = edge.request(link, 'POST', '/v1/keys', createKey);
    await vi.waitFor(() => expect(cluster.nomad.faults.take({ method: 'GET', path: '/' })).toBeUndefined(), 5_000);
    await cluster.relay.stop();
    expect(await answer).toMatchObject({ status: 200 });
    expect(await link.closed).toBe(CLOSE.shutdown);
  });
});

describe('the heartbeat', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ['ends a connection on which two heartbeats stayed without an answer', true, 1],
    ['leaves a connection alone on which they are answered', false, 0],
  ])('%s', async (_, mute, lost) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    let elapsed = 0;
    const link = await connect({ mute }, { monotonic: () => performance.now() + elapsed });
    for (let beat = 0; beat < 3; beat += 1) {
      elapsed += HEARTBEAT_INTERVAL_MS;
      vi.advanceTimersByTime(HEARTBEAT_INTERVAL_MS);
      // Time for a pong to come back.
      // oxlint-disable-next-line no-await-in-loop
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
    expect(cluster.lines.filter((line) => line.event === 'link' && line.state === 'lost')).toHaveLength(lost);
    expect(link.hello.cluster).toBe('matrix');
  });
});

describe('/healthz', () => {
  it('says whether the link is open, and is degraded when the edge is silent for an hour', async () => {
    let elapsed = 0;
    await connect({}, { monotonic: () => performance.now() + elapsed });
    await vi.waitFor(async () => expect(await (await cluster.relay.app.request('/healthz')).json()).toMatchObject({ status: 'ok', link: 'open' }), 5_000);
    elapsed = HOUR;
    expect(await (await cluster.relay.app.request('/healthz')).json()).toMatchObject({ status: 'degraded', edgeHeardSecondsAgo: 3_600 });
  });
});

describe('the link refuses, and does nothing', () => {
  it.each([
    ['a frame whose body was altered', { frame: { body: JSON.stringify({ ...createKey, keyType: 'rsa-2048' }) } }, 'request_altered'],
    ['a frame whose path was altered', { frame: { path: '/v1/keys?x=1' } }, 'request_altered'],
    ['a frame whose method was altered', { frame: { method: 'PUT' } }, 'request_altered'],
    ['a frame whose content type was altered', { frame: { contentType: 'text/plain' } }, 'request_altered'],
    ['a frame without a signature', { frame: { token: '' } }, 'signature_missing'],
    ['a frame for another cluster', { claims: { aud: 'other' } }, 'signature_invalid'],
    ['a frame for another connection', { claims: { connection: 'A'.repeat(43) } }, 'connection_unknown'],
    ['a sequence that went back', { claims: { sequence: 1 } }, 'request_replayed'],
    ['a deadline too far away', { claims: { deadline: Date.now() + 3_600_000 } }, 'request_expired'],
    ['a path that is not in normal form', { frame: { path: '/v1/../v1/keys' } }, 'request_malformed'],
    ['a path that leads to another host', { frame: { path: '//elsewhere/v1/keys' } }, 'request_malformed'],
    ['a path that is no URL', { frame: { path: '//' } }, 'request_malformed'],
    ['a content type that would add a header', { frame: { contentType: 'a\r\nb: c' } }, 'request_malformed'],
    ['a method that the contract lacks', { frame: { method: 'PATCH' } }, 'request_malformed'],
    ['a body that is no text', { frame: { body: 1 } }, 'request_malformed'],
    ['a body that is too large', { frame: { body: 'x'.repeat(MAX_BODY_BYTES + 1) } }, 'relay_too_large'],
    ['a body that is too large in bytes only', { frame: { body: 'ü'.repeat(MAX_BODY_BYTES - 1) } }, 'relay_too_large'],
  ])('%s', async (_, change, code) => {
    const link = await connect();
    // Takes the first sequence, so that a repeated 1 is a step back.
    await edge.request(link, 'POST', '/v1/keys', { ...createKey, issuance: 'zero' });
    const frame = await edge.frame(link, 'POST', '/v1/keys', createKey, change);
    expect(errorOf(await edge.send(link, frame))).toBe(code);
    expect(keyExists()).toBe(false);
  });

  it('a request that was answered before, on the same and on the next connection', async () => {
    const link = await connect();
    const frame = await edge.frame(link, 'DELETE', '/v1/keys/one', undefined);
    expect(await edge.send(link, frame)).toMatchObject({ status: 200 });
    await edge.request(link, 'POST', '/v1/keys', createKey);
    expect(errorOf(await edge.send(link, frame))).toBe('request_replayed');
    const next = edge.link();
    link.socket.terminate();
    expect(errorOf(await edge.send(await next, frame))).toBe('connection_unknown');
    expect(keyExists()).toBe(true);
  });

  it('a request recorded before the relay was restarted', async () => {
    const link = await connect();
    const frame = await edge.frame(link, 'DELETE', '/v1/keys/one', undefined);
    await cluster.relay.stop();
    const restarted = cluster.another().relay;
    const next = edge.link();
    restarted.start();
    expect(errorOf(await edge.send(await next, frame))).toBe('connection_unknown');
  });

  it.each([
    ['text that is not JSON', 'nonsense'],
    ['a frame of an unknown kind', JSON.stringify({ type: 'order', id: 'x' })],
    ['a second challenge', JSON.stringify({ type: 'challenge', nonce: 'A'.repeat(43), origin: 'https://perennial.example', cluster: 'matrix', time: 1 })],
  ])('%s, by closing the connection', async (_, text) => {
    const link = await connect();
    link.socket.send(text);
    expect(await link.closed).toBe(CLOSE.protocol);
  });
});

describe('an edge that is not the right one', () => {
  const linkLines = () => cluster.lines.filter((line) => line.event === 'link');

  it('is left when its welcome is signed with an unknown key', async () => {
    await start({ welcomeKey: (await makeSigningKeys()).private });
    cluster.relay.start();
    await vi.waitFor(() => expect(edge.closes).toContain(CLOSE.protocol), 5_000);
    expect(linkLines()).toContainEqual(expect.objectContaining({ state: 'lost', code: 'link_protocol' }));
  });

  it('is left when its welcome was recorded on another connection', async () => {
    await start({ welcomeChallenge: randomNonce() });
    cluster.relay.start();
    await vi.waitFor(() => expect(edge.closes).toContain(CLOSE.protocol), 5_000);
    expect(linkLines()).toContainEqual(expect.objectContaining({ state: 'lost', code: 'link_protocol' }));
    expect(linkLines()).not.toContainEqual(expect.objectContaining({ state: 'connected' }));
  });

  it('is left when it calls itself by another origin', async () => {
    edge = await EdgeServer.start({ keys: keys.edge, relay: keys.relay });
    // The same port by another name: a proxy in between would look like that.
    cluster = await startCluster({ origin: edge.origin.replace('127.0.0.1', 'localhost'), keys, law: { listen: undefined } });
    cluster.relay.start();
    await vi.waitFor(() => expect(linkLines()).toContainEqual(expect.objectContaining({ state: 'refused', code: 'link_wrong_edge' })), 5_000);
    expect(edge.links).toHaveLength(0);
  });

  it('that refuses is asked again slowly, and the log says why', async () => {
    await start({ refuse: { code: 'cluster_unknown', retryable: false } });
    cluster.relay.start();
    await vi.waitFor(() => expect(linkLines()).toHaveLength(1), 5_000);
    const [line] = linkLines();
    expect(line).toMatchObject({ state: 'refused', code: 'cluster_unknown', hint: 'Add it to certificates.toml.' });
    expect(line).toHaveProperty('retryInMs');
    expect((line as { retryInMs: number }).retryInMs).toBeGreaterThanOrEqual(30_000);
    expect(edge.attempts).toBe(1);
  });
});

describe('an edge that is not there', () => {
  it('is dialled again soon, and the log says what happened', async () => {
    edge = await EdgeServer.start({ keys: keys.edge, relay: keys.relay });
    cluster = await startCluster({ origin: edge.origin, keys, law: { listen: undefined } });
    await edge.stop();
    cluster.relay.start();
    await vi.waitFor(() => expect(cluster.lines.filter((line) => line.event === 'link').length).toBeGreaterThan(1), 5_000);
    expect(cluster.lines).toContainEqual(
      expect.objectContaining({ event: 'link', state: 'closed', message: expect.stringContaining('ECONNREFUSED') as string }),
    );
  });
});

describe('waiting before the next dial', () => {
  it('grows exponentially up to 30 seconds and is spread over the whole range', () => {
    expect([0, 1, 2, 3].map((failures) => reconnectDelay(failures, 0.999_999))).toEqual([300, 600, 1_200, 2_400]);
    expect(reconnectDelay(50, 0.999_999)).toBe(30_000);
    expect(reconnectDelay(7, 0.5)).toBe(15_000);
    expect(reconnectDelay(7, 0)).toBe(50);
  });

  it('is half a minute to a minute after a refusal', () => {
    expect([refusedDelay(0), refusedDelay(0.999_999)]).toEqual([30_000, 60_000]);
  });
});
