/**
 * What happens to an installation over the years: mistakes in the configuration, relays that come and go and are older
 * than the edge, calls from outside, and the loss of everything the edge knew.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parse, stringify } from 'smol-toml';
import { WebSocket } from 'ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CLOUDFLARE_SECRET, CLUSTER, WEBHOOK_SECRET } from '../../infra/demo/configuration.ts';
import type { RelayProcess } from '../../infra/demo/parts/relay.ts';
import { ask, type PartResponse } from '../../infra/demo/request.ts';
import { edgeToRelayFrame } from '../../shared/link/frames.ts';
import { randomNonce, signMessage } from '../../shared/link/signatures.ts';
import { CONTRACT } from '../../shared/relay/contract.ts';
import { Installation, wishFor } from './installation.ts';

const CERTIFICATES = ['signed', 'bearer', 'first-relay', 'second-relay', 'old-relay', 'held'] as const;
const BEARER_SECRET = 'monitor-hook';
const BEARER_TOKEN = 'a-monitors-token-of-some-length';

let installation: Installation;

const webhooksSchema = z.looseObject({ webhooks: z.array(z.looseObject({})) });
const statusSchema = z.object({
  overall: z.object({ state: z.string(), sentence: z.string() }),
  clusters: z.array(z.object({ cluster: z.string(), state: z.string(), relays: z.array(z.object({ contract: z.number(), allocation: z.string() })) })),
});

/** A monitor may renew and reload one certificate with a bearer token. */
function withMonitor(text: string): string {
  const document = webhooksSchema.parse(parse(text));
  document.webhooks.push({ name: 'monitor', token: `secret:${BEARER_SECRET}`, certificates: ['bearer'], scopes: ['renew', 'reload'] });
  return stringify(document);
}

beforeAll(async () => {
  installation = await Installation.start({ certificates: CERTIFICATES, toml: withMonitor });
  await storeSecret(BEARER_SECRET, BEARER_TOKEN);
}, 120_000);

afterAll(async () => installation?.stop());

async function storeSecret(name: string, value: string): Promise<void> {
  const { status } = await installation.system.worker.ask('PUT', `/api/v1/secrets/${name}`, { value });
  expect(status).toBe(204);
}

async function status(): Promise<z.infer<typeof statusSchema>> {
  const { body } = await installation.system.worker.ask('GET', '/api/v1/status');
  return statusSchema.parse(JSON.parse(body));
}

async function cluster(): Promise<z.infer<typeof statusSchema>['clusters'][number] | undefined> {
  return (await status()).clusters.find((candidate) => candidate.cluster === CLUSTER);
}

async function untilRelays(count: number): Promise<void> {
  await expect.poll(async () => (await cluster())?.relays.length, { timeout: 15_000 }).toBe(count);
}

interface Call {
  path?: string;
  body: unknown;
  headers: Record<string, string>;
}

