/** The law of a cluster's relay (its job file's own limits), as the configuration asks for it: a draft to read and tighten. */
import type { Configuration } from '../../functions/config/configuration.ts';
import type { PublicKey } from '../../shared/link/signatures.ts';

/** Where the key of a Namecheap account lies: the relay may read it and not write it (`relay.policy.hcl`). */
export const NAMECHEAP_VARIABLE = 'nomad/jobs/relay/namecheap';

export interface LawInput {
  origin: string;
  cluster: string;
  edgeKey: PublicKey;
  /** Null when the configuration does not compile yet. */
  configuration: Configuration | null;
}

/** Without targets in the configuration the draft carries one to fill in. */
export function draftLaw({ origin, cluster, edgeKey, configuration }: LawInput): object {
  const deliveries = (configuration?.certificates ?? []).flatMap((certificate) =>
    certificate.deliveries.filter((delivery) => delivery.cluster === cluster).map((delivery) => ({ certificate, delivery })),
  );
  const targets = deliveries.map(({ certificate, delivery }) => ({
    certificate: certificate.name,
    variable: delivery.target.variable,
    namespace: delivery.target.namespace,
    names: certificate.domains,
  }));
  const services = new Map(
    deliveries.map(({ delivery }) => [
      `${delivery.target.namespace}/${delivery.service}`,
      { service: delivery.service, namespace: delivery.target.namespace, jobs: ['proxy'] },
    ]),
  );
  for (const { source } of configuration?.records ?? []) {
    if (source.kind === 'instances' && source.cluster === cluster && !services.has(`${source.namespace}/${source.service}`))
      services.set(`${source.namespace}/${source.service}`, { service: source.service, namespace: source.namespace, jobs: ['proxy'] });
  }
  // Which domains an account holds stands at the vendor alone: the draft carries one to replace.
  const namecheap = (configuration?.dns ?? []).flatMap((vendor) =>
    vendor.provider === 'namecheap' && vendor.egress === cluster
      ? [
          {
            account: vendor.user,
            key: { variable: NAMECHEAP_VARIABLE },
            domains: ['example.net'],
            ...(configuration?.records.length === 0 ? {} : { changes: 'any' }),
          },
        ]
      : [],
  );
  // Requests to CAs leave through the relay when the Worker cannot reach them, or when the configuration says so.
  const egress = (configuration?.authorities ?? [])
    .filter((authority) => authority.egress === 'auto' || (typeof authority.egress === 'object' && authority.egress.cluster === cluster))
    .map((authority) => new URL(authority.directory))
    .filter((directory) => directory.protocol === 'https:')
    .map((directory) => ({ host: directory.hostname, port: Number(directory.port || 443), methods: ['GET', 'HEAD', 'POST'] }));
  return {
    origin,
    cluster,
    edgeKeys: [edgeKey],
    identity: { variable: 'nomad/jobs/relay', item: 'identity', namespace: 'default' },
    targets: targets.length > 0 ? targets : [{ variable: 'nomad/jobs/proxy', namespace: 'default', names: ['example.net', '.example.net'] }],
    services: services.size > 0 ? [...services.values()] : [{ service: 'traefik', namespace: 'default', jobs: ['proxy'] }],
    egress,
    ...(namecheap.length === 0 ? {} : { namecheap }),
  };
}
