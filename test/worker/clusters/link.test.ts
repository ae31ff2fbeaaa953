import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import type { LinkRequest, LinkResponse } from '../../../functions/clusters/link.ts';
import { connectionOf } from '../../../functions/clusters/connection.ts';
import type { Outcome } from '../../../shared/errors.ts';
import { CLOSE, MAX_FRAME_LENGTH, type RelayEvent } from '../../../shared/link/frames.ts';
import { type PrivateKey, privateKeySchema, randomNonce } from '../../../shared/link/signatures.ts';
import { CONTRACT, MAX_BODY_BYTES } from '../../../shared/relay/contract.ts';
import { CLUSTER, connect, dial, ORIGIN, type RelayClient } from './relay-client.ts';

let objects = 0;
let object = env.CLUSTERS.getByName('matrix-0');

beforeEach(() => {
  objects += 1;
  object = env.CLUSTERS.getByName(`matrix-${objects}`);
});

function call(request: Partial<LinkRequest> = {}): Promise<Outcome<LinkResponse>> {
  return object.call(CLUSTER, { method: 'POST', path: '/v1/verify', body: '{}', timeoutMs: 10_000, idempotent: true, caller: null, ...request });
}

async function status() {
  const outcome = await object.status(CLUSTER);
  if (!outcome.ok) throw new Error(outcome.error.message);
  return outcome.value;
}

async function opened(): Promise<RelayClient> {
  const client = await dial(object);
  if (client === null) throw new Error('the edge turned the relay away');
  return client;
}

/** Wakes that a certificate ever received: its table of wakes counts up and never back. */
function wakesOf(certificate: string): Promise<number> {
  return runInDurableObject(env.CERTIFICATES.getByName(certificate), (_instance, state) => {
    const [row] = state.storage.sql.exec<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'wakes'").toArray();
    return row?.seq ?? 0;
  });
}

async function otherKey(kid: string): Promise<PrivateKey> {
  const pair = await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify']);
  if (!('privateKey' in pair)) throw new Error('a pair was expected');
  const exported: unknown = await crypto.subtle.exportKey('jwk', pair.privateKey);
  return privateKeySchema.parse({ ...(typeof exported === 'object' ? exported : {}), kid });
}

const elapsed = async (work: () => Promise<unknown>) => {
  const start = Date.now();
  await work();
  return Date.now() - start;
};

