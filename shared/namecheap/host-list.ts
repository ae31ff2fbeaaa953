/**
 * `domains.dns.getHosts` -> {@link HostTable}, or a refusal.
 *
 * `setHosts` takes name, type, address, preference and TTL of each row and forgets everything else. So a reply that says
 * anything more than those (a row that is dynamic or switched off, an attribute or type that is not known here, an
 * `EmailType` that cannot be echoed) is refused: writing it back would lose something of somebody's.
 */
import type { PerennialError } from '../errors.ts';
import { recordIdentity, rowKey } from './comparison.ts';
import { booleanOf, readResult, unreadable } from './envelope.ts';
import { namecheapError, vendorText, type VendorReply } from './failures.ts';
import {
  EMAIL_TYPES,
  HOST_TYPES,
  type HostRow,
  hostTableSchema,
  type HostTable,
  MAX_HOST_NAME,
  MAX_HOSTS,
  MAX_TARGET,
  MAX_TXT,
  TTL_RANGE,
} from './host-table.ts';
import { hasBrokenAttributeValue, type XmlElement } from './xml.ts';

export const GET_HOSTS = 'namecheap.domains.dns.getHosts';

export interface HostList {
  table: HostTable;
  /** What people should know before anything is written, as sentences; it hinders nothing. */
  cautions: string[];
}

const RESULT_ATTRIBUTES: ReadonlySet<string> = new Set(['domain', 'emailtype', 'isusingourdns']);
const REQUIRED = ['name', 'type', 'address', 'mxpref', 'ttl', 'isactive', 'isddnsenabled'] as const;
/** Known and not settable: the vendor's own id and labels of its web page. They say nothing about DNS. */
const IGNORED = ['hostid', 'associatedapptitle', 'friendlyname'] as const;
const ROW_ATTRIBUTES: ReadonlySet<string> = new Set([...REQUIRED, ...IGNORED]);
/** Control, line and paragraph separators, unpaired surrogates and the mark of undecodable bytes. */
const UNKEEPABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u{FFFD}]/u;
/** Modes in which the vendor drops rows of type MX when the list is written. */
const DROPS_MX: ReadonlySet<string> = new Set(['NONE', 'FWD', 'MXE']);

/**
 * @param domain lower-case A-labels.
 * @throws PerennialError `namecheap_unreadable` (with `row`, `name`, `type` in its details where a row is at fault),
 *   `namecheap_locked` (dynamic or disabled rows), `namecheap_not_delegated`, and what `readApiResponse` throws.
 */
export function readHostList(reply: VendorReply, domain: string): HostList {
  const result = readResult(reply, GET_HOSTS, 'DomainDNSGetHostsResult', { attribute: 'Domain', name: domain });
  const strange = [...result.attributes.keys()].find((name) => !RESULT_ATTRIBUTES.has(name));
  if (strange !== undefined) throw unreadable(`has an attribute "${vendorText(strange)}" on the result that is not known`);
  requireOwnDns(result, domain);
  if (result.text.trim() !== '') throw unreadable('has text between the hosts');
  if (result.children.length > MAX_HOSTS) throw unreadable(`has ${result.children.length} hosts, more than the ${MAX_HOSTS} a domain can have`);
  if (hasBrokenAttributeValue(reply.body)) throw unreadable('has a tab or line break inside a value, which XML does not keep');
  const rows = result.children.map((element, index) => readRow(element, index + 1, domain));
  const emailType = emailTypeOf(result, rows);
  refuseMerged(rows);
  const table = hostTableSchema.safeParse({ domain, emailType, rows });
  if (!table.success) throw unreadable('holds what a host list cannot');
  return { table: table.data, cautions: cautionsOf(rows) };
}

/** Rows that a write would merge: somebody would lose one of them. */
function refuseMerged(rows: readonly HostRow[]): void {
  const keys = new Set<string>();
  const mailServers = new Set<string>();
  for (const [index, row] of rows.entries()) {
    const identity = recordIdentity(row);
    if (row.type === 'MX' && mailServers.has(identity))
      throw locked(index + 1, row.name, row.type, 'its mail server stands there with another preference too, and a write keeps one of the two');
    if (keys.has(rowKey(row))) throw refused(index + 1, row.name, row.type, 'it stands there twice, and a write keeps one');
    if (row.type === 'MX') mailServers.add(identity);
    keys.add(rowKey(row));
  }
}

function requireOwnDns(result: XmlElement, domain: string): void {
  const own = booleanOf(result.attributes.get('isusingourdns'));
  if (own === null) throw unreadable('does not say whether the domain uses the DNS of Namecheap');
  if (own) return;
  throw namecheapError('namecheap_not_delegated', `${domain} does not use the DNS of Namecheap, so nothing of it can be written there.`, {
    hint: 'Configure the vendor whose name servers the domain uses, or switch it to Namecheap BasicDNS.',
  });
}

