/**
 * `[[records]]`: DNS records that are kept as declared. Each block is one name and type, and says where its values come
 * from: they stand there, follow the instances of a service, or are made for the CAs. What blocks mean to each other is
 * checked in `record-rules.ts`.
 */
import type { z } from 'zod';
import { authorityNames, checkAuthorities } from './authorities.ts';
import { describe, readBlock, tableArray, value, type Block, type Table } from './block.ts';
import type { DeclaredRecord } from './configuration.ts';
import type { Findings, Path } from './findings.ts';
import { canonicalValue, RECORD_TYPES, VALUE_OF, type RecordType } from './record-values.ts';
import { choices } from './suggest.ts';
import { blockName, flag, nomadNamespace, oneOf, recordName, serviceName } from './values.ts';

export const MAX_RECORDS = 1_000;
/** Values of one name and type. */
const MAX_VALUES = 50;
const DEFAULT_TTL = 300;
const TTL = { least: 60, most: 60_000 } as const;

const recordShape = {
  name: recordName,
  type: oneOf(RECORD_TYPES, 'type = "A"').optional(),
  // Read once the type is known.
  value: value({ expected: 'one value', example: 'value = "192.0.2.1"' }, (input) => input).optional(),
  values: value({ expected: `a list of 1 to ${MAX_VALUES} values`, example: 'values = ["192.0.2.1", "192.0.2.2"]' }, (input) =>
    Array.isArray(input) && input.length > 0 && input.length <= MAX_VALUES ? (input as unknown[]) : undefined,
  ).optional(),
  target: oneOf(['traefik'], 'target = "traefik" (the addresses of its healthy instances); a fixed address or name is a value').optional(),
  cluster: blockName('a cluster', 'cluster = "main"').optional(),
  service: serviceName.optional(),
  namespace: nomadNamespace.optional(),
  caa: oneOf(['managed'], `caa = "managed"; a CAA record of your own is type = "CAA" with a value`).optional(),
  ca: authorityNames.optional(),
  ttl: value({ expected: `whole seconds from ${TTL.least} to ${TTL.most}`, example: `ttl = ${DEFAULT_TTL}` }, (input) =>
    typeof input === 'number' && Number.isInteger(input) && input >= TTL.least && input <= TTL.most ? input : undefined,
  ).optional(),
  adopt: flag('adopt = true').optional(),
};
/** Keys that say where the values come from: exactly one of them stands in a block. */
const SOURCES = ['value', 'values', 'target', 'caa'] as const;
type Source = (typeof SOURCES)[number];
const ONE_SOURCE = 'Write one of: value = "…", values = ["…", "…"], target = "traefik" (addresses of its instances), caa = "managed" (made for your CAs)';

export interface KnownParts {
  clusters: readonly string[];
  /** Names of CAs that a reference may use. */
  authorities: readonly string[];
  /** `ca` of `[acme]`. */
  defaultAuthorities: readonly string[];
}

/** A sound block and its place in the file. */
export interface ReadRecord {
  record: DeclaredRecord;
  path: Path;
}

export function readRecords(findings: Findings, root: Table, known: KnownParts): ReadRecord[] {
  const blocks = tableArray(findings, root, 'records', []);
  if (blocks.length > MAX_RECORDS) findings.add(['records'], `Expected at most ${MAX_RECORDS} [[records]] blocks, found ${blocks.length}.`);
  return blocks.slice(0, MAX_RECORDS).flatMap(({ input, path }) => {
    const block = readBlock(findings, input, path, recordShape);
    const type = typeOf(findings, input, block.part, path);
    const from = sourceOf(findings, input, path);
    refuseStrayKeys(findings, input, from, path);
    if (type === undefined || from === undefined) return [];
    const source = readSource(findings, { input, path, block, known }, type, from);
    const { whole } = block;
    if (whole === undefined || source === undefined) return [];
    return [{ path, record: { name: whole.name, type, source, ttl: whole.ttl ?? DEFAULT_TTL, adopt: whole.adopt ?? false } }];
  });
}

type Part = Block<z.infer<z.ZodObject<typeof recordShape>>>;

interface Reading {
  input: Table;
  path: Path;
  block: Part;
  known: KnownParts;
}

