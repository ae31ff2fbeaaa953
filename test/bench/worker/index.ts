/**
 * The Worker as it is, and routes more: one fills FleetObject with reports as certificates send them, one tells what the
 * Worker and its objects have used so far, one lets time pass. Only benchmarks build it.
 */
import { z } from 'zod';
import type { CertificateView } from '../../../functions/certificates/ports.ts';
import type { Environment } from '../../../functions/environment.ts';
import worker from '../../../functions/index.ts';
import * as objects from '../../../functions/objects.ts';
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { unwrap } from '../../../shared/errors.ts';
import { counted, countSubrequests, forgetMost, invoke, usageSoFar } from './counted.ts';
import { installClock, letPass } from './passing-time.ts';

installClock();
countSubrequests();

export const CaObject = counted('CaObject', objects.CaObject);
export const CertificateObject = counted('CertificateObject', objects.CertificateObject);
export const ClusterObject = counted('ClusterObject', objects.ClusterObject);
export const DnsAccountObject = counted('DnsAccountObject', objects.DnsAccountObject);
export const FleetObject = counted('FleetObject', objects.FleetObject);
export const RecordsObject = counted('RecordsObject', objects.RecordsObject);
export const SecretsObject = counted('SecretsObject', objects.SecretsObject);
export const ZoneObject = counted('ZoneObject', objects.ZoneObject, ['dependencies']);

const rangeSchema = z.strictObject({ from: z.number().int().min(0), to: z.number().int().max(1_000_000) });
const passSchema = z.strictObject({
  ms: z
    .number()
    .int()
    .min(0)
    .max(400 * DAY),
});
const LIFETIME_MS = 45 * DAY;

export default {
  ...worker,
  async fetch(request, environment, context) {
    const { pathname } = new URL(request.url);
    if (pathname === '/bench/usage') return Response.json(usageSoFar());
    if (pathname === '/bench/forget-most') return done(forgetMost);
    if (pathname === '/bench/pass') {
      const { ms } = passSchema.parse(await request.json());
      return done(() => letPass(ms));
    }
    if (pathname === '/bench/reports') return fill(request, environment);
    return invoke('fetch', () => worker.fetch(request, environment, context));
  },
  scheduled: (controller, environment) => invoke('scheduled', () => worker.scheduled(controller, environment)),
} satisfies ExportedHandler<Environment>;

function done(work: () => void): Response {
  work();
  return new Response(null, { status: 204 });
}

async function fill(request: Request, environment: Environment): Promise<Response> {
  const { from, to } = rangeSchema.parse(await request.json());
  const fleet = environment.FLEET.getByName('fleet');
  const now = Date.now();
  for (let index = from; index < to; index += 1) {
    const view = viewOf(index, now);
    const events = [{ sequence: 1, at: now, kind: 'live', message: 'The certificate is live in its target.' }];
    // oxlint-disable-next-line no-await-in-loop
    unwrap(await fleet.report({ name: view.name, sequence: 1, at: now, view, events }));
  }
  return new Response(null, { status: 204 });
}

/** A certificate some way through its life, with what its last issuances left; one in five hundred is failing. */
function viewOf(index: number, now: number): CertificateView {
  const name = `bench-${index}`;
  const domains = [`${name}.example.net`, `*.${name}.example.net`];
  const notBefore = now - ((index * 7_919) % 30) * DAY;
  const sha256 = index.toString(16).padStart(64, '0');
  const failing = index % 500 === 499;
  const issuedAt = (round: number): number => notBefore - round * 30 * DAY;
  return {
    name,
    domains,
    state: failing ? 'failing' : 'live',
    phase: 'idle',
    reason: 'A moment inside the window that the CA suggests (ARI).',
    waitingFor: null,
    nextAt: notBefore + 30 * DAY,
    renewal: { at: notBefore + 30 * DAY + (index % 24) * HOUR, reason: 'A moment inside the window that the CA suggests (ARI).' },
    ari: null,
    live: {
      sha256,
      names: domains,
      issuer: 'Perennial Intermediate',
      authority: 'demo',
      serial: sha256.slice(0, 32),
      notBefore,
      notAfter: notBefore + LIFETIME_MS,
      since: notBefore + MINUTE,
      adopted: false,
      keyType: 'ec-p256',
      why: null,
      revoked: null,
    },
    issuance: null,
    deliveries: [
      {
        id: `matrix/default/certificates/${name}`,
        cluster: 'matrix',
        variable: `certificates/${name}`,
        index: 1_000 + index,
        sha256,
        state: failing ? 'failing' : 'live',
        instances: [0, 1, 2].map((instance) => ({
          id: `_nomad-task-${index}-${instance}`,
          address: `10.0.0.${instance + 1}`,
          port: 443,
          verdict: 'new',
          detail: 'It serves the new chain.',
          sha256,
          issuer: 'Perennial Intermediate',
          notAfter: notBefore + LIFETIME_MS,
          at: now,
        })),
        rollback: null,
        failure: failing
          ? { code: 'nomad_forbidden', message: 'Nomad refused the token of the relay.', hint: 'Apply the policy of the relay job.', retryAt: now + HOUR }
          : null,
      },
    ],
    hold: null,
    quarantined: [],
    revocation: null,
    history: [0, 1, 2].map((round) => ({
      id: `${name}-${round}`,
      startedAt: issuedAt(round),
      endedAt: issuedAt(round) + 1_400,
      outcome: 'live' as const,
      sha256,
      authority: 'demo',
      phases: (['order', 'present', 'propagate', 'validate', 'finalize', 'download', 'install', 'verify'] as const).map((phase) => ({ name: phase, ms: 175 })),
      message: `Live: ${sha256}.`,
      requests: { acme: 11, dns: 6, relay: 8 },
    })),
    zones: [{ vendor: 'main', zoneId: '0'.repeat(32), zoneName: 'example.net' }],
    generation: 1,
  };
}