function emailTypeOf(result: XmlElement, rows: readonly HostRow[]): HostTable['emailType'] {
  const found = result.attributes.get('emailtype');
  const emailType = EMAIL_TYPES.find((known) => known === found);
  if (emailType === undefined)
    throw unreadable(
      found === undefined || found === ''
        ? 'has no EmailType; writing without it may switch the mail of the domain off'
        : `has the EmailType "${vendorText(found)}" that is not known; writing another one may switch the mail of the domain off`,
      { hint: 'Choose another mail setting for the domain at Namecheap, or delegate _acme-challenge of the names by CNAME.' },
    );
  const position = rows.findIndex(({ type }) => type === 'MX');
  if (position >= 0 && DROPS_MX.has(emailType))
    throw refused(position + 1, rows[position]?.name ?? '', 'MX', `a write with EmailType ${emailType} drops rows of this type`);
  return emailType;
}

function readRow(element: XmlElement, position: number, domain: string): HostRow {
  const text = (name: (typeof REQUIRED)[number]) => element.attributes.get(name) ?? '';
  const refuse = (why: string) => refused(position, text('name'), text('type'), why);
  if (element.name !== 'host' || element.children.length > 0 || element.text.trim() !== '') throw refuse('it is not a plain <host>');
  const strange = [...element.attributes.keys()].find((name) => !ROW_ATTRIBUTES.has(name));
  if (strange !== undefined) throw refuse(`its attribute "${vendorText(strange)}" is not known, and would be lost`);
  const missing = REQUIRED.find((name) => !element.attributes.has(name));
  if (missing !== undefined) throw refuse(`its attribute ${missing} is missing`);
  const type = HOST_TYPES.find((known) => known === text('type'));
  if (type === undefined) throw refuse(`its type cannot be written`);
  const dynamic = booleanOf(text('isddnsenabled'));
  const active = booleanOf(text('isactive'));
  if (dynamic === null || active === null) throw refuse('IsActive or IsDDNSEnabled is neither true nor false');
  if (dynamic) throw locked(position, text('name'), type, 'it is a dynamic DNS record, which a write turns into a plain one');
  if (!active) throw locked(position, text('name'), type, 'it is switched off, which a write does not keep');
  const row: HostRow = {
    name: text('name'),
    type,
    address: text('address'),
    mxPref: number(text('mxpref'), 0, 255),
    ttl: number(text('ttl'), TTL_RANGE.least, TTL_RANGE.most),
  };
  if (Number.isNaN(row.mxPref)) throw refuse('its MXPref is not a number from 0 to 255');
  if (Number.isNaN(row.ttl)) throw refuse(`its TTL is not a number from ${TTL_RANGE.least} to ${TTL_RANGE.most}`);
  const problem = rowProblem(row, domain);
  if (problem !== null) throw refuse(problem);
  return row;
}

/** Why the vendor would not keep a row as it is; null when it would. */
export function rowProblem({ name, type, address }: HostRow, domain: string): string | null {
  if (name === '' || UNKEEPABLE.test(name) || /\s/.test(name)) return 'its name is empty or holds characters that do not survive a write';
  // The vendor writes the whole domain as the name of an MXE row.
  if (name.length > MAX_HOST_NAME && name.toLowerCase() !== domain) return `its name is longer than ${MAX_HOST_NAME} characters`;
  if (address === '' || UNKEEPABLE.test(address)) return 'its value is empty or holds characters that do not survive a write';
  const most = type === 'TXT' || type === 'CAA' ? MAX_TXT : MAX_TARGET;
  return address.length > most ? `its value is longer than ${most} characters` : null;
}

function number(text: string, least: number, most: number): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : Number.NaN;
}

function cautionsOf(rows: readonly HostRow[]): string[] {
  return rows
    .filter(({ type, address }) => type === 'TXT' && address.includes('"'))
    .map(({ name }) => `The TXT record at ${vendorText(name)} holds quotation marks; other tools found that Namecheap does not always keep them.`);
}

const CHANGE_ROW = 'Change or remove that record at Namecheap, or delegate _acme-challenge of the names by CNAME.';

function refused(position: number, name: string, type: string, why: string): PerennialError {
  const place = placeOf(position, name, type);
  return unreadable(`cannot be written back: row ${place.text}: ${why}`, { hint: CHANGE_ROW, details: place.details });
}

function locked(position: number, name: string, type: string, why: string): PerennialError {
  const place = placeOf(position, name, type);
  return namecheapError('namecheap_locked', `The hosts at Namecheap cannot be written: row ${place.text}: ${why}.`, {
    hint: CHANGE_ROW,
    details: place.details,
  });
}

function placeOf(row: number, name: string, type: string): { text: string; details: { row: number; name: string; type: string } } {
  const shown = { name: name === '' ? 'without name' : vendorText(name), type: type === '' ? 'without type' : vendorText(type) };
  return { text: `${row} (${shown.name} ${shown.type})`, details: { row, ...shown } };
}