describe('the opening of the link', () => {
  it("is welcomed with a signature over the relay's own challenge, and shown as online", async () => {
    await connect(object, 'allocation-7', { claims: { bundle: 'b'.repeat(64), time: Date.now() + 60_000 } });
    const { state, relays, refused } = await status();
    expect(state).toBe('online');
    expect(relays).toMatchObject([{ allocation: 'allocation-7', contract: CONTRACT.current, bundle: 'b'.repeat(64) }]);
    expect(relays[0]?.skewMs).toBeGreaterThan(55_000);
    expect(refused).toBeNull();
  });

  it('accepts the previous contract version', async () => {
    const client = await connect(object, 'allocation-1', { claims: { contract: CONTRACT.previous } });
    client.serve(() => ({ body: {} }));
    expect(await call()).toMatchObject({ ok: true, value: { contract: CONTRACT.previous } });
  });

  const refusals: [string, string, () => Promise<Parameters<RelayClient['hello']>[0]>][] = [
    ['another key under a listed kid', 'signature_invalid', async () => ({ key: await otherKey('relay-1') })],
    ['an unlisted key', 'signature_invalid', async () => ({ key: await otherKey('stranger') })],
    ['another challenge', 'relay_challenge_mismatch', () => Promise.resolve({ claims: { challenge: randomNonce() } })],
    ['another cluster', 'relay_challenge_mismatch', () => Promise.resolve({ claims: { cluster: 'other' } })],
    ['another origin', 'signature_invalid', () => Promise.resolve({ claims: { aud: 'https://elsewhere.test' } })],
    ['a contract version that is too old', 'relay_too_old', () => Promise.resolve({ claims: { contract: CONTRACT.previous - 1 } })],
    ['a contract version from the future', 'relay_too_new', () => Promise.resolve({ claims: { contract: CONTRACT.current + 1 } })],
  ];
  for (const [what, code, hello] of refusals) {
    it(`refuses ${what} with ${code} and hangs up`, async () => {
      const client = await opened();
      const verdict = await client.hello(await hello());
      expect(verdict).toMatchObject({ type: 'refused', error: { code, retryable: false } });
      expect(await client.closed).toBe(CLOSE.refused);
      expect((await status()).relays).toEqual([]);
      expect((await status()).refused?.code).toBe(code);
    });
  }

  it('tells a relay that is too old what to do, and shows the cluster as too old until a newer one comes', async () => {
    const client = await opened();
    const verdict = await client.hello({ claims: { contract: CONTRACT.previous - 1 } });
    expect(verdict.type === 'refused' ? verdict.error.hint : '').toContain('nomad job run');
    await client.closed;
    expect((await status()).state).toBe('too-old');
    expect(await call()).toMatchObject({ ok: false, error: { code: 'relay_too_old', retryable: true } });
    await connect(object);
    expect(await status()).toMatchObject({ state: 'online', refused: null });
  });

  it('refuses keys of a cluster that is not configured', async () => {
    const client = await dial(object, 'unknown');
    expect(await client?.hello()).toMatchObject({ type: 'refused', error: { code: 'signature_invalid' } });
  });

  it('names a refused relay in a code that a later connection lifts the backoff of', async () => {
    const client = await opened();
    await client.hello({ key: await otherKey('relay-1') });
    await client.closed;
    expect(await call()).toMatchObject({ ok: false, error: { code: 'relay_refused', retryable: true } });
  });

  it('turns away more than 16 sockets that have not said hello, and lets in again once they are gone', async () => {
    const openings = await Promise.all(Array.from({ length: 16 }, () => opened()));
    const response = await object.fetch(`${ORIGIN}/relay/connect?cluster=${CLUSTER}`, { headers: { upgrade: 'websocket' } });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('15');
    for (const client of openings) client.close();
    await Promise.all(openings.map((client) => client.closed));
    await connect(object);
    expect((await status()).state).toBe('online');
  });

  it('asks for an upgrade when there is none', async () => {
    expect((await object.fetch(`${ORIGIN}/relay/connect?cluster=${CLUSTER}`)).status).toBe(426);
  });
});

describe('frames that break the rules end the connection', () => {
  const breaches: [string, (client: RelayClient) => void][] = [
    ['text that is not JSON', (client) => client.sendRaw('not json')],
    ['a binary frame', (client) => client.sendRaw(new TextEncoder().encode('{}'))],
    ['an unknown type', (client) => client.send({ type: 'gossip' })],
    ['a response before the hello', (client) => client.send({ type: 'response', id: 'x', token: 'x', status: 200, contentType: '', body: '' })],
    ['an oversized frame', (client) => client.sendRaw('x'.repeat(MAX_FRAME_LENGTH + 1))],
  ];
  for (const [what, send] of breaches) {
    it(`before the welcome: ${what}`, async () => {
      const client = await opened();
      await client.challenge();
      send(client);
      expect(await client.closed).toBe(CLOSE.protocol);
    });
  }

  it('a second hello', async () => {
    const client = await opened();
    await client.open();
    client.send({ type: 'hello', token: 'whatever' });
    expect(await client.closed).toBe(CLOSE.protocol);
    expect((await status()).state).toBe('offline');
  });

  it('fails the calls that were waiting on that socket', async () => {
    const client = await connect(object);
    const pending = call();
    await client.request();
    client.sendRaw('not json');
    expect(await pending).toMatchObject({ ok: false, error: { code: 'relay_disconnected', retryable: true } });
  });
});

