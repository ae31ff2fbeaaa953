/** Certificates as the life cycle reports them, for the page's tests: each a complete, plausible view of one situation. */
import { DAY, HOUR, MINUTE, SECOND } from '../../../shared/clock.ts';
import type { CertificateView } from '../../../functions/certificates/ports.ts';
import { tallyOf, type StatusInput } from '../../../functions/web/pages/index.ts';
import { zone } from './zone-samples.ts';

/** Sat 21 Nov 2026, 01:07:30 UTC. */
export const NOW = Date.UTC(2026, 10, 21, 1, 7, 30);
const leaf = (digit: string): string => `${digit}4c1f09be7a25d38c60f1b9d2e8a4f7c3b05d6e91a28f4c7d30b9e5a1f6c842`.slice(0, 64).padEnd(64, digit);
export const LEAF = leaf('a');
export const PREVIOUS_LEAF = leaf('7');

type Instance = CertificateView['deliveries'][number]['instances'][number];
export const instance = (number: number, verdict = 'new', detail = ''): Instance => ({
  id: `_nomad-task-1f0c-${number}-traefik-https`,
  address: `10.20.0.${10 + number}`,
  port: 443,
  verdict,
  detail,
  sha256: verdict === 'new' ? LEAF : verdict === 'old' ? PREVIOUS_LEAF : null,
  issuer: verdict === 'new' || verdict === 'old' ? 'Let’s Encrypt YE1' : null,
  notAfter: null,
  at: NOW - 3 * MINUTE,
});

type Delivery = CertificateView['deliveries'][number];
export const delivery = (overrides: Partial<Delivery> = {}): Delivery => ({
  id: 'matrix/default/nomad/jobs/proxy',
  cluster: 'matrix',
  variable: 'nomad/jobs/proxy',
  index: 48_213,
  sha256: LEAF,
  state: 'live',
  instances: [instance(1), instance(2), instance(3)],
  rollback: null,
  failure: null,
  ...overrides,
});

const finished = (daysAgo: number): CertificateView['history'][number] => ({
  id: `issuance-${daysAgo}`,
  startedAt: NOW - daysAgo * DAY,
  endedAt: NOW - daysAgo * DAY + 11_400,
  outcome: 'live',
  sha256: LEAF,
  authority: 'letsencrypt',
  phases: [
    { name: 'order', ms: 640 },
    { name: 'present', ms: 1_210 },
    { name: 'propagate', ms: 5_420 },
    { name: 'validate', ms: 1_930 },
    { name: 'finalize', ms: 880 },
    { name: 'download', ms: 210 },
    { name: 'install', ms: 90 },
    { name: 'reload', ms: 4 },
    { name: 'verify', ms: 1_016 },
  ],
  // As the first version wrote it, which stores still hold: a word that no narrow column can break by itself.
  message: `Live: ${LEAF}.`,
  requests: { acme: 10, dns: 4, relay: 6 },
});

export const healthy = (name = 'matrix', daysOld = 29): CertificateView => ({
  name,
  domains: [`${name}.example.net`, `*.${name}.example.net`],
  state: 'live',
  phase: 'idle',
  reason: 'Nothing to do before the renewal.',
  waitingFor: null,
  nextAt: NOW + (59 - daysOld) * DAY,
  renewal: { at: NOW + (59 - daysOld) * DAY + 3 * HOUR, reason: 'The CA suggests this time (ARI).' },
  ari: null,
  live: {
    sha256: LEAF,
    names: [`${name}.example.net`, `*.${name}.example.net`],
    issuer: 'Let’s Encrypt YE1',
    authority: 'letsencrypt',
    serial: '05a1f2c3d4e5f60718293a4b5c6d7e8f9a0b',
    notBefore: NOW - daysOld * DAY,
    notAfter: NOW + (90 - daysOld) * DAY,
    since: NOW - daysOld * DAY + HOUR,
    adopted: false,
    keyType: 'ec-p256',
    why: null,
    revoked: null,
  },
  issuance: null,
  deliveries: [delivery()],
  hold: null,
  quarantined: [],
  revocation: null,
  history: [finished(daysOld), finished(daysOld + 60)],
  zones: [{ vendor: 'cloudflare', zoneId: '0'.repeat(32), zoneName: 'example.net' }],
  generation: 4,
});

