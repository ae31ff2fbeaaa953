/** What the cluster remembers of verifications, and to whom it hands it: relays forget, and of several only one was asked. */
import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { portionsOf, watchEntryOf } from '../../../functions/clusters/watch-list.ts';
import { MAX_BODY_BYTES, type VerifyRequest, type WatchEntry, watchRequest } from '../../../shared/relay/contract.ts';
import { CLUSTER, connect, type RelayClient } from './relay-client.ts';

let objects = 0;
let object = env.CLUSTERS.getByName('watched-0');
beforeEach(() => {
  objects += 1;
  object = env.CLUSTERS.getByName(`watched-${objects}`);
});

const asked = (change: Partial<VerifyRequest> = {}): VerifyRequest => ({
  certificate: 'matrix',
  names: ['matrix.example.net'],
  sha256: 'a'.repeat(64),
  previous: [],
  service: 'traefik',
  namespace: 'default',
  probes: [],
  ...change,
});
const answer = (verdict = 'new') => ({
  instances: [{ id: 'i', address: '10.0.0.1', port: 443, job: 'proxy', verdict, detail: '', names: [] }],
});

/** Verifies through `relay`, which finds `verdict`. */
async function verify(relay: RelayClient, request = asked(), verdict = 'new'): Promise<void> {
  const pending = object.call(CLUSTER, {
    method: 'POST',
    path: '/v1/verify',
    body: JSON.stringify(request),
    timeoutMs: 10_000,
    idempotent: true,
    caller: null,
  });
  const { frame } = await relay.request();
  await relay.respond(frame, answer(verdict));
  expect(await pending).toMatchObject({ ok: true });
}

/** The next list that this relay is handed. */
async function handed(relay: RelayClient): Promise<WatchEntry[]> {
  const { frame } = await relay.request();
  expect([frame.method, frame.path]).toEqual(['PUT', '/v1/watch']);
  const { entries } = watchRequest.parse(JSON.parse(frame.body));
  await relay.respond(frame, { watched: entries.length });
  return entries;
}

/** Whether the relay is asked for anything before it has answered a call of ours. */
async function nothingBefore(relay: RelayClient): Promise<void> {
  const pending = object.call(CLUSTER, { method: 'GET', path: '/v1/marker', body: '', timeoutMs: 10_000, idempotent: true, caller: null });
  const { frame } = await relay.request();
  expect(frame.path).toBe('/v1/marker');
  await relay.respond(frame);
  await pending;
}

describe('a relay that connects', () => {
  it('is told what is watched and what is known of it, also after the object lost its memory', async () => {
    const first = await connect(object, 'allocation-1');
    await verify(first);
    first.close();
    await first.closed;
    await evictDurableObject(object);
    const restarted = await connect(object, 'allocation-1');
    expect(await handed(restarted)).toEqual([{ request: asked(), verdicts: { i: 'new' }, at: expect.any(Number) as number }]);
  });

  it('is told nothing when nothing was verified, and nothing of certificates that are gone from the configuration', async () => {
    const first = await connect(object, 'allocation-1');
    await verify(first, asked({ certificate: 'stranger' }));
    const second = await connect(object, 'allocation-2');
    await nothingBefore(second);
  });

  it('of the release before, that has no such route, stays connected', async () => {
    const first = await connect(object, 'allocation-1');
    await verify(first);
    const old = await connect(object, 'old');
    const { frame } = await old.request();
    await old.respond(frame, { error: { code: 'route_unknown', message: 'The relay has no such route.', retryable: false } }, 404);
    await nothingBefore(old);
  });
});

describe('several relays of one cluster', () => {
  it('are all told of a new certificate and of new verdicts, whichever was asked to verify', async () => {
    const first = await connect(object, 'allocation-1');
    await scheduler.wait(20);
    const second = await connect(object, 'allocation-2');
    await verify(second);
    expect(await handed(first)).toMatchObject([{ request: { sha256: 'a'.repeat(64) }, verdicts: { i: 'new' } }]);
    await handed(second);
    await verify(second, asked({ sha256: 'b'.repeat(64) }));
    expect(await handed(first)).toMatchObject([{ request: { sha256: 'b'.repeat(64) } }]);
    await handed(second);
    await verify(second, asked({ sha256: 'b'.repeat(64) }), 'foreign');
    expect(await handed(first)).toMatchObject([{ verdicts: { i: 'foreign' } }]);
  });

  it('hear nothing of a verification that shows what the last one showed', async () => {
    const first = await connect(object, 'allocation-1');
    await verify(first);
    const second = await connect(object, 'allocation-2');
    await handed(second);
    await verify(second);
    await nothingBefore(second);
  });
});

describe('the list', () => {
  const response = (body: unknown, status = 200) => ({ status, body: JSON.stringify(body), contract: 2 });
  const request = (body: unknown, path = '/v1/verify') => ({
    method: 'POST' as const,
    path,
    body: JSON.stringify(body),
    timeoutMs: 1,
    idempotent: true,
    caller: null,
  });

  it.each([
    ['of another route', request(asked(), '/v1/reload'), response(answer())],
    ['that was refused', request(asked()), response({ error: {} }, 503)],
    ['whose answer has another shape', request(asked()), response({ instances: [{ id: 'i', verdict: 'fine' }] })],
    ['whose request has another shape', request({}), response(answer())],
  ])('takes nothing from an exchange %s', (_, sent, came) => {
    expect(watchEntryOf(sent, came, 1)).toBeNull();
  });

  it('goes out in portions that fit, in its order, each entry once', () => {
    const entries = Array.from({ length: 1_000 }, (_, number) => ({ request: asked({ certificate: `c-${number}` }), verdicts: { i: 'new' as const }, at: 1 }));
    const portions = portionsOf(entries);
    expect(portions.flat()).toEqual(entries);
    for (const portion of portions) expect(JSON.stringify({ entries: portion }).length).toBeLessThan(MAX_BODY_BYTES / 4);
    expect(portions.length).toBeLessThan(10);
  });
});
