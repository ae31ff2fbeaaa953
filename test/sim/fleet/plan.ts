/** A fleet of mixed lifetimes, and what befalls it: what, when and for how long. */
import type { CertificateSpec } from '../../../functions/config/configuration.ts';
import { BOULDER_LIMITS, configurationOf, delivery, START } from '../plan.ts';
import type { Random } from '../random.ts';
import type { Plan } from '../world/world.ts';

export const DAY = 86_400_000;

export interface Lifetime {
  profile: string;
  days: number;
  /** Of 100 certificates. */
  share: number;
  colour: string;
}

export const LIFETIMES: readonly Lifetime[] = [
  { profile: 'ninety', days: 90, share: 30, colour: '#3b6ea5' },
  { profile: 'sixtyfour', days: 64, share: 20, colour: '#4f9d69' },
  { profile: 'fortyseven', days: 47, share: 15, colour: '#b08d2f' },
  { profile: 'fortyfive', days: 45, share: 25, colour: '#a5533b' },
  { profile: 'shortlived', days: 160 / 24, share: 10, colour: '#8a4fa3' },
];

export type Incident =
  { kind: 'ca-outage' | 'vendor-outage' | 'relay-outage'; day: number; days: number; words: string } | { kind: 'ari' | 'deploy'; day: number; words: string };

export interface Course {
  certificates: number;
  days: number;
  incidents: readonly Incident[];
}

export const NINETY_DAYS: Course = {
  certificates: 200,
  days: 90,
  incidents: [
    { kind: 'deploy', day: 9.4, words: 'deploy' },
    { kind: 'ca-outage', day: 24, days: 7, words: 'the CA is away' },
    { kind: 'deploy', day: 33.7, words: 'deploy' },
    { kind: 'ari', day: 40.2, words: 'ARI incident: a third' },
    { kind: 'deploy', day: 40.25, words: 'deploy' },
    { kind: 'vendor-outage', day: 59, days: 1, words: 'the DNS vendor is away' },
    { kind: 'deploy', day: 62.1, words: 'deploy' },
    { kind: 'relay-outage', day: 75, days: 1, words: 'the relays are away' },
    { kind: 'deploy', day: 75.5, words: 'deploy' },
  ],
};

/** The same troubles for a few certificates within a month. */
export const A_MONTH: Course = {
  certificates: 12,
  days: 28,
  incidents: [
    { kind: 'deploy', day: 4.4, words: 'deploy' },
    { kind: 'ari', day: 6.2, words: 'ARI incident: a third' },
    { kind: 'vendor-outage', day: 9, days: 1, words: 'the DNS vendor is away' },
    { kind: 'relay-outage', day: 13, days: 1, words: 'the relays are away' },
    { kind: 'ca-outage', day: 18, days: 7, words: 'the CA is away' },
    { kind: 'deploy', day: 21.1, words: 'deploy' },
  ],
};

export function lifetimeOf(spec: CertificateSpec): Lifetime {
  const found = LIFETIMES.find(({ profile }) => profile === spec.profile);
  if (found === undefined) throw new Error(`${spec.name} has no lifetime.`);
  return found;
}

/** Certificates of one registered domain share the CA's limit for it. */
const PER_ZONE = 20;

export function fleetPlan(course: Course, random: Random): Plan {
  const zones = Array.from({ length: Math.ceil(course.certificates / PER_ZONE) }, (_, index) => `fleet${index + 1}.net`);
  const clusters = ['matrix', 'south', 'east'];
  const profiles = Object.fromEntries(LIFETIMES.map(({ profile, days }) => [profile, days * DAY]));
  const authorities = [{ name: 'alpha', lifetimeMs: 90 * DAY, profiles, skewMs: 0, reuseMs: 0, orderLifeMs: 7 * DAY, limits: BOULDER_LIMITS }];
  const certificates = Array.from({ length: course.certificates }, (_, index): CertificateSpec => {
    const name = `cert-${String(index + 1).padStart(3, '0')}`;
    const base = `${name}.${zones[index % zones.length] ?? ''}`;
    return {
      name,
      domains: [base, `*.${base}`],
      keyType: 'ec-p256',
      authorities: ['alpha'],
      profile: profileOf(index, course.certificates),
      preferredChain: null,
      reuseKey: false,
      deliveries: [delivery(clusters[index % clusters.length] ?? '', name, random)],
    };
  });
  return { start: START, configuration: configurationOf(certificates, authorities, clusters), authorities, zones, lagMs: 5_000, proxiesPerDelivery: 1 };
}

function profileOf(index: number, count: number): string {
  let below = 0;
  for (const { profile, share } of LIFETIMES) {
    below += (share * count) / 100;
    if (index < below) return profile;
  }
  return LIFETIMES[0]?.profile ?? '';
}
