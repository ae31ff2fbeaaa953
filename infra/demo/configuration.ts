/** The demo's `certificates.toml`: certificates, and where the demo's parts listen. */
import { stringify } from 'smol-toml';
import type { PublicKey } from '../../shared/link/signatures.ts';
import { DELIVERED_VARIABLE, PROXY_SERVICE } from './parts/nomad.ts';

export interface CertificateWish {
  name: string;
  domains: readonly string[];
  /** Where it is delivered; {@link DELIVERED_VARIABLE} when absent. */
  variable?: string;
  /** Service of the proxy that serves it; {@link PROXY_SERVICE} when absent. */
  service?: string;
}

export const ZONE = 'example.net';
export const CLUSTER = 'matrix';
/** Where challenges of delegated names are published, in the zone at Cloudflare. */
export const DELEGATION = `acme.${ZONE}`;
/** Of the account, and of its `[dns.x]` block. */
export const NAMECHEAP_USER = 'registrar';
export const CLOUDFLARE_SECRET = 'cloudflare-token';
export const WEBHOOK_SECRET = 'deploy-hook';

export interface ConfigurationFacts {
  directory: string;
  cloudflareUrl: string;
  /** Accounts at Namecheap, reached through the relay of {@link CLUSTER}; with one, names may be delegated to {@link DELEGATION}. */
  namecheapUsers: readonly string[];
  resolvers: readonly { name: string; url: string }[];
  relayKey: PublicKey;
  certificates: readonly CertificateWish[];
}

export function demoConfiguration(facts: ConfigurationFacts): string {
  const withNamecheap = facts.namecheapUsers.length > 0;
  return stringify({
    acme: { contact: 'ops@example.net', ca: ['demo'] },
    ca: { demo: { directory: facts.directory, egress: 'direct' } },
    resolvers: facts.resolvers.map(({ name, url }) => ({ name, url })),
    dns: {
      main: {
        provider: 'cloudflare',
        token: `secret:${CLOUDFLARE_SECRET}`,
        endpoint: facts.cloudflareUrl,
        ...(withNamecheap ? { delegation: DELEGATION } : {}),
      },
      ...Object.fromEntries(facts.namecheapUsers.map((user) => [user, { provider: 'namecheap', user, egress: CLUSTER }])),
    },
    clusters: { [CLUSTER]: { keys: [`${facts.relayKey.kid}:${facts.relayKey.x}`] } },
    certificates: facts.certificates.map(({ name, domains, variable = DELIVERED_VARIABLE, service = PROXY_SERVICE }) => ({
      name,
      domains: [...domains],
      deliver: [{ cluster: CLUSTER, variable, service, reload: 'watch' }],
    })),
    webhooks: [{ name: 'deploy', signing: `secret:${WEBHOOK_SECRET}`, certificates: ['*'], scopes: ['renew', 'renew:force', 'reload'] }],
  });
}