function typeOf(findings: Findings, input: Table, part: Part['part'], path: Path): RecordType | undefined {
  const managed = input['caa'] !== undefined;
  if (input['type'] === undefined && !managed)
    findings.add(
      path,
      input['target'] === undefined
        ? `"type" is missing; expected one of ${RECORD_TYPES.map((type) => JSON.stringify(type)).join(', ')}. Write for example: type = "A"`
        : '"type" is missing. Write type = "A" for the IPv4 addresses, and a block with type = "AAAA" for the IPv6 addresses where there are any.',
    );
  if (managed && part.type !== undefined && part.type !== 'CAA')
    findings.add([...path, 'type'], `caa = "managed" makes CAA records, not ${part.type}. Leave "type" out.`);
  if (input['target'] !== undefined && part.type !== undefined && part.type !== 'A' && part.type !== 'AAAA')
    findings.add([...path, 'type'], `Instances have addresses, so with "target" the type is "A" or "AAAA", not ${JSON.stringify(part.type)}.`);
  return managed ? 'CAA' : part.type;
}

function sourceOf(findings: Findings, input: Table, path: Path): Source | undefined {
  const given = SOURCES.filter((key) => input[key] !== undefined);
  if (given.length === 0) findings.add(path, `Nothing says what the record holds. ${ONE_SOURCE}`);
  const [first, second] = given;
  if (second !== undefined) findings.add([...path, second], `"${first}" and "${second}" exclude each other. ${ONE_SOURCE}`, 'key');
  return given.length === 1 ? first : undefined;
}

/** Keys that mean nothing without the source they belong to. */
function refuseStrayKeys(findings: Findings, input: Table, from: Source | undefined, path: Path): void {
  const belongs: readonly (readonly [string, Source, string])[] = [
    ['cluster', 'target', 'target = "traefik"'],
    ['service', 'target', 'target = "traefik"'],
    ['namespace', 'target', 'target = "traefik"'],
    ['ca', 'caa', 'caa = "managed"'],
  ];
  for (const [key, source, example] of belongs)
    if (from !== undefined && from !== source && input[key] !== undefined)
      findings.add([...path, key], `"${key}" has a meaning only together with ${example}. Remove it.`, 'key');
}

function readSource(findings: Findings, reading: Reading, type: RecordType, from: Source): DeclaredRecord['source'] | undefined {
  switch (from) {
    case 'value':
      return readValues(findings, reading, type, [reading.input['value']], () => [...reading.path, 'value']);
    case 'values':
      return readValues(findings, reading, type, reading.block.part.values ?? [], (index) => [...reading.path, 'values', index]);
    case 'target':
      return readInstances(findings, reading);
    case 'caa': {
      const { path, block, known } = reading;
      if (block.part.ca !== undefined) checkAuthorities(findings, block.part.ca, known.authorities, [...path, 'ca']);
      return { kind: 'authorities', authorities: [...(block.part.ca ?? known.defaultAuthorities)] };
    }
  }
}

function readValues(findings: Findings, { path }: Reading, type: RecordType, typed: readonly unknown[], place: (index: number) => Path) {
  const { expected, example } = VALUE_OF[type];
  const seen = new Set<string>();
  for (const [index, input] of typed.entries()) {
    const refuse = (reason: string) => findings.add(place(index), `${describe(input)} is not ${expected}.${reason} Write for example: value = ${example}`);
    try {
      const found = typeof input === 'string' ? canonicalValue(type, input) : undefined;
      if (found === undefined) refuse('');
      else if (seen.has(found)) findings.add(place(index), `${describe(input)} is listed twice.`);
      else seen.add(found);
    } catch (thrown) {
      refuse(thrown instanceof Error ? ` ${thrown.message}` : '');
    }
  }
  if (type === 'CNAME' && typed.length > 1) findings.add([...path, 'values'], 'A name has one CNAME at most. Keep one of these values.');
  return seen.size === typed.length && seen.size > 0 ? { kind: 'values' as const, values: [...seen] } : undefined;
}

function readInstances(findings: Findings, { input, path, block: { part }, known }: Reading): DeclaredRecord['source'] | undefined {
  const { clusters } = known;
  if (part.cluster !== undefined && !clusters.includes(part.cluster)) {
    findings.add([...path, 'cluster'], `There is no cluster ${JSON.stringify(part.cluster)}. ${choices(part.cluster, clusters, 'cluster')}`);
    return undefined;
  }
  if (part.cluster === undefined && input['cluster'] === undefined && clusters.length > 1)
    findings.add(
      [...path, 'target'],
      `There are the clusters ${clusters.map((cluster) => JSON.stringify(cluster)).join(', ')}: say which one's instances are meant. Write for example: cluster = ${JSON.stringify(clusters[0])}`,
    );
  const cluster = part.cluster ?? (clusters.length === 1 ? clusters[0] : undefined);
  if (part.target === undefined || cluster === undefined) return undefined;
  return { kind: 'instances', cluster, service: part.service ?? 'traefik', namespace: part.namespace ?? 'default' };
}
