/** `[acme]` and `[ca.<name>]`: which CAs there are and how each is reached. */
import type { z } from 'zod';
import { KNOWN_LIMITS, limitsValue, readLimits } from './authority-limits.ts';
import { isTable, listOf, namedTables, readBlock, value, type Table } from './block.ts';
import type { Authority, egressSchema } from './configuration.ts';
import type { Findings, Path } from './findings.ts';
import { choices } from './suggest.ts';
import { blockName, endpoint, flag, hostName, mailAddress, secretReference, shortText } from './values.ts';

interface KnownAuthority {
  directory: string;
  /** The CA wants an external account binding (RFC 8555 §7.3.4). */
  account: boolean;
  contact: boolean;
  /** What CAA records call it (RFC 8659 §4.2), should its directory not say. */
  caa: string;
}

/** CAs known by name. */
export const BUILT_IN: Readonly<Record<string, KnownAuthority>> = {
  letsencrypt: { directory: 'https://acme-v02.api.letsencrypt.org/directory', account: false, contact: false, caa: 'letsencrypt.org' },
  'letsencrypt-staging': { directory: 'https://acme-staging-v02.api.letsencrypt.org/directory', account: false, contact: false, caa: 'letsencrypt.org' },
  google: { directory: 'https://dv.acme-v02.api.pki.goog/directory', account: true, contact: true, caa: 'pki.goog' },
  'google-staging': { directory: 'https://dv.acme-v02.test-api.pki.goog/directory', account: true, contact: true, caa: 'pki.goog' },
  zerossl: { directory: 'https://acme.zerossl.com/v2/DV90', account: true, contact: false, caa: 'sectigo.com' },
  sectigo: { directory: 'https://acme.sectigo.com/v2/DV', account: true, contact: false, caa: 'sectigo.com' },
  actalis: { directory: 'https://acme-api.actalis.com/acme/directory', account: true, contact: false, caa: 'actalis.it' },
};

const contact = listOf(mailAddress, { min: 1, max: 5, example: 'contact = "ops@example.net"' });
export const authorityNames = listOf(blockName('a CA', 'ca = ["letsencrypt"]'), { min: 1, max: 5, example: 'ca = ["letsencrypt", "google"]' });
export const profile = shortText('the name of a certificate profile of the CA', 64, 'profile = "tlsserver"');

const deactivate = flag('deactivate_authorizations = true');

const acmeShape = {
  contact: contact.optional(),
  ca: authorityNames.optional(),
  profile: profile.optional(),
  deactivate_authorizations: deactivate.optional(),
};
const egressValue = value(
  { expected: '"direct", "auto" (through a relay when the CA cannot be reached) or the name of a cluster', example: 'egress = "auto"' },
  (input) => (typeof input === 'string' && /^[a-z0-9][a-z0-9-]{0,62}$/.test(input) ? input : undefined),
);
const authorityShape = {
  directory: endpoint('directory', 'https://ca.example.net/acme/directory').optional(),
  contact: contact.optional(),
  egress: egressValue.optional(),
  eab: value({ expected: 'a table', example: 'eab = { key_id = "…", hmac_key = "secret:eab" }' }, (input) =>
    typeof input === 'object' ? input : undefined,
  ).optional(),
  caa: listOf(hostName('the name by which CAA records know the CA', 'caa = ["ca.example.net"]'), {
    min: 1,
    max: 20,
    example: 'caa = ["ca.example.net"]',
  }).optional(),
  profile: profile.optional(),
  deactivate_authorizations: deactivate.optional(),
  limits: limitsValue.optional(),
};
const accountShape = { key_id: shortText('the key id that the CA gave', 200, 'key_id = "…"'), hmac_key: secretReference('hmac_key', 'eab') };

export interface AcmeDefaults {
  ca: string[];
  profile: string | null;
}