describe('a request', () => {
  it("is signed over every part that matters and comes back with the relay's status and body", async () => {
    const client = await connect(object);
    const pending = call({ method: 'PUT', path: '/v1/certificates/matrix?x=%2F', body: '{"a":"ü"}', timeoutMs: 5_000 });
    const { frame, claims } = await client.request();
    expect(frame).toMatchObject({ method: 'PUT', path: '/v1/certificates/matrix?x=%2F', contentType: 'application/json', body: '{"a":"ü"}' });
    expect(claims).toMatchObject({ aud: CLUSTER, sequence: 1, connection: client.connection });
    expect(claims.deadline - Date.now()).toBeGreaterThan(4_000);
    expect(claims.deadline - Date.now()).toBeLessThanOrEqual(5_000);
    await client.respond(frame, { error: 'no' }, 409);
    expect(await pending).toEqual({ ok: true, value: { status: 409, body: '{"error":"no"}', contract: CONTRACT.current } });
  });

  it('is never signed for longer than a minute', async () => {
    const client = await connect(object);
    const pending = call({ timeoutMs: 3_600_000 });
    const { frame, claims } = await client.request();
    expect(claims.deadline - Date.now()).toBeLessThanOrEqual(60_000);
    await client.respond(frame);
    await pending;
  });

  it('keeps the sequence strictly increasing when a hundred are sent at once', async () => {
    const client = await connect(object);
    const sequences: number[] = [];
    const answering = (async () => {
      for (let count = 0; count < 100; count += 1) {
        const { frame, claims } = await client.request();
        sequences.push(claims.sequence);
        await client.respond(frame, JSON.parse(frame.body));
      }
    })();
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => call({ body: JSON.stringify({ n, fill: 'x'.repeat((n % 7) * 5_000) }) })));
    await answering;
    expect(sequences).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
    for (const [n, answer] of answers.entries()) expect(answer.ok ? JSON.parse(answer.value.body) : answer.error).toMatchObject({ n });
  });

  it('is refused before it is sent when it is too large', async () => {
    await connect(object);
    expect(await call({ body: 'x'.repeat(MAX_BODY_BYTES + 1) })).toMatchObject({ ok: false, error: { code: 'relay_too_large', retryable: false } });
  });

  it('ends at its deadline when the relay stays silent', async () => {
    const client = await connect(object);
    const pending = call({ timeoutMs: 150 });
    const { frame } = await client.request();
    expect(await pending).toMatchObject({ ok: false, error: { code: 'relay_timeout', retryable: true } });
    // The late answer and one that nobody ever asked for are ignored; the link stays.
    await client.respond(frame);
    await client.respond({ ...frame, id: 'never-asked' });
    client.serve(() => ({ body: { after: true } }));
    expect(await call()).toMatchObject({ ok: true, value: { body: '{"after":true}' } });
  });

  it('fails at once when the socket closes', async () => {
    const client = await connect(object);
    const pending = call();
    await client.request();
    const took = await elapsed(async () => {
      client.close();
      expect(await pending).toMatchObject({ ok: false, error: { code: 'relay_disconnected', retryable: true } });
    });
    expect(took).toBeLessThan(1_000);
    expect((await status()).state).toBe('offline');
  });
});

describe('a response that was altered fails its call and nothing else', () => {
  const lies: [string, Parameters<RelayClient['respond']>[3]][] = [
    ['its status', ({ frame }) => (frame.status = 201)],
    ['its body', ({ frame }) => (frame.body = '{"ok":false}')],
    ['its content type', ({ frame }) => (frame.contentType = 'text/html')],
    ['the signed audience', ({ claims }) => (claims.aud = 'https://elsewhere.test')],
    ['the signed request', ({ claims }) => (claims.requestHash = claims.bodyHash)],
  ];
  const fails = async (lie: Parameters<RelayClient['respond']>[3]) => {
    const client = await connect(object);
    const pending = call();
    const { frame } = await client.request();
    await client.respond(frame, { ok: true }, 200, lie);
    expect(await pending).toMatchObject({ ok: false, error: { code: 'signature_invalid', retryable: false } });
    client.serve(() => ({ body: { again: true } }));
    expect(await call()).toMatchObject({ ok: true, value: { body: '{"again":true}' } });
  };
  for (const [what, lie] of lies) it(what, () => fails(lie));

  it('signed with another key under the same kid', async () => {
    const key = await otherKey('relay-1');
    await fails((answer) => (answer.key = key));
  });

  it('unsigned', async () => {
    const client = await connect(object);
    const pending = call();
    const { frame } = await client.request();
    client.send({ type: 'response', id: frame.id, token: '', status: 200, contentType: 'application/json', body: '{}' });
    expect(await pending).toMatchObject({ ok: false, error: { code: 'signature_invalid' } });
  });

  it('taken from the answer to another request', async () => {
    const client = await connect(object);
    const [one, other] = [call({ body: '{"n":1}' }), call({ body: '{"n":2}' })];
    const first = (await client.request()).frame;
    const second = (await client.request()).frame;
    // The honest answer to the first, sent as the answer to the second.
    await client.respond({ ...first, id: second.id });
    expect(await other).toMatchObject({ ok: false, error: { code: 'signature_invalid' } });
    await client.respond(first, { n: 1 });
    expect(await one).toMatchObject({ ok: true, value: { body: '{"n":1}' } });
  });

  it('sent by another relay than the one that was asked', async () => {
    const asked = await connect(object, 'asked');
    const pending = call({ idempotent: false });
    const { frame } = await asked.request();
    const other = await connect(object, 'other');
    await other.respond(frame, { from: 'other' });
    await asked.respond(frame, { from: 'asked' });
    expect(await pending).toMatchObject({ ok: true, value: { body: '{"from":"asked"}' } });
  });
});

