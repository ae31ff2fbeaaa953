/** `[dns.<name>]`: who holds the zones, and how each of them is reached. */
import { isTable, namedTables, readBlock, value, type Table } from './block.ts';
import { namecheapVendorSchema, type CloudflareVendor, type DnsVendor, type NamecheapVendor } from './configuration.ts';
import type { Findings, Path } from './findings.ts';
import { choices } from './suggest.ts';
import { blockName, endpoint, hostName, secretReference } from './values.ts';

const PROVIDERS = ['cloudflare', 'namecheap'] as const;

const provider = <const T extends DnsVendor['provider']>(name: T) =>
  value({ expected: JSON.stringify(name), example: `provider = ${JSON.stringify(name)}` }, (input) => (input === name ? name : undefined));

const cloudflareShape = {
  provider: provider('cloudflare'),
  token: secretReference('token', 'cloudflare-token'),
  endpoint: endpoint('endpoint', 'https://api.cloudflare.com/client/v4').optional(),
  zone_id: value({ expected: "the zone's id (32 hexadecimal digits)", example: 'zone_id = "023e105f4ecef8ad9ca31a8372d0c353"' }, (input) =>
    typeof input === 'string' && /^[0-9a-f]{32}$/i.test(input) ? input.toLowerCase() : undefined,
  ).optional(),
  delegation: hostName('a name in one of its zones, below which delegated challenges are published', 'delegation = "acme.example.net"').optional(),
};

const namecheapShape = {
  provider: provider('namecheap'),
  user: value(
    // People paste the key here; it must not be repeated.
    { expected: 'the user name of the Namecheap account (up to 20 letters, digits, dots, hyphens)', example: 'user = "example"', confidential: true },
    (input) => (typeof input === 'string' && /^[A-Za-z0-9._-]{1,20}$/.test(input) ? input : undefined),
  ),
  egress: blockName('the cluster whose address the account lists', 'egress = "main"'),
};

/** Room that a delegated challenge needs in front of the delegation's name: one whole label and its dot. */
const MAX_DELEGATION = 253 - 64;

/** @param clusters names of the `[clusters.<name>]` blocks. */
export function readDnsVendors(findings: Findings, root: Table, clusters: readonly string[]): DnsVendor[] {
  const blocks = namedTables(findings, root, 'dns');
  if (blocks.length === 0 && root['dns'] === undefined)
    findings.add(['dns'], 'No DNS vendor is configured. Write a block: [dns.main] with provider = "cloudflare" and token = "secret:cloudflare-token"');
  const accounts = new Map<string, string>();
  return blocks.flatMap(({ name, input, path }): DnsVendor[] => {
    const typed: unknown = isTable(input) ? input['provider'] : undefined;
    if (typeof typed === 'string' && !PROVIDERS.some((known) => known === typed)) {
      findings.add(
        [...path, 'provider'],
        `There is no DNS vendor ${JSON.stringify(typed.slice(0, 80))}. ${choices(typed, PROVIDERS, 'vendor')} Names at other vendors can be delegated by CNAME into a zone of one of these.`,
      );
      return [];
    }
    const vendor = typed === 'namecheap' ? readNamecheap(findings, name, input, path, clusters) : readCloudflare(findings, name, input, path);
    if (vendor?.provider === 'namecheap') {
      const account = `${vendor.user.toLowerCase()} ${vendor.egress}`;
      const other = accounts.get(account);
      if (other !== undefined) findings.add([...path, 'user'], `[dns.${other}] is this account through this cluster already. Remove one of the two blocks.`);
      accounts.set(account, name);
    }
    return vendor === undefined ? [] : [vendor];
  });
}

function readCloudflare(findings: Findings, name: string, input: unknown, path: Path): CloudflareVendor | undefined {
  const { whole, part } = readBlock(findings, input, path, cloudflareShape);
  const { delegation } = part;
  if (delegation !== undefined) {
    const place = [...path, 'delegation'];
    if (delegation.startsWith('_acme-challenge.'))
      findings.add(
        place,
        'Challenges of the name itself go there. Choose a name of its own for those of others. Write for example: delegation = "acme.example.net"',
      );
    if (delegation.length > MAX_DELEGATION)
      findings.add(place, `It is longer than ${MAX_DELEGATION} characters, so no challenge fits below it. Write for example: delegation = "acme.example.net"`);
  }
  if (whole === undefined) return undefined;
  return {
    name,
    provider: whole.provider,
    token: whole.token,
    endpoint: whole.endpoint ?? null,
    zoneId: whole.zone_id ?? null,
    delegation: delegation ?? null,
  };
}

function readNamecheap(findings: Findings, name: string, input: unknown, path: Path, clusters: readonly string[]): NamecheapVendor | undefined {
  const keys = isTable(input) ? Object.keys(input).filter((key) => holdsKey(key, input[key])) : [];
  const egress: unknown = isTable(input) ? input['egress'] : undefined;
  const cluster = typeof egress === 'string' && clusters.includes(egress) ? `of cluster ${JSON.stringify(egress)} ` : '';
  for (const key of keys) {
    findings.add(
      [...path, key],
      `An API key of Namecheap never stands in this file, nor at the edge: it can buy domains. It belongs into a Nomad variable that only the relay ${cluster}reads: nomad var put nomad/jobs/relay/namecheap key=@<file>. Remove this line; if the key was real, reset it at Namecheap (Profile, Tools, API Access).`,
      'key',
    );
  }
  const rest = isTable(input) ? Object.fromEntries(Object.entries(input).filter(([key]) => !keys.includes(key))) : input;
  // What was taken for a key has been reported; the rest of the block is read as if it were not there.
  const { user, ...others } = namecheapShape;
  const { whole, part } = readBlock(findings, rest, path, keys.includes('user') ? others : { user, ...others });
  if (part.egress !== undefined && !clusters.includes(part.egress))
    findings.add(
      [...path, 'egress'],
      `There is no cluster ${JSON.stringify(part.egress)} through whose relay Namecheap is called. ${choices(part.egress, clusters, 'cluster')}`,
    );
  const account = namecheapVendorSchema.safeParse({ name, ...whole });
  return account.success && keys.length === 0 ? account.data : undefined;
}

/** A key by its name, or by its look: 32 hexadecimal digits. */
function holdsKey(key: string, found: unknown): boolean {
  if (key === 'provider') return false;
  if (/key|token|secret|passw/i.test(key)) return true;
  return typeof found === 'string' && /^[0-9a-f]{32}$/i.test(found.trim());
}