async function call({ path = '/hooks/renew', body, headers }: Call): Promise<PartResponse> {
  return await ask(`${installation.system.worker.origin}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

/** Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`. */
function signature(
  body: unknown,
  { secret = installation.system.secrets.webhookSecret, at = Date.now(), id = `msg_${randomUUID()}` } = {},
): Record<string, string> {
  const timestamp = String(Math.floor(at / 1_000));
  const mac = createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64'))
    .update(`${id}.${timestamp}.${JSON.stringify(body)}`)
    .digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}

const acceptedSchema = z.object({ url: z.url(), accepted: z.array(z.string()) });
const operationSchema = z.object({
  done: z.boolean(),
  progress: z.array(z.object({ certificate: z.string(), status: z.string(), phase: z.string(), sha256: z.string().nullable() })),
});
const refusalSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

function codeOf({ body }: PartResponse): string {
  return refusalSchema.parse(JSON.parse(body)).error.code;
}

async function operation(url: string): Promise<z.infer<typeof operationSchema>> {
  return operationSchema.parse(JSON.parse((await ask(url)).body));
}

describe('a signed webhook', () => {
  const body = { certificates: ['signed'], force: true };

  it('renews, and its address shows the way to the end', async () => {
    const before = await installation.view('signed');
    const headers = { ...signature(body), 'idempotency-key': 'deploy-42' };
    installation.letTimePassForResolvers();
    const answer = await call({ body, headers });
    expect(answer.status).toBe(202);
    const { url, accepted } = acceptedSchema.parse(JSON.parse(answer.body));
    expect(accepted).toEqual(['signed']);

    const seen = new Set<string>();
    await expect
      .poll(
        async () => {
          const { done, progress } = await operation(url);
          for (const { status: state } of progress) seen.add(state);
          return done;
        },
        { timeout: 30_000, interval: 50 },
      )
      .toBe(true);
    expect(seen).toContain('working');
    const { progress } = await operation(url);
    const after = await installation.view('signed');
    expect(progress).toMatchObject([{ certificate: 'signed', status: 'done', sha256: after.live?.sha256 }]);
    expect(after.live?.sha256).not.toBe(before.live?.sha256);

    const repeated = await call({ body, headers: { ...signature(body), 'idempotency-key': 'deploy-42' } });
    expect(repeated.status, 'the same key again is the same call').toBe(202);
    expect(acceptedSchema.parse(JSON.parse(repeated.body)).url).toBe(url);
    expect(
      (await call({ body: { certificates: ['signed'] }, headers: { ...signature({ certificates: ['signed'] }), 'idempotency-key': 'deploy-42' } })).status,
      'for something else',
    ).toBe(422);
    expect((await installation.untilLive('signed')).history).toHaveLength(2);
  });

  it('is taken once', async () => {
    const gentle = { certificates: ['signed'] };
    const headers = signature(gentle);
    expect((await call({ body: gentle, headers })).status).toBe(202);
    const replayed = await call({ body: gentle, headers });
    expect([replayed.status, codeOf(replayed)]).toEqual([409, 'webhook_replayed']);
  });

  it('is refused when it is stale, altered, or signed with another secret, and says nothing about what exists', async () => {
    const gentle = { certificates: ['signed'] };
    const stale = await call({ body: gentle, headers: signature(gentle, { at: Date.now() - 3_600_000 }) });
    expect([stale.status, codeOf(stale)]).toEqual([401, 'webhook_stale']);
    for (const headers of [signature({ certificates: ['bearer'] }), signature(gentle, { secret: `whsec_${Buffer.alloc(32).toString('base64')}` })]) {
      // oxlint-disable-next-line no-await-in-loop -- two calls, one after the other
      const answer = await call({ body: gentle, headers });
      expect([answer.status, codeOf(answer)]).toEqual([401, 'webhook_unauthorized']);
      expect(answer.body).not.toContain('deploy');
    }
  });
});

describe('a webhook with a bearer token', () => {
  const authorized = { authorization: `Bearer ${BEARER_TOKEN}` };

  it('reloads its own certificate', async () => {
    const answer = await call({ path: '/hooks/reload', body: { certificates: ['bearer'] }, headers: authorized });
    expect(answer.status).toBe(202);
    const { url } = acceptedSchema.parse(JSON.parse(answer.body));
    await expect.poll(async () => (await operation(url)).done, { timeout: 20_000 }).toBe(true);
    expect((await installation.view('bearer')).history).toHaveLength(1);
  });

  it("is refused for others' certificates, for what its scopes do not hold, and with a wrong token", async () => {
    const foreign = await call({ body: { certificates: ['signed'] }, headers: authorized });
    expect([foreign.status, codeOf(foreign)]).toEqual([403, 'webhook_certificate_forbidden']);
    const unknown = await call({ body: { certificates: ['nowhere'] }, headers: authorized });
    expect([unknown.status, codeOf(unknown)]).toEqual([403, 'webhook_certificate_forbidden']);
    const force = await call({ body: { certificates: ['bearer'], force: true }, headers: authorized });
    expect([force.status, codeOf(force)]).toEqual([403, 'webhook_scope_missing']);
    const wrong = await call({ body: { certificates: ['bearer'] }, headers: { authorization: 'Bearer something-else-of-some-length' } });
    expect([wrong.status, codeOf(wrong)]).toEqual([401, 'webhook_unauthorized']);
  });
});

/** Requests to make a key in a relay's log: which relay a renewal has taken. */
async function keysMade(relay: RelayProcess): Promise<number> {
  return (await relay.output()).split('\n').filter((line) => line.includes('/v1/keys')).length;
}

describe('several relays', () => {
  it('may die one after the other in the middle of a renewal', async () => {
    const relays = [installation.relay, await installation.startAnotherRelay('relay-2')];
    await untilRelays(2);
    for (const name of ['first-relay', 'second-relay']) {
      const issued = installation.issued();
      // oxlint-disable-next-line no-await-in-loop -- one relay dies, then the other
      const before = await Promise.all(relays.map(keysMade));
      installation.nomad.faults.next({ kind: 'slow', ms: 1_000 }, 1, ({ method, path }) => method === 'PUT' && path.endsWith(`/${wishFor(name).variable}`));
      // oxlint-disable-next-line no-await-in-loop
      await installation.force(name);
      // oxlint-disable-next-line no-await-in-loop
      await installation.untilPhase(name, 'install');
      // oxlint-disable-next-line no-await-in-loop
      const after = await Promise.all(relays.map(keysMade));
      const busy = relays.find((_relay, index) => (after[index] ?? 0) > (before[index] ?? 0)) ?? installation.relay;
      // oxlint-disable-next-line no-await-in-loop
      await busy.kill();
      // oxlint-disable-next-line no-await-in-loop
      const live = await installation.untilLive(name, 30_000, 2);
      expect(installation.proxy(name).fingerprint).toBe(live.live?.sha256);
      expect(installation.issued() - issued).toBe(1);
      // oxlint-disable-next-line no-await-in-loop
      await busy.start();
      // oxlint-disable-next-line no-await-in-loop
      await untilRelays(2);
    }
    for (const relay of relays) {
      // oxlint-disable-next-line no-await-in-loop
      await relay.stop();
    }
    await untilRelays(0);
  });
});

describe('a relay that is behind', () => {
  it('of the previous contract version renews', async () => {
    const relay = await installation.startAnotherRelay('relay-previous', (law) => ({ ...law, contract: CONTRACT.previous }));
    await untilRelays(1);
    expect((await cluster())?.relays.map(({ contract }) => contract)).toEqual([CONTRACT.previous]);
    await installation.force('old-relay');
    const live = await installation.untilLive('old-relay', 30_000, 2);
    expect(installation.proxy('old-relay').fingerprint).toBe(live.live?.sha256);
    await relay.stop();
    await untilRelays(0);
  });

  it('of an older one is refused, told what to do, and shown as too old', async () => {
    const refusal = await helloOfContract(CONTRACT.previous - 1);
    expect(refusal.code).toBe('relay_too_old');
    expect(refusal.hint).toContain('nomad job run relay.nomad.hcl');
    expect((await cluster())?.state).toBe('too-old');
    await installation.relay.start();
    await untilRelays(1);
    expect((await cluster())?.state).toBe('online');
  });
});

/** Opens a link as a relay of that contract version would; resolves with the edge's refusal. */
async function helloOfContract(contract: number): Promise<{ code: string; hint?: string | undefined }> {
  const { worker, secrets } = installation.system;
  const socket = new WebSocket(`${worker.origin.replace('http', 'ws')}/relay/connect?cluster=${CLUSTER}`);
  try {
    return await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('close', (code) => reject(new Error(`closed with ${code} and no refusal`)));
      socket.on('message', (data: Buffer) => {
        const frame = edgeToRelayFrame.parse(JSON.parse(data.toString('utf8')));
        if (frame.type === 'refused') resolve(frame.error);
        if (frame.type !== 'challenge') return;
        const claims = {
          aud: frame.origin,
          cluster: frame.cluster,
          allocation: randomUUID(),
          challenge: frame.nonce,
          nonce: randomNonce(),
          contract,
          bundle: '0'.repeat(64),
          time: Date.now(),
        };
        signMessage('hello', claims, secrets.relayKey).then((token) => socket.send(JSON.stringify({ type: 'hello', token })), reject);
      });
    });
  } finally {
    socket.terminate();
  }
}