describe('without a relay', () => {
  it('a call says so, and its certificate is woken when one connects', async () => {
    const certificate = `waiting-${objects}`;
    expect(await call({ caller: certificate })).toMatchObject({ ok: false, error: { code: 'relay_offline', retryable: true } });
    expect(await call({ caller: certificate })).toMatchObject({ ok: false, error: { code: 'relay_offline' } });
    expect(await wakesOf(certificate)).toBe(0);
    const client = await connect(object);
    await expect.poll(() => wakesOf(certificate)).toBe(1);
    // Once: it waits no more.
    await expect.poll(() => runInDurableObject(object, (_instance, state) => state.storage.sql.exec('SELECT certificate FROM waiting').toArray())).toEqual([]);
    client.close();
    await client.closed;
  });

  // Cut in the middle of a frame, a path may stay open towards the edge: each call on it once waited for its deadline, and failed
  // when the relay had long been back, with nobody left to wake its certificate.
  it('that has connected again, calls on the connection before fail at once, and their certificates are woken', async () => {
    const certificate = `reconnected-${objects}`;
    const before = await connect(object, 'same');
    const pending = call({ caller: certificate, timeoutMs: 20_000 });
    await before.request();
    const took = await elapsed(async () => {
      const again = await connect(object, 'same');
      again.serve(() => ({ body: 'again' }));
      expect(await pending).toMatchObject({ ok: false, error: { code: 'relay_disconnected', retryable: true } });
    });
    expect(took).toBeLessThan(2_000);
    expect(await before.closed).toBe(CLOSE.replaced);
    await expect.poll(() => wakesOf(certificate)).toBe(1);
    expect(await call()).toMatchObject({ ok: true, value: { body: '"again"' } });
    expect((await status()).relays).toHaveLength(1);
  });

  it('the last sign of life stays known', async () => {
    const client = await connect(object);
    client.close();
    await client.closed;
    await expect.poll(async () => (await status()).state).toBe('offline');
    expect((await status()).lastSeenAt).toBeGreaterThan(Date.now() - 10_000);
  });
});

describe('two relays of one cluster', () => {
  it('ask the one with the newest sign of life first', async () => {
    const older = await connect(object, 'older');
    await scheduler.wait(20);
    const newer = await connect(object, 'newer');
    older.serve(() => ({ body: 'older' }));
    newer.serve(() => ({ body: 'newer' }));
    expect(await call()).toMatchObject({ ok: true, value: { body: '"newer"' } });
    await scheduler.wait(20);
    await older.beat();
    expect(await call()).toMatchObject({ ok: true, value: { body: '"older"' } });
    const { relays } = await status();
    expect(relays.map((relay) => relay.allocation)).toEqual(['older', 'newer']);
  });

  it('hand an idempotent request on after three seconds of silence', async () => {
    const answering = await connect(object, 'answering');
    await scheduler.wait(20);
    await connect(object, 'silent');
    answering.serve(() => ({ body: 'answered' }));
    const took = await elapsed(async () => expect(await call()).toMatchObject({ ok: true, value: { body: '"answered"' } }));
    expect(took).toBeGreaterThanOrEqual(2_900);
    expect(took).toBeLessThan(6_000);
  });

  it("take the first relay's answer when it comes while a third is being waited for", async () => {
    await connect(object, 'silent-3');
    await scheduler.wait(20);
    await connect(object, 'silent-2');
    await scheduler.wait(20);
    const slow = await connect(object, 'slow');
    const pending = call();
    const { frame } = await slow.request();
    await scheduler.wait(3_300);
    const took = await elapsed(async () => {
      await slow.respond(frame, 'slow');
      expect(await pending).toMatchObject({ ok: true, value: { body: '"slow"' } });
    });
    expect(took).toBeLessThan(1_000);
  });

  it('never hand on a request that may have had an effect', async () => {
    const other = await connect(object, 'other');
    await scheduler.wait(20);
    await connect(object, 'silent');
    let asked = 0;
    other.serve(() => ((asked += 1), { body: 'asked' }));
    expect(await call({ idempotent: false, timeoutMs: 3_500 })).toMatchObject({ ok: false, error: { code: 'relay_timeout' } });
    expect(asked).toBe(0);
  });

  it('hand on at once when the first one hangs up', async () => {
    const other = await connect(object, 'other');
    other.serve(() => ({ body: 'other' }));
    await scheduler.wait(20);
    const first = await connect(object, 'first');
    const pending = call();
    await first.request();
    const took = await elapsed(async () => {
      first.close();
      expect(await pending).toMatchObject({ ok: true, value: { body: '"other"' } });
    });
    expect(took).toBeLessThan(1_500);
  });
});

