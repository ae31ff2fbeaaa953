/** What is wrong with a token is said exactly: unknown, expired, disabled, limited to addresses, or which permission it lacks. */
import { afterEach, describe, expect, it } from 'vitest';
import { DAY, SECOND } from '../../../shared/clock.ts';
import type { CloudflareVendor } from '../../../functions/config/configuration.ts';
import { createCloudflareProvider } from '../../../functions/dns/cloudflare/provider.ts';
import { startCloudflareEmulator, type CloudflareEmulator, type Permission, type TokenSpec } from '../../emulators/cloudflare/index.ts';

const TOKEN = 'token-for-one-zone-0123456789-0123456789';
const NAME = '_acme-challenge.example.net';
const NOW = Date.UTC(2026, 10, 21);

let cloudflare: CloudflareEmulator | undefined;
afterEach(async () => {
  await cloudflare?.close();
  cloudflare = undefined;
});

async function start(token: Partial<TokenSpec> = {}, vendor: Partial<CloudflareVendor> = {}) {
  cloudflare = await startCloudflareEmulator({
    zones: [{ name: 'example.net' }, { name: 'other.example' }],
    tokens: [{ token: TOKEN, grants: [{ zones: ['example.net'], permissions: ['zone:read', 'dns:edit'] }], ...token }],
  });
  const emulator = cloudflare;
  const adapter = (secret = TOKEN, more: Partial<CloudflareVendor> = {}) =>
    createCloudflareProvider(
      { name: 'main', provider: 'cloudflare', token: 'secret:cloudflare-token', endpoint: emulator.url, zoneId: null, delegation: null, ...vendor, ...more },
      { secret: () => Promise.resolve(secret), fetch, clock: () => NOW, apex: () => Promise.resolve('example.net') },
    );
  return { emulator, adapter };
}
const granted = (...permissions: Permission[]): Partial<TokenSpec> => ({ grants: [{ zones: ['example.net'], permissions }] });

const zone = (emulator: CloudflareEmulator) => ({ id: emulator.zoneId('example.net'), name: 'example.net' });

describe('the check of a token', () => {
  it('finds nothing wrong with one that may do what is needed, and changes nothing', async () => {
    const { emulator, adapter } = await start();
    await adapter().check(zone(emulator));
    expect(emulator.records('example.net')).toEqual([]);
  });

  it('finds nothing wrong with one that an account owns', async () => {
    const { emulator, adapter } = await start({ owner: 'account' });
    await adapter().check(zone(emulator));
    expect(emulator.requests.counts()).toMatchObject({ 'GET /client/v4/accounts/:id/tokens/verify': 1 });
  });

  it.each([
    [['zone:read'], 'Zone → DNS → Read'],
    [['zone:read', 'dns:read'], 'Zone → DNS → Edit'],
    [['dns:read'], 'Zone → DNS → Edit'],
  ] as [Permission[], string][])('names what a token with %j lacks: %s', async (permissions, missing) => {
    const { emulator, adapter } = await start(granted(...permissions));
    await expect(adapter().check(zone(emulator))).rejects.toMatchObject({
      code: 'dns_forbidden',
      retryable: false,
      hint: expect.stringContaining(missing),
      details: { permission: missing },
    });
  });

  it('needs no Zone → Read, without which a zone is found by its zone_id only', async () => {
    const { emulator, adapter } = await start(granted('dns:edit'));
    await adapter(TOKEN, { zoneId: emulator.zoneId('example.net') }).check(zone(emulator));
    await expect(adapter().findZone(NAME)).rejects.toMatchObject({ code: 'dns_zone_not_found', hint: expect.stringMatching(/Zone → Zone → Read.*zone_id/) });
  });

  it.each([
    [{ status: 'expired' as const, expiresOn: '2026-11-01T00:00:00Z' }, 'expired on 2026-11-01', 'Make a new token'],
    [{ status: 'disabled' as const }, 'is disabled', 'Enable it'],
  ])('says of %j that it %s', async (state, what, hint) => {
    for (const owner of ['user', 'account'] as const) {
      const { emulator, adapter } = await start({ ...state, owner });
      // The token of an account says nothing about itself once it is dead: then it is unknown.
      const expected =
        owner === 'user'
          ? { message: expect.stringContaining(what), hint: expect.stringContaining(hint) }
          : { message: expect.stringContaining('does not accept') };
      await expect(adapter().check(zone(emulator))).rejects.toMatchObject({ code: 'dns_unauthorized', retryable: false, ...expected });
      await cloudflare?.close();
    }
  });

  it('says that a token is bound to other addresses, and that a Worker has none', async () => {
    const { emulator, adapter } = await start({ elsewhere: true });
    await expect(adapter().check(zone(emulator))).rejects.toMatchObject({ code: 'dns_address_not_listed', hint: expect.stringContaining('address filter') });
  });
});

describe('a refusal in the middle of the work', () => {
  const record = { type: 'TXT' as const, name: NAME, value: 'one', ttl: 60, comment: 'perennial issuance-1' };

  it('by reason of a token that ran out says when, for every call', async () => {
    const { emulator, adapter } = await start({ status: 'expired', expiresOn: new Date(NOW - DAY).toISOString() });
    for (const call of [
      () => adapter().findZone(NAME),
      () => adapter().list(zone(emulator), { type: 'TXT', names: [NAME] }),
      () => adapter().apply(zone(emulator), { add: [record], remove: [] }, NOW + 30 * SECOND),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'dns_unauthorized', message: expect.stringContaining('expired on 2026-11-20') });
    }
  });

  it('by reason of a permission names it, after one question about the token', async () => {
    const { emulator, adapter } = await start(granted('zone:read', 'dns:read'));
    await expect(adapter().apply(zone(emulator), { add: [record], remove: [] }, NOW + 30 * SECOND)).rejects.toMatchObject({
      code: 'dns_forbidden',
      details: { permission: 'Zone → DNS → Edit' },
    });
    expect(emulator.requests.counts()).toEqual({ 'POST /client/v4/zones/:id/dns_records': 1, 'GET /client/v4/user/tokens/verify': 1 });
  });

  it('keeps its own reason when nothing can be learned about the token', async () => {
    const { emulator, adapter } = await start(granted('zone:read', 'dns:read'));
    emulator.faults.next({ kind: 'html', status: 502, path: '/verify' });
    await expect(adapter().apply(zone(emulator), { add: [record], remove: [] }, NOW + 30 * SECOND)).rejects.toMatchObject({ code: 'dns_forbidden' });
  });

  it('never holds the token', async () => {
    const { emulator, adapter } = await start();
    for (const secret of ['unknown-token-0123456789-0123456789-0123', 'short-token']) {
      const thrown: unknown = await adapter(secret)
        .check(zone(emulator))
        .catch((error: unknown) => error);
      expect(thrown).toMatchObject({ code: 'dns_unauthorized', hint: expect.stringContaining('secret:cloudflare-token') });
      expect(JSON.stringify(thrown) + String(thrown)).not.toContain(secret);
    }
  });
});
