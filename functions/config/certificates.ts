/** `[[certificates]]` with `[[certificates.deliver]]`: what is issued and where it goes. */
import { checkAuthorities, authorityNames, profile, type AcmeDefaults } from './authorities.ts';
import { describe, listOf, readBlock, tableArray, value, type Table } from './block.ts';
import type { CertificateSpec, Delivery } from './configuration.ts';
import { covers } from './domains.ts';
import type { Findings, Path } from './findings.ts';
import { choices } from './suggest.ts';
import { blockName, domain, flag, nomadNamespace, oneOf, serviceName, shortText } from './values.ts';

const certificateShape = {
  name: blockName('the certificate', 'name = "example"'),
  domains: listOf(domain('domains'), { min: 1, max: 100, example: 'domains = ["example.net", "*.example.net"]' }),
  key_type: oneOf(['ec-p256', 'ec-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096'], 'key_type = "ec-p256"').optional(),
  ca: authorityNames.optional(),
  profile: profile.optional(),
  preferred_chain: shortText("the common name of the chain's top issuer", 200, 'preferred_chain = "ISRG Root X1"').optional(),
  deliver: value({ expected: 'a list of blocks', example: '[[certificates.deliver]]' }, (input) => input),
};

const item = (key: string) =>
  value({ expected: 'the name of an item: up to 64 letters, digits and underscores', example: `${key} = "certificate"` }, (input) =>
    typeof input === 'string' && /^[\p{L}\p{N}_]{1,64}$/u.test(input) ? input : undefined,
  );

const deliveryShape = {
  cluster: blockName('a cluster', 'cluster = "main"'),
  namespace: nomadNamespace.optional(),
  variable: value({ expected: 'the path of a Nomad variable', example: 'variable = "nomad/jobs/proxy"' }, (input) =>
    typeof input === 'string' ? variablePath(input) : undefined,
  ),
  certificate_item: item('certificate_item').optional(),
  key_item: item('key_item').optional(),
  service: serviceName.optional(),
  probes: listOf(domain('probes'), { min: 0, max: 20, example: 'probes = ["www.example.net"]' }).optional(),
  reload: oneOf(['watch', 'sighup', 'http', 'restart'], 'reload = "watch"').optional(),
  blind: flag('blind = false').optional(),
  rollback: flag('rollback = false').optional(),
};

export interface Known {
  defaults: AcmeDefaults;
  authorities: readonly string[];
  clusters: readonly string[];
}

/** `names` are those of every block, readable or not, so that references to a broken block are not reported as well. */
export function readCertificates(findings: Findings, root: Table, known: Known): { certificates: CertificateSpec[]; names: string[] } {
  const blocks = tableArray(findings, root, 'certificates', []);
  const names = new Map<string, Path>();
  const variables = new Map<string, string>();
  const certificates = blocks.flatMap(({ input, path }): CertificateSpec[] => {
    const name: unknown = input['name'];
    if (typeof name === 'string') {
      if (names.has(name))
        findings.add([...path, 'name'], `Another certificate is named ${JSON.stringify(name.slice(0, 80))} already. Give each a name of its own.`);
      names.set(name, path);
    }
    const { whole, part } = readBlock(findings, input, path, certificateShape);
    const domains = part.domains ?? [];
    checkDomains(findings, domains, [...path, 'domains']);
    if (part.ca !== undefined) checkAuthorities(findings, part.ca, known.authorities, [...path, 'ca']);
    const deliveries = tableArray(findings, input, 'deliver', path).flatMap((block) =>
      readDelivery(findings, block, { known, domains, variables, owner: typeof name === 'string' ? name : '' }),
    );
    if (Array.isArray(input['deliver']) && (input['deliver'].length === 0 || input['deliver'].length > 16))
      findings.add([...path, 'deliver'], 'Expected 1 to 16 [[certificates.deliver]] blocks.');
    refuseSecondCluster(findings, deliveries, [...path, 'deliver']);
    if (whole === undefined) return [];
    return [
      {
        name: whole.name,
        domains,
        keyType: whole.key_type ?? 'ec-p256',
        authorities: whole.ca ?? known.defaults.ca,
        profile: whole.profile ?? known.defaults.profile,
        preferredChain: whole.preferred_chain ?? null,
        reuseKey: false,
        deliveries,
      },
    ];
  });
  return { certificates, names: [...names.keys()] };
}

