/**
 * A private CA behind its own root, reachable from the cluster alone: every request of the edge leaves through the relay,
 * over real TLS that the law's root vouches for, from the directory to the installed pair.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAcmePort } from '../../../functions/acme/port.ts';
import type { AcmeOrder, AcmePort, AcmeSession } from '../../../functions/certificates/ports.ts';
import type { Authority } from '../../../functions/config/configuration.ts';
import type { LawDocument } from '../../../infra/relay/law.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { createKeyResponse, egressResponse, refusalSchema, type EgressRequest } from '../../../shared/relay/contract.ts';
import { startAcme } from '../../emulators/acme/acme.ts';
import type { AcmeEmulator } from '../../emulators/acme/acme.ts';
import { createLoopbackTls } from '../../emulators/acme/loopback-tls.ts';
import { type DnsEmulator, startDnsEmulator } from '../../emulators/dns/index.ts';
import { actorOf, memorySecrets, memoryState } from '../acme/authority-in-memory.ts';
import { NAMES, startCluster } from './support/cluster.ts';
import type { Cluster } from './support/cluster.ts';

const ZONE = 'example.net';
const NAMESERVER = 'ns1.test-dns.example';

let dns: DnsEmulator;
let ca: AcmeEmulator;
let cluster: Cluster | undefined;
beforeEach(async () => {
  dns = await startDnsEmulator({ zones: [{ name: ZONE, nameservers: [NAMESERVER] }], servers: [{ name: NAMESERVER }] });
  ca = await startAcme({ resolver: { host: dns.recursive.address, port: dns.recursive.port }, defaultProfile: 'tlsserver', retryAfterSeconds: 0 });
});
afterEach(async () => {
  await cluster?.stop();
  await ca.stop();
  await dns.close();
});

/** A rule of the law for this CA: its host and port, its root, and that its address may be a private one. */
const rule = (change: Partial<NonNullable<LawDocument['egress']>[number]> = {}): NonNullable<LawDocument['egress']>[number] => ({
  host: 'localhost',
  port: Number(new URL(ca.directoryUrl).port),
  methods: ['GET', 'HEAD', 'POST'],
  ca: ca.tlsCaPem,
  allowPrivate: true,
  ...change,
});

async function edgeOf(law: Partial<LawDocument>): Promise<{ port: AcmePort; cluster: Cluster }> {
  const started = await startCluster({ law: { roots: [ca.rootPem], ...law } });
  cluster = started;
  const relayEgress = async (_cluster: string, request: EgressRequest) => {
    const { status, body } = await started.edge.call('POST', '/v1/egress', request);
    if (status >= 400) throw PerennialError.fromData(refusalSchema.parse(body).error);
    return egressResponse.parse(body);
  };
  const authority: Authority = {
    name: 'internal',
    directory: ca.directoryUrl,
    contact: ['mailto:ops@example.net'],
    egress: { cluster: 'matrix' },
    externalAccount: null,
    caa: [],
    profile: null,
    limits: null,
    deactivateAuthorizations: true,
  };
  const never: typeof fetch = () => Promise.reject(new Error('nothing leaves directly'));
  const shared = { clock: Date.now, secrets: memorySecrets(), relayEgress, fetch: never };
  const actor = actorOf(memoryState(), shared);
  return { cluster: started, port: createAcmePort({ ...shared, authority: () => authority, actor: () => actor, clusters: ['matrix'] }) };
}

async function settled(session: AcmeSession, url: string, until: AcmeOrder['status']): Promise<AcmeOrder> {
  for (let polls = 0; polls < 100; polls += 1) {
    // oxlint-disable-next-line no-await-in-loop -- a poll waits for the one before
    const order = await session.order(url);
    if (order.status === until) return order;
    if (order.status === 'invalid') throw new Error(JSON.stringify(order.error));
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  throw new Error(`the order is never ${until}`);
}

/** A whole order; the key stays in the cluster. @returns the chain as the CA gave it. */
async function issue(port: AcmePort, relay: Cluster): Promise<string> {
  const session = await port.open('internal', null);
  const placed = await session.newOrder({ names: NAMES, profile: null, replaces: null });
  for (const { dns01, identifier } of await session.authorizations(placed.authorizations)) {
    dns.world.add({ name: `_acme-challenge.${identifier}`, type: 'TXT', data: dns01?.txtValue ?? '' });
    // oxlint-disable-next-line no-await-in-loop -- nonces come one after the other
    await session.answer(dns01?.url ?? '');
  }
  const ready = await settled(session, placed.url, 'ready');
  const { body } = await relay.edge.call('POST', '/v1/keys', { issuance: 'one', names: NAMES, keyType: 'ec-p256' });
  await session.finalize(ready, createKeyResponse.parse(body).csr);
  return session.download(await settled(session, placed.url, 'valid'), null);
}

describe('a CA with a root of its own', () => {
  it('issues through the relay, and its certificate is installed, because the law names both roots', async () => {
    const { port, cluster: relay } = await edgeOf({ egress: [rule()] });
    const chain = await issue(port, relay);
    expect(await relay.installed({ issuance: 'one', chain })).toMatchObject({ changed: true });
    expect(relay.items()?.['key']).toContain('PRIVATE KEY');
    // Directory, nonce, account, order, two authorizations and so on: all of them came this way.
    expect(Object.keys(ca.countRequests()).toSorted()).toEqual(
      expect.arrayContaining(['directory', 'newAccount', 'newOrder', 'authorization', 'challenge', 'finalize', 'certificate']),
    );
  });

  it('is not installed where the law trusts other roots', async () => {
    const { port, cluster: relay } = await edgeOf({ egress: [rule()], roots: 'public' });
    const chain = await issue(port, relay);
    const { error } = await relay.install({ issuance: 'one', chain });
    expect(error).toMatchObject({ code: 'chain_root_unknown' });
    expect(error?.hint).toContain('"roots"');
    expect(relay.items()).toBeUndefined();
  });

  it.each<[string, () => Promise<Partial<NonNullable<LawDocument['egress']>[number]>>, string, string]>([
    ['the root of somebody else', async () => ({ ca: (await createLoopbackTls()).caPem }), 'egress_tls_refused', '"ca" of the egress rule'],
    ['no root', async () => ({ ca: undefined }), 'egress_tls_refused', '"ca" of the egress rule'],
    ['no private addresses', async () => ({ allowPrivate: false }), 'egress_private_address', '"allowPrivate"'],
    ['another path', async () => ({ pathPrefix: '/elsewhere' }), 'egress_not_allowed', 'egress'],
  ])('is not asked where the law allows %s, and the refusal says what to change', async (_, change, code, hint) => {
    const { port } = await edgeOf({ egress: [rule(await change())] });
    const refused = await port.open('internal', null).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code });
    expect(refused instanceof PerennialError ? refused.hint : '').toContain(hint);
    expect(ca.countRequests()).toEqual({});
  });
});