describe('a mistake in certificates.toml', () => {
  it('holds a renewal and loses nothing, is told with its place on the page, in the API and in the log, and mending it goes on', async () => {
    const { worker, dns, state } = installation.system;
    const { domains } = wishFor('held');
    const good = readFileSync(state.path('worker', 'certificates.toml'), 'utf8');
    const release = dns.world.faults.add({ kind: 'rcode', rcode: 'NXDOMAIN', server: 'ns2.test-dns.example', name: `_acme-challenge.${domains[0]}` });
    await installation.force('held');
    const before = await installation.untilPhase('held', 'propagate');
    const issued = installation.issued();

    await worker.stop();
    await worker.start(good.replace('cluster = "matrix"', 'cluster = "matrox"'));
    release();
    const line = 1 + good.slice(0, good.indexOf('cluster = "matrix"')).split('\n').length - 1;
    const { body } = await worker.ask('GET', '/api/v1/config');
    const { problems } = z
      .object({ valid: z.literal(false), problems: z.array(z.object({ message: z.string(), path: z.string(), line: z.number() })) })
      .parse(JSON.parse(body));
    expect(problems).toMatchObject([{ path: 'certificates[0].deliver[0].cluster', line }]);
    expect(problems[0]?.message).toContain('matrix');
    const page = await ask(`${worker.origin}/`, { headers: { authorization: `Bearer ${installation.system.secrets.adminToken}` } });
    expect(page.body).toContain(`certificates.toml:${line}`);
    const logged = /configuration-invalid.*certificates\[0\]\.deliver\[0\]\.cluster/;
    await expect.poll(() => logged.test(readFileSync(worker.child.log, 'utf8')), { message: 'the log names the place' }).toBe(true);
    const held = await installation.view('held');
    expect(held.live?.sha256).toBe(before.live?.sha256);
    await worker.cron();
    expect(installation.issued()).toBe(issued);

    await worker.stop();
    await worker.start(good);
    const live = await installation.untilLive('held', 40_000, 2);
    expect(live.history[0]?.id, 'the issuance that was held').toBe(before.issuance?.id);
    expect(installation.issued() - issued).toBe(1);
  });
});

describe('the loss of everything the edge knew', () => {
  it('costs no certificate: what the cluster has is adopted', async () => {
    const { worker, state, secrets } = installation.system;
    const before = await Promise.all(CERTIFICATES.map((name) => installation.view(name)));
    const issued = installation.issued();
    await worker.kill();
    state.remove('worker/storage');
    await worker.start();
    await storeSecret(CLOUDFLARE_SECRET, secrets.cloudflareToken);
    await storeSecret(WEBHOOK_SECRET, secrets.webhookSecret);
    await worker.cron();
    for (const { name, live } of before) {
      // oxlint-disable-next-line no-await-in-loop -- they run at the same time; this only reads
      const adopted = await installation.until(name, 'adopted', ({ state: now, live: found }) => now === 'live' && found !== null, 40_000);
      expect(adopted.live).toMatchObject({ sha256: live?.sha256, adopted: true });
      expect(adopted.issuance).toBeNull();
      expect(adopted.history).toEqual([]);
    }
    expect(installation.issued()).toBe(issued);
  });
});
