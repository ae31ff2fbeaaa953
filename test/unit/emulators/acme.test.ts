import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { createHash, X509Certificate } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { Agent } from 'node:https';
import * as acmeClient from 'acme-client';
import dnsPacket from 'dns-packet';
import { FlattenedSign, exportJWK, generateKeyPair } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startAcme } from '../../emulators/acme/acme.ts';
import type { AcmeEmulator, AcmeOptions } from '../../emulators/acme/acme.ts';
import { certificateIdentifier } from '../../emulators/acme/renewal-information.ts';
import { createLoopbackTls } from '../../emulators/acme/loopback-tls.ts';
import * as x509 from '@peculiar/x509';

const NAMES = ['matrix.example.net', '*.matrix.example.net'];

/** A zone file in memory behind UDP and TCP, as small as it can be. */
class TinyDns {
  readonly txt = new Map<string, string[]>();
  readonly cname = new Map<string, string>();
  /** Makes UDP answers truncated, so that clients have to come over TCP. */
  truncate = false;
  tcpQueries = 0;
  readonly #udp = createSocket('udp4');
  readonly #tcp: Server = createServer((socket) => {
    socket.on('data', (message: Buffer) => {
      this.tcpQueries += 1;
      const answer = this.#answer(message.subarray(2), false);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      socket.end(Buffer.concat([length, answer]));
    });
  });

  async start(): Promise<number> {
    this.#udp.on('message', (message, { address, port }) => this.#udp.send(this.#answer(message, this.truncate), port, address));
    await new Promise<void>((resolve) => this.#tcp.listen(0, '127.0.0.1', resolve));
    const { port } = z.object({ port: z.number() }).parse(this.#tcp.address());
    await new Promise<void>((resolve) => this.#udp.bind(port, '127.0.0.1', resolve));
    return port;
  }

  stop(): void {
    this.#udp.close();
    this.#tcp.close();
  }

  #answer(message: Buffer, truncated: boolean): Buffer {
    const query = dnsPacket.decode(message);
    const name = query.questions?.[0]?.name ?? '';
    const alias = this.cname.get(name);
    const values = this.txt.get(name) ?? [];
    const answers: dnsPacket.Answer[] = alias === undefined ? values.map((data) => ({ type: 'TXT', name, data })) : [{ type: 'CNAME', name, data: alias }];
    const rcode = answers.length === 0 && !this.txt.has(name) ? 3 : 0;
    return dnsPacket.encode({
      type: 'response',
      id: query.id ?? 0,
      flags: dnsPacket.AUTHORITATIVE_ANSWER | (truncated ? dnsPacket.TRUNCATED_RESPONSE : 0) | rcode,
      questions: query.questions ?? [],
      answers: truncated ? [] : answers,
    });
  }
}

let dns: TinyDns;
let dnsPort: number;
let ca: AcmeEmulator;

beforeEach(async () => {
  dns = new TinyDns();
  dnsPort = await dns.start();
});
afterEach(async () => {
  await ca.stop();
  dns.stop();
});

async function start(options: Omit<AcmeOptions, 'resolver'> = {}): Promise<AcmeEmulator> {
  ca = await startAcme({ resolver: { host: '127.0.0.1', port: dnsPort }, ...options });
  acmeClient.axios.defaults.httpsAgent = new Agent({ ca: ca.tlsCaPem });
  return ca;
}

async function newClient(binding?: { kid: string; hmacKey: string }): Promise<acmeClient.Client> {
  const accountKey = await acmeClient.crypto.createPrivateEcdsaKey();
  return new acmeClient.Client({
    directoryUrl: ca.directoryUrl,
    accountKey,
    backoffMin: 20,
    backoffMax: 50,
    ...(binding === undefined ? {} : { externalAccountBinding: binding }),
  });
}

/** A new object each time: acme-client writes the external account binding into the one it is given. */
function terms(): { termsOfServiceAgreed: boolean; contact: string[] } {
  return { termsOfServiceAgreed: true, contact: ['mailto:ops@example.net'] };
}

/** Publishes every dns-01 response of the order. */
async function publish(client: acmeClient.Client, order: acmeClient.Order): Promise<{ authorization: acmeClient.Authorization; challenge: Challenge }[]> {
  const published = [];
  for (const authorization of await client.getAuthorizations(order)) {
    const challenge = authorization.challenges.find(({ type }) => type === 'dns-01');
    if (challenge === undefined) throw new Error('no dns-01 challenge');
    const name = `_acme-challenge.${authorization.identifier.value}`;
    dns.txt.set(name, [...(dns.txt.get(name) ?? []), await client.getChallengeKeyAuthorization(challenge)]);
    published.push({ authorization, challenge });
  }
  return published;
}
type Challenge = acmeClient.Authorization['challenges'][number];

async function issue(
  client: acmeClient.Client,
  extra: Record<string, string> = {},
  names = NAMES,
): Promise<{ order: acmeClient.Order; chain: string; key: Buffer }> {
  const payload = { identifiers: names.map((value) => ({ type: 'dns', value })), ...extra };
  const order = await client.createOrder(payload);
  for (const { challenge } of await publish(client, order)) {
    await client.completeChallenge(challenge);
    await client.waitForValidStatus(challenge);
  }
  const [key, csr] = await acmeClient.crypto.createCsr({ altNames: [...names] }, await acmeClient.crypto.createPrivateEcdsaKey());
  const finalized = await client.finalizeOrder(order, csr);
  return { order: finalized, chain: await client.getCertificate(finalized), key };
}

describe('a whole order by acme-client', () => {
  it("issues apex and wildcard over two TXT values at one name, for exactly the CSR's key", async () => {
    await start({ defaultProfile: 'tlsserver' });
    const client = await newClient();
    await client.createAccount(terms());
    const { chain, key } = await issue(client);
    const [leaf, intermediate] = acmeClient.crypto.splitPemChain(chain).map((pem) => new X509Certificate(pem));
    if (leaf === undefined || intermediate === undefined) throw new Error('the chain is too short');
    expect(leaf.subjectAltName?.split(', ').sort()).toEqual(['DNS:*.matrix.example.net', 'DNS:matrix.example.net']);
    expect(leaf.subject ?? '').toBe('');
    expect(leaf.verify(intermediate.publicKey)).toBe(true);
    expect(intermediate.verify(new X509Certificate(ca.rootPem).publicKey)).toBe(true);
    expect(leaf.checkPrivateKey((await import('node:crypto')).createPrivateKey(key))).toBe(true);
    const days = (new Date(leaf.validTo).getTime() - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(44.9);
    expect(days).toBeLessThan(45.1);
    expect(ca.countRequests()).toMatchObject({ newOrder: 1, authorization: 2, finalize: 1, certificate: 1 });
  });

  it('offers an alternate chain to the other root', async () => {
    await start();
    const client = await newClient();
    await client.createAccount(terms());
    const { order } = await issue(client);
    const chain = await client.getCertificate(order, 'Perennial Emulated Root X2');
    const [, intermediate] = acmeClient.crypto.splitPemChain(chain).map((pem) => new X509Certificate(pem));
    expect(intermediate?.verify(new X509Certificate(ca.alternateRootPem).publicKey)).toBe(true);
  });

  it('goes through processing, with Retry-After, when validation and issuance take their time', async () => {
    await start({ validationDelayMs: 60, issuanceDelayMs: 60 });
    const client = await newClient();
    await client.createAccount(terms());
    const { chain } = await issue(client);
    expect(chain).toContain('BEGIN CERTIFICATE');
  });

  it('survives a CA that refuses good nonces now and then', async () => {
    await start({ badNoncePercent: 10 });
    const client = await newClient();
    await client.createAccount(terms());
    expect((await issue(client)).chain).toContain('BEGIN CERTIFICATE');
  });

  it('validates over TCP when UDP answers are truncated, and through a CNAME', async () => {
    await start();
    dns.truncate = true;
    dns.cname.set('_acme-challenge.matrix.example.net', 'matrix.acme.example.org');
    const client = await newClient();
    await client.createAccount(terms());
    const order = await client.createOrder({ identifiers: NAMES.map((value) => ({ type: 'dns', value })) });
    const published = await publish(client, order);
    dns.txt.set('matrix.acme.example.org', dns.txt.get('_acme-challenge.matrix.example.net') ?? []);
    for (const { challenge } of published) {
      await client.completeChallenge(challenge);
      await client.waitForValidStatus(challenge);
    }
    expect((await client.getOrder(order)).status).toBe('ready');
    expect(dns.tcpQueries).toBeGreaterThanOrEqual(4);
  });

  it('reuses valid authorizations when told to: the next order is ready at once', async () => {
    await start({ authorizationReuse: true });
    const client = await newClient();
    await client.createAccount(terms());
    await issue(client);
    const again = await client.createOrder({ identifiers: NAMES.map((value) => ({ type: 'dns', value })) });
    expect(again.status).toBe('ready');
  });

  it('returns the open order again for the same names', async () => {
    await start();
    const client = await newClient();
    await client.createAccount(terms());
    const identifiers = NAMES.map((value) => ({ type: 'dns', value }));
    const [first, second] = [await client.createOrder({ identifiers }), await client.createOrder({ identifiers: identifiers.toReversed() })];
    expect(second.url).toBe(first.url);
  });
});

describe('accounts', () => {
  it('are found again by key, and onlyReturnExisting creates none', async () => {
    await start();
    const client = await newClient();
    await expect(client.createAccount({ ...terms(), onlyReturnExisting: true })).rejects.toThrow('No account exists with this key');
    await client.createAccount(terms());
    const url = client.getAccountUrl();
    const same = new acmeClient.Client({ directoryUrl: ca.directoryUrl, accountKey: Reflect.get(client, 'opts').accountKey });
    await same.createAccount({ onlyReturnExisting: true });
    expect(same.getAccountUrl()).toBe(url);
  });

  it('need the terms agreed to and a mailto contact', async () => {
    await start();
    await expect((await newClient()).createAccount({ contact: [] })).rejects.toThrow('terms of service');
    await expect((await newClient()).createAccount({ termsOfServiceAgreed: true, contact: ['tel:123'] })).rejects.toThrow('no mailto URL');
  });

  it('are bound to an external account by its HMAC key, when that is required', async () => {
    const hmacKey = Buffer.from('0123456789abcdef0123456789abcdef').toString('base64url');
    await start({ requireExternalAccount: true, externalAccountKeys: new Map([['kid-1', hmacKey]]) });
    await expect((await newClient()).createAccount(terms())).rejects.toThrow('external account binding is required');
    await expect((await newClient({ kid: 'kid-2', hmacKey })).createAccount(terms())).rejects.toThrow('Unknown external account');
    await expect((await newClient({ kid: 'kid-1', hmacKey: Buffer.alloc(32, 7).toString('base64url') })).createAccount(terms())).rejects.toThrow(
      'does not verify',
    );
    await (await newClient({ kid: 'kid-1', hmacKey })).createAccount(terms());
    expect([...ca.records.accounts.values()].map(({ externalAccount }) => externalAccount)).toEqual(['kid-1']);
  });

  it('roll their key over, after which only the new key signs', async () => {
    await start();
    const client = await newClient();
    await client.createAccount(terms());
    const stale = new acmeClient.Client({
      directoryUrl: ca.directoryUrl,
      accountKey: Reflect.get(client, 'opts').accountKey,
      accountUrl: client.getAccountUrl(),
    });
    await client.updateAccountKey(await acmeClient.crypto.createPrivateEcdsaKey());
    expect((await issue(client)).chain).toContain('BEGIN CERTIFICATE');
    await expect(stale.createOrder({ identifiers: [{ type: 'dns', value: 'matrix.example.net' }] })).rejects.toThrow('JWS verification error');
  });

  it('are refused once deactivated', async () => {
    await start();
    const client = await newClient();
    await client.createAccount(terms());
    await client.updateAccount({ status: 'deactivated' });
    await expect(client.createOrder({ identifiers: [{ type: 'dns', value: 'matrix.example.net' }] })).rejects.toThrow('deactivated');
  });
});

describe('validation fails', () => {
  it.each([
    ['no name', (): void => undefined, 'DNS problem: NXDOMAIN'],
    ['no value', (): void => void dns.txt.set('_acme-challenge.matrix.example.net', []), 'No TXT record found'],
    ['another value', (): void => void dns.txt.set('_acme-challenge.matrix.example.net', ['wrong']), 'Incorrect TXT record "wrong"'],
  ])('with the reason when DNS has %s, and takes the order with it', async (_what, prepare, detail) => {
    await start();
    const client = await newClient();
    await client.createAccount(terms());
    const order = await client.createOrder({ identifiers: [{ type: 'dns', value: 'matrix.example.net' }] });
    prepare();
    const [authorization] = await client.getAuthorizations(order);
    const challenge = authorization?.challenges.find(({ type }) => type === 'dns-01');
    if (challenge === undefined) throw new Error('no dns-01 challenge');
    await client.completeChallenge(challenge);
    await expect(client.waitForValidStatus(challenge)).rejects.toThrow(detail);
    expect((await client.getOrder(order)).status).toBe('invalid');
  });
});

describe('orders are refused', () => {
  it.each([
    ['an address', [{ type: 'ip', value: '192.0.2.1' }], {}, 'not supported'],
    ['a bad name', [{ type: 'dns', value: 'no_underscores.example' }], {}, 'Invalid identifier'],
    ['a wildcard not at the left', [{ type: 'dns', value: 'a.*.example.net' }], {}, 'Invalid identifier'],
    ['nothing', [], {}, 'at least one identifier'],
    [
      'a name its wildcard covers',
      [
        { type: 'dns', value: 'a.example.net' },
        { type: 'dns', value: '*.example.net' },
      ],
      {},
      'redundant',
    ],
    ['an unknown profile', [{ type: 'dns', value: 'a.example.net' }], { profile: 'nope' }, 'is not offered'],
    ['a chosen notAfter', [{ type: 'dns', value: 'a.example.net' }], { notAfter: '2030-01-01T00:00:00Z' }, 'not supported'],
    ['an unknown predecessor', [{ type: 'dns', value: 'a.example.net' }], { replaces: 'AAAA.BBBB' }, 'unknown'],
  ])('for %s', async (_what, identifiers, extra, detail) => {
    await start();
    const client = await newClient();
    await client.createAccount(terms());
    await expect(client.createOrder({ identifiers, ...extra })).rejects.toThrow(detail);
  });

  it('when they replace a certificate that another open order already replaces', async () => {
    await start();
    const client = await newClient();
    await client.createAccount(terms());
    const { chain } = await issue(client);
    const replaces = certificateIdentifier(new x509.X509Certificate(acmeClient.crypto.splitPemChain(chain)[0] ?? ''));
    await issue(client, { replaces });
    await expect(issue(client, { replaces })).rejects.toThrow('already been replaced');
  });

  it('at finalize while not ready, and for a CSR with other names or the account key', async () => {
    await start();
    const client = await newClient();
    await client.createAccount(terms());
    const order = await client.createOrder({ identifiers: [{ type: 'dns', value: 'matrix.example.net' }] });
    const [, good] = await acmeClient.crypto.createCsr({ altNames: ['matrix.example.net'] });
    await expect(client.finalizeOrder(order, good)).rejects.toThrow('not acceptable for finalization');
    for (const { challenge } of await publish(client, order)) {
      await client.completeChallenge(challenge);
      await client.waitForValidStatus(challenge);
    }
    const [, foreign] = await acmeClient.crypto.createCsr({ altNames: ['matrix.example.net', 'other.example.net'] });
    await expect(client.finalizeOrder(order, foreign)).rejects.toThrow("does not specify the order's identifiers");
    const [, own] = await acmeClient.crypto.createCsr({ altNames: ['matrix.example.net'] }, Reflect.get(client, 'opts').accountKey);
    await expect(client.finalizeOrder(order, own)).rejects.toThrow('must be different than account key');
    expect((await client.getOrder(order)).status).toBe('ready');
  });
});

/** What goes over the wire, signed by hand: for requests no sound client makes. */
interface RawReply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

async function raw(method: string, url: string, body: string | undefined, headers: Record<string, string>): Promise<RawReply> {
  return await new Promise((resolve, reject) => {
    const outgoing = httpsRequest(url, { method, headers, ca: ca.tlsCaPem, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const SOUND_HEADERS = { 'user-agent': 'test', 'content-type': 'application/jose+json' };

async function nonce(): Promise<string> {
  return String((await raw('HEAD', ca.paths.url('newNonce'), undefined, SOUND_HEADERS)).headers['replay-nonce']);
}

interface Signer {
  key: CryptoKey;
  jwk: JWK;
}

async function signer(): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  return { key: privateKey, jwk: await exportJWK(publicKey) };
}

async function signed({ key }: Signer, header: Record<string, unknown>, payload: unknown): Promise<string> {
  const text = payload === undefined ? '' : JSON.stringify(payload);
  const jws = await new FlattenedSign(new TextEncoder().encode(text)).setProtectedHeader({ alg: 'ES256', ...header }).sign(key);
  return JSON.stringify({ protected: jws.protected, payload: jws.payload, signature: jws.signature });
}

describe('requests are refused', () => {
  const newAccountPayload = { termsOfServiceAgreed: true };

  async function post(header: Record<string, unknown>, headers: Record<string, string> = SOUND_HEADERS): Promise<RawReply> {
    const by = await signer();
    const url = ca.paths.url('newAccount');
    const body = await signed(by, { jwk: by.jwk, url, nonce: await nonce(), ...header }, newAccountPayload);
    return await raw('POST', url, body, headers);
  }

  it.each([
    ['a replayed or invented nonce', { nonce: 'AAAA' }, 400, 'badNonce'],
    ['no nonce', { nonce: undefined }, 400, 'badNonce'],
    ['the url of another resource', { url: 'https://localhost/elsewhere' }, 401, 'unauthorized'],
    ['both jwk and kid', { kid: 'https://localhost/my-account/1' }, 400, 'malformed'],
    ['a kid where a jwk is due', { jwk: undefined, kid: 'https://localhost/my-account/1' }, 400, 'malformed'],
  ])('with %s', async (_what, header, status, type) => {
    await start();
    const answer = await post(header);
    expect([answer.status, answer.headers['content-type']]).toEqual([status, 'application/problem+json']);
    expect(JSON.parse(answer.body)).toMatchObject({ type: `urn:ietf:params:acme:error:${type}`, status });
    expect(answer.headers['replay-nonce']).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(ca.records.accounts.size).toBe(0);
  });

  it('with another Content-Type, without User-Agent, or by GET', async () => {
    await start();
    expect((await post({}, { ...SOUND_HEADERS, 'content-type': 'application/json' })).status).toBe(415);
    const anonymous = await post({}, { 'content-type': 'application/jose+json' });
    expect([anonymous.status, JSON.parse(anonymous.body).detail]).toEqual([400, 'A User-Agent header is required']);
    expect((await raw('GET', ca.paths.url('newAccount'), undefined, SOUND_HEADERS)).status).toBe(405);
    expect((await raw('GET', `${new URL(ca.directoryUrl).origin}/directory`, undefined, SOUND_HEADERS)).status).toBe(404);
  });

  it("when the signature is another key's or the algorithm is symmetric", async () => {
    await start();
    const [one, other] = [await signer(), await signer()];
    const url = ca.paths.url('newAccount');
    const forged = await signed(other, { jwk: one.jwk, url, nonce: await nonce() }, newAccountPayload);
    expect(JSON.parse((await raw('POST', url, forged, SOUND_HEADERS)).body)).toMatchObject({ detail: 'JWS verification error' });
    const header = Buffer.from(JSON.stringify({ alg: 'HS256', jwk: one.jwk, url, nonce: await nonce() })).toString('base64url');
    const symmetric = await raw('POST', url, JSON.stringify({ protected: header, payload: 'e30', signature: 'AAAA' }), SOUND_HEADERS);
    expect(JSON.parse(symmetric.body)).toMatchObject({ type: 'urn:ietf:params:acme:error:badSignatureAlgorithm', algorithms: ['ES256', 'RS256'] });
  });
});

describe('after issuance', () => {
  it('renewal information follows the lifetime, moves on demand, and lies in the past once revoked', async () => {
    await start();
    const client = await newClient();
    await client.createAccount(terms());
    const { chain } = await issue(client);
    const pem = acmeClient.crypto.splitPemChain(chain)[0] ?? '';
    const identifier = certificateIdentifier(new x509.X509Certificate(pem));
    const url = ca.paths.url('renewalInfo', identifier);
    const read = async (): Promise<{ start: number; end: number; retryAfter: unknown }> => {
      const answer = await raw('GET', url, undefined, SOUND_HEADERS);
      const { suggestedWindow } = z.object({ suggestedWindow: z.object({ start: z.iso.datetime(), end: z.iso.datetime() }) }).parse(JSON.parse(answer.body));
      return { start: Date.parse(suggestedWindow.start), end: Date.parse(suggestedWindow.end), retryAfter: answer.headers['retry-after'] };
    };
    const usual = await read();
    expect(usual.retryAfter).toBe('21600');
    expect((usual.start - Date.now()) / 86_400_000).toBeCloseTo(59.1, 0);
    ca.setRenewalWindow(identifier, { start: 1_000, end: 2_000 });
    expect(await read()).toMatchObject({ start: 1_000, end: 2_000 });
    expect((await raw('GET', ca.paths.url('renewalInfo', 'AAAA.BBBB'), undefined, SOUND_HEADERS)).status).toBe(404);

    await client.revokeCertificate(pem);
    await expect(client.revokeCertificate(pem)).rejects.toThrow('already revoked');
    expect([...ca.records.certificates.values()].map(({ revoked }) => revoked?.reason)).toEqual([0]);
  });

  it('a certificate identifier is that of RFC 9773, with the leading zero of a high serial', async () => {
    await start();
    const client = await newClient();
    await client.createAccount(terms());
    const { chain } = await issue(client);
    const pem = acmeClient.crypto.splitPemChain(chain)[0] ?? '';
    const identifier = certificateIdentifier(new x509.X509Certificate(pem));
    const serial = new X509Certificate(pem).serialNumber;
    const [, encoded = ''] = identifier.split('.');
    expect(BigInt(`0x${Buffer.from(encoded, 'base64url').toString('hex')}`)).toBe(BigInt(`0x${serial}`));
    expect((Buffer.from(encoded, 'base64url')[0] ?? 255) & 0x80).toBe(0);
  });

  it('an authorization is deactivated by its account', async () => {
    await start();
    const client = await newClient();
    await client.createAccount(terms());
    const order = await client.createOrder({ identifiers: [{ type: 'dns', value: 'matrix.example.net' }] });
    const [authorization] = await client.getAuthorizations(order);
    if (authorization === undefined) throw new Error('no authorization');
    expect((await client.deactivateAuthorization(authorization)).status).toBe('deactivated');
    expect((await client.getOrder(order)).status).toBe('invalid');
  });
});

describe('faults', () => {
  it('are asked before each route and may answer in its place', async () => {
    await start();
    const heal = ca.faults.before(({ route }) =>
      route === 'newNonce' ? new Response('<html>Service busy</html>', { status: 503, headers: { 'retry-after': '7' } }) : undefined,
    );
    const busy = await raw('HEAD', ca.paths.url('newNonce'), undefined, SOUND_HEADERS);
    expect([busy.status, busy.headers['retry-after'], busy.headers['replay-nonce']]).toEqual([503, '7', undefined]);
    heal();
    expect((await raw('HEAD', ca.paths.url('newNonce'), undefined, SOUND_HEADERS)).status).toBe(200);
  });

  it('lose a reply after its effect', async () => {
    await start();
    ca.faults.loseReplies('newAccount');
    const by = await signer();
    const url = ca.paths.url('newAccount');
    await expect(raw('POST', url, await signed(by, { jwk: by.jwk, url, nonce: await nonce() }, { termsOfServiceAgreed: true }), SOUND_HEADERS)).rejects.toThrow(
      /hang up|ECONNRESET/,
    );
    expect(ca.records.accounts.size).toBe(1);
    const again = await raw('POST', url, await signed(by, { jwk: by.jwk, url, nonce: await nonce() }, { onlyReturnExisting: true }), SOUND_HEADERS);
    expect(again.status).toBe(200);
  });
});

describe('what outlives a restart', () => {
  it('is the CA: roots and intermediate, and the URLs if wanted', async () => {
    await start({ pathSuffix: 'fixed' });
    const [saved, root, directoryPath] = [ca.save(), ca.rootPem, new URL(ca.directoryUrl).pathname];
    await ca.stop();
    await start({ saved, pathSuffix: 'fixed' });
    expect([ca.rootPem, new URL(ca.directoryUrl).pathname]).toEqual([root, directoryPath]);
    const client = await newClient();
    await client.createAccount(terms());
    const [, intermediate] = acmeClient.crypto.splitPemChain((await issue(client)).chain).map((pem) => new X509Certificate(pem));
    expect(intermediate?.verify(new X509Certificate(root).publicKey)).toBe(true);
  });
});

describe('loopback TLS', () => {
  it('covers the loopback names under a CA of its own', async () => {
    await start();
    const { caPem, certificatePem } = await createLoopbackTls();
    const leaf = new X509Certificate(certificatePem);
    expect(leaf.checkHost('localhost')).toBe('localhost');
    expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(leaf.verify(new X509Certificate(caPem).publicKey)).toBe(true);
    expect(createHash('sha256').update(caPem).digest('hex')).not.toBe(
      createHash('sha256')
        .update((await createLoopbackTls()).caPem)
        .digest('hex'),
    );
  });
});