const phase = (name: CertificateView['phase'], startedSecondsAgo: number, ms: number | null) => {
  const startedAt = NOW - startedSecondsAgo * SECOND;
  return { name, startedAt, endedAt: ms === null ? null : startedAt + ms };
};

/** Waiting for name servers, TXT records published 42 s ago. */
export const renewing = (): CertificateView => ({
  ...healthy('homeserver', 60),
  state: 'renewing',
  phase: 'propagate',
  reason: 'Its renewal is due: the CA suggests this time (ARI).',
  waitingFor: '3 of 4 authoritative servers show the records, 1 of 2 public resolvers.',
  nextAt: NOW + 8 * SECOND,
  issuance: {
    id: 'issuance-9',
    startedAt: NOW - 44 * SECOND,
    attempt: 1,
    authority: 'letsencrypt',
    keyType: 'ec-p256',
    profile: 'tlsserver',
    left: [],
    keyMadeIn: 'matrix, allocation 3f2a90c1',
    phases: [phase('order', 44, 640), phase('present', 43, 1_210), phase('propagate', 42, null)],
    propagation: {
      complete: false,
      summary: '3 of 4 authoritative servers, 1 of 2 public resolvers',
      weak: false,
      servers: [
        { name: 'ada.ns.cloudflare.com', kind: 'authoritative', seen: true, detail: 'both values' },
        { name: 'bob.ns.cloudflare.com', kind: 'authoritative', seen: false, detail: 'NXDOMAIN' },
        { name: 'quad9', kind: 'resolver', seen: true, detail: 'both values' },
      ],
    },
    failure: null,
    requests: { acme: 4, dns: 3, relay: 3 },
  },
});

export const failing = (): CertificateView => ({
  ...healthy('mail', 83),
  state: 'failing',
  phase: 'present',
  reason: 'The TXT records could not be published.',
  nextAt: NOW + 17 * MINUTE,
  issuance: {
    id: 'issuance-12',
    startedAt: NOW - 3 * HOUR,
    attempt: 4,
    authority: 'letsencrypt',
    keyType: 'ec-p256',
    profile: 'tlsserver',
    left: [],
    keyMadeIn: 'matrix, allocation 3f2a90c1',
    phases: [phase('order', 200, 640), phase('present', 180, 900)],
    propagation: null,
    failure: {
      class: 'dns',
      code: 'dns_cloudflare_forbidden',
      message: 'Cloudflare refused to write to example.net: the token may not edit DNS.',
      hint: 'Give the token Zone:DNS:Edit on example.net, or store another one with npm run secret cloudflare-token.',
      retryAt: NOW + 17 * MINUTE,
      attention: false,
      stopped: false,
    },
    requests: { acme: 8, dns: 4, relay: 4 },
  },
});

/** No configured zone holds its name; the hint names the record that would do instead. */
export const undelegated = (): CertificateView => {
  const view = failing();
  return {
    ...view,
    name: 'shop',
    domains: ['example.co.uk', '*.example.co.uk'],
    reason: 'No zone was found for its name.',
    phase: 'order',
    issuance: view.issuance && {
      ...view.issuance,
      failure: {
        class: 'dns',
        code: 'dns_zone_not_found',
        message: 'No configured DNS zone holds _acme-challenge.example.co.uk.',
        hint: 'Configure the DNS vendor of example.co.uk. Or, without any key of its vendor, create this record there once: _acme-challenge.example.co.uk CNAME 3f9ac01b77d2e4a8510c.acme.example.net (challenges are then published through [dns.main]). Nothing stands there now.',
        retryAt: NOW + 17 * MINUTE,
        attention: false,
        stopped: false,
      },
    },
  };
};