/** Reads both kinds of block. `declared` are the names a reference may use. */
export function readAuthorities(
  findings: Findings,
  root: Table,
  clusters: readonly string[],
): { defaults: AcmeDefaults; authorities: Authority[]; declared: string[] } {
  const acme = root['acme'] === undefined ? {} : readBlock(findings, root['acme'], ['acme'], acmeShape).part;
  const defaults = { ca: acme.ca ?? ['letsencrypt'], profile: acme.profile ?? null };
  const blocks = new Map(namedTables(findings, root, 'ca').map((block) => [block.name, block]));
  const declared = [...new Set([...Object.keys(BUILT_IN), ...blocks.keys()])];
  checkAuthorities(findings, acme.ca ?? [], declared, ['acme', 'ca']);

  const names = [...new Set([...blocks.keys(), ...wantedAuthorities(root, defaults.ca)])].filter((name) => declared.includes(name)).sort();
  const authorities = names.flatMap((name): Authority[] => {
    const block = blocks.get(name);
    const path = block?.path ?? ['acme', 'ca'];
    const read = block === undefined ? {} : readBlock(findings, block.input, path, authorityShape).part;
    const builtIn = BUILT_IN[name];
    const egress = egressOf(findings, read.egress ?? 'auto', clusters, [...path, 'egress']);
    const directory = read.directory ?? builtIn?.directory;
    if (directory === undefined) {
      // A directory that is there and wrong has been reported.
      if (!isTable(block?.input) || block.input['directory'] === undefined) {
        findings.add(
          path,
          `"directory" is missing: ${JSON.stringify(name)} is none of the CAs known by name. Write for example: directory = "https://ca.example.net/acme/directory"`,
        );
      }
      return [];
    }
    const account = read.eab === undefined ? undefined : readBlock(findings, read.eab, [...path, 'eab'], accountShape).whole;
    const contacts = read.contact ?? acme.contact ?? [];
    if (read.directory === undefined && builtIn?.account && read.eab === undefined)
      findings.add(
        path,
        `The CA ${JSON.stringify(name)} wants an external account binding. Write in [ca.${name}]: eab = { key_id = "…", hmac_key = "secret:${name}-eab" }`,
      );
    if (read.directory === undefined && builtIn?.contact && contacts.length === 0)
      findings.add(path, `The CA ${JSON.stringify(name)} wants a contact. Write in [acme]: contact = "ops@example.net"`);
    return [
      {
        name,
        directory,
        contact: contacts,
        egress,
        externalAccount: account === undefined ? null : { keyId: account.key_id, hmacKey: account.hmac_key },
        profile: read.profile ?? null,
        limits: readLimits(findings, read.limits, read.directory === undefined ? (KNOWN_LIMITS[name] ?? null) : null, [...path, 'limits']),
        deactivateAuthorizations: read.deactivate_authorizations ?? acme.deactivate_authorizations ?? true,
        caa: [...new Set(read.caa ?? (read.directory === undefined && builtIn !== undefined ? [builtIn.caa] : []))],
      },
    ];
  });
  return { defaults, authorities, declared };
}

/** Reports references to CAs that do not exist, and repeated ones. */
export function checkAuthorities(findings: Findings, names: readonly string[], declared: readonly string[], path: Path): void {
  for (const [index, name] of names.entries()) {
    if (!declared.includes(name))
      findings.add(
        [...path, index],
        `There is no CA ${JSON.stringify(name)}. ${choices(name, declared, 'CA')} Other CAs need a block: [ca.${name}] with directory = "https://…"`,
      );
    else if (names.indexOf(name) < index) findings.add([...path, index], `The CA ${JSON.stringify(name)} is listed twice.`);
  }
}

/** Every CA that anything in the file names, read leniently: wrong ones are reported where they stand. */
function wantedAuthorities(root: Table, defaults: readonly string[]): string[] {
  const named = [root['certificates'], root['records']].flatMap(listed).flatMap((entry) => {
    const ca: unknown = typeof entry === 'object' && entry !== null && 'ca' in entry ? entry.ca : [];
    return Array.isArray(ca) ? ca : [ca];
  });
  return [...defaults, ...named.filter((name): name is string => typeof name === 'string')];
}

function listed(entries: unknown): unknown[] {
  return Array.isArray(entries) ? entries : [];
}

function egressOf(findings: Findings, typed: string, clusters: readonly string[], path: Path): z.infer<typeof egressSchema> {
  if (typed === 'direct' || typed === 'auto') return typed;
  if (!clusters.includes(typed))
    findings.add(path, `There is no cluster ${JSON.stringify(typed)} to send requests through. ${choices(typed, ['direct', 'auto', ...clusters], 'cluster')}`);
  return { cluster: typed };
}
