/** What a seed simulates: which certificates share which CAs, zones and clusters. Drawn before anything runs. */
import type { CertificateSpec, Configuration, Limits } from '../../functions/config/configuration.ts';
import type { Random } from './random.ts';
import type { CaSettings } from './world/ca.ts';
import type { Plan } from './world/world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const START = Date.UTC(2026, 10, 21, 12);

/** Let's Encrypt's, as the reference states them. */
export const BOULDER_LIMITS: Limits = {
  newOrders: { capacity: 300, refillMs: 36_000 },
  perDomain: { capacity: 50, refillMs: 202 * MINUTE },
  perSet: { capacity: 5, refillMs: 34 * HOUR },
  failedValidations: { capacity: 5, refillMs: 12 * MINUTE },
};

const EDGE_RELAY_KEY = { kty: 'OKP', crv: 'Ed25519', kid: 'relay', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };

export function delivery(cluster: string, proxy: string, random: Random): CertificateSpec['deliveries'][number] {
  const variable = `nomad/jobs/${proxy}`;
  return {
    id: `${cluster}/default/${variable}`,
    cluster,
    target: { variable, namespace: 'default', certificateItem: 'certificate', keyItem: 'key' },
    service: `traefik-${proxy}`,
    probes: [],
    reload: random.chance(0.7) ? 'watch' : 'sighup',
    blind: false,
    rollback: random.chance(0.3),
  };
}

export function drawPlan(random: Random): Plan {
  const zones = ['example.net', 'example.org', 'example.com'].slice(0, random.between(1, 3));
  const clusters = ['matrix', 'south'].slice(0, random.between(1, 2));
  const lifetimeMs = random.chance(0.75) ? 160 * HOUR : random.pick([45, 47, 64, 90]) * DAY;
  const authorities = ['alpha', 'beta'].slice(0, random.between(1, 2)).map((name): CaSettings => ({
    name,
    lifetimeMs,
    skewMs: random.chance(0.3) ? random.between(-10 * MINUTE, 10 * MINUTE) : 0,
    reuseMs: random.pick([0, 0, 7 * HOUR, 10 * DAY]),
    orderLifeMs: random.pick([8 * HOUR, 7 * DAY]),
    limits: BOULDER_LIMITS,
  }));
  const certificates = Array.from({ length: random.pick([2, 2, 2, 2, 2, 3, 3, 4, 6]) }, (_, index): CertificateSpec => {
    const name = `cert-${index + 1}`;
    const base = `${name}.${random.pick(zones)}`;
    // A key is made in one cluster and does not leave it.
    const cluster = random.pick(clusters);
    return {
      name,
      domains: random.pick([[base], [base, `*.${base}`], [`*.${base}`], [base, `*.${base}`, `extra.${base.slice(base.indexOf('.') + 1)}`]]),
      keyType: 'ec-p256',
      authorities: authorities.map((authority) => authority.name),
      profile: null,
      preferredChain: null,
      reuseKey: random.chance(0.2),
      deliveries: ['a', 'b'].slice(0, random.chance(0.25) ? 2 : 1).map((proxy) => delivery(cluster, `${name}-${proxy}`, random)),
    };
  });
  return {
    start: START,
    configuration: configurationOf(certificates, authorities, clusters),
    authorities,
    zones,
    lagMs: random.pick([500, 3_000, 10_000, 60_000]),
    proxiesPerDelivery: random.chance(0.3) ? 2 : 1,
  };
}

export function configurationOf(certificates: CertificateSpec[], authorities: readonly CaSettings[], clusters: readonly string[]): Configuration {
  return {
    authorities: authorities.map(({ name, limits }) => ({
      name,
      directory: `https://${name}.ca.test/directory`,
      contact: ['mailto:ops@example.net'],
      egress: 'direct',
      externalAccount: null,
      caa: [],
      profile: null,
      limits,
      deactivateAuthorizations: true,
    })),
    dns: [{ name: 'main', provider: 'cloudflare', token: 'secret:cloudflare-token', endpoint: null, zoneId: null, delegation: null }],
    clusters: clusters.map((name) => ({ name, keys: [EDGE_RELAY_KEY] })),
    certificates,
    records: [],
    resolvers: [
      { name: 'one', url: 'https://one.resolver.test/dns-query' },
      { name: 'two', url: 'https://two.resolver.test/dns-query' },
    ],
    webhooks: [],
    secrets: { store: 'sealed' },
  } as Configuration;
}
