/** What the Worker says about a certificate, in the middle of an issuance and after it. */
import type { CertificateView } from '../../../functions/certificates/ports.ts';

const LEAF = 'ab'.repeat(32);

type Failure = NonNullable<CertificateView['issuance']>['failure'];

function baseView(): CertificateView {
  return {
    name: 'matrix',
    domains: ['matrix.example.net', '*.matrix.example.net'],
    state: 'new',
    phase: 'idle',
    reason: 'Nothing is due.',
    waitingFor: null,
    nextAt: null,
    renewal: null,
    ari: null,
    live: null,
    issuance: null,
    deliveries: [],
    hold: null,
    quarantined: [],
    revocation: null,
    history: [],
    zones: [],
    generation: 1,
  };
}

/** Since 1 s ordered, since 2.5 s waiting for DNS. */
export function runningView(failure: Failure = null): CertificateView {
  return {
    ...baseView(),
    state: failure === null ? 'renewing' : 'failing',
    phase: 'propagate',
    waitingFor: '1 of 2 authoritative servers.',
    issuance: {
      id: 'i-1',
      startedAt: 1_000,
      attempt: 1,
      authority: 'demo',
      keyType: 'ec-p256',
      profile: null,
      left: [],
      keyMadeIn: 'matrix/allocation',
      phases: [
        { name: 'order', startedAt: 1_000, endedAt: 2_000 },
        { name: 'present', startedAt: 2_000, endedAt: 2_500 },
        { name: 'propagate', startedAt: 2_500, endedAt: null },
      ],
      propagation: { complete: false, summary: '1 of 2 authoritative servers', weak: false, servers: [] },
      failure,
      requests: { acme: 3, dns: 2, relay: 1 },
    },
  };
}

export function finishedView(): CertificateView {
  return {
    ...baseView(),
    state: 'live',
    live: {
      sha256: LEAF,
      names: ['matrix.example.net', '*.matrix.example.net'],
      issuer: 'Pebble',
      authority: 'demo',
      serial: '01',
      notBefore: 0,
      notAfter: 3_888_000_000,
      since: 4_000,
      adopted: false,
      keyType: 'ec-p256',
      why: null,
      revoked: null,
    },
    history: [
      {
        id: 'i-1',
        startedAt: 1_000,
        endedAt: 4_000,
        outcome: 'live',
        sha256: LEAF,
        authority: 'demo',
        phases: [
          { name: 'order', ms: 1_000 },
          { name: 'install', ms: 60 },
        ],
        message: 'Live.',
        requests: { acme: 9, dns: 4, relay: 7 },
      },
    ],
  };
}
