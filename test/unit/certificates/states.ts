/** States of a certificate for tests: one healthy of each part, to be altered, and arbitrary ones for properties. */
import * as fc from 'fast-check';
import type { CertificateSpec, Delivery } from '../../../functions/config/configuration.ts';
import {
  type Ari,
  type CertificateState,
  type DeliveryState,
  type Failure,
  failureClassSchema,
  type Issuance,
  type Live,
} from '../../../functions/certificates/state.ts';
import { DAY, HOUR } from '../../../shared/clock.ts';

export const NOW = Date.UTC(2026, 10, 21);
export const hex = (digit: string) => digit.repeat(64);

export const deliverySpec: Delivery = {
  id: 'matrix/default/nomad/jobs/proxy',
  cluster: 'matrix',
  target: { variable: 'nomad/jobs/proxy', namespace: 'default', certificateItem: 'certificate', keyItem: 'key' },
  service: 'traefik',
  probes: [],
  reload: 'watch',
  blind: false,
  rollback: false,
};

export const spec: CertificateSpec = {
  name: 'matrix',
  domains: ['matrix.example.net', '*.matrix.example.net'],
  keyType: 'ec-p256',
  authorities: ['pebble'],
  profile: null,
  preferredChain: null,
  reuseKey: false,
  deliveries: [deliverySpec],
};

export function failure(change: Partial<Failure> = {}): Failure {
  return {
    class: 'overload',
    code: 'acme_server_error',
    message: 'The CA is busy.',
    hint: null,
    retryAt: NOW + HOUR,
    count: 1,
    attention: false,
    stopped: false,
    ...change,
  };
}

/** A live certificate that has lived `age` of its `lifetime`, both ms. */
export function live(change: Partial<Live> = {}, age = 10 * DAY, lifetime = 90 * DAY): Live {
  const notBefore = NOW - age;
  const leaf = {
    sha256: hex('a'),
    spki: hex('b'),
    names: spec.domains,
    issuer: 'Test CA',
    serial: '01',
    notBefore,
    notAfter: notBefore + lifetime,
    certId: 'aki.serial',
  };
  return {
    issuance: 'issuance-0',
    chain: '-----BEGIN CERTIFICATE-----',
    leaf,
    authority: 'pebble',
    accountUrl: 'https://ca.test/account/1',
    keyType: 'ec-p256',
    since: notBefore,
    adopted: false,
    why: null,
    authorizations: [],
    revoked: null,
    ...change,
  };
}

export function ari(change: Partial<Ari> = {}): Ari {
  return {
    certId: 'aki.serial',
    start: null,
    end: null,
    selectedAt: null,
    explanationUrl: null,
    nextCheckAt: NOW + HOUR,
    failures: 0,
    alertedFor: null,
    ...change,
  };
}

export function issuance(change: Partial<Issuance> = {}): Issuance {
  return {
    id: 'issuance-1',
    spec,
    generation: 1,
    startedAt: NOW,
    reason: 'backstop',
    attempt: 1,
    authority: 'pebble',
    left: [],
    phase: 'order',
    phases: [{ name: 'order', startedAt: NOW, endedAt: null }],
    intent: null,
    replaces: null,
    order: null,
    accountUrl: null,
    nonce: null,
    authorizationsRead: 0,
    answered: 0,
    challenges: [],
    key: null,
    placed: [],
    propagation: null,
    polls: 0,
    cleaned: true,
    cleanUpRetryAt: 0,
    cleanUpFailures: 0,
    issued: null,
    failure: null,
    lostTo: null,
    waitUntil: 0,
    requests: { acme: 0, dns: 0, relay: 0 },
    ...change,
  };
}

export const order: NonNullable<Issuance['order']> = {
  url: 'https://ca.test/order/1',
  status: 'pending',
  expires: NOW + DAY,
  authorizations: ['https://ca.test/authz/1'],
  finalize: 'https://ca.test/order/1/finalize',
  certificate: null,
  error: null,
  retryAt: null,
};

export const placed: Issuance['placed'][number] = {
  name: '_acme-challenge.matrix.example.net',
  value: 'txt-value',
  vendor: 'main',
  zoneId: 'zone',
  zoneName: 'example.net',
  target: '_acme-challenge.matrix.example.net',
};