/** Past the point up to which it is tried by itself. */
export const needsAttention = (): CertificateView => {
  const view = failing();
  return {
    ...view,
    name: 'vpn',
    domains: ['vpn.example.net'],
    state: 'needs-attention',
    phase: 'order',
    nextAt: null,
    reason: 'The CA does not let this account order for these names any more.',
    issuance: view.issuance && {
      ...view.issuance,
      id: 'issuance-15',
      authority: 'google',
      left: [
        {
          authority: 'letsencrypt',
          at: NOW - 2 * HOUR,
          code: 'acme_overloaded',
          message: 'The CA "letsencrypt" is overloaded: Service busy; retry later.',
        },
      ],
      failure: {
        class: 'paused',
        code: 'acme_account_paused',
        message: 'The CA has paused vpn.example.net for this account, because its validations kept failing.',
        hint: 'Open https://portal.example/sfe/v1/unpause?jwt=abc, confirm, and renew it again.',
        retryAt: null,
        attention: true,
        stopped: true,
      },
    },
  };
};

/** Issued by the second CA, in a window that the CA has moved, and revoked. */
export const revoked = (): CertificateView => {
  const view = healthy('cloud', 3);
  return {
    ...view,
    ari: {
      start: NOW - 2 * DAY,
      end: NOW - DAY,
      selectedAt: NOW - 2 * DAY,
      explanationUrl: 'https://ca.example/incidents/2026-11-20?a=<b>',
      nextCheckAt: NOW + 6 * HOUR,
      failures: 2,
    },
    live: view.live && {
      ...view.live,
      authority: 'google',
      issuer: 'GTS WR1',
      keyType: 'rsa-2048',
      why: 'letsencrypt was left: the CA is overloaded.',
      revoked: { at: NOW - 3 * MINUTE, reason: 1 },
    },
  };
};

/** The new chain was cut by an instance that had served before. */
export const rolledBack = (): CertificateView => {
  const view = healthy('git', 61);
  return {
    ...view,
    state: 'needs-attention',
    reason: 'Held back after a rollback.',
    quarantined: [LEAF],
    hold: {
      code: 'delivery_rolled_back',
      message: `The new certificate ${LEAF} was rolled back: 10.20.0.11:443 cut the handshake.`,
      hint: 'Look at the log of Traefik, mend what it refuses, and renew.',
      retryAt: null,
    },
    deliveries: [
      delivery({
        sha256: PREVIOUS_LEAF,
        rollback: { from: LEAF, to: PREVIOUS_LEAF, at: NOW - 4 * MINUTE, done: true },
        instances: [{ ...instance(1, 'foreign', 'served another certificate'), sha256: PREVIOUS_LEAF, issuer: 'Somebody’s own CA', notAfter: NOW + 40 * DAY }],
      }),
    ],
  };
};

/** Asked to be revoked, and the CA does not answer. */
export const revoking = (): CertificateView => ({
  ...healthy('shop', 12),
  revocation: {
    sha256: LEAF,
    reason: 4,
    signer: 'account',
    at: NOW - 5 * MINUTE,
    failure: { code: 'acme_overloaded', message: 'The CA "letsencrypt" is overloaded.', hint: null, retryAt: NOW + 4 * MINUTE },
  },
});

export const partlyLive = (): CertificateView => ({
  ...healthy('git', 4),
  state: 'partly-live',
  reason: 'One instance could not be dialled; it is dialled again in five minutes.',
  deliveries: [
    delivery({ state: 'partly-live', instances: [instance(1), instance(2), instance(3, 'unreachable', 'connect: no route to host')] }),
    delivery({ id: 'backup/default/nomad/jobs/edge', cluster: 'backup', variable: 'nomad/jobs/edge', instances: [instance(7)] }),
  ],
});

export const drifted = (): CertificateView => ({
  ...healthy('wiki', 20),
  reason: 'Somebody else wrote the variable; the next renewal or a redelivery replaces it.',
  state: 'waiting',
  deliveries: [delivery({ state: 'drift', instances: [instance(1, 'foreign', 'served CN=wiki.example.net by another CA'), instance(2, 'foreign')] })],
});

export const waitingForInstance = (): CertificateView => ({
  ...healthy('chat', 1),
  state: 'waiting',
  reason: 'The certificate is installed; no instance of service traefik is registered to serve it.',
  deliveries: [delivery({ state: 'waiting-for-instance', instances: [] })],
});

