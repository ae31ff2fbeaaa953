import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isPublicAddress } from '../../../infra/relay/egress/addresses.ts';
import { Egress } from '../../../infra/relay/egress/egress.ts';
import { matchEgress } from '../../../infra/relay/egress/rules.ts';
import type { EgressRule } from '../../../infra/relay/law.ts';
import type { EgressRequest } from '../../../shared/relay/contract.ts';
import { createAuthority } from './support/authority.ts';
import type { Authority } from './support/authority.ts';

const rule: EgressRule = { host: 'ca.example.net', port: 443, methods: ['GET', 'POST'], pathPrefix: '/acme', allowPrivate: false };

describe('egress rules', () => {
  const allowed = (url: string, method = 'GET') => matchEgress(url, method, [rule]).rule === rule;
  it.each([
    'https://ca.example.net/acme',
    'https://ca.example.net/acme/new-order?x=1',
    'https://CA.example.net:443/acme/',
    'https://ca.example.net/other/../acme/x',
  ])('allow %s', (url) => {
    expect(allowed(url)).toBe(true);
  });

  it.each([
    'https://ca.example.net/acmes',
    'https://ca.example.net/',
    'https://ca.example.net/acme/../admin',
    'https://ca.example.net/acme/%2e%2e/admin',
    'https://ca.example.net/acme/..%2fadmin',
    'https://ca.example.net/acme\\..\\admin',
    'https://ca.example.net:8443/acme',
    'http://ca.example.net/acme',
    'https://user:secret@ca.example.net/acme',
    'https://ca.example.net.evil.example/acme',
    'https://evil.example/acme',
    'nonsense',
  ])('refuse %s', (url) => {
    expect(() => allowed(url)).toThrow(expect.objectContaining({ code: 'egress_not_allowed' }));
  });

  it('refuse another method', () => {
    expect(() => allowed('https://ca.example.net/acme', 'DELETE')).toThrow(expect.objectContaining({ code: 'egress_not_allowed' }));
  });
});

describe('public addresses', () => {
  it.each(['172.65.32.248', '8.8.8.8', '2606:4700:60:0:f53d:5624:85c7:3a2c'])('%s is one', (address) => expect(isPublicAddress(address)).toBe(true));
  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    'fe80::1',
    'fd00::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'nonsense',
  ])('%s is none', (address) => expect(isPublicAddress(address)).toBe(false));
});

describe('an outbound request', () => {
  let authority: Authority;
  let server: Server;
  let port: number;
  let received: { method: string | undefined; url: string | undefined; headers: IncomingMessage['headers']; body: string }[] = [];
  let egress: Egress;

  beforeAll(async () => {
    authority = await createAuthority();
    const { certificate, key } = await authority.pair(['ca.example.net']);
    server = createServer({ cert: certificate, key }, (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        received.push({ method: incoming.method, url: incoming.url, headers: incoming.headers, body: Buffer.concat(chunks).toString() });
        if (incoming.url === '/acme/slow') return;
        if (incoming.url === '/acme/moved') outgoing.writeHead(302, { location: 'https://evil.example/' });
        else outgoing.writeHead(200, { 'content-type': 'text/plain', 'replay-nonce': 'n1', 'x-a': ['1', '2'], connection: 'keep-alive' });
        outgoing.end(incoming.url === '/acme/large' ? 'x'.repeat(2_000) : 'answer');
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    received = [];
    egress = through({});
  });
  afterEach(() => egress.close());

  const loopback = async () => [{ address: '127.0.0.1', family: 4 }];
  const through = (change: Partial<EgressRule>, resolve: () => Promise<{ address: string; family: number }[]> = loopback) =>
    new Egress([{ ...rule, port, ca: authority.root, allowPrivate: true, ...change }], resolve);
  const send = (path: string, change: Partial<EgressRequest> = {}, signal = AbortSignal.timeout(5_000)) =>
    egress.send({ url: `https://ca.example.net:${port}${path}`, method: 'GET', headers: [], body: null, maxBytes: 1_000, ...change }, signal);

  it('arrives with method, path, body and end-to-end headers, and comes back whole', async () => {
    const headers: [string, string][] = [
      ['Content-Type', 'application/jose+json'],
      ['Connection', 'close'],
      ['Host', 'evil.example'],
      ['Transfer-Encoding', 'chunked'],
    ];
    const response = await send('/acme/new-order?x=1', { method: 'POST', headers, body: Buffer.from('signed').toString('base64') });
    expect(received).toMatchObject([
      {
        method: 'POST',
        url: '/acme/new-order?x=1',
        body: 'signed',
        headers: { host: `ca.example.net:${port}`, 'content-type': 'application/jose+json', 'content-length': '6' },
      },
    ]);
    expect(received[0]?.headers['transfer-encoding']).toBeUndefined();
    expect({ ...response, headers: response.headers.filter(([name]) => name !== 'date') }).toEqual({
      status: 200,
      body: Buffer.from('answer').toString('base64'),
      headers: [
        ['content-type', 'text/plain'],
        ['replay-nonce', 'n1'],
        ['x-a', '1'],
        ['x-a', '2'],
      ],
    });
  });

  it('brings a redirect back instead of following it', async () => {
    expect(await send('/acme/moved')).toMatchObject({ status: 302 });
    expect(received).toHaveLength(1);
  });

  it('is not sent when no rule allows it', async () => {
    await expect(send('/admin')).rejects.toMatchObject({ code: 'egress_not_allowed' });
    expect(received).toEqual([]);
  });

  it('is not sent to a private address, whatever name leads there', async () => {
    egress = through({ allowPrivate: false });
    await expect(send('/acme')).rejects.toMatchObject({ code: 'egress_private_address' });
    expect(received).toEqual([]);
  });

  it('dials the address that was checked, and asks no second time', async () => {
    let asked = 0;
    egress = through({}, async () => {
      asked += 1;
      return asked === 1 ? [{ address: '127.0.0.1', family: 4 }] : [{ address: '203.0.113.1', family: 4 }];
    });
    expect(await send('/acme')).toMatchObject({ status: 200 });
    expect(asked).toBe(1);
  });

  it("is refused when the server's certificate is not trusted", async () => {
    egress = new Egress([{ ...rule, port, allowPrivate: true }], loopback);
    await expect(send('/acme')).rejects.toMatchObject({ code: 'egress_tls_refused', retryable: false });
    expect(received).toEqual([]);
  });

  it('is refused when the certificate is for another name', async () => {
    egress = through({ host: 'other.example.net' });
    await expect(send('/acme', { url: `https://other.example.net:${port}/acme` })).rejects.toMatchObject({ code: 'egress_tls_refused' });
  });

  it('stops reading above the size that was asked for', async () => {
    await expect(send('/acme/large')).rejects.toMatchObject({ code: 'egress_response_too_large' });
  });

  it('ends with the signed deadline', async () => {
    await expect(send('/acme/slow', {}, AbortSignal.timeout(100))).rejects.toMatchObject({ code: 'egress_timeout', retryable: true });
  });

  it('is refused when a header cannot be sent', async () => {
    await expect(send('/acme', { headers: [['x-bad', 'a\r\nInjected: 1']] })).rejects.toMatchObject({ code: 'egress_malformed' });
    expect(received).toEqual([]);
  });
});
