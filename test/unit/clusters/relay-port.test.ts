import { describe, expect, it } from 'vitest';
import type { LinkRequest, LinkResponse } from '../../../functions/clusters/link.ts';
import { relayRoutes, type RelayRoutes, writeInDoubt } from '../../../functions/clusters/relay-port.ts';
import { type Outcome, PerennialError } from '../../../shared/errors.ts';
import {
  CONTRACT,
  createKeyRequest,
  dnsQueryRequest,
  type DnsQuestion,
  egressRequest,
  installRequest,
  instancesRequest,
  MAX_DEADLINE_MS,
  namecheapQueryRequest,
  namecheapWriteRequest,
  RELAY_ROUTES,
  reloadRequest,
  rollBackRequest,
  signRevocationRequest,
  verifyRequest,
  watchRequest,
} from '../../../shared/relay/contract.ts';

const hex = 'a'.repeat(64);
const chain = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const target = { variable: 'nomad/jobs/proxy', namespace: 'default', certificateItem: 'certificate', keyItem: 'key' };
const key = { issuance: 'issuance-1', names: ['matrix.example.net'], keyType: 'ec-p256' as const };

const table = { domain: 'example.net', emailType: 'NONE' as const, rows: [] };
const hosts = { account: 'example', expect: table, write: table };
const reply = { status: 200, body: '<ApiResponse />', address: '198.51.100.7' };

/** The end of the link, answering each request as told and remembering it. */
class Link {
  readonly requests: (LinkRequest & { cluster: string })[] = [];
  readonly #answer: (request: LinkRequest) => Outcome<LinkResponse>;

  constructor(answer: (request: LinkRequest) => Outcome<LinkResponse>) {
    this.#answer = answer;
  }

  routes(caller: string | null = null): RelayRoutes {
    return relayRoutes((cluster, request) => {
      this.requests.push({ ...request, cluster });
      return Promise.resolve(this.#answer(request));
    }, caller);
  }
}

const answering = (status: number, body: unknown): Outcome<LinkResponse> => ({
  ok: true,
  value: { status, body: typeof body === 'string' ? body : JSON.stringify(body), contract: CONTRACT.current },
});

async function failed(work: Promise<unknown>): Promise<PerennialError> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof PerennialError) return error;
  throw new Error(`a PerennialError was expected, not ${String(error)}`);
}