export const retired = (): CertificateView => ({
  ...healthy('old-blog', 70),
  state: 'retired',
  reason: 'Removed from the configuration. The variable is untouched.',
  nextAt: null,
  renewal: null,
});

export const brandNew = (): CertificateView => ({
  ...healthy('fresh', 0),
  state: 'new',
  live: null,
  renewal: null,
  history: [],
  nextAt: NOW + MINUTE,
  waitingFor: 'The relay of cluster matrix has to connect first.',
  reason: 'Reads what the cluster already serves before anything is ordered.',
  phase: 'adopt',
  deliveries: [delivery({ state: 'pending', index: null, sha256: null, instances: [] })],
});

export const authority = (
  overrides: Partial<NonNullable<StatusInput['authorities'][number]['status']>> = {},
  name = 'letsencrypt',
): StatusInput['authorities'][number] => ({
  name,
  directory: 'https://acme-v02.api.letsencrypt.org/directory',
  status: {
    accountUrl: 'https://acme-v02.api.letsencrypt.org/acme/acct/2147483647',
    route: { kind: 'direct' },
    stopped: null,
    breakers: [],
    limits: [{ limit: 'newOrders', scope: 'account', capacity: 300, left: 298, fullAt: NOW + MINUTE }],
    rolloverOpen: false,
    ...overrides,
  },
});

/** One that refuses the account, one that asked for a pause and is reached through a relay, one that could not be asked. */
export const troubledAuthorities = (): StatusInput['authorities'] => [
  authority({
    stopped: {
      code: 'acme_account_unauthorized',
      message: 'The CA "letsencrypt" refused the account: Account is deactivated.',
      hint: 'Remove the stored key of the account, so that another one is registered.',
      since: NOW - HOUR,
      until: NOW + 5 * HOUR,
    },
  }),
  authority(
    {
      accountUrl: 'https://dv.acme-v02.api.pki.goog/account/a-rather-long-name-of-an-account-that-no-column-holds',
      route: { kind: 'relay', cluster: 'matrix' },
      breakers: [
        { scope: 'authority', class: 'overload', until: NOW + 2 * MINUTE, detail: 'Service busy; retry later.' },
        { scope: 'domain:example.net', class: 'limit', until: NOW + 3 * DAY, detail: 'too many certificates (50) already issued for "example.net"' },
      ],
      limits: [
        { limit: 'perDomain', scope: 'domain:example.net', capacity: 50, left: 0, fullAt: NOW + 7 * DAY },
        { limit: 'perSet', scope: 'set:*.matrix.example.net,matrix.example.net', capacity: 5, left: 3, fullAt: NOW + 3 * DAY },
      ],
      rolloverOpen: true,
    },
    'google',
  ),
  { name: 'home', directory: 'https://ca.home.example/acme/directory', status: null },
];

export const input = (certificates: CertificateView[], overrides: Partial<StatusInput> = {}): StatusInput => ({
  certificates,
  tally: tallyOf(certificates),
  clusters: [
    {
      cluster: 'matrix',
      state: 'online',
      since: NOW - 9 * DAY,
      relays: [{ allocation: '3f2a90c1-7f0e-1b2c-9d3e-aa01bb02cc03', lastSeenAt: NOW - 4 * SECOND, contract: 2, bundle: leaf('c'), skewMs: 120 }],
    },
  ],
  authorities: [authority()],
  zones: [zone()],
  configuration: { problems: [], lastGoodInForce: true },
  setup: [],
  events: [
    { at: NOW - 3 * MINUTE, certificate: 'matrix', zone: null, severity: 'info', kind: 'verified', message: 'Every instance serves the installed chain.' },
    {
      at: NOW - 29 * DAY,
      certificate: 'matrix',
      zone: null,
      severity: 'info',
      kind: 'live',
      message: `The certificate is live in its target (SHA-256 ${LEAF}).`,
    },
  ],
  paging: { number: 1, size: 25, total: certificates.length, query: null },
  notice: null,
  ...overrides,
});
