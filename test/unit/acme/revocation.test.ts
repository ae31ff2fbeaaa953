/** Giving up what was issued: certificates with either key, and authorizations that nobody needs any more. */
import 'reflect-metadata';
import { X509CertificateGenerator } from '@peculiar/x509';
import { FlattenedSign } from 'jose';
import { describe, expect, it } from 'vitest';
import { PerennialError } from '../../../shared/errors.ts';
import { readChain } from '../../../shared/x509/chain.ts';
import { pebbleInstalled } from './pebble.ts';
import { again, issue, names, stubborn, world } from './pebble-world.ts';
import { ORIGIN, problem } from './scripted-ca.ts';
import { failureOf, scriptedWorld } from './world.ts';

/** As a relay does it: RFC 8555 §7.6, with the public key in the header. */
function signer(keys: CryptoKeyPair, pem: string, reason: number) {
  return async ({ url, nonce }: { url: string; nonce: string }): Promise<string> => {
    const { certificates } = await readChain(pem);
    const certificate = Buffer.from(certificates[0]?.rawData ?? new ArrayBuffer(0)).toString('base64url');
    const { kty = '', crv = '', x = '', y = '' } = await crypto.subtle.exportKey('jwk', keys.publicKey);
    const jws = await new FlattenedSign(new TextEncoder().encode(JSON.stringify({ certificate, reason })))
      .setProtectedHeader({ alg: 'ES256', nonce, url, jwk: { kty, crv, x, y } })
      .sign(keys.privateKey);
    return JSON.stringify({ protected: jws.protected, payload: jws.payload, signature: jws.signature });
  };
}

describe.skipIf(!pebbleInstalled)('with Pebble, a certificate', () => {
  it('is revoked with the account key, and once more without a complaint', async () => {
    const { port, requests } = await world();
    const session = await port.open('pebble', null);
    const { pem } = await issue(session);
    requests.length = 0;
    await session.revoke(pem, 1, null);
    await session.revoke(pem, 1, null);
    expect(requests.filter(({ method }) => method === 'POST')).toHaveLength(2);
  });

  it('is revoked with its own key, by an account that does not own it', async () => {
    const { port, stranger } = await world();
    const { pem, keys } = await issue(await port.open('pebble', null));
    const other = await stranger().open('pebble', null);
    const refused = await failureOf(other.revoke(pem, 1, null));
    expect(refused).toMatchObject({ code: 'acme_revocation_unauthorized', hint: expect.stringContaining('key of the certificate') as string });
    await other.revoke(pem, 1, signer(keys, pem, 1));
    await other.revoke(pem, 1, signer(keys, pem, 1));
    await expect((await port.open('pebble', null)).revoke(pem, 1, null)).resolves.toBeUndefined();
  });

  it('is revoked through nonces that are refused', async () => {
    const { port } = await world({ environment: { PEBBLE_WFE_NONCEREJECT: '40' } });
    const session = stubborn(port, await again(port, () => port.open('pebble', null)));
    const { pem, keys } = await issue(session);
    await session.revoke(pem, 4, signer(keys, pem, 4));
  });

  it('is not revoked for a reason that the CA does not take', async () => {
    const { port } = await world();
    const session = await port.open('pebble', null);
    const { pem, keys } = await issue(session);
    for (const refused of [await failureOf(session.revoke(pem, 7, null)), await failureOf(session.revoke(pem, 7, signer(keys, pem, 7)))]) {
      expect(refused).toMatchObject({ code: 'acme_bad_revocation_reason', retryable: false, hint: expect.stringContaining('RFC 5280') as string });
      expect(port.classify(refused)).toBe('permanent');
    }
  });
});

describe.skipIf(!pebbleInstalled)('with Pebble, an authorization', () => {
  it('is given up, and giving it up again, or one that is gone, is success', async () => {
    const { port } = await world();
    const session = await port.open('pebble', null);
    const { order } = await issue(session);
    const [url = ''] = order.authorizations;
    await session.deactivate(url);
    expect((await session.authorizations([url]))[0]?.status).toBe('deactivated');
    await session.deactivate(url);
    await session.deactivate(`${url}-that-never-was`);
    // Nothing is left to be reused.
    const pending = await session.newOrder({ names, profile: null, replaces: null });
    expect(pending.status).toBe('pending');
  });
});

describe('a revocation', () => {
  const chain = async (): Promise<string> => {
    const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
    const certificate = await X509CertificateGenerator.createSelfSigned({ name: 'CN=example.net', keys, signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } });
    return certificate.toString('pem');
  };

  it('that the CA does not offer says so', async () => {
    const { port } = scriptedWorld();
    const failure = await failureOf((await port.open('ca', null)).revoke('', 1, null));
    expect(failure).toMatchObject({ code: 'acme_revocation_not_offered' });
    expect(port.classify(failure)).toBe('permanent');
  });

  it('goes to the CA as it was signed elsewhere, and nothing else does', async () => {
    const { ca, port } = scriptedWorld();
    ca.directory['revokeCert'] = `${ORIGIN}/revoke`;
    const session = await port.open('ca', null);
    for (const unsigned of ['', '{}', '[]', '{"protected":"a","payload":"b","signature":"c","more":"d"}', '{"protected":"a b","payload":"b","signature":"c"}'])
      expect(await failureOf(session.revoke(await chain(), 1, () => Promise.resolve(unsigned)))).toMatchObject({ code: 'acme_revocation_unsigned' });
    const away = new PerennialError('relay_offline', 'No relay is connected.', { retryable: true });
    expect(await failureOf(session.revoke(await chain(), 1, () => Promise.reject(away)))).toBe(away);
    expect(ca.count('/revoke')).toBe(0);
  });

  it('that finds it revoked is done', async () => {
    const { ca, port } = scriptedWorld();
    ca.directory['revokeCert'] = `${ORIGIN}/revoke`;
    const session = await port.open('ca', null);
    ca.script('/revoke', problem(400, 'alreadyRevoked', 'Certificate already revoked'));
    await expect(session.revoke(await chain(), 1, null)).resolves.toBeUndefined();
  });
});

describe('an authorization', () => {
  const url = `${ORIGIN}/authorizations/1`;
  const authorization = (status: string) => Response.json({ identifier: { type: 'dns', value: 'example.net' }, status, challenges: [] });

  it.each(['deactivated', 'invalid', 'expired', 'revoked'])('that is %s already needs no deactivation', async (status) => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    ca.script('/authorizations/1', problem(400, 'malformed', 'only valid and pending authorizations can be deactivated'), authorization(status));
    await expect(session.deactivate(url)).resolves.toBeUndefined();
  });

  it('that is still open keeps the refusal, and so does a CA that is busy', async () => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    ca.script('/authorizations/1', problem(400, 'malformed', 'no'), authorization('valid'));
    expect(await failureOf(session.deactivate(url))).toMatchObject({ code: 'acme_malformed' });
    ca.script('/authorizations/1', problem(503, 'serverInternal', 'busy'));
    expect(await failureOf(session.deactivate(url))).toMatchObject({ code: 'acme_server_internal' });
  });
});
