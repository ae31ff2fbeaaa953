/**
 * `certificates.toml` → the compiled configuration (DESIGN: every problem at its place, nothing half accepted).
 *
 * Pure: text in, result out, and it never throws. The hash names the configuration, not the file: comments and the
 * order of blocks do not change it.
 */
import { createHash } from 'node:crypto';
import { parse, TomlError } from 'smol-toml';
import { readAuthorities } from './authorities.ts';
import { namedTables, type Table } from './block.ts';
import { readCertificates } from './certificates.ts';
import { configurationSchema, type CompiledConfiguration, type Configuration, type DeclaredRecord, type Problem } from './configuration.ts';
import { readDnsVendors } from './dns-vendors.ts';
import { Findings } from './findings.ts';
import { checkRecords } from './record-rules.ts';
import { readRecords } from './records.ts';
import { SourceMap } from './source-map.ts';
import { choices } from './suggest.ts';
import { readClusters, readResolvers, readSecrets } from './vendors.ts';
import { readWebhooks } from './webhooks.ts';

/** Far above what 20,000 certificates need, in characters. */
const MAX_TEXT = 16 * 1024 * 1024;
/** Enough to see what is wrong with a file of any size. */
const MAX_PROBLEMS = 200;
const KNOWN_KEYS = ['acme', 'ca', 'dns', 'clusters', 'certificates', 'records', 'webhooks', 'secrets', 'resolvers'];

/** Compiles the text of a `certificates.toml`. */
export function compileConfiguration(text: string): CompiledConfiguration {
  const refuse = (problems: Problem[]): CompiledConfiguration => ({ valid: false, hash: sha256(text), problems: limited(problems) });
  if (text.length > MAX_TEXT) return refuse([{ path: '', message: `The file is longer than ${MAX_TEXT} characters.` }]);
  let root: Table;
  try {
    root = parse(text, { maxDepth: 32 });
  } catch (thrown) {
    return refuse([syntaxProblem(thrown)]);
  }
  const findings = new Findings(new SourceMap(text));
  const configuration = readRoot(findings, root);
  const problems = findings.problems();
  if (problems.length > 0) return refuse(problems);
  const checked = configurationSchema.safeParse(configuration);
  if (!checked.success) return refuse(checked.error.issues.map((issue) => ({ path: issue.path.map(String).join('.'), message: issue.message })));
  return { valid: true, hash: sha256(canonicalJson(checked.data)), configuration: checked.data };
}

function readRoot(findings: Findings, root: Table): Configuration {
  for (const key of Object.keys(root)) {
    if (!KNOWN_KEYS.includes(key)) findings.add([key], `Unknown key ${JSON.stringify(key.slice(0, 80))}. ${choices(key, KNOWN_KEYS, 'key')}`, 'key');
  }
  // Problems of these blocks are reported where they are read.
  const silent = new Findings(new SourceMap(''));
  const clusterNames = namedTables(silent, root, 'clusters').map(({ name }) => name);
  const { defaults, authorities, declared } = readAuthorities(findings, root, clusterNames);
  const dns = readDnsVendors(findings, root, clusterNames);
  const clusters = readClusters(findings, root);
  const { certificates, names } = readCertificates(findings, root, { defaults, authorities: declared, clusters: clusterNames });
  const records = readRecords(findings, root, { clusters: clusterNames, authorities: declared, defaultAuthorities: defaults.ca });
  const delegations = dns.flatMap((vendor) => (vendor.provider === 'cloudflare' && vendor.delegation !== null ? [vendor.delegation] : []));
  checkRecords(findings, records, { delegations: dns.length < namedTables(silent, root, 'dns').length ? null : delegations, certificates });
  return {
    authorities,
    dns: byName(dns),
    clusters: byName(clusters),
    certificates: byName(certificates),
    records: records.map(({ record }) => record).sort(byNameAndType),
    resolvers: readResolvers(findings, root),
    webhooks: byName(readWebhooks(findings, root, names)),
    secrets: readSecrets(findings, root),
  };
}

/** smol-toml puts a picture of the place below its first line; place and sentence are enough here. */
function syntaxProblem(thrown: unknown): Problem {
  if (!(thrown instanceof TomlError)) return { path: '', message: 'The file is not valid TOML.' };
  const sentence = thrown.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? '';
  return {
    line: thrown.line,
    column: thrown.column,
    path: '',
    message: `The file is not valid TOML here: ${sentence}. See https://toml.io/en/v1.0.0 for the syntax.`,
  };
}

function limited(problems: Problem[]): Problem[] {
  if (problems.length <= MAX_PROBLEMS) return problems;
  return [...problems.slice(0, MAX_PROBLEMS), { path: '', message: `${problems.length - MAX_PROBLEMS} more problems are not listed.` }];
}

function byName<T extends { name: string }>(entries: T[]): T[] {
  return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function byNameAndType(a: DeclaredRecord, b: DeclaredRecord): number {
  return a.name === b.name ? (a.type < b.type ? -1 : 1) : a.name < b.name ? -1 : 1;
}

/** JSON with sorted keys, so that equal configurations have equal text. */
function canonicalJson(data: unknown): string {
  return JSON.stringify(data, (_key, entry: unknown) =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
      : entry,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
