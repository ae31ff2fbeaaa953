import { createPublicKey, X509Certificate } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, flattenedVerify, importJWK } from 'jose';
import type { JWK } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createKeyResponse, signRevocationResponse } from '../../../shared/relay/contract.ts';
import type { KeyType } from '../../../shared/relay/contract.ts';
import { NAMES, startCluster } from './support/cluster.ts';
import type { Cluster } from './support/cluster.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await startCluster();
});
afterEach(() => cluster.stop());

const URL = 'https://ca.test/acme/revoke-cert';
const NONCE = 'bm9uY2U';
const jwsSchema = z.strictObject({ protected: z.string(), payload: z.string(), signature: z.string() });
const decoded = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());

const issue = async (issuance: string, keyType: KeyType) => {
  const { body } = await cluster.edge.call('POST', '/v1/keys', { issuance, names: NAMES, keyType });
  return cluster.authority.issue(createKeyResponse.parse(body).csr);
};
const ask = (issuance: string, chain: string, change: object = {}) =>
  cluster.edge.call('POST', `/v1/keys/${issuance}/revocation`, { chain, reason: 1, url: URL, nonce: NONCE, ...change });

describe('a revocation signed with the certificate’s own key', () => {
  it.each([
    ['ec-p256', 'ES256'],
    ['ec-p384', 'ES384'],
    ['rsa-2048', 'RS256'],
  ] as const)('of type %s says exactly what RFC 8555 §7.6 wants, in %s', async (keyType, alg) => {
    const chain = await issue('one', keyType);
    const jws = jwsSchema.parse(JSON.parse(signRevocationResponse.parse((await ask('one', chain)).body).jws));
    const leaf = new X509Certificate(chain);
    expect(decoded(jws.payload)).toEqual({ certificate: leaf.raw.toString('base64url'), reason: 1 });
    const header = decoded(jws.protected) as { jwk: JWK };
    expect(header).toEqual({ alg, jwk: await exportJWK(leaf.publicKey), nonce: NONCE, url: URL });
    expect((await flattenedVerify(jws, await importJWK(header.jwk, alg))).protectedHeader?.alg).toBe(alg);
    expect(await calculateJwkThumbprint(header.jwk)).toBe(
      await calculateJwkThumbprint(await exportJWK(createPublicKey(leaf.publicKey.export({ type: 'spki', format: 'pem' })))),
    );
  });

  it('carries nothing of the private key', async () => {
    const chain = await issue('one', 'rsa-2048');
    const jws = jwsSchema.parse(JSON.parse(signRevocationResponse.parse((await ask('one', chain)).body).jws));
    const { jwk } = decoded(jws.protected) as { jwk: JWK };
    expect(Object.keys(jwk).toSorted()).toEqual(['e', 'kty', 'n']);
  });

  it('is refused when the key is not here', async () => {
    const chain = await issue('one', 'ec-p256');
    await cluster.edge.call('DELETE', '/v1/keys/one', undefined);
    expect(await ask('one', chain)).toMatchObject({ status: 409, error: { code: 'key_missing' } });
  });

  it('is refused for a certificate of another key, and for a chain whose leaf is not the one', async () => {
    await issue('one', 'ec-p256');
    const other = await issue('two', 'ec-p256');
    expect(await ask('one', other)).toMatchObject({ status: 409, error: { code: 'revocation_not_this_key' } });
    expect(await ask('one', cluster.authority.root)).toMatchObject({ status: 409, error: { code: 'revocation_not_this_key' } });
  });

  it.each([
    ['a reason that RFC 5280 does not know', { reason: 11 }],
    ['an address without TLS', { url: 'http://ca.test/revoke' }],
    ['a nonce that is none', { nonce: 'a b' }],
    ['something else to be signed', { payload: 'x' }],
  ])('is refused for %s', async (_, change) => {
    const chain = await issue('one', 'ec-p256');
    expect(await ask('one', chain, change)).toMatchObject({ status: 400, error: { code: 'request_malformed' } });
  });
});
