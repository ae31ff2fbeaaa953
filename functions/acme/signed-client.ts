/**
 * acme-client's JWS and request primitives over our transport (DESIGN §5): its own HTTP layer and nonce handling are
 * replaced on each instance, nothing global is touched, and its sleeping retries are never reached.
 */
// oxlint-disable-next-line typescript/triple-slash-reference -- declarations of untyped modules cannot be imported
/// <reference path="./acme-client.d.ts" />
import { createHash } from 'node:crypto';
import AcmeApi from 'acme-client/src/api.js';
import type { ClientReply } from 'acme-client/src/http.js';
import HttpClient from 'acme-client/src/http.js';
import { PerennialError } from '../../shared/errors.ts';
import type { Secret } from '../secrets/secret.ts';
import type { AcmeOperation } from './meanings.ts';
import { shortType } from './failure-classes.ts';
import { AcmeProblem } from './problem.ts';
import type { Directory } from './resources.ts';
import type { Reply, Transport } from './transport.ts';

/** Re-signatures after badNonce before the failure is reported: nonces are bound to a data centre, so a few failures are normal. */
export const BAD_NONCE_RETRIES = 3;

export interface AccountCredentials {
  /** PKCS#8 PEM, ECDSA P-256. */
  key: Secret;
  /** RFC 8555 §7.3.4; null when the CA needs none. */
  externalAccount: { keyId: string; hmacKey: Secret } | null;
}

/** The signing half of one session: every method is one POST (RFC 8555 §6.2). */
export interface SignedClient {
  /** newAccount; `onlyReturnExisting` looks the account up by its key alone (RFC 8555 §7.3.1). */
  account(payload: { onlyReturnExisting: true } | { termsOfServiceAgreed: true; contact: readonly string[] }): Promise<Reply>;
  newOrder(payload: object): Promise<Reply>;
  /** POST-as-GET (RFC 8555 §6.3). */
  read(operation: AcmeOperation, url: string, accept?: string): Promise<Reply>;
  answer(url: string): Promise<Reply>;
  finalize(url: string, csr: string): Promise<Reply>;
  /** RFC 8555 §7.5.2. */
  deactivate(url: string): Promise<Reply>;
  /** RFC 8555 §7.6, signed with the account key. @param certificate DER, base64url. */
  revoke(url: string, certificate: string, reason: number): Promise<Reply>;
  /**
   * keyChange, RFC 8555 §7.3.5: the new key vouches for the account and the old key, the old key for all of it.
   * @param newKey PKCS#8 PEM, ECDSA P-256.
   */
  changeKey(url: string, newKey: Secret): Promise<Reply>;
  /** base64url(SHA-256(token "." thumbprint)), RFC 8555 §8.4 and RFC 7638. */
  txtValue(token: string): string;
}

/** @param accountUrl null until the account is registered. */
export function createSignedClient(transport: Transport, directory: Directory, credentials: AccountCredentials, accountUrl: string | null): SignedClient {
  const { externalAccount } = credentials;
  const binding = externalAccount === null ? {} : { kid: externalAccount.keyId, hmacKey: externalAccount.hmacKey.reveal() };
  const http = new HttpClient(directory.newOrder, credentials.key.reveal(), binding);
  const api = new AcmeApi(http, accountUrl);
  let operation: AcmeOperation = 'account';
  let accept = 'application/json';
  let latest: Reply | null = null;
  let badNonces = 0;

  http.maxBadNonceRetries = BAD_NONCE_RETRIES;
  http.getDirectory = () => Promise.resolve(directory);
  http.getNonce = () => transport.takeNonce(directory.newNonce);
  http.request = async (url, _method, options): Promise<ClientReply> => {
    try {
      const headers = { 'content-type': 'application/jose+json', accept };
      latest = await transport.send(operation, { method: 'POST', url, headers, body: JSON.stringify(options?.data) });
    } catch (thrown) {
      badNonces += 1;
      if (!isBadNonce(thrown) || badNonces > BAD_NONCE_RETRIES) throw thrown;
      // Handed back as acme-client expects it: it signs again, with the nonce of the refusal when there is one.
      return { status: 400, headers: transport.nonce === null ? {} : { 'replay-nonce': transport.nonce }, data: { type: thrown.type } };
    }
    const location = latest.headers.get('location');
    return { status: latest.status, headers: location === null ? {} : { location }, data: latest.body };
  };

  /** Runs one acme-client call and returns the reply our transport saw: acme-client drops its headers. */
  async function run(name: AcmeOperation, work: () => Promise<unknown>, accepted: string): Promise<Reply> {
    operation = name;
    accept = accepted;
    latest = null;
    badNonces = 0;
    try {
      await work();
    } catch (thrown) {
      throw thrown instanceof PerennialError ? thrown : signingFailure(latest);
    }
    if (latest === null) throw signingFailure(null);
    return latest;
  }

  /** One after the other, however they are called: two signatures must not share a nonce. */
  let turn: Promise<unknown> = Promise.resolve();
  const call = (name: AcmeOperation, work: () => Promise<unknown>, accepted = 'application/json'): Promise<Reply> => {
    const next = turn.then(() => run(name, work, accepted));
    turn = next.catch(() => undefined);
    return next;
  };

  return {
    account: (payload) => call('account', () => api.createAccount({ ...payload })),
    newOrder: (payload) => call('new-order', () => api.createOrder(payload)),
    read: (name, url, accepted) => call(name, () => api.apiRequest(url, null, [200]), accepted),
    answer: (url) => call('challenge', () => api.completeChallenge(url, {})),
    finalize: (url, csr) => call('finalize', () => api.finalizeOrder(url, { csr })),
    deactivate: (url) => call('authorization', () => api.apiRequest(url, { status: 'deactivated' }, [200])),
    revoke: (url, certificate, reason) => call('revocation', () => api.apiRequest(url, { certificate, reason }, [200])),
    changeKey: (url, newKey) =>
      call('key-change', () => {
        const next = new HttpClient(directory.newOrder, newKey.reveal());
        return api.apiRequest(url, next.createSignedBody(url, { account: accountUrl, oldKey: http.getJwk() }), [200]);
      }),
    txtValue: (token) => sha256(`${token}.${sha256(JSON.stringify(http.getJwk()))}`),
  };
}

export function isBadNonce(thrown: unknown): thrown is AcmeProblem {
  return thrown instanceof AcmeProblem && shortType(thrown.type) === 'badNonce';
}

/** Without a cause: an error of the crypto layer may quote what it was given, and that is the account key. */
function signingFailure(reply: Reply | null): PerennialError {
  if (reply !== null)
    return new PerennialError('acme_reply_malformed', `The CA answered HTTP ${reply.status} where another success status is defined.`, { retryable: true });
  return new PerennialError('acme_account_key_unusable', 'The ACME account key or the external account key cannot be used for signing.', {
    hint: 'The stored account key must be an ECDSA P-256 key as PKCS#8 PEM, the external account key base64url.',
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