describe('an event of the relay', () => {
  const event = (certificate: string): RelayEvent => ({ kind: 'served-changed', certificate, verdicts: { 'instance-1': 'old' }, at: Date.now() });

  it('wakes the certificate it names when the configuration knows it, and no other', async () => {
    const before = await wakesOf('matrix');
    const client = await connect(object);
    await client.event(event('stranger'));
    await client.event(event('matrix'));
    await expect.poll(() => wakesOf('matrix')).toBe(before + 1);
    expect(await wakesOf('stranger')).toBe(0);
    expect((await status()).state).toBe('online');
  });

  it('is accepted when two come back to back', async () => {
    const before = await wakesOf('matrix');
    const client = await connect(object);
    await Promise.all([client.event(event('matrix'), { sequence: 1 }), client.event(event('matrix'), { sequence: 2 })]);
    await expect.poll(() => wakesOf('matrix')).toBe(before + 2);
  });

  const refused: [string, (client: RelayClient) => Promise<void>][] = [
    [
      'replayed',
      async (client) => {
        const frame = await client.event(event('stranger'));
        client.send(frame);
      },
    ],
    ['of another connection', async (client) => void (await client.event(event('matrix'), { connection: randomNonce() }))],
    ['altered', async (client) => void (await client.event(event('matrix'), { bodyHash: 'A'.repeat(43) }))],
    ['addressed to another edge', async (client) => void (await client.event(event('matrix'), { aud: 'https://elsewhere.test' }))],
    ['signed with another key', async (client) => void (await client.event(event('matrix'), {}, await otherKey('relay-1')))],
  ];
  for (const [what, send] of refused) {
    it(`${what}: is refused, wakes nobody and ends the connection`, async () => {
      const before = await wakesOf('matrix');
      const client = await connect(object);
      await send(client);
      expect(await client.closed).toBe(CLOSE.protocol);
      expect(await wakesOf('matrix')).toBe(before);
    });
  }
});

describe('hibernation', () => {
  it("keeps the connection's nonce, sequences and key", async () => {
    const client = await connect(object);
    const first = call();
    const before = await client.request();
    await client.respond(before.frame);
    await first;
    await evictDurableObject(object);
    const second = call();
    const after = await client.request();
    await client.respond(after.frame, { awake: true });
    expect(await second).toMatchObject({ ok: true, value: { body: '{"awake":true}' } });
    expect(after.claims.connection).toBe(before.claims.connection);
    expect(after.claims.sequence).toBe(before.claims.sequence + 1);
  });

  it('keeps what replays of events are told by', async () => {
    const client = await connect(object);
    const frame = await client.event({ kind: 'served-changed', certificate: 'stranger', verdicts: {}, at: 1 });
    await runInDurableObject(object, async (_instance, state) => {
      const [socket] = state.getWebSockets();
      await expect.poll(() => (socket === undefined ? null : connectionOf(socket))).toMatchObject({ eventSequence: 1 });
    });
    await evictDurableObject(object);
    client.send(frame);
    expect(await client.closed).toBe(CLOSE.protocol);
  });

  it('keeps a challenge that has not been answered yet', async () => {
    const client = await opened();
    await evictDurableObject(object);
    expect((await client.hello()).type).toBe('welcome');
  });

  it('keeps who is to be woken', async () => {
    const certificate = `patient-${objects}`;
    await call({ caller: certificate });
    await evictDurableObject(object);
    await connect(object);
    await expect.poll(() => wakesOf(certificate)).toBe(1);
  });
});