describe('every route of the contract', () => {
  const schemas = {
    createKey: createKeyRequest,
    install: installRequest,
    reload: reloadRequest,
    rollBack: rollBackRequest,
    signRevocation: signRevocationRequest,
    verify: verifyRequest,
    watch: watchRequest,
    egress: egressRequest,
    dnsQuery: dnsQueryRequest,
    instances: instancesRequest,
    namecheapQuery: namecheapQueryRequest,
    namecheapWrite: namecheapWriteRequest,
  };
  const calls: { [route in keyof typeof RELAY_ROUTES]: { ask: (routes: RelayRoutes) => Promise<unknown>; answer: unknown; path: string } } = {
    createKey: {
      ask: (routes) => routes.createKey('matrix', key),
      answer: { issuance: 'issuance-1', csr: 'AAAA', spki: hex, madeIn: 'matrix/a' },
      path: '/v1/keys',
    },
    removeKey: { ask: (routes) => routes.removeKey('matrix', 'issuance-1'), answer: { removed: true }, path: '/v1/keys/issuance-1' },
    install: {
      ask: (routes) =>
        routes.install('matrix', 'matrix', {
          issuance: 'issuance-1',
          names: ['matrix.example.net'],
          chain,
          target,
          known: [hex],
          replaceForeign: true,
          blind: false,
        }),
      answer: { index: 7, sha256: hex, changed: true, keptItems: ['other'] },
      path: '/v1/certificates/matrix',
    },
    inspect: {
      ask: (routes) => routes.inspect('matrix', 'matrix', { target }),
      answer: { found: false, index: 0, chain: null, sha256: null, pairFits: null, ours: false },
      path: `/v1/certificates/matrix?${new URLSearchParams(target).toString()}`,
    },
    rollBack: {
      ask: (routes) => routes.rollBack('matrix', 'matrix', { target, from: hex, to: null }),
      answer: { index: 8, sha256: hex, changed: true },
      path: '/v1/certificates/matrix/rollback',
    },
    watch: {
      ask: (routes) => routes.watch('matrix', { entries: [] }),
      answer: { watched: 0 },
      path: '/v1/watch',
    },
    signRevocation: {
      ask: (routes) => routes.signRevocation('matrix', 'issuance-1', { chain, reason: 1, url: 'https://ca.test/revoke', nonce: 'n' }),
      answer: { jws: '{}' },
      path: '/v1/keys/issuance-1/revocation',
    },
    reload: {
      ask: (routes) => routes.reload('matrix', { certificate: 'matrix', service: 'traefik', mode: 'watch' }),
      answer: { mode: 'watch', signalled: 0, note: 'watched' },
      path: '/v1/reload',
    },
    verify: {
      ask: (routes) =>
        routes.verify('matrix', {
          certificate: 'matrix',
          names: ['matrix.example.net'],
          sha256: hex,
          previous: [],
          service: 'traefik',
          namespace: 'default',
          probes: [],
        }),
      answer: { instances: [] },
      path: '/v1/verify',
    },
    egress: {
      ask: (routes) => routes.egress('matrix', { url: 'https://ca.test/', method: 'GET', headers: [], body: null, maxBytes: 1_000 }),
      answer: { status: 200, headers: [], body: '' },
      path: '/v1/egress',
    },
    dnsQuery: { ask: (routes) => routes.dnsQuery('matrix', [{ name: 'example.net', type: 'NS' }]), answer: { results: [] }, path: '/v1/dns/query' },
    instances: {
      ask: (routes) => routes.instances('matrix', { service: 'traefik', namespace: 'default' }),
      answer: { instances: [{ id: 'one', address: '203.0.113.1', port: 443, job: 'proxy', healthy: true, detail: 'It runs.' }] },
      path: '/v1/instances',
    },
    namecheapAccount: {
      ask: (routes) => routes.namecheapAccount('matrix', 'example'),
      answer: { account: 'example', domains: ['example.net'], changes: 'challenges', address: null },
      path: '/v1/namecheap/example',
    },
    namecheapQuery: {
      ask: (routes) => routes.namecheapQuery('matrix', { account: 'example', command: 'namecheap.domains.dns.getHosts', domain: 'example.net' }),
      answer: reply,
      path: '/v1/namecheap/query',
    },
    namecheapWrite: { ask: (routes) => routes.namecheapWrite('matrix', hosts, 45_000), answer: reply, path: '/v1/namecheap/hosts' },
  };

  for (const [route, { method, idempotent }] of Object.entries(RELAY_ROUTES)) {
    const { ask, answer, path } = calls[route as keyof typeof RELAY_ROUTES];
    it(`${route} is asked as the contract says`, async () => {
      const link = new Link(() => answering(200, answer));
      await ask(link.routes('matrix-certificate'));
      expect(link.requests).toHaveLength(1);
      const [request] = link.requests;
      expect(request).toMatchObject({ cluster: 'matrix', method, path, idempotent, caller: 'matrix-certificate' });
      expect(request?.timeoutMs).toBeLessThanOrEqual(MAX_DEADLINE_MS);
      const schema = route in schemas ? schemas[route as keyof typeof schemas] : undefined;
      if (schema === undefined) expect(request?.body).toBe('');
      else expect(schema.safeParse(JSON.parse(request?.body ?? '')).success).toBe(true);
    });

    it(`${route} refuses an answer of another shape`, async () => {
      for (const strange of ['', 'not json', '[]', 'null', '{"instances":7,"results":7}']) {
        const error = await failed(ask(new Link(() => answering(200, strange)).routes()));
        expect(error).toMatchObject({ code: 'relay_protocol', retryable: true });
      }
    });

    it(`${route} hands the relay's refusal on`, async () => {
      const refusal = { code: 'nomad_conflict', message: 'The variable changed.', retryable: true, retryAt: 5, hint: 'Wait.', details: { index: 7 } };
      const error = await failed(ask(new Link(() => answering(409, { error: refusal })).routes()));
      expect(error.toData()).toEqual(refusal);
    });
  }

  it('puts ids into the path so that they cannot leave their segment', async () => {
    const link = new Link(() => answering(200, { removed: true }));
    await link.routes().removeKey('matrix', '../certificates?x=1');
    expect(link.requests[0]?.path).toBe('/v1/keys/..%2Fcertificates%3Fx%3D1');
  });
});

describe('an error', () => {
  it('of the link keeps its code, advice and time', async () => {
    const link = new Link(() => ({ ok: false, error: { code: 'relay_offline', message: 'No relay.', retryable: true, hint: 'Start it.' } }));
    expect((await failed(link.routes().createKey('matrix', key))).toData()).toEqual({
      code: 'relay_offline',
      message: 'No relay.',
      retryable: true,
      hint: 'Start it.',
    });
  });

  it('without words is a broken contract, to be tried again only when the relay itself is at fault', async () => {
    for (const [status, retryable] of [
      [502, true],
      [404, false],
    ] as const) {
      const error = await failed(new Link(() => answering(status, '<html>')).routes().createKey('matrix', key));
      expect(error).toMatchObject({ code: 'relay_protocol', retryable });
    }
  });
});

