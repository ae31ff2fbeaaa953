/** One edge against a real Pebble, and a certificate from it as the life cycle gets one. */
import 'reflect-metadata';
import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from '@peculiar/x509';
import { afterEach } from 'vitest';
import type { CaActor } from '../../../functions/acme/actor.ts';
import { type AcmePortDeps, createAcmePort } from '../../../functions/acme/port.ts';
import type { AcmeOrder, AcmePort, AcmeSession } from '../../../functions/certificates/ports.ts';
import type { Authority } from '../../../functions/config/configuration.ts';
import type { SecretStore } from '../../../functions/secrets/store.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { sha256Hex } from '../../../shared/x509/chain.ts';
import { actorOf, memorySecrets, memoryState, type MemoryState } from './authority-in-memory.ts';
import { type Pebble, type PebbleOptions, startPebble } from './pebble.ts';

export const names = ['matrix.example.net', '*.matrix.example.net'];

export interface World {
  pebble: Pebble;
  actor: CaActor;
  authority: Authority;
  port: AcmePort;
  state: MemoryState;
  secrets: SecretStore;
  requests: { method: string; url: string }[];
  /** Somebody else, with an account of their own at the same CA. */
  stranger: () => AcmePort;
}

export const running: Pebble[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((pebble) => pebble.stop()));
});

export async function world(options: PebbleOptions = {}, authority: Partial<Authority> = {}, secrets = memorySecrets()): Promise<World> {
  const pebble = await startPebble(options);
  running.push(pebble);
  const requests: World['requests'] = [];
  const state = memoryState();
  const shared = {
    clock: Date.now,
    secrets,
    relayEgress: () => Promise.reject(new PerennialError('relay_offline', 'No relay is connected.', { retryable: true })),
    fetch: ((input, init) => {
      requests.push({ method: init?.method ?? 'GET', url: input instanceof Request ? input.url : input.toString() });
      return pebble.fetch(input, init);
    }) satisfies typeof globalThis.fetch,
  };
  const actor = actorOf(state, shared);
  const block: Authority = {
    name: 'pebble',
    directory: pebble.directoryUrl,
    contact: ['mailto:ops@example.net'],
    egress: 'direct',
    externalAccount: null,
    caa: [],
    profile: null,
    limits: null,
    deactivateAuthorizations: true,
    ...authority,
  };
  const deps: AcmePortDeps = { ...shared, authority: (name) => (name === 'pebble' ? block : undefined), actor: () => actor, clusters: [] };
  const stranger = () => {
    const theirs = { ...shared, secrets: memorySecrets() };
    const theirActor = actorOf(memoryState(), theirs);
    return createAcmePort({ ...deps, ...theirs, actor: () => theirActor });
  };
  return { pebble, port: createAcmePort(deps), actor, authority: block, state, secrets, requests, stranger };
}

export async function until(session: AcmeSession, order: AcmeOrder, wanted: AcmeOrder['status']): Promise<AcmeOrder> {
  let current = order;
  for (let attempt = 0; current.status !== wanted && attempt < 50; attempt += 1) {
    if (current.status === 'invalid') throw new Error(JSON.stringify(current.error));
    await new Promise((resolve) => setTimeout(resolve, 50));
    current = await session.order(order.url);
  }
  return current;
}

/** As the life cycle does: a protocol failure is tried again. A nonce is refused before anything happens. */
export async function again<T>(port: AcmePort, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 12 || port.classify(error) !== 'protocol') throw error;
    }
  }
}

export function stubborn(port: AcmePort, session: AcmeSession): AcmeSession {
  return {
    authority: session.authority,
    accountUrl: session.accountUrl,
    caaIdentities: session.caaIdentities,
    newOrder: (order) => again(port, () => session.newOrder(order)),
    order: (url) => again(port, () => session.order(url)),
    authorizations: async (urls) => (await Promise.all(urls.map((url) => again(port, () => session.authorizations([url]))))).flat(),
    answer: (url) => again(port, () => session.answer(url)),
    finalize: (order, csr) => again(port, () => session.finalize(order, csr)),
    download: (order, chain) => again(port, () => session.download(order, chain)),
    deactivate: (url) => again(port, () => session.deactivate(url)),
    revoke: (chain, reason, sign) => again(port, () => session.revoke(chain, reason, sign)),
    requests: () => session.requests(),
    nonce: () => session.nonce(),
  };
}

async function certificateRequest(): Promise<{ csr: string; spki: string; keys: CryptoKeyPair }> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value })))],
  });
  return { csr: Buffer.from(request.rawData).toString('base64url'), spki: await sha256Hex(request.publicKey.rawData), keys };
}

export const document = async (pebble: Pebble): Promise<string> => (await pebble.fetch(pebble.directoryUrl, { headers: { 'user-agent': 'test' } })).text();

export async function issue(
  session: AcmeSession,
  wanted: { profile?: string; replaces?: string | null } = {},
): Promise<{ pem: string; spki: string; order: AcmeOrder; keys: CryptoKeyPair }> {
  const order = await session.newOrder({ names, profile: null, replaces: null, ...wanted });
  const authorizations = await session.authorizations(order.authorizations);
  for (const { dns01 } of authorizations) if (dns01 !== null) await session.answer(dns01.url);
  const ready = await until(session, order, 'ready');
  const { csr, spki, keys } = await certificateRequest();
  const valid = await until(session, await session.finalize(ready, csr), 'valid');
  return { pem: await session.download(valid, null), spki, order: valid, keys };
}
