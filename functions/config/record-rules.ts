/** What declared records mean to each other, to delegations and to the certificates of the same file. */
import type { CertificateSpec, DeclaredRecord } from './configuration.ts';
import { formatPath, type Findings, type Path } from './findings.ts';
import type { ReadRecord } from './records.ts';

const CHALLENGE = '_acme-challenge';

export interface Surroundings {
  /** Names below which delegated challenges are published; null while a vendor's block is broken. */
  delegations: readonly string[] | null;
  certificates: readonly CertificateSpec[];
}

export function checkRecords(findings: Findings, records: readonly ReadRecord[], { delegations, certificates }: Surroundings): void {
  refuseDuplicates(findings, records);
  refuseBesideAlias(findings, records);
  for (const read of records) refuseAtChallenge(findings, read, delegations);
  checkManagedCaa(findings, records, certificates);
}

function refuseDuplicates(findings: Findings, records: readonly ReadRecord[]): void {
  const places = new Map<string, Path>();
  for (const { record, path } of records) {
    const key = `${record.type} ${record.name}`;
    const first = places.get(key);
    if (first === undefined) places.set(key, path);
    else findings.add([...path, 'name'], `${formatPath(first)} declares ${key} already. Keep one block, with all its values: values = ["…", "…"]`);
  }
}

/** A CNAME stands alone at its name (RFC 1034 §3.6.2) and leads elsewhere. */
function refuseBesideAlias(findings: Findings, records: readonly ReadRecord[]): void {
  const aliases = new Map(records.filter(({ record }) => record.type === 'CNAME').map((read) => [read.record.name, read]));
  for (const { record, path } of records) {
    const alias = aliases.get(record.name);
    if (alias === undefined) continue;
    if (record.type !== 'CNAME')
      findings.add(
        [...path, 'name'],
        `${formatPath(alias.path)} declares a CNAME for ${record.name}, and nothing may stand beside a CNAME. Remove one of them, or declare this at the CNAME's target.`,
      );
    else {
      const circle = circleFrom(record.name, aliases);
      if (circle === null) continue;
      findings.add(
        [...path, 'value'],
        circle.length === 2
          ? `${record.name} would lead to itself.`
          : `${record.name} would lead back to itself: ${circle.join(' → ')}. Let one of these CNAMEs lead elsewhere.`,
      );
    }
  }
}

/** The declared CNAMEs that lead from a name back to it, with the name at both ends; null when they lead elsewhere. */
function circleFrom(name: string, aliases: ReadonlyMap<string, ReadRecord>): string[] | null {
  const targetOf = (at: string) => {
    const alias = aliases.get(at);
    return alias === undefined ? undefined : firstValue(alias.record);
  };
  const names = [name];
  for (let at = targetOf(name); at !== undefined && !names.slice(1).includes(at); at = targetOf(at)) {
    names.push(at);
    if (at === name) return names;
  }
  return null;
}

/** Names that begin with `_acme-challenge` belong to the challenges; a CNAME there delegates them. */
function refuseAtChallenge(findings: Findings, { record, path }: ReadRecord, delegations: Surroundings['delegations']): void {
  if (record.name !== CHALLENGE && !record.name.startsWith(`${CHALLENGE}.`) && !record.name.startsWith(`*.${CHALLENGE}.`)) return;
  if (record.type === 'TXT')
    findings.add([...path, 'name'], 'Challenges of certificates are published at this name and removed again, without being declared. Remove this block.');
  if (record.type !== 'CNAME') return;
  const target = firstValue(record);
  if (target === undefined || delegations === null || delegations.some((delegation) => target.endsWith(`.${delegation}`))) return;
  findings.add(
    [...path, 'value'],
    delegations.length === 0
      ? `A CNAME here sends the challenges of ${record.name.slice(record.name.indexOf(`${CHALLENGE}.`) + CHALLENGE.length + 1)} elsewhere, and no [dns.<name>] block says where delegated challenges go. Write there for example: delegation = "acme.example.net"`
      : `A CNAME here sends challenges elsewhere, so it has to lead below ${delegations.join(' or ')}. The status page names the exact record of each name.`,
  );
}

/** Managed CAA that leaves out a CA of a certificate would keep that certificate from being renewed (RFC 8659 §3). */
function checkManagedCaa(findings: Findings, records: readonly ReadRecord[], certificates: readonly CertificateSpec[]): void {
  const declared = new Map(records.filter(({ record }) => record.type === 'CAA').map((read) => [read.record.name, read]));
  if (declared.size === 0) return;
  const missing = new Map<ReadRecord, Map<string, string>>();
  for (const { name, domains, authorities } of certificates) {
    for (const domain of domains) {
      const read = closest(declared, domain.replace(/^\*\./, ''));
      if (read?.record.source.kind !== 'authorities') continue;
      const { authorities: allowed } = read.record.source;
      const reasons = missing.get(read) ?? new Map<string, string>();
      for (const authority of authorities) if (!allowed.includes(authority) && !reasons.has(authority)) reasons.set(authority, name);
      missing.set(read, reasons);
    }
  }
  for (const [{ record, path }, reasons] of missing) {
    if (reasons.size === 0 || record.source.kind !== 'authorities') continue;
    const [[authority, certificate] = ['', '']] = reasons;
    const all = [...record.source.authorities, ...reasons.keys()];
    findings.add(
      [...path, 'ca'],
      `The certificate ${JSON.stringify(certificate)} may be issued by ${JSON.stringify(authority)}, which this CAA would forbid. Write: ca = [${all.map((name) => JSON.stringify(name)).join(', ')}]`,
    );
  }
}

/** CAA of the nearest name at or above `domain`. */
function closest(declared: ReadonlyMap<string, ReadRecord>, domain: string): ReadRecord | undefined {
  for (let name = domain; name.includes('.'); name = name.slice(name.indexOf('.') + 1)) {
    const read = declared.get(name);
    if (read !== undefined) return read;
  }
  return undefined;
}

function firstValue({ source }: DeclaredRecord): string | undefined {
  return source.kind === 'values' ? source.values[0] : undefined;
}
