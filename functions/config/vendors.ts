/** `[clusters.<name>]`, `[secrets]` and `resolvers`: what certificates are made with, beside CAs and DNS vendors. */
import { listOf, namedTables, readBlock, isTable, type Table } from './block.ts';
import type { Configuration } from './configuration.ts';
import type { Findings } from './findings.ts';
import { choices } from './suggest.ts';
import { blockName, endpoint, oneOf, publicKey, shortText } from './values.ts';

const clusterShape = { keys: listOf(publicKey, { min: 1, max: 8, example: 'keys = ["relay-1:<public key>"] (npm run setup prints the line)' }) };

export function readClusters(findings: Findings, root: Table): Configuration['clusters'] {
  const blocks = namedTables(findings, root, 'clusters');
  if (blocks.length === 0 && root['clusters'] === undefined)
    findings.add(['clusters'], 'No cluster is configured. Write a block: [clusters.main] with keys = ["relay-1:<public key>"] (npm run setup prints the line)');
  const owners = new Map<string, string>();
  return blocks.flatMap(({ name, input, path }) => {
    const read = readBlock(findings, input, path, clusterShape).whole;
    if (read === undefined) return [];
    const ids = new Set<string>();
    for (const [index, key] of read.keys.entries()) {
      const place = [...path, 'keys', index];
      if (ids.has(key.kid)) findings.add(place, `The key id ${JSON.stringify(key.kid)} stands twice in this cluster; every key needs an id of its own.`);
      ids.add(key.kid);
      const owner = owners.get(key.x);
      if (owner !== undefined && owner !== name)
        findings.add(place, `The cluster ${JSON.stringify(owner)} has the same key. Each relay needs a key pair of its own (npm run setup).`);
      owners.set(key.x, name);
    }
    return [{ name, keys: read.keys }];
  });
}

const sealedShape = { store: oneOf(['sealed', 'aws'], 'store = "sealed"') };
const awsShape = {
  ...sealedShape,
  region: shortText('an AWS region', 40, 'region = "eu-central-1"'),
  prefix: shortText('the prefix that every secret of this deployment has', 200, 'prefix = "perennial/"').optional(),
  endpoint: endpoint('endpoint', 'https://secretsmanager.eu-central-1.amazonaws.com').optional(),
};

export function readSecrets(findings: Findings, root: Table): Configuration['secrets'] {
  const input = root['secrets'];
  if (isTable(input) && input['store'] === 'aws') {
    const read = readBlock(findings, input, ['secrets'], awsShape).whole;
    if (read !== undefined) return { store: 'aws', region: read.region, prefix: read.prefix ?? 'perennial/', endpoint: read.endpoint ?? null };
  } else if (input !== undefined) readBlock(findings, input, ['secrets'], sealedShape);
  return { store: 'sealed' };
}

/** Public resolvers that speak RFC 8484 wire format. */
const RESOLVERS: Readonly<Record<string, string>> = {
  cloudflare: 'https://cloudflare-dns.com/dns-query',
  google: 'https://dns.google/dns-query',
  quad9: 'https://dns.quad9.net/dns-query',
};
const resolverShape = { name: blockName('the resolver', 'name = "mine"'), url: endpoint('url', 'https://dns.example.net/dns-query') };

/** `resolvers = ["cloudflare", "google"]`, or `[[resolvers]]` blocks with `name` and `url`. */
export function readResolvers(findings: Findings, root: Table): Configuration['resolvers'] {
  const input = root['resolvers'] ?? ['cloudflare', 'google'];
  const example = 'resolvers = ["cloudflare", "google"]';
  if (!Array.isArray(input)) {
    findings.add(['resolvers'], `"resolvers" is not a list. Write for example: ${example}`);
    return [];
  }
  const seen = new Set<string>();
  const resolvers = input.flatMap((entry: unknown, index): Configuration['resolvers'] => {
    const path = ['resolvers', index];
    const known = typeof entry === 'string' ? RESOLVERS[entry] : undefined;
    if (typeof entry === 'string' && known === undefined) {
      findings.add(
        path,
        `There is no resolver ${JSON.stringify(entry.slice(0, 100))}. ${choices(entry, Object.keys(RESOLVERS), 'resolver')} Others need a block: { name = "mine", url = "https://dns.example.net/dns-query" }`,
      );
      return [];
    }
    const read = typeof entry === 'string' ? { name: entry, url: known ?? '' } : readBlock(findings, entry, path, resolverShape).whole;
    if (read === undefined) return [];
    if (seen.has(read.name)) findings.add(path, `The resolver ${JSON.stringify(read.name)} is listed twice.`);
    seen.add(read.name);
    return [read];
  });
  if (input.length < 2 || input.length > 6)
    findings.add(['resolvers'], `Expected 2 to 6 resolvers, found ${input.length}: one alone may hold a stale answer. Write for example: ${example}`);
  return resolvers;
}