/** The key is made in one cluster and never leaves it, so another one could not install the pair. */
function refuseSecondCluster(findings: Findings, deliveries: readonly Delivery[], path: Path): void {
  const [first] = deliveries;
  const position = deliveries.findIndex(({ cluster }) => cluster !== first?.cluster);
  const other = deliveries[position];
  if (first === undefined || other === undefined) return;
  findings.add(
    [...path, position, 'cluster'],
    `This certificate goes to the clusters ${JSON.stringify(first.cluster)} and ${JSON.stringify(other.cluster)}. Its key never leaves the cluster where it is made: write a certificate of its own for each cluster.`,
  );
}

interface DeliveryContext {
  known: Known;
  domains: readonly string[];
  /** Delivery id → the certificate that goes there. */
  variables: Map<string, string>;
  owner: string;
}

function readDelivery(findings: Findings, block: { input: Table; path: Path }, { known, domains, variables, owner }: DeliveryContext): Delivery[] {
  const { path } = block;
  const { whole, part } = readBlock(findings, block.input, path, deliveryShape);
  const { cluster, variable, namespace = 'default', certificate_item: certificateItem = 'certificate', key_item: keyItem = 'key', probes = [] } = part;
  if (cluster !== undefined && !known.clusters.includes(cluster))
    findings.add([...path, 'cluster'], `There is no cluster ${JSON.stringify(cluster)}. ${choices(cluster, known.clusters, 'cluster')}`);
  if (certificateItem === keyItem)
    findings.add([...path, 'key_item'], `Certificate and key cannot share the item ${JSON.stringify(keyItem)}. Write for example: key_item = "key"`);
  for (const [index, probe] of probes.entries()) {
    if (probe.startsWith('*.'))
      findings.add(
        [...path, 'probes', index],
        `${JSON.stringify(probe)} is a wildcard; a probe is one name that is dialled. Write for example: probes = ["www${probe.slice(1)}"]`,
      );
    else if (domains.length > 0 && !covers(domains, probe))
      findings.add(
        [...path, 'probes', index],
        `The certificate is not valid for ${JSON.stringify(probe)}; a probe must be one of its names or below its wildcard.`,
      );
  }
  if (part.blind === true && part.rollback === true)
    findings.add(
      [...path, 'rollback'],
      'A blind delivery cannot read the pair that stood there before, so there is nothing to put back. Remove rollback, or write: blind = false',
    );
  if (cluster === undefined || variable === undefined) return [];
  const id = `${cluster}/${namespace}/${variable}`;
  const taken = variables.get(id);
  if (taken !== undefined) {
    const whose = taken === owner ? 'This certificate' : `The certificate ${JSON.stringify(taken.slice(0, 80))}`;
    findings.add(
      [...path, 'variable'],
      `${whose} is delivered to ${JSON.stringify(variable)} in this cluster and namespace already. A variable holds one pair; choose another path.`,
    );
  }
  variables.set(id, owner);
  if (whole === undefined) return [];
  return [
    {
      id,
      cluster,
      target: { variable, namespace, certificateItem, keyItem },
      service: whole.service ?? 'traefik',
      probes,
      reload: whole.reload ?? 'watch',
      blind: whole.blind ?? false,
      rollback: whole.rollback ?? false,
    },
  ];
}

/** Repeated names, and names that a wildcard of the same order covers: Boulder refuses those as redundant. */
function checkDomains(findings: Findings, domains: readonly string[], path: Path): void {
  for (const [index, name] of domains.entries()) {
    const parent = name.slice(name.indexOf('.') + 1);
    if (domains.indexOf(name) < index) findings.add([...path, index], `${describe(name)} is listed twice.`);
    else if (!name.startsWith('*.') && domains.includes(`*.${parent}`))
      findings.add(
        [...path, index],
        `${describe(name)} is covered by "*.${parent}" of the same certificate, and CAs refuse such an order. Remove one of them.`,
      );
  }
}

/** Path rules of Nomad (nomad/structs/variables.go): no dots, and below `nomad/` only what workloads may read. */
function variablePath(path: string): string {
  if (path.startsWith('/') || path.endsWith('/') || path.includes('//'))
    throw new Error(`Slashes stand between parts only; write ${JSON.stringify(path.split('/').filter(Boolean).join('/').slice(0, 128))}.`);
  if (path.length > 128) throw new Error('It is longer than 128 characters.');
  if (!/^[a-zA-Z0-9\-_~/]+$/.test(path))
    throw new Error(`Nomad accepts letters, digits and - _ ~ / (no dots); write ${JSON.stringify(path.replaceAll(/[^a-zA-Z0-9\-_~/]/g, '_').slice(0, 128))}.`);
  if (path === 'nomad' || (path.startsWith('nomad/') && path !== 'nomad/jobs' && !path.startsWith('nomad/jobs/')))
    throw new Error('Below "nomad/" Nomad accepts "nomad/jobs" and "nomad/jobs/<job>…" here.');
  return path;
}
