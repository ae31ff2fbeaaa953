/** The ACME layer against a real CA, Pebble. Validation itself is proven end to end; here Pebble takes every challenge for good. */
import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import type { Authority } from '../../../functions/config/configuration.ts';
import { Secret } from '../../../functions/secrets/secret.ts';
import { checkChain, readChain } from '../../../shared/x509/chain.ts';
import { actorOf, memorySecrets, memoryState } from './authority-in-memory.ts';
import { pebbleInstalled, startPebble } from './pebble.ts';
import { again, document, issue, names, running, stubborn, world } from './pebble-world.ts';

describe.skipIf(!pebbleInstalled)('the ACME layer with Pebble', () => {
  it('issues for apex and wildcard within eleven requests and one newNonce', async () => {
    const { port, requests, state } = await world();
    const registration = await port.open('pebble', null);
    requests.length = 0;
    const session = await port.open('pebble', null);
    const { pem, spki } = await issue(session);
    const chain = await readChain(pem);
    await checkChain(chain, { names, spki, now: Date.now() });
    expect(session.accountUrl).toBe(registration.accountUrl);
    expect(session.requests()).toBeLessThanOrEqual(11);
    expect(session.requests()).toBe(requests.length);
    expect(requests.filter(({ method }) => method === 'HEAD')).toHaveLength(1);
    expect(requests.filter(({ method }) => method === 'GET')).toHaveLength(0);
    expect(state.orders).toMatchObject([{ names, replaces: false }]);
  });

  it('goes on in the next session with the nonce of the one before', async () => {
    const { port, requests } = await world();
    const first = await port.open('pebble', null);
    const order = await first.newOrder({ names, profile: null, replaces: null });
    requests.length = 0;
    const second = await port.open('pebble', first.nonce());
    expect(await second.order(order.url)).toMatchObject({ url: order.url, status: 'pending' });
    expect(requests).toEqual([{ method: 'POST', url: order.url }]);
  });

  it('describes apex and wildcard as two authorizations with two TXT values', async () => {
    const { port } = await world();
    const session = await port.open('pebble', null);
    const order = await session.newOrder({ names, profile: null, replaces: null });
    const authorizations = await session.authorizations(order.authorizations);
    expect(authorizations.map(({ identifier, wildcard }) => ({ identifier, wildcard })).toSorted((a, b) => Number(a.wildcard) - Number(b.wildcard))).toEqual([
      { identifier: 'matrix.example.net', wildcard: false },
      { identifier: 'matrix.example.net', wildcard: true },
    ]);
    const values = authorizations.map(({ dns01 }) => dns01?.txtValue);
    expect(new Set(values).size).toBe(2);
    for (const value of values) expect(value).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it('issues at a CA that rejects every second nonce, when protocol failures are tried again', async () => {
    const { port, requests } = await world({ environment: { PEBBLE_WFE_NONCEREJECT: '50' } });
    const session = stubborn(port, await again(port, () => port.open('pebble', null)));
    const { pem, spki } = await issue(session);
    await checkChain(await readChain(pem), { names, spki, now: Date.now() });
    // Nonces of refusals are used: newNonce is asked for once per session, not per refusal.
    expect(requests.filter(({ method }) => method === 'HEAD').length).toBeLessThan(requests.length / 2);
  });

  it('reports badNonce as a retryable protocol failure when every nonce is rejected, after four signatures', async () => {
    const { port, requests } = await world({ environment: { PEBBLE_WFE_NONCEREJECT: '100' } });
    const failure = await port.open('pebble', null).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: 'acme_bad_nonce', retryable: true });
    expect(port.classify(failure)).toBe('protocol');
    expect(requests.filter(({ method }) => method === 'POST')).toHaveLength(4);
  });

  it('registers one account for callers that arrive together, and finds it by its key after its row is lost', async () => {
    const { port, requests, secrets, pebble } = await world();
    const urls = await Promise.all([1, 2, 3, 4].map(async () => (await port.open('pebble', null)).accountUrl));
    expect(new Set(urls).size).toBe(1);
    expect(requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
    const state = memoryState();
    await state.saveAccount({ keyName: 'unused', url: null, intentUntil: Date.now() + 60_000, intentBy: 'a predecessor' });
    const deps = { clock: Date.now, secrets, fetch: pebble.fetch, relayEgress: () => Promise.reject(new Error('unused')) };
    const authority: Authority = {
      name: 'pebble',
      directory: pebble.directoryUrl,
      contact: [],
      egress: 'direct',
      externalAccount: null,
      caa: [],
      profile: null,
      limits: null,
      deactivateAuthorizations: true,
    };
    expect(await actorOf(state, deps).open({ authority, clusters: [] })).toMatchObject({ ok: true, value: { accountUrl: urls[0] } });
  });

  it('registers again, with the same key, at a CA that has lost its accounts', async () => {
    const first = await world();
    const session = await first.port.open('pebble', null);
    const port = Number(new URL(first.pebble.directoryUrl).port);
    await first.pebble.stop();
    running.length = 0;
    const restarted = await startPebble({ port });
    running.push(restarted);
    first.pebble.fetch = restarted.fetch;
    const next = await first.port.open('pebble', null);
    expect(next.accountUrl).toBe(session.accountUrl);
    expect(await next.newOrder({ names, profile: null, replaces: null })).toMatchObject({ status: 'pending' });
    expect(next.accountUrl).not.toBe(session.accountUrl);
    expect(await first.secrets.list()).toHaveLength(1);
  });

  it('binds an external account, and says what is missing or wrong', async () => {
    const hmacKey = Buffer.from('an external account key of 32 by').toString('base64url');
    const otherKey = Buffer.from('another key than the CA has got').toString('base64url');
    const options = { externalAccounts: { 'kid-1': hmacKey } };
    const secrets = memorySecrets({ 'ca-hmac': new Secret(hmacKey), 'ca-wrong': new Secret(otherKey) });
    const good = await world(options, { externalAccount: { keyId: 'kid-1', hmacKey: 'secret:ca-hmac' } }, secrets);
    await expect(good.port.open('pebble', null)).resolves.toMatchObject({ authority: 'pebble' });
    const without = await world(options);
    await expect(without.port.open('pebble', null)).rejects.toMatchObject({ code: 'acme_account_external_account_required' });
    expect(without.requests.filter(({ method }) => method === 'POST')).toHaveLength(0);
    const wrong = await world(options, { externalAccount: { keyId: 'kid-1', hmacKey: 'secret:ca-wrong' } }, secrets);
    const failure: unknown = await wrong.port.open('pebble', null).catch((error: unknown) => error);
    expect(wrong.port.classify(failure)).toBe('account');
    expect(`${JSON.stringify(failure)}${String(failure)}`).not.toContain(otherKey);
  });

  it('takes the chain whose top issuer is preferred, and the default when it is not offered', async () => {
    const { port } = await world({ environment: { PEBBLE_ALTERNATE_ROOTS: '2', PEBBLE_CHAIN_LENGTH: '2' } });
    const session = await port.open('pebble', null);
    const { order } = await issue(session);
    const fallback = await readChain(await session.download(order, 'No Such Root'));
    const topOf = (chain: Awaited<ReturnType<typeof readChain>>) => chain.certificates.at(-1)?.issuerName.getField('CN')[0] ?? '';
    expect(fallback.pem).toBe((await readChain(await session.download(order, null))).pem);
    expect(topOf(await readChain(await session.download(order, topOf(fallback))))).toBe(topOf(fallback));
  });

  it('reads the suggested window and replaces in it, where Pebble knows renewal information', async ({ skip }) => {
    const { port, pebble } = await world();
    if (!(await document(pebble)).includes('renewalInfo')) skip('this Pebble has no renewal information');
    const first = await issue(await port.open('pebble', null));
    const { certId } = (await readChain(first.pem)).leaf;
    expect(certId).not.toBeNull();
    const window = await port.renewalInfo('pebble', certId ?? '');
    expect(window?.end).toBeGreaterThan(window?.start ?? Infinity);
    expect(window?.retryAt).toBeGreaterThan(Date.now());
    await issue(await port.open('pebble', null), { replaces: certId });
    // A second replacement of one certificate: newer Pebbles answer alreadyReplaced, and the order comes without it.
    await expect((await port.open('pebble', null)).newOrder({ names, profile: null, replaces: certId })).resolves.toMatchObject({
      url: expect.stringContaining('https://') as string,
    });
  });

  it('orders by profile, where Pebble offers them', async ({ skip }) => {
    const { port, pebble } = await world();
    if (!(await document(pebble)).includes('shortlived')) skip('this Pebble has no profiles');
    const { pem } = await issue(await port.open('pebble', null), { profile: 'shortlived' });
    const { leaf } = await readChain(pem);
    expect(leaf.notAfter - leaf.notBefore).toBeLessThan(7 * 86_400_000);
  });

  it('refuses a profile that the CA does not offer and names what it offers', async () => {
    const { port, pebble } = await world();
    const session = await port.open('pebble', null);
    const failure = await session.newOrder({ names, profile: 'tlsserver', replaces: null }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'acme_profile_unknown', retryable: false });
    // Debian's Pebble offers none, newer ones do.
    if ((await document(pebble)).includes('shortlived')) expect(failure).toMatchObject({ message: expect.stringContaining('shortlived') as string });
  });
});