describe('a relay of contract version 1', () => {
  const questions: DnsQuestion[] = [
    { name: 'a.example.net', type: 'TXT' },
    { name: 'b.example.net', type: 'TXT' },
    { name: 'c.example.net', type: 'NS' },
  ];
  const refusal = answering(400, { error: { code: 'relay_one_question', message: 'One at a time.', retryable: false } });
  const single = (request: LinkRequest) => {
    const asked = dnsQueryRequest.parse(JSON.parse(request.body)).questions;
    const [question] = asked;
    if (asked.length > 1 || question === undefined) return refusal;
    return answering(200, { results: [{ ...question, zone: 'example.net', servers: [] }] });
  };

  it('is asked one DNS question at a time, and the answers come in order', async () => {
    const link = new Link(single);
    const results = await link.routes().dnsQuery('matrix', questions);
    expect(results.map(({ name }) => name)).toEqual(questions.map(({ name }) => name));
    expect(link.requests.slice(1).map(({ body }) => dnsQueryRequest.parse(JSON.parse(body)).questions)).toEqual(questions.map((question) => [question]));
  });

  it('is not asked again when it refuses a single question', async () => {
    const link = new Link(() => refusal);
    expect((await failed(link.routes().dnsQuery('matrix', questions.slice(0, 1)))).code).toBe('relay_one_question');
    expect(link.requests).toHaveLength(1);
  });

  it('is not asked one by one when something else is wrong', async () => {
    const link = new Link(() => answering(403, { error: { code: 'signature_invalid', message: 'No.', retryable: false } }));
    expect((await failed(link.routes().dnsQuery('matrix', questions))).code).toBe('signature_invalid');
    expect(link.requests).toHaveLength(1);
  });
});

describe('a relay from before a route', () => {
  const unknown = () => answering(404, { error: { code: 'route_unknown', message: 'The relay has no such route.', retryable: false } });

  it.each<[string, (routes: RelayRoutes) => Promise<unknown>]>([
    ['instances', (routes) => routes.instances('matrix', { service: 'traefik', namespace: 'default' })],
    ['namecheapAccount', (routes) => routes.namecheapAccount('matrix', 'example')],
    ['namecheapQuery', (routes) => routes.namecheapQuery('matrix', { account: 'example', command: 'namecheap.domains.getInfo', domain: 'example.net' })],
    ['namecheapWrite', (routes) => routes.namecheapWrite('matrix', hosts, 1_000)],
  ])('is too old for %s, and the error has the command that renews it', async (_, ask) => {
    const error = await failed(ask(new Link(unknown).routes()));
    expect(error).toMatchObject({ code: 'relay_too_old', retryable: true, message: expect.stringContaining('cluster matrix') });
    expect(error.hint).toContain('nomad job run');
    expect(writeInDoubt(error)).toBe(false);
  });

  it('is too old to use a key again, and says so only when it was asked to', async () => {
    const malformed = () => answering(400, { error: { code: 'request_malformed', message: 'Unrecognized key: "reuse"', retryable: false } });
    expect(await failed(new Link(malformed).routes().createKey('matrix', { ...key, reuse: 'issuance-0' }))).toMatchObject({ code: 'relay_too_old' });
    expect(await failed(new Link(malformed).routes().createKey('matrix', key))).toMatchObject({ code: 'request_malformed' });
  });

  it('is not too old for the routes that every relay has', async () => {
    expect((await failed(new Link(unknown).routes().createKey('matrix', key))).code).toBe('route_unknown');
  });
});

describe('a write to Namecheap', () => {
  it('has the time that its caller gives it, and no more than a deadline may be away', async () => {
    const link = new Link(() => answering(200, reply));
    await link.routes().namecheapWrite('matrix', hosts, 20_000);
    await link.routes().namecheapWrite('matrix', hosts, 600_000);
    expect(link.requests.map(({ timeoutMs }) => timeoutMs)).toEqual([20_000, MAX_DEADLINE_MS]);
  });

  it.each([
    'namecheap_changed',
    'namecheap_change_not_allowed',
    'namecheap_unreadable',
    'namecheap_rate_limited',
    'namecheap_address_unknown',
    'nomad_unavailable',
    'egress_failed',
    'relay_offline',
    'relay_deadline',
    'request_expired',
  ])('did not reach the vendor after %s', (code) => {
    expect(writeInDoubt({ code })).toBe(false);
  });

  it.each([
    'namecheap_in_doubt',
    'relay_timeout',
    'relay_disconnected',
    'relay_protocol',
    'relay_response_too_large',
    'signature_invalid',
    'internal',
    'unheard_of',
  ])('may have reached the vendor after %s', (code) => {
    expect(writeInDoubt({ code })).toBe(true);
  });
});
