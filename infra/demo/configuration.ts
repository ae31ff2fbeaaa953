/** The demo's `certificates.toml`: one wildcard certificate, and where the demo's parts listen. */
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
export const CERTIFICATE = 'matrix';
export const DEMO_CERTIFICATES: readonly CertificateWish[] = [{ name: CERTIFICATE, domains: ['matrix.example.net', '*.matrix.example.net'] }];
export const CLOUDFLARE_SECRET = 'cloudflare-token';
export const WEBHOOK_SECRET = 'deploy-hook';

export interface ConfigurationFacts {
  directory: string;
  cloudflareUrl: string;
  resolvers: readonly { name: string; url: string }[];
  relayKey: PublicKey;
  certificates: readonly CertificateWish[];
}

export function demoConfiguration(facts: ConfigurationFacts): string {
  return stringify({
    acme: { contact: 'ops@example.net', ca: ['demo'] },
    ca: { demo: { directory: facts.directory, egress: 'direct' } },
    resolvers: facts.resolvers.map(({ name, url }) => ({ name, url })),
    dns: { main: { provider: 'cloudflare', token: `secret:${CLOUDFLARE_SECRET}`, endpoint: facts.cloudflareUrl } },
    clusters: { [CLUSTER]: { keys: [`${facts.relayKey.kid}:${facts.relayKey.x}`] } },
    certificates: facts.certificates.map(({ name, domains, variable = DELIVERED_VARIABLE, service = PROXY_SERVICE }) => ({
      name,
      domains: [...domains],
      deliver: [{ cluster: CLUSTER, variable, service, reload: 'watch' }],
    })),
    webhooks: [{ name: 'deploy', signing: `secret:${WEBHOOK_SECRET}`, certificates: ['*'], scopes: ['renew', 'renew:force', 'reload'] }],
  });
}
