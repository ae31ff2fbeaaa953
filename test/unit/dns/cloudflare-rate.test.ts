/** The vendor's rate limit is kept before it is hit: what it says about the requests that are left decides. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../../../shared/clock.ts';
import { createCloudflareProvider } from '../../../functions/dns/cloudflare/provider.ts';
import { limitedUntil, RequestRate, RequestRates } from '../../../functions/dns/cloudflare/request-rate.ts';
import { startCloudflareEmulator, type CloudflareEmulator } from '../../emulators/cloudflare/index.ts';

const TOKEN = 'token-for-one-zone-0123456789-0123456789';
const NAME = '_acme-challenge.example.net';
const NOW = 1_800_000_000_000;

let now = NOW;
let requests = 0;
let cloudflare: CloudflareEmulator;
beforeEach(async () => {
  now = NOW;
  requests = 0;
  cloudflare = await startCloudflareEmulator({
    zones: [{ name: 'example.net' }],
    tokens: [{ token: TOKEN, grants: [{ zones: ['example.net'], permissions: ['zone:read', 'dns:edit'] }] }],
    rateLimit: { requests: 3, windowMs: 5 * MINUTE },
    clock: () => now,
  });
});
afterEach(() => cloudflare.close());

function provider(rates = new RequestRates(), name = 'main', token = 'secret:cloudflare-token') {
  return createCloudflareProvider(
    { name, provider: 'cloudflare', token, endpoint: cloudflare.url, zoneId: null, delegation: null },
    {
      secret: () => Promise.resolve(TOKEN),
      fetch,
      clock: () => now,
      rates,
      onRequest: () => {
        requests += 1;
      },
    },
  );
}
const zone = () => ({ id: cloudflare.zoneId('example.net'), name: 'example.net' });
const list = (adapter = provider()) => adapter.list(zone(), { type: 'TXT', names: [NAME] });

describe('through the adapter', () => {
  it('the request that would be too many is not sent, and says when it may be', async () => {
    const adapter = provider();
    for (let request = 0; request < 3; request += 1) await list(adapter);
    await expect(list(adapter)).rejects.toMatchObject({ code: 'dns_rate_limited', retryable: true, retryAt: NOW + 5 * MINUTE, inDoubt: false });
    expect(requests).toBe(3);
    now += 5 * MINUTE - 1;
    await expect(list(adapter)).rejects.toMatchObject({ code: 'dns_rate_limited' });
    now += 1;
    expect(await list(adapter)).toEqual([]);
    // The vendor has never had to refuse.
    expect(cloudflare.requests.all().map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  it('requests at once do not overtake what is left together', async () => {
    const adapter = provider();
    await list(adapter);
    const outcomes = await Promise.allSettled([list(adapter), list(adapter), list(adapter)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(requests).toBe(3);
  });

  it('blocks with the same token share its limit, others do not', async () => {
    const rates = new RequestRates();
    for (let request = 0; request < 3; request += 1) await list(provider(rates));
    await expect(list(provider(rates, 'another'))).rejects.toMatchObject({ code: 'dns_rate_limited' });
    now += 5 * MINUTE;
    expect(await list(provider(rates, 'third', 'secret:other-token'))).toEqual([]);
  });

  it('after a refusal nothing is sent until the time that the vendor named', async () => {
    const adapter = provider();
    cloudflare.faults.next({ kind: 'rate-limited', retryAfterSeconds: 120 });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await expect(list(adapter)).rejects.toMatchObject({ code: 'dns_rate_limited', retryAt: NOW + 120 * SECOND });
    }
    expect(requests).toBe(1);
    now += 120 * SECOND;
    expect(await list(adapter)).toEqual([]);
  });
});

describe('what the vendor says', () => {
  const answer = (ratelimit: string | null, status = 200, retryAfter?: string) => ({
    status,
    headers: new Headers({ ...(ratelimit === null ? {} : { ratelimit }), ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }) }),
  });
  const after = (...answers: ReturnType<typeof answer>[]) => {
    const rate = new RequestRate();
    for (const each of answers) {
      rate.begin(NOW);
      rate.end(each, NOW);
    }
    return rate;
  };

  it.each([
    ['nothing', null],
    ['what cannot be read', 'soon'],
    ['requests that are left', '"default";r=1;t=30'],
    ['a policy without a time', '"default";r=0'],
    ['negative or endless numbers', '"default";r=-1;t=30, "burst";r=0;t=99999999999'],
  ])('lets the next request go: %s', (_, header) => {
    expect(() => after(answer(header)).begin(NOW)).not.toThrow();
  });

  it.each([
    ['one policy', '"default";r=0;t=30', 30],
    ['parameters in another order', '"default";t=30;r=0', 30],
    ['the scarcest of several', '"default";r=900;t=200, "burst";r=0;t=7', 7],
    ['the longest of those that are used up', '"default";r=0;t=200,"burst";r=0;t=7', 200],
    ['never longer than an hour', '"default";r=0;t=999999', 3_600],
  ])('holds the next request: %s', (_, header, seconds) => {
    const rate = after(answer(header));
    expect(() => rate.begin(NOW)).toThrow(expect.objectContaining({ code: 'dns_rate_limited', retryAt: NOW + seconds * SECOND }));
    expect(() => rate.begin(NOW + seconds * SECOND)).not.toThrow();
  });

  it('an answer from before a refusal does not open again what the refusal closed', () => {
    const rate = new RequestRate();
    rate.begin(NOW);
    rate.begin(NOW);
    rate.end(answer(null, 429, '60'), NOW);
    rate.end(answer('"default";r=5;t=30'), NOW);
    expect(() => rate.begin(NOW + 59 * SECOND)).toThrow('rate of requests');
  });

  it('a request without an answer is over as well', () => {
    const rate = after(answer('"default";r=1;t=30'));
    rate.begin(NOW);
    rate.end(null, NOW);
    expect(() => rate.begin(NOW)).not.toThrow();
  });

  it.each([
    [null, 5 * MINUTE],
    ['nonsense', 5 * MINUTE],
    ['0', 0],
    ['17', 17 * SECOND],
    ['999999', 60 * MINUTE],
    [new Date(NOW + 42 * SECOND).toUTCString(), 42 * SECOND],
    [new Date(NOW - MINUTE).toUTCString(), 0],
  ])('Retry-After %j waits %d ms', (header, wait) => {
    expect(limitedUntil(header, NOW)).toBe(NOW + wait);
  });
});