export function issued(change: Partial<NonNullable<Issuance['issued']>> = {}): NonNullable<Issuance['issued']> {
  return { chain: '-----BEGIN CERTIFICATE-----', leaf: { ...live({}, 0).leaf, sha256: hex('c') }, at: NOW, ...change };
}

export function delivery(change: Partial<DeliveryState> = {}): DeliveryState {
  return {
    id: deliverySpec.id,
    spec: deliverySpec,
    step: 'done',
    wanted: hex('a'),
    index: 7,
    installed: hex('a'),
    known: [],
    replaceForeign: false,
    instances: [],
    verifyingSince: NOW - HOUR,
    verifiedAt: NOW - HOUR,
    polls: 0,
    failure: null,
    retryAt: 0,
    servedBefore: [],
    rollback: null,
    ...change,
  };
}

/** Live, delivered, nothing to do. */
export function state(change: Partial<CertificateState> = {}, record: Partial<CertificateState['record']> = {}): CertificateState {
  return {
    record: {
      name: 'matrix',
      generation: 1,
      spec,
      retired: false,
      adoptionDone: true,
      adoptionFailure: null,
      demand: null,
      revocation: null,
      quarantined: [],
      hold: null,
      guardedUntil: 0,
      zones: [],
      ...record,
    },
    live: live(),
    ari: ari(),
    issuance: null,
    deliveries: [delivery()],
    ...change,
  };
}

const near = fc.oneof(fc.constant(0), fc.integer({ min: NOW - 3 * DAY, max: NOW + 3 * DAY }));
const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: null });
const anyFailure = fc
  .record({
    class: fc.constantFrom(...failureClassSchema.options),
    message: fc.constantFrom('The CA is busy.', 'No sentence at all'),
    hint: maybe(fc.constant('Wait for it')),
    retryAt: near,
    count: fc.integer({ min: 1, max: 9 }),
    attention: fc.boolean(),
    stopped: fc.boolean(),
  })
  .map(failure);
export const anyLive = fc
  .record({ days: fc.constantFrom(90, 64, 47, 45, 6.7), spent: fc.double({ min: 0, max: 1.2, noNaN: true }), changed: fc.boolean() })
  .map(({ days, spent, changed }) => live(changed ? { keyType: 'ec-p384' } : {}, Math.round(days * DAY * spent), days * DAY));
export const anyAri = fc
  .record({
    certId: fc.constantFrom('aki.serial', 'another.one'),
    start: near,
    width: fc.integer({ min: 1, max: 2 * DAY }),
    selectedAt: maybe(near),
    nextCheckAt: near,
    alertedFor: maybe(near),
  })
  .map(({ width, ...rest }) => ari({ ...rest, end: rest.start + width }));
const anyDelivery = fc
  .record({
    step: fc.constantFrom('install' as const, 'reload' as const, 'verify' as const, 'done' as const),
    retryAt: near,
    verifiedAt: maybe(near),
    failure: maybe(anyFailure),
  })
  .map(delivery);
const anyIssuance = fc
  .record({
    phase: fc.constantFrom(
      'order' as const,
      'present' as const,
      'propagate' as const,
      'validate' as const,
      'finalize' as const,
      'download' as const,
      'install' as const,
      'verify' as const,
    ),
    order: maybe(fc.constant(order)),
    placed: fc.constantFrom<Issuance['placed']>([], [placed]),
    cleaned: fc.boolean(),
    cleanUpRetryAt: near,
    issued: maybe(fc.constant(issued())),
    failure: maybe(anyFailure),
    waitUntil: near,
  })
  .map(issuance);

export const anyState: fc.Arbitrary<CertificateState> = fc
  .record({
    live: maybe(anyLive),
    ari: maybe(anyAri),
    issuance: maybe(anyIssuance),
    deliveries: fc.array(anyDelivery, { maxLength: 3 }),
    retired: fc.boolean(),
    adoptionDone: fc.boolean(),
    adoptionFailure: maybe(anyFailure),
    demand: fc.constantFrom(null, 'forced' as const, 'key-not-kept' as const),
    hold: maybe(anyFailure),
    guardedUntil: near,
  })
  .map(({ retired, adoptionDone, adoptionFailure, demand, hold, guardedUntil, ...rest }) =>
    state(rest, { retired, adoptionDone, adoptionFailure, demand, hold, guardedUntil }),
  );
