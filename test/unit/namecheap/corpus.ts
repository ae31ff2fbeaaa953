/** The corpus of host lists (`corpus/*.txt`), and replies of the vendor made of them. */
import { readFileSync } from 'node:fs';
import type { HostRow, HostTable } from '../../../shared/namecheap/host-table.ts';

/** A line `name|type|address|preference|TTL`, then further attributes as `Name=value;Name=value`. */
export interface CorpusRow extends HostRow {
  attributes: Record<string, string>;
}
export interface CorpusSet {
  emailType: HostTable['emailType'];
  rows: CorpusRow[];
}

export function corpus(name: string): CorpusSet {
  const [head = '', ...lines] = readFileSync(new URL(`corpus/${name}.txt`, import.meta.url), 'utf8')
    .replace(/\n$/, '')
    .split('\n');
  const rows = lines.map((line): CorpusRow => {
    const [host = '', type = '', address = '', mxPref = '', ttl = '', more = ''] = line.split('|');
    const attributes = Object.fromEntries(more === '' ? [] : more.split(';').map((pair) => pair.split('=')));
    return { name: host, type: type as HostRow['type'], address, mxPref: Number(mxPref), ttl: Number(ttl), attributes };
  });
  return { emailType: head.replace('EmailType=', '') as HostTable['emailType'], rows };
}

export function tableOf({ emailType, rows }: CorpusSet, domain = 'example.com'): HostTable {
  return { domain, emailType, rows: rows.map(({ name, type, address, mxPref, ttl }) => ({ name, type, address, mxPref, ttl })) };
}

/** A `<host>` as live servers print it. */
export function hostElement({ name, type, address, mxPref, ttl, attributes }: CorpusRow): string {
  const all = {
    HostId: '746390',
    Name: name,
    Type: type,
    Address: address,
    MXPref: String(mxPref),
    TTL: String(ttl),
    AssociatedAppTitle: '',
    FriendlyName: '',
    IsActive: 'true',
    IsDDNSEnabled: 'false',
    ...attributes,
  };
  return `      <host ${Object.entries(all)
    .map(([key, value]) => `${key}="${escaped(value)}"`)
    .join(' ')} />`;
}

export function hostsReply({ emailType, rows }: CorpusSet, domain = 'example.com'): string {
  return reply('namecheap.domains.dns.getHosts', [
    `    <DomainDNSGetHostsResult Domain="${domain}" EmailType="${emailType}" IsUsingOurDNS="true">`,
    ...rows.map(hostElement),
    '    </DomainDNSGetHostsResult>',
  ]);
}

/** The envelope around the result of a command. */
export function reply(command: string, result: readonly string[]): string {
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<ApiResponse Status="OK" xmlns="http://api.namecheap.com/xml.response">',
    '  <Errors />',
    '  <Warnings />',
    `  <RequestedCommand>${command.toLowerCase()}</RequestedCommand>`,
    `  <CommandResponse Type="${command}">`,
    ...result,
    '  </CommandResponse>',
    '  <Server>PHX01APIEXT01</Server>',
    '  <GMTTimeDifference>--4:00</GMTTimeDifference>',
    '  <ExecutionTime>0.626</ExecutionTime>',
    '</ApiResponse>',
  ].join('\r\n');
}

/** An error in its envelope, with HTTP status 200. */
export function errorReply(number: number, text: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>\r\n<ApiResponse Status="ERROR" xmlns="http://api.namecheap.com/xml.response"><Errors><Error Number="${number}">${escaped(text)}</Error></Errors><Warnings /><RequestedCommand /><Server>PHX01APIEXT01</Server></ApiResponse>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
