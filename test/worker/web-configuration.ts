/** The configuration that tests of the Worker's web side have. */
import { configurationSchema, type Configuration } from '../../functions/config/configuration.ts';

export const configuration: Configuration = configurationSchema.parse({
  authorities: [{ name: 'ca', directory: 'https://ca.example.net/directory', contact: [], egress: 'auto', externalAccount: null }],
  dns: [{ name: 'main', provider: 'cloudflare', token: 'secret:t', endpoint: null, zoneId: null }],
  clusters: [{ name: 'main', keys: [{ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', kid: 'r' }] }],
  certificates: ['a', 'b'].map((name) => ({
    name,
    domains: [`${name}.example.net`],
    keyType: 'ec-p256',
    authorities: ['ca'],
    profile: null,
    preferredChain: null,
    reuseKey: false,
    deliveries: [{ id: `main/default/${name}`, cluster: 'main', target: { variable: name }, service: 'traefik', probes: [], reload: 'watch', blind: false }],
  })),
  resolvers: [
    { name: 'a', url: 'https://a.example.net' },
    { name: 'b', url: 'https://b.example.net' },
  ],
  webhooks: [
    { name: 'deploy', kind: 'token', secret: 'secret:deploy', certificates: ['a'], scopes: ['renew', 'reload'] },
    { name: 'force', kind: 'token', secret: 'secret:force', certificates: '*', scopes: ['renew', 'renew:force'] },
    { name: 'signing', kind: 'signing', secret: 'secret:signing', certificates: ['a'], scopes: ['renew'] },
    { name: 'short', kind: 'token', secret: 'secret:short', certificates: '*', scopes: ['renew'] },
    { name: 'weak', kind: 'signing', secret: 'secret:weak', certificates: '*', scopes: ['renew'] },
    { name: 'missing', kind: 'token', secret: 'secret:missing', certificates: '*', scopes: ['renew'] },
  ],
  secrets: { store: 'sealed' },
});
